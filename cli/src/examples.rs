//! For tests: the submissions of `docs/examples`, and the records that a log makes of them.

use provlog_core::claims::{from_json, type_of};
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::json::Json;
use provlog_core::record::{Claim, Record, Section, SectionName};
use provlog_core::submission::Submission;

/// A submission of `docs/examples`, by its kind.
pub(crate) fn example(kind: &str) -> Json {
    let path = format!("{}/../docs/examples/{kind}.json", env!("CARGO_MANIFEST_DIR"));
    Json::parse(&std::fs::read(path).unwrap()).unwrap()
}

/// The record of a submission, to which the log attests a workload with an identity token.
pub(crate) fn record_of(submission: &Json) -> Record {
    let mut last = 0;
    let salted = Submission::from_json(submission.clone()).unwrap().with_salts(|| {
        last += 1;
        [last; 16]
    });
    let salted = salted.unwrap();
    let kind = salted.kind().kind;
    let workload = Json::parse(
        br#"{"method":"oidc","id":"repo:shop/checkout","issuer":"https://ci.example.com","verified_at_ms":1790000000000}"#,
    );
    let workload = from_json(type_of("workload").unwrap(), workload.unwrap()).unwrap();
    let attested =
        Section::from_claims(vec![("workload".into(), Claim::disclosed([0xff; 16], workload))]).unwrap();
    let submitted = salted.seal().unwrap();
    let entry = Entry {
        kind,
        time_ms: TimeMs::new(1_790_000_000_000).unwrap(),
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Record { entry, submitted, attested }
}
