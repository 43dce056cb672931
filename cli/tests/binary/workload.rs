//! Entries that are bound to a job of GitHub: what only a process shows of them.

use crate::forged::{Job, attested};
use crate::testing::{OneLog, Reply, Request, Server, serve};
use crate::{EVENT, expect, home, provlog, stderr, stdout};
use provlog_core::record::SectionName;
use provlog_core::submission::Submission;
use std::fs;
use std::path::Path;
use std::process::Output;

/// GitHub's endpoint, which gives a job's token once.
fn endpoint() -> Server {
    serve(1, |_, request| {
        let audience = request.line.split("audience=").nth(1).unwrap().split(' ').next().unwrap();
        let token = Job::default().token(&audience.replace("%2F", "/").replace("%3A", ":"));
        Reply::new(200, format!(r#"{{"value":"{token}"}}"#))
    })
}

/// Answers as a log that was sent this job's token with exactly what came.
fn receipt_for(log: &OneLog, job: &Job, request: &Request) -> Reply {
    let submission = Submission::parse(request.body.as_bytes()).unwrap();
    let kind = submission.kind().kind;
    let section = submission.seal().unwrap();
    let digest = section.digest(SectionName::Submitted, kind);
    let attested = attested(&job.bound(log.origin(), &digest), log.origin(), &digest);
    Reply::new(201, log.receipt_attesting(kind, section, attested))
}

/// Runs as that job.
fn run_as_job(folder: &Path, github: &Server, arguments: &[&str]) -> Output {
    let mut command = provlog(folder);
    command.env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/idtoken", github.url));
    command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-secret").env("PROVLOG_IDENTITY", "github");
    command.args(arguments).output().unwrap()
}

#[test]
fn an_entry_that_is_bound_by_an_earlier_token_of_the_workload_is_said_to_be() {
    let log = OneLog::new();
    let (home, _) = home(&log);
    for (run_id, is_earlier) in [("1", false), ("0", true)] {
        let (answering, job) = (log.clone(), Job { run_id, ..Job::default() });
        let server = serve(1, move |_, request| receipt_for(&answering, &job, request));
        let output = format!("of-{run_id}.tlog-proof");
        let arguments = [&EVENT[..], &["app", "--url", &server.url, "-o", &output]].concat();
        let ran = run_as_job(home.path(), &endpoint(), &arguments);
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        assert_eq!(stdout(&ran).trim_end(), format!("./{output}"));
        let said = "entry 1 was there already, bound by what this workload sent earlier";
        assert_eq!(stderr(&ran).contains(said), is_earlier, "{}", stderr(&ran));
    }
}

#[test]
fn a_submission_with_evidence_of_its_own_is_not_flushed_with_another_and_others_are() {
    let log = OneLog::new();
    let (home, receipt) = home(&log);
    let folder = home.path();
    // The next entry has its index.
    fs::remove_file(folder.join(receipt)).unwrap();
    let (digest, first, second) = ("ab".repeat(32), "01".repeat(16), "02".repeat(16));
    let token = Job::default().token("of the user's own");
    let request = format!(
        r#"{{"kind":"event","claims":{{"type":"t","subject":[{{"digest":{{"sha256":"{digest}"}}}}]}},"salts":{{"type":"{first}","subject":"{second}"}},"evidence":{{"format":"jwt","token":"{token}"}}}}"#
    );
    fs::write(folder.join("request.json"), request).unwrap();
    let nobody = ["--url", "http://127.0.0.1:1", "--timeout", "0s"];
    expect(folder, &[&["append", "--json", "request.json"], &nobody[..]].concat(), 7, "is kept in");
    let receipts = folder.join(".provlog/receipts");
    let pending = fs::read_dir(&receipts).unwrap().next().unwrap().unwrap().path();
    let kept = fs::read(&pending).unwrap();
    expect(folder, &[&EVENT[..], &["app"], &nobody].concat(), 7, "is kept in");

    let (answering, github) = (log.clone(), endpoint());
    let server = serve(1, move |_, request| receipt_for(&answering, &Job::default(), request));
    let ran = run_as_job(folder, &github, &["flush", "--url", &server.url]);
    assert_eq!(ran.status.code(), Some(2), "{}", stderr(&ran));
    let name = pending.file_name().unwrap().to_str().unwrap();
    let said =
        format!("{name}: --identity: the request has a member `evidence` of its own; leave one of them out");
    assert!(stderr(&ran).contains(&said), "{}", stderr(&ran));
    assert!(stdout(&ran).ends_with("-1.tlog-proof\n"), "{}", stdout(&ran));
    assert_eq!(server.finish().len(), 1);
    assert_eq!(fs::read(&pending).unwrap(), kept);
    assert_eq!(fs::read_dir(&receipts).unwrap().count(), 2, "it, and the other one's receipt");
}
