//! `provlog append --identity github`, and `flush`: one command in a job, whatever comes in between.

use super::endpoint::{Jobs, REQUEST_TOKEN};
use crate::oidc::issuer::{Reply, jwks};
use crate::oidc::site::auditor;
use crate::oidc::token::{Draft, SUB, is_told, published};
use crate::support::{Daemon, folder, program, promotion, provlog, stderr, stdout};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

const APPEND: [&str; 3] = ["append", "--json", "entry.json"];

fn entry_in(folder: &Path) {
    fs::write(folder.join("entry.json"), promotion("a").to_string()).unwrap();
}

/// Demands an exit code, and words; nothing secret is ever among them.
fn demand(jobs: &Jobs, output: &Output, code: i32, said: &str) -> String {
    let all = stdout(output) + &stderr(output);
    assert_eq!(output.status.code(), Some(code), "expected {said:?}: {all}");
    assert!(all.contains(said), "expected {said:?} in {all}");
    assert!(!all.contains(REQUEST_TOKEN), "{all}");
    assert!(jobs.given().iter().all(|token| !is_told(token, &all)), "{all}");
    stdout(output).trim().to_owned()
}

/// Verifies a receipt offline by the issuer's keys, and gives back what its entry attests of the workload.
fn bound(jobs: &Jobs, receipt: &str) -> Value {
    let folder = jobs.site.folder.path();
    fs::write(folder.join("keys.json"), jwks(&published())).unwrap();
    let keys = format!("{}=keys.json", jobs.issuer.url);
    let trust = jobs.site.path("data/trust.tlog-policy");
    let verify =
        ["verify", receipt, "--trust", trust.to_str().unwrap(), "--issuer-keys", &keys, "--require-bound"];
    let verified = provlog(folder, &verify);
    assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
    let index: u64 = receipt.trim_end_matches(".tlog-proof").rsplit('-').next().unwrap().parse().unwrap();
    jobs.site.entry(&json!(index), &auditor(&jobs.issuer))["attested"]["workload"].clone()
}

#[test]
fn one_command_and_no_secret_of_the_log_s_makes_an_entry_that_proves_its_job() {
    let jobs = Jobs::new();
    entry_in(jobs.site.folder.path());
    let receipt = demand(&jobs, &jobs.run(&APPEND), 0, ".tlog-proof");
    let workload = bound(&jobs, &receipt);
    assert_eq!((&workload["id"], &workload["binding"]), (&json!(SUB), &json!("statement")));
    assert_eq!((&workload["method"], &workload["issuer"]), (&json!("oidc"), &json!(jobs.issuer.url)));
    assert_eq!(jobs.given().len(), 1);
    assert!(Jobs::pending(jobs.site.folder.path()).is_empty());
}

/// What authorises and what binds are two things: a job that meets no rule is passed on by whoever does.
#[test]
fn beside_a_token_of_the_log_s_the_job_s_is_evidence_alone() {
    let jobs = Jobs::new();
    entry_in(jobs.site.folder.path());
    jobs.run_as(|draft| draft.claim("sub", "repo:example/other").claim("repository_id", "9"));
    demand(&jobs, &jobs.run(&APPEND), 4, "token.rule");
    let mut create = Command::new(program("provlogd"));
    create.args(["token", "create", "--name", "ci", "--role", "append", "--expires", "never", "--data-dir"]);
    let made = create.arg(jobs.site.path("data")).output().unwrap();
    let own = stdout(&made).trim().to_owned();
    for token in [own, Draft::of(&jobs.issuer.url).sign()] {
        let mut command = jobs.command(jobs.site.folder.path(), &jobs.site.daemon.url, &APPEND);
        let receipt =
            demand(&jobs, &command.env("PROVLOG_TOKEN", &token).output().unwrap(), 0, ".tlog-proof");
        assert_eq!(bound(&jobs, &receipt)["id"], json!("repo:example/other"), "{receipt}");
    }
    assert!(Jobs::pending(jobs.site.folder.path()).is_empty());
}

#[test]
fn a_run_that_was_cut_off_is_one_entry_and_nobody_else_s() {
    for verb in [&APPEND[..], &["flush"]] {
        let jobs = Jobs::new();
        let here = jobs.site.folder.path();
        entry_in(here);
        let before = jobs.site.size();
        let cut = jobs.command(here, &jobs.swallowing(), &APPEND).output().unwrap();
        demand(&jobs, &cut, 7, "the submission is kept in");
        let size = jobs.site.size();
        assert_eq!(size, before + 2, "the key of the set, and the entry");
        assert_eq!((Jobs::pending(here).len(), jobs.given().len()), (1, 1));

        jobs.run_as(|draft| {
            draft.claim("sub", "repo:example/app:environment:staging").claim("environment", "staging")
        });
        demand(&jobs, &jobs.run(verb), 4, "submission.bound");
        jobs.run_as(|draft| draft.claim("run_attempt", 3));
        let unbound = jobs.command(here, "http://127.0.0.1:1", &[verb, &["--timeout", "0"]].concat());
        let unbound = { unbound }.env_remove("PROVLOG_IDENTITY").output().unwrap();
        demand(&jobs, &unbound, 7, "goes on with no token: to the log that is another caller");
        assert_eq!(Jobs::pending(here).len(), 1);

        let receipt = demand(&jobs, &jobs.run(verb), 0, ".tlog-proof");
        let workload = bound(&jobs, &receipt);
        assert_eq!(workload["claims"]["run_attempt"], json!("2"), "the entry is the first run's");
        assert_eq!((jobs.site.size(), jobs.given().len()), (size, 3), "a token for each run");
        assert!(Jobs::pending(here).is_empty());
    }
}

