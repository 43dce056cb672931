//! Whether an approver is somebody else than who asked, committed or started a job (`SPEC.md` section 13.3).

use crate::roster::{Person, Roster};
use std::collections::BTreeSet;

/// Somebody from whom an approver should be separate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party<'n> {
    /// By a name: a requester's or a committer's, which a submitter gave, or the actor's of the attested workload. A name that
    /// isn't on the roster may be anybody's, an approver's too.
    Named(&'n str),
    /// An attested workload, under an issuer of which the log's configuration says that no person starts its jobs. Never a name
    /// that a submitter gave.
    Unattended,
    /// Nothing is said of who it was.
    Untold,
}

/// Whether an approver and somebody else are two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Separation {
    /// They are.
    Yes,
    /// They are one person.
    No,
    /// Nobody can say; counts as no.
    Unknown,
}

impl Separation {
    /// Whether a rule that demands it is met.
    #[must_use]
    pub fn holds(self) -> bool {
        self == Self::Yes
    }
}

/// Whether the approver, a person of this roster, is separate from somebody.
#[must_use]
pub fn separation(roster: &Roster, approver: &Person, party: Party<'_>) -> Separation {
    // Of another roster, in which people may have other names: none of them could be compared.
    if roster.person(approver.id()) != Some(approver) {
        return Separation::Unknown;
    }
    match party {
        Party::Unattended => Separation::Yes,
        Party::Untold => Separation::Unknown,
        Party::Named(name) => match roster.person(name) {
            Some(person) if person == approver => Separation::No,
            Some(_) => Separation::Yes,
            None => Separation::Unknown,
        },
    }
}

/// How many persons these are: one who signs twice, by whichever key, is one.
#[must_use]
pub fn distinct<'p>(persons: impl IntoIterator<Item = &'p Person>) -> usize {
    persons.into_iter().map(Person::id).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::tests::signed_by;

    fn roster(lines: &[(&str, u8)]) -> Roster {
        let line = |(names, seed): &(&str, u8)| format!("{names} {}\n", signed_by(*seed, "a").key());
        Roster::parse(lines.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn only_who_is_known_to_be_another_is_separate() {
        let roster = roster(&[("alice,github:1", 1), ("alice,gitlab:2", 2), ("bob,github:3", 3)]);
        let alice = roster.person("alice").unwrap();
        for (party, expected) in [
            (Party::Named("alice"), Separation::No),
            (Party::Named("github:1"), Separation::No),
            (Party::Named("gitlab:2"), Separation::No),
            (Party::Named("github:3"), Separation::Yes),
            (Party::Named("bob"), Separation::Yes),
            // A name that nobody knows may be Alice's, and a submitter may have chosen it for that.
            (Party::Named("Alice"), Separation::Unknown),
            (Party::Named("release-bot"), Separation::Unknown),
            (Party::Named(""), Separation::Unknown),
            (Party::Untold, Separation::Unknown),
            (Party::Unattended, Separation::Yes),
        ] {
            assert_eq!(separation(&roster, alice, party), expected, "{party:?}");
            assert_eq!(expected.holds(), expected == Separation::Yes);
        }
    }

    #[test]
    fn persons_of_another_roster_are_separate_from_nobody() {
        let (before, now) = (roster(&[("alice", 1)]), roster(&[("alice.b,alice", 1), ("bob", 3)]));
        let alice = before.person("alice").unwrap();
        for party in [Party::Named("alice.b"), Party::Named("bob"), Party::Unattended] {
            assert_eq!(separation(&now, alice, party), Separation::Unknown);
        }
    }

    #[test]
    fn a_person_counts_once() {
        let roster = roster(&[("alice,github:1", 1), ("alice,gitlab:2", 2), ("bob", 3)]);
        let times = [5];
        let signers: Vec<&Person> =
            [1, 2, 3, 1].map(|seed| roster.signer(&signed_by(seed, "a"), &times).unwrap().person).into();
        assert_eq!(distinct(signers.iter().copied()), 2);
        assert_eq!(distinct(signers[..2].iter().copied()), 1);
        assert_eq!(distinct([]), 0);
    }
}
