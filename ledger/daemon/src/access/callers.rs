//! Who is let in, as a running daemon sees it. Every request that needs a caller looks whether the file of tokens is another one
//! than was read, and reads it again where it is: what `provlogd token` changes holds from the next request on.
//!
//! The look is one system call for what the kernel has in memory, and a file is read where the request is: that happens once a
//! change, by whoever comes first. Where the file can't be read, nobody is let in until it can.

use crate::access::caller::Caller;
use crate::access::error::TokensError;
use crate::access::file::TokensFile;
use crate::access::role::Access;
use crate::access::tokens::{Token, Tokens};
use crate::files::FileIdentity;
use crate::http::codes::{
    AUTHORIZATION_MALFORMED, CALLER_MISSING, CALLERS_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_UNKNOWN,
};
use crate::http::problem::Problem;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use provlog_core::time::rfc3339_s;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The authentication scheme (RFC 6750).
const BEARER: &str = "Bearer";

/// Who is let in.
#[derive(Debug)]
pub(crate) struct Callers {
    file: TokensFile,
    view: RwLock<View>,
}

/// What came of the last look.
#[derive(Debug)]
struct View {
    /// The file that was there, or that none was. Nothing where the system refused the look, which is then made again.
    seen: Option<Option<FileIdentity>>,
    /// Whether a file was ever there while this daemon ran.
    was_there: bool,
    known: Known,
}

/// What is known of tokens.
#[derive(Clone, Debug)]
enum Known {
    /// That there are none, and never were: everybody is let in.
    None,
    /// All of them.
    Tokens(Arc<Tokens>),
    /// Nothing, for this reason: nobody is let in.
    Nothing(Arc<str>),
}

impl Callers {
    /// Those of the log in this folder.
    ///
    /// # Errors
    /// [`TokensError`], where a daemon that starts now couldn't tell who calls.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, TokensError> {
        let file = TokensFile::of(data_dir);
        let view = match file.read()? {
            None => View { seen: Some(None), was_there: false, known: Known::None },
            Some((seen, tokens)) => {
                View { seen: Some(Some(seen)), was_there: true, known: Known::Tokens(tokens.into()) }
            }
        };
        Ok(Self { file, view: view.into() })
    }

    /// Whoever sent these headers, if that may do this now.
    ///
    /// # Errors
    /// 400 for a header that isn't one, 401 for nobody that is known, 403 for another role, 503 while nobody can be known.
    pub(crate) fn enter(
        &self,
        headers: &HeaderMap,
        access: Access,
        now_s: impl FnOnce() -> u64,
    ) -> Result<Caller, Problem> {
        let Some(tokens) = self.tokens()? else { return Ok(Caller::anonymous()) };
        let Some(presented) = bearer(headers)? else {
            let detail = "expected the header Authorization: Bearer <token>, got none; the log's operator makes tokens with provlogd token create";
            return Err(Problem::new(&CALLER_MISSING, detail));
        };
        let Some(token) = tokens.find(presented) else {
            return Err(Problem::new(&TOKEN_UNKNOWN, "expected a token of this log, got another one"));
        };
        let entered = holds(token, now_s).and_then(|()| Caller::of_token(token, access));
        if let Err(problem) = &entered {
            tracing::info!(token = token.name, code = problem.code().code, "a known caller was refused");
        }
        entered
    }

    /// Whether there are tokens: also where they can't be read, so that nobody is let in without one.
    pub(crate) fn has_tokens(&self) -> bool {
        !matches!(self.tokens(), Ok(None))
    }

    /// How callers are known, for people and for clients.
    ///
    /// # Errors
    /// 503 while they can't be.
    pub(crate) fn method(&self) -> Result<&'static str, Problem> {
        Ok(match self.tokens()? {
            None => "none",
            Some(_) => "tokens",
        })
    }

    /// Who is let in, in words.
    pub(crate) fn told(&self, now_s: u64) -> String {
        match self.tokens() {
            Ok(None) => "anybody who reaches this address; there are no tokens".into(),
            Ok(Some(tokens)) => {
                let hold = tokens.rows().filter(|token| holds(token, || now_s).is_ok()).count();
                format!("whoever has a token; of {} tokens {hold} hold", tokens.rows().count())
            }
            Err(problem) => problem.detail().into(),
        }
    }

    /// The tokens, as the file has them now; none where there never were any.
    ///
    /// # Errors
    /// 503 while that isn't known.
    fn tokens(&self) -> Result<Option<Arc<Tokens>>, Problem> {
        let now = self.file.identity();
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let known = match now {
            Ok(now) if view.seen == Some(now) => view.known.clone(),
            _ => {
                drop(view);
                self.look_again()
            }
        };
        match known {
            Known::None => Ok(None),
            Known::Tokens(tokens) => Ok(Some(tokens)),
            Known::Nothing(_) => {
                let detail = "the file of tokens can't be read, so that nobody is let in; the daemon's own log says why";
                Err(Problem::new(&CALLERS_UNKNOWN, detail).retry_later())
            }
        }
    }

    /// Reads the file, and says once where that is no use.
    fn look_again(&self) -> Known {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        // Before it is read: a file that takes its place meanwhile is then found by the next look.
        let before = self.file.identity();
        if matches!(before, Ok(now) if view.seen == Some(now)) {
            // Somebody else was quicker.
            return view.known.clone();
        }
        view.was_there |= matches!(before, Ok(Some(_)));
        let (seen, known) = match self.file.read() {
            Ok(Some((seen, tokens))) => {
                view.was_there = true;
                tracing::info!(tokens = tokens.rows().count(), "the file of tokens was read");
                (Some(Some(seen)), Known::Tokens(tokens.into()))
            }
            Ok(None) if view.was_there => (Some(None), unknown(&self.file.gone(), &view.known)),
            Ok(None) => (Some(None), Known::None),
            // Too many open files, say: it may pass without another file.
            Err(error @ TokensError::Io { .. }) => (None, unknown(&error, &view.known)),
            Err(error) => (before.ok(), unknown(&error, &view.known)),
        };
        (view.seen, view.known) = (seen, known.clone());
        known
    }
}

