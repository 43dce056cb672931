//! What waits for the sequencer, and which of it makes the next group.
//!
//! Single appends go ahead of batches, so that a large batch costs them one group's time at the most; a batch that was
//! passed over once is first in the next group, so that singles can't starve it. Memory is bounded by whoever hands
//! requests in.

use crate::codec::frame::{self, FRAME_OVERHEAD_BYTES, GROUP_BYTES};
use crate::committed::Committed;
use crate::submission::{AppendError, Appended, AppendedBatch, Outcome, Submission};
use crate::sync::lock;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Called once, on the sequencer's thread.
type Respond<T> = Box<dyn FnOnce(Result<T, AppendError>) + Send>;

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
        let bytes = submissions.iter().map(frame::record_bytes).sum();
        Self { submissions, answer, bytes }
    }

    /// Bytes of the frame that it makes alone.
    pub(crate) const fn frame_bytes(&self) -> usize {
        FRAME_OVERHEAD_BYTES + self.bytes
    }
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
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
        match work.answer {
            Reply::One(_) => waiting.singles.push_back(work),
            Reply::Batch(_) => waiting.batches.push_back(work),
        }
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for requests and takes a group of them, an empty one if none comes in time; none when the queue is closed and
    /// empty.
    pub(crate) fn take_group(&self, patience: Duration) -> Option<Vec<Work>> {
        let waiting = lock(&self.waiting);
        let idle = |waiting: &mut Waiting| !waiting.closed && waiting.is_empty();
        let waited = self.filled.wait_timeout_while(waiting, patience, idle);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() && waiting.closed { None } else { Some(waiting.take_group()) }
    }

    /// Takes no more requests; what waits is still handed out.
    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_all();
    }
}

impl Waiting {
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

    fn single(n: u64) -> Work {
        Work::new(vec![submission(n)], Reply::One(Box::new(drop)))
    }

    /// A batch of `bytes` and up to a record more.
    fn batch(bytes: usize) -> Work {
        let count = bytes.div_ceil(frame::record_bytes(&large()));
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
