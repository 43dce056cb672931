//! A wall clock that can't be right stops appends, not reads, until the operator says that it is to be believed.

use crate::support::{Daemon, folder, promotion};
use provlog_engine::{Clock, Log, Options, SystemClock};
use serde_json::json;
use std::fs;
use std::sync::Arc;

/// Ten minutes ahead of this machine's clock.
#[derive(Debug)]
struct Ahead(SystemClock);

impl Clock for Ahead {
    fn wall_ms(&self) -> i64 {
        self.0.wall_ms() + 10 * 60 * 1000
    }

    fn boot_ms(&self) -> i64 {
        self.0.boot_ms()
    }
}

#[test]
fn appends_wait_while_the_clock_is_behind_the_last_entry() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let mut options = Options::new(&data_dir);
    options.clock = Arc::new(Ahead(SystemClock));
    // The genesis entry is ten minutes ahead of the clock that the daemon reads next.
    Log::create(&options, "example.com/clock").unwrap();

    let daemon = Daemon::start(&data_dir);
    let append = |daemon: &Daemon| daemon.post("/v1/entries", promotion("a").to_string().as_bytes());
    let answer = append(&daemon);
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("clock")), "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert!(answer.text().contains("--accept-clock"), "what to do is said: {}", answer.text());
    daemon.get("/v1/entries/0").expect(200);
    assert_eq!(daemon.terminate(), Some(0));

    // A balancer, a scrape and the log are told so before anybody appends.
    let log = folder.path().join("log");
    let daemon = Daemon::start_logging(&data_dir, &[], &log);
    let answer = daemon.get("/readyz");
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("clock")), "{}", answer.text());
    daemon.get("/healthz").expect(200);
    let metrics = daemon.get("/metrics").expect(200);
    assert!(metrics.text().contains("provlog_appends_possible 0\n"), "{}", metrics.text());
    for _ in 0..3 {
        append(&daemon).expect(503);
    }
    assert_eq!(daemon.terminate(), Some(0));
    let text = fs::read_to_string(log).unwrap();
    assert_eq!(text.matches("appends are refused").count(), 1, "{text}");

    let daemon = Daemon::start_with(&data_dir, &["--accept-clock"]);
    daemon.get("/readyz").expect(200);
    let entry = append(&daemon).expect(201).json();
    let genesis = daemon.get("/v1/entries/0").expect(200).json();
    assert!(entry["time_ms"].as_u64() >= genesis["time_ms"].as_u64(), "time never decreases");
    let metrics = daemon.get("/metrics").expect(200);
    let gauge = |name: &str| {
        let lines = metrics.text().lines().map(|line| line.split_once(' ').unwrap());
        let (_, value) = lines.into_iter().find(|(found, _)| *found == name).unwrap();
        value.parse::<f64>().unwrap()
    };
    assert!(gauge("provlog_disk_bytes_free") > 0.0 && gauge("provlog_appends_possible") > 0.0);
    let committed_ms = gauge("provlog_last_commit_timestamp_seconds") * 1000.0;
    assert!((committed_ms - entry["time_ms"].as_f64().unwrap()).abs() < 1.0, "{committed_ms}");
}
