//! A whole run of the daemon: take the addresses, open the log, serve, drain, and close the log.

use crate::access::callers::Callers;
use crate::access::file::TokensFile;
use crate::http::body::Bodies;
use crate::http::bound::Bound;
use crate::http::server;
use crate::identity::issuers::Issuers;
use crate::log::delivery;
use crate::operate::check::check;
use crate::operate::config::{Config, WithoutLog, default_file};
use crate::operate::exposed::{demand_origin, refuse_anonymous};
use crate::operate::failure::Failure;
use crate::operate::first_start::{FirstStart, companion};
use crate::operate::live::Live;
use crate::operate::metrics::Metrics;
use crate::operate::notify;
use crate::operate::reload::Reload;
use crate::operate::token::TokenVerb;
use crate::routes::api::Api;
use crate::routes::app::{App, WhoIsKnown};
use crate::workers::Workers;
use provlog_core::hex;
use provlog_engine::{Log, Options, Presence};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, Write};
use std::path::{self, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// How long the last entries of refusals may take once all requests are answered: some milliseconds, unless the disk hangs.
const LAST_REFUSALS_MAX: Duration = Duration::from_secs(1);

/// Descriptors beside those of connections: the log's files, the runtime's, standard streams.
const DESCRIPTORS_BESIDE: usize = 256;

/// Runs until SIGTERM or SIGINT, or until the log fails.
///
/// # Errors
/// [`Failure`] says why the daemon didn't start or had to stop.
pub fn run(mut config: Config, reload: Reload) -> Result<(), Failure> {
    let system = |what| move |error| Failure::System { what, error };
    config.server.connections_max = fit_descriptors(config.server.connections_max);
    // Accepts connections, and hears signals. The workers do the rest.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(system("starting"))?;
    let workers = Workers::start(Workers::usual(), delivery::deliver).map_err(system("starting threads"))?;
    let _entered = runtime.enter();
    // Before all that may take long, such as opening the log: unheard, a signal would end the daemon in the midst of it.
    let signals = Signals::install().map_err(system("signal handlers"))?;
    // The addresses first: whoever can't have them all leaves no half-made log behind.
    let listeners: Vec<Bound> = config.listeners.iter().map(Bound::new).collect::<Result<_, _>>()?;
    let urls: Vec<String> = listeners.iter().map(Bound::url).collect();
    let certificates = listeners.iter().filter_map(|bound| Some((bound.url(), Arc::clone(bound.tls()?))));
    let certificates = certificates.collect();

    let metrics = Arc::new(Metrics::default());
    metrics.watch_certificates(certificates);
    let options = options(&config, &metrics);
    // Before a log is made: where nobody would be let in, or everybody, none is.
    let callers = Callers::open(&config.data_dir, config.demands_certificates())?;
    refuse_anonymous(&config, &config.live, callers.has_tokens())?;
    let (log, first) = open(&config, &options, &metrics)?;
    let issuers = Issuers::new(log.origin());
    issuers.replace(config.live.issuers())?;
    metrics.watch_issuers(issuers.clone());
    announce(&options, &log, &callers.told(config.live.named(), now_s(&options)), &urls, first);

    let bodies = Bodies::new(config.body_bytes_max, config.body_timeout);
    let live = Live::new(config.live.clone());
    let known = WhoIsKnown { callers, issuers };
    let app = App::new(log, options.clock, bodies, Arc::clone(&metrics), workers.seats(), known, live)
        .map_err(system("starting threads"))?;
    let app = Arc::new(app);
    let (end, ended) = oneshot::channel();
    let refusals = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.refusals.keep_writing(&app.log, &app.live, ended).await }
    });
    let mut failed = metrics.failure();
    let stop = stop(Arc::clone(&app), signals, failed.clone(), reload);
    metrics.settings_taken();
    notify::ready(&format!("listening on {}", urls.join(", ")));
    let api = Api::new(Arc::clone(&app));
    if !runtime.block_on(server::serve(listeners, api, &config.server, &workers.seats(), stop)) {
        tracing::warn!("requests were still in flight when the drain timeout ended");
    }
    drop(end);
    match runtime.block_on(timeout(LAST_REFUSALS_MAX, refusals)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "entries of refusals were written no more: this is a bug"),
        Err(_) => {
            tracing::warn!(
                "entries of refusals were still being written, and the daemon doesn't wait for them"
            );
        }
    }
    app.log.shutdown();
    match failed.borrow_and_update().clone() {
        Some(detail) => Err(Failure::Fatal(detail)),
        None => Ok(()),
    }
}

