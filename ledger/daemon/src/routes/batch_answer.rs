//! What a batch is answered with: a line for each of its lines, made while it is sent and a piece at a time, from what the log
//! has. Ten thousand receipts are thirty megabytes that nobody has to hold, however slowly they are taken. A receipt that
//! doesn't verify breaks the answer off; sending the batch again is safe.

use crate::http::answer::{self, BrokenOff, NO_STORE, to_json};
use crate::http::codes::{IDEMPOTENCY_KEY_CONFLICT, INTERNAL};
use crate::http::permits::Share;
use crate::http::problem::Problem;
use crate::http::request::NDJSON;
use crate::log::receipts::Stored;
use crate::routes::app::App;
use crate::routes::conflicts::{Settled, Standing};
use axum::response::Response;
use bytes::Bytes;
use provlog_core::encoded::EncodedRecord;
use provlog_engine::{Committed, ReadError, Reader};
use serde::Serialize;
use serde_json::value::RawValue;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::task::yield_now;

/// Bytes of the answer that are made before they are sent.
const PIECE_BYTES: usize = 32 * 1024;

/// Lines of one piece: without receipts they are short, and each is read and checked all the same.
const LINES_A_PIECE: usize = 64;

/// Bytes that a line holds while it waits to be answered: itself, and two nodes of the tree that its group made.
const HELD_A_LINE_BYTES: usize = size_of::<Settled>() + 2 * 32;

/// An answer, as far as it isn't sent.
pub(crate) struct BatchAnswer {
    app: Arc<App>,
    committed: Arc<Committed>,
    lines: Vec<Settled>,
    /// How many of them are answered.
    done: usize,
    receipts: bool,
    /// Held until the answer is sent.
    _share: Share,
}

#[derive(Serialize)]
struct Line<'a> {
    index: u64,
    leaf_hash: String,
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a str>,
}

/// A line whose key came to stand for other values after [`conflicts::check`](super::conflicts::check). The other lines are in
/// the log all the same, so it can't fail them.
#[derive(Serialize)]
struct ConflictLine {
    index: u64,
    duplicate: bool,
    problem: Box<RawValue>,
}

/// Why a piece couldn't be made.
enum Unmade {
    /// It takes what isn't in memory.
    WouldWait,
    Problem(Problem),
}

impl From<ReadError> for Unmade {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::WouldWait => Self::WouldWait,
            error => Self::Problem(error.into()),
        }
    }
}

impl From<Problem> for Unmade {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl BatchAnswer {
    /// The answer for `lines`, whose entries are all in the tree of `committed`. Of `share` it keeps what it holds.
    pub(crate) fn new(
        app: Arc<App>,
        committed: Arc<Committed>,
        lines: Vec<Settled>,
        receipts: bool,
        mut share: Share,
    ) -> Self {
        share.keep(lines.len() * HELD_A_LINE_BYTES);
        Self { app, committed, lines, done: 0, receipts, _share: share }
    }

    pub(crate) fn into_response(self) -> Response {
        answer::answer(answer::in_pieces(self, next_piece), NDJSON, NO_STORE)
    }

    /// The next lines.
    ///
    /// # Errors
    /// [`Unmade`], where that is so of the first of them.
    fn piece(&mut self, reader: &Reader) -> Result<Bytes, Unmade> {
        let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
        let end = self.lines.len().min(self.done + LINES_A_PIECE);
        while self.done < end && piece.len() < PIECE_BYTES {
            match self.step(reader, end, &mut piece) {
                Ok(()) => {}
                // What was made before goes out first; going on fails again.
                Err(_) if !piece.is_empty() => break,
                Err(unmade) => return Err(unmade),
            }
        }
        Ok(piece.into())
    }

