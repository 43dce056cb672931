//! `POST /v1/entries/batch`: many submissions, all or none, one commit, and one line of answer for each.
//!
//! A batch is parsed and sealed on all cores, a piece of it at a time, and nothing of it is kept once the log has it: what is
//! answered is read from the log.

use crate::access::caller::Caller;
use crate::http::body::{Content, Received, busy};
use crate::http::codes::{
    BATCH_EMPTY, BATCH_TOO_MANY, BODY_TOO_LARGE, INTERNAL, JSON_MALFORMED, STATE_CHANGED,
};
use crate::http::permits::Share;
use crate::http::problem::Problem;
use crate::http::request::{self, CBOR_SEQUENCE, JSON, NDJSON};
use crate::http::request_id::{self, within};
use crate::routes::app::App;
use crate::routes::append::{ATTEMPTS_MAX, Draft, prepare};
use crate::routes::batch_answer::BatchAnswer;
use crate::routes::door::Payer;
use crate::routes::references::Referred;
use crate::routes::{conflicts, references, sequence};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use provlog_core::limits::{BATCH_ENTRIES_MAX, SUBMISSION_BYTES_MAX};
use provlog_core::submission::{Submission, SubmissionError};
use provlog_engine::{AppendError, AppendedBatch};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::task::yield_now;

/// Lines that one task takes: enough to be worth one, and few enough that a batch is shared out evenly.
const LINES_A_TASK: usize = 128;

/// Lines after which other requests get their turn: each takes some 10 to 30 us.
const LINES_A_TURN: usize = 32;

/// Answers with one line an entry: index, leaf hash, whether it was there already, and its receipt.
///
/// # Errors
/// A problem that names the line, and then nothing is appended; whatever keeps the log from taking the batch.
pub(crate) async fn append(
    State(app): State<Arc<App>>,
    State(caller): State<Caller>,
    State(payer): State<Payer>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let media_type = request::content_type(&head.headers, &[NDJSON, JSON, CBOR_SEQUENCE])?;
    let receipts = asks_receipts(&head)?;
    let key = request::idempotency_key(&head.headers)?;
    let Received { bytes, mut share } = app.bodies.read(body, Content::Batch).await?;

    let batch = Batch { app: &app, caller: &caller, media_type, key };
    // The request itself was counted at the door; of its lines each costs what one request does, taken or not.
    let charge = |lines: usize| payer.charge(&app, lines.saturating_sub(1));
    let mut prepared = batch.prepare(&bytes, &mut share, charge).await?;
    references::check(&app.log, std::mem::take(&mut prepared.referred)).await?;
    let again = prepared.drafts.iter().any(Draft::is_bound).then_some(bytes);
    share.keep(prepared.held_bytes + again.as_ref().map_or(0, Bytes::len));
    let mut attempts = 1;
    let (drafts, agreed, appended) = loop {
        let Prepared { batch: lines, drafts, .. } = prepared;
        let agreed = conflicts::check(&app, &drafts).await?;
        match (app.log.append_batch(lines).await, &again) {
            // A key came into the set that a line relies on, for another line or another request.
            (Err(problem), Some(bytes)) if problem.code() == &STATE_CHANGED && attempts < ATTEMPTS_MAX => {
                attempts += 1;
                drop(drafts);
                share.keep(bytes.len());
                prepared = batch.prepare(bytes, &mut share, |_| {}).await?;
            }
            (appended, _) => break (drafts, agreed, appended?),
        }
    };
    drop(again);
    let AppendedBatch { outcomes, committed } = appended;
    let settled = conflicts::settle(&app, &drafts, &outcomes, agreed).await?;
    drop((drafts, outcomes));
    Ok(BatchAnswer::new(app, committed, settled, receipts, share).into_response())
}

/// A batch as its request has it, but for its bytes.
struct Batch<'a> {
    app: &'a Arc<App>,
    caller: &'a Caller,
    media_type: &'static str,
    key: Option<&'a str>,
}

