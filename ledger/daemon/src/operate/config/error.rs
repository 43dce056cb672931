//! Why settings can't be used, each with where it was set.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value was set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WhereSet {
    /// By this flag, with its dashes.
    Flag(String),
    /// By this variable of the environment.
    Variable(String),
    /// In the file.
    File {
        /// What `--config` names.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// Its name there.
        key: String,
    },
    /// Nowhere: it is the default of this setting.
    Default(&'static str),
}

impl fmt::Display for WhereSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File { file, line, column, key } => {
                write!(f, "{}:{line}:{column}: {key}", file.display())
            }
            Self::Default(key) => f.write_str(key),
        }
    }
}

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("configuration {}: {error}", file.display())]
    Read {
        /// What `--config` names.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The file isn't TOML.
    #[error("{}:{line}:{column}: expected TOML: {problem}", file.display())]
    Syntax {
        /// What `--config` names.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A key that nobody knows.
    #[error("{place}: unknown key; expected one of {known}")]
    Unknown {
        /// Where.
        place: WhereSet,
        /// The keys that there are.
        known: String,
    },
    /// A value that the setting can't have.
    #[error("{place}: {problem}")]
    Value {
        /// Where.
        place: WhereSet,
        /// What was expected, and what was got.
        problem: String,
    },
    /// A key that a table must have.
    #[error("{place}: expected the key {key} in this table, got none")]
    Missing {
        /// The table.
        place: WhereSet,
        /// The key.
        key: &'static str,
    },
    /// A credential, and no service manager that handed some over.
    #[error(
        "{place}: expected credentials in the folder that $CREDENTIALS_DIRECTORY names, got no such variable; start it as a systemd service with LoadCredential={name}:FILE, or name the file itself"
    )]
    NoCredentials {
        /// Where.
        place: WhereSet,
        /// The credential.
        name: String,
    },
    /// A certificate without a key, or a key without a certificate.
    #[error("{place}: expected {lacks} beside it, got none: TLS takes both; set {lacks}, or leave this out")]
    HalfTls {
        /// Of what is there.
        place: WhereSet,
        /// The key that isn't there.
        lacks: &'static str,
    },
    /// Certificates of clients that are demanded, and such that aren't.
    #[error(
        "{place}: expected no tls_client_ca beside it, got both: a client CA demands a certificate of every client, and this demands none; give each a [[listener]] of its own"
    )]
    SvidsBesideCa {
        /// Of the setting for SVIDs.
        place: WhereSet,
    },
    /// TLS where the kernel itself says who is at the other end.
    #[error("{place}: expected no TLS on a Unix socket, which no other machine reaches; leave it out")]
    TlsOnUnix {
        /// Of the TLS setting.
        place: WhereSet,
    },
    /// TLS for a listener that there isn't.
    #[error(
        "{place}: it is for the listener of the setting listen, got none: set listen too, or put this into its [[listener]]"
    )]
    TlsWithoutListener {
        /// Of the TLS setting.
        place: WhereSet,
    },
    /// Two listeners that would need one address.
    #[error("{place}: expected another address than the other listeners have, got {address} a second time")]
    SameAddress {
        /// Of the second one.
        place: WhereSet,
        /// The address.
        address: String,
    },
    /// Nowhere to listen.
    #[error(
        "{place}: expected at least one [[listener]], got none; leave the empty array out, or set listen"
    )]
    NoListener {
        /// Of the empty array.
        place: WhereSet,
    },
    /// Others could listen, and change what is said.
    #[error(
        "{place}: other machines reach {address}, and it is without TLS: whoever is on the way reads and changes what is said, tokens included. Set tls_certificate and tls_key; or listen on 127.0.0.1; or, behind a proxy that ends TLS and a network that is yours, set allow_clear_text = true (--allow-clear-text)"
    )]
    ClearText {
        /// Of the address.
        place: WhereSet,
        /// The address.
        address: String,
    },
    /// Two issuers of one name.
    #[error(
        "{place}: expected one [[issuer]] of a url, got a second one of {url}; put its rules into the first"
    )]
    SameIssuer {
        /// Of the second one.
        place: WhereSet,
        /// The URL.
        url: String,
    },
    /// Two trust domains of one name.
    #[error(
        "{place}: expected one [[trust_domain]] of a name, got a second one of {name}; put its rules into the first"
    )]
    SameTrustDomain {
        /// Of the second one.
        place: WhereSet,
        /// Its name.
        name: String,
    },
    /// A user with two rows.
    #[error(
        "{place}: expected one [[peer]] for a user, got a second one for {uid}; put its roles into the first"
    )]
    SameUser {
        /// Of the second one.
        place: WhereSet,
        /// The user.
        uid: u32,
    },
}