fn options(config: &Config, metrics: &Arc<Metrics>) -> Options {
    let mut options = Options::new(&config.data_dir);
    options.high_water = config.high_water.clone();
    options.log_key = config.log_key.clone();
    options.credentials = config.credentials.clone();
    options.accept_clock = config.accept_clock;
    options.observer = Arc::clone(metrics) as _;
    options
}

/// Makes the log, and tells what was made.
///
/// # Errors
/// [`Failure`] says why it isn't made.
pub fn init(config: &Config) -> Result<(), Failure> {
    let metrics = Arc::new(Metrics::default());
    let options = options(config, &metrics);
    make(config, &options)?;
    let log = Log::open(&options)?;
    let mut text = first_start(&options, &log, None);
    text.push_str("Serve it by provlogd with the same settings.\n");
    tell(&text);
    Ok(())
}

/// Prints a file with every setting.
pub fn default_config() {
    tell(&default_file());
}

/// Reads all that a start would read, changes nothing, and tells what holds.
///
/// # Errors
/// The first [`Failure`] that a start would end with.
pub fn check_config(config: &Config) -> Result<(), Failure> {
    let options = options(config, &Arc::new(Metrics::default()));
    tell(&check(config, &options, now_s(&options))?);
    Ok(())
}

/// Makes, lists or revokes tokens of a log that is there; a daemon that serves it takes that at once.
///
/// # Errors
/// [`Failure`] says why not.
pub fn tokens(config: &Config, verb: &TokenVerb) -> Result<(), Failure> {
    let options = Options::new(&config.data_dir);
    if Log::presence(&options) == Presence::Absent {
        let why = "tokens are of a log that is there";
        return Err(Failure::NoLog { dir: absolute(&config.data_dir), why });
    }
    Ok(verb.run(&TokensFile::of(&config.data_dir), now_s(&options))?)
}

/// Seconds since the Unix epoch.
fn now_s(options: &Options) -> u64 {
    u64::try_from(options.clock.wall_ms()).unwrap_or(0) / 1_000
}

fn make(config: &Config, options: &Options) -> Result<(), Failure> {
    demand_origin(config)?;
    let origin = config.origin.clone().map_or_else(random_origin, Ok)?;
    Ok(Log::create(options, &origin)?)
}

/// Opens the log; where there is none it is made first, if a start may do that. Says whether it was.
fn open(config: &Config, options: &Options, metrics: &Metrics) -> Result<(Log, bool), Failure> {
    let first = Log::presence(options) == Presence::Absent;
    if first {
        match config.without_log {
            WithoutLog::Make => make(config, options)?,
            WithoutLog::Refuse(why) => return Err(Failure::NoLog { dir: absolute(&config.data_dir), why }),
        }
    }
    let log = Log::open(options)?;
    config.refuse_other_origin(log.origin())?;
    metrics.set_entries(log.committed().checkpoint.size);
    Ok((log, first))
}

/// A name that tells nobody the machine's.
fn random_origin() -> Result<String, Failure> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Failure::System {
        what: "drawing the origin",
        error: io::Error::other(error.to_string()),
    })?;
    Ok(format!("localhost/provlog/{}", hex::encode(&random)))
}

