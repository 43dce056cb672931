//! Jobs of GitHub: what is asked of its endpoint, what of the log, and what comes back.

use super::forged::{ISSUER, Job, SUB, attested, claim, evidence, section};
use crate::local::settings::TrustFile;
use crate::local::settings::workload::GitHubJob;
use crate::log::client::Client;
use crate::show::exit::Exit;
use crate::testing::{OneLog, Reply, Request, Server, serve};
use crate::verb::append::caller::Caller;
use crate::verb::append::prover::*;
use crate::verb::append::submit::Submitter;
use provlog_core::record::{Section, SectionName};
use provlog_core::submission::Submission;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
const STATIC: &str = "plt_0123abcd_secret";

fn request() -> Submission {
    let digest = "ab".repeat(32);
    let text = format!(
        r#"{{"kind":"event","claims":{{"type":"t","subject":[{{"digest":{{"sha256":"{digest}"}}}}]}}}}"#
    );
    Submission::parse(text.as_bytes()).unwrap()
}

fn pending_in(folder: &TempDir, log: &OneLog, wanted: Submission) -> Pending {
    let caller = Caller::new(None, Some(Method::GitHub));
    Pending::resume_or_create(folder.path(), log.origin(), &caller, None, wanted, |_| Ok(())).unwrap()
}

