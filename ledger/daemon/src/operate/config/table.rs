//! Every setting of the daemon, once: its name, what it takes, its default, and whether a running daemon takes another value.
//! Flags, variables, the file, `provlogd config default`, and what a reload tells all go by this table.

use crate::http::body::LEFT_TO_SINGLES;
use provlog_core::limits::BATCH_BYTES_MAX;
use provlog_engine::frame::FRAME_BYTES_MAX;
use std::borrow::Cow;

/// The least of `body_bytes_max`: one of the largest batches, as it came and as it is written, beside what is left to single
/// appends. Fewer would refuse such a batch for ever.
const BODY_BYTES_MAX_LEAST: usize = BATCH_BYTES_MAX + FRAME_BYTES_MAX + LEFT_TO_SINGLES;

/// Most connections that can be asked for: with 64 KiB of buffer each they may hold 4 GiB.
const CONNECTIONS_MAX_MOST: u64 = 65_536;

/// A setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in the file; flag and variable follow from it.
    pub(crate) key: &'static str,
    /// What its flag takes, in one word.
    pub(crate) takes: &'static str,
    pub(crate) form: Form,
    /// What holds where nobody sets it.
    pub(crate) unset: Unset,
    /// Whether a running daemon takes another value on SIGHUP.
    pub(crate) live: bool,
    /// What it does, with its unit.
    pub(crate) help: &'static str,
}

/// What kind of value a setting has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// `true` or `false`.
    Switch,
    /// A whole number within these bounds.
    Number { least: u64, most: u64 },
    /// A text.
    Text,
    /// A path.
    Path,
    /// A path, or `credential:` and the name of a credential.
    Credential,
    /// Texts; in flags and variables with commas between them.
    List,
}

/// What holds where nobody sets a setting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unset {
    /// This value, as a flag would have it.
    Is(&'static str),
    /// No value. The words say what happens then; the example is a value of those that it could have.
    None { words: &'static str, example: &'static str },
}

const fn number(least: u64, most: u64) -> Form {
    Form::Number { least, most }
}

/// Milliseconds without which nothing would ever be answered.
const SOME_MS: Form = number(1, u64::MAX);

const fn none(words: &'static str, example: &'static str) -> Unset {
    Unset::None { words, example }
}

pub(crate) static DATA_DIR: Setting = Setting {
    key: "data_dir",
    takes: "DIR",
    form: Form::Path,
    unset: Unset::Is("./provlog-data"),
    live: false,
    help: "Folder of the log, made at the first start; where the file or the variable names it, `provlogd init` alone makes a log",
};

pub(crate) static MUST_EXIST: Setting = Setting {
    key: "must_exist",
    takes: "BOOL",
    form: Form::Switch,
    unset: Unset::Is("false"),
    live: false,
    help: "Never makes a log: without one in the data folder the start is refused",
};

/// Where the daemon listens when nothing is said.
pub(crate) const LISTEN_DEFAULT: &str = "127.0.0.1:4180";

pub(crate) static LISTEN: Setting = Setting {
    key: "listen",
    takes: "ADDRESS",
    form: Form::Text,
    unset: Unset::Is(LISTEN_DEFAULT),
    live: false,
    help: "Where to listen: an IP address and a port, or unix: and an absolute path; port 0 takes a free one. Where the file has [[listener]]s, it has no default",
};

pub(crate) static TLS_CERTIFICATE: Setting = Setting {
    key: "tls_certificate",
    takes: "FILE",
    form: Form::Credential,
    unset: none("none, and then no TLS", "/etc/provlog/tls.crt"),
    live: false,
    help: "Certificate that the listener speaks TLS with, and those between it and its root, in PEM; a changed file holds from the next handshake on",
};

pub(crate) static TLS_KEY: Setting = Setting {
    key: "tls_key",
    takes: "FILE",
    form: Form::Credential,
    unset: none("none", "/etc/provlog/tls.key"),
    live: false,
    help: "Private key of the certificate, in PEM; a changed file holds from the next handshake on",
};

pub(crate) static TLS_CLIENT_CA: Setting = Setting {
    key: "tls_client_ca",
    takes: "FILE",
    form: Form::Credential,
    unset: none("none, and clients need no certificate", "/etc/provlog/clients.crt"),
    live: false,
    help: "Roots of the certificates that clients must have, in PEM; it lets in, and names nobody",
};

pub(crate) static TLS_CLIENT_SVIDS: Setting = Setting {
    key: "tls_client_svids",
    takes: "BOOL",
    form: Form::Switch,
    unset: Unset::Is("false"),
    live: false,
    help: "Asks clients for an X.509-SVID, which they needn't have: who shows one of a [[trust_domain]] is its workload; not beside tls_client_ca",
};

