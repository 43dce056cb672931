//! Checkpoints: signed tree heads (C2SP tlog-checkpoint), without extension lines.

use crate::hash::Hash;
use crate::limits::{INTEGER_MAX, ORIGIN_BYTES_MAX};
use crate::note::{LogSigner, Note, NoteError};
use alloc::format;
use alloc::string::String;

/// What a log signs: its name, how many entries it holds, and the root over them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Entries in the tree.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// Why bytes are not a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Fewer or more than three lines.
    #[error("checkpoint: expected the three lines origin, size and root, without extension lines")]
    Lines,
    /// The origin's characters or length.
    #[error("checkpoint origin: expected 1 to {ORIGIN_BYTES_MAX} of A-Z a-z 0-9 . _ ~ : / -, got {0:?}")]
    Origin(String),
    /// The size isn't a decimal within the limit.
    #[error("checkpoint size: expected a decimal from 0 to 2^53-1 without leading zeros, got {0:?}")]
    Size(String),
    /// The root isn't base64 of 32 bytes.
    #[error("checkpoint root: expected base64 of 32 bytes, got {0:?}")]
    Root(String),
}

impl Checkpoint {
    /// The note text: three lines.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64())
    }

    /// The whole signed note.
    #[must_use]
    pub fn sign(&self, signer: &LogSigner) -> String {
        signer.sign(&self.text())
    }

    /// Reads a signed note. What its signatures are worth is for a trust file to say.
    ///
    /// # Errors
    /// [`CheckpointError`], the note's form first.
    pub fn parse_note(bytes: &[u8]) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(bytes)?;
        Self::parse(&note.text).map(|checkpoint| (checkpoint, note))
    }

    /// Reads a note's text.
    ///
    /// # Errors
    /// [`CheckpointError`] names the line.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        if !is_origin(origin) {
            return Err(CheckpointError::Origin(origin.into()));
        }
        Ok(Self {
            origin: origin.into(),
            size: decimal(size).ok_or_else(|| CheckpointError::Size(size.into()))?,
            root: Hash::from_base64(root).ok_or_else(|| CheckpointError::Root(root.into()))?,
        })
    }
}

/// Whether `name` can be a log's origin: 1 to 255 bytes of `[A-Za-z0-9._~:/-]`.
#[must_use]
pub fn is_origin(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~:/-".contains(&byte);
    (1..=ORIGIN_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// A decimal from 0 to 2^53-1, digits only and without leading zeros.
#[must_use]
pub fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    text.parse().ok().filter(|number| digits && !leading_zero && *number <= INTEGER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn round_trip() {
        let checkpoint = Checkpoint { origin: "example.com/log".into(), size: 0, root: Hash::empty_root() };
        assert_eq!(checkpoint.text(), format!("example.com/log\n0\n{ROOT}\n"));
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint));
    }

    #[test]
    fn refusals() {
        let cases = [
            format!("o\n1\n{ROOT}"),
            format!("o\n1\n{ROOT}\next\n"),
            "o\n1\n".into(),
            format!("\n1\n{ROOT}\n"),
            format!("a b\n1\n{ROOT}\n"),
            format!("{}\n1\n{ROOT}\n", "o".repeat(256)),
            format!("o\n01\n{ROOT}\n"),
            format!("o\n+1\n{ROOT}\n"),
            format!("o\n\n{ROOT}\n"),
            format!("o\n9007199254740992\n{ROOT}\n"),
            format!("o\n1\n{}\n", ROOT.trim_end_matches('=')),
        ];
        for text in cases {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
    }
}
