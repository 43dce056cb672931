//! What every handler shares.

use crate::access::callers::Callers;
use crate::access::rates::RateLimits;
use crate::http::answer::BrokenOff;
use crate::http::body::Bodies;
use crate::http::gzip::Gzips;
use crate::http::problem::Problem;
use crate::identity::issuers::Issuers;
use crate::log::async_log::AsyncLog;
use crate::operate::live::Live;
use crate::operate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::sets::Sets;
use crate::workers::Seats;
use provlog_engine::{Clock, Log};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What every handler shares.
pub(crate) struct App {
    pub(crate) log: AsyncLog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bodies: Bodies,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) workers: Seats,
    pub(crate) gzips: Gzips,
    pub(crate) callers: Callers,
    pub(crate) issuers: Issuers,
    pub(crate) sets: Sets,
    pub(crate) live: Live,
    pub(crate) limits: RateLimits,
    pub(crate) refusals: Refusals,
    draining: AtomicBool,
}

/// By whom callers are known.
pub(crate) struct WhoIsKnown {
    pub(crate) callers: Callers,
    pub(crate) issuers: Issuers,
}

impl App {
    /// # Errors
    /// As [`AsyncLog::new`].
    pub(crate) fn new(
        log: Log,
        clock: Arc<dyn Clock>,
        bodies: Bodies,
        metrics: Arc<Metrics>,
        workers: Seats,
        known: WhoIsKnown,
        live: Live,
    ) -> io::Result<Self> {
        Ok(Self {
            log: AsyncLog::new(log)?,
            clock,
            bodies,
            metrics,
            workers,
            gzips: Gzips::default(),
            callers: known.callers,
            issuers: known.issuers,
            sets: Sets::default(),
            live,
            limits: RateLimits::default(),
            refusals: Refusals::default(),
            draining: AtomicBool::new(false),
        })
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.wall_ms()).unwrap_or(0)
    }

    /// The time that tokens are judged at, in milliseconds since the Unix epoch: never before the newest entry's, so that a clock
    /// that was turned back brings no token to life again that had ended by then.
    pub(crate) fn token_ms(&self) -> u64 {
        self.now_ms().max(self.log.committed().time_ms.get())
    }

    /// Says from now on that the daemon takes no more appends.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Counts and logs why an answer that had begun can't go on.
    pub(crate) fn break_off(&self, what: &str, problem: &Problem) -> BrokenOff {
        let broken = BrokenOff { detail: problem.detail().into() };
        tracing::error!(%broken, "{what} was broken off");
        self.metrics.refused(problem.code());
        broken
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::access::caller::Caller;
    use crate::access::role::Access;
    use crate::http::remote::Remote;
    use crate::operate::live::LiveSettings;
    use axum::http::HeaderMap;
    use provlog_engine::{Options, SystemClock};
    use std::time::Duration;
    use tempfile::TempDir;

    /// A log of its own, which goes with the folder.
    pub(crate) fn temporary() -> (TempDir, Arc<App>) {
        temporary_by(Arc::new(SystemClock))
    }

    /// As [`temporary`], by this clock.
    pub(crate) fn temporary_by(clock: Arc<dyn Clock>) -> (TempDir, Arc<App>) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { clock, ..Options::new(folder.path().join("data")) };
        Log::create(&options, "example.com/log").unwrap();
        let bodies = Bodies::new(64 * 1024 * 1024, Duration::from_secs(600));
        let (log, callers) = (Log::open(&options).unwrap(), Callers::open(&options.data_dir, false).unwrap());
        let (metrics, seats, issuers) = (Arc::default(), Seats::default(), Issuers::new("example.com/log"));
        let app = App::new(
            log,
            options.clock,
            bodies,
            metrics,
            seats,
            WhoIsKnown { callers, issuers },
            Live::default(),
        );
        (folder, Arc::new(app.unwrap()))
    }

    /// Whoever asks a log without tokens.
    pub(crate) fn anybody(app: &App) -> Caller {
        let (headers, remote, settings) = (HeaderMap::new(), Remote::default(), LiveSettings::default());
        app.callers.enter(&headers, &remote, settings.named(), None, Access::Append, || 0).unwrap()
    }
}
