//! Receipts, each verified by core's own code before it leaves.
//!
//! The checkpoint's signature was verified by the engine, once for all receipts of a commit; that a stored record's sections are
//! those of its entry, by the reader. Everything else that a receipt says is checked here, on the very bytes that are sent: no
//! receipt exists that wasn't.

use crate::http::codes::SELF_CHECK_FAILED;
use crate::http::problem::Problem;
use crate::log::withheld;
use crate::operate::metrics::Metrics;
use provlog_core::encoded::{EncodedError, EncodedRecord, Sealed};
use provlog_core::receipt::Receipt;
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
    Record(#[from] EncodedError),
    #[error("inclusion: {0}")]
    Inclusion(#[from] ProofError),
}

/// The receipt of an entry that came with the commit of `committed`, made without reading anything.
///
/// # Errors
/// As [`prove`].
pub(crate) fn of_new(
    sealed: &Sealed,
    entry: &Entry,
    index: u64,
    committed: &Committed,
    metrics: &Metrics,
) -> Result<Proven, Problem> {
    // An entry that didn't come with it has no proof, and doesn't verify.
    let proof = committed.extension.inclusion_proof(index).unwrap_or_default();
    prove(*entry, record(sealed, entry), index, proof, committed, metrics)
}

/// The record's bytes, read as every later reader will read them.
fn record(sealed: &Sealed, entry: &Entry) -> Result<Vec<u8>, EncodedError> {
    let record = sealed.record(entry)?;
    EncodedRecord::read(&record)?;
    Ok(record)
}

/// The receipt for a record at `index`, whose entry is `entry`, under the checkpoint of `committed`.
///
/// # Errors
/// 500 when it doesn't verify; that is counted, and logged as an error.
fn prove(
    entry: Entry,
    record: Result<Vec<u8>, EncodedError>,
    index: u64,
    proof: Vec<Hash>,
    committed: &Committed,
    metrics: &Metrics,
) -> Result<Proven, Problem> {
    match check(entry, record, index, &proof, committed) {
        Ok((record, leaf_hash)) => {
            let receipt = Receipt { record, index, proof, checkpoint: committed.signed.clone() };
            let tree_size = committed.checkpoint.size;
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

/// What a receipt takes of an entry that is in the log. Nothing is proven yet.
pub(crate) struct Stored {
    index: u64,
    entry: Entry,
    record: Vec<u8>,
    proof: Vec<Hash>,
}

impl Stored {
    /// For a receipt under the checkpoint of `committed`.
    ///
    /// # Errors
    /// Whatever reading meets.
    pub(crate) fn read(index: u64, committed: &Committed, reader: &Reader) -> Result<Self, ReadError> {
        let (entry, record) = reader.encoded(index)?;
        Self::of(entry, record, index, committed, reader)
    }

    /// As [`Stored::read`], of a record that the reader handed out.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn of(
        entry: Entry,
        record: Vec<u8>,
        index: u64,
        committed: &Committed,
        reader: &Reader,
    ) -> Result<Self, ReadError> {
        let proof = match committed.extension.inclusion_proof(index) {
            Ok(proof) => proof,
            Err(_) => reader.inclusion_proof(index, committed.checkpoint.size)?,
        };
        Ok(Self { index, entry, record, proof })
    }

    /// The same, as others than its submitter are shown it at this time.
    pub(crate) fn shown(self, now_ms: u64) -> Self {
        Self { record: withheld::shown(&self.entry, self.record, now_ms), ..self }
    }

    /// The receipt under the checkpoint of the same `committed`.
    ///
    /// # Errors
    /// As [`prove`].
    pub(crate) fn prove(self, committed: &Committed, metrics: &Metrics) -> Result<Proven, Problem> {
        prove(self.entry, Ok(self.record), self.index, self.proof, committed, metrics)
    }
}

fn check(
    entry: Entry,
    record: Result<Vec<u8>, EncodedError>,
    index: u64,
    proof: &[Hash],
    committed: &Committed,
) -> Result<(Vec<u8>, Hash), Refuted> {
    let record = record?;
    let (leaf_hash, head) = (entry.leaf_hash(), &committed.checkpoint);
    verify_inclusion(index, head.size, &leaf_hash, proof, &head.root)?;
    Ok((record, leaf_hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::checkpoint::Checkpoint;
    use provlog_core::entry::{Kind, TimeMs};
    use provlog_core::note::LogSigner;
    use provlog_core::record::{Claim, Section};
    use provlog_core::tree::{Extension, Frontier};

    /// A log of two entries, the second of them a record.
    fn log() -> (Sealed, Committed) {
        let section = |salt, value: &str| {
            Section::from_claims(vec![("type".into(), Claim::disclosed([salt; 16], value.into()))]).unwrap()
        };
        let (submitted, attested) = (section(1, "a"), section(2, "b"));
        let sealed = Sealed::new(Kind::new(22).unwrap(), &submitted, &attested).unwrap();
        let leaf_hash = sealed.entry(TimeMs::MIN).leaf_hash();
        let extension = Extension::new(&Frontier::default(), &[Hash::plain(b"genesis"), leaf_hash]);
        let checkpoint =
            Checkpoint { origin: "example.com/log".into(), size: 2, root: extension.after().root() };
        let signed = checkpoint.sign(&LogSigner::from_seed("example.com/log", &[7; 32]).unwrap());
        (sealed, Committed { checkpoint, signed, extension, time_ms: TimeMs::MIN })
    }

    #[test]
    fn a_receipt_that_does_not_verify_is_counted_and_not_sent() {
        let (sealed, committed) = log();
        let metrics = Metrics::default();
        let proof = committed.extension.inclusion_proof(1).unwrap();
        let prove = |entry: Entry, index, proof| {
            prove(entry, record(&sealed, &entry), index, proof, &committed, &metrics)
        };
        let entry = sealed.entry(TimeMs::MIN);
        let proven = prove(entry, 1, proof.clone()).unwrap();
        assert!(proven.receipt.contains("\nindex 1\n") && proven.receipt.ends_with(&committed.signed));
        assert_eq!((proven.tree_size, proven.entry.leaf_hash()), (2, proven.leaf_hash));

        let other = Hash([9; 32]);
        let cases = [
            (Entry { submitted_digest: other, ..entry }, 1, proof.clone(), "submitted section"),
            (Entry { attested_digest: other, ..entry }, 1, proof.clone(), "attested section"),
            (sealed.entry(TimeMs::new(TimeMs::MIN.get() + 1).unwrap()), 1, proof.clone(), "inclusion"),
            (entry, 0, proof.clone(), "inclusion"),
            (entry, 1, Vec::new(), "inclusion"),
            (entry, 1, vec![other], "inclusion"),
        ];
        let count = cases.len();
        for (entry, index, proof, expected) in cases {
            let problem = prove(entry, index, proof).unwrap_err();
            assert_eq!(problem.code(), &SELF_CHECK_FAILED);
            assert!(problem.detail().contains(expected), "{expected}: {}", problem.detail());
        }
        assert!(metrics.text(0).unwrap().contains(&format!("provlog_self_check_failures_total {count}\n")));
    }
}
