//! `GET /v1/records`: records in the order of the log, as lines of JSON or as a CBOR sequence: what an auditor mirrors.
//!
//! The answer is made while it is sent, a piece at a time, and ends at the size that was committed when the request was
//! taken, or before it, where there are more records than one answer looks at: a search that finds little must not keep the log
//! busy for as long as it takes to read all of it. Every record is checked against its leaf before it goes out; one that isn't
//! right breaks the answer off, and whoever reads it goes on from the index after the last one that came.

use crate::http::answer::{BrokenOff, in_pieces};
use crate::http::codes::ENTRY_NOT_FOUND;
use crate::http::gzip::{GZIP, Gzip};
use crate::http::problem::Problem;
use crate::http::request::{self, CBOR_SEQUENCE, NDJSON};
use crate::log::withheld::{shown, withhold};
use crate::routes::app::App;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::Response;
use bytes::Bytes;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{self, DIGEST};
use provlog_core::encoded::EncodedRecord;
use provlog_core::package::{Filters, encoded_item};
use provlog_core::record::RecordError;
use provlog_core::record_json::RecordJson;
use provlog_core::{Kind, hex};
use provlog_engine::{ReadError, Reader};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// The size that the log had when the request was taken.
const TREE_SIZE: HeaderName = HeaderName::from_static("provlog-tree-size");

/// The index at which the answer ends: fewer records than were asked for are all that match below it, and where it is below the
/// size, the next request starts there.
const RANGE_END: HeaderName = HeaderName::from_static("provlog-range-end");

/// Records of an answer where the request names no limit.
const RECORDS_DEFAULT: u64 = 1_000;

/// Most records of one answer, and most that it looks at: some 100 to 300 MB of records as large as pipelines make them, minutes
/// on a slow line, and half a second of reading and checking.
pub(super) const RECORDS_MAX: u64 = 100_000;

/// Bytes of the answer that are made before they are sent.
const PIECE_BYTES: usize = 32 * 1024;

/// Records after which other reads get their turn: each takes some 3 us to read and check, and 4 more to be taken apart.
const RECORDS_A_TURN: u64 = 256;

/// Answers with the records from `start` on that match the filters, at most `limit` of them.
///
/// # Errors
/// A problem for parameters that aren't what they must be, and for a `start` beyond the log.
pub(crate) async fn records(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let names = ["start", "limit", "kind", "from", "to", "subject", "environment"];
    let [start, limit, kind, from, to, subject, environment] = request::query(&uri, names)?;
    let size = app.log.committed().checkpoint.size;
    let start = start.map_or(Ok(0), |start| request::integer("start", start))?;
    if start > size {
        let detail = format!("start: the log holds {size} entries, got {start}");
        return Err(
            Problem::new(&ENTRY_NOT_FOUND, detail).expected(format!("at most {size}"), start.to_string())
        );
    }
    let time = |name, text: Option<&str>| text.map(|text| request::integer(name, text)).transpose();
    let filters = Filters {
        kind: kind.map(kind_named).transpose()?,
        from_ms: time("from", from)?,
        to_ms: time("to", to)?,
        subject: subject.map(digest).transpose()?,
        environment: environment.map(|text| decoded("environment", text)).transpose()?,
        ..Filters::default()
    };
    let media_type = request::accepted(&headers, &[NDJSON, CBOR_SEQUENCE]);
    let left = limit.map_or(Ok(RECORDS_DEFAULT), parse_limit)?;
    let start = match filters.from_ms {
        None => start,
        Some(from_ms) => app.log.read(move |reader| first_at(reader, start..size, from_ms)).await??,
    };
    let range = range(start, size);
    let end = range.end;
    let gzip = app.gzips.asked(&headers);
    let encoding = gzip.as_ref().map(|_| (CONTENT_ENCODING, HeaderValue::from_static(GZIP)));
    let now_ms = app.token_ms();
    let answer = Answer { app, now_ms, range, left, filters, cbor: media_type == CBOR_SEQUENCE, gzip };

    let mut response = Response::new(in_pieces(answer, next_piece));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    headers.extend(encoding);
    headers.insert(TREE_SIZE, HeaderValue::from(size));
    headers.insert(RANGE_END, HeaderValue::from(end));
    Ok(response)
}

