//! What the daemon counts and measures, in the text that Prometheus scrapes, and the engine's observer that feeds it.
//!
//! No label holds anything that a client chose: the codes of the table, reasons and the names of stages are all there is.

use crate::access::caller::Who;
use crate::http::codes::Code;
use crate::http::tls::failure::HandshakeFailure;
use crate::http::tls::renewal::Tls;
use crate::identity::issuers::Issuers;
use crate::operate::issuer_keys::WatchedIssuers;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use provlog_core::entry::TimeMs;
use provlog_engine::{GroupStats, Observer};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Media type of [`Metrics::text`].
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds in seconds. A sync of a local disk takes 0.1 to 10 ms, so most of the bounds lie there.
const STAGE_BUCKETS_S: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_2, 0.000_35, 0.000_5, 0.001, 0.002, 0.003_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// Upper bounds in entries, up to a whole batch.
const GROUP_BUCKETS: [f64; 12] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 2048.0, 10_000.0];

type Labels = [(&'static str, &'static str); 1];

/// Every metric, and whether the log has failed for good.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    appends: Counter,
    retries: Counter,
    entries: Gauge,
    in_flight: Gauge,
    body_bytes_free: Gauge,
    appends_possible: Gauge,
    disk_bytes_free: Gauge,
    last_commit: Gauge<f64, AtomicU64>,
    refusals: Family<Labels, Counter>,
    handshake_failures: Family<Labels, Counter>,
    certificates: Family<[(&'static str, String); 1], Gauge>,
    shown: OnceLock<Vec<(String, Arc<Tls>)>>,
    issuers: WatchedIssuers,
    callers: ByCaller,
    self_check_failures: Counter,
    damage: Counter,
    derived_failures: Counter,
    derived_rebuilds: Counter,
    behind: Family<Labels, Gauge>,
    group_entries: Histogram,
    stages: Stages,
    reloads: Family<Labels, Counter>,
    last_reload: Gauge<f64, AtomicU64>,
    fatal: watch::Sender<Option<String>>,
}

/// Requests that ask for a caller, by how it is known.
#[derive(Debug)]
struct ByCaller {
    token: Counter,
    peer: Counter,
    workload: Counter,
    anonymous: Counter,
    unknown: Counter,
}

#[derive(Debug)]
struct Stages {
    encode: Histogram,
    journal_sync: Histogram,
    high_water_sync: Histogram,
    publish: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("provlog");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", build);
        let stages = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(STAGE_BUCKETS_S));
        let stage = |name| stages.get_or_create(&[("stage", name)]).clone();
        let requests = Family::<Labels, Counter>::default();
        let by = |caller| requests.get_or_create(&[("caller", caller)]).clone();
        let callers = ByCaller {
            token: by("token"),
            peer: by("peer"),
            workload: by("workload"),
            anonymous: by("anonymous"),
            unknown: by("unknown"),
        };
        registry.register("requests", "Requests that ask for a caller, by how it is known", requests.clone());
        let mut metrics = Self {
            appends: Counter::default(),
            retries: Counter::default(),
            entries: Gauge::default(),
            in_flight: Gauge::default(),
            body_bytes_free: Gauge::default(),
            appends_possible: Gauge::default(),
            disk_bytes_free: Gauge::default(),
            last_commit: Gauge::default(),
            refusals: Family::default(),
            handshake_failures: Family::default(),
            certificates: Family::default(),
            shown: OnceLock::new(),
            issuers: WatchedIssuers::default(),
            callers,
            self_check_failures: Counter::default(),
            damage: Counter::default(),
            derived_failures: Counter::default(),
            derived_rebuilds: Counter::default(),
            behind: Family::default(),
            group_entries: Histogram::new(GROUP_BUCKETS),
            stages: Stages {
                encode: stage("encode"),
                journal_sync: stage("journal_sync"),
                high_water_sync: stage("high_water_sync"),
                publish: stage("publish"),
            },
            reloads: Family::default(),
            last_reload: Gauge::default(),
            fatal: watch::channel(None).0,
            registry,
        };
        metrics.register(stages);
        metrics
    }
}

