//! Who is let in, as a running daemon sees it. Every request that needs a caller looks whether the file of tokens is another one
//! than was read, and reads it again where it is: what `provlogd token` changes holds from the next request on.
//!
//! The look is one system call for what the kernel has in memory, and a file is read where the request is: that happens once a
//! change, by whoever comes first. Where the file can't be read, nobody is let in until it can.

use crate::access::caller::{Caller, Refused, Who};
use crate::access::error::TokensError;
use crate::access::file::TokensFile;
use crate::access::peers::Peers;
use crate::access::role::Access;
use crate::access::secret::is_meant_by;
use crate::access::tokens::{Token, Tokens};
use crate::access::unrecognised;
use crate::access::workloads::IssuerRules;
use crate::files::FileIdentity;
use crate::http::codes::{
    AUTHORIZATION_MALFORMED, CALLER_MISSING, CALLERS_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_RULE,
    TOKEN_UNKNOWN,
};
use crate::http::forwarded::is_forwarded;
use crate::http::problem::Problem;
use crate::http::remote::Remote;
use crate::http::shown_chain::ShownChain;
use crate::identity::recognised::{Recognised, Unrecognised};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use provlog_core::time::rfc3339_s;
use rustix::process::geteuid;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The authentication scheme (RFC 6750).
const BEARER: &str = "Bearer";

/// Which bytes a token has in it (RFC 6750, section 2.1). Looked up: each byte of each request's token is.
static IS_OF_TOKEN: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < table.len() {
        let ascii = byte.to_le_bytes()[0];
        table[byte] =
            matches!(ascii, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=') || ascii.is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// Whom the settings name beside tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    /// Users over Unix sockets.
    pub(crate) peers: &'a Peers,
    /// Issuers, by what their workloads may do.
    pub(crate) rules: &'a [IssuerRules],
}

impl Named<'_> {
    /// Whether they name nobody.
    pub(crate) const fn is_empty(&self) -> bool {
        self.peers.is_empty() && self.rules.is_empty()
    }
}

/// The token in these headers that is for an issuer's keys to judge, if there is one: what isn't one of the log's own.
pub(crate) fn token_of_issuer(headers: &HeaderMap) -> Option<&str> {
    // Whoever sends none, or no token, is told so by the door.
    bearer(headers).ok().flatten().filter(|token| !is_meant_by(token))
}

/// The certificates by which whoever sent these headers is a workload of a trust domain, if it showed any: where no header says who it
/// is. What was passed on, by a proxy with a certificate of its own, isn't the proxy's.
pub(crate) fn certificate_of_domain(
    headers: &HeaderMap,
    remote: &Remote,
    named: Named<'_>,
) -> Option<Arc<ShownChain>> {
    let is_asked = named.rules.iter().any(|of_issuer| of_issuer.issuer.is_trust_domain());
    let is_own = !headers.contains_key(AUTHORIZATION) && !is_forwarded(headers);
    remote.shown.as_ref().filter(|_| is_asked && is_own).map(Arc::clone)
}

/// Who is let in.
#[derive(Debug)]
pub(crate) struct Callers {
    file: TokensFile,
    view: RwLock<View>,
    /// The user that the daemon runs as.
    own_uid: u32,
    /// Whether a listener asks for certificates. Whoever set that up doesn't mean to let in everybody on this machine.
    client_ca: bool,
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
    /// Those of the log in this folder; `client_ca` is whether a listener asks its clients for certificates.
    ///
    /// # Errors
    /// [`TokensError`], where a daemon that starts now couldn't tell who calls.
    pub(crate) fn open(data_dir: &Path, client_ca: bool) -> Result<Self, TokensError> {
        let file = TokensFile::of(data_dir);
        let view = match file.read()? {
            None => View { seen: Some(None), was_there: false, known: Known::None },
            Some((seen, tokens)) => {
                View { seen: Some(Some(seen)), was_there: true, known: Known::Tokens(tokens.into()) }
            }
        };
        Ok(Self { file, view: view.into(), own_uid: geteuid().as_raw(), client_ca })
    }

    /// Whoever sent these headers from there, if that may do this now. A token decides where there are any, even for a process whose
    /// user is known. A process that passes on what others ask lends them none of its rights. `recognised` is what came of the
    /// [`token_of_issuer`] in the headers, or of the [`certificate_of_domain`] where there is no header, where such are named.
    ///
    /// # Errors
    /// 400 for a header that isn't one, 401 for nobody that is known, 403 for another role, 503 while nobody can be known.
    pub(crate) fn enter(
        &self,
        headers: &HeaderMap,
        remote: &Remote,
        named: Named<'_>,
        recognised: Option<Result<Arc<Recognised>, Unrecognised>>,
        access: Access,
        now_s: impl FnOnce() -> u64,
    ) -> Result<Caller, Refused> {
        let tokens = self.tokens()?;
        // By the one token in the headers, or without any by a certificate.
        if let Some(recognised) = recognised {
            return workload(recognised, named.rules)?.let_in(access);
        }
        if (tokens.is_some() || !named.rules.is_empty())
            && let Some(presented) = bearer(headers)?
        {
            let Some(token) = tokens.as_ref().and_then(|tokens| tokens.find(presented)) else {
                return Err(
                    Problem::new(&TOKEN_UNKNOWN, "expected a token of this log, got another one").into()
                );
            };
            let who = Who::Token(Arc::clone(token));
            return match holds(token, now_s) {
                Ok(()) => who.let_in(access),
                Err(problem) => Err(who.refused(problem)),
            };
        }
        let open = tokens.is_none() && named.is_empty();
        match remote.uid {
            Some(uid) if !is_forwarded(headers) => {
                let peer = named.peers.peer(uid, self.own_uid, open && !self.client_ca);
                Who::Peer(peer.into()).let_in(access)
            }
            // A client CA somewhere closes every way in that doesn't ask for its certificates.
            _ if open && (!self.client_ca || remote.certified) => Who::Anonymous.let_in(access),
            _ => {
                let expected = match tokens {
                    Some(_) => "the header Authorization: Bearer <token>, got none",
                    None if !named.rules.is_empty() => {
                        "the header Authorization: Bearer <token> with a token of an issuer or a trust domain that the operator configured, or over TLS an X.509-SVID of one, where the listener asks for it, got none"
                    }
                    None if named.peers.is_empty() => {
                        "a certificate of the client CA, got a connection without one"
                    }
                    None => {
                        "a process of a user that a [[peer]] names, straight over a Unix socket, got another caller"
                    }
                };
                let detail = format!(
                    "expected {expected}; the log's operator makes tokens with provlogd token create"
                );
                Err(Problem::new(&CALLER_MISSING, detail).into())
            }
        }
    }

