//! `provlogd config check`: reads what a start would read, in its order, writes and locks nothing, and tells what holds.

use crate::access::callers::Callers;
use crate::http::listener::{BindError, Listener};
use crate::http::tls::renewal;
use crate::identity::issuer::{Issuer, KeySource};
use crate::identity::issuers::{Usable, check_files};
use crate::operate::config::{Config, WithoutLog};
use crate::operate::exposed::{demand_origin, refuse_anonymous};
use crate::operate::failure::Failure;
use provlog_engine::{Log, Options, Presence};
use provlog_evidence::jwt::BearerAudience;
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
    say("callers", &callers.told(config.live.named(), now_s));
    if !config.live.peers.0.is_empty() {
        let uids: Vec<String> = config.live.peers.0.iter().map(|peer| peer.uid.to_string()).collect();
        say("peers", &format!("users {}", uids.join(", ")));
    }
    for of_issuer in &config.live.rules {
        let (told, warning) = issuer_in_words(&of_issuer.issuer, of_issuer.rules.len(), origin.as_deref())?;
        say(if of_issuer.issuer.is_trust_domain() { "domain" } else { "issuer" }, &told);
        warning.iter().for_each(|warning| say("warning", warning));
    }
    let asks = |listener: &Listener| listener.tls.as_ref().is_some_and(|tls| tls.client_svids);
    let has_domain = config.live.rules.iter().any(|of_issuer| of_issuer.issuer.is_trust_domain());
    if config.listeners.iter().any(asks) && !has_domain {
        say(
            "warning",
            "tls_client_svids is set, and there is no [[trust_domain]]: no certificate lets anybody in",
        );
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
            let clients = match files.client_ca {
                Some(_) => " with certificates of clients",
                None if files.client_svids => " that asks for X.509-SVIDs",
                None => "",
            };
            format!("TLS{clients}, {}", renewal::check(files)?)
        }
    };
    let reached = if listener.address.is_local() { "this machine" } else { "other machines too" };
    Ok(format!("{}, reached by {reached}, {speaks}", listener.address))
}

/// What an issuer is, and what is to be warned of. Its files are read, and nothing is fetched. A start doesn't wait for files that can't be
/// used, as it doesn't for an issuer that can't be reached: all that it does without is that issuer's tokens.
fn issuer_in_words(
    issuer: &Issuer,
    rules: usize,
    origin: Option<&str>,
) -> Result<(String, Option<String>), Failure> {
    let Issuer { name, audience, keys, .. } = issuer;
    if let (Some(origin), Some(audience)) = (origin, audience) {
        BearerAudience::new(audience, origin)
            .map_err(|source| Failure::Issuer { name: name.clone(), source })?;
    }
    let (usable, warning) = match check_files(issuer) {
        Ok(usable) => (usable, None),
        Err(problem) => {
            let warning =
                format!("{name}: {problem}; until that is right its workloads are answered 503 issuer.keys");
            (Some(Usable::default()), Some(warning))
        }
    };
    let Usable { keys: usable, cas } = usable.unwrap_or_default();
    let keys = match keys {
        KeySource::Discovery => "keys where its discovery document says".into(),
        KeySource::Url(at) => format!("keys at {at}"),
        KeySource::File(file) if issuer.is_trust_domain() => {
            format!("{usable} usable keys and {cas} CAs in {}", file.display())
        }
        KeySource::File(file) => format!("{usable} usable keys in {}", file.display()),
    };
    let audience = audience.as_deref().map_or("no audience".into(), |audience| format!("for {audience}"));
    Ok((format!("{name} {audience}, {rules} rules, {keys}"), warning))
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

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_evidence::jwt;
    use std::fs;

    #[test]
    fn files_of_an_issuer_that_cant_be_used_are_warned_of() {
        const KEY: &str =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}"#;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        let (name, audience) = (jwt::Issuer::Oidc("https://a.example".into()), Some("a".into()));
        let pinned = Issuer { name, audience, keys: KeySource::File(file.clone()), ca: None };
        let rooted = Issuer { keys: KeySource::Discovery, ca: Some(file.clone()), ..pinned.clone() };
        let told = |issuer| issuer_in_words(issuer, 1, Some("log.example.com/one")).unwrap();
        for (issuer, text, expected) in [
            (&pinned, None, "cannot read"),
            (&pinned, Some(r#"{"keys":[]}"#), "expected a key that signs with"),
            (&rooted, Some("roots"), "expected certificates in PEM"),
        ] {
            text.iter().for_each(|text| fs::write(&file, text).unwrap());
            let warning = told(issuer).1.unwrap();
            assert!(warning.starts_with("https://a.example: ") && warning.contains(expected), "{warning}");
            assert!(warning.contains("503 issuer.keys"), "{warning}");
        }
        fs::write(&file, format!(r#"{{"keys":[{KEY}]}}"#)).unwrap();
        let (issuer, warning) = told(&pinned);
        assert!(issuer.contains(", 1 usable keys in ") && warning.is_none(), "{issuer}");
    }
}