/// What a batch's lines are to the log.
#[derive(Default)]
struct Prepared {
    batch: Vec<provlog_engine::Submission>,
    drafts: Vec<Draft>,
    /// What the lines refer to.
    referred: Vec<(Option<usize>, Referred)>,
    /// Bytes that the drafts hold.
    held_bytes: usize,
}

impl Batch<'_> {
    /// Splits the bytes into lines, tells how many there are, and parses and seals each. What the lines hold is taken from `share`.
    ///
    /// # Errors
    /// A problem that names the first line that can't be taken.
    async fn prepare(
        &self,
        bytes: &Bytes,
        share: &mut Share,
        split: impl FnOnce(usize),
    ) -> Result<Prepared, Problem> {
        let (lines, parse): (_, Parse) = match self.media_type {
            NDJSON => (lines(bytes), Submission::parse),
            CBOR_SEQUENCE => (sequence::items(bytes)?, Submission::parse_cbor),
            _ => (items(bytes)?, Submission::parse),
        };
        check_count(lines.len())?;
        split(lines.len());
        let (batch, drafts) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
        let mut prepared = Prepared { batch, drafts, ..Prepared::default() };
        let app = self.app;
        let tasks: Vec<Task> = Task::all(app, self.caller, bytes, &lines, parse, self.key).collect();
        let request = request_id::current();
        let mut tasks =
            stream::iter(tasks).map(|task| app.workers.spawn(within(request, task.run()))).buffered(cores());
        while let Some(done) = tasks.next().await {
            let done = done.map_err(|error| match error.is_panic() {
                true => Problem::new(&INTERNAL, "a batch's task panicked: this is a bug"),
                false => AppendError::ShuttingDown.into(),
            })?;
            for (line, mut draft) in done? {
                prepared.held_bytes += draft.bytes();
                if !share.grow(draft.bytes()) {
                    return Err(busy());
                }
                let number = prepared.drafts.len() + 1;
                prepared.referred.extend(draft.take_referred().into_iter().map(|to| (Some(number), to)));
                prepared.batch.push(line);
                prepared.drafts.push(draft);
            }
        }
        Ok(prepared)
    }
}

fn asks_receipts(head: &Parts) -> Result<bool, Problem> {
    match request::query(&head.uri, ["receipts"])? {
        [None | Some("true")] => Ok(true),
        [Some("false")] => Ok(false),
        [Some(other)] => Err(request::malformed("receipts", "true or false", other)),
    }
}

/// A piece of a batch: its lines, and the number of the first.
struct Task {
    app: Arc<App>,
    caller: Caller,
    parse: Parse,
    key: Option<Arc<str>>,
    first: usize,
    lines: Vec<Bytes>,
}

impl Task {
    /// All of a batch, whose `lines` are parts of `bytes`.
    fn all(
        app: &Arc<App>,
        caller: &Caller,
        bytes: &Bytes,
        lines: &[&[u8]],
        parse: Parse,
        key: Option<&str>,
    ) -> impl Iterator<Item = Self> {
        let key: Option<Arc<str>> = key.map(Into::into);
        lines.chunks(LINES_A_TASK).zip((1..).step_by(LINES_A_TASK)).map(move |(lines, first)| Self {
            app: Arc::clone(app),
            caller: caller.clone(),
            parse,
            key: key.clone(),
            first,
            lines: lines.iter().map(|line| bytes.slice_ref(line)).collect(),
        })
    }

    /// Parses and seals each line.
    async fn run(self) -> Result<Vec<(provlog_engine::Submission, Draft)>, Problem> {
        let mut prepared = Vec::with_capacity(self.lines.len());
        for (number, line) in (self.first..).zip(&self.lines) {
            let line = self.prepare_line(number, line).await;
            prepared.push(line.map_err(|problem| problem.on_line(number))?);
            if number % LINES_A_TURN == 0 {
                yield_now().await;
            }
        }
        Ok(prepared)
    }

