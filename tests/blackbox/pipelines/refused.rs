//! Jobs that end without an entry: with the exit code and the reason on their page, and nothing sent that shouldn't be.

use super::job::{Job, fingerprint};
use super::recipe::text;
use crate::identity::endpoint::Jobs;
use crate::oidc::token::Draft;
use crate::support::{folder, program, promotion, provlog, stderr, stdout};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const NOT_TAKEN: &str = "### ✗ provlog: the key of the log was not taken (exit code 5)";
const NOT_APPENDED: &str = "### ✗ provlog: the entry was not appended (exit code";

/// A log that nobody is at.
const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn to_another_log_than_was_meant_nothing_is_sent() {
    let jobs = Jobs::new();
    let other = "ab".repeat(32);
    let trust = jobs.site.path("data/trust.tlog-policy");
    let trust = trust.to_str().unwrap();
    let ran = Job::github(&jobs, &[("fingerprint", &other)]).run().expect(5, NOT_TAKEN);
    assert!(ran.page.contains(&fingerprint(&jobs)) && ran.page.contains(&other), "{}", ran.page);
    assert!(ran.left.is_empty());
    Job::gitlab(&jobs, &[("PROVLOG_FINGERPRINT", &other)]).run().expect(5, NOT_TAKEN);
    // Nor where a repository brings a trust file of its own.
    let ran = Job::github(&jobs, &[("fingerprint", &other), ("trust", trust)]).run().expect(5, NOT_APPENDED);
    assert!(ran.page.contains(&fingerprint(&jobs)) && ran.page.contains(&other), "{}", ran.page);
    for missing in ["url", "fingerprint"] {
        Job::github(&jobs, &[(missing, "")]).run().expect(2, "is missing");
    }
    assert_eq!((jobs.site.size(), jobs.given().len()), (1, 0));
}

