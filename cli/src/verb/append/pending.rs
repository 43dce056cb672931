//! Pending files: a submission whose receipt isn't here yet, with its salts and key, so that a retry is the same entry.
//!
//! Written durably before anything is sent and removed once the receipt is kept. It holds claims in the clear, so its
//! owner alone may read it. A run holds a lock on its file as long as it lives: another one takes up what was abandoned, and
//! never what is being sent.

use super::caller::Caller;
use crate::local::files::{self, Draft, Locked, Readers, WriteError};
use crate::show::failure::Failure;
use provlog_core::json::Json;
use provlog_core::limits::SUBMISSION_BYTES_MAX;
use provlog_core::record::{Salt, Section, SectionName};
use provlog_core::submission::{Submission, SubmissionError};
use provlog_core::{Hash, hex};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Ending of a pending file's name.
pub(crate) const EXTENSION: &str = "pending";

/// How many characters of a digest in hex name a file.
pub(crate) const NAME_HEX: usize = 16;

/// Version of the file's form.
const VERSION: i64 = 1;

/// Largest pending file, in bytes: a submission, and names of at most 255 bytes each for origin and output.
const BYTES_MAX: usize = SUBMISSION_BYTES_MAX + 4096;

/// Random bytes of an idempotency key that this program draws.
const KEY_BYTES: usize = 16;

/// A submission on its way.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Where it is kept.
    pub(crate) path: PathBuf,
    /// The log that it is for.
    pub(crate) origin: String,
    /// As whom it was begun.
    pub(crate) caller: Caller,
    /// The receipt's file name beside the pending file, where the user named one.
    pub(crate) output: Option<String>,
    /// Whether the user named the idempotency key: then the log may answer with an entry of other salts.
    pub(crate) key_named: bool,
    /// Kind, claims, salts and key.
    pub(crate) submission: Submission,
    /// The claims under their salts.
    pub(crate) section: Section,
    /// The digest that the entry has to commit to.
    pub(crate) submitted_digest: Hash,
    /// The file, locked by this run.
    lock: Option<File>,
}

/// What became of a pending file that a run is to take up.
#[derive(Debug)]
pub(crate) enum TakenUp {
    /// It is this run's.
    Ours(Box<Pending>),
    /// Another run is at work on it.
    ByAnother,
    /// It was finished meanwhile.
    Finished,
}

impl Pending {
    /// The abandoned submission to this log with equal kind and values, or a new one, which is kept before this returns unless
    /// `admit` refuses it.
    pub(crate) fn resume_or_create(
        folder: &Path,
        origin: &str,
        caller: &Caller,
        output: Option<&str>,
        wanted: Submission,
        admit: impl FnOnce(&Self) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        if let Some(mut found) = Self::find(folder, origin, &wanted)? {
            found.output = output.map(Into::into);
            if let Some(evidence) = wanted.evidence() {
                // What is kept may have ended by now.
                found.submission = found.submission.with_evidence(evidence.clone())?;
            }
            admit(&found)?;
            return Ok(found);
        }
        let key_named = wanted.idempotency_key().is_some();
        let mut pending = Self::new(folder, origin, output, key_named, seal_ready(wanted)?)?;
        pending.caller = caller.clone();
        admit(&pending)?;
        pending.lock = Some(pending.create()?);
        Ok(pending)
    }

    /// Reads a pending file, and makes it this run's unless it is another's.
    pub(crate) fn take(path: &Path) -> Result<TakenUp, Failure> {
        match Self::load(path) {
            Err(Failure::Read(error)) if error.is_missing() => Ok(TakenUp::Finished),
            loaded => loaded?.lock(),
        }
    }

    fn lock(mut self) -> Result<TakenUp, Failure> {
        Ok(match files::lock(&self.path)? {
            Locked::Taken => TakenUp::ByAnother,
            Locked::Gone => TakenUp::Finished,
            Locked::Held(file) => {
                self.lock = Some(file);
                TakenUp::Ours(Box::new(self))
            }
        })
    }

