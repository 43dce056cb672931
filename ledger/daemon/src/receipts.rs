//! Receipts, each verified by core's own code before it leaves.
//!
//! The checkpoint's signature was verified by the engine, once for all receipts of a commit. Everything else that a
//! receipt says is checked here, on the very bytes that are sent: no receipt exists that wasn't.

use crate::metrics::Metrics;
use crate::problem::{Problem, SELF_CHECK_FAILED};
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Record, RecordError};
use provlog_core::tree::{ProofError, verify_inclusion};
use provlog_core::{Entry, Hash};
use provlog_engine::{Committed, ReadError, Reader};

/// A receipt that verified.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) index: u64,
    pub(crate) entry: Entry,
    pub(crate) leaf_hash: Hash,
    pub(crate) tree_size: u64,
    /// The receipt's bytes.
    pub(crate) receipt: String,
}

#[derive(Debug, thiserror::Error)]
enum Refuted {
    #[error("record: {0}")]
    Record(#[from] RecordError),
    #[error("record: its version is not this program's")]
    Version,
    #[error("record: a section does not have the digest that the entry commits to")]
    Digests,
    #[error("inclusion: {0}")]
    Inclusion(#[from] ProofError),
}

/// The receipt for a record at `index` under the checkpoint of `committed`.
///
/// # Errors
/// 500 when it doesn't verify; that is counted, and logged as an error.
pub(crate) fn prove(
    record: Vec<u8>,
    index: u64,
    proof: Vec<Hash>,
    committed: &Committed,
    metrics: &Metrics,
) -> Result<Proven, Problem> {
    match check(&record, index, &proof, committed) {
        Ok(entry) => {
            let receipt = Receipt { record, index, proof, checkpoint: committed.signed.clone() };
            let (leaf_hash, tree_size) = (entry.leaf_hash(), committed.checkpoint.size);
            Ok(Proven { index, entry, leaf_hash, tree_size, receipt: receipt.to_text() })
        }
        Err(refuted) => {
            metrics.self_check_failed();
            tracing::error!(index, size = committed.checkpoint.size, %refuted, "a receipt did not verify");
            let detail = format!("the receipt of entry {index} did not verify and was not sent: {refuted}");
            Err(Problem::new(&SELF_CHECK_FAILED, detail))
        }
    }
}

/// The receipt of an entry that is in the log, under the checkpoint of `committed`.
///
/// # Errors
/// Whatever reading meets, and as [`prove`].
pub(crate) fn of_stored(
    record: &Record,
    index: u64,
    committed: &Committed,
    reader: &Reader,
    metrics: &Metrics,
) -> Result<Proven, Problem> {
    let proof = inclusion_proof(index, committed, reader)?;
    prove(record.to_bytes(), index, proof, committed, metrics)
}

/// The proof for an entry that may have come with the last commit, or long before.
pub(crate) fn inclusion_proof(
    index: u64,
    committed: &Committed,
    reader: &Reader,
) -> Result<Vec<Hash>, ReadError> {
    match committed.extension.inclusion_proof(index) {
        Ok(proof) => Ok(proof),
        Err(_) => reader.inclusion_proof(index, committed.checkpoint.size),
    }
}

fn check(record: &[u8], index: u64, proof: &[Hash], committed: &Committed) -> Result<Entry, Refuted> {
    let AnyRecord::Known(record) = Record::parse(record)? else { return Err(Refuted::Version) };
    if !record.digests_match() {
        return Err(Refuted::Digests);
    }
    let head = &committed.checkpoint;
    verify_inclusion(index, head.size, &record.entry.leaf_hash(), proof, &head.root)?;
    Ok(record.entry)
}
