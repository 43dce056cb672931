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
use crate::access::tokens::{Token, Tokens};
use crate::files::FileIdentity;
use crate::http::codes::{
    AUTHORIZATION_MALFORMED, CALLER_MISSING, CALLERS_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_UNKNOWN,
};
use crate::http::forwarded::is_forwarded;
use crate::http::problem::Problem;
use crate::http::remote::Remote;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use provlog_core::time::rfc3339_s;
use rustix::process::geteuid;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The authentication scheme (RFC 6750).
const BEARER: &str = "Bearer";

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
    /// user is known. A process that passes on what others ask lends them none of its rights.
    ///
    /// # Errors
    /// 400 for a header that isn't one, 401 for nobody that is known, 403 for another role, 503 while nobody can be known.
    pub(crate) fn enter(
        &self,
        headers: &HeaderMap,
        remote: &Remote,
        peers: &Peers,
        access: Access,
        now_s: impl FnOnce() -> u64,
    ) -> Result<Caller, Refused> {
        let tokens = self.tokens()?;
        if let Some(tokens) = &tokens
            && let Some(presented) = bearer(headers)?
        {
            let Some(token) = tokens.find(presented) else {
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
        let open = tokens.is_none() && peers.is_empty();
        match remote.uid {
            Some(uid) if !is_forwarded(headers) => {
                let peer = peers.peer(uid, self.own_uid, open && !self.client_ca);
                Who::Peer(peer.into()).let_in(access)
            }
            // A client CA somewhere closes every way in that doesn't ask for its certificates.
            _ if open && (!self.client_ca || remote.certified) => Who::Anonymous.let_in(access),
            _ => {
                let expected = match tokens {
                    Some(_) => "the header Authorization: Bearer <token>, got none",
                    None if peers.is_empty() => {
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
    pub(crate) fn method(&self, peers: &Peers) -> Result<&'static str, Problem> {
        Ok(match (self.tokens()?, peers.is_empty()) {
            (None, true) if self.client_ca => "certificates",
            (None, true) => "none",
            (None, false) => "peers",
            (Some(_), true) => "tokens",
            (Some(_), false) => "tokens, peers",
        })
    }

    /// Who is let in, in words.
    pub(crate) fn told(&self, peers: &Peers, now_s: u64) -> String {
        let tokens = match self.tokens() {
            Ok(None) if peers.is_empty() && self.client_ca => {
                return "whoever shows a certificate of the client CA; over Unix sockets this user, and root; there are no tokens".into();
            }
            Ok(None) if peers.is_empty() => {
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
        match peers.0.len() {
            0 => tokens,
            1 => format!("{tokens}; over Unix sockets 1 user who is named, this one, and root"),
            users => format!("{tokens}; over Unix sockets {users} users who are named, this one, and root"),
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
mod tests;