#[test]
fn what_a_log_that_is_down_did_not_take_is_appended_later() {
    let jobs = Jobs::new();
    Job::github(&jobs, &[("url", NOWHERE)]).run().expect(7, "the key of the log was not taken (exit code 7)");
    let trust = jobs.site.path("data/trust.tlog-policy");
    let arguments = "--timeout=0\n--kind=event\n--type=https://example.com/events/built/v1\n";
    let down = [("url", NOWHERE), ("trust", trust.to_str().unwrap()), ("arguments", arguments)];
    let ran = Job::github(&jobs, &down).run().expect(7, NOT_APPENDED);
    assert!(ran.page.contains("provlog flush"), "{}", ran.page);
    let [name] = ran.names()[..] else { panic!("what is pending leaves the machine: {:?}", ran.names()) };
    assert!(name.ends_with(".pending"), "{name}");
    assert!(jobs.given().iter().all(|token| !ran.has(token)));
    assert_eq!(jobs.site.size(), 1);

    let place = folder();
    fs::write(place.path().join(name), &ran.left[name]).unwrap();
    let mut flush = jobs.command(place.path(), &jobs.site.daemon.url, &["flush", "."]);
    let flushed = flush.output().unwrap();
    assert!(flushed.status.success(), "{}{}", stdout(&flushed), stderr(&flushed));
    let verified =
        provlog(place.path(), &["verify", stdout(&flushed).trim(), "--trust", trust.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", stdout(&verified));
}

#[test]
fn a_job_that_the_log_does_not_let_in_says_so_on_its_page() {
    let jobs = Jobs::new();
    jobs.run_as(|draft| draft.claim("repository_id", "9"));
    let ran = Job::github(&jobs, &[]).run().expect(4, NOT_APPENDED);
    assert!(ran.page.contains("token.rule") && !ran.page.contains("verified"), "{}", ran.page);
    assert!(jobs.given().iter().all(|token| !ran.has(token)));
    let ran = Job::gitlab(&jobs, &[("PROVLOG_TOKEN", "")]).run().expect(4, NOT_APPENDED);
    assert!(ran.page.contains("caller.missing"), "{}", ran.page);
    assert_eq!(jobs.site.size(), 1);
}

#[test]
fn jobs_of_strangers_are_refused() {
    let jobs = Jobs::new();
    let fork = Job::github(&jobs, &[]).set("GITHUB_EVENT_NAME", "pull_request");
    let fork = fork.without("ACTIONS_ID_TOKEN_REQUEST_TOKEN").without("ACTIONS_ID_TOKEN_REQUEST_URL");
    fork.run().expect(2, "no pull request of a fork has");
    let target = Job::github(&jobs, &[]).set("GITHUB_EVENT_NAME", "pull_request_target");
    target.run().expect(2, "works on what a stranger sent");
    for event in ["issue_comment", "issues"] {
        let job = Job::github(&jobs, &[]).set("GITHUB_EVENT_NAME", event);
        job.run().expect(2, &format!("this is a job of {event}: "));
    }
    for after in ["", "pull_request", "pull_request_target", "issue_comment", "pushed"] {
        let job = Job::github(&jobs, &[]).set("GITHUB_EVENT_NAME", "workflow_run");
        job.set("PROVLOG_AFTER", after).run().expect(2, "a stranger sent may have started it");
    }
    let nobody = Job::gitlab(&jobs, &[]).without("GITLAB_CI");
    nobody.run().expect(2, "no job of GitHub or GitLab");
    assert_eq!((jobs.site.size(), jobs.given().len()), (1, 0));
    assert_eq!(jobs.issuer.asked().iter().filter(|path| path.contains("idtoken")).count(), 0);
}

/// The token in it would be anybody's who may fetch the artifact.
#[test]
fn what_is_pending_with_evidence_in_it_stays_on_the_machine() {
    let jobs = Jobs::new();
    let trust = jobs.site.path("data/trust.tlog-policy");
    let token = Draft::of(&jobs.issuer.url).sign();
    let mut entry = promotion("app");
    let names = entry["claims"].as_object().unwrap().keys().cloned();
    entry["salts"] = names.enumerate().map(|(at, name)| (name, json!(format!("{:032x}", at + 1)))).collect();
    entry["evidence"] = json!({"format": "jwt", "token": token});
    let down = [("PROVLOG_URL", NOWHERE), ("PROVLOG_TRUST", trust.to_str().unwrap())];
    let job = Job::gitlab(&jobs, &down).set("PROVLOG_ENTRY", "entry.json");
    let job = job.set("PROVLOG", "./hasty");
    // The script gives no timeout to an entry in JSON.
    let hasty = format!("#!/bin/sh\nexec {} \"$@\" --timeout=0\n", program("provlog").display());
    fs::write(job.path("hasty"), hasty).unwrap();
    fs::set_permissions(job.path("hasty"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(job.path("entry.json"), entry.to_string()).unwrap();
    let ran = job.run().expect(7, "has evidence in it, and stays here");
    assert!(ran.left.is_empty(), "{:?}", ran.names());
}

#[test]
fn no_argument_of_an_entry_names_another_log_key_or_place() {
    let jobs = Jobs::new();
    let help = text("docs/cli.txt");
    let (_, help) = help.split_once("\n$ provlog append --help\n").unwrap();
    let (options, _) = help.split_once("\nClaims (").unwrap();
    let named = options.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let named = named.map(|option| option.split(' ').next().unwrap());
    let of_the_entry = ["kind", "json", "artifact", "commit", "prompt-file", "claim", "timeout"];
    let others: Vec<String> =
        named.filter(|name| !of_the_entry.contains(name)).map(|name| format!("--{name}")).collect();
    assert!(others.contains(&"--ca".into()) && others.contains(&"--force".into()), "{others:?}");
    let short = ["-o=dist/app.tar.gz", "-odist/app.tar.gz"].map(Into::into);
    for more in others.iter().flat_map(|name| [name.clone(), format!("{name}=x")]).chain(short) {
        let arguments = format!("--kind=event\n{more}\n--type=https://example.com/events/built/v1");
        let ran = Job::github(&jobs, &[("arguments", &arguments)]).run().expect(2, "nothing was sent");
        assert!(ran.page.contains("arguments say what the entry is"), "{more}: {}", ran.page);
    }
    assert_eq!((jobs.site.size(), jobs.given().len()), (1, 0));
}

#[test]
fn what_names_no_file_and_shows_what_it_should_not_is_refused_on_the_page() {
    let jobs = Jobs::new();
    for name in ["../up", ".hidden", "a b", "a\nupload=/etc", "a/b"] {
        let ran = Job::github(&jobs, &[("name", name)]).run().expect(2, "the name of a receipt");
        assert!(ran.outputs.is_empty(), "{name:?}: {:?}", ran.outputs);
        Job::gitlab(&jobs, &[("PROVLOG_NAME", name)]).run().expect(2, "the name of a receipt");
    }
    for form in ["--json", "--markdown"] {
        Job::github(&jobs, &[("expect", form)]).run().expect(2, "in the form of the job's log");
    }
    Job::github(&jobs, &[("evidence", "show")]).run().expect(2, "expected redact or keep");
    assert_eq!((jobs.site.size(), jobs.given().len()), (1, 0));
}
