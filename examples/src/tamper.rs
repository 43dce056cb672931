//! Receipts with one byte changed: what a verifier has to refuse, and by which check.
//!
//! The byte is one of the file's, within base64 most of the time, and is chosen so that the receipt keeps its form: that
//! it is refused is then the work of hashes and signatures, not of a parser.

use provlog_core::check::{Refused, Report};
use provlog_core::hex;
use provlog_core::receipt::{Receipt, ReceiptError};
use provlog_core::record::{AnyRecord, Claim, Record, RecordError};
use provlog_core::verify::ReceiptReport;

/// A place in a receipt where a byte is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The first line.
    Header,
    /// The time in the entry.
    EntryTime,
    /// The commit's id, in the submitted claim `subject`.
    CommitId,
    /// The salt of the attested claim `workload`.
    AttestedSalt,
    /// The first hash of the inclusion proof.
    Proof,
    /// The root in the checkpoint.
    CheckpointRoot,
    /// The log's signature.
    Signature,
}

/// Why a receipt can't be tampered with in a place: it isn't what a log gave for this commit.
#[derive(Debug, thiserror::Error)]
pub enum TamperError {
    /// Its text.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// Its record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It lacks the part.
    #[error("the receipt has no {0} to change")]
    Missing(&'static str),
}

/// A receipt with one byte changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tampered {
    /// The whole file.
    pub receipt: Vec<u8>,
    /// Where the byte is, counted from 0.
    pub offset: usize,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Header,
        Self::EntryTime,
        Self::CommitId,
        Self::AttestedSalt,
        Self::Proof,
        Self::CheckpointRoot,
        Self::Signature,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::EntryTime => "record: time of the entry",
            Self::CommitId => "record: commit id",
            Self::AttestedSalt => "record: salt of an attested claim",
            Self::Proof => "inclusion proof",
            Self::CheckpointRoot => "checkpoint: root",
            Self::Signature => "checkpoint: signature",
        }
    }

    /// The check of `SPEC.md` section 8 that a change here has to fail, whatever else it fails.
    #[must_use]
    pub const fn noticed_by(self) -> &'static str {
        match self {
            Self::Header => "format",
            Self::EntryTime | Self::Proof => "root",
            Self::CommitId => "submitted-digest",
            Self::AttestedSalt => "attested-digest",
            Self::CheckpointRoot | Self::Signature => "log-signature",
        }
    }

    /// Changes one byte of a commit's receipt here.
    ///
    /// # Errors
    /// When the bytes are no receipt of a record about this commit.
    pub fn tamper(self, receipt: &[u8], commit_id: &str) -> Result<Tampered, TamperError> {
        let (parts, note) = Receipt::parse(receipt)?;
        let missing = TamperError::Missing(self.name());
        let AnyRecord::Known(record) = Record::parse(&parts.record)? else { return Err(missing) };
        let offset = match self {
            Self::Header => Some(0),
            Self::EntryTime => in_record(receipt, &parts, &record.entry.time_ms.get().to_be_bytes()),
            Self::CommitId => hex::decode(commit_id).and_then(|id| in_record(receipt, &parts, &id)),
            Self::AttestedSalt => record
                .attested
                .iter()
                .find_map(
                    |(_, claim)| if let Claim::Disclosed { salt, .. } = claim { Some(salt) } else { None },
                )
                .and_then(|salt| in_record(receipt, &parts, salt)),
            Self::Proof => {
                parts.proof.first().and_then(|hash| middle_of(receipt, hash.to_base64().as_bytes()))
            }
            Self::CheckpointRoot => {
                note.text.lines().nth(2).and_then(|root| middle_of(receipt, root.as_bytes()))
            }
            Self::Signature => parts
                .checkpoint
                .trim_end()
                .rsplit(' ')
                .next()
                .and_then(|line| middle_of(receipt, line.as_bytes())),
        };
        let offset = offset.ok_or(missing)?;
        let mut receipt = receipt.to_vec();
        // Both are base64, so a place within base64 stays base64.
        receipt[offset] = if receipt[offset] == b'A' { b'B' } else { b'A' };
        Ok(Tampered { receipt, offset })
    }
}

/// The checks that refused a receipt; `format` where its form did.
#[must_use]
pub fn refused_by(refused: &Refused<ReceiptReport>) -> Vec<String> {
    let malformed = || vec!["format".into()];
    refused.report().map_or_else(malformed, |report| report.refused().map(String::from).collect())
}

/// Offset in the receipt of a base64 character whose bits all lie within these bytes of the record.
fn in_record(receipt: &[u8], parts: &Receipt, bytes: &[u8]) -> Option<usize> {
    let middle = position(&parts.record, bytes)? + bytes.len() / 2;
    let marker: &[u8] = b"\nextra ";
    let start = position(receipt, marker)? + marker.len();
    // Six bits a character: the first one that starts in the middle byte or after it.
    Some(start + (middle * 8).div_ceil(6))
}

fn middle_of(receipt: &[u8], part: &[u8]) -> Option<usize> {
    Some(position(receipt, part)? + part.len() / 2)
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len().max(1)).position(|window| window == part)
}
