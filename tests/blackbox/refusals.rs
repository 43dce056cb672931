//! What is written of refused requests, and how requests are held to a rate, through the real programs.

use crate::support::{Daemon, Response, folder, program, promotion, provlog, stderr, stdout};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Tokens that nobody has, sent one after the other.
const UNKNOWN: u64 = 30;

/// Makes a token that doesn't end.
fn token(data: &Path, name: &str, more: &[&str]) -> String {
    let mut create = Command::new(program("provlogd"));
    create.args(["token", "create", "--name", name, "--expires", "never", "--data-dir"]).arg(data).args(more);
    let made = create.output().unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
    stdout(&made).trim().into()
}

fn append(daemon: &Daemon, token: Option<&str>, body: &str) -> Response {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    daemon.request("POST", "/v1/entries", &headers, body.as_bytes())
}

fn size(daemon: &Daemon) -> u64 {
    daemon.get("/v1/log").expect(200).json()["size"].as_u64().unwrap()
}

/// Those of the log's entries that tell of refusals: how many of which code, of whom. (Where the machine is so slow that a minute
/// ended meanwhile, there are two of one.)
fn told(daemon: &Daemon, reader: &str) -> BTreeMap<(String, String), u64> {
    let bearer = format!("Bearer {reader}");
    let records = daemon.request("GET", "/v1/records?kind=refusal", &[("Authorization", &bearer)], b"");
    let mut told = BTreeMap::new();
    for line in records.expect(200).text().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["submitted"].as_object().unwrap().len(), 1, "{record}");
        let (refusal, workload) = (&record["submitted"]["refusal"], &record["attested"]["workload"]);
        let ms = |name: &str| refusal[name].as_u64().unwrap();
        assert!(
            ms("from_ms") <= ms("to_ms") && ms("to_ms") <= record["time_ms"].as_u64().unwrap(),
            "{record}"
        );
        let key = (refusal["code"].as_str().unwrap().to_owned(), workload.to_string());
        *told.entry(key).or_insert(0) += ms("count");
    }
    told
}

