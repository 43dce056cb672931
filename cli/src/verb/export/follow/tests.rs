//! What is followed of made-up entries, against a model that reads the rule word by word.

use super::*;
use std::cell::{Cell, RefCell};

/// What each entry leads to, in a log of these.
struct Graph {
    steps: Vec<Step>,
    most: Room,
    requests: RefCell<Vec<Range<u64>>>,
    /// How many records were taken, or looked at as the first that isn't.
    seen: Cell<usize>,
}

impl Graph {
    fn new(steps: Vec<Step>, most: Room) -> Self {
        Self { steps, most, requests: RefCell::default(), seen: Cell::default() }
    }

    fn follow(&self) -> Followed {
        follow(self, count(self.steps.len() - 1), self.most).unwrap()
    }

    fn step_at(&self, index: u64) -> &Step {
        &self.steps[usize::try_from(index).unwrap()]
    }

    /// What the entry's package holds and leaves out by the rule: without anything that is fetched, early or at all.
    fn model(&self) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let entry = count(self.steps.len() - 1);
        let (mut held, mut left_out) = (BTreeSet::new(), BTreeSet::from([entry]));
        let mut queue = Vec::from([(0, entry)]);
        // Fewest steps first, of as many the later.
        while let Some(place) =
            (0..queue.len()).min_by_key(|place| (queue[*place].0, std::cmp::Reverse(queue[*place].1)))
        {
            let (steps, index) = queue.remove(place);
            if held.contains(&index) {
                continue;
            }
            let named = &self.step_at(index).named;
            let mut after = held.clone();
            after.insert(index);
            let lacking: BTreeSet<u64> = left_out.union(named).copied().collect();
            let lacking: BTreeSet<u64> = lacking.difference(&after).copied().collect();
            if after.len() > self.most.records || lacking.len() > self.most.left_out {
                break;
            }
            (held, left_out) = (after, lacking);
            queue.extend(named.iter().map(|named| (steps + 1, *named)));
        }
        (held, left_out)
    }
}

impl Steps for Graph {
    fn fetch(&self, range: Range<u64>, received: &mut Received) -> Result<(), Failure> {
        self.requests.borrow_mut().push(range.clone());
        for index in range {
            assert!(received.insert(index, index.to_be_bytes().into()).is_none(), "{index} was there");
        }
        assert!(
            self.seen.get() + received.len() <= self.most.records,
            "more are held than there is room for"
        );
        Ok(())
    }

    fn step(&self, index: u64, bytes: &[u8]) -> Result<Step, Failure> {
        assert_eq!(bytes, index.to_be_bytes());
        self.seen.set(self.seen.get() + 1);
        Ok(self.step_at(index).clone())
    }
}

/// Numbers without an order, the same every time (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Entries that name up to three before them, and changes of several parts, of which some say that they have more than
    /// there are.
    fn steps(&mut self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let length = 1 + self.below(60);
        while count(steps.len()) < length {
            let parts = if self.below(4) == 0 { 1 + self.below(9) } else { 1 };
            let more = if self.below(8) == 0 { self.below(20) } else { 0 };
            for part in 0..parts {
                let index = count(steps.len());
                let others = if index == 0 { 0 } else { self.below(4) };
                let mut named: BTreeSet<u64> = (0..others).map(|_| self.below(index)).collect();
                let earlier_parts = part + more;
                named.extend(index.checked_sub(1).filter(|_| earlier_parts > 0));
                steps.push(Step { named, earlier_parts });
            }
        }
        steps
    }
}

#[test]
fn what_is_followed_is_what_the_rule_says_in_whatever_room() {
    let mut numbers = Numbers(0);
    let (mut whole, mut short_of_records, mut short_of_indices) = (0, 0, 0);
    for round in 0..5_000 {
        let steps = numbers.steps();
        let most = Room {
            records: usize::try_from(1 + numbers.below(40)).unwrap(),
            left_out: usize::try_from(numbers.below(30)).unwrap(),
        };
        let graph = Graph::new(steps, most);
        let found = graph.follow();
        let held: BTreeSet<u64> = found.records.keys().copied().collect();
        let expected = graph.model();
        assert_eq!((&held, &found.left_out), (&expected.0, &expected.1), "round {round}");
        assert!(found.records.iter().all(|(index, bytes)| *bytes == index.to_be_bytes()));
        match held.len() {
            _ if found.left_out.is_empty() => whole += 1,
            length if length == most.records => short_of_records += 1,
            _ => short_of_indices += 1,
        }
    }
    let rounds = [whole, short_of_records, short_of_indices];
    assert!(rounds.iter().all(|rounds| *rounds > 500), "{rounds:?}");
}

/// The parts of a change are fetched at once, as far as there is room.
#[test]
fn a_change_of_several_parts_takes_one_request_beside_the_last_part_s() {
    let part = |index: u64| Step { named: index.checked_sub(1).into_iter().collect(), earlier_parts: index };
    let mut steps: Vec<Step> = (0..10).map(part).collect();
    steps.push(Step { named: BTreeSet::from([9]), earlier_parts: 0 });
    let graph = Graph::new(steps.clone(), Room { records: 11, left_out: 10 });
    let found = graph.follow();
    assert_eq!((found.records.len(), found.left_out.len()), (11, 0));
    assert_eq!(*graph.requests.borrow(), [10..11, 9..10, 0..9]);

    let graph = Graph::new(steps, Room { records: 6, left_out: 10 });
    let found = graph.follow();
    assert_eq!(found.left_out, BTreeSet::from([4]));
    assert_eq!(*graph.requests.borrow(), [10..11, 9..10, 5..9]);
}

#[test]
fn consecutive_entries_take_one_request() {
    assert_eq!(runs([1, 2, 3, 7, 9, 10].into_iter()), [1..4, 7..8, 9..11]);
    assert_eq!(runs([].into_iter()), []);
}
