//! Answers in gzip (RFC 1952), for clients that ask for it: what a line can't carry as fast as it is made.

use crate::http::codes::INTERNAL;
use crate::http::problem::Problem;
use crate::http::request;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The content coding's name.
pub(crate) const GZIP: &str = "gzip";

/// Answers that are compressed at one time: each holds some 350 KB for it, however slowly it is read.
const PLACES: usize = 64;

/// Who may compress.
#[derive(Clone, Debug)]
pub(crate) struct Gzips(Arc<Semaphore>);

impl Default for Gzips {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Gzips {
    /// Starts an answer, if the client names gzip among what it takes (RFC 9110, section 12.5.3): `*` is no wish for it. None where
    /// every place is taken, too: then the answer goes out as it is.
    pub(crate) fn asked(&self, headers: &HeaderMap) -> Option<Gzip> {
        let asked = request::weights(headers, &ACCEPT_ENCODING)
            .any(|(coding, weight)| weight > 0 && coding.eq_ignore_ascii_case(GZIP));
        let place = asked.then(|| Arc::clone(&self.0).try_acquire_owned().ok()).flatten()?;
        Some(Gzip { encoder: GzEncoder::new(Vec::new(), Compression::fast()), _place: place })
    }
}

/// An answer that is compressed piece by piece, at the level that takes least time.
#[derive(Debug)]
pub(crate) struct Gzip {
    encoder: GzEncoder<Vec<u8>>,
    _place: OwnedSemaphorePermit,
}

impl Gzip {
    /// What is to be sent of the next piece: all of it, so that it can be read when it arrives.
    ///
    /// # Errors
    /// None that memory could cause; told as any other failure rather than assumed away.
    pub(crate) fn piece(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
        let written = self.encoder.write_all(bytes).and_then(|()| self.encoder.flush());
        written.map_err(|error| Problem::new(&INTERNAL, error.to_string()))?;
        Ok(std::mem::take(self.encoder.get_mut()))
    }

    /// How it ends.
    ///
    /// # Errors
    /// As [`Gzip::piece`].
    pub(crate) fn end(self) -> Result<Vec<u8>, Problem> {
        self.encoder.finish().map_err(|error| Problem::new(&INTERNAL, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use flate2::read::MultiGzDecoder;
    use std::io::Read;

    #[test]
    fn only_who_asks_gets_it() {
        for (given, expected) in [
            (None, false),
            (Some("gzip"), true),
            (Some("br, GZIP;q=0.1"), true),
            (Some("identity, gzip;q=0"), false),
            (Some("*"), false),
            (Some("gzipped"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(given.map(|given| (ACCEPT_ENCODING, HeaderValue::from_static(given))));
            assert_eq!(Gzips::default().asked(&headers).is_some(), expected, "{given:?}");
        }
    }

    fn asking() -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))])
    }

    #[test]
    fn no_more_are_compressed_than_there_is_room_for() {
        let gzips = Gzips::default();
        let mut all: Vec<_> = (0..PLACES).map(|_| gzips.asked(&asking()).unwrap()).collect();
        assert!(gzips.asked(&asking()).is_none(), "it goes out as it is");
        all.pop().unwrap().end().unwrap();
        assert!(gzips.asked(&asking()).is_some());
    }

    #[test]
    fn each_piece_can_be_read_when_it_arrives() {
        let mut gzip = Gzips::default().asked(&asking()).unwrap();
        let mut sent = Vec::new();
        for piece in ["one ", "two "] {
            sent.extend(gzip.piece(piece.as_bytes()).unwrap());
            let mut read = vec![0; piece.len()];
            let before = if piece == "one " { 0 } else { 4 };
            let mut decoder = MultiGzDecoder::new(&sent[..]);
            decoder.read_exact(&mut vec![0; before]).unwrap();
            decoder.read_exact(&mut read).unwrap();
            assert_eq!(read, piece.as_bytes());
        }
        sent.extend(gzip.end().unwrap());
        let mut all = String::new();
        MultiGzDecoder::new(&sent[..]).read_to_string(&mut all).unwrap();
        assert_eq!(all, "one two ");
    }
}
