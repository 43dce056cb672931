//! Whether evidence is about all of a subject (`SPEC.md` section 13.2): `tests/vectors/coverage/<name>.json`.
//!
//! A file is `{"subjects": [...], "evidence": [...], "missing": [[subject, algorithm, hex]...], "equal": bool}`. Subjects and
//! evidence are items as a claim `subject` has them, digests in hex. `missing` has the pairs that evidence other than approvals
//! lacks, none where it covers every subject: by the number of the subject, from 0, then by algorithm. A subject that no evidence
//! covers lacks what the first of those lacks that lack least. `equal` says whether evidence is, item by item, what an approval
//! of these subjects is about.

use super::json_files;
use provlog_core::hex;
use provlog_evidence::coverage::{difference, missing};
use provlog_evidence::subject::Subject;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// A subject: digests by algorithm, each of one byte over and over; URI and name.
#[derive(Clone, Copy)]
struct Thing {
    digests: &'static [(&'static str, u8)],
    uri: Option<&'static str>,
    name: Option<&'static str>,
}

const fn thing(digests: &'static [(&'static str, u8)]) -> Thing {
    Thing { digests, uri: None, name: None }
}

impl Thing {
    fn digests(&self) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
        let bytes = |algorithm: &str| match algorithm {
            "gitCommit" | "gitTree" => 20,
            "sha512" => 64,
            _ => 32,
        };
        self.digests.iter().map(move |(algorithm, byte)| (*algorithm, vec![*byte; bytes(algorithm)]))
    }

    fn subject(&self) -> Subject {
        let digests: BTreeMap<_, _> = self.digests().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        Subject::new(digests, self.uri.map(str::to_owned), self.name.map(str::to_owned)).unwrap()
    }

    fn json(&self) -> Json {
        let digest: BTreeMap<_, _> =
            self.digests().map(|(name, bytes)| (name, hex::encode(&bytes))).collect();
        let mut json = json!({ "digest": digest });
        for (member, value) in [("uri", self.uri), ("name", self.name)] {
            if let Some(value) = value {
                json[member] = value.into();
            }
        }
        json
    }
}

/// Subjects, evidence, what is missing, and whether both are the same.
struct Case {
    name: &'static str,
    subjects: Vec<Thing>,
    evidence: Vec<Thing>,
    missing: &'static [(usize, &'static str, u8)],
    equal: bool,
}

fn cases() -> Vec<Case> {
    const COMMIT: Thing = thing(&[("gitCommit", 1)]);
    const ARTIFACT: Thing = thing(&[("sha256", 2)]);
    const BOTH: Thing = thing(&[("gitCommit", 1), ("sha256", 2)]);
    const FOREIGN: Thing = thing(&[("gitCommit", 1), ("sha256", 3)]);
    const THREE: Thing = thing(&[("gitCommit", 1), ("sha256", 2), ("sha512", 4)]);
    const NAMED: Thing = Thing { name: Some("app.tar"), ..ARTIFACT };
    const AT: Thing = Thing { uri: Some("pkg:generic/app"), ..ARTIFACT };
    let case = |name, subjects: &[Thing], evidence: &[Thing], missing, equal| Case {
        name,
        subjects: subjects.to_vec(),
        evidence: evidence.to_vec(),
        missing,
        equal,
    };
    vec![
        case("same", &[BOTH], &[BOTH], &[], true),
        case("same-in-another-order", &[COMMIT, ARTIFACT], &[ARTIFACT, COMMIT], &[], true),
        case("evidence-has-more-digests", &[ARTIFACT], &[BOTH], &[], false),
        case("evidence-has-more-items", &[ARTIFACT], &[ARTIFACT, FOREIGN], &[], false),
        case("evidence-has-another-name", &[NAMED], &[ARTIFACT], &[], false),
        case("evidence-has-another-uri", &[ARTIFACT], &[AT], &[], false),
        case("shared-commit-foreign-sha256", &[BOTH], &[FOREIGN], &[(0, "sha256", 2)], false),
        case("shared-commit-alone", &[BOTH], &[COMMIT], &[(0, "sha256", 2)], false),
        case("halves-in-two-items", &[BOTH], &[COMMIT, ARTIFACT], &[(0, "sha256", 2)], false),
        case("halves-the-other-way", &[BOTH], &[ARTIFACT, COMMIT], &[(0, "gitCommit", 1)], false),
        case("closest-item", &[THREE], &[COMMIT, BOTH], &[(0, "sha512", 4)], false),
        case("no-evidence", &[BOTH], &[], &[(0, "gitCommit", 1), (0, "sha256", 2)], false),
        case("no-subject", &[], &[BOTH], &[], false),
        case("one-of-two", &[ARTIFACT, FOREIGN], &[BOTH], &[(1, "sha256", 3)], false),
        case("subject-twice", &[ARTIFACT, ARTIFACT], &[ARTIFACT], &[], false),
        case(
            "same-bytes-another-algorithm",
            &[ARTIFACT],
            &[thing(&[("sha3_256", 2)])],
            &[(0, "sha256", 2)],
            false,
        ),
    ]
}

impl Case {
    fn json(&self) -> Json {
        let subjects: Vec<Subject> = self.subjects.iter().map(Thing::subject).collect();
        let evidence: Vec<Subject> = self.evidence.iter().map(Thing::subject).collect();
        let place = |of: &Subject| subjects.iter().position(|subject| std::ptr::eq(subject, of)).unwrap();
        let missing = missing(&subjects, &evidence);
        let found: Vec<_> =
            missing.iter().map(|pair| (place(pair.subject), pair.algorithm, pair.bytes[0])).collect();
        assert_eq!(found, self.missing, "{}", self.name);
        let approved: BTreeSet<Subject> = evidence.iter().cloned().collect();
        assert_eq!(difference(&subjects, &approved).is_none(), self.equal, "{}", self.name);
        let missing =
            missing.iter().map(|pair| json!([place(pair.subject), pair.algorithm, hex::encode(pair.bytes)]));
        let json = |things: &[Thing]| things.iter().map(Thing::json).collect::<Vec<_>>();
        json!({
            "subjects": json(&self.subjects),
            "evidence": json(&self.evidence),
            "missing": missing.collect::<Vec<_>>(),
            "equal": self.equal,
        })
    }
}

#[test]
fn the_checked_in_coverage_is_what_the_generator_makes() {
    let files: Vec<_> = cases().iter().map(|case| (case.name.to_owned(), case.json())).collect();
    json_files("coverage", &files);
}
