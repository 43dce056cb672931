//! Why handshakes come to nothing: a small set of reasons, which is all that is counted of them.

use std::io;

/// Why a handshake came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandshakeFailure {
    /// It took longer than it may.
    Timeout,
    /// Too many were under way, and it was the oldest of the larger crowd.
    TooMany,
    /// A certificate is demanded, and the client has none.
    NoCertificate,
    /// The client's certificate isn't one that is taken here.
    BadCertificate,
    /// The client doesn't take what it is shown: our certificate, most often.
    RefusedByClient,
    /// The client was gone before the end.
    Gone,
    /// The client speaks without TLS.
    ClearText,
    /// Not TLS as it is spoken here: an old version, another protocol under it.
    Protocol,
}

impl HandshakeFailure {
    /// The reason, as the metric has it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::TooMany => "too-many",
            Self::NoCertificate => "no-certificate",
            Self::BadCertificate => "bad-certificate",
            Self::RefusedByClient => "refused-by-client",
            Self::Gone => "gone",
            Self::ClearText => "clear-text",
            Self::Protocol => "protocol",
        }
    }

    /// What an error in the middle of a handshake means.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(rustls::Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(rustls::Error::InvalidCertificate(_)) => Self::BadCertificate,
            Some(rustls::Error::AlertReceived(_)) => Self::RefusedByClient,
            Some(_) => Self::Protocol,
            None if error.kind() == io::ErrorKind::TimedOut => Self::Timeout,
            None => Self::Gone,
        }
    }
}
