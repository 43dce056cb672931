//! `provlogd config check`: reads what a start would read, in its order, writes and locks nothing, and tells what holds.

use crate::access::callers::Callers;
use crate::http::listener::{BindError, Listener};
use crate::http::tls::renewal;
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
    say("callers", &callers.told(&config.live.peers, now_s));
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