/// GitHub's endpoint, which gives this job's tokens for what it is asked for.
fn endpoint(job: &Job) -> Server {
    let job = job.clone();
    serve(1, move |_, request| {
        let audience = request.line.split("audience=").nth(1).unwrap().split(' ').next().unwrap();
        let audience = audience.replace("%2F", "/").replace("%3A", ":");
        Reply::new(200, format!(r#"{{"value":"{}"}}"#, job.token(&audience)))
    })
}

fn submitter(log: &OneLog, log_url: &str, endpoint_url: &str, token: Option<&str>) -> Submitter {
    let job = GitHubJob {
        url: format!("{endpoint_url}/idtoken?api-version=2.0"),
        token: Token::parse("request-secret").unwrap(),
    };
    let client = Client::new(log_url, None, None).unwrap().with_token(token.and_then(Token::parse)).unwrap();
    Submitter {
        client,
        prover: Some(Prover::new(WorkloadSource::GitHub(job), &mut Retry::within(PATIENCE)).unwrap()),
        trust: TrustFile::of(log.trust_text()),
        timeout: PATIENCE,
    }
}

/// The token that a request is bound by, from the header or from the evidence.
fn bound_token(request: &Request) -> String {
    let submission = Submission::parse(request.body.as_bytes()).unwrap();
    match submission.evidence() {
        Some(evidence) => {
            evidence.to_value().as_map().unwrap().get("token").unwrap().as_text().unwrap().into()
        }
        None => request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().into(),
    }
}

/// Answers as a log that takes bound tokens.
fn receipt_for(log: &OneLog, request: &Request) -> Reply {
    let submission = Submission::parse(request.body.as_bytes()).unwrap();
    let kind = submission.kind().kind;
    let section = submission.seal().unwrap();
    let digest = section.digest(SectionName::Submitted, kind);
    let attested = attested(&bound_token(request), log.origin(), &digest);
    Reply::new(201, log.receipt_attesting(kind, section, attested))
}

#[test]
fn a_bound_token_authorises_where_nothing_else_does_and_is_evidence_beside_a_token() {
    for token in [None, Some(STATIC)] {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let pending = pending_in(&home, &log, request());
        let (answering, github) = (log.clone(), endpoint(&Job::default()));
        let server = serve(2, move |number, request| match number {
            0 => Reply::problem(503, "issuer.keys"),
            _ => receipt_for(&answering, request),
        });
        submitter(&log, &server.url, &github.url, token).submit(&pending).unwrap();
        let bound = Job::default().bound(log.origin(), &pending.submitted_digest);
        for request in server.finish() {
            let (header, body) = (request.header("authorization").unwrap(), &request.body);
            let is_evidence = Submission::parse(body.as_bytes()).unwrap().evidence().is_some();
            assert_eq!(is_evidence, token.is_some());
            assert_eq!(header, format!("Bearer {}", token.unwrap_or(&bound)));
            assert_eq!(bound_token(&request), bound);
        }
        assert_eq!(github.finish().len(), 1, "once a run");
    }
}

#[test]
fn an_endpoint_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
    let pending = pending_in(&home, &log, request());
    let (answering, token) = (log.clone(), Job::default().bound(log.origin(), &pending.submitted_digest));
    let server = serve(1, move |_, request| receipt_for(&answering, request));
    let github = serve(3, move |number, _| match number {
        0 => Reply::new(503, "later"),
        1 => Reply::Cut(Vec::new()),
        _ => Reply::new(200, format!(r#"{{"value":"{token}"}}"#)),
    });
    submitter(&log, &server.url, &github.url, None).submit(&pending).unwrap();
    assert_eq!(github.finish().len(), 3);

    let other = Job::default().token("another audience");
    for (reply, exit, expected) in [
        (Reply::new(400, "no"), Exit::Malformed, "answered 400, and gave no token: no"),
        (
            Reply::new(200, format!(r#"{{"value":"{other}"}}"#)),
            Exit::Malformed,
            "expected \"example.com/log:",
        ),
    ] {
        let mut reply = Some(reply);
        let github = serve(1, move |_, _| reply.take().unwrap());
        // Nobody listens there: it would be said.
        let failure = submitter(&log, "http://127.0.0.1:1", &github.url, None).submit(&pending).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), exit, "{failure}");
        let told = failure.to_string();
        assert!(told.contains(expected) && told.contains("is kept in"), "{told}");
        assert!(pending.path.exists());
    }
}

#[test]
fn an_origin_that_github_may_refuse_is_named() {
    let refused = || Failure::NotIssued { why: "no".into(), status: 400, retry_after_s: None };
    let told = of_origin(refused(), "github.com/example/log").to_string();
    assert!(told.contains("the log's origin github.com/example/log"), "{told}");
    assert_eq!(of_origin(refused(), "example.com/log").to_string(), refused().to_string());
}

#[test]
fn a_receipt_that_attests_anything_else_never_counts() {
    let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
    let pending = pending_in(&home, &log, request());
    let (origin, digest) = (log.origin(), pending.submitted_digest);
    let of = |job: Job| attested(&job.bound(origin, &digest), origin, &digest);
    let own = Job::default().bound(origin, &digest);
    let workload = |more: &str| {
        claim("workload", &format!(r#"{{"method":"oidc","id":"{SUB}","issuer":"{ISSUER}"{more}}}"#))
    };
    let mut hidden = of(Job::default());
    hidden.hide("workload_evidence");
    let elsewhere = attested(&Job::default().bound(origin, &Hash([1; 32])), origin, &Hash([1; 32]));
    let cases: [(&str, Section, &str); 8] = [
        ("nothing", Section::default(), "got no workload"),
        ("nobody", section(vec![("workload", claim("workload", r#"{"method":"none"}"#))]), "\"none\""),
        ("bearer", section(vec![("workload", workload(r#","binding":"bearer""#))]), "no evidence"),
        (
            "bound, it says",
            section(vec![("workload", workload(r#","binding":"statement""#))]),
            "workload-form: fail",
        ),
        ("hidden", hidden, "workload-form: skip"),
        ("another", of(Job { sub: "repo:example/other", ..Job::default() }), "repo:example/other"),
        (
            "another issuer",
            of(Job { issuer: "https://other.example.com", ..Job::default() }),
            "other.example.com",
        ),
        ("another entry's", elsewhere, "workload-form: fail"),
    ];
    let changed = section(vec![
        ("workload", workload(r#","binding":"statement","audience":"a""#)),
        ("workload_evidence", evidence(&own)),
    ]);
    for (what, attested, expected) in cases.into_iter().chain([("changed", changed, "workload-form: fail")]) {
        let github = endpoint(&Job::default());
        let receipt =
            log.receipt_attesting(pending.submission.kind().kind, pending.section.clone(), attested);
        let server = serve(1, move |_, _| Reply::new(201, receipt.clone()));
        let failure = submitter(&log, &server.url, &github.url, None).submit(&pending).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::NotProven, "{what}: {failure}");
        let told = failure.to_string();
        assert!(
            told.contains(expected) && told.contains(&format!("expected oidc {SUB} of {ISSUER}")),
            "{what}: {told}"
        );
        assert!(pending.path.exists(), "{what}");
    }
}

#[test]
fn under_a_named_key_an_earlier_run_s_token_will_do_and_another_workload_s_will_not() {
    let (home, elsewhere, log) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), OneLog::new());
    let wanted = || request().with_idempotency_key("job-7").unwrap();
    let (pending, earlier) = (pending_in(&home, &log, wanted()), pending_in(&elsewhere, &log, wanted()));
    assert_ne!(earlier.submitted_digest, pending.submitted_digest);
    for (sub, exit) in [(SUB, None), ("repo:example/other", Some(Exit::NotProven))] {
        let token = Job { sub, run_id: "0", ..Job::default() }.bound(log.origin(), &earlier.submitted_digest);
        let attested = attested(&token, log.origin(), &earlier.submitted_digest);
        let kind = pending.submission.kind().kind;
        let receipt = log.receipt_attesting(kind, earlier.section.clone(), attested);
        let (github, server) =
            (endpoint(&Job::default()), serve(1, move |_, _| Reply::new(200, receipt.clone())));
        let submitted = submitter(&log, &server.url, &github.url, None).submit(&pending);
        assert_eq!(submitted.err().map(|failure| Exit::of_failure(&failure)), exit, "{sub}");
    }
}

#[test]
fn what_a_log_says_to_evidence_is_explained_and_kept() {
    let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
    let pending = pending_in(&home, &log, request());
    for (status, code, token, exit, expected) in [
        (400, "submission.unknown-member", Some(STATIC), Exit::Malformed, "append without --identity"),
        (401, "token.audience", None, Exit::Denied, "an older version takes none"),
        (401, "token.issuer", Some(STATIC), Exit::Denied, "none that this log takes"),
        (401, "token.issuer", Some("a.b.c"), Exit::Denied, "which issuer and audience"),
        (401, "token.time", None, Exit::Denied, "another run gets a new one"),
        (401, "token.revoked", Some(STATIC), Exit::Denied, "0123abcd"),
        (403, "token.rule", None, Exit::Denied, "for a rule that it meets, or give a token"),
        (409, "submission.bound", None, Exit::Denied, "as the workload that began it"),
    ] {
        let github = endpoint(&Job::default());
        let server = serve(1, move |_, _| Reply::problem(status, code));
        let failure = submitter(&log, &server.url, &github.url, token).submit(&pending).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), exit, "{failure}");
        let told = format!("{failure} {failure:?}");
        let bound = Job::default().bound(log.origin(), &pending.submitted_digest);
        assert!(told.contains(expected) && !told.contains("secret") && !told.contains(&bound), "{told}");
        assert!(pending.path.exists(), "{code}");
    }
}

#[test]
fn what_was_sent_is_not_told_where_the_log_says_it_again() {
    let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
    let pending = pending_in(&home, &log, request());
    let bound = Job::default().bound(log.origin(), &pending.submitted_digest);
    for (token, status) in [(None, 401), (Some(STATIC), 401), (None, 200), (Some(STATIC), 200)] {
        let github = endpoint(&Job::default());
        let server = serve(1, move |_, request| {
            let evidence = request.body.split(r#""evidence":"#).nth(1).unwrap_or_default();
            Reply::new(status, format!("{evidence} {}", request.header("authorization").unwrap()))
        });
        let failure = submitter(&log, &server.url, &github.url, token).submit(&pending).unwrap_err();
        let told = format!("{failure} {failure:?}");
        assert!(!told.contains("secret") && !told.contains(&bound[..100]), "{told}");
        assert!(status == 200 || told.contains("..."), "{told}");
    }
}