impl Metrics {
    fn register(&mut self, stages: Family<Labels, Histogram, fn() -> Histogram>) {
        let registry = &mut self.registry;
        registry.register("appends", "Entries appended", self.appends.clone());
        registry.register("retries", "Appends whose entry was there already", self.retries.clone());
        registry.register("entries", "Entries in the log", self.entries.clone());
        registry.register("requests_in_flight", "Requests being answered", self.in_flight.clone());
        registry.register(
            "request_body_bytes_free",
            "Bytes of request bodies, and of what is made of them, that may still be held; batches leave the last 8 MiB to single appends",
            self.body_bytes_free.clone(),
        );
        registry.register(
            "appends_possible",
            "1, or 0 while every append is refused: for lack of space, for the clock, or after a failed write",
            self.appends_possible.clone(),
        );
        registry.register(
            "disk_bytes_free",
            "Bytes that are free on the data folder's file system",
            self.disk_bytes_free.clone(),
        );
        registry.register_with_unit(
            "last_commit_timestamp",
            "Time of the newest entry, since the Unix epoch",
            Unit::Seconds,
            self.last_commit.clone(),
        );
        registry.register("refusals", "Requests refused, by the code of the problem", self.refusals.clone());
        registry.register_with_unit(
            "certificate_not_after_timestamp",
            "When the certificate ends that a listener shows, since the Unix epoch",
            Unit::Seconds,
            self.certificates.clone(),
        );
        registry.register(
            "tls_handshake_failures",
            "TLS handshakes that came to nothing, by the reason",
            self.handshake_failures.clone(),
        );
        registry.register(
            "self_check_failures",
            "Receipts that did not verify and were not sent: look at once",
            self.self_check_failures.clone(),
        );
        registry.register(
            "journal_damage",
            "Reads that found damage in the journal: look at once",
            self.damage.clone(),
        );
        registry.register(
            "derived_failures",
            "Derived files found missing or damaged",
            self.derived_failures.clone(),
        );
        registry.register(
            "derived_rebuilds",
            "Derived files rebuilt from the journal",
            self.derived_rebuilds.clone(),
        );
        registry.register(
            "behind_entries",
            "Entries that what is made of the log behind its commits still lacks",
            self.behind.clone(),
        );
        registry.register(
            "reloads",
            "Times that the settings were read anew, on SIGHUP",
            self.reloads.clone(),
        );
        registry.register_with_unit(
            "last_reload_timestamp",
            "When settings were last taken, by the start or by a reload, since the Unix epoch",
            Unit::Seconds,
            self.last_reload.clone(),
        );
        registry.register("group_entries", "Entries made durable by one commit", self.group_entries.clone());
        registry.register_with_unit("commit_stage", "Time of each stage of a commit", Unit::Seconds, stages);
        registry.register_collector(Box::new(self.issuers.clone()));
    }

    /// Tells from now on when the certificates end that are shown at these addresses.
    pub(crate) fn watch_certificates(&self, shown: Vec<(String, Arc<Tls>)>) {
        // A daemon listens once.
        let _ = self.shown.set(shown);
    }

    /// Tells from now on how it stands with these issuers' keys.
    pub(crate) fn watch_issuers(&self, issuers: Issuers) {
        self.issuers.watch(issuers);
    }

