//! What is acknowledged: durable, signed, shown to readers, and never taken back.

use provlog_core::Hash;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::entry::TimeMs;
use provlog_core::note::{LogSigner, Note};
use provlog_core::tree::Extension;

/// A tree head: what the high-water mark holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// What the log stands for at one moment: durable, signed, and never taken back.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Origin, size and root.
    pub checkpoint: Checkpoint,
    /// The checkpoint as a signed note, whose signature was verified once.
    pub signed: String,
    /// The tree's right edge, and the nodes that prove the entries of the group that made this state.
    pub extension: Extension,
    /// The newest entry's time.
    pub time_ms: TimeMs,
}

impl Committed {
    /// Signs the tree that `extension` completes, and verifies the signature once, for everyone who gets it.
    pub(crate) fn sign(signer: &LogSigner, extension: Extension, time_ms: TimeMs) -> Result<Self, String> {
        let frontier = extension.after();
        let origin = signer.verifier().name().to_owned();
        let checkpoint = Checkpoint { origin, size: frontier.size(), root: frontier.root() };
        let signed = checkpoint.sign(signer);
        let note = Note::parse(signed.as_bytes())
            .map_err(|error| format!("the checkpoint was signed wrong: {error}"))?;
        let verifies = |bytes: &[u8]| signer.verifier().verifies(note.text.as_bytes(), bytes);
        if !note.signatures.iter().any(|line| line.is_by(signer.verifier()) && verifies(&line.signature)) {
            return Err("the checkpoint's signature doesn't verify: this machine computes wrong".into());
        }
        Ok(Self { checkpoint, signed, extension, time_ms })
    }
}
