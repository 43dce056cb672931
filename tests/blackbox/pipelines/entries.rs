//! Jobs that append: what is in the log, what is on the job's page, and what of the receipt leaves the machine.

use super::job::{Job, SHA};
use crate::identity::endpoint::Jobs;
use crate::oidc::issuer::{Reply, jwks, well};
use crate::oidc::site::auditor;
use crate::oidc::token::published;
use crate::support::{have, program, promotion, stderr, stdout};
use provlog_core::Hash;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// The newest entry.
fn newest(jobs: &Jobs) -> Value {
    jobs.site.entry(&json!(jobs.site.size() - 1), &auditor(&jobs.issuer))
}

#[test]
fn ten_lines_of_github_make_an_entry_that_is_the_job_s() {
    let jobs = Jobs::new();
    let job = Job::github(&jobs, &[]);
    let ran = job.run().expect(0, "### ✓ verified: event, entry 2 of <code>example&#46;com/log</code>");
    // The commit was not compared.
    let subject = format!(
        "| ✓ pass | <code>subject</code> | <code>sha256&#58;{}</code> |",
        Hash::plain(b"app").to_hex()
    );
    for row in [subject.as_str(), "| ✓ pass | <code>workload-form</code> |", "| - skip |"] {
        assert!(ran.page.lines().any(|line| line.starts_with(row)), "{row} in {}", ran.page);
    }
    assert!(ran.page.contains("not checked: <code>submitted&#46;type</code>"), "{}", ran.page);
    let entry = newest(&jobs);
    assert_eq!(entry["attested"]["workload"]["binding"], "statement");
    let subject = &entry["submitted"]["subject"];
    assert_eq!(subject[0]["digest"]["sha256"], json!(Hash::plain(b"app").to_hex()));
    assert_eq!(subject[1]["digest"]["gitCommit"], json!(SHA));

    // Without the token it is the same entry, and verified without anything else.
    assert_eq!(ran.names(), ["provlog.tlog-policy", "provlog.tlog-proof"]);
    assert!(ran.outputs["receipt"].ends_with("upload/provlog.tlog-proof"), "{:?}", ran.outputs);
    let [token] = &jobs.given()[..] else { panic!("one token was asked for") };
    assert!(!ran.has(token));
    let verified = job.verify(&ran, &["--commit", SHA]);
    assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
    assert!(stdout(&verified).contains("(not disclosed)"), "{}", stdout(&verified));
}

#[test]
fn evidence_that_is_kept_lets_anybody_check_whose_entry_it_is() {
    let jobs = Jobs::new();
    let job = Job::github(&jobs, &[("evidence", "keep"), ("name", "kept")]);
    let ran = job.run().expect(0, "### ✓ verified");
    assert_eq!(ran.names(), ["kept.tlog-policy", "kept.tlog-proof"]);
    assert!(ran.has(&jobs.given()[0]));
    let keys = job.path("keys.json");
    fs::write(&keys, jwks(&published())).unwrap();
    let keys = format!("{}={}", jobs.issuer.url, keys.display());
    let verified = job.verify(&ran, &["--issuer-keys", &keys, "--require-bound"]);
    assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
}

/// However the evidence came to be in it: here not by the job's own setting.
#[test]
fn evidence_that_nobody_asked_for_is_hidden_too() {
    let jobs = Jobs::new();
    // Nor does it matter what the verdict says to what this job expects.
    let job = Job::github(&jobs, &[("identity", ""), ("provlog", "./proving"), ("expect", "--help")]);
    let script = format!("#!/bin/sh\nPROVLOG_IDENTITY=github exec {} \"$@\"\n", program("provlog").display());
    fs::write(job.path("proving"), script).unwrap();
    fs::set_permissions(job.path("proving"), fs::Permissions::from_mode(0o700)).unwrap();
    let ran = job.run();
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert_eq!(newest(&jobs)["attested"]["workload"]["binding"], "statement");
    assert_eq!(ran.names(), ["provlog.tlog-policy", "provlog.tlog-proof"]);
    assert!(!ran.has(&jobs.given()[0]));
}

/// Whoever sees a job's log may be others than those who may read the entry.
#[test]
fn a_job_s_log_shows_checks_and_no_claims() {
    let jobs = Jobs::new();
    for job in [Job::github(&jobs, &[]), Job::gitlab(&jobs, &[])] {
        let ran = job.run().expect(0, "### ✓ verified");
        assert!(
            ran.said.contains("✓ subject: ") && ran.said.contains("\nverdict: verified: event"),
            "{}",
            ran.said
        );
        let is_claim = |line: &str| line.starts_with("  submitted.") || line.starts_with("  attested.");
        assert!(!ran.said.lines().any(is_claim) && !ran.said.contains("events/built"), "{}", ran.said);
    }
}

#[test]
fn a_machine_believes_after_a_job_what_it_believed_before() {
    let jobs = Jobs::new();
    for job in [Job::github(&jobs, &[]), Job::gitlab(&jobs, &[])] {
        job.run().expect(0, "### ✓ verified");
        assert!(!job.path(".provlog").exists(), "a fingerprint is kept at home");
    }
}

