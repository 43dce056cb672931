//! Where entries are looked up that records refer to. Whoever hands in records may know of them already, so that nothing is held
//! twice.

use provlog_core::limits::REFERRED_BACK_MAX;
use provlog_core::package::Recent;
use provlog_core::{Hash, Kind};
use std::collections::BTreeMap;

/// An entry that is referred to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// It is this.
    Entry(Kind, Hash),
    /// It is what every reference to it says, or the records are refused for it.
    Vouched,
}

/// The last [`REFERRED_BACK_MAX`] records.
pub(crate) trait Known {
    /// The entry at `index`, if its record is one of them.
    fn find(&self, index: u64) -> Option<Found>;

    /// Takes in the record of the entry at `index`.
    fn keep(&mut self, index: u64, kind: Kind, leaf_hash: Hash);
}

/// Records of anywhere, in any order.
#[derive(Debug, Default)]
pub(crate) struct AnyOrder(BTreeMap<u64, (Kind, Hash)>);

impl Known for AnyOrder {
    fn find(&self, index: u64) -> Option<Found> {
        self.0.get(&index).map(|(kind, leaf_hash)| Found::Entry(*kind, *leaf_hash))
    }

    fn keep(&mut self, index: u64, kind: Kind, leaf_hash: Hash) {
        self.0.insert(index, (kind, leaf_hash));
        if self.0.len() > REFERRED_BACK_MAX {
            self.0.pop_first();
        }
    }
}

/// The records of a package, in their order, while it is verified: core holds their references against the same records, and
/// refuses the package for one that is wrong.
#[derive(Debug, Default)]
pub(crate) struct OfVerified(Recent<()>);

impl Known for OfVerified {
    fn find(&self, index: u64) -> Option<Found> {
        self.0.get(index).map(|()| Found::Vouched)
    }

    fn keep(&mut self, index: u64, _: Kind, _: Hash) {
        self.0.push(index, ());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two records more than there may be, but for the second.
    pub(crate) fn keep_many(known: &mut dyn Known) -> [Option<Found>; 5] {
        let (kind, most) = (Kind::new(3).unwrap(), u64::try_from(REFERRED_BACK_MAX).unwrap());
        for index in (0..most + 3).filter(|index| *index != 1) {
            known.keep(index, kind, Hash([7; 32]));
        }
        [0, 1, 2, 3, most + 2].map(|index| known.find(index))
    }

    #[test]
    fn the_last_records_are_found() {
        let entry = Some(Found::Entry(Kind::new(3).unwrap(), Hash([7; 32])));
        assert_eq!(keep_many(&mut AnyOrder::default()), [None, None, None, entry, entry]);
        let vouched = Some(Found::Vouched);
        assert_eq!(keep_many(&mut OfVerified::default()), [None, None, None, vouched, vouched]);
    }

    #[test]
    fn records_in_any_order_are_found() {
        let mut known = AnyOrder::default();
        let kind = |number| Kind::new(number).unwrap();
        for (index, number) in [(9, 1), (3, 2), (5, 3)] {
            known.keep(index, kind(number), Hash([number; 32]));
        }
        let found = [3, 4, 9].map(|index| known.find(index));
        let entry = |number| Some(Found::Entry(kind(number), Hash([number; 32])));
        assert_eq!(found, [entry(2), None, entry(1)]);
    }
}
