//! Checkpoints that the trust file believes, and whether one's tree extends another's.

use crate::local::files;
use crate::show::failure::Failure;
use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::json::Json;
use provlog_core::limits::RECEIPT_BYTES_MAX;
use provlog_core::receipt::Receipt;
use provlog_core::tree::{ProofError, verify_consistency};
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use std::path::Path;

/// A checkpoint that the trust file believes, and where it was found.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Where it was found.
    pub(crate) source: String,
    /// What it says.
    pub(crate) checkpoint: Checkpoint,
    /// The signed note that it is in.
    pub(crate) note: String,
}

impl Head {
    /// Reads a checkpoint, or a receipt with one, and verifies it.
    pub(crate) fn read(path: &Path, trust: &Trust) -> Result<Self, Failure> {
        let source = path.display().to_string();
        let bytes = files::read(path, RECEIPT_BYTES_MAX)?;
        // A checkpoint's first line is an origin, which has no "@" in it; a receipt's has one.
        let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if first_line.contains(&b'@') {
            let receipt = Receipt::parse(&bytes).map_err(|error| Failure::malformed(&source, error))?.0;
            Self::verified(source, receipt.checkpoint.as_bytes(), trust)
        } else {
            Self::verified(source, &bytes, trust)
        }
    }

    /// Verifies a signed note.
    pub(crate) fn verified(source: String, note: &[u8], trust: &Trust) -> Result<Self, Failure> {
        let verified = Verifier::new(trust).checkpoint(note);
        let verdict = verified.map_err(|refused| Failure::Checkpoint { what: source.clone(), refused })?;
        let note = String::from_utf8(note.into()).map_err(|error| Failure::malformed(&source, error))?;
        Ok(Self { source, checkpoint: verdict.into_report().checkpoint, note })
    }
}

/// Verifies that the later tree extends the earlier.
pub(crate) fn compare(old: &Head, new: &Head, proof: &[Hash]) -> Result<(), Failure> {
    let (from, to) = (&old.checkpoint, &new.checkpoint);
    verify_consistency(from.size, to.size, &from.root, &to.root, proof).map_err(|source| match source {
        ProofError::Sizes { .. } => {
            Failure::Usage(format!("{}: an empty tree, which proves nothing", old.source))
        }
        source => Failure::Consistency { old: old.source.clone(), new: new.source.clone(), source },
    })
}

/// Reads `{"proof": [base64, ...]}`; what else is in it is the log's word, and not needed.
pub(crate) fn parse_proof(what: &str, bytes: &[u8]) -> Result<Vec<Hash>, Failure> {
    let json = Json::parse(bytes).map_err(|error| Failure::malformed(what, error))?;
    let Some(Json::Array(hashes)) = json.get("proof") else {
        return Err(Failure::malformed(what, "expected an object with the member proof, an array"));
    };
    let hashes = hashes.iter().map(|hash| hash.as_str().and_then(Hash::from_base64));
    hashes
        .collect::<Option<_>>()
        .ok_or_else(|| Failure::malformed(what, "expected hashes in base64 of 32 bytes"))
}
