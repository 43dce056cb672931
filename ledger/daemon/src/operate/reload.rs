//! Reading the settings anew, on SIGHUP: all that a running daemon can take of them at once, or nothing.

use crate::access::callers::Callers;
use crate::operate::config::{CommandLine, Config, Told};
use crate::operate::exposed::refuse_anonymous;
use crate::operate::failure::Failure;
use crate::operate::live::Live;
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
    pub(crate) fn run(&mut self, live: &Live, callers: &Callers, metrics: &Metrics) -> String {
        let result = self.take(live, callers);
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
    fn take(&mut self, live: &Live, callers: &Callers) -> Result<(usize, usize), Failure> {
        let new = self.command_line.resolve()?;
        // The listeners are those that there are; who is let in there changes.
        refuse_anonymous(&self.running, &new.live, callers.has_tokens())?;
        (self.set_log_filter)(new.log_filter.clone()).map_err(Failure::SetLogFilter)?;
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