pub(crate) static HOSTS: Setting = Setting {
    key: "hosts",
    takes: "NAMES",
    form: Form::List,
    unset: none("localhost and IP addresses alone", "log.example.com"),
    live: true,
    help: "DNS names that requests may give as the host, without ports",
};

pub(crate) static TRUSTED_PROXIES: Setting = Setting {
    key: "trusted_proxies",
    takes: "ADDRESSES",
    form: Form::List,
    unset: none("none", "192.0.2.10"),
    live: true,
    help: "IP addresses of proxies whose X-Forwarded-For is believed",
};

pub(crate) static ALLOW_CLEAR_TEXT: Setting = Setting {
    key: "allow_clear_text",
    takes: "BOOL",
    form: Form::Switch,
    unset: Unset::Is("false"),
    live: false,
    help: "Takes a listener that other machines reach without TLS: whoever is on the way reads and changes what is said, tokens included",
};

pub(crate) static ALLOW_ANONYMOUS: Setting = Setting {
    key: "allow_anonymous",
    takes: "BOOL",
    form: Form::Switch,
    unset: Unset::Is("false"),
    live: false,
    help: "Takes a listener that other machines reach without tokens, peers or client certificates: whoever reaches it appends and reads",
};

pub(crate) static ORIGIN: Setting = Setting {
    key: "origin",
    takes: "NAME",
    form: Form::Text,
    unset: none("localhost/provlog/ and 16 random hex digits", "log.example.com/provlog"),
    live: false,
    help: "The log's name, permanent once the log is made; needed to make one that other machines reach",
};

pub(crate) static LOG_KEY: Setting = Setting {
    key: "log_key",
    takes: "FILE",
    form: Form::Credential,
    unset: none("keys/log.key in the data folder", "credential:log.key"),
    live: false,
    help: "The log's signing key",
};

pub(crate) static HIGH_WATER: Setting = Setting {
    key: "high_water",
    takes: "FILE",
    form: Form::Path,
    unset: none("high-water in the data folder", "/mnt/other-disk/high-water"),
    live: false,
    help: "The high-water mark; on another disk it notices a data folder that was rolled back",
};

pub(crate) static CONNECTIONS_MAX: Setting = Setting {
    key: "connections_max",
    takes: "NUMBER",
    form: number(1, CONNECTIONS_MAX_MOST),
    // A thousand that append, and as many that read.
    unset: Unset::Is("2048"),
    live: false,
    help: "Connections open at once; more are answered 503 and closed",
};

pub(crate) static HANDSHAKES_MAX: Setting = Setting {
    key: "handshakes_max",
    takes: "NUMBER",
    form: number(1, CONNECTIONS_MAX_MOST),
    unset: Unset::Is("256"),
    live: false,
    help: "TLS handshakes under way at once; one more ends the oldest of those that have said nothing, or of those that have, whichever are more",
};

pub(crate) static BODY_BYTES_MAX: Setting = Setting {
    key: "body_bytes_max",
    takes: "BYTES",
    form: number(BODY_BYTES_MAX_LEAST as u64, u64::MAX),
    // Some four of the largest batches.
    unset: Unset::Is("67108864"),
    live: false,
    help: "Bytes of request bodies, and of what is made of them, held at once; more are answered 503",
};

pub(crate) static HANDSHAKE_TIMEOUT_MS: Setting = Setting {
    key: "handshake_timeout_ms",
    takes: "MS",
    form: SOME_MS,
    unset: Unset::Is("10000"),
    live: false,
    help: "How long a TLS handshake may take, in milliseconds",
};

pub(crate) static HEADER_TIMEOUT_MS: Setting = Setting {
    key: "header_timeout_ms",
    takes: "MS",
    form: SOME_MS,
    unset: Unset::Is("30000"),
    live: false,
    help: "How long a request's head may take, and how long a connection may be idle, in milliseconds",
};

pub(crate) static BODY_TIMEOUT_MS: Setting = Setting {
    key: "body_timeout_ms",
    takes: "MS",
    form: SOME_MS,
    unset: Unset::Is("30000"),
    live: false,
    help: "How long a request's body may take, in milliseconds; of that it may stand still for 10000, and a second more for every 64 KiB that arrives",
};

pub(crate) static WRITE_TIMEOUT_MS: Setting = Setting {
    key: "write_timeout_ms",
    takes: "MS",
    form: SOME_MS,
    unset: Unset::Is("30000"),
    live: false,
    help: "How long an answer may wait for its client, in milliseconds; a second more for every 64 KiB that it takes",
};

pub(crate) static DRAIN_TIMEOUT_MS: Setting = Setting {
    key: "drain_timeout_ms",
    takes: "MS",
    form: number(0, u64::MAX),
    unset: Unset::Is("20000"),
    live: false,
    help: "How long requests may go on after SIGTERM or SIGINT, in milliseconds",
};

