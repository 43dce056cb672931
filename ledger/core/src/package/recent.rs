//! The last records of a package, which those that come after them may refer to.

use crate::limits::REFERRED_BACK_MAX;
use alloc::collections::VecDeque;

/// What is known of each of the last records, by index: of [`REFERRED_BACK_MAX`], or as many as are asked for. It lies flat: an
/// index is only held where it doesn't follow the one before, so a complete range takes the room of what is known and no more.
#[derive(Clone, Debug)]
pub struct Recent<T> {
    most: usize,
    stretches: VecDeque<Stretch>,
    known: VecDeque<T>,
    /// Records that were added before the first that is known.
    gone: u64,
}

/// Consecutive indices: the first, and how many records were added before it.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: u64,
    place: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self::of_last(REFERRED_BACK_MAX)
    }
}

impl<T> Recent<T> {
    /// Of no records yet, and for the last `most` of them.
    #[must_use]
    pub const fn of_last(most: usize) -> Self {
        Self { most, stretches: VecDeque::new(), known: VecDeque::new(), gone: 0 }
    }

    /// Adds the next record. Its index is above those of all others.
    pub fn push(&mut self, index: u64, known: T) {
        if self.known.len() >= self.most && self.known.pop_front().is_some() {
            self.gone = self.gone.saturating_add(1);
        }
        // A stretch is over once the next one starts no later than the first record that is known. Before there is another one:
        // else a full queue of them would be grown to twice its length.
        while self.stretches.get(1).is_some_and(|next| next.place <= self.gone) {
            self.stretches.pop_front();
        }
        let place = self.gone.saturating_add(u64::try_from(self.known.len()).unwrap_or(u64::MAX));
        let expected = self
            .stretches
            .back()
            .map(|stretch| stretch.first.saturating_add(place.saturating_sub(stretch.place)));
        if expected != Some(index) {
            if self.known.is_empty() {
                self.stretches.clear();
            }
            self.stretches.push_back(Stretch { first: index, place });
        }
        self.known.push_back(known);
    }

    /// What is known of the record at `index`, if it is one of the last.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<&T> {
        let next = self.stretches.partition_point(|stretch| stretch.first <= index);
        let stretch = self.stretches.get(next.checked_sub(1)?)?;
        let place = stretch.place.checked_add(index.checked_sub(stretch.first)?)?;
        // Behind the end of its stretch, where the next one's records are, or none.
        if self.stretches.get(next).is_some_and(|next| place >= next.place) {
            return None;
        }
        self.known.get(usize::try_from(place.checked_sub(self.gone)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// Where no index follows the one before, there are as many stretches as records, and no room for more.
    #[test]
    fn what_is_held_has_a_bound() {
        let mut recent = Recent::of_last(64);
        for index in 0..1000 {
            recent.push(2 * index, ());
        }
        assert_eq!((recent.stretches.len(), recent.stretches.capacity()), (64, 64));
    }

    proptest! {
        /// Against a list of all records, of which the last are looked through one by one.
        #[test]
        fn the_last_records_are_found_by_their_index_and_no_others(
            first in 0_u64..4,
            steps in prop::collection::vec(prop_oneof![4 => Just(1_u64), 1 => 2_u64..5], 0..60),
            most in 1_usize..20,
        ) {
            let mut recent = Recent::of_last(most);
            let (mut all, mut index) = (Vec::new(), first);
            for (place, step) in steps.into_iter().enumerate() {
                recent.push(index, place);
                all.push((index, place));
                let last = &all[all.len().saturating_sub(most)..];
                for asked in 0..index + 6 {
                    let expected = last.iter().find(|(index, _)| *index == asked).map(|(_, place)| place);
                    prop_assert_eq!(recent.get(asked), expected, "{} of {:?}", asked, recent);
                }
                let stretches = 1 + last.windows(2).filter(|pair| pair[1].0 != pair[0].0 + 1).count();
                prop_assert_eq!(recent.stretches.len(), stretches, "nothing is held of those that are gone: {:?}", recent);
                index += step;
            }
            prop_assert_eq!(recent.get(u64::MAX), None);
        }
    }
}
