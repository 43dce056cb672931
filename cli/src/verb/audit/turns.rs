//! What threads have read of records, put together in the order of these.

use super::window::Ahead;
use super::workloads::{ReadEntries, Workloads};
use crate::show::failure::Failure;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Whose turn it is, among ranges of records by their number.
pub(super) struct Turns<'a, 'b> {
    window: &'a Ahead,
    state: Mutex<State<'a, 'b>>,
}

struct State<'a, 'b> {
    turn: u64,
    waiting: BTreeMap<u64, ReadEntries<'b>>,
    workloads: &'a mut Workloads<'b>,
}

impl<'a, 'b> Turns<'a, 'b> {
    /// Moves the window up with the turns.
    pub(super) const fn new(window: &'a Ahead, workloads: &'a mut Workloads<'b>) -> Self {
        Self { window, state: Mutex::new(State { turn: 0, waiting: BTreeMap::new(), workloads }) }
    }

    /// Takes what was read so far of a range, where it is its turn.
    pub(super) fn hand_on(&self, number: u64, read: &mut ReadEntries<'b>) -> Result<(), Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.turn == number { state.workloads.add(std::mem::take(read)) } else { Ok(()) }
    }

    /// Takes the rest of what was read of a range.
    pub(super) fn end(&self, number: u64, read: ReadEntries<'b>) -> Result<(), Failure> {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.insert(number, read);
        while let Some(read) = state.waiting.remove(&state.turn) {
            state.workloads.add(read)?;
            state.turn += 1;
        }
        self.window.move_to(state.turn);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::mirror::Mirror;
    use super::*;
    use crate::examples::{example, record_of};
    use provlog_core::claims::TRUST;
    use provlog_evidence::believed::Believed;
    use std::thread;

    /// Ranges that end in any order are put together in theirs: trust entries are kept ascending.
    #[test]
    fn what_threads_read_is_put_together_in_order() {
        let home = tempfile::tempdir().unwrap();
        let mirror = Mirror::open(home.path(), None).unwrap();
        let believed = Believed::default();
        let mut record = record_of(&example("event"));
        record.entry.kind = TRUST;
        let mut workloads = Workloads::new(&believed, "example.com/log", 0..60);
        workloads.fold_sets(&mirror, 60, 0).unwrap();
        let (reader, window) = (workloads.reader(), Ahead::new(0, 3));
        let turns = Turns::new(&window, &mut workloads);
        thread::scope(|scope| {
            for number in (0..20_u64).rev() {
                let (turns, window, record) = (&turns, &window, &record);
                scope.spawn(move || {
                    assert!(window.reaches(number));
                    let mut read = ReadEntries::default();
                    for index in number * 3..number * 3 + 3 {
                        read.read(reader, index, record, &record.to_bytes());
                        turns.hand_on(number, &mut read).unwrap();
                    }
                    turns.end(number, read).unwrap();
                });
            }
        });
        let (found, faults, sets) = workloads.finish(true);
        assert_eq!((found.counts.values().sum::<u64>(), faults), (60, Default::default()));
        assert_eq!(sets.unwrap().keep().unwrap(), 60);
        let kept = std::fs::read(mirror.place("trust-records")).unwrap();
        let expected = (0..60).flat_map(|index| provlog_core::package::record_item(index, &record));
        assert_eq!(kept, expected.collect::<Vec<_>>());
    }
}
