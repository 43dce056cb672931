//! Reading ahead of whoever reads: what is inflated by one thread is checked by others.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Bytes that are read at a time, and how many such pieces may wait: a reader is at most 320 KiB ahead.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_MAX: usize = 4;

/// What another thread reads. It ends with its reader, at its end, or when this is dropped.
pub(super) struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    used: usize,
    ended: bool,
}

impl Ahead {
    /// Of a reader, by a thread of its own.
    ///
    /// # Errors
    /// When there can be no further thread.
    pub(super) fn of(mut reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (give, pieces) = sync_channel(PIECES_MAX);
        thread::Builder::new().name("inflating".into()).spawn(move || {
            loop {
                let piece = read_piece(&mut reader);
                let last = !matches!(&piece, Ok(bytes) if !bytes.is_empty());
                if give.send(piece).is_err() || last {
                    break;
                }
            }
        })?;
        Ok(Self { pieces, piece: Vec::new(), used: 0, ended: false })
    }
}

/// The next bytes; none at the end.
fn read_piece(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut filled = 0;
    while filled < piece.len() {
        match reader.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What was read before comes first; the same error comes again.
            Err(_) if filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    Ok(piece)
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() && !self.ended {
            // A thread that is gone gave an error before, which stays one.
            let gone = |_| Err(io::Error::other("it can't be read on"));
            self.piece = self.pieces.recv().unwrap_or_else(gone)?;
            self.used = 0;
            self.ended = self.piece.is_empty();
        }
        let rest = self.piece.get(self.used..).unwrap_or_default();
        let length = buffer.len().min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.used += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes, a few at a time, and then an error, again and again.
    struct Broken(usize);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.0).min(1000);
            buffer[..length].fill(7);
            self.0 -= length;
            if length == 0 { Err(io::Error::other("broken")) } else { Ok(length) }
        }
    }

    #[test]
    fn all_that_there_is_comes_and_then_the_end_or_the_error() {
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 20 * PIECE_BYTES + 5] {
            let mut whole = Vec::new();
            let bytes = vec![9; length];
            Ahead::of(io::Cursor::new(bytes.clone())).unwrap().read_to_end(&mut whole).unwrap();
            assert!(whole == bytes, "{length}");

            let mut part = Vec::new();
            let mut ahead = Ahead::of(Broken(length)).unwrap();
            let error = ahead.read_to_end(&mut part).unwrap_err();
            assert_eq!((part.len(), error.to_string().as_str()), (length, "broken"));
            assert!(ahead.read(&mut [0]).is_err(), "an error is no end");
        }
    }
}