/// The answer's body, made as it is sent.
struct Answer {
    app: Arc<App>,
    /// When it was asked for.
    now_ms: u64,
    /// What is still to be sent.
    range: Range<u64>,
    /// How many more records may be sent.
    left: u64,
    /// What a record must have to be sent. Hidden claims match nothing.
    filters: Filters,
    cbor: bool,
    /// Until it has ended.
    gzip: Option<Gzip>,
}

impl Answer {
    /// Reads on, and adds what matches to the piece, until the piece is full or others should get their turn.
    fn step(&mut self, reader: &Reader, piece: &mut Vec<u8>) -> Result<(), Problem> {
        let count = RECORDS_A_TURN.min(self.left).min(self.range.end - self.range.start);
        let mut taken = Ok(());
        reader.each_record(self.range.start, count, &mut |record| {
            taken = self.take(&record, piece);
            let more = taken == Ok(()) && self.left > 0 && piece.len() < PIECE_BYTES;
            if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if taken.is_err() {
            // Its bytes are what was logged, and can't be taken apart: reading it alone says what that is.
            reader.record(self.range.start)?;
        }
        Ok(())
    }

    /// Takes the next record, unless neither it nor anything behind it belongs into the answer: then nothing is left.
    fn take(&mut self, stored: &EncodedRecord<'_>, piece: &mut Vec<u8>) -> Result<(), RecordError> {
        let index = self.range.start;
        // Times never decrease: nothing behind this record is any earlier.
        if self.filters.to_ms.is_some_and(|to_ms| stored.entry().time_ms.get() >= to_ms) {
            self.left = 0;
            return Ok(());
        }
        if self.filters.admit_entry(&stored.entry()) {
            // It is taken apart only where somebody looks into it.
            let looked_into = !self.cbor || self.filters.ask_claims();
            let record = looked_into.then(|| stored.parse()).transpose()?;
            if record.as_ref().is_none_or(|record| self.filters.admit_claims(record, false)) {
                self.left -= 1;
                match record.filter(|_| !self.cbor) {
                    None => {
                        let record = shown(&stored.entry(), stored.to_bytes(), self.now_ms);
                        piece.extend_from_slice(&encoded_item(index, &record));
                    }
                    Some(mut record) => {
                        withhold(&mut record, self.now_ms);
                        piece.extend_from_slice(RecordJson::new(index, &record).to_text().as_bytes());
                        piece.push(b'\n');
                    }
                }
            }
        }
        self.range.start += 1;
        Ok(())
    }
}

/// Reads on, a turn after the other, until there is something to send.
async fn next_piece(mut answer: Answer) -> Result<Option<(Bytes, Answer)>, BrokenOff> {
    let app = Arc::clone(&answer.app);
    while answer.left > 0 && !answer.range.is_empty() {
        let turn = move |reader: &Reader| {
            let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
            let more = answer.step(reader, &mut piece);
            match answer.gzip.as_mut().filter(|_| !piece.is_empty()).map(|gzip| gzip.piece(&piece)) {
                None => (more, piece, answer),
                Some(Ok(piece)) => (more, piece, answer),
                Some(Err(problem)) => (Err(problem), Vec::new(), answer),
            }
        };
        let read = app.log.stream(turn).await.and_then(|(more, piece, answer)| match more {
            // What was read before goes out first; reading on fails again.
            Err(problem) if piece.is_empty() => Err(problem),
            _ => Ok((piece, answer)),
        });
        let (piece, rest) = read.map_err(|problem| app.break_off("an answer of records", &problem))?;
        if !piece.is_empty() {
            return Ok(Some((piece.into(), rest)));
        }
        answer = rest;
    }
    let end = answer.gzip.take().map(Gzip::end).transpose();
    let end = end.map_err(|problem| app.break_off("an answer of records", &problem))?;
    Ok(end.map(|end| (end.into(), answer)))
}

/// What one answer looks at.
fn range(start: u64, size: u64) -> Range<u64> {
    start..size.min(start.saturating_add(RECORDS_MAX))
}

/// The first index of `range` whose time is `from_ms` or later; the range's end where there is none.
fn first_at(reader: &Reader, mut range: Range<u64>, from_ms: u64) -> Result<u64, ReadError> {
    while !range.is_empty() {
        let middle = range.start + (range.end - range.start) / 2;
        if reader.entry(middle)?.time_ms.get() < from_ms {
            range.start = middle + 1;
        } else {
            range.end = middle;
        }
    }
    Ok(range.start)
}

fn parse_limit(text: &str) -> Result<u64, Problem> {
    let limit = request::integer("limit", text)?;
    if (1..=RECORDS_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(request::malformed("limit", &format!("1 to {RECORDS_MAX}"), text))
}

fn kind_named(text: &str) -> Result<Kind, Problem> {
    let names: Vec<&str> = claims::KINDS.iter().map(|kind| kind.name).collect();
    let kind = claims::kind_named(text).map(|kind| kind.kind);
    kind.ok_or_else(|| request::malformed("kind", &format!("one of {}", names.join(", ")), text))
}

/// `<algorithm>:<hex>`, as a digest of that one algorithm.
fn digest(text: &str) -> Result<Map, Problem> {
    let expected = "<algorithm>:<lowercase hex>, of an algorithm and length as in SPEC.md 4.3";
    let text = decoded("subject", text)?;
    let digest = text.split_once(':').and_then(|(algorithm, digits)| {
        let value = Value::Bytes(hex::decode(digits)?);
        let digest = Map::from_entries(vec![(algorithm.to_owned(), value)]).ok()?;
        claims::check(&DIGEST, &Value::Map(digest.clone())).ok().map(|()| digest)
    });
    digest.ok_or_else(|| request::malformed("subject", expected, &text))
}

/// Undoes percent-encoding (RFC 3986, section 2.1).
fn decoded(name: &str, text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let byte = part.get(..2).and_then(|digits| hex::decode_array::<1>(&digits.to_ascii_lowercase()));
        let byte = byte.ok_or_else(|| request::malformed(name, "two hex digits after each %", text))?;
        bytes.extend_from_slice(&byte);
        bytes.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| request::malformed(name, "UTF-8, percent-encoded", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_looks_at_no_more_than_it_may_hold() {
        assert_eq!(range(7, 7), 7..7);
        assert_eq!(range(0, RECORDS_MAX), 0..RECORDS_MAX);
        assert_eq!(range(7, RECORDS_MAX + 8), 7..RECORDS_MAX + 7);
    }

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(decoded("x", "a%20b%C3%a4+%25").unwrap(), "a b\u{e4}+%");
        for bad in ["%", "%2", "%zz", "%ff", "%\u{e4}x"] {
            assert!(decoded("x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_what_they_must_be() {
        assert_eq!(parse_limit("100000").unwrap(), RECORDS_MAX);
        for bad in ["0", "100001", "", "-1"] {
            assert!(parse_limit(bad).is_err(), "{bad}");
        }
        let zeros = "0".repeat(64);
        assert!(digest(&format!("sha256%3A{zeros}")).is_ok());
        for bad in [format!("md5:{zeros}"), zeros.clone(), format!("sha256:{zeros}00"), "sha256:G".into()] {
            assert!(digest(&bad).is_err(), "{bad}");
        }
        assert_eq!(kind_named("promotion").unwrap().number(), 4);
        assert!(kind_named("4").unwrap_err().to_json().contains("promotion"));
    }
}
