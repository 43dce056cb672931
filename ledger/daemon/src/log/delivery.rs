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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::async_log::AsyncLog;
    use crate::workers::Workers;
    use provlog_core::Kind;
    use provlog_core::encoded::Sealed;
    use provlog_core::record::Section;
    use provlog_engine::{Log, Options, Submission, Terms};
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    #[tokio::test]
    async fn whoever_waits_is_answered_on_a_worker_or_not_and_whoever_is_gone_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(folder.path().join("data"));
        Log::create(&options, "example.com/log").unwrap();
        let log = Arc::new(AsyncLog::new(Log::open(&options).unwrap()).unwrap());
        let none = Section::default();
        let sealed = Arc::new(Sealed::new(Kind::new(22).unwrap(), &none, &none).unwrap());
        let append = move || {
            let (log, sealed) = (Arc::clone(&log), Arc::clone(&sealed));
            async move {
                log.append(Submission { sealed, terms: Terms::default() }).await.unwrap().outcome.index()
            }
        };
        let workers = Workers::start(1, deliver).unwrap();
        let (gone, last) = (append(), append());
        let given_up = workers.seats().spawn(async move {
            let mut gone = pin!(gone);
            poll_fn(|context| Poll::Ready(gone.as_mut().poll(context).is_pending())).await
        });
        assert!(given_up.await.unwrap(), "it was queued, and nobody waits for it any more");
        let all: Vec<_> = (0..100).map(|_| workers.seats().spawn(append())).collect();
        let mut indices = Vec::new();
        for one in all {
            indices.push(one.await.unwrap());
        }
        indices.push(last.await);
        indices.sort_unstable();
        assert_eq!(indices, (2..103).collect::<Vec<u64>>(), "entry 1 is that of the one that is gone");
    }
}
