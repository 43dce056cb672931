//! `provlogd config check`: reads what a start would read, in its order, writes and locks nothing, and tells what holds.

use crate::access::callers::Callers;
use crate::http::listener::{BindError, Listener};
use crate::http::tls::renewal;
use crate::identity::issuer::{Issuer, KeySource};
use crate::operate::config::{Config, WithoutLog};
use crate::operate::exposed::{demand_origin, refuse_anonymous};
use crate::operate::failure::Failure;
use provlog_engine::{Log, Options, Presence};
use provlog_evidence::jwk::{JWKS_BYTES_MAX, Jwks};
use provlog_evidence::jwt::BearerAudience;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::Path;

/// What GitHub was seen to refuse in the audience of a token, which the log's name is to be part of.
const NO_AUDIENCE: &str = "github.com";

/// Checks all that a start needs, and says what holds, in lines.
///
/// # Errors
/// The first [`Failure`] that a start would end with.
pub(crate) fn check(config: &Config, options: &Options, now_s: u64) -> Result<String, Failure> {
    let listeners: Vec<String> = config.listeners.iter().map(in_words).collect::<Result<_, _>>()?;
    let callers = Callers::open(&config.data_dir, config.demands_certificates())?;
    refuse_anonymous(config, &config.live, callers.has_tokens())?;
    let (origin, log) = log(config, options)?;
    let mut text = String::new();
    let mut say = |what: &str, value: &str| {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "{what:<10} {value}");
    };
    say("log", &log);
    listeners.iter().for_each(|listener| say("listener", listener));
    say("callers", &callers.told(config.live.named(), now_s));
    if !config.live.peers.0.is_empty() {
        let uids: Vec<String> = config.live.peers.0.iter().map(|peer| peer.uid.to_string()).collect();
        say("peers", &format!("users {}", uids.join(", ")));
    }
    for (issuer, of_issuer) in config.live.issuers.iter().zip(&config.live.rules) {
        say("issuer", &issuer_in_words(issuer, of_issuer.rules.len(), origin.as_deref())?);
    }
    say("limits", &limits(config));
    if origin.is_some_and(|origin| origin.contains(NO_AUDIENCE)) {
        say("warning", &format!("the origin holds {NO_AUDIENCE}: GitHub may refuse to make tokens for it"));
    }
    Ok(text)
}

/// The log's name, where it is known, and which log it is.
fn log(config: &Config, options: &Options) -> Result<(Option<String>, String), Failure> {
    let dir = config.data_dir.display();
    if Log::presence(options) == Presence::Absent {
        demand_origin(config)?;
        let name =
            config.origin.as_ref().map_or("under a random name".into(), |name| format!("named {name}"));
        let who = match config.without_log {
            WithoutLog::Make => "the first start makes one",
            WithoutLog::Refuse(_) => "provlogd init makes one, and a start doesn't",
        };
        return Ok((config.origin.clone(), format!("none yet in {dir}: {who}, {name}")));
    }
    let key = Log::look(options)?;
    config.refuse_other_origin(key.name())?;
    let text = format!("{} in {dir}, key fingerprint {}", key.name(), key.fingerprint());
    Ok((Some(key.name().into()), text))
}

/// What a listener is. The files of its TLS are read for that, as a start reads them.
fn in_words(listener: &Listener) -> Result<String, BindError> {
    let speaks = match &listener.tls {
        None => "in clear".into(),
        Some(files) => {
            let clients = if files.client_ca.is_some() { " with certificates of clients" } else { "" };
            format!("TLS{clients}, {}", renewal::check(files)?)
        }
    };
    let reached = if listener.address.is_local() { "this machine" } else { "other machines too" };
    Ok(format!("{}, reached by {reached}, {speaks}", listener.address))
}

/// What an issuer is. Its pinned keys are read; none are fetched.
fn issuer_in_words(issuer: &Issuer, rules: usize, origin: Option<&str>) -> Result<String, Failure> {
    let Issuer { url, audience, keys, .. } = issuer;
    if let Some(origin) = origin {
        BearerAudience::new(audience, origin)
            .map_err(|source| Failure::Issuer { url: url.clone(), source })?;
    }
    let keys = match keys {
        KeySource::Discovery => "keys where its discovery document says".into(),
        KeySource::Url(at) => format!("keys at {at}"),
        KeySource::File(file) => match usable_keys(file) {
            Ok(count) => format!("{count} usable keys in {}", file.display()),
            Err(problem) => return Err(Failure::JwksFile { file: file.clone(), problem }),
        },
    };
    Ok(format!("{url} for {audience}, {rules} rules, {keys}"))
}

/// How many keys in a file a token may be verified with.
fn usable_keys(file: &Path) -> Result<usize, String> {
    // Opened, a pipe would wait for whoever writes to it.
    if !file.metadata().map_err(|error| error.to_string())?.is_file() {
        return Err("expected a regular file, got something else".into());
    }
    let mut bytes = Vec::new();
    // A byte more than there may be is enough to be refused.
    let most = u64::try_from(JWKS_BYTES_MAX + 1).unwrap_or(u64::MAX);
    let read = File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| error.to_string())?;
    match Jwks::parse(&bytes).map_err(|error| error.to_string())?.keys.len() {
        0 => Err("expected a key that tokens can be verified with, got none".into()),
        count => Ok(count),
    }
}

fn limits(config: &Config) -> String {
    let rate =
        |rate: Option<NonZeroU32>| rate.map_or("without a limit".into(), |rate| format!("{rate} a second"));
    format!(
        "{} connections, {} bytes of bodies; requests of a caller {}, of all {}",
        config.server.connections_max,
        config.body_bytes_max,
        rate(config.live.rates.caller_per_s),
        rate(config.live.rates.total_per_s),
    )
}
