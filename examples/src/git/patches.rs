//! The digest of every commit's patch, from one `git diff-tree` for a whole history.
//!
//! Patches are hashed as they stream by and never held.

use super::run::{GitError, Stream, command, stop, wait};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::Child;

/// How a patch is made: `git diff-tree --no-commit-id <these> <commit>` prints the bytes whose SHA-256 is the subject, with
/// git's own defaults for `core.quotePath` and `diff.suppressBlankEmpty`. Whatever has an option is said, so that neither
/// the user's settings nor the number of objects (abbreviated ids) change the bytes.
pub const PATCH_OPTIONS: [&str; 11] = [
    "--root",
    "-p",
    "--binary",
    "--full-index",
    "--unified=3",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--indent-heuristic",
    "--ignore-submodules=none",
    "--diff-merges=first-parent",
];

/// Longest piece of a line that is held, in bytes. It only has to be longer than an object id.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Patches in the order of a walk.
#[derive(Debug)]
pub(super) struct Patches {
    ids: Child,
    patches: Stream,
    /// The commit whose patch comes next, once its line was read.
    next: Option<String>,
}

impl Patches {
    /// Of the commits that `git rev-list` gives for these arguments.
    pub(super) fn of(repository: &Path, walk: Vec<String>) -> Result<Self, GitError> {
        let mut list = command(repository);
        list.arg("rev-list").args(walk);
        let (mut ids, input) = Stream::pipe(list)?;
        let mut diff = command(repository);
        // With --always an empty commit has its line, too.
        diff.args(["diff-tree", "--stdin", "--always", "--no-color"]).args(PATCH_OPTIONS).stdin(input);
        match Stream::start("diff-tree", diff) {
            Ok(patches) => Ok(Self { ids, patches, next: None }),
            Err(error) => {
                stop(&mut ids);
                Err(error)
            }
        }
    }

    /// The next commit and the digest of its patch.
    pub(super) fn next_digest(&mut self) -> Result<(String, [u8; 32]), GitError> {
        let mut piece = Vec::new();
        let id = match self.next.take() {
            Some(id) => id,
            None => {
                self.patches.piece(b'\n', PIECE_BYTES_MAX, &mut piece)?;
                object_id(&piece).ok_or_else(|| GitError::Form {
                    what: "diff-tree",
                    expected: "a commit's id",
                    got: String::from_utf8_lossy(&piece).chars().take(80).collect(),
                })?
            }
        };
        let mut hasher = Sha256::new();
        let mut at_line_start = true;
        loop {
            self.patches.piece(b'\n', PIECE_BYTES_MAX, &mut piece)?;
            if piece.is_empty() {
                break;
            }
            // No line of a patch is a bare object id: text lines start with a mark, headers with a word that isn't hex,
            // and lines of binary patches have one character more than a multiple of five.
            self.next = at_line_start.then(|| object_id(&piece)).flatten();
            if self.next.is_some() {
                break;
            }
            hasher.update(&piece);
            at_line_start = piece.ends_with(b"\n");
        }
        Ok((id, hasher.finalize().into()))
    }

    /// Demands that nothing is left, and that both commands succeeded.
    pub(super) fn finish(&mut self) -> Result<(), GitError> {
        if let Some(got) = self.next.take() {
            return Err(GitError::Form { what: "diff-tree", expected: "no more patches than commits", got });
        }
        self.patches.finish()?;
        wait("rev-list", &mut self.ids)
    }
}

impl Drop for Patches {
    fn drop(&mut self) {
        stop(&mut self.ids);
    }
}

/// The object id that a line consists of.
fn object_id(line: &[u8]) -> Option<String> {
    let id = line.strip_suffix(b"\n")?;
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_id = matches!(id.len(), 40 | 64) && id.iter().all(is_hex);
    is_id.then(|| String::from_utf8_lossy(id).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_object_id_starts_a_patch() {
        assert!(object_id(&[b"0123456789abcdef".repeat(4), b"\n".to_vec()].concat()).is_some());
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(object_id(format!("{id}\n").as_bytes()).as_deref(), Some(id));
        for line in [id.into(), format!("{id} \n"), format!("+{id}\n"), id.to_uppercase() + "\n", "\n".into()]
        {
            assert_eq!(object_id(line.as_bytes()), None, "{line:?}");
        }
    }
}
