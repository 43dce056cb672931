//! Redaction: hiding chosen claims of a record, which goes on verifying.

use crate::path::ClaimName;
use crate::receipt::{Receipt, ReceiptError};
use crate::record::{AnyRecord, Claim, Record, RecordError, SectionName};
use alloc::string::String;
use alloc::vec::Vec;

/// Which claims to hide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redaction {
    /// These, and no others.
    Hide(Vec<ClaimName>),
    /// All but these.
    Keep(Vec<ClaimName>),
}

/// Why nothing was redacted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RedactError {
    /// The record has no such claim: perhaps a misspelling, so nothing is hidden.
    #[error("this record has no claim {0}")]
    NoClaim(ClaimName),
    /// The record's digests don't match its claims, before anything was hidden.
    #[error("the record's claims don't match the digests in its entry")]
    Digest,
    /// A version whose claims this program can't tell apart.
    #[error("entry version {0} is not known to this version: its claims can't be told apart")]
    Version(u8),
    /// Not a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Not a receipt.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

/// Hides claims of a record. Nothing but the claims' form changes, so the entry's digests stay true.
///
/// # Errors
/// When a named claim isn't there, or the record doesn't match its own digests.
pub fn redact_record(mut record: Record, redaction: &Redaction) -> Result<Record, RedactError> {
    if !record.digests_match() {
        return Err(RedactError::Digest);
    }
    let (Redaction::Hide(named) | Redaction::Keep(named)) = redaction;
    if let Some(missing) = named.iter().find(|claim| record.section(claim.section).get(&claim.name).is_none())
    {
        return Err(RedactError::NoClaim(missing.clone()));
    }
    let hidden: Vec<ClaimName> = match redaction {
        Redaction::Hide(hide) => hide.clone(),
        Redaction::Keep(keep) => {
            let names = record.claims().map(|(section, name, _)| ClaimName { section, name: name.into() });
            names.filter(|name| !keep.contains(name)).collect()
        }
    };
    for claim in hidden {
        record.section_mut(claim.section).hide(&claim.name);
    }
    Ok(record)
}

/// Hides claims in a receipt; proof and checkpoint stay as they are.
///
/// # Errors
/// As [`redact_record`], and when the bytes are no receipt of a record that this version knows.
pub fn redact_receipt(receipt: &[u8], redaction: &Redaction) -> Result<String, RedactError> {
    let (mut receipt, _) = Receipt::parse(receipt)?;
    match Record::parse(&receipt.record)? {
        AnyRecord::Known(record) => {
            receipt.record = redact_record(record, redaction)?.to_bytes();
            Ok(receipt.to_text())
        }
        AnyRecord::UnknownVersion { version, .. } => Err(RedactError::Version(version)),
    }
}

impl Record {
    /// Every claim with its section and name, in the record's order.
    pub fn claims(&self) -> impl Iterator<Item = (SectionName, &str, &Claim)> {
        SectionName::ALL.into_iter().flat_map(|section| {
            let claims = self.section(section).iter();
            claims.map(move |(name, claim)| (section, name, claim))
        })
    }
}