/// A request every microsecond is more than any machine answers.
const RATE: Form = number(0, 1_000_000);

pub(crate) static CALLER_RATE_PER_S: Setting = Setting {
    key: "caller_rate_per_s",
    takes: "NUMBER",
    form: RATE,
    unset: Unset::Is("0"),
    live: true,
    help: "Requests a second that one caller may make, each entry of a batch counted as one; more are answered 429; 0 is without a limit",
};

pub(crate) static TOTAL_RATE_PER_S: Setting = Setting {
    key: "total_rate_per_s",
    takes: "NUMBER",
    form: RATE,
    unset: Unset::Is("0"),
    live: true,
    help: "The same of all callers together; more are answered 503; 0 is without a limit",
};

pub(crate) static REFUSAL_ENTRIES_PER_MINUTE: Setting = Setting {
    key: "refusal_entries_per_minute",
    takes: "NUMBER",
    form: RATE,
    unset: Unset::Is("0"),
    live: true,
    help: "Entries a minute that the log itself appends of requests that it refused; 0 writes none",
};

pub(crate) static LOG_FILTER: Setting = Setting {
    key: "log_filter",
    takes: "FILTER",
    form: Form::Text,
    unset: Unset::Is("info"),
    live: true,
    help: "What is logged to stderr: a level, or targets with levels, as in \"warn,provlogd=debug\"",
};

pub(crate) static LOG_FORMAT: Setting = Setting {
    key: "log_format",
    takes: "text|json",
    form: Form::Text,
    unset: Unset::Is("text"),
    live: false,
    help: "How lines of the daemon's own log are written: text or json",
};

/// Every setting that is a flag and a variable too, in the order in which they are told.
pub(crate) static SETTINGS: [&Setting; 27] = [
    &DATA_DIR,
    &MUST_EXIST,
    &ORIGIN,
    &LOG_KEY,
    &HIGH_WATER,
    &LISTEN,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &TLS_CLIENT_CA,
    &TLS_CLIENT_SVIDS,
    &ALLOW_CLEAR_TEXT,
    &ALLOW_ANONYMOUS,
    &HOSTS,
    &TRUSTED_PROXIES,
    &CALLER_RATE_PER_S,
    &TOTAL_RATE_PER_S,
    &REFUSAL_ENTRIES_PER_MINUTE,
    &CONNECTIONS_MAX,
    &HANDSHAKES_MAX,
    &BODY_BYTES_MAX,
    &HANDSHAKE_TIMEOUT_MS,
    &HEADER_TIMEOUT_MS,
    &BODY_TIMEOUT_MS,
    &WRITE_TIMEOUT_MS,
    &DRAIN_TIMEOUT_MS,
    &LOG_FILTER,
    &LOG_FORMAT,
];

impl Setting {
    /// As the command line has it, without the dashes before it.
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// As the environment has it.
    pub(crate) fn variable(&self) -> String {
        // Named before there was a rule.
        let key = if self.key == LOG_FILTER.key { "log" } else { self.key };
        format!("PROVLOGD_{}", key.to_uppercase())
    }

    /// The least and the most that it may be.
    pub(crate) const fn bounds(&self) -> (u64, u64) {
        match self.form {
            Form::Number { least, most } => (least, most),
            _ => (0, u64::MAX),
        }
    }

    /// What holds where it isn't set, and which bounds it has, in words.
    pub(crate) fn default_in_words(&self) -> String {
        let mut words = match self.unset {
            Unset::Is(value) => value.to_owned(),
            Unset::None { words, .. } => words.to_owned(),
        };
        let (least, most) = self.bounds();
        if least > 1 {
            words.push_str(&format!(", at least {least}"));
        }
        if most < u64::MAX {
            words.push_str(&format!(", at most {most}"));
        }
        words
    }

    /// Its default as TOML has it, or else a value that it could have.
    pub(crate) fn example(&self) -> String {
        let (Unset::Is(value) | Unset::None { example: value, .. }) = self.unset;
        match self.form {
            Form::Switch | Form::Number { .. } => value.into(),
            Form::Text | Form::Path | Form::Credential => quoted(value),
            Form::List => listed(value.split(',').map(Cow::from)),
        }
    }
}

/// A text as TOML has it.
pub(crate) fn quoted(text: &str) -> String {
    // What Rust escapes otherwise than TOML are control characters, which no setting has.
    format!("{text:?}")
}

/// Texts as TOML has them.
pub(crate) fn listed<'a>(items: impl Iterator<Item = Cow<'a, str>>) -> String {
    let items: Vec<String> = items.map(|item| quoted(&item)).collect();
    format!("[{}]", items.join(", "))
}