    /// Reads a pending file.
    fn load(path: &Path) -> Result<Self, Failure> {
        let malformed = |problem: String| Failure::malformed(path.display().to_string(), problem);
        let bytes = files::read(path, BYTES_MAX)?;
        let Json::Object(members) = Json::parse(&bytes).map_err(|error| malformed(error.to_string()))? else {
            return Err(malformed("expected an object".into()));
        };
        let (mut version, mut origin, mut output, mut key_named, mut submission) =
            (None, None, None, false, None);
        let mut caller = Caller::default();
        for (name, value) in members {
            match (name.as_str(), value) {
                ("version", Json::Integer(number)) => version = Some(number),
                ("origin", Json::String(text)) => origin = Some(text),
                ("token", Json::String(text)) => caller.token = Some(text),
                ("identity", Json::String(text)) => caller.identity = Some(text),
                ("output", Json::String(text)) if is_file_name(&text) => output = Some(text),
                ("key_named", Json::Bool(named)) => key_named = named,
                ("submission", json) => {
                    submission =
                        Some(Submission::from_json(json).map_err(|error| malformed(error.to_string()))?);
                }
                (name, _) => return Err(malformed(format!("member {name}: unknown, or of another type"))),
            }
        }
        match (version, origin, submission) {
            (Some(VERSION), Some(origin), Some(submission)) => {
                let folder = files::folder_of(path);
                let mut pending = Self::new(&folder, &origin, output.as_deref(), key_named, submission)?;
                (pending.path, pending.caller) = (path.into(), caller);
                Ok(pending)
            }
            (Some(VERSION), ..) => Err(malformed("expected origin and submission".into())),
            (version, ..) => Err(malformed(format!("expected version {VERSION}, got {version:?}"))),
        }
    }

    /// Writes the file, which is locked before it has its name: there is no time at which it looks abandoned.
    fn create(&self) -> Result<File, Failure> {
        let cannot = |source| files::cannot_write(&self.path, source);
        let mut draft = Draft::new(&self.path, Readers::Owner)?;
        writeln!(draft.file(), "{}", self.to_json()).map_err(cannot)?;
        draft.file().lock().map_err(cannot)?;
        match draft.keep() {
            // Only salts that the user chose can meet again: for another log, or under another key.
            Err(WriteError::Exists { path }) => {
                let path = path.display();
                Err(Failure::Usage(format!("{path}: these salts are pending already; flush that first")))
            }
            kept => Ok(kept?),
        }
    }

    /// A failure that leaves the submission where it is.
    pub(crate) fn kept(&self, cause: impl Into<Failure>) -> Failure {
        Failure::Pending { cause: Box::new(cause.into()), path: self.path.clone() }
    }

    fn new(
        folder: &Path,
        origin: &str,
        output: Option<&str>,
        key_named: bool,
        submission: Submission,
    ) -> Result<Self, Failure> {
        let section = submission.clone().seal()?;
        let submitted_digest = section.digest(SectionName::Submitted, submission.kind().kind);
        let path = folder.join(format!("{}.{EXTENSION}", &submitted_digest.to_hex()[..NAME_HEX]));
        let (origin, output) = (origin.into(), output.map(Into::into));
        Ok(Self {
            path,
            origin,
            caller: Caller::default(),
            output,
            key_named,
            submission,
            section,
            submitted_digest,
            lock: None,
        })
    }

    fn find(folder: &Path, origin: &str, wanted: &Submission) -> Result<Option<Self>, Failure> {
        if !folder.is_dir() {
            return Ok(None);
        }
        for path in files::list(folder, EXTENSION, false)? {
            match Self::load(&path) {
                // Only what is this submission is locked: whoever looks for another must not find that in somebody's hands.
                Ok(found) if found.origin == origin && found.is_of(wanted)? => match found.lock() {
                    Ok(TakenUp::Ours(found)) => return Ok(Some(*found)),
                    Ok(TakenUp::ByAnother | TakenUp::Finished) => {}
                    Err(failure) => crate::show::page::say(&format!("ignored: {failure}")),
                },
                // Another run may have finished with it since the folder was listed.
                Err(Failure::Read(error)) if error.is_missing() => {}
                Ok(_) => {}
                Err(failure) => crate::show::page::say(&format!("ignored: {failure}")),
            }
        }
        Ok(None)
    }

