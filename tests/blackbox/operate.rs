//! What its operator does to a running daemon, and to the files under it, and what the daemon says of it.

use crate::support::{Daemon, folder, promotion, signal, until_says};

#[test]
fn a_signal_that_stops_nothing_is_logged_and_the_daemon_goes_on() {
    let folder = folder();
    let log = folder.path().join("log");
    let daemon = Daemon::start_logging(&folder.path().join("data"), &[], &log);
    for (flag, name) in [("-HUP", "SIGHUP"), ("-USR1", "SIGUSR1"), ("-USR2", "SIGUSR2")] {
        signal(flag, daemon.id());
        until_says(&log, name);
        daemon.post("/v1/entries", promotion(name).to_string().as_bytes()).expect(201);
    }
    assert_eq!(daemon.terminate(), Some(0));
}
