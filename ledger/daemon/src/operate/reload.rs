//! Reading the settings anew, on SIGHUP: all that a running daemon can take of them at once, or nothing.

use crate::access::callers::Callers;
use crate::identity::issuers::Issuers;
use crate::operate::config::{CommandLine, Config, Told};
use crate::operate::exposed::refuse_anonymous;
use crate::operate::failure::Failure;
use crate::operate::live::{Live, LiveSettings};
use crate::operate::metrics::Metrics;
use std::fmt;
use tracing_subscriber::filter::Targets;

/// Puts another log filter in the place of the one that holds; what it returns says why it can't.
pub type SetLogFilter = Box<dyn Fn(Targets) -> Result<(), String> + Send>;

/// What a reload starts from: the same flags and variables, and what holds.
pub struct Reload {
    command_line: CommandLine,
    running: Config,
    set_log_filter: SetLogFilter,
}

/// A setting that is another one now.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Change {
    key: &'static str,
    old: String,
    new: String,
}

impl Reload {
    /// A daemon that was started with this command line, and runs by these settings.
    #[must_use]
    pub const fn new(command_line: CommandLine, running: Config, set_log_filter: SetLogFilter) -> Self {
        Self { command_line, running, set_log_filter }
    }

    /// Reads the file again, and takes what can be taken. Says in one line what came of it.
    pub(crate) fn run(
        &mut self,
        live: &Live,
        callers: &Callers,
        issuers: &Issuers,
        metrics: &Metrics,
    ) -> String {
        let result = self.take(live, callers, issuers);
        metrics.reloaded(result.is_ok());
        match result {
            Ok((taken, waiting)) => {
                format!("settings reloaded: {taken} changed, {waiting} wait for a restart")
            }
            Err(error) => {
                tracing::error!(%error, "the settings were not reloaded: nothing changed");
                format!("settings not reloaded: {error}")
            }
        }
    }

    /// How many settings were taken, and how many others take a restart.
    fn take(&mut self, live: &Live, callers: &Callers, issuers: &Issuers) -> Result<(usize, usize), Failure> {
        let new = self.command_line.resolve()?;
        // The listeners are those that there are; who is let in there changes.
        refuse_anonymous(&self.running, &new.live, callers.has_tokens())?;
        self.keep_closed(&new.live, callers.has_tokens())?;
        issuers.replace(new.live.issuers())?;
        if let Err(why) = (self.set_log_filter)(new.log_filter.clone()) {
            issuers.replace(self.running.live.issuers())?;
            return Err(Failure::SetLogFilter(why));
        }
        live.replace(new.live.clone());
        let (taken, waiting) = changes(&self.running.told, &new.told);
        for Change { key, old, new } in &taken {
            tracing::info!(key, old, new, "a setting is another one now");
        }
        for Change { key, old, new } in &waiting {
            tracing::warn!(key, old, new, "a setting was changed that only a restart takes");
        }
        if taken.is_empty() && waiting.is_empty() {
            tracing::info!("the settings were read again, and are the same");
        }
        for told in &mut self.running.told {
            if let Some(change) = taken.iter().find(|change| change.key == told.key) {
                told.value.clone_from(&change.new);
            }
        }
        (self.running.live, self.running.log_filter) = (new.live, new.log_filter);
        Ok((taken.len(), waiting.len()))
    }
}

impl Reload {
    /// Refuses to let in everybody where peers or workloads were told from the rest: a file that is empty for a moment must not.
    fn keep_closed(&self, new: &LiveSettings, has_tokens: bool) -> Result<(), Failure> {
        let opens = !self.running.live.named().is_empty() && new.named().is_empty();
        if opens && !has_tokens && !self.running.allow_anonymous { Err(Failure::Opens) } else { Ok(()) }
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("running", &self.running).finish_non_exhaustive()
    }
}