    async fn prepare_line(
        &self,
        number: usize,
        line: &[u8],
    ) -> Result<(provlog_engine::Submission, Draft), Problem> {
        if line.len() > SUBMISSION_BYTES_MAX {
            let detail = format!("expected an entry of at most {SUBMISSION_BYTES_MAX} bytes");
            return Err(Problem::new(&BODY_TOO_LARGE, detail).limit(SUBMISSION_BYTES_MAX, line.len()));
        }
        let under = self.key.as_deref().map(|key| (key, number));
        prepare(&self.app, &self.caller, (self.parse)(line)?, under).await
    }
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// What reads a line.
type Parse = fn(&[u8]) -> Result<Submission, SubmissionError>;

fn lines(body: &[u8]) -> Vec<&[u8]> {
    match body.strip_suffix(b"\n").unwrap_or(body) {
        b"" => Vec::new(),
        // One more than are taken, to tell that there are too many.
        body => body.split(|byte| *byte == b'\n').take(BATCH_ENTRIES_MAX + 1).collect(),
    }
}

fn items(body: &[u8]) -> Result<Vec<&[u8]>, Problem> {
    let mut items = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = json.deserialize_seq(Items(&mut items)).and_then(|()| json.end());
    match parsed {
        // Left off at one too many: what follows isn't worth reading.
        Err(error) if items.len() <= BATCH_ENTRIES_MAX => {
            Err(Problem::new(&JSON_MALFORMED, format!("JSON: {error}")))
        }
        _ => Ok(items),
    }
}

fn check_count(count: usize) -> Result<(), Problem> {
    match count {
        0 => Err(Problem::new(&BATCH_EMPTY, "expected at least one entry")),
        1..=BATCH_ENTRIES_MAX => Ok(()),
        more => {
            let detail = format!("expected at most {BATCH_ENTRIES_MAX} entries");
            Err(Problem::new(&BATCH_TOO_MANY, detail).limit(BATCH_ENTRIES_MAX, format!("{more} or more")))
        }
    }
}

/// The items of an array, unread: each is parsed on its own, so that no tree of the whole is ever in memory.
struct Items<'v, 'a>(&'v mut Vec<&'a [u8]>);

impl<'de> Visitor<'de> for Items<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of submissions")
    }

    /// Takes one more than a batch may have, to tell that there are too many, and leaves off there.
    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while self.0.len() <= BATCH_ENTRIES_MAX {
            match array.next_element::<&RawValue>()? {
                Some(item) => self.0.push(item.get().as_bytes()),
                None => break,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_split_at_their_lines() {
        assert_eq!(lines(b""), Vec::<&[u8]>::new());
        assert_eq!(lines(b"\n"), Vec::<&[u8]>::new());
        assert_eq!(lines(b"{}\n[]\n"), [b"{}", b"[]"]);
        assert_eq!(lines(b"{}\r\n\n1"), [&b"{}\r"[..], b"", b"1"]);
        assert_eq!(lines(&b"\n".repeat(BATCH_ENTRIES_MAX + 7)).len(), BATCH_ENTRIES_MAX + 1);
    }

    #[test]
    fn arrays_are_split_at_their_items() {
        assert_eq!(items(b" [ {\"a\": [1, \"]\"]} , 2 ] ").unwrap(), [&b"{\"a\": [1, \"]\"]}"[..], b"2"]);
        assert_eq!(items(b"[]").unwrap(), Vec::<&[u8]>::new());
        for bad in [&b"{}"[..], b"[1,]", b"[1", b"[1] 2", b"", b"[\"\xff\"]"] {
            assert_eq!(items(bad).unwrap_err().code(), &JSON_MALFORMED, "{bad:?}");
        }
        let many = format!("[{}and what is behind them isn't read", "0,".repeat(BATCH_ENTRIES_MAX + 1));
        assert_eq!(items(many.as_bytes()).unwrap().len(), BATCH_ENTRIES_MAX + 1);
    }

    #[test]
    fn counts() {
        assert_eq!(check_count(0).unwrap_err().code(), &BATCH_EMPTY);
        assert!(check_count(BATCH_ENTRIES_MAX).is_ok());
        assert_eq!(check_count(BATCH_ENTRIES_MAX + 1).unwrap_err().code(), &BATCH_TOO_MANY);
    }
}
