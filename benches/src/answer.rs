//! Finds the end of HTTP/1.1 answers: just enough of RFC 9112 for a load generator that knows its server.
//!
//! Understands `Content-Length` and chunked bodies. Never checks what a body says, and takes no answer without either.

/// What a client that has the newest answer is told, without a body.
pub(crate) const NOT_MODIFIED: u16 = 304;

/// Longest head that is taken: far above what the servers measured here send.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What is wrong with an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnswerError {
    /// No head within the limit.
    #[error("answer: no end of the head within {HEAD_BYTES_MAX} bytes")]
    HeadBytes,
    /// Not `HTTP/1.1` and three digits.
    #[error("answer: expected a status line of HTTP/1.1")]
    StatusLine,
    /// Neither length nor chunks.
    #[error("answer: expected Content-Length or Transfer-Encoding: chunked")]
    Length,
    /// A chunk's size isn't hexadecimal, or its end is missing.
    #[error("answer: malformed chunk")]
    Chunk,
    /// Bytes after the end, though nothing more was asked.
    #[error("answer: {0} bytes after its end")]
    Trailing(usize),
}

/// A finished answer, without its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Bytes of the body.
    pub body_bytes: u64,
    /// Whether the server will close the connection.
    pub closes: bool,
}

/// Reads answers from one connection, one at a time.
#[derive(Debug, Default)]
pub struct AnswerReader {
    state: State,
    line: Vec<u8>,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Head,
    Body {
        left: u64,
    },
    ChunkSize,
    Chunk {
        left: u64,
    },
    ChunkEnd,
    Trailer,
    Done,
}

impl AnswerReader {
    /// Takes what was read from the socket, and appends the body's bytes to `body`, where given.
    /// `Some` once the answer is whole; the reader then waits for the next one.
    ///
    /// # Errors
    /// [`AnswerError`]; the connection is of no more use then.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        mut body: Option<&mut Vec<u8>>,
    ) -> Result<Option<Answer>, AnswerError> {
        while !input.is_empty() {
            match self.state {
                State::Head => {
                    let Some(rest) = self.take_until(input, b"\r\n\r\n")? else { return Ok(None) };
                    input = rest;
                    self.state = self.begin()?;
                }
                State::Body { left } | State::Chunk { left } => {
                    let (taken, rest) = split(input, left);
                    if let Some(body) = body.as_deref_mut() {
                        body.extend_from_slice(taken);
                    }
                    self.advance(left, taken.len());
                    input = rest;
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => {
                    let Some(rest) = self.take_until(input, b"\r\n")? else { return Ok(None) };
                    input = rest;
                    self.state = self.after_line()?;
                }
                State::Done => return Err(AnswerError::Trailing(input.len())),
            }
        }
        if !matches!(self.state, State::Done) {
            return Ok(None);
        }
        self.state = State::Head;
        Ok(self.answer.take())
    }

    /// Moves input to `line` up to and with `end`; what follows it, or `None` when it is not there yet.
    fn take_until<'a>(&mut self, input: &'a [u8], end: &[u8]) -> Result<Option<&'a [u8]>, AnswerError> {
        // The end may straddle two reads.
        let from = self.line.len().saturating_sub(end.len() - 1);
        let before = self.line.len();
        self.line.extend_from_slice(&input[..input.len().min(HEAD_BYTES_MAX)]);
        match self.line[from..].windows(end.len()).position(|window| window == end) {
            Some(place) => {
                self.line.truncate(from + place);
                Ok(Some(&input[from + place + end.len() - before..]))
            }
            None if self.line.len() >= HEAD_BYTES_MAX => Err(AnswerError::HeadBytes),
            None => Ok(None),
        }
    }

    /// Reads the head that lies in `line`.
    fn begin(&mut self) -> Result<State, AnswerError> {
        let head = core::str::from_utf8(&self.line).map_err(|_| AnswerError::StatusLine)?;
        let mut lines = head.split("\r\n");
        let status =
            lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|line| line.get(..3));
        let status: u16 = status.and_then(|digits| digits.parse().ok()).ok_or(AnswerError::StatusLine)?;
        let (mut length, mut chunked, mut closes) = (None, false, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim_ascii();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse::<u64>().map_err(|_| AnswerError::Length)?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.eq_ignore_ascii_case("close");
            }
        }
        self.line.clear();
        self.answer = Some(Answer { status, body_bytes: 0, closes });
        match length {
            // It has no body, whatever its head says (RFC 9112, section 6.3).
            _ if status == NOT_MODIFIED => Ok(State::Done),
            _ if chunked => Ok(State::ChunkSize),
            Some(0) => Ok(State::Done),
            Some(left) => Ok(State::Body { left }),
            None => Err(AnswerError::Length),
        }
    }

    fn advance(&mut self, left: u64, taken: usize) {
        let taken = u64::try_from(taken).unwrap_or(left);
        if let Some(answer) = &mut self.answer {
            answer.body_bytes += taken;
        }
        let left = left.saturating_sub(taken);
        self.state = match self.state {
            State::Chunk { .. } if left == 0 => State::ChunkEnd,
            State::Chunk { .. } => State::Chunk { left },
            _ if left == 0 => State::Done,
            _ => State::Body { left },
        };
    }

    fn after_line(&mut self) -> Result<State, AnswerError> {
        let state = match self.state {
            State::ChunkSize => {
                let size = core::str::from_utf8(&self.line).map_err(|_| AnswerError::Chunk)?;
                match u64::from_str_radix(size, 16).map_err(|_| AnswerError::Chunk)? {
                    0 => State::Trailer,
                    left => State::Chunk { left },
                }
            }
            State::ChunkEnd if self.line.is_empty() => State::ChunkSize,
            State::ChunkEnd => return Err(AnswerError::Chunk),
            _ if self.line.is_empty() => State::Done,
            state => state,
        };
        self.line.clear();
        Ok(state)
    }
}

fn split(input: &[u8], left: u64) -> (&[u8], &[u8]) {
    input.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(input.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, step: usize) -> Result<Option<(Answer, Vec<u8>)>, AnswerError> {
        let (mut reader, mut body) = (AnswerReader::default(), Vec::new());
        for piece in text.as_bytes().chunks(step) {
            if let Some(answer) = reader.feed(piece, Some(&mut body))? {
                return Ok(Some((answer, body)));
            }
        }
        Ok(None)
    }

    #[test]
    fn an_answer_is_the_same_however_it_is_cut() {
        let plain = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        let chunked =
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n";
        let empty = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
        for step in 1..plain.len() {
            for (text, status, body, closes) in
                [(plain, 201, "hello", true), (chunked, 200, "hello", false), (empty, 503, "", false)]
            {
                let (answer, got) = read(text, step).unwrap().unwrap();
                assert_eq!((answer.status, answer.closes, got.as_slice()), (status, closes, body.as_bytes()));
                assert_eq!(answer.body_bytes, u64::try_from(body.len()).unwrap());
                assert_eq!(read(&text[..text.len() - 1], step).unwrap(), None);
            }
        }
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
        let cases = [
            ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", AnswerError::StatusLine),
            ("HTTP/1.1 200 OK\r\n\r\n", AnswerError::Length),
            ("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", AnswerError::Length),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", AnswerError::Chunk),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n", AnswerError::Chunk),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", AnswerError::Trailing(1)),
            (&long, AnswerError::HeadBytes),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, text.len()), Err(expected), "{text:.60}");
        }
    }
}