    /// Adds lines to the piece until it is full: a conflict, or those of neighbouring entries, which are read at once.
    fn step(&mut self, reader: &Reader, end: usize, piece: &mut Vec<u8>) -> Result<(), Unmade> {
        let lines = self.lines.get(self.done..end).unwrap_or_default();
        let Some(first) = lines.first() else { return Ok(()) };
        if first.standing == Standing::Conflict {
            push_line(piece, &conflict_line(first.index, self.done + 1, &self.app)?);
            self.done += 1;
            return Ok(());
        }
        let run = lines
            .iter()
            .zip(first.index..)
            .take_while(|(line, index)| line.index == *index && line.standing != Standing::Conflict);
        let count = u64::try_from(run.count()).unwrap_or(u64::MAX);
        let (mut made, mut failed) = (0, None);
        let read = reader.each_record(first.index, count, &mut |record| {
            // As many as there are lines were asked for.
            let Some(line) = lines.get(made) else { return ControlFlow::Break(()) };
            match self.line(*line, &record, reader) {
                Ok(line) => push_line(piece, &line),
                Err(unmade) => {
                    failed = Some(unmade);
                    return ControlFlow::Break(());
                }
            }
            made += 1;
            if piece.len() < PIECE_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        // Those before one that can't be read are answered, and not again.
        self.done += made;
        failed.map_or(Ok(()), Err)?;
        Ok(read?)
    }

    fn line(&self, line: Settled, record: &EncodedRecord<'_>, reader: &Reader) -> Result<Vec<u8>, Unmade> {
        let (index, duplicate) = (line.index, line.standing != Standing::New);
        let to_json = |line: &Line<'_>| to_json(line).map_err(Unmade::Problem);
        if !self.receipts {
            let leaf_hash = record.entry().leaf_hash().to_hex();
            return to_json(&Line { index, leaf_hash, duplicate, receipt: None });
        }
        let stored = Stored::of(record.entry(), record.to_bytes(), index, &self.committed, reader)?;
        let proven = stored.prove(&self.committed, &self.app.metrics)?;
        let leaf_hash = proven.leaf_hash.to_hex();
        to_json(&Line { index, leaf_hash, duplicate, receipt: Some(&proven.receipt) })
    }
}

fn conflict_line(index: u64, number: usize, app: &App) -> Result<Vec<u8>, Problem> {
    let detail = format!("the idempotency key was used for entry {index} meanwhile, which has other values");
    let problem = Problem::new(&IDEMPOTENCY_KEY_CONFLICT, detail).on_line(number);
    app.metrics.refused(problem.code());
    let problem = RawValue::from_string(problem.to_json());
    let problem = problem.map_err(|error| Problem::new(&INTERNAL, error.to_string()))?;
    to_json(&ConflictLine { index, duplicate: true, problem })
}

fn push_line(piece: &mut Vec<u8>, line: &[u8]) {
    piece.extend_from_slice(line);
    piece.push(b'\n');
}

/// What is in memory is proven here and now, after others had their turn; what isn't takes a turn of reading.
async fn next_piece(mut answer: BatchAnswer) -> Result<Option<(Bytes, BatchAnswer)>, BrokenOff> {
    if answer.done == answer.lines.len() {
        return Ok(None);
    }
    yield_now().await;
    let app = Arc::clone(&answer.app);
    let made = match answer.piece(app.log.in_memory()) {
        Err(Unmade::WouldWait) => app.log.stream(move |reader| (answer.piece(reader), answer)).await,
        made => Ok((made, answer)),
    };
    let made = made.and_then(|(piece, answer)| match piece {
        Ok(piece) => Ok((piece, answer)),
        Err(Unmade::Problem(problem)) => Err(problem),
        // A reader that waits says no such thing.
        Err(Unmade::WouldWait) => Err(ReadError::WouldWait.into()),
    });
    made.map(Some).map_err(|problem| app.break_off("the answer to a batch", &problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::permits::Permits;
    use crate::routes::app::tests::{anybody, temporary};
    use crate::routes::append::prepare;
    use provlog_core::submission::Submission;
    use std::fs;

    /// Whatever comes after it, a line is answered once.
    #[tokio::test]
    async fn what_comes_before_a_record_that_cannot_be_read_is_answered_once() {
        let (folder, app) = temporary();
        let mut newest = None;
        for names in [["one", "two"], ["needle", "four"]] {
            let mut prepared = Vec::new();
            for name in names {
                let first = include_str!("../operate/first_entry.json");
                let mut json: serde_json::Value = serde_json::from_str(first).unwrap();
                json["claims"]["subject"][0]["name"] = name.into();
                let submission = Submission::parse(json.to_string().as_bytes()).unwrap();
                prepared.push(prepare(&app, &anybody(&app), submission, None).await.unwrap().0);
            }
            newest = Some(app.log.append_batch(prepared).await.unwrap().committed);
        }
        let segment =
            fs::read_dir(folder.path().join("data/journal")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&segment).unwrap();
        let at = bytes.windows(6).position(|window| window == b"needle").unwrap();
        bytes[at] ^= 1;
        fs::write(&segment, bytes).unwrap();

        let lines = (1..=4).map(|index| Settled { index, standing: Standing::Known }).collect();
        let share = Permits::new(0).share(0);
        let mut answer = BatchAnswer::new(Arc::clone(&app), newest.unwrap(), lines, true, share);
        let piece = app.log.stream(move |reader| (answer.piece(reader), answer)).await.unwrap();
        let (Ok(piece), mut answer) = piece else { panic!("the first two can be read") };
        let indices = piece.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
            serde_json::from_slice::<serde_json::Value>(line).unwrap()["index"].as_u64().unwrap()
        });
        assert!(indices.eq([1, 2]));
        let rest = app.log.stream(move |reader| answer.piece(reader)).await.unwrap();
        assert!(matches!(rest, Err(Unmade::Problem(_))), "the third can't");
    }
}
