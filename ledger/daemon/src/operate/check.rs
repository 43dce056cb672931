//! `provlogd config check`: reads what a start would read, in its order, writes and locks nothing, and tells what holds.

use crate::access::callers::Callers;
use crate::http::listener::{BindError, Listener, TlsFiles};
use crate::http::tls::renewal::Tls;
use crate::operate::config::{Config, WithoutLog};
use crate::operate::exposed::{demand_origin, refuse_anonymous};
use crate::operate::failure::Failure;
use provlog_engine::{Log, Options, Presence};
use std::fmt::Write;
use std::num::NonZeroU32;

/// What GitHub was seen to refuse in the audience of a token, which the log's name is to be part of.
const NO_AUDIENCE: &str = "github.com";

/// Checks all that a start needs, and says what holds, in lines.
///
/// # Errors
/// The first [`Failure`] that a start would end with.
pub(crate) fn check(config: &Config, options: &Options, now_s: u64) -> Result<String, Failure> {
    for tls in config.listeners.iter().filter_map(|listener| listener.tls.clone()) {
        Tls::open(tls).map_err(BindError::from)?;
    }
    let callers = Callers::open(&config.data_dir)?;
    refuse_anonymous(config, &config.live, callers.has_tokens())?;
    let (origin, log) = log(config, options)?;
    let mut text = String::new();
    let mut say = |what: &str, value: &str| {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "{what:<10} {value}");
    };
    say("log", &log);
    for listener in &config.listeners {
        say("listener", &listener_in_words(listener));
    }
    say("callers", &callers.told(now_s));
    if !config.live.peers.0.is_empty() {
        let uids: Vec<String> = config.live.peers.0.iter().map(|peer| peer.uid.to_string()).collect();
        say("peers", &format!("users {}", uids.join(", ")));
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

fn listener_in_words(listener: &Listener) -> String {
    let speaks = match &listener.tls {
        None => "in clear",
        Some(TlsFiles { client_ca: None, .. }) => "TLS",
        Some(TlsFiles { client_ca: Some(_), .. }) => "TLS, with certificates of clients",
    };
    let reached = if listener.address.is_local() { "this machine" } else { "other machines too" };
    format!("{}, {speaks}, reached by {reached}", listener.address)
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
