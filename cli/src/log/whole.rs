//! The end of a connection is never the end of an answer.
//!
//! ureq takes it for one where an answer has neither a length nor chunks, and where a connection breaks off without TLS's
//! `close_notify` (RFC 8446, section 6.1): whoever cuts the wire could then shorten a list of records, and nothing would tell. Every
//! log frames its answers, so that no more input is awaited once an answer is whole.

use std::io::ErrorKind;
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// The last connector of a chain.
#[derive(Debug)]
pub(super) struct WholeConnector;

/// A connection whose end is an error.
#[derive(Debug)]
pub(super) struct Unbroken<T>(T);

/// A connection that ended while more was awaited.
#[derive(Debug, thiserror::Error)]
#[error("the connection ended before the answer did")]
pub(super) struct Cut;

impl<T: Transport> Connector<T> for WholeConnector {
    type Out = Unbroken<T>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<T>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(Unbroken))
    }
}

impl<T: Transport> Transport for Unbroken<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        match self.0.await_input(timeout) {
            Ok(false) => Err(Error::Other(Box::new(Cut))),
            Err(Error::Io(error)) if is_end(error.kind()) => Err(Error::Other(Box::new(Cut))),
            awaited => awaited,
        }
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

const fn is_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}
