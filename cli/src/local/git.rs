//! What a git revision is called in full. Asks the `git` program, and never the network: not even for a partial clone.

use provlog_core::hex;
use provlog_core::json::Json;
use std::io;
use std::process::Command;

/// A revision that isn't resolved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    #[error("git, to resolve {revision}: {source}")]
    Start { revision: String, source: io::Error },
    #[error("git does not know {revision}: {said}")]
    Unknown { revision: String, said: String },
}

/// The commit that a revision names: itself where it is a full hash already, which needs no repository.
pub(crate) fn commit_of(revision: &str) -> Result<String, GitError> {
    if is_object_id(revision) { Ok(revision.into()) } else { parse(&format!("{revision}^{{commit}}")) }
}

/// Commit and tree of a revision, as a digest in JSON. The tree of a full hash is left out where git can't tell it.
pub(crate) fn digest_json(revision: &str) -> Result<Json, GitError> {
    let mut members = vec![("gitCommit".into(), Json::String(commit_of(revision)?))];
    match parse(&format!("{revision}^{{tree}}")) {
        Ok(tree) => members.push(("gitTree".into(), Json::String(tree))),
        Err(_) if is_object_id(revision) => {}
        Err(failure) => return Err(failure),
    }
    Ok(Json::Object(members))
}

fn is_object_id(text: &str) -> bool {
    hex::decode(text).is_some_and(|bytes| matches!(bytes.len(), 20 | 32))
}

fn parse(revision: &str) -> Result<String, GitError> {
    let output = Command::new("git")
        .args(["rev-parse", "--verify", "--end-of-options", revision])
        .env("GIT_NO_LAZY_FETCH", "1")
        .output()
        .map_err(|source| GitError::Start { revision: revision.into(), source })?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let id = printed.trim_end();
    if output.status.success() && is_object_id(id) {
        Ok(id.into())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(GitError::Unknown { revision: revision.into(), said: said.trim_end().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_hashes_need_no_git() {
        for id in ["0123456789abcdef0123456789abcdef01234567".to_string(), "ab".repeat(32)] {
            assert_eq!(commit_of(&id).unwrap(), id);
        }
    }

    #[test]
    fn an_option_is_no_revision() {
        assert!(matches!(commit_of("--all"), Err(GitError::Unknown { .. })));
    }
}
