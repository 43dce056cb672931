//! What waits for the sequencer, and which of it makes the next group.
//!
//! A group gathers for as long as its predecessors' answers wait to be taken up: whoever takes them up is at its limit then,
//! and a commit of its own for the few that came meanwhile would only add to its work. Without load answers are taken up
//! at once, and nothing is waited for.
//!
//! Single appends go ahead of batches, so that a large batch costs them one group's time at the most; a batch that was
//! passed over once is first in the next group, so that singles can't starve it. Memory is bounded by whoever hands
//! requests in.

use crate::codec::encode::record_bytes;
use crate::codec::frame::{FRAME_OVERHEAD_BYTES, GROUP_BYTES};
use crate::committed::Committed;
use crate::submission::{AppendError, Appended, AppendedBatch, Outcome, Submission};
use crate::sync::lock;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Answers that may wait to be taken up when a group begins: enough for whoever takes them up to be busy while the group is
/// in the store.
const UNTAKEN_MAX: usize = 16;

/// How long a group gathers at the most, whatever becomes of the answers.
const GATHER_MAX: Duration = Duration::from_millis(20);

/// Called once: on the sequencer's thread, or, where it was refused at once, on the caller's.
pub(crate) type Respond<T> = Box<dyn FnOnce(Result<T, AppendError>) + Send>;

/// Where the answer goes.
pub(crate) enum Reply {
    One(Respond<Appended>),
    Batch(Respond<AppendedBatch>),
}

impl Reply {
    pub(crate) fn refuse(self, error: AppendError) {
        match self {
            Self::One(respond) => respond(Err(error)),
            Self::Batch(respond) => respond(Err(error)),
        }
    }

    /// One outcome for each submission, in their order.
    pub(crate) fn give(self, outcomes: Vec<Outcome>, committed: Arc<Committed>) {
        match self {
            Self::One(respond) => {
                if let Some(&outcome) = outcomes.first() {
                    respond(Ok(Appended { outcome, committed }));
                }
            }
            Self::Batch(respond) => respond(Ok(AppendedBatch { outcomes, committed })),
        }
    }
}

/// A request: all of it is appended, or nothing. A single one has exactly one submission.
pub(crate) struct Work {
    pub(crate) submissions: Vec<Submission>,
    pub(crate) answer: Reply,
    bytes: usize,
}

impl Work {
    pub(crate) fn new(submissions: Vec<Submission>, answer: Reply) -> Self {
        let bytes = submissions.iter().map(record_bytes).sum();
        Self { submissions, answer, bytes }
    }

    /// Bytes of the frame that it makes alone.
    pub(crate) const fn frame_bytes(&self) -> usize {
        FRAME_OVERHEAD_BYTES + self.bytes
    }
}

/// The queue.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    gather_max: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: Mutex::default(), filled: Condvar::new(), gather_max: GATHER_MAX }
    }
}

#[derive(Default)]
struct Waiting {
    /// Answers that were given and not yet taken up.
    untaken: usize,
    /// What all that waits takes in a frame.
    bytes: usize,
    singles: VecDeque<Work>,
    batches: VecDeque<Work>,
    passed_over: bool,
    closed: bool,
}

impl Queue {
    /// Adds a request; gives it back when the queue is closed.
    pub(crate) fn push(&self, work: Work) -> Result<(), Work> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(work);
        }
        let (first, gathered) = (waiting.is_empty(), waiting.gathers());
        waiting.bytes += work.bytes;
        match work.answer {
            Reply::One(_) => waiting.singles.push_back(work),
            Reply::Batch(_) => waiting.batches.push_back(work),
        }
        let full = gathered && !waiting.gathers();
        drop(waiting);
        // To wake for those in between would cost a system call each.
        if first || full {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for requests and takes a group of them, an empty one if none comes in time; none when the queue is closed and
    /// empty.
    pub(crate) fn take_group(&self, patience: Duration) -> Option<Vec<Work>> {
        let waiting = lock(&self.waiting);
        let waiting = self.wait(waiting, patience, Waiting::is_empty);
        let mut waiting = self.wait(waiting, self.gather_max, Waiting::gathers);
        if waiting.is_empty() && waiting.closed { None } else { Some(waiting.take_group()) }
    }

    /// Waits while it is open, and `is` so.
    fn wait<'a>(
        &self,
        waiting: MutexGuard<'a, Waiting>,
        patience: Duration,
        is: impl Fn(&Waiting) -> bool,
    ) -> MutexGuard<'a, Waiting> {
        let waits = |waiting: &mut Waiting| !waiting.closed && is(waiting);
        let waited = self.filled.wait_timeout_while(waiting, patience, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Takes no more requests; what waits is still handed out.
    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_all();
    }
}

/// An answer on its way: to be dropped when it was taken up.
pub struct Untaken(Arc<Queue>);

impl fmt::Debug for Untaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Untaken")
    }
}

