//! A wall clock that can't be right stops appends, not reads, until the operator says that it is to be believed.

use crate::support::{Daemon, folder, promotion};
use provlog_engine::{Clock, Log, Options, SystemClock};
use serde_json::json;
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

    let daemon = Daemon::start_with(&data_dir, &["--accept-clock"]);
    let entry = append(&daemon).expect(201).json();
    let genesis = daemon.get("/v1/entries/0").expect(200).json();
    assert!(entry["time_ms"].as_u64() >= genesis["time_ms"].as_u64(), "time never decreases");
}