    /// The text that Prometheus scrapes.
    pub(crate) fn text(&self, body_bytes_free: usize) -> Result<String, fmt::Error> {
        self.body_bytes_free.set(i64::try_from(body_bytes_free).unwrap_or(i64::MAX));
        for (listener, tls) in self.shown.get().into_iter().flatten() {
            let not_after_s = i64::try_from(tls.not_after_s()).unwrap_or(i64::MAX);
            self.certificates.get_or_create(&[("listener", listener.clone())]).set(not_after_s);
        }
        let mut text = String::with_capacity(8 * 1024);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Tells whether appends are possible, what is free, and when the last group was committed.
    pub(crate) fn set_standing(&self, appends_possible: bool, bytes_free: Option<u64>, last_commit: TimeMs) {
        self.appends_possible.set(i64::from(appends_possible));
        // What can't be told now stays what it was.
        if let Some(bytes) = bytes_free {
            self.disk_bytes_free.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        self.last_commit.set(Duration::from_millis(last_commit.get()).as_secs_f64());
    }

    /// Counts an append whose entry was there already.
    pub(crate) fn retried(&self) {
        self.retries.inc();
    }

    /// Counts a request that was refused.
    pub(crate) fn refused(&self, code: &'static Code) {
        self.refusals.get_or_create(&[("code", code.code)]).inc();
    }

    /// Counts a TLS handshake that came to nothing.
    pub(crate) fn handshake_failed(&self, failure: HandshakeFailure) {
        self.handshake_failures.get_or_create(&[("reason", failure.reason())]).inc();
    }

    /// Counts a request that asks for a caller, let in or not.
    pub(crate) fn called(&self, who: Option<&Who>) {
        let counter = match who {
            Some(Who::Token(_)) => &self.callers.token,
            Some(Who::Peer(_)) => &self.callers.peer,
            Some(Who::Workload(_)) => &self.callers.workload,
            Some(Who::Anonymous) => &self.callers.anonymous,
            None => &self.callers.unknown,
        };
        counter.inc();
    }

    /// Counts a receipt that didn't verify.
    pub(crate) fn self_check_failed(&self) {
        self.self_check_failures.inc();
    }

    /// Tells the size of the log.
    pub(crate) fn set_entries(&self, size: u64) {
        self.entries.set(i64::try_from(size).unwrap_or(i64::MAX));
    }

    /// Counts a reload, and notes when settings were taken.
    pub(crate) fn reloaded(&self, taken: bool) {
        self.reloads.get_or_create(&[("outcome", if taken { "taken" } else { "refused" })]).inc();
        if taken {
            self.settings_taken();
        }
    }

    /// Notes that the settings that hold are those of now.
    pub(crate) fn settings_taken(&self) {
        // Of a clock before the epoch there is nothing to tell.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.last_reload.set(now.as_secs_f64());
    }

    /// A request is in flight until the guard is dropped.
    pub(crate) fn in_flight(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    /// Holds the reason once the log has failed for good.
    pub(crate) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.fatal.subscribe()
    }
}

/// One request in flight.
pub(crate) struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts only: the engine logs what it tells.
impl Observer for Metrics {
    fn group_committed(&self, group: &GroupStats) {
        self.set_entries(group.size);
        self.appends.inc_by(group.entries);
        self.group_entries.observe(f64::from(u32::try_from(group.entries).unwrap_or(u32::MAX)));
        let stages = &self.stages;
        let observe = |histogram: &Histogram, time: Duration| histogram.observe(time.as_secs_f64());
        observe(&stages.encode, group.encode);
        observe(&stages.journal_sync, group.journal_sync);
        observe(&stages.high_water_sync, group.high_water_sync);
        observe(&stages.publish, group.publish);
    }

    fn fatal(&self, detail: &str) {
        self.fatal.send_replace(Some(detail.into()));
    }

    fn derived_failed(&self, _detail: &str) {
        self.derived_failures.inc();
    }

    fn derived_rebuilt(&self, _size: u64) {
        self.derived_rebuilds.inc();
    }

    fn followed(&self, name: &'static str, behind: u64) {
        let behind = i64::try_from(behind).unwrap_or(i64::MAX);
        self.behind.get_or_create(&[("what", name)]).set(behind);
    }

    fn damaged(&self, _detail: &str) {
        self.damage.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::workloads::tests::caller;
    use crate::http::codes::HOST_DENIED;

    #[test]
    fn the_text_has_what_was_observed() {
        let metrics = Metrics::default();
        let ms = Duration::from_millis;
        metrics.group_committed(&GroupStats {
            entries: 3,
            bytes: 4096,
            size: 7,
            encode: ms(1),
            journal_sync: ms(2),
            high_water_sync: ms(3),
            publish: ms(4),
        });
        metrics.refused(&HOST_DENIED);
        metrics.handshake_failed(HandshakeFailure::Timeout);
        metrics.called(Some(&Who::Anonymous));
        metrics.called(None);
        metrics.called(None);
        metrics.called(Some(&Who::Workload(caller("job-1", &[]).into())));
        metrics.retried();
        metrics.followed("tiles", 11);
        metrics.reloaded(false);
        metrics.reloaded(true);
        metrics.set_standing(true, Some(77), TimeMs::new(1_790_000_000_250).unwrap());
        metrics.set_standing(false, None, TimeMs::new(1_790_000_000_250).unwrap());
        let held = metrics.in_flight();
        let text = metrics.text(4096).unwrap();
        drop(held);
        let expected = [
            "provlog_entries 7",
            "provlog_appends_total 3",
            "provlog_retries_total 1",
            "provlog_requests_in_flight 1",
            "provlog_request_body_bytes_free 4096",
            "provlog_appends_possible 0",
            "provlog_disk_bytes_free 77",
            "provlog_last_commit_timestamp_seconds 1790000000.25",
            "provlog_refusals_total{code=\"host.denied\"} 1",
            "provlog_tls_handshake_failures_total{reason=\"timeout\"} 1",
            "provlog_requests_total{caller=\"token\"} 0",
            "provlog_requests_total{caller=\"peer\"} 0",
            "provlog_requests_total{caller=\"workload\"} 1",
            "provlog_requests_total{caller=\"anonymous\"} 1",
            "provlog_requests_total{caller=\"unknown\"} 2",
            "provlog_self_check_failures_total 0",
            "provlog_behind_entries{what=\"tiles\"} 11",
            "provlog_reloads_total{outcome=\"taken\"} 1",
            "provlog_reloads_total{outcome=\"refused\"} 1",
            "provlog_group_entries_sum 3.0",
            "provlog_commit_stage_seconds_bucket{le=\"0.002\",stage=\"journal_sync\"} 1",
            "provlog_commit_stage_seconds_bucket{le=\"0.002\",stage=\"publish\"} 0",
        ];
        for line in expected {
            assert!(text.lines().any(|got| got == line), "{line}\n{text}");
        }
        assert!(metrics.text(0).unwrap().contains("provlog_requests_in_flight 0"));
        assert!(
            text.contains(&format!("provlog_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))),
            "{text}"
        );
    }

    #[test]
    fn a_failure_is_told_to_who_waits() {
        let metrics = Metrics::default();
        let told = metrics.failure();
        Observer::fatal(&metrics, "journal: no such device");
        assert_eq!(told.borrow().as_deref(), Some("journal: no such device"));
    }
}
