//! How answers get from the sequencer to the workers that wait for them: a worker is woken once for all that have come
//! for it, and wakes its own tasks itself, which takes no system call.

use provlog_engine::{AppendError, Appended, Untaken};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};

thread_local! {
    /// Of the worker that this thread is.
    static OWN: RefCell<Option<Arc<Delivery>>> = const { RefCell::new(None) };
}

/// What the log said of an append, and that it waits to be taken up.
pub(crate) type Delivered = (Result<Appended, AppendError>, Untaken);

/// What has come for a worker.
#[derive(Default)]
struct Delivery {
    answers: Mutex<Vec<(oneshot::Sender<Delivered>, Delivered)>>,
    filled: Notify,
}

/// Where an answer has to go.
pub(crate) struct Addressee {
    task: oneshot::Sender<Delivered>,
    worker: Option<Arc<Delivery>>,
}

/// An answer for the task that calls, and where to send it.
pub(crate) fn expect() -> (Addressee, oneshot::Receiver<Delivered>) {
    let (task, answer) = oneshot::channel();
    (Addressee { task, worker: OWN.with_borrow(Clone::clone) }, answer)
}

impl Addressee {
    /// Sends the answer, from any thread. A task that is gone doesn't get it.
    pub(crate) fn send(self, answer: Delivered) {
        let Some(worker) = self.worker else {
            drop(self.task.send(answer));
            return;
        };
        let mut answers = worker.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let first = answers.is_empty();
        answers.push((self.task, answer));
        drop(answers);
        if first {
            worker.filled.notify_one();
        }
    }
}

/// Hands out what comes for the worker that this runs on, for as long as it does.
pub(crate) async fn deliver() {
    let own = Arc::<Delivery>::default();
    OWN.set(Some(Arc::clone(&own)));
    loop {
        own.filled.notified().await;
        let answers = std::mem::take(&mut *own.answers.lock().unwrap_or_else(PoisonError::into_inner));
        for (task, answer) in answers {
            drop(task.send(answer));
        }
    }
}
