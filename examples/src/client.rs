//! A log's batches over HTTP: many submissions in one request and one commit, a receipt for each in the answer.
//!
//! Nothing in an answer is believed: whoever keeps a receipt verifies it.

use provlog_core::json::Json;
use provlog_core::limits::{BATCH_ENTRIES_MAX, RECEIPT_BYTES_MAX};
use provlog_core::submission::Submission;
use std::io::{BufRead, BufReader, Read};
use std::thread;
use std::time::Duration;
use ureq::Agent;

/// Entries that a batch gathers. A batch is one request and one commit; a larger one would save little more of both, hold
/// more receipts in memory and show less of the progress.
const BATCH_ENTRIES: usize = 250;

/// Bytes that a batch gathers: 250 promotions of 2 KiB as JSON, with room for a few of the greatest.
const BATCH_BYTES: usize = 1024 * 1024;

const _: () = assert!(BATCH_ENTRIES <= BATCH_ENTRIES_MAX, "the log takes no larger batch");

/// Longest line of an answer, in bytes: a receipt as a JSON string, and a few numbers.
const LINE_BYTES_MAX: usize = 2 * RECEIPT_BYTES_MAX;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Tries of one batch. The same bytes go out each time, so a batch that arrived and whose answer was lost gives the same
/// entries again.
const TRIES: u32 = 5;

/// Pause after the first try; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why a batch isn't in the log, as far as can be told.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer, in any try.
    #[error("no answer from {url} in {TRIES} tries: {problem}")]
    Unreachable {
        /// Where the requests went.
        url: String,
        /// What happened to the last one.
        problem: String,
    },
    /// An answer that says no.
    #[error("the log refused a batch with {status}: {problem}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its problem document.
        problem: String,
    },
    /// An entry of the batch is there already, with other claims.
    #[error("the log holds another entry for entry {number} of a batch: {problem}")]
    Conflict {
        /// Which, from 1.
        number: usize,
        /// The log's problem document.
        problem: String,
    },
    /// An answer that isn't one.
    #[error("the answer to a batch, line {line}: expected {expected}, got {got:?}")]
    Answer {
        /// Which, from 1.
        line: usize,
        /// What had to stand there.
        expected: &'static str,
        /// What stands there.
        got: String,
    },
}

/// An entry that the log took, or had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Whether it was there already.
    pub duplicate: bool,
    /// The receipt's text.
    pub receipt: String,
}

/// Submissions for one request.
#[derive(Debug, Default)]
pub struct Batch {
    lines: String,
    entries: usize,
}

impl Batch {
    /// Adds a submission. One without salts and key is appended again by a retry.
    pub fn push(&mut self, submission: &Submission) {
        self.lines.push_str(&submission.to_json().to_string());
        self.lines.push('\n');
        self.entries += 1;
    }

    /// Whether it is large enough to be sent.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries >= BATCH_ENTRIES || self.lines.len() >= BATCH_BYTES
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries == 0
    }
}

/// A log's HTTP interface, on a connection that is kept.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    /// Of the log at `url`, such as `http://127.0.0.1:4180`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(REQUEST_TIMEOUT))
            // A proxy would look for this machine on its own.
            .proxy(None)
            .user_agent("provlog-examples");
        Self { agent: config.build().new_agent(), url: format!("{url}/v1/entries/batch") }
    }

    /// Appends a batch, all or nothing, and gives what came of each entry, in order. Tries again while there is no answer
    /// or the log says "later".
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn append(&self, batch: &Batch) -> Result<Vec<Appended>, ClientError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.try_append(batch) {
                Err(ClientError::Unreachable { .. } | ClientError::Refused { status: 429 | 503, .. }) => {
                    thread::sleep(pause);
                    pause *= 2;
                }
                settled => return settled,
            }
        }
        self.try_append(batch)
    }

    fn try_append(&self, batch: &Batch) -> Result<Vec<Appended>, ClientError> {
        let line_limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let no_answer = |problem: String| ClientError::Unreachable { url: self.url.clone(), problem };
        let request = self.agent.post(&self.url).header("content-type", "application/x-ndjson");
        let mut response = request.send(&batch.lines).map_err(|error| no_answer(error.to_string()))?;
        let status = response.status();
        if !status.is_success() {
            let problem =
                response.body_mut().with_config().limit(line_limit).lossy_utf8(true).read_to_string();
            let problem = problem.unwrap_or_else(|error| error.to_string());
            return Err(ClientError::Refused { status: status.as_u16(), problem });
        }
        let mut body = BufReader::new(response.body_mut().as_reader());
        let (mut appended, mut line) = (Vec::with_capacity(batch.entries), Vec::new());
        loop {
            line.clear();
            let read = body.by_ref().take(line_limit).read_until(b'\n', &mut line);
            // An answer that breaks off says nothing about what is in the log: the next try tells.
            if read.map_err(|error| no_answer(error.to_string()))? == 0 {
                break;
            }
            appended.push(answer_line(&line, appended.len() + 1)?);
        }
        if appended.len() == batch.entries {
            return Ok(appended);
        }
        let got = format!("{} lines for {} entries", appended.len(), batch.entries);
        Err(ClientError::Answer { line: appended.len(), expected: "one line for each entry", got })
    }
}

fn answer_line(bytes: &[u8], line: usize) -> Result<Appended, ClientError> {
    let got = || String::from_utf8_lossy(bytes).chars().take(200).collect();
    let json = Json::parse(bytes).map_err(|_| ClientError::Answer {
        line,
        expected: "a JSON object on a line of its own",
        got: got(),
    })?;
    if let Some(problem) = json.get("problem") {
        return Err(ClientError::Conflict { number: line, problem: problem.to_string() });
    }
    match (json.get("duplicate"), json.get("receipt")) {
        (Some(Json::Bool(duplicate)), Some(Json::String(receipt))) => {
            Ok(Appended { duplicate: *duplicate, receipt: receipt.clone() })
        }
        _ => Err(ClientError::Answer { line, expected: "the members duplicate and receipt", got: got() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_answers() {
        let line = br#"{"index":7,"leaf_hash":"00","duplicate":true,"receipt":"text\n"}"#;
        let expected = Appended { duplicate: true, receipt: "text\n".into() };
        assert_eq!(answer_line(line, 1).unwrap(), expected);
        let cases: [(&[u8], &str); 4] = [
            (b"{", "line 3: expected a JSON object"),
            (br#"{"duplicate":true}"#, "the members duplicate and receipt"),
            (br#"{"duplicate":"no","receipt":""}"#, "the members duplicate and receipt"),
            (
                br#"{"index":7,"duplicate":true,"problem":{"code":"conflict"}}"#,
                "entry 3 of a batch: {\"code\"",
            ),
        ];
        for (line, expected) in cases {
            let error = answer_line(line, 3).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
