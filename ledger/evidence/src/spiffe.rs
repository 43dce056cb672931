//! SPIFFE IDs and trust domains, as SPIFFE's own standard writes them and no looser.

use std::fmt;

const SCHEME: &str = "spiffe://";

/// Longest SPIFFE ID, in bytes.
pub const SPIFFE_ID_BYTES_MAX: usize = 2048;

/// Longest trust domain, in bytes.
pub const TRUST_DOMAIN_BYTES_MAX: usize = 255;

/// Who vouches for a SPIFFE ID: the name before its path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TrustDomain(String);

/// A workload's SPIFFE ID: a trust domain and a path that isn't empty.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    text: String,
}

/// Why a text is no SPIFFE ID of a workload.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SpiffeError {
    /// Another scheme.
    #[error("SPIFFE ID: expected it to start with spiffe://")]
    Scheme,
    /// More than any ID has.
    #[error("SPIFFE ID: expected at most {SPIFFE_ID_BYTES_MAX} bytes, got {0}")]
    Long(usize),
    /// A user, a port, uppercase, an escape, or nothing at all.
    #[error("trust domain: expected 1 to {TRUST_DOMAIN_BYTES_MAX} of a-z 0-9 . - _, got {0:?}")]
    TrustDomain(String),
    /// The ID of a trust domain itself, which no workload has.
    #[error("SPIFFE ID: expected a path behind the trust domain, got none")]
    NoPath,
    /// An empty segment, `.`, `..`, a query, a fragment, an escape.
    #[error("SPIFFE ID: expected segments of A-Z a-z 0-9 . - _ other than . and .., got {0:?}")]
    Segment(String),
}

impl TrustDomain {
    /// Reads a name alone, without scheme.
    ///
    /// # Errors
    /// What no trust domain is called.
    pub fn parse(name: &str) -> Result<Self, SpiffeError> {
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if (1..=TRUST_DOMAIN_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits) {
            Ok(Self(name.into()))
        } else {
            Err(SpiffeError::TrustDomain(name.into()))
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    /// As the ID of the domain itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0)
    }
}

impl SpiffeId {
    /// Whether a text looks like one to a loose reader; it must then be one.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        let scheme = text.trim_start().get(.."spiffe:".len());
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"))
    }

    /// Reads the ID of a workload.
    ///
    /// # Errors
    /// Whatever isn't one, byte for byte: nothing is made lowercase or decoded.
    pub fn parse(text: &str) -> Result<Self, SpiffeError> {
        if text.len() > SPIFFE_ID_BYTES_MAX {
            return Err(SpiffeError::Long(text.len()));
        }
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeError::Scheme)?;
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let trust_domain = TrustDomain::parse(name)?;
        if name.len() == rest.len() {
            return Err(SpiffeError::NoPath);
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        for segment in path.split('/') {
            if matches!(segment, "" | "." | "..") || !segment.bytes().all(fits) {
                return Err(SpiffeError::Segment(segment.into()));
            }
        }
        Ok(Self { trust_domain, text: text.into() })
    }

    /// Whose workload it is.
    #[must_use]
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// All of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_workloads_are_read_as_they_are() {
        for good in
            ["spiffe://example.org/ci", "spiffe://a/b", "spiffe://a_b-c.9/A-Z/._-/...", "spiffe://../x"]
        {
            let id = SpiffeId::parse(good).unwrap();
            assert_eq!(id.as_str(), good);
            assert!(good.starts_with(&format!("{}/", id.trust_domain())));
        }
        let longest = format!("spiffe://{}/{}", "a".repeat(255), "b".repeat(2048 - 9 - 255 - 1));
        assert_eq!(longest.len(), 2048);
        SpiffeId::parse(&longest).unwrap();
    }

    #[test]
    fn what_is_none_is_refused() {
        let cases = [
            ("", "start with spiffe://"),
            ("https://example.org/ci", "start with spiffe://"),
            ("SPIFFE://example.org/ci", "start with spiffe://"),
            ("spiffe:/example.org/ci", "start with spiffe://"),
            (" spiffe://example.org/ci", "start with spiffe://"),
            ("spiffe://example.org", "got none"),
            ("spiffe:///ci", "trust domain"),
            ("spiffe://Example.org/ci", "trust domain"),
            ("spiffe://user@example.org/ci", "trust domain"),
            ("spiffe://example.org:443/ci", "trust domain"),
            ("spiffe://ex%61mple.org/ci", "trust domain"),
            ("spiffe://example.org/", "segments"),
            ("spiffe://example.org//ci", "segments"),
            ("spiffe://example.org/ci/", "segments"),
            ("spiffe://example.org/./ci", "segments"),
            ("spiffe://example.org/../ci", "segments"),
            ("spiffe://example.org/c%69", "segments"),
            ("spiffe://example.org/ci?a=b", "segments"),
            ("spiffe://example.org/ci#a", "segments"),
            ("spiffe://example.org/ci\n", "segments"),
            ("spiffe://example.org?a=b/ci", "trust domain"),
            ("spiffe://example.org/\u{e9}", "segments"),
        ];
        for (bad, expected) in cases {
            let error = SpiffeId::parse(bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad}: {error}");
        }
        let long = format!("spiffe://a/{}", "b".repeat(2048));
        assert!(matches!(SpiffeId::parse(&long), Err(SpiffeError::Long(2059))));
        let long = format!("spiffe://{}/b", "a".repeat(256));
        assert!(matches!(SpiffeId::parse(&long), Err(SpiffeError::TrustDomain(_))));
    }
}