    /// Whether this is a run of `wanted` that wasn't finished: equal kind, values, and whatever else the user named.
    fn is_of(&self, wanted: &Submission) -> Result<bool, SubmissionError> {
        let same_key = match wanted.idempotency_key() {
            Some(key) => self.submission.idempotency_key() == Some(key),
            None => !self.key_named,
        };
        let same_salts = !wanted.has_salts() || wanted.clone().seal()? == self.section;
        Ok(same_key
            && same_salts
            && self.submission.kind().kind == wanted.kind().kind
            && self.submission.claims() == wanted.claims())
    }

    fn to_json(&self) -> Json {
        let mut members = vec![
            ("version".to_string(), Json::Integer(VERSION)),
            ("origin".to_string(), self.origin.as_str().into()),
            ("key_named".to_string(), Json::Bool(self.key_named)),
            ("submission".to_string(), self.submission.to_json()),
        ];
        let Caller { token, identity } = &self.caller;
        members.extend(token.as_deref().map(|token| ("token".to_string(), token.into())));
        members.extend(identity.as_deref().map(|identity| ("identity".to_string(), identity.into())));
        members.extend(self.output.as_deref().map(|output| ("output".to_string(), output.into())));
        Json::Object(members)
    }
}

/// The submission with salts and a key, drawn where it has none.
fn seal_ready(wanted: Submission) -> Result<Submission, Failure> {
    let mut salts: Vec<Salt> = vec![Salt::default(); wanted.claims().len()];
    for salt in &mut salts {
        draw(salt)?;
    }
    // A claim without a salt would get zeros, which a submission refuses.
    let salted = wanted.with_salts(|| salts.pop().unwrap_or_default())?;
    if salted.idempotency_key().is_some() {
        return Ok(salted);
    }
    let mut key = [0; KEY_BYTES];
    draw(&mut key)?;
    Ok(salted.with_idempotency_key(&hex::encode(&key))?)
}

fn draw(bytes: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(bytes).map_err(|error| Failure::Internal(format!("random bytes: {error}")))
}

