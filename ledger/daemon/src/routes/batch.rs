//! `POST /v1/entries/batch`: many submissions, all or none, one commit, and one line of answer for each.
//!
//! The answer is made while it is sent, a piece at a time: ten thousand receipts are thirty megabytes that nobody has to
//! hold. A receipt that doesn't verify breaks the answer off; sending the batch again is safe.

use crate::http::answer::{self, BrokenOff, NO_STORE, to_json};
use crate::http::permits::Share;
use crate::http::problem::{
    BATCH_EMPTY, BATCH_TOO_MANY, BODY_TOO_LARGE, IDEMPOTENCY_KEY_CONFLICT, INTERNAL, JSON_MALFORMED, Problem,
};
use crate::http::request::{self, JSON, NDJSON};
use crate::log::receipts::Proven;
use crate::routes::app::App;
use crate::routes::append::{Draft, prepare};
use crate::routes::{conflicts, references};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use provlog_core::limits::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, SUBMISSION_BYTES_MAX};
use provlog_core::submission::Submission;
use provlog_engine::{AppendedBatch, Committed, Outcome, Reader};
use serde::Serialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::iter::{Peekable, Zip};
use std::sync::Arc;
use std::vec::IntoIter;
use tokio::task::yield_now;

/// Bytes of the answer that are made before they are sent.
const PIECE_BYTES: usize = 32 * 1024;

/// Lines after which other requests get their turn: each takes some 10 to 30 us.
const LINES_A_TURN: usize = 32;

/// Entries that were there already and are read in one turn.
const READS_A_TURN: usize = 16;

/// Answers with one line an entry: index, leaf hash, whether it was there already, and its receipt.
///
/// # Errors
/// A problem that names the line, and then nothing is appended; whatever keeps the log from taking the batch.
pub(crate) async fn append(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let media_type = request::content_type(&head.headers, &[NDJSON, JSON])?;
    let [receipts] = request::query(&head.uri, ["receipts"])?;
    let receipts = match receipts {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => return Err(request::malformed("receipts", "true or false", other)),
    };
    let key = request::idempotency_key(&head.headers)?;
    let received = app.bodies.read(body, BATCH_BYTES_MAX).await?;

    let lines = if media_type == NDJSON { lines(&received.bytes) } else { items(&received.bytes)? };
    check_count(lines.len())?;
    let (mut batch, mut drafts) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
    let mut referred = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let (prepared, mut draft) =
            prepare_line(&app, line, number, key).map_err(|problem| problem.on_line(number))?;
        referred.extend(draft.take_referred().into_iter().map(|to| (Some(number), to)));
        batch.push(prepared);
        drafts.push(draft);
        if number % LINES_A_TURN == 0 {
            yield_now().await;
        }
    }
    references::check(&app.log, referred).await?;
    conflicts::check(&app, &batch, &drafts).await?;
    let AppendedBatch { outcomes, committed } = app.log.append_batch(batch).await?;
    let held_bytes = drafts.iter().map(Draft::bytes).sum();
    let settled = drafts.into_iter().zip(outcomes).peekable();
    let answer =
        BatchAnswer { app, committed, settled, line: 0, receipts, held_bytes, share: received.share };
    Ok(answer::answer(Body::from_stream(try_unfold(answer, next_piece)), NDJSON, NO_STORE))
}

fn prepare_line(
    app: &App,
    line: &[u8],
    number: usize,
    key: Option<&str>,
) -> Result<(provlog_engine::Submission, Draft), Problem> {
    if line.len() > SUBMISSION_BYTES_MAX {
        let detail = format!("expected an entry of at most {SUBMISSION_BYTES_MAX} bytes");
        return Err(Problem::new(&BODY_TOO_LARGE, detail).limit(SUBMISSION_BYTES_MAX, line.len()));
    }
    prepare(app, Submission::parse(line)?, key.map(|key| (key, number)))
}

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

/// The answer's body, made as it is sent.
struct BatchAnswer {
    app: Arc<App>,
    committed: Arc<Committed>,
    settled: Peekable<Zip<IntoIter<Draft>, IntoIter<Outcome>>>,
    line: usize,
    receipts: bool,
    /// Bytes of the drafts that are left.
    held_bytes: usize,
    /// The drafts are what the body's bytes have become, so it is given back with them.
    share: Share,
}

#[derive(Serialize)]
struct Line<'a> {
    index: u64,
    leaf_hash: String,
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a str>,
}

/// A line whose key came to stand for other values after [`conflicts::check`]. The other lines are in the log all the same,
/// so it can't fail them.
#[derive(Serialize)]
struct ConflictLine {
    index: u64,
    duplicate: bool,
    problem: Box<RawValue>,
}

impl BatchAnswer {
    /// The next lines. Without a `reader` they end before the first entry that was there already.
    ///
    /// # Errors
    /// A problem that names the line, for whatever can't be proven.
    fn piece(&mut self, reader: Option<&Reader>) -> Result<Bytes, Problem> {
        let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
        let mut reads = 0;
        while piece.len() < PIECE_BYTES && reads < READS_A_TURN {
            let Some((draft, outcome)) = self.settled.peek() else { break };
            let (committed, metrics) = (&self.committed, &self.app.metrics);
            let proven = match (outcome, reader) {
                (Outcome::New { index, entry }, _) => draft.settle_new(*index, entry, committed, metrics),
                (Outcome::Duplicate { index }, Some(reader)) => {
                    reads += 1;
                    draft.settle_duplicate(*index, committed, reader, metrics)
                }
                (Outcome::Duplicate { .. }, None) => break,
            };
            let outcome = *outcome;
            self.held_bytes -= draft.bytes();
            self.line += 1;
            self.settled.next();
            self.share.keep(self.held_bytes);
            piece.extend_from_slice(&self.answer_line(outcome, proven)?);
            piece.push(b'\n');
        }
        Ok(piece.into())
    }

    fn answer_line(&self, outcome: Outcome, proven: Result<Proven, Problem>) -> Result<Vec<u8>, Problem> {
        let (index, duplicate) = (outcome.index(), outcome.is_duplicate());
        match proven {
            Ok(proven) => {
                let receipt = self.receipts.then_some(proven.receipt.as_str());
                to_json(&Line { index, leaf_hash: proven.leaf_hash.to_hex(), duplicate, receipt })
            }
            Err(problem) if problem.code() == &IDEMPOTENCY_KEY_CONFLICT => {
                self.app.metrics.refused(problem.code());
                let problem = RawValue::from_string(problem.on_line(self.line).to_json());
                let problem = problem.map_err(|error| Problem::new(&INTERNAL, error.to_string()))?;
                to_json(&ConflictLine { index, duplicate, problem })
            }
            Err(problem) => Err(problem.on_line(self.line)),
        }
    }
}

/// New entries are proven here and now; what was there already takes a turn of reading.
async fn next_piece(mut answer: BatchAnswer) -> Result<Option<(Bytes, BatchAnswer)>, BrokenOff> {
    let app = Arc::clone(&answer.app);
    let made = match answer.settled.peek() {
        None => return Ok(None),
        Some((_, Outcome::New { .. })) => Ok((answer.piece(None), answer)),
        Some((_, Outcome::Duplicate { .. })) => {
            app.log.read_on(move |reader| (answer.piece(Some(reader)), answer)).await
        }
    };
    match made.and_then(|(piece, answer)| Ok((piece?, answer))) {
        Ok(next) => Ok(Some(next)),
        Err(problem) => Err(app.break_off("the answer to a batch", &problem)),
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