/// What is different: what a running daemon takes, and what it doesn't.
fn changes(old: &[Told], new: &[Told]) -> (Vec<Change>, Vec<Change>) {
    let changed = old.iter().filter_map(|old| {
        let new = new.iter().find(|new| new.key == old.key && new.value != old.value)?;
        let (old_value, new_value) = (old.value.clone(), new.value.clone());
        Some((old.live, Change { key: old.key, old: old_value, new: new_value }))
    });
    let (taken, waiting): (Vec<_>, Vec<_>) = changed.partition(|(is_live, _)| *is_live);
    let changes = |items: Vec<(bool, Change)>| items.into_iter().map(|(_, change)| change).collect();
    (changes(taken), changes(waiting))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::file::TokensFile;
    use crate::access::role::Role;
    use crate::access::secret::Secret;
    use crate::access::tokens::Tokens;
    use crate::access::tokens::tests::token;
    use std::fs;
    use std::sync::{Arc, Mutex};
    use tempfile::TempDir;

    struct Fixture {
        folder: TempDir,
        live: Live,
        callers: Callers,
        issuers: Issuers,
        metrics: Metrics,
        reload: Reload,
        filters: Arc<Mutex<Vec<String>>>,
    }

    impl Fixture {
        fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("f");
            fs::write(&file, text).unwrap();
            let command_line = CommandLine::read(["provlogd", "--config", file.to_str().unwrap()]).unwrap();
            let config = command_line.resolve().unwrap();
            let filters = Arc::<Mutex<Vec<String>>>::default();
            let set = Arc::clone(&filters);
            let set_log_filter: SetLogFilter = Box::new(move |filter| match filter.to_string() {
                refused if refused == "trace" => Err("not now".into()),
                filter => {
                    set.lock().unwrap().push(filter);
                    Ok(())
                }
            });
            Self {
                live: Live::new(config.live.clone()),
                callers: Callers::open(folder.path(), false).unwrap(),
                issuers: Issuers::new("example.com/log"),
                metrics: Metrics::default(),
                reload: Reload::new(command_line, config, set_log_filter),
                folder,
                filters,
            }
        }

        /// What a reload of this file says.
        fn run(&mut self, text: &str) -> String {
            fs::write(self.folder.path().join("f"), text).unwrap();
            self.reload.run(&self.live, &self.callers, &self.issuers, &self.metrics)
        }
    }

    #[test]
    fn what_a_restart_takes_waits_and_the_rest_is_taken() {
        let mut daemon = Fixture::new("hosts = [\"a\"]\n");
        let both = "hosts = [\"b\"]\nlog_filter = \"warn\"\nmust_exist = true\n";
        assert_eq!(daemon.run(both), "settings reloaded: 2 changed, 1 wait for a restart");
        assert_eq!(daemon.live.now().hosts.0, ["b"]);
        assert_eq!(daemon.run(both), "settings reloaded: 0 changed, 1 wait for a restart");
        assert_eq!(daemon.run("hosts = [\"b\"]\n"), "settings reloaded: 1 changed, 0 wait for a restart");
        assert_eq!(*daemon.filters.lock().unwrap(), ["warn", "warn", "info"]);
    }

    /// Also where only this machine reaches the log.
    #[test]
    fn a_file_without_peers_opens_no_log_that_had_some() {
        let peer = "[[peer]]\nuid = 7\nroles = [\"read\"]\n";
        let mut daemon = Fixture::new(peer);
        let before = daemon.live.now();
        for text in ["", "hosts = [\"a\"]\n", "allow_anonymous = true\n"] {
            let said = daemon.run(text);
            assert!(
                said.contains("expected a [[peer]], an [[issuer]] or a [[trust_domain]] still, or tokens, got none of them"),
                "{said}"
            );
            assert_eq!(daemon.live.now(), before);
        }
        assert!(daemon.filters.lock().unwrap().is_empty());
        let mut asked_for = Fixture::new(&format!("allow_anonymous = true\n{peer}"));
        assert_eq!(
            asked_for.run("allow_anonymous = true\n"),
            "settings reloaded: 1 changed, 0 wait for a restart"
        );
        let secret = Secret::draw().unwrap();
        let added = |tokens: &mut Tokens| tokens.add(token(&secret, "ci", &[Role::Read]));
        TokensFile::of(daemon.folder.path()).change(added).unwrap();
        assert_eq!(daemon.run(""), "settings reloaded: 1 changed, 0 wait for a restart");
    }

    #[test]
    fn a_reload_that_is_refused_changes_nothing() {
        let exposed = "listen = \"0.0.0.0:1\"\nallow_clear_text = true\n";
        let peer = "[[peer]]\nuid = 7\nroles = [\"read\"]\n";
        let mut daemon = Fixture::new(&format!("{exposed}{peer}"));
        let before = daemon.live.now();
        for (text, expected) in [
            ("hosts = [1]".to_owned(), "hosts: expected an array of strings"),
            // The listener that others reach is there until a restart, whatever the file says of it now.
            ("hosts = [\"a\"]".to_owned(), "nothing says who calls"),
            (exposed.to_owned(), "nothing says who calls"),
            ("allow_anonymous = true".to_owned(), "nothing says who calls"),
            (format!("log_filter = \"trace\"\n{exposed}{peer}"), "log_filter: not now"),
        ] {
            let said = daemon.run(&text);
            assert!(said.starts_with("settings not reloaded: ") && said.contains(expected), "{text}: {said}");
            assert_eq!(daemon.live.now(), before);
        }
        assert!(daemon.filters.lock().unwrap().is_empty());
        let metrics = daemon.metrics.text(0).unwrap();
        assert!(metrics.contains("provlog_reloads_total{outcome=\"refused\"} 5"), "{metrics}");
    }
}
