//! What of a receipt's evidence shows that this workload submitted the entry, and by which of its tokens.

use super::forged::{Job, SUB, attested, claim, section};
use crate::proof::receipt::believe;
use crate::proof::submitting::{AttestedBy, Submitting};
use crate::show::exit::Exit;
use crate::testing::OneLog;
use provlog_core::record::{Section, SectionName};
use provlog_core::submission::{Evidence, Submission};
use provlog_core::{Hash, Kind};

const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// A job of GitHub.
fn job() -> Job {
    Job { issuer: GITHUB, ..Job::default() }
}

/// An entry that is logged, with whatever is attested to it.
struct Entry {
    log: OneLog,
    kind: Kind,
    section: Section,
    digest: Hash,
}

impl Entry {
    fn new() -> Self {
        let (digest, salts) = ("ab".repeat(32), ["01".repeat(16), "02".repeat(16)]);
        let text = format!(
            r#"{{"kind":"event","claims":{{"type":"t","subject":[{{"digest":{{"sha256":"{digest}"}}}}]}},"salts":{{"type":"{}","subject":"{}"}}}}"#,
            salts[0], salts[1]
        );
        let submission = Submission::parse(text.as_bytes()).unwrap();
        let kind = submission.kind().kind;
        let section = submission.seal().unwrap();
        let digest = section.digest(SectionName::Submitted, kind);
        Self { log: OneLog::new(), kind, section, digest }
    }

    /// What is attested where this job's token is the evidence.
    fn by(&self, job: &Job) -> Section {
        attested(&job.bound(self.log.origin(), &self.digest), self.log.origin(), &self.digest)
    }

    /// What the job that sent its token makes of a receipt with this.
    fn judged(&self, sent: &Job, attested: Section) -> Result<AttestedBy, (Exit, String)> {
        let token = sent.bound(self.log.origin(), &self.digest);
        let by = Submitting::by_token(&token, self.log.origin(), &self.digest).unwrap();
        let receipt = self.log.receipt_attesting(self.kind, self.section.clone(), attested);
        let report = believe(&receipt, &self.log.trust(), &[]).unwrap();
        let judged = by.is_attested(&report, &Evidence::Jwt { token });
        judged.map_err(|failure| (Exit::of_failure(&failure), failure.to_string()))
    }
}

#[test]
fn what_was_sent_is_told_from_what_the_same_workload_sent_earlier() {
    let entry = Entry::new();
    for (attesting, expected) in
        [(job(), AttestedBy::Sent), (Job { run_id: "0", ..job() }, AttestedBy::Earlier)]
    {
        assert_eq!(entry.judged(&job(), entry.by(&attesting)), Ok(expected), "{}", attesting.run_id);
    }
}

/// Its names may be another's by now: GitHub's numbers are nobody else's. Other issuers have no such numbers.
#[test]
fn a_repository_of_github_is_the_same_by_its_numbers_and_of_another_issuer_by_its_name() {
    let entry = Entry::new();
    for numbers in [["7", "9"], ["9", "8"]] {
        let other = Job { numbers, ..job() };
        let (exit, told) = entry.judged(&job(), entry.by(&other)).unwrap_err();
        assert_eq!(exit, Exit::NotProven, "{told}");
        for part in [format!("expected oidc {SUB} of {GITHUB}"), "workload-form: pass".into()] {
            assert!(told.contains(&part), "{part}: {told}");
        }
        let elsewhere = Job { numbers, ..Job::default() };
        assert_eq!(entry.judged(&Job::default(), entry.by(&elsewhere)), Ok(AttestedBy::Earlier));
    }
}

#[test]
fn what_is_no_evidence_of_this_entry_attests_nobody() {
    let entry = Entry::new();
    let mut hidden = entry.by(&job());
    hidden.hide("workload_evidence");
    let bearer = format!(r#"{{"method":"oidc","id":"{SUB}","issuer":"{GITHUB}","binding":"bearer"}}"#);
    let (origin, other) = (entry.log.origin(), Hash([1; 32]));
    for (attested, expected) in [
        (hidden, "workload-form: skip"),
        (section(vec![("workload", claim("workload", &bearer))]), "workload-form: no evidence"),
        (attested(&job().bound(origin, &other), origin, &other), "workload-form: fail"),
    ] {
        let (exit, told) = entry.judged(&job(), attested).unwrap_err();
        assert_eq!(exit, Exit::NotProven, "{told}");
        assert!(told.contains(expected), "{expected}: {told}");
    }
}