/// What people need to know: after the first start all of it, later which log this is, so that the wrong one is seen. Then,
/// always, the lines that programs wait for, one a listener.
fn announce(options: &Options, log: &Log, callers: &str, urls: &[String], first: bool) {
    let mut text = if first {
        first_start(options, log, urls.first().map(String::as_str))
    } else {
        let (size, fingerprint) = (log.committed().checkpoint.size, log.verifier().fingerprint());
        let entries = if size == 1 { "entry" } else { "entries" };
        format!("{}: {size} {entries}, key fingerprint {fingerprint}\n", log.origin())
    };
    text.push_str(&format!("callers: {callers}\n"));
    text.extend(urls.iter().map(|url| format!("listening on {url}\n")));
    tell(&text);
}

fn first_start(options: &Options, log: &Log, url: Option<&str>) -> String {
    let first = FirstStart {
        origin: log.origin(),
        url,
        data_dir: &absolute(&options.data_dir),
        log_key: &absolute(&options.log_key_path()),
        trust: &absolute(&options.trust_path()),
        fingerprint: &log.verifier().fingerprint(),
        provlog: &companion(),
    };
    first.text()
}

fn absolute(path: &Path) -> PathBuf {
    path::absolute(path).unwrap_or_else(|_| path.into())
}

/// Whoever has closed stdout doesn't read it.
fn tell(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    // Unhandled, each would end the daemon undrained.
    user_1: Signal,
    user_2: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }
}

/// Done once the daemon was told to stop, or has to. Until then SIGHUP reads the settings anew, where connections are accepted:
/// the file is small, and one reload after the other.
async fn stop(
    app: Arc<App>,
    mut signals: Signals,
    mut failed: watch::Receiver<Option<String>>,
    mut reload: Reload,
) {
    let name = loop {
        let ignored = tokio::select! {
            _ = signals.terminate.recv() => break "SIGTERM",
            _ = signals.interrupt.recv() => break "SIGINT",
            // The sender lives in the metrics, which outlive this.
            _ = failed.wait_for(Option::is_some) => break "the log failed",
            _ = signals.hangup.recv() => {
                notify::reloading();
                notify::ready(&reload.run(&app.live, &app.callers, &app.issuers, &app.metrics));
                continue;
            }
            _ = signals.user_1.recv() => "SIGUSR1",
            _ = signals.user_2.recv() => "SIGUSR2",
        };
        tracing::warn!(
            signal = ignored,
            "ignored: SIGHUP reads the settings anew, and SIGTERM stops the daemon"
        );
    };
    tracing::info!(reason = name, "stopping: requests in flight are answered first");
    notify::stopping();
    app.drain();
}

/// Each connection is a descriptor, and many systems give a process no more than 1,024 unless it asks. Returns how many
/// connections there are descriptors for: clients must never take those that the log needs for its files.
fn fit_descriptors(connections_max: usize) -> usize {
    let wanted = descriptors(connections_max);
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return connections_max };
    let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let new = Rlimit { current: Some(raised), maximum: limit.maximum };
    let granted = match setrlimit(Resource::Nofile, new) {
        Ok(()) => raised,
        Err(error) => {
            tracing::warn!(%error, current, wanted, "the limit of open files could not be raised");
            current
        }
    };
    let fitting = connections_within(granted, connections_max);
    if fitting < connections_max {
        tracing::warn!(
            granted,
            wanted,
            connections_max = fitting,
            "the limit of open files is too low for the connections_max that is set: fewer are taken"
        );
    }
    fitting
}

fn descriptors(connections: usize) -> u64 {
    u64::try_from(connections.saturating_add(DESCRIPTORS_BESIDE)).unwrap_or(u64::MAX)
}

fn connections_within(descriptors: u64, wanted: usize) -> usize {
    let all = usize::try_from(descriptors).unwrap_or(usize::MAX);
    all.saturating_sub(DESCRIPTORS_BESIDE).clamp(1, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_log() {
        assert_eq!(connections_within(descriptors(2048), 2048), 2048);
        assert_eq!(connections_within(1024, 2048), 768);
        assert_eq!(connections_within(u64::MAX, 2048), 2048);
        assert_eq!(connections_within(64, 2048), 1, "what can't work well is still tried");
    }
}