/// Under a key of its own a job finds its entry from another machine, where there are other salts and another token.
#[test]
fn a_key_that_the_job_names_finds_its_entry_from_another_machine() {
    let jobs = Jobs::new();
    let (one, other) = (folder(), folder());
    let run = |folder: &Path| {
        entry_in(folder);
        let append = [&APPEND[..], &["--idempotency-key", "run-7"]].concat();
        let output = jobs.command(folder, &jobs.site.daemon.url, &append).output().unwrap();
        demand(&jobs, &output, 0, ".tlog-proof")
    };
    let first = run(one.path());
    jobs.run_as(|draft| draft.claim("run_attempt", 3));
    assert_eq!(run(other.path()), first);
    assert_eq!(jobs.given().len(), 2);
}

#[test]
fn what_binds_nothing_never_counts() {
    let jobs = Jobs::new();
    let here = jobs.site.folder.path();
    entry_in(here);

    // Without the permission nothing is begun, and what an endpoint gives for something else isn't sent.
    for name in ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"] {
        let mut command = jobs.command(here, &jobs.site.daemon.url, &APPEND);
        demand(&jobs, &command.env_remove(name).output().unwrap(), 2, "id-token: write");
    }
    let clear = ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://192.0.2.1/idtoken?a=b");
    let mut command = jobs.command(here, &jobs.site.daemon.url, &APPEND);
    demand(&jobs, &command.env(clear.0, clear.1).output().unwrap(), 2, "expected an https:// URL");
    assert!(Jobs::pending(here).is_empty());
    jobs.run_as(|draft| draft.claim("aud", "https://log.example.com"));
    demand(&jobs, &jobs.run(&APPEND), 8, "which wasn't sent");
    assert_eq!((Jobs::pending(here).len(), jobs.site.size()), (1, 1));

    // Nor does a receipt of a log that attests nobody: it lets everybody in, and asks no token.
    jobs.run_as(|draft| draft);
    let (place, data) = (folder(), here.join("open"));
    let open = Daemon::start_with(&data, &["--origin", "example.com/open"]);
    entry_in(place.path());
    let mut command = jobs.command(place.path(), &open.url, &APPEND);
    let refused = command.env("PROVLOG_TRUST", open.trust(&data)).output().unwrap();
    demand(&jobs, &refused, 3, r#"{"method":"none"}"#);
    assert_eq!(Jobs::pending(place.path()).len(), 1);
}

/// Whoever changes a repository could have a job prove itself to anybody.
#[test]
fn a_proof_goes_to_no_address_that_only_a_repository_names() {
    let jobs = Jobs::new();
    let place = folder();
    entry_in(place.path());
    fs::create_dir_all(place.path().join(".provlog")).unwrap();
    fs::create_dir(place.path().join(".git")).unwrap();
    let trust = jobs.site.path("data/trust.tlog-policy");
    fs::copy(&trust, place.path().join(".provlog/trust")).unwrap();
    fs::write(place.path().join(".provlog/config.toml"), format!("url = \"{}\"\n", jobs.site.daemon.url))
        .unwrap();
    let log = jobs.site.daemon.get("/v1/log").expect(200).json();
    let run = |url: Option<&str>| {
        let mut command = jobs.command(place.path(), "", &APPEND);
        command.env_remove("PROVLOG_TRUST").env("PROVLOG_FINGERPRINT", log["fingerprint"].as_str().unwrap());
        // Another home than the repository.
        command.env("HOME", jobs.site.folder.path()).env("PROVLOG_URL", url.unwrap_or_default());
        command.output().unwrap()
    };
    demand(&jobs, &run(None), 2, "to get at what proves a workload");
    assert!(jobs.given().is_empty() && Jobs::pending(place.path()).is_empty());
    demand(&jobs, &run(Some(&jobs.site.daemon.url)), 0, ".tlog-proof");
}

/// An endpoint that is busy at first is asked again; a job that it refuses is told what it said.
#[test]
fn an_endpoint_that_is_busy_is_waited_for() {
    let jobs = Jobs::new();
    let here = jobs.site.folder.path();
    entry_in(here);
    let before = jobs.issuer.asked().len();
    let count = AtomicUsize::new(0);
    jobs.issuer.behave(Box::new(move |_| {
        let status = if count.fetch_add(1, Ordering::SeqCst) < 2 { "503 Busy" } else { "403 Forbidden" };
        let body = format!(r#"{{"message":"no: {REQUEST_TOKEN}"}}"#);
        Reply::Bytes(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }));
    demand(&jobs, &jobs.run(&APPEND), 4, r#"gave no token: {"message":"no: ..."}"#);
    assert_eq!(jobs.issuer.asked().len(), before + 3, "twice it was busy");
    assert_eq!(Jobs::pending(here).len(), 1);
    jobs.run_as(|draft| draft);
    demand(&jobs, &jobs.run(&["flush"]), 0, ".tlog-proof");
}
