//! Records as a log streams them: a CBOR sequence (RFC 8742) of `[index, record]`, read in bounded memory. What a record's
//! bytes are is for `Record::parse` to say: here is only found where they end.

use crate::show::failure::Failure;
use provlog_core::cbor::{self, CborError, Reader};
use provlog_core::limits::{ITEM_BYTES_MAX, RECORD_DEPTH_MAX};
use std::io::{self, Read};
use std::ops::Range;

/// Bytes that are read of a stream at once.
const READ_BYTES: usize = 128 * 1024;

/// One item of the sequence.
pub(crate) struct Item<'a> {
    pub(crate) index: u64,
    /// The record's bytes, an item of CBOR.
    pub(crate) record: &'a [u8],
}

/// What comes next in a sequence.
pub(crate) enum Next<'a> {
    Item(Item<'a>),
    End,
    /// Something else: where a sequence stops being one, nothing behind can be told apart any more.
    Malformed(CborError),
}

/// Reads a CBOR sequence of `[index, record]` item by item.
pub(crate) struct Sequence<'a> {
    stream: Box<dyn Read + 'a>,
    /// The failure of a stream that broke.
    broken: &'a dyn Fn(io::Error) -> Failure,
    buffer: Vec<u8>,
    /// Where in the buffer the next item starts.
    start: usize,
    ended: bool,
}

impl<'a> Sequence<'a> {
    /// Of a stream; `broken` makes a failure of its breaking off.
    pub(crate) const fn new(stream: Box<dyn Read + 'a>, broken: &'a dyn Fn(io::Error) -> Failure) -> Self {
        Self { stream, broken, buffer: Vec::new(), start: 0, ended: false }
    }

    pub(crate) fn next_item(&mut self) -> Result<Next<'_>, Failure> {
        let (index, record) = loop {
            match split(&self.buffer, self.start) {
                Ok(found) => break found,
                Err(_) if self.ended && self.start == self.buffer.len() => return Ok(Next::End),
                Err(error) => {
                    let more = error.fault == cbor::Fault::Truncated
                        && !self.ended
                        && self.buffer.len() - self.start <= ITEM_BYTES_MAX;
                    if !more {
                        return Ok(Next::Malformed(error));
                    }
                    self.fill()?;
                }
            }
        };
        self.start = record.end;
        Ok(Next::Item(Item { index, record: &self.buffer[record] }))
    }

    fn fill(&mut self) -> Result<(), Failure> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_BYTES, 0);
        let read = self.stream.read(&mut self.buffer[filled..]);
        let read = read.map_err(self.broken)?;
        self.buffer.truncate(filled + read);
        self.ended = read == 0;
        Ok(())
    }
}

/// The index and the place of the record in the item that starts at `start`.
fn split(buffer: &[u8], start: usize) -> Result<(u64, Range<usize>), CborError> {
    let mut reader = Reader::new(buffer.get(start..).unwrap_or_default());
    let expected = |fault, offset| CborError { offset, fault };
    if reader.array()? != 2 {
        return Err(expected(cbor::Fault::Expected("an array of index and record"), 0));
    }
    let at = reader.offset();
    let index = reader.value(0)?.as_uint().ok_or(expected(cbor::Fault::Expected("an index"), at))?;
    let record = start + reader.offset();
    reader.pass(RECORD_DEPTH_MAX)?;
    Ok((index, record..start + reader.offset()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::cbor::Writer;

    /// Hands out one byte at a time.
    struct Dripping(std::io::Cursor<Vec<u8>>);

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let end = buffer.len().min(1);
            self.0.read(&mut buffer[..end])
        }
    }

    fn read_all(bytes: Vec<u8>) -> Result<Vec<(u64, Vec<u8>)>, CborError> {
        let stream = Box::new(Dripping(std::io::Cursor::new(bytes)));
        let broken = |error: io::Error| Failure::Internal(error.to_string());
        let mut items = Sequence::new(stream, &broken);
        let mut all = Vec::new();
        loop {
            match items.next_item().unwrap() {
                Next::Item(item) => all.push((item.index, item.record.to_vec())),
                Next::End => return Ok(all),
                Next::Malformed(error) => return Err(error),
            }
        }
    }

    #[test]
    fn a_sequence_is_read_however_it_is_cut() {
        let record = cbor::Value::Array(vec![cbor::Value::Bytes(vec![7; 300])]).to_bytes();
        let mut writer = Writer::new();
        for index in [0, 1, 70_000] {
            writer.array(2);
            writer.integer(index);
            writer.encoded(&record);
        }
        let bytes = writer.into_bytes();
        let expected = [0, 1, 70_000].map(|index| (index, record.clone()));
        assert_eq!(read_all(bytes.clone()).unwrap(), expected);
        assert_eq!(read_all(Vec::new()).unwrap(), []);
        assert!(read_all(bytes[..bytes.len() - 1].to_vec()).is_err());
        assert!(read_all(vec![0x83, 0, 0, 0]).is_err());
        assert!(read_all([&bytes[..], &[0xff]].concat()).is_err());
    }
}