    /// Whether there are tokens: also where they can't be read, so that nobody is let in without one.
    pub(crate) fn has_tokens(&self) -> bool {
        !matches!(self.tokens(), Ok(None))
    }

    /// How callers are known, for clients.
    ///
    /// # Errors
    /// 503 while they can't be.
    pub(crate) fn method(&self, named: Named<'_>) -> Result<String, Problem> {
        let methods = [
            (self.tokens()?.is_some(), "tokens"),
            (!named.peers.is_empty(), "peers"),
            (named.rules.iter().any(|of_issuer| !of_issuer.issuer.is_trust_domain()), "oidc"),
            (named.rules.iter().any(|of_issuer| of_issuer.issuer.is_trust_domain()), "spiffe"),
        ];
        let methods: Vec<&str> = methods.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        Ok(match &methods[..] {
            [] if self.client_ca => "certificates".into(),
            [] => "none".into(),
            methods => methods.join(", "),
        })
    }

    /// Who is let in, in words.
    pub(crate) fn told(&self, named: Named<'_>, now_s: u64) -> String {
        let mut told = match self.tokens() {
            Ok(None) if named.is_empty() && self.client_ca => {
                return "whoever shows a certificate of the client CA; over Unix sockets this user, and root; there are no tokens".into();
            }
            Ok(None) if named.is_empty() => {
                return "anybody who reaches this address; there are no tokens".into();
            }
            Ok(None) => "no tokens".into(),
            Ok(Some(tokens)) => {
                let hold = tokens.rows().filter(|token| holds(token, || now_s).is_ok()).count();
                match tokens.rows().count() {
                    1 => format!("whoever has a token; of 1 token {hold} holds"),
                    count => format!("whoever has a token; of {count} tokens {hold} hold"),
                }
            }
            Err(problem) => return problem.detail().into(),
        };
        for (is_domain, whose) in [(false, "a token of "), (true, "an SVID of ")] {
            let of_these =
                named.rules.iter().filter(|of_issuer| of_issuer.issuer.is_trust_domain() == is_domain);
            let rules: Vec<usize> = of_these.map(|of_issuer| of_issuer.rules.len()).collect();
            if !rules.is_empty() {
                let what = if is_domain { "trust domain" } else { "issuer" };
                let (signers, rules) = (counted(rules.len(), what), counted(rules.iter().sum(), "rule"));
                told.push_str(&format!("; by {rules} whoever has {whose}{signers}"));
            }
        }
        let users = named.peers.0.len();
        if users > 0 {
            let are = if users == 1 { "is" } else { "are" };
            let users = counted(users, "user");
            told.push_str(&format!("; over Unix sockets {users} who {are} named, this one, and root"));
        }
        told
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
    if token.is_empty() || !token.bytes().all(|byte| IS_OF_TOKEN[usize::from(byte)]) {
        return refuse("what is no token behind Bearer");
    }
    Ok(Some(token))
}

/// The workload that a token was recognised as, with what the rules of its issuer grant it.
///
/// # Errors
/// 401 for nobody's token, 403 for one that meets no rule, 503 while that can't be told.
fn workload(
    recognised: Result<Arc<Recognised>, Unrecognised>,
    rules: &[IssuerRules],
) -> Result<Who, Refused> {
    let recognised = recognised.map_err(|error| unrecognised::problem(&error))?;
    let name = &recognised.issuer.name;
    let Some(of_issuer) = rules.iter().find(|of_issuer| of_issuer.issuer == *recognised.issuer) else {
        // A reload took the issuer out, or gave it another audience or other keys, while its token was looked at.
        return Err(unrecognised::problem(&Unrecognised::Issuer { got: name.to_string() }).into());
    };
    if let Some(caller) = of_issuer.caller(&recognised) {
        return Ok(Who::Workload(caller.into()));
    }
    // It is told what a rule would have to name. To this log it is nobody that is known: an issuer may sign tokens for anybody, under as
    // many names as they like, and these get neither accounts nor tallies nor entries of their own.
    let identity = &recognised.identity;
    let detail =
        format!("the workload {identity} meets none of the rules that the log's operator set for {name}");
    let expected = format!("a workload that meets a rule of {name}");
    Err(Problem::new(&TOKEN_RULE, detail).expected(expected, "one that meets none").into())
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
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
mod tests;
