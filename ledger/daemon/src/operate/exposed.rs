//! What is refused of listeners that other machines reach, beside what the settings alone tell.

use crate::http::listener::Listener;
use crate::operate::config::Config;
use crate::operate::failure::Failure;
use crate::operate::live::LiveSettings;

/// Refuses to let in whoever comes from other machines, unless that was asked for. Tokens, peers, issuers and client certificates each
/// tell callers from the rest.
///
/// # Errors
/// [`Failure::Anonymous`] names the first such listener.
pub(crate) fn refuse_anonymous(
    config: &Config,
    live: &LiveSettings,
    has_tokens: bool,
) -> Result<(), Failure> {
    if config.allow_anonymous || has_tokens || !live.named().is_empty() {
        return Ok(());
    }
    match exposed(config).find(|listener| !listener.demands_certificates()) {
        None => Ok(()),
        Some(listener) => Err(Failure::Anonymous { address: listener.address.clone() }),
    }
}

/// Refuses to make a log for others under a name that says nothing to them, and can't be changed later.
///
/// # Errors
/// [`Failure::OriginNeeded`] names the first listener that others reach.
pub(crate) fn demand_origin(config: &Config) -> Result<(), Failure> {
    match exposed(config).next().filter(|_| config.origin.is_none()) {
        None => Ok(()),
        Some(listener) => Err(Failure::OriginNeeded { address: listener.address.clone() }),
    }
}

fn exposed(config: &Config) -> impl Iterator<Item = &Listener> {
    config.listeners.iter().filter(|listener| !listener.address.is_local())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::config::CommandLine;

    fn config(arguments: &[&str]) -> Config {
        CommandLine::read([&["provlogd"], arguments].concat()).unwrap().resolve().unwrap()
    }

    #[test]
    fn who_reaches_a_listener_is_known_or_was_asked_for() {
        let tls = ["--listen", "0.0.0.0:1", "--tls-certificate", "c", "--tls-key", "k"];
        let clear = ["--listen", "0.0.0.0:1", "--allow-clear-text"];
        for (flags, tokens, refused) in [
            (&[][..], false, false),
            (&["--listen", "unix:/s"], false, false),
            (&tls, false, true),
            (&tls, true, false),
            (&clear, false, true),
            (&clear, true, false),
            (&[&clear[..], &["--allow-anonymous"]].concat(), false, false),
            (&[&tls[..], &["--tls-client-ca", "a"]].concat(), false, false),
        ] {
            let config = config(flags);
            let result = refuse_anonymous(&config, &config.live, tokens);
            assert_eq!(result.is_err(), refused, "{flags:?} {tokens}");
        }
    }

    #[test]
    fn a_log_for_others_has_a_name() {
        let exposed = ["--listen", "[::]:1", "--allow-clear-text"];
        assert!(demand_origin(&config(&[])).is_ok());
        assert!(demand_origin(&config(&exposed)).unwrap_err().to_string().contains("reach [::]:1, got none"));
        assert!(demand_origin(&config(&[&exposed[..], &["--origin", "log.example.com"]].concat())).is_ok());
    }
}
