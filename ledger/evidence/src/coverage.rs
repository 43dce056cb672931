//! Whether evidence is about all of a subject (`SPEC.md` section 13.2).
//!
//! That two digests agree, which serves search, is too little here: an approved commit would carry any artifact along.

use crate::subject::Subject;
use provlog_core::hex;
use std::collections::BTreeSet;
use std::fmt;

/// What a promotion is about and its approval isn't, or the other way around: nothing where they are about the same.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Difference<'s> {
    /// What is promoted and isn't approved, or is promoted once more than it is approved.
    pub not_approved: Vec<&'s Subject>,
    /// What is approved and isn't promoted.
    pub not_promoted: Vec<&'s Subject>,
}

/// A pair of algorithm and bytes that evidence lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing<'s> {
    /// Whose digest it is.
    pub subject: &'s Subject,
    /// The algorithm.
    pub algorithm: &'s str,
    /// The digest.
    pub bytes: &'s [u8],
}

/// The pairs of these subjects that evidence of these things doesn't have. A subject is covered by one thing that has all of its
/// pairs: two that have half of them each say nothing of one that has both.
#[must_use]
pub fn missing<'s>(subjects: &'s [Subject], evidence: &[Subject]) -> Vec<Missing<'s>> {
    let lacking = |subject: &'s Subject| {
        let lacks = |of: &Subject| -> Vec<Missing<'s>> {
            let has = |pair: &(&str, &[u8])| of.digests().any(|other| other == *pair);
            let pairs = subject.digests().filter(|pair| !has(pair));
            pairs.map(|(algorithm, bytes)| Missing { subject, algorithm, bytes }).collect()
        };
        let all =
            || subject.digests().map(|(algorithm, bytes)| Missing { subject, algorithm, bytes }).collect();
        // Told of whatever comes closest.
        evidence.iter().map(lacks).min_by_key(Vec::len).unwrap_or_else(all)
    };
    subjects.iter().flat_map(lacking).collect()
}

/// How the subjects of a promotion and of its approval differ: in digests, URIs or names.
#[must_use]
pub fn difference<'s>(promoted: &'s [Subject], approved: &'s BTreeSet<Subject>) -> Difference<'s> {
    let mut not_promoted: BTreeSet<&Subject> = approved.iter().collect();
    let not_approved = promoted.iter().filter(|subject| !not_promoted.remove(subject)).collect();
    Difference { not_approved, not_promoted: not_promoted.into_iter().collect() }
}

impl Difference<'_> {
    /// Whether the approval is of exactly what is promoted.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.not_approved.is_empty() && self.not_promoted.is_empty()
    }
}

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, hex::encode(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::cbor::{Map, Value};
    use std::collections::BTreeMap;

    fn subject(digests: &[(&str, u8)], uri: Option<&str>) -> Subject {
        let length = |algorithm: &str| if algorithm.starts_with("git") { 20 } else { 32 };
        let pair = |(algorithm, byte): &(&str, u8)| ((*algorithm).to_owned(), vec![*byte; length(algorithm)]);
        let digests: BTreeMap<_, _> = digests.iter().map(pair).collect();
        Subject::new(digests, uri.map(str::to_owned), None).unwrap()
    }

    #[test]
    fn evidence_covers_what_it_has_every_pair_of() {
        let commit = subject(&[("gitCommit", 1)], None);
        let both = subject(&[("gitCommit", 1), ("sha256", 2)], Some("pkg:a"));
        let artifact = subject(&[("sha256", 2)], None);
        let other = subject(&[("gitCommit", 1), ("sha256", 3)], None);
        let said = |subjects: &[&Subject], evidence: &[&Subject]| -> Vec<String> {
            let subjects: Vec<Subject> = subjects.iter().copied().cloned().collect();
            let evidence: Vec<Subject> = evidence.iter().copied().cloned().collect();
            missing(&subjects, &evidence).iter().map(|pair| pair.to_string()[..12].to_owned()).collect()
        };
        // What it is called doesn't matter, and neither does what evidence has besides.
        assert_eq!(said(&[&commit, &artifact], &[&both]), [""; 0]);
        assert_eq!(said(&[&both], &[&both, &other]), [""; 0]);
        // An approved commit carries no artifact along, nor does another that has the commit as well.
        assert_eq!(said(&[&both], &[&commit]), ["sha256:02020"]);
        assert_eq!(said(&[&both], &[&commit, &artifact]), ["sha256:02020"]);
        assert_eq!(said(&[&both], &[&other]), ["sha256:02020"]);
        assert_eq!(said(&[&both], &[]), ["gitCommit:01", "sha256:02020"]);
        assert_eq!(said(&[&commit, &both, &artifact], &[]).len(), 4);
    }

    #[test]
    fn an_approval_is_of_what_is_promoted_with_its_names() {
        let (here, there) =
            (subject(&[("sha256", 2)], Some("pkg:a")), subject(&[("sha256", 2)], Some("pkg:b")));
        let of_there = BTreeSet::from([there.clone()]);
        let (promoted, both) = ([here.clone()], BTreeSet::from([here.clone(), there.clone()]));
        let found = difference(&promoted, &of_there);
        assert_eq!((found.not_approved, found.not_promoted), (vec![&here], vec![&there]));
        assert!(difference(&[there.clone(), here.clone()], &both).is_none());
        assert_eq!(difference(&promoted, &both).not_promoted, [&there]);
        // Once in the statement, twice in the claim: not the same list.
        let twice = [there.clone(), there.clone()];
        let found = difference(&twice, &of_there);
        assert_eq!((found.not_approved, found.not_promoted), (vec![&there], vec![]));
    }

    #[test]
    fn subjects_come_from_a_claim() {
        let map = |entries: &[(&str, Value)]| {
            let entries = entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            Value::Map(Map::from_entries(entries.collect()).unwrap())
        };
        let one = map(&[("digest", map(&[("sha256", Value::Bytes(vec![2; 32]))])), ("uri", "pkg:a".into())]);
        let expected = subject(&[("sha256", 2)], Some("pkg:a"));
        let claim = Value::Array(vec![one.clone(), one]);
        assert_eq!(Subject::of_claim(&claim), Ok(vec![expected.clone(), expected]));
        let short = map(&[("digest", map(&[("sha256", Value::Bytes(vec![2; 31]))]))]);
        let misfit = Subject::of_claim(&Value::Array(vec![short])).unwrap_err().to_string();
        assert!(misfit.starts_with("subject.0.digest.sha256: expected 32 bytes"), "{misfit}");
        assert!(Subject::of_claim(&Value::Array(vec![])).is_err());
        assert!(Subject::new(BTreeMap::new(), None, None).is_err());
    }
}