/// That nothing is known, which is logged unless it was already.
fn unknown(error: &TokensError, before: &Known) -> Known {
    let why = error.to_string();
    if !matches!(before, Known::Nothing(told) if **told == *why) {
        tracing::error!(%error, "who calls can't be told: every request that needs a caller is refused");
    }
    Known::Nothing(why.into())
}

/// What stands in the one `Authorization` header, if there is one.
///
/// # Errors
/// 400 for several, and for anything but `Bearer` and a token. Nothing of it is told.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), second) = (values.next(), values.next()) else { return Ok(None) };
    let refuse = |got: &str| {
        let expected = "one header Authorization: Bearer <token>";
        let detail = format!("expected {expected}, got {got}");
        Err(Problem::new(&AUTHORIZATION_MALFORMED, detail).expected(expected, got))
    };
    if second.is_some() {
        return refuse("several");
    }
    // Whoever reads a header as bytes and whoever reads it as text must not see two tokens in it.
    let Some((scheme, token)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return refuse("something else");
    };
    if !scheme.eq_ignore_ascii_case(BEARER) {
        return refuse("another scheme");
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return refuse("what is no token behind Bearer");
    }
    Ok(Some(token))
}

/// Whether a token holds still. Told only to whoever has it.
fn holds(token: &Token, now_s: impl FnOnce() -> u64) -> Result<(), Problem> {
    if let Some(revoked_s) = token.revoked_s {
        let detail = format!("the token {} was revoked on {}", token.name, rfc3339_s(revoked_s));
        return Err(Problem::new(&TOKEN_REVOKED, detail));
    }
    if token.expires.is_past(now_s()) {
        let detail = format!("the token {} ended on {}", token.name, token.expires.to_text());
        return Err(Problem::new(&TOKEN_EXPIRED, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::date::Expiry;
    use crate::access::role::Role;
    use crate::access::secret::Secret;
    use crate::access::tokens::tests::token;
    use crate::http::codes::{Code, ROLE_DENIED};
    use axum::http::HeaderValue;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn fixture() -> (TempDir, Callers) {
        let folder = tempfile::tempdir().unwrap();
        let callers = Callers::open(folder.path()).unwrap();
        (folder, callers)
    }

    fn add(folder: &TempDir, name: &str, role: Role) -> Secret {
        let secret = Secret::draw().unwrap();
        let added = |tokens: &mut Tokens| tokens.add(token(&secret, name, &[role]));
        TokensFile::of(folder.path()).change(added).unwrap();
        secret
    }

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    }

    /// Who is let in to append, at second 0, or why nobody is.
    fn enter(callers: &Callers, values: &[&str]) -> Result<String, &'static Code> {
        let entered = callers.enter(&headers(values), Access::Append, || 0);
        entered.map(|caller| caller.identity().into_owned()).map_err(|problem| problem.code())
    }

    fn with(secret: &Secret) -> String {
        format!("Bearer {}", secret.reveal())
    }

    #[test]
    fn what_is_changed_holds_from_the_next_request_on() {
        let (folder, callers) = fixture();
        assert_eq!(enter(&callers, &["Bearer whatever"]).as_deref(), Ok("anonymous"));
        let first = add(&folder, "first", Role::Append);
        assert_eq!(enter(&callers, &[]), Err(&CALLER_MISSING));
        assert_eq!(enter(&callers, &[&with(&first)]).as_deref(), Ok("token:first"));
        let reads = add(&folder, "reads", Role::Read);
        assert_eq!(enter(&callers, &[&with(&reads)]), Err(&ROLE_DENIED));
        TokensFile::of(folder.path()).change(|tokens| tokens.revoke("first", 0)).unwrap();
        assert_eq!(enter(&callers, &[&with(&first)]), Err(&TOKEN_REVOKED));
    }

    #[test]
    fn a_header_is_one_scheme_and_one_token() {
        let (folder, callers) = fixture();
        let secret = add(&folder, "ci", Role::Append);
        let (right, text) = (with(&secret), secret.reveal());
        for fine in [right.clone(), format!("bearer {text}"), format!("BEARER {text}")] {
            assert_eq!(enter(&callers, &[&fine]).as_deref(), Ok("token:ci"), "{fine}");
        }
        let malformed: [&[&str]; 9] = [
            &[&right, &right],
            &[&right, "Basic x"],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &[text],
            &[&format!("Basic {text}")],
            &[&format!("Bearer  {text}")],
            &[&format!("Bearer {text}, {text}")],
        ];
        for values in malformed {
            assert_eq!(enter(&callers, values), Err(&AUTHORIZATION_MALFORMED), "{values:?}");
        }
        let mut bytes = HeaderMap::new();
        bytes.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap());
        let refused = callers.enter(&bytes, Access::Append, || 0).unwrap_err();
        assert_eq!(refused.code(), &AUTHORIZATION_MALFORMED);
        for other in
            ["Bearer x", &with(&Secret::draw().unwrap()), &right[..right.len() - 1], &format!("{right}=")]
        {
            assert_eq!(enter(&callers, &[other]), Err(&TOKEN_UNKNOWN), "{other}");
        }
        for values in malformed {
            let refused = callers.enter(&headers(values), Access::Append, || 0).unwrap_err();
            assert!(!refused.to_json().contains(text), "no token is told");
        }
    }

    #[test]
    fn a_token_ends_by_the_clock() {
        let (folder, callers) = fixture();
        let secret = Secret::draw().unwrap();
        let token = Token { expires: Expiry::At(1_000), ..token(&secret, "ci", &[Role::Append]) };
        TokensFile::of(folder.path()).change(|tokens| tokens.add(token)).unwrap();
        let at = |now_s| callers.enter(&headers(&[&with(&secret)]), Access::Append, || now_s);
        assert!(at(999).is_ok());
        assert_eq!(at(1_000).unwrap_err().code(), &TOKEN_EXPIRED);
        assert_eq!((callers.told(999), callers.told(1_000)).0, "whoever has a token; of 1 tokens 1 hold");
    }

    #[test]
    fn while_the_tokens_are_not_known_nobody_is_let_in() {
        let (folder, callers) = fixture();
        let secret = add(&folder, "ci", Role::Append);
        let right = with(&secret);
        let (path, aside) = (folder.path().join("tokens"), folder.path().join("aside"));
        let expect_known = || assert_eq!(enter(&callers, &[&right]).as_deref(), Ok("token:ci"));
        let expect_unknown = || {
            for values in [&[][..], &[&*right], &["Basic x"]] {
                assert_eq!(enter(&callers, values), Err(&CALLERS_UNKNOWN));
            }
            assert_eq!(callers.method().unwrap_err().code(), &CALLERS_UNKNOWN);
        };
        expect_known();
        let allow = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        allow(0o644);
        expect_unknown();
        allow(0o600);
        expect_known();

        let text = fs::read_to_string(&path).unwrap();
        for damaged in
            ["", "version = 1\n", &text[..text.len() / 2], &text.replace("version = 1", "version = 2")]
        {
            fs::write(&path, damaged).unwrap();
            if damaged == "version = 1\n" {
                assert_eq!(enter(&callers, &[&right]), Err(&TOKEN_UNKNOWN), "no tokens are not: everybody");
            } else {
                expect_unknown();
            }
        }
        fs::write(&path, &text).unwrap();
        expect_known();

        fs::rename(&path, &aside).unwrap();
        expect_unknown();
        fs::remove_file(folder.path().join("tokens.lock")).unwrap();
        expect_unknown();
        fs::rename(&aside, &path).unwrap();
        expect_known();

        fs::rename(&path, &aside).unwrap();
        fs::create_dir(&path).unwrap();
        expect_unknown();
        fs::remove_dir(&path).unwrap();
        expect_unknown();
    }

    #[test]
    fn a_start_without_the_tokens_that_were_there_is_refused() {
        let (folder, _) = fixture();
        add(&folder, "ci", Role::Append);
        fs::remove_file(folder.path().join("tokens")).unwrap();
        assert!(matches!(Callers::open(folder.path()), Err(TokensError::Gone { .. })));
    }
}
