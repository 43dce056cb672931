//! The keys of an issuer that lie in a file of the operator's. Every request with a token or an SVID looks whether it is another file than was read, which is
//! one system call, and it is read again where it is: what changed holds from the next request on.
//!
//! A file that can't be read, or that may be half written, changes nothing: it is logged, once, and the keys of the one before stay.
//! Where the file is gone, has no key that can be used, or isn't safe with others, they end: so an operator cuts an issuer off.

use crate::files::FileIdentity;
use crate::identity::error::KeysError;
use crate::identity::fetch::Outside;
use crate::identity::held::{HeldKeys, KeysStanding};
use crate::identity::issuer::Issuer;
use crate::identity::key_set::KeySet;
use crate::identity::source;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A file that the system refused to read is read again no sooner.
const TRIED_AGAIN: Duration = Duration::from_secs(1);

/// Keys in a file.
#[derive(Debug)]
pub(super) struct PinnedKeys {
    issuer: Arc<Issuer>,
    path: PathBuf,
    outside: Arc<dyn Outside>,
    view: Mutex<FileView>,
}

/// What came of the last look.
#[derive(Debug, Default)]
struct FileView {
    /// The file that was there: none where none could be looked at; nothing before the first look.
    seen: Option<Option<FileIdentity>>,
    /// When the system refused to read it, which may pass without another file.
    refused: Option<Instant>,
    held: HeldKeys,
}

impl PinnedKeys {
    /// Those of this issuer in this file, which is read now.
    pub(super) fn new(issuer: Arc<Issuer>, path: &Path, outside: Arc<dyn Outside>) -> Self {
        let pinned = Self { issuer, path: path.into(), outside, view: Mutex::default() };
        pinned.look();
        pinned
    }

    /// The keys, as the file has them now; none where there are none.
    pub(super) fn current(&self) -> Arc<KeySet> {
        self.look().0
    }

    /// The keys that were read last, without a look at the file.
    pub(super) fn last(&self) -> Arc<KeySet> {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(view.held.set())
    }

    /// Whether what isn't among the keys is no key of the issuer's: not where its file is one that couldn't be read.
    pub(super) fn is_newest(&self) -> bool {
        self.look().1
    }

    /// How it stands with them.
    pub(super) fn standing(&self) -> KeysStanding {
        let current = self.current();
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.held.standing(&self.issuer.name, &current, None)
    }

    /// The keys, and whether the file that is there has them.
    fn look(&self) -> (Arc<KeySet>, bool) {
        // Before it is read: a file that takes its place meanwhile is then found by the next look.
        let now = FileIdentity::at(&self.path).ok();
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |refused| self.outside.now().saturating_duration_since(refused) >= TRIED_AGAIN;
        if view.seen != Some(now) || view.refused.is_some_and(is_due) {
            let read = source::read(&self.issuer, &*self.outside);
            let may_pass = read.as_ref().is_err_and(|error| error.may_pass());
            view.refused = may_pass.then(|| self.outside.now());
            view.seen = Some(now);
            if read.as_ref().is_err_and(KeysError::ends_keys) {
                view.held.end();
            }
            view.held.take(&self.issuer.name, read, self.outside.now_s());
        }
        (Arc::clone(view.held.set()), view.held.is_newest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::error::Outcome;
    use crate::identity::issuer::KeySource;
    use crate::identity::signing::{Signer, World, jwks};
    use provlog_evidence::jwt;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn fixture() -> (TempDir, PathBuf, impl Fn() -> PinnedKeys) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks");
        let keys = KeySource::File(path.clone());
        let name = jwt::Issuer::Oidc("https://a.example".into());
        let issuer = Issuer { name, audience: Some("a".into()), keys, ca: None };
        let made = {
            let path = path.clone();
            move || PinnedKeys::new(issuer.clone().into(), &path, Arc::new(World::default()))
        };
        (folder, path, made)
    }

    fn put(path: &Path, text: &str) {
        let draft = path.with_extension("new");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, path).unwrap();
    }

    #[test]
    fn a_changed_file_holds_at_once_and_a_half_written_one_changes_nothing() {
        let (_folder, path, pinned) = fixture();
        let (one, other) = (jwks(&[&Signer::new("one")]), jwks(&[&Signer::new("other")]));
        put(&path, &one);
        let pinned = pinned();
        let first = pinned.current();
        assert!(pinned.is_newest() && Arc::ptr_eq(&first, &pinned.current()));
        put(&path, "{");
        assert!(Arc::ptr_eq(&first, &pinned.current()) && !pinned.is_newest());
        put(&path, "");
        assert!(Arc::ptr_eq(&first, &pinned.current()) && pinned.standing().is_failing);
        put(&path, &other);
        let second = pinned.current();
        assert!(second.keys() != first.keys() && pinned.is_newest());
        let standing = pinned.standing();
        assert_eq!((standing.keys, standing.fetched_s, standing.is_failing), (1, None, false));
        let attempts = [(Outcome::Taken, 2), (Outcome::Unanswered, 0), (Outcome::Refused, 2)];
        assert_eq!(standing.attempts, attempts, "each file is read once");
    }

    #[test]
    fn a_file_that_is_gone_has_no_usable_key_or_isnt_safe_ends_the_keys_before() {
        let (_folder, path, pinned) = fixture();
        let good = jwks(&[&Signer::new("one")]);
        let encryption = good.replacen(r#"{"kty""#, r#"{"use":"enc","kty""#, 1);
        let bad: [(&str, &dyn Fn()); 5] = [
            ("none", &|| put(&path, r#"{"keys":[]}"#)),
            ("none that can be used", &|| put(&path, &encryption)),
            ("gone", &|| fs::remove_file(&path).unwrap()),
            ("others write it", &|| fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap()),
            ("a folder", &|| fs::remove_file(&path).and_then(|()| fs::create_dir(&path)).unwrap()),
        ];
        put(&path, &good);
        let pinned = pinned();
        for (name, make_bad) in bad {
            assert_eq!(pinned.current().keys().len(), 1, "before: {name}");
            make_bad();
            let standing = pinned.standing();
            assert!(standing.keys == 0 && standing.is_failing && !pinned.is_newest(), "{name}");
            if path.is_dir() {
                fs::remove_dir(&path).unwrap();
            }
            put(&path, &good);
        }
    }

    #[test]
    fn a_file_that_comes_later_is_found() {
        let (_folder, path, pinned) = fixture();
        let pinned = pinned();
        assert!(pinned.current().keys().is_empty() && !pinned.is_newest());
        put(&path, &jwks(&[&Signer::new("one")]));
        assert_eq!(pinned.current().keys().len(), 1);
    }
}