#[test]
fn what_was_refused_is_in_the_log_when_it_ends_and_no_secret_is() {
    let folder = folder();
    let (root, data, log) = (folder.path(), folder.path().join("data"), folder.path().join("log"));
    let trust = data.join("trust.tlog-policy");
    let settings =
        ["--refusal-entries-per-minute", "1", "--origin", "example.com/log", "--log-filter", "trace"];
    let daemon = Daemon::start_logging(&data, &settings, &log);
    let reader = token(&data, "reader", &["--role", "read"]);
    let scans = token(&data, "scans", &["--role", "append", "--kinds", "scan"]);
    let old = token(&data, "old", &["--role", "append"]);
    let mut revoke = Command::new(program("provlogd"));
    let revoked = revoke.args(["token", "revoke", "old", "--data-dir"]).arg(&data).output().unwrap();
    assert!(revoked.status.success(), "{}", stderr(&revoked));

    let unknown = format!("{}{}", &scans[..13], "A".repeat(43));
    let fine = promotion("a").to_string();
    let secret_claim =
        json!({"kind": "event", "claims": {"type": "t", "canary": "plt_canary_in_a_claim"}}).to_string();
    for (token, body, times, status) in [
        (Some(&scans), &fine, 3, 403),
        (Some(&reader), &fine, 2, 403),
        (Some(&unknown), &fine, UNKNOWN, 401),
        (Some(&old), &fine, 1, 401),
        (Some(&scans), &secret_claim, 2, 400),
        (None, &fine, 4, 401),
    ] {
        for _ in 0..times {
            append(&daemon, token.map(String::as_str), body).expect(status);
        }
    }
    daemon.get("/v1/nothing?plt_canary_in_a_path").expect(404);
    daemon.get("/tile/entries/999").expect(404);
    daemon
        .request("GET", "/v1/entries/77", &[("Authorization", &format!("Bearer {reader}"))], b"")
        .expect(404);
    let metrics = daemon.request("GET", "/metrics", &[("Authorization", &format!("Bearer {reader}"))], b"");
    for line in [
        "provlog_refusals_total{code=\"kind.denied\"} 3",
        "provlog_requests_total{caller=\"unknown\"} 34",
        "provlog_requests_total{caller=\"peer\"} 0",
    ] {
        assert!(metrics.text().lines().any(|got| got == line), "{line}\n{}", metrics.text());
    }
    assert_eq!(daemon.terminate(), Some(0));

    let daemon = Daemon::start(&data);
    let workload = |name: &str| json!({"method": "static-token", "id": name}).to_string();
    let nobody = json!({"method": "log"}).to_string();
    let expected: BTreeMap<(String, String), u64> = [
        ("kind.denied", workload("scans"), 3),
        ("role.denied", workload("reader"), 2),
        ("token.unknown", nobody.clone(), UNKNOWN),
        ("token.revoked", workload("old"), 1),
        ("claim.unknown", workload("scans"), 2),
        ("caller.missing", nobody, 4),
    ]
    .into_iter()
    .map(|(code, workload, count)| ((code.to_owned(), workload), count))
    .collect();
    assert_eq!(told(&daemon, &reader), expected);

    // Such an entry is as any other one for whoever verifies, exports and counts.
    fs::write(root.join("token"), &reader).unwrap();
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(root.join("token"), mode).unwrap();
    let trust = trust.to_str().unwrap();
    let site = ["--url", &daemon.url, "--trust", trust, "--token-file", "token"];
    for verb in [&["get", "1", "--receipt", "r.tlog-proof"][..], &["export", "-o", "all"]] {
        let done = provlog(root, &[verb, &site].concat());
        assert!(done.status.success(), "{verb:?}: {}", stderr(&done));
    }
    for (verb, says) in [
        (&["verify", "r.tlog-proof", "--trust", trust][..], "refusal"),
        (&["verify", "all", "--trust", trust], "verdict: verified"),
        (&["crosswalk", "evidence", "all", "--trust", trust], ""),
    ] {
        let done = provlog(root, verb);
        assert!(done.status.success(), "{verb:?}: {}", stderr(&done));
        assert!(stdout(&done).contains(says), "{verb:?}: {}", stdout(&done));
    }

    let text = fs::read_to_string(&log).unwrap();
    let of_unknown: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("provlogd::refusals") && line.contains("token.unknown"))
        .collect();
    let (lines, counts): (Vec<&str>, Vec<&str>) =
        of_unknown.iter().partition(|line| line.contains("a request was refused"));
    let counted = |line: &&str| {
        line.split("count=").nth(1).unwrap().split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let (lines, counted) = (u64::try_from(lines.len()).unwrap(), counts.iter().map(counted).sum::<u64>());
    assert!(lines >= 10 && counted > 0, "a few lines, and a count: {of_unknown:?}");
    assert_eq!(lines + counted, UNKNOWN, "{of_unknown:?}");
    let known = text.lines().find(|line| line.contains("kind.denied")).unwrap();
    assert!(known.contains("token:scans") && known.contains("/v1/entries"), "{known}");

    drop(daemon);
    fs::remove_file(root.join("token")).unwrap();
    for secret in [&reader[13..], &scans[13..], &old[13..], "plt_canary"] {
        let found = Command::new("grep").args(["-razF", secret]).arg(root).output().unwrap();
        assert_eq!(found.status.code(), Some(1), "{}{}", stdout(&found), stderr(&found));
    }
}

#[test]
fn without_the_setting_nothing_is_written() {
    let folder = folder();
    let data = folder.path().join("data");
    let daemon = Daemon::start(&data);
    append(&daemon, None, "{}").expect(400);
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(size(&Daemon::start(&data)), 1);
}

/// A batch is taken, and whoever sent it waits: nobody else does, nor whoever watches the daemon.
#[test]
fn a_batch_is_paid_for_by_whoever_sent_it() {
    let folder = folder();
    let data = folder.path().join("data");
    let daemon = Daemon::start_with(&data, &["--caller-rate-per-s", "1"]);
    let (batcher, other) =
        (token(&data, "batcher", &["--role", "append"]), token(&data, "other", &["--role", "append"]));
    let batch = format!("{}\n", promotion("a")).repeat(1_000);
    let bearer = format!("Bearer {batcher}");
    let headers = [("Content-Type", "application/x-ndjson"), ("Authorization", &*bearer)];
    daemon.request("POST", "/v1/entries/batch", &headers, batch.as_bytes()).expect(200);
    let refused = append(&daemon, Some(&batcher), &promotion("b").to_string()).expect(429);
    assert_eq!(refused.json()["code"], json!("rate.caller"));
    let waits: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(waits > 1, "{waits}");
    append(&daemon, Some(&other), &promotion("b").to_string()).expect(201);
    for path in ["/healthz", "/readyz"] {
        daemon.get(path).expect(200);
    }
    assert_eq!(size(&daemon), 1_002);
}