/// Whether `name` stays in the folder that it is joined to.
fn is_file_name(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|file_name| file_name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::submission::Evidence;
    use std::fs;

    const ORIGIN: &str = "example.com/log";

    fn event(environment: &str) -> Submission {
        let digest = "ab".repeat(32);
        let text = format!(
            r#"{{"kind":"event","claims":{{"type":"{environment}","subject":[{{"digest":{{"sha256":"{digest}"}}}}]}}}}"#
        );
        Submission::parse(text.as_bytes()).unwrap()
    }

    fn resume(folder: &Path, wanted: Submission) -> Pending {
        Pending::resume_or_create(folder, ORIGIN, &Caller::default(), None, wanted, |_| Ok(())).unwrap()
    }

    #[test]
    fn evidence_that_is_given_anew_takes_the_place_of_what_was_kept() {
        let home = tempfile::tempdir().unwrap();
        let mut salt = 0;
        let salted = event("a").with_salts(|| {
            salt += 1;
            [salt; 16]
        });
        let with = |token: &str| {
            let evidence = Evidence::Jwt { token: token.into() };
            salted.clone().unwrap().with_evidence(evidence).unwrap()
        };
        let first = abandon(resume(home.path(), with("old")));
        let again = resume(home.path(), with("new"));
        assert_eq!(again.path, first.path);
        assert_eq!(again.submission.evidence(), with("new").evidence());
    }

    /// As a run that was killed leaves it.
    fn abandon(mut pending: Pending) -> Pending {
        pending.lock = None;
        pending
    }

    #[test]
    fn the_same_again_resumes_with_its_salts_and_key() {
        let home = tempfile::tempdir().unwrap();
        let first = abandon(resume(home.path(), event("a")));
        let name = first.path.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, format!("{}.pending", &first.submitted_digest.to_hex()[..16]));
        let again = resume(home.path(), event("a"));
        assert_eq!((again.submitted_digest, &again.path), (first.submitted_digest, &first.path));
        assert_eq!(again.submission.idempotency_key(), first.submission.idempotency_key());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_run_is_at_work_on_is_nobody_else_s() {
        let home = tempfile::tempdir().unwrap();
        let live = resume(home.path(), event("a"));
        assert!(matches!(Pending::take(&live.path).unwrap(), TakenUp::ByAnother));
        let other = resume(home.path(), event("a"));
        assert_ne!(other.submitted_digest, live.submitted_digest);
        let live = abandon(live);
        let taken = resume(home.path(), event("a"));
        assert_eq!(taken.submitted_digest, live.submitted_digest, "and not the one that is still held");
        files::remove(&other.path).unwrap();
        assert!(matches!(Pending::take(&other.path).unwrap(), TakenUp::Finished));
    }

    #[test]
    fn anything_else_is_a_new_submission() {
        let home = tempfile::tempdir().unwrap();
        let first = abandon(resume(home.path(), event("a"))).submitted_digest;
        let others = [
            resume(home.path(), event("b")),
            resume(home.path(), event("a").with_idempotency_key("k").unwrap()),
            Pending::resume_or_create(
                home.path(),
                "example.com/other",
                &Caller::default(),
                None,
                event("a"),
                |_| Ok(()),
            )
            .unwrap(),
            resume(home.path(), seal_ready(event("a")).unwrap()),
        ];
        let others = others.map(abandon);
        for other in &others {
            assert_ne!(other.submitted_digest, first);
        }
        let named = resume(home.path(), event("a").with_idempotency_key("k").unwrap());
        assert_eq!(named.submitted_digest, others[1].submitted_digest);
        assert!(named.key_named);
        assert_eq!(
            resume(home.path(), event("a")).submitted_digest,
            first,
            "a named key is not taken up without it"
        );
    }

    #[test]
    fn salts_that_are_pending_for_another_log_are_not_written_over() {
        let home = tempfile::tempdir().unwrap();
        let salted = seal_ready(event("a")).unwrap();
        let first = resume(home.path(), salted.clone());
        let other = Pending::resume_or_create(
            home.path(),
            "example.com/other",
            &Caller::default(),
            None,
            salted,
            |_| Ok(()),
        );
        assert!(matches!(other, Err(Failure::Usage(_))), "{other:?}");
        assert_eq!(Pending::load(&first.path).unwrap().origin, ORIGIN);
    }

    #[test]
    fn the_order_of_claims_in_json_is_no_difference() {
        let home = tempfile::tempdir().unwrap();
        let digest = "ab".repeat(32);
        let first = abandon(resume(home.path(), event("a")));
        let turned = format!(
            r#"{{"claims":{{"subject":[{{"digest":{{"sha256":"{digest}"}}}}],"type":"a"}},"kind":"event"}}"#
        );
        let again = resume(home.path(), Submission::parse(turned.as_bytes()).unwrap());
        assert_eq!(again.submitted_digest, first.submitted_digest);
    }

    #[test]
    fn as_whom_it_was_begun_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let begun = Caller { token: Some("0123abcd".into()), identity: Some("github".into()) };
        let resume =
            |caller| Pending::resume_or_create(home.path(), ORIGIN, caller, None, event("a"), |_| Ok(()));
        drop(abandon(resume(&begun).unwrap()));
        assert_eq!(resume(&Caller::default()).unwrap().caller, begun);
    }

    #[test]
    fn damaged_files_are_told_and_never_sent() {
        let home = tempfile::tempdir().unwrap();
        let pending = Pending::resume_or_create(
            home.path(),
            ORIGIN,
            &Caller::default(),
            Some("r.tlog-proof"),
            event("a"),
            |_| Ok(()),
        )
        .unwrap();
        assert_eq!(Pending::load(&pending.path).unwrap().output.as_deref(), Some("r.tlog-proof"));
        let text = fs::read_to_string(&pending.path).unwrap();
        let cases = [
            (text[..text.len() / 2].to_string(), "EOF"),
            (text.replace("\"version\":1", "\"version\":2"), "expected version 1"),
            (text.replace("\"output\":\"r.", "\"output\":\"../r."), "member output"),
            (text.replace("\"kind\":\"event\"", "\"kind\":\"genesis\""), "genesis"),
        ];
        for (damaged, expected) in cases {
            fs::write(&pending.path, &damaged).unwrap();
            let error = Pending::load(&pending.path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
