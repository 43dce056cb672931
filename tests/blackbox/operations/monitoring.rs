//! The dashboard and the alert rules ask for what the daemon tells, and what it says to look at once has an alert.

use super::page::Page;
use crate::support::{Daemon, Response, folder, have, promotion, repository, signal, stderr, stdout};
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Longest that a reload may take, before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

const ALERTS: &str = "packaging/alerts.yml";
const DASHBOARD: &str = "packaging/grafana.json";

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// Names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_name = |byte: char| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == '_';
    let words = text.split(|character| !is_name(character));
    words.filter(|word| word.starts_with("provlog_")).map(Into::into).collect()
}

/// Names under which Prometheus keeps a metric of this type.
fn samples(name: &str, kind: &str) -> Vec<String> {
    let ends: &[&str] = match kind {
        "counter" => &["_total"],
        "histogram" => &["_bucket", "_sum", "_count"],
        "info" => &["_info"],
        "gauge" => &[""],
        other => panic!("a metric of type {other}"),
    };
    ends.iter().map(|end| format!("{name}{end}")).collect()
}

/// Settings that add a listener with TLS.
fn listener_with_tls(folder: &Path) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [certificate, key, settings] = ["tls.crt", "tls.key", "provlogd.toml"].map(|name| folder.join(name));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let listener = format!(
        "[[listener]]\nlisten = \"127.0.0.1:0\"\ntls_certificate = {certificate:?}\ntls_key = {key:?}\n"
    );
    fs::write(&settings, listener).unwrap();
    settings
}

/// The metrics, once a reload is counted, and what follows the log has told how far it is.
fn until_reloaded(daemon: &Daemon) -> Response {
    let start = Instant::now();
    loop {
        let answer = daemon.get("/metrics").expect(200);
        if ["provlog_reloads_total", "provlog_behind_entries{"]
            .iter()
            .all(|name| answer.text().contains(name))
        {
            break answer;
        }
        assert!(start.elapsed() < PATIENCE, "no reload is counted, or no follower: {}", answer.text());
        std::thread::yield_now();
    }
}

/// What a daemon tells: every name, and those that its help says to look at once.
fn told() -> (BTreeSet<String>, Vec<String>) {
    let folder = folder();
    let settings = listener_with_tls(folder.path());
    let daemon = Daemon::start_with(&folder.path().join("data"), &["--config", settings.to_str().unwrap()]);
    // What was never counted by a label isn't told.
    daemon.post("/v1/entries", promotion("a").to_string().as_bytes()).expect(201);
    daemon.post("/v1/entries", b"{").expect(400);
    signal("-HUP", daemon.id());
    let answer = until_reloaded(&daemon);
    let lines = |start: &'static str| {
        answer.text().lines().filter_map(move |line| line.strip_prefix(start)?.split_once(' '))
    };
    let names: Vec<(&str, &str)> = lines("# TYPE ").collect();
    let urgent = lines("# HELP ").filter(|(_, help)| help.contains("look at once")).map(|(name, _)| name);
    let urgent: BTreeSet<&str> = urgent.collect();
    assert!(urgent.len() >= 2, "{}", answer.text());
    let of = |(name, kind): &(&str, &str)| samples(name, kind);
    let all = names.iter().flat_map(of).collect();
    let urgent = names.iter().filter(|(name, _)| urgent.contains(name)).flat_map(of);
    (all, urgent.collect())
}

#[test]
fn every_metric_of_dashboard_and_alerts_is_told_and_what_is_urgent_has_an_alert() {
    let (told, urgent) = told();
    for file in [ALERTS, DASHBOARD] {
        let asked = metrics_in(&read(file));
        assert!(asked.len() >= 8, "{file}: {asked:?}");
        let unknown: Vec<&String> = asked.difference(&told).collect();
        assert!(unknown.is_empty(), "{file} asks for what no daemon tells: {unknown:?} of {told:?}");
    }
    let alerts = metrics_in(&read(ALERTS));
    let forgotten: Vec<&String> = urgent.iter().filter(|name| !alerts.contains(*name)).collect();
    assert!(forgotten.is_empty(), "{ALERTS} has no alert for {forgotten:?}");
    serde_json::from_str::<serde_json::Value>(&read(DASHBOARD)).unwrap();
}

/// Codes of the problems that daemons answer with.
fn codes() -> Vec<String> {
    let spec = read("SPEC.md");
    let (_, table) = spec.split_once("<!-- generated: codes -->").unwrap();
    let (table, _) = table.split_once("<!-- end -->").unwrap();
    table.lines().filter_map(|line| Some(line.split('`').nth(1)?.into())).collect()
}

/// A code that is named wrongly is never counted, and its alert never heard.
#[test]
fn every_code_of_dashboard_and_alerts_is_one_of_the_daemon_s() {
    let codes = codes();
    let alerts = read(ALERTS);
    let patterns = alerts.split("code=").skip(1).map(|rest| rest.split('"').nth(1).unwrap());
    let names: Vec<String> =
        patterns.flat_map(|pattern| pattern.split('|')).map(|name| name.replace("[.]", ".")).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let known = match name.strip_suffix(".*") {
            Some(start) => codes.iter().any(|code| code.starts_with(start)),
            None => codes.contains(&name),
        };
        assert!(known, "{ALERTS} asks for the code {name}, which SPEC.md doesn't have");
    }
}

fn alerts() -> BTreeSet<String> {
    let text = read(ALERTS);
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("- alert: "));
    names.map(Into::into).collect()
}

#[test]
fn every_alert_is_explained_and_nothing_else_is() {
    let page = Page::read("docs/operations.md");
    let explained: BTreeSet<String> = page.section("Alerts").parts().map(Into::into).collect();
    assert_eq!(explained, alerts(), "left: docs/operations.md, right: {ALERTS}");
}

#[test]
fn promtool_takes_the_rules_and_each_fires_on_what_it_is_for() {
    let tests = read("packaging/alerts.test.yml");
    for alert in alerts() {
        // In a list of what is expected the name stands on a line of its own; where nothing is, on one with it.
        assert!(tests.contains(&format!("- alertname: {alert}\n")), "no test sees {alert} fire");
        assert!(tests.contains(&format!("{{alertname: {alert}, ")), "no test sees {alert} keep quiet");
    }
    if !have("promtool", &["--version"], "promtool (Debian: prometheus)") {
        return;
    }
    for arguments in [&["check", "rules", "alerts.yml"], &["test", "rules", "alerts.test.yml"]] {
        let folder = repository().join("packaging");
        let output = Command::new("promtool").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    }
}
