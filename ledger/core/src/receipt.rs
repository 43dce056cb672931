//! Receipts: a record, its inclusion proof and a checkpoint in one file (C2SP tlog-proof).
//!
//! The `extra` line, which C2SP leaves unauthenticated, carries the record. Nothing in it is believed: the verifier
//! re-derives the leaf hash from it.

use crate::checkpoint::decimal;
use crate::encoding::Foreign;
use crate::hash::Hash;
use crate::limits::{NOTE_BYTES_MAX, PROOF_HASHES_MAX, RECEIPT_BYTES_MAX, RECORD_BYTES_MAX};
use crate::note::{Note, NoteError};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};

const HEADER: &str = "c2sp.org/tlog-proof@v1\n";

/// A receipt's parts, as read. What they prove is for [`crate::verify::Verifier`] to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The record in CBOR (`SPEC.md` section 3.2).
    pub record: Vec<u8>,
    /// Which leaf of the tree it claims to be.
    pub index: u64,
    /// The inclusion proof, the leaf's sibling first.
    pub proof: Vec<Hash>,
    /// The checkpoint, a whole signed note.
    pub checkpoint: String,
}

/// Why bytes are not a receipt.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Over its limit.
    #[error("receipt: at most {RECEIPT_BYTES_MAX} bytes, got {0}")]
    Bytes(usize),
    /// Not UTF-8.
    #[error("receipt: not UTF-8")]
    Utf8,
    /// Text that was written anew on its way.
    #[error("receipt: {0}")]
    Foreign(Foreign),
    /// Another first line.
    #[error("receipt: expected the first line \"c2sp.org/tlog-proof@v1\"")]
    Header,
    /// No record in it.
    #[error("receipt: expected the line \"extra <base64 of the record>\"")]
    Extra,
    /// A record over its limit.
    #[error("receipt: a record is at most {RECORD_BYTES_MAX} bytes, got {0}")]
    RecordBytes(usize),
    /// No index, or not a decimal.
    #[error("receipt: expected the line \"index <decimal from 0 to 2^53-1>\"")]
    Index,
    /// A proof line that isn't a hash.
    #[error("receipt: hash {0} of the proof is not base64 of 32 bytes")]
    Hash(usize),
    /// Too many hashes.
    #[error("receipt: at most {PROOF_HASHES_MAX} hashes in a proof")]
    HashCount,
    /// The checkpoint isn't a signed note.
    #[error("receipt: {0}")]
    Checkpoint(#[from] NoteError),
}

impl Receipt {
    /// Reads a receipt's text, and its checkpoint as far as the signed note's form.
    ///
    /// # Errors
    /// [`ReceiptError`] names the line.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Note), ReceiptError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(ReceiptError::Bytes(bytes.len()));
        }
        if let Some(foreign) = Foreign::of(bytes) {
            return Err(ReceiptError::Foreign(foreign));
        }
        let text = core::str::from_utf8(bytes).map_err(|_| ReceiptError::Utf8)?;
        let rest = text.strip_prefix(HEADER).ok_or(ReceiptError::Header)?;
        let (extra, rest) = line(rest, "extra ").ok_or(ReceiptError::Extra)?;
        let record = Base64::decode_vec(extra).map_err(|_| ReceiptError::Extra)?;
        if record.len() > RECORD_BYTES_MAX {
            return Err(ReceiptError::RecordBytes(record.len()));
        }
        let (index, mut rest) = line(rest, "index ").ok_or(ReceiptError::Index)?;
        let index = decimal(index).ok_or(ReceiptError::Index)?;
        let mut proof = Vec::new();
        loop {
            let (hash, after) = line(rest, "").ok_or(ReceiptError::Hash(proof.len()))?;
            rest = after;
            if hash.is_empty() {
                break;
            }
            if proof.len() == PROOF_HASHES_MAX {
                return Err(ReceiptError::HashCount);
            }
            proof.push(Hash::from_base64(hash).ok_or(ReceiptError::Hash(proof.len()))?);
        }
        if rest.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Bytes(rest.len()).into());
        }
        let note = Note::parse(rest.as_bytes())?;
        Ok((Self { record, index, proof, checkpoint: rest.into() }, note))
    }

    /// The lines of a receipt (`SPEC.md` section 7).
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text =
            format!("{HEADER}extra {}\nindex {}\n", Base64::encode_string(&self.record), self.index);
        for hash in &self.proof {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }
}

/// What follows `prefix` on the first line, and the text after it.
fn line<'a>(text: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let (first, rest) = text.split_once('\n')?;
    Some((first.strip_prefix(prefix)?, rest))
}
