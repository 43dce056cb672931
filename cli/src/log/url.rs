//! What a log's URL says: over what the log is asked, and whether that ends on this machine.

use super::identity::IdentityError;
use super::roots::RootsError;
use crate::local::settings::URL;
use crate::show::failure::Failure;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use ureq::ProxyProtocol;
use ureq::http::Uri;

/// What the URL of a log on a Unix socket begins with.
const UNIX: &str = "unix:";

/// Longest path of a socket, in bytes: what the system's address of one holds, without the zero at its end.
const SOCKET_BYTES_MAX: usize = 107;

/// Where a log is.
#[derive(Debug)]
pub(super) struct LogUrl {
    /// As it was written, without a final slash.
    text: String,
    pub(super) way: Way,
}

/// Over what a log is asked.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Way {
    Clear(Uri),
    Tls(Uri),
    Unix(PathBuf),
}

/// An address that isn't a log's, or to which there is no way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlError {
    #[error("{0:?}: expected a URL such as https://log.example.com, {URL} or unix:/run/provlogd/socket")]
    Form(String),
    #[error("{0}: expected the path of a socket, of at most {SOCKET_BYTES_MAX} bytes, got {1}")]
    SocketPath(String, usize),
    /// It isn't shown, since it may be a secret.
    #[error(
        "expected a URL without a user or password; a log is asked with a token, from --token-file FILE or PROVLOG_TOKEN"
    )]
    User,
    #[error(
        "{0}: a token would go there in clear, for whoever is on the way; nothing was sent. Use https://, or http:// to this machine \
         alone, or ask without a token"
    )]
    TokenInClear(String),
    #[error(
        "{0}: this address came with the repository, and whoever changes that may have written it, to get at your token; nothing was \
         sent. If it is right, name it yourself, with --url, PROVLOG_URL or `url` in config.toml in the home directory's .provlog, and \
         where its certificate is of a CA of its own, that too, with --ca FILE, PROVLOG_CA or `ca` beside that `url`"
    )]
    TokenAbroad(String),
    #[error(
        "{0}: this address came with the repository, and whoever changes that may have written it, to get at what proves a workload; \
         nothing was sent. If it is right, name it yourself, with --url, PROVLOG_URL or `url` in config.toml in the home directory's \
         .provlog"
    )]
    ProofAbroad(String),
    /// It isn't shown: nothing but GitHub writes it, and it is of one job.
    #[error(
        "ACTIONS_ID_TOKEN_REQUEST_URL: expected an https:// URL, or one of http:// to this machine, got something else"
    )]
    JobUrl,
    #[error(
        "the environment names a {0} proxy, and this program goes through http:// and https:// ones alone; set HTTPS_PROXY to such a \
         one, or the log's name in NO_PROXY"
    )]
    Proxy(ProxyProtocol),
    #[error(
        "{0}: this address came with the repository, and whoever changes that may have written it; no client's certificate was shown. \
         If it is right, name it yourself, with --url, PROVLOG_URL or `url` in config.toml in the home directory's .provlog"
    )]
    IdentityAbroad(String),
    #[error(
        "{0}: a client's certificate is shown over https:// alone; ask without --client-cert and --client-key, or use https://"
    )]
    IdentityInClear(String),
    /// What it holds may be a password, and isn't told.
    #[error("{0}: expected the URL of a proxy, such as http://proxy.example.com:3128, got something else")]
    ProxyForm(String),
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl From<UrlError> for Failure {
    fn from(error: UrlError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl LogUrl {
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let form = || if text.contains('@') { UrlError::User } else { UrlError::Form(text.into()) };
        if let Some(path) = text.strip_prefix(UNIX) {
            let is_path = path.starts_with('/') && !path.contains('\0');
            return if path.len() > SOCKET_BYTES_MAX {
                Err(UrlError::SocketPath(text.into(), path.len()))
            } else if is_path {
                Ok(Self { text: text.into(), way: Way::Unix(path.into()) })
            } else {
                Err(form())
            };
        }
        let base = text.trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|_| form())?;
        let authority = uri.authority().ok_or_else(form)?;
        if authority.host().is_empty() || authority.as_str().contains('@') || uri.query().is_some() {
            return Err(form());
        }
        let way = match uri.scheme_str() {
            Some("http") => Way::Clear(uri),
            Some("https") => Way::Tls(uri),
            _ => return Err(form()),
        };
        Ok(Self { text: base.into(), way })
    }

    /// What a path of the log is asked under. Over a Unix socket its name stands for nothing but the `Host` header.
    pub(super) fn request(&self, path: &str) -> String {
        match self.way {
            Way::Clear(_) | Way::Tls(_) => format!("{}{path}", self.text),
            Way::Unix(_) => format!("http://localhost{path}"),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the log is on this machine, as far as its name tells.
    pub(super) fn is_here(&self) -> bool {
        match &self.way {
            Way::Clear(uri) | Way::Tls(uri) => uri.host().is_some_and(is_this_machine),
            Way::Unix(_) => true,
        }
    }

    pub(super) const fn is_tls(&self) -> bool {
        matches!(self.way, Way::Tls(_))
    }

    /// Whether nobody on the way can read along.
    pub(super) fn is_private(&self) -> bool {
        self.is_tls() || self.is_here()
    }
}

impl fmt::Display for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// RFC 3986, section 2.1: everything but the unreserved characters.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        for (text, base, request) in [
            ("http://127.0.0.1:4180/", "http://127.0.0.1:4180", "http://127.0.0.1:4180/checkpoint"),
            (
                "HTTPS://log.example.com/a/",
                "HTTPS://log.example.com/a",
                "HTTPS://log.example.com/a/checkpoint",
            ),
            ("unix:/run/a b/socket", "unix:/run/a b/socket", "http://localhost/checkpoint"),
        ] {
            let url = LogUrl::parse(text).unwrap();
            assert_eq!((url.text(), &*url.request("/checkpoint")), (base, request));
        }
        for bad in [
            "127.0.0.1:4180",
            "ftp://example.com",
            "http://",
            "",
            "http:///x",
            "https://a?b",
            "unix:",
            "unix:socket",
            "unix:/a\0",
        ] {
            assert!(matches!(LogUrl::parse(bad), Err(UrlError::Form(_))), "{bad}");
        }
        let long = |length: usize| LogUrl::parse(&format!("unix:/{}", "x".repeat(length - 1)));
        long(107).unwrap();
        let error = long(108).unwrap_err().to_string();
        assert!(error.contains("at most 107 bytes, got 108"), "{error}");
        for bad in
            ["https://me:secret@example.com", "https://me:secret @example.com", "ftp://secret@example.com"]
        {
            let error = LogUrl::parse(bad).unwrap_err();
            assert!(matches!(error, UrlError::User) && !error.to_string().contains("secret"), "{bad}");
        }
    }

    #[test]
    fn loopback_is_told_from_the_rest() {
        let is_here = |url: &str| LogUrl::parse(url).unwrap().is_here();
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:1"] {
            assert!(is_here(&format!("http://{host}")) && is_here(&format!("https://{host}")), "{host}");
        }
        for host in ["example.com", "10.0.0.1", "[::2]", "localhost.example.com"] {
            assert!(!is_here(&format!("http://{host}")), "{host}");
        }
        assert!(is_here("unix:/socket"));
    }
}
