//! What approvals are of: the digests of their subjects, for the records that refer to them.

use super::query::Truth;
use provlog_core::cbor::{Map, Reader, Value, Writer};
use provlog_core::claims::digests_agree;
use provlog_core::limits::REFERRED_BACK_MAX;
use std::collections::BTreeMap;
use std::ops::Range;

/// Digests of a record's subjects; none where the claim is hidden.
pub(super) type Subjects = Option<Vec<Map>>;

/// Indices whose approvals lie in one piece: enough that a piece costs little beside them, so few that each is found by a look at
/// all of them.
const PIECE: u64 = 64;

/// How deep digests are nested: a list of maps.
const DEPTH: usize = 2;

/// How much digests of subjects weigh.
pub(super) fn weight(subjects: &Subjects) -> usize {
    let digests = subjects.iter().flatten().map(|digest| digest.len().saturating_add(1));
    digests.fold(1, usize::saturating_add)
}

/// Subjects of approvals, by index: [`REFERRED_BACK_MAX`] digests, of which the first go. They are held as bytes, those of
/// neighbours in one piece: as maps, each would take some seven times its length.
#[derive(Debug, Default)]
pub(super) struct Approvals {
    /// By index over [`PIECE`], a sequence of `[index, subjects]` in the profile's bytes, by index. Subjects are bytes of their
    /// own, so that they are passed over at once; null where they are hidden.
    pieces: BTreeMap<u64, Vec<u8>>,
    weight: usize,
}

/// Subjects of an approval, as they are held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a>(Option<&'a [u8]>);

impl Approvals {
    /// Keeps the subjects of the approval at `index`.
    pub(super) fn keep(&mut self, index: u64, subjects: Subjects) {
        self.weight = self.weight.saturating_add(weight(&subjects));
        let item = item(index, subjects);
        let piece = self.pieces.entry(index / PIECE).or_default();
        let later = items(piece).find(|(_, other, _)| *other > index);
        let place = later.map_or(piece.len(), |(range, ..)| range.start);
        piece.reserve(item.len());
        piece.splice(place..place, item);
        while self.weight > REFERRED_BACK_MAX {
            let Some(first) = self.pop_first() else { break };
            self.weight = self.weight.saturating_sub(first);
        }
    }

    /// The subjects of the approval at `index`, if they are kept.
    pub(super) fn get(&self, index: u64) -> Option<Packed<'_>> {
        let (.., packed) = items(self.pieces.get(&(index / PIECE))?).find(|(_, other, _)| *other == index)?;
        Some(packed)
    }

    /// Lets the first go, and gives what they weigh.
    fn pop_first(&mut self) -> Option<usize> {
        let mut first = self.pieces.first_entry()?;
        let popped = items(first.get()).next().map(|(range, _, packed)| (range, weight(&packed.subjects())));
        if let Some((range, _)) = &popped {
            first.get_mut().drain(range.clone());
        }
        if popped.is_none() || first.get().is_empty() {
            first.remove();
        }
        Some(popped.map_or(0, |(_, weight)| weight))
    }
}

fn item(index: u64, subjects: Subjects) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(2);
    // Indices are below 2^53.
    writer.integer(i64::try_from(index).unwrap_or(i64::MAX));
    match subjects {
        None => writer.value(&Value::Null),
        Some(digests) => {
            let digests = Value::Array(digests.into_iter().map(Value::Map).collect());
            writer.bytes(&digests.to_bytes());
        }
    }
    writer.into_bytes()
}

/// Where each approval of a piece lies, its index, and its subjects.
fn items(piece: &[u8]) -> impl Iterator<Item = (Range<usize>, u64, Packed<'_>)> {
    let mut reader = Reader::new(piece);
    std::iter::from_fn(move || {
        let start = reader.offset();
        reader.array().ok()?;
        let index = reader.value(0).ok()?.as_uint()?;
        let subjects = if reader.at_bytes() {
            Some(reader.bytes().ok()?)
        } else {
            reader.pass(0).ok()?;
            None
        };
        Some((start..reader.offset(), index, Packed(subjects)))
    })
}