impl Untaken {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        lock(&queue.waiting).untaken += 1;
        Self(queue)
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        let mut waiting = lock(&self.0.waiting);
        let gathered = waiting.gathers();
        waiting.untaken -= 1;
        let wake = gathered && !waiting.gathers() && !waiting.is_empty();
        drop(waiting);
        if wake {
            self.0.filled.notify_one();
        }
    }
}

impl Waiting {
    /// Whether what waits is to wait for more: not if it is a full group.
    const fn gathers(&self) -> bool {
        self.untaken > UNTAKEN_MAX && self.bytes < GROUP_BYTES
    }

    fn is_empty(&self) -> bool {
        self.singles.is_empty() && self.batches.is_empty()
    }

    fn take_group(&mut self) -> Vec<Work> {
        let (mut group, mut bytes) = (Vec::new(), FRAME_OVERHEAD_BYTES);
        if self.passed_over {
            take_fitting(&mut self.batches, &mut group, &mut bytes, 1);
        }
        take_fitting(&mut self.singles, &mut group, &mut bytes, usize::MAX);
        take_fitting(&mut self.batches, &mut group, &mut bytes, usize::MAX);
        self.passed_over = !self.batches.is_empty();
        self.bytes -= group.iter().map(|work| work.bytes).sum::<usize>();
        group
    }
}

/// Moves requests from the front while they fit; one alone always does.
fn take_fitting(from: &mut VecDeque<Work>, group: &mut Vec<Work>, bytes: &mut usize, count_max: usize) {
    for _ in 0..count_max {
        let Some(work) = from.pop_front_if(|work| group.is_empty() || *bytes + work.bytes <= GROUP_BYTES)
        else {
            return;
        };
        *bytes += work.bytes;
        group.push(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{large, submission};
    use std::time::Instant;

    fn single(n: u64) -> Work {
        Work::new(vec![submission(n)], Reply::One(Box::new(drop)))
    }

    /// A batch of `bytes` and up to a record more.
    fn batch(bytes: usize) -> Work {
        let count = bytes.div_ceil(record_bytes(&large()));
        Work::new(vec![large(); count], Reply::Batch(Box::new(drop)))
    }

    /// The group's requests: true for batches.
    fn batches(queue: &Queue) -> Vec<bool> {
        queue
            .take_group(Duration::ZERO)
            .unwrap()
            .iter()
            .map(|work| matches!(work.answer, Reply::Batch(_)))
            .collect()
    }

    #[test]
    fn singles_go_first_and_a_batch_waits_for_one_group_at_the_most() {
        let queue = Queue::default();
        let push = |work| assert!(queue.push(work).is_ok());
        push(batch(3 * GROUP_BYTES));
        push(batch(1000));
        push(single(1));
        push(single(2));
        assert_eq!(batches(&queue), [false, false], "the large batch doesn't fit beside them");
        push(single(3));
        assert_eq!(batches(&queue), [true], "passed over once, it is alone now");
        assert_eq!(batches(&queue), [true, false], "the small one had been passed over too");
        push(batch(1000));
        push(single(4));
        push(batch(1000));
        assert_eq!(batches(&queue), [false, true, true]);
        assert!(batches(&queue).is_empty(), "nothing came in time");
    }

    #[test]
    fn a_group_gathers_until_answers_are_taken_up_or_for_as_long_as_it_may() {
        let queue = Queue { gather_max: Duration::from_millis(1), ..Queue::default() };
        let push = |queue: &Queue| assert!(queue.push(single(1)).is_ok());
        let queue = Arc::new(queue);
        let answers = |queue, count| -> Vec<Untaken> {
            std::iter::repeat_with(|| Untaken::new(Arc::clone(queue))).take(count).collect()
        };
        let untaken = answers(&queue, UNTAKEN_MAX + 1);
        push(&queue);
        let start = Instant::now();
        assert_eq!(batches(&queue), [false]);
        assert!(start.elapsed() >= queue.gather_max, "it was to wait for more");
        drop(untaken);

        let queue = Arc::new(Queue { gather_max: Duration::MAX, ..Queue::default() });
        let mut untaken = answers(&queue, UNTAKEN_MAX);
        push(&queue);
        assert_eq!(batches(&queue), [false], "these few are waited for by nobody");
        untaken.extend(answers(&queue, 1));
        assert!(queue.push(batch(GROUP_BYTES)).is_ok());
        assert_eq!(batches(&queue), [true], "a full group waits for nobody");
        push(&queue);
        std::thread::scope(|scope| {
            let group = scope.spawn(|| batches(&queue));
            push(&queue);
            drop(untaken);
            assert_eq!(group.join().unwrap(), [false; 2], "what came before the answers were taken up");
        });
    }

    #[test]
    fn a_group_is_at_most_8_mib_and_a_closed_queue_hands_out_what_it_has() {
        let queue = Queue::default();
        for _ in 0..20 {
            assert!(queue.push(batch(GROUP_BYTES / 8)).is_ok());
        }
        queue.close();
        assert!(queue.push(single(1)).is_err());
        let sizes: Vec<usize> =
            std::iter::from_fn(|| queue.take_group(Duration::ZERO)).map(|group| group.len()).collect();
        assert_eq!(sizes, [7, 7, 6]);
    }
}