/// GitLab hands on what earlier jobs left, whoever wrote those.
#[test]
fn what_an_earlier_job_left_is_nothing_of_this_one() {
    let jobs = Jobs::new();
    let other = "ab".repeat(32);
    for (variable, code) in [(("PROVLOG_FINGERPRINT", other.as_str()), 5), (("PROVLOG_NAME", "provlog"), 0)] {
        let job = Job::gitlab(&jobs, &[variable]);
        fs::create_dir_all(job.path("provlog-job/upload")).unwrap();
        fs::write(job.path("provlog-job/upload/planted"), "planted").unwrap();
        fs::write(job.path("kept"), "as it was").unwrap();
        symlink(job.path("kept"), job.path("provlog-job/said")).unwrap();
        let ran = job.run().expect(code, "### ");
        assert!(!ran.left.contains_key("planted"), "{:?}", ran.names());
        assert_eq!(fs::read_to_string(job.path("kept")).unwrap(), "as it was");
    }
    // Nor the place that it would have this one work in, and nothing but its own is removed.
    let job = Job::gitlab(&jobs, &[]);
    fs::create_dir(job.path("elsewhere")).unwrap();
    symlink(job.path("elsewhere"), job.path("provlog-job")).unwrap();
    job.run().expect(0, "### ✓ verified");
    assert_eq!(fs::read_dir(job.path("elsewhere")).unwrap().count(), 0);
    let job = Job::gitlab(&jobs, &[("PROVLOG_FOLDER", ".")]);
    assert_eq!(job.run().code, Some(0));
    assert!(job.path("dist/app.tar.gz").exists());
}

/// Whatever becomes of a machine: the attempt is one entry, and the next is another.
#[test]
fn an_attempt_is_one_entry_wherever_it_runs() {
    let jobs = Jobs::new();
    let first = Job::github(&jobs, &[]);
    first.run().expect(0, "entry 2 of");
    first.run().expect(0, "entry 2 of");
    Job::github(&jobs, &[]).run().expect(0, "entry 2 of");
    Job::github(&jobs, &[]).set("GITHUB_RUN_ATTEMPT", "2").run().expect(0, "entry 3 of");
    Job::github(&jobs, &[("name", "other")]).run().expect(0, "entry 4 of");
    assert_eq!((jobs.site.size(), jobs.given().len()), (5, 5));

    let gitlab = Job::gitlab(&jobs, &[]);
    gitlab.run().expect(0, "entry 5 of");
    gitlab.run().expect(0, "entry 5 of");
    Job::gitlab(&jobs, &[]).run().expect(0, "entry 5 of");
    Job::gitlab(&jobs, &[("CI_JOB_ID", "9")]).run().expect(0, "entry 6 of");
    assert_eq!(jobs.site.size(), 7);
}

#[test]
fn a_run_after_a_push_is_as_good_as_the_push() {
    let jobs = Jobs::new();
    let job = Job::github(&jobs, &[]).set("GITHUB_EVENT_NAME", "workflow_run");
    job.set("PROVLOG_AFTER", "push").run().expect(0, "### ✓ verified: ");
}

#[test]
fn ten_lines_of_gitlab_make_an_entry_that_the_log_vouches_for() {
    let jobs = Jobs::new();
    let job = Job::gitlab(&jobs, &[]);
    let ran = job.run().expect(0, "### ✓ verified: event, entry 1 of <code>example&#46;com/log</code>");
    assert_eq!(newest(&jobs)["attested"]["workload"]["binding"], "bearer");
    assert_eq!(ran.names(), ["provlog.tlog-policy", "provlog.tlog-proof"]);
    assert!(job.verify(&ran, &["--commit", SHA]).status.success());
}

/// An entry that another job left as JSON says itself what it is about; the verdict holds it to what this job has.
#[test]
fn an_entry_in_json_is_about_what_the_job_has() {
    let jobs = Jobs::new();
    let inputs = [
        ("entry", "entry.json"),
        ("arguments", ""),
        ("expect", "--require-outcome=allow\n\n--expect=submitted.environment=production"),
    ];
    let job = Job::github(&jobs, &inputs);
    fs::write(job.path("entry.json"), promotion("app").to_string()).unwrap();
    let ran = job.run().expect(0, "### ✓ verified: promotion");
    assert!(ran.page.contains(
        "| ✓ pass | <code>expect&#58;submitted&#46;environment</code> | <code>production</code> |"
    ));
    fs::write(job.path("dist/app.tar.gz"), "another").unwrap();
    let ran = job.run().expect(3, "| ✗ fail | <code>subject</code> |");
    assert!(
        ran.page.contains("### ✗ provlog: the receipt is not what it has to be (exit code 3)"),
        "{}",
        ran.page
    );
}

#[test]
fn a_program_that_is_downloaded_is_the_one_that_was_meant() {
    if !have("curl", &["--version"], "curl") {
        return;
    }
    let jobs = Jobs::new();
    let body = format!("#!/bin/sh\nexec {} \"$@\"\n", program("provlog").display());
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let (others, served) = (well(&jobs.issuer.url, &published()), head + &body);
    jobs.issuer.behave(Box::new(move |path| match path {
        "/provlog" => Reply::Bytes(served.clone()),
        _ => others(path),
    }));
    let (url, digest) = (format!("{}/provlog", jobs.issuer.url), Hash::plain(body.as_bytes()).to_hex());
    let job = |url: &str, digest: &str| {
        let variables = [("PROVLOG", "/nonexistent"), ("PROVLOG_DOWNLOAD", url), ("PROVLOG_SHA256", digest)];
        Job::gitlab(&jobs, &variables).set("CURL_CA_BUNDLE", jobs.site.path("ca.pem").to_str().unwrap())
    };
    let (other, clear) = (Hash::plain(b"another").to_hex(), jobs.site.daemon.url.clone());
    job(&url, &other).run().expect(1, "another program was downloaded than was meant (exit code 1)");
    job(&url, "").run().expect(2, "a program that is downloaded needs its SHA-256");
    job(&clear, &digest).run().expect(1, "the program was not downloaded (exit code 1)");
    assert_eq!(jobs.site.size(), 1);
    job(&url, &digest).run().expect(0, "### ✓ verified");
}