impl Packed<'_> {
    fn subjects(self) -> Subjects {
        let Ok(Value::Array(digests)) = Value::parse(self.0?, DEPTH) else { return Some(Vec::new()) };
        let maps = digests.into_iter().filter_map(|digest| match digest {
            Value::Map(digest) => Some(digest),
            _ => None,
        });
        Some(maps.collect())
    }

    /// Whether a digest of a record's agrees with one of these, while so many pairs may be compared. They are counted before they
    /// are unpacked: what isn't compared costs nothing.
    pub(super) fn are_also(self, these: &Subjects, pairs_left: &mut usize) -> Truth {
        let (Some(these), Some(packed)) = (these, self.0) else { return Truth::Undisclosed };
        let count = Reader::new(packed).array().unwrap_or_default();
        match pairs_left.checked_sub(these.len().saturating_mul(count)) {
            Some(left) => *pairs_left = left,
            None => return Truth::Unresolved,
        }
        if these.is_empty() {
            return Truth::Unmet;
        }
        let those = self.subjects().unwrap_or_default();
        let agree = these.iter().any(|digest| those.iter().any(|other| digests_agree(digest, other)));
        if agree { Truth::Met } else { Truth::Unmet }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::btree_map::Entry;

    /// Numbers that are the same in every run, and in no order.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }

        fn digest(&mut self) -> Map {
            let mut digest = Map::new();
            for algorithm in ["gitCommit", "sha256", "sha512"] {
                if self.below(2) == 0 {
                    let byte = u8::try_from(self.below(3)).unwrap();
                    digest.insert(algorithm, Value::Bytes(vec![byte; 3])).unwrap();
                }
            }
            digest
        }

        fn subjects(&mut self) -> Subjects {
            let count = self.below(5);
            count.checked_sub(1).map(|count| (0..count).map(|_| self.digest()).collect())
        }
    }

    /// Against a map, whatever order they come in.
    #[test]
    fn subjects_are_found_as_they_were_and_go_in_the_order_of_their_indices() {
        for seed in 0..20 {
            let mut numbers = Numbers(seed);
            let (mut approvals, mut left) = (Approvals::default(), BTreeMap::new());
            for _ in 0..60 {
                let (index, subjects) = (numbers.below(400), numbers.subjects());
                // Each is given once.
                if let Entry::Vacant(place) = left.entry(index) {
                    place.insert(subjects.clone());
                    approvals.keep(index, subjects);
                }
            }
            while let Some((first, subjects)) = left.first_key_value() {
                for index in 0..400 {
                    let found = approvals.get(index).map(Packed::subjects);
                    assert_eq!(found.as_ref(), left.get(&index), "{index} from {first} on, seed {seed}");
                }
                assert_eq!(approvals.pop_first(), Some(weight(subjects)));
                left.pop_first();
            }
            assert_eq!(approvals.pop_first(), None);
            assert!(approvals.pieces.is_empty());
        }
    }

    /// Against maps that are compared one by one.
    #[test]
    fn they_agree_where_their_digests_do() {
        let mut numbers = Numbers(1);
        let mut seen = [0; 4];
        for _ in 0..2000 {
            let (these, those) = (numbers.subjects(), numbers.subjects());
            let most = usize::try_from(numbers.below(12)).unwrap();
            let mut approvals = Approvals::default();
            approvals.keep(7, those.clone());
            let mut pairs_left = most;
            let truth = approvals.get(7).unwrap().are_also(&these, &mut pairs_left);
            let (mut left, mut expected) = (most, Truth::Undisclosed);
            if let (Some(these), Some(those)) = (&these, &those) {
                let pairs = these.len() * those.len();
                let agree = these.iter().any(|one| those.iter().any(|other| digests_agree(one, other)));
                expected = if agree { Truth::Met } else { Truth::Unmet };
                match most.checked_sub(pairs) {
                    Some(rest) => left = rest,
                    None => expected = Truth::Unresolved,
                }
            }
            assert_eq!((truth, pairs_left), (expected, left), "{these:?} {those:?} {most}");
            let all = [Truth::Met, Truth::Undisclosed, Truth::Unresolved, Truth::Unmet];
            seen[all.iter().position(|one| *one == truth).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    }

    #[test]
    fn digests_are_kept_up_to_a_bound_and_the_first_go() {
        let mut approvals = Approvals::default();
        let digest = Map::from_entries(vec![("sha256".into(), Value::Bytes(vec![7; 32]))]).unwrap();
        for index in 0..2000 {
            approvals.keep(index, Some(vec![digest.clone(); 1000]));
        }
        // Each weighs one, and two a digest.
        let first = 2000 - u64::try_from(REFERRED_BACK_MAX / 2001).unwrap();
        let kept = [first - 1, first, 1999].map(|index| approvals.get(index).is_some());
        assert_eq!(kept, [false, true, true]);
    }
}
