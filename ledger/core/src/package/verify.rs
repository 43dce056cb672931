//! The door: is everything in this package proven, for whoever believes this trust file?

use super::batch::{Batch, Checked};
use super::manifest::{Head, Manifest};
use super::source::{Digesting, Files, Unreadable, read_small};
use super::walk::{NOT_READ_ON, Nodes, Walk, file_check};
use super::{
    CHECKPOINT, CONSISTENCY, CONSISTENCY_BYTES_MAX, CSV, FILES_MAX, JSON_LINES, MANIFEST, MANIFEST_BYTES_MAX,
    MANIFEST_SHA256, MANIFEST_SHA256_BYTES, PREVIOUS_CHECKPOINT, PROOF, RECORDS, REPORT, REPORT_BYTES_MAX,
};
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::limits::NOTE_BYTES_MAX;
use crate::note::Note;
use crate::tree::{root_from_multiproof, verify_consistency};
use crate::trust::Trust;
use crate::verify::{Check, Status, check_trust, join};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What was checked of a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageReport {
    /// Every check, in the order of `SPEC.md` section 11.7.
    pub checks: Vec<Check>,
    /// What the package says of itself.
    pub manifest: Manifest,
    /// Times of the first and the last entry, in milliseconds since the Unix epoch.
    pub times_ms: Option<(u64, u64)>,
}

impl PackageReport {
    /// Names of the checks that refuse the package.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter(|check| check.status.refuses()).map(|check| check.name.as_str())
    }
}

/// A report without a refusal. Only [`verify_package`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageVerdict(PackageReport);

impl PackageVerdict {
    /// What was checked.
    #[must_use]
    pub const fn report(&self) -> &PackageReport {
        &self.0
    }
}

/// Why a package is refused, the first class that applies.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PackageRefused {
    /// There is no manifest to go by.
    #[error("{0}")]
    Malformed(String),
    /// A checkpoint isn't one that the trust file believes: origin, signatures, quorum.
    #[error("untrusted checkpoint: {}", join(.0.refused()))]
    Untrusted(Box<PackageReport>),
    /// The checkpoint is believed, but doesn't prove what the package says.
    #[error("not proven: {}", join(.0.refused()))]
    NotProven(Box<PackageReport>),
}

/// The checks whose failure means that a checkpoint isn't believed.
const UNTRUSTED: [&str; 5] = ["origin", "log-signature", "cosignatures", "quorum", PREVIOUS_CHECKPOINT];

/// Verifies a package against a trust file: every file's digest, every record, the proof, the signatures, the texts, and
/// what the manifest claims.
///
/// # Errors
/// [`PackageRefused::Malformed`] before [`PackageRefused::Untrusted`] before [`PackageRefused::NotProven`]; the last
/// two carry the whole report.
pub fn verify_package<F: Files + ?Sized>(files: &F, trust: &Trust) -> Result<PackageVerdict, PackageRefused> {
    let malformed = |problem: String| PackageRefused::Malformed(problem);
    let mut names = files.names();
    names.sort_unstable();
    if names.len() > FILES_MAX {
        return Err(malformed(format!("a package has at most {FILES_MAX} files, got {}", names.len())));
    }
    let bytes = read_small(files, MANIFEST, MANIFEST_BYTES_MAX);
    let bytes = bytes.map_err(|error| malformed(format!("{MANIFEST}: {error}")))?;
    let manifest = Manifest::parse(&bytes).map_err(|error| malformed(error.to_string()))?;

    let mut door = Door { files, manifest: &manifest, names, of_files: Vec::new(), checks: Vec::new() };
    door.listing(&bytes);
    let signed = door.checkpoint(trust);
    let times_ms = door.records(signed.as_ref());
    door.consistency(trust, signed.as_ref());
    door.report();

    let mut checks = Vec::from([Check::new("format", Status::Pass)]);
    door.of_files.sort_by_key(|check| place_of_file(&check.name, &manifest));
    checks.append(&mut door.of_files);
    checks.append(&mut door.checks);
    let report = PackageReport { checks, manifest, times_ms };
    if report.refused().any(|name| UNTRUSTED.contains(&name)) {
        Err(PackageRefused::Untrusted(Box::new(report)))
    } else if report.refused().next().is_some() {
        Err(PackageRefused::NotProven(Box::new(report)))
    } else {
        Ok(PackageVerdict(report))
    }
}

/// The order of the checks of files, after those of files that aren't listed.
const FILES_IN_ORDER: [&str; 8] =
    [CHECKPOINT, RECORDS, JSON_LINES, CSV, PROOF, PREVIOUS_CHECKPOINT, CONSISTENCY, REPORT];

/// Where the check of a file stands among them: the manifest first, then files that aren't listed.
fn place_of_file(check: &str, manifest: &Manifest) -> usize {
    let name = check.strip_prefix("file:").unwrap_or(check);
    let listed = manifest.file(name).and_then(|_| FILES_IN_ORDER.iter().position(|known| *known == name));
    match listed {
        None if name == MANIFEST => 0,
        None => 1,
        Some(place) => place.saturating_add(2),
    }
}

struct Door<'a, F: ?Sized> {
    files: &'a F,
    manifest: &'a Manifest,
    names: Vec<String>,
    /// A check for each file.
    of_files: Vec<Check>,
    /// Checks of what is in them.
    checks: Vec<Check>,
}

impl<'a, F: Files + ?Sized> Door<'a, F> {
    /// The manifest's own digest, and which files there are.
    fn listing(&mut self, manifest: &[u8]) {
        let line = Manifest::digest_line(manifest);
        let digest = read_small(self.files, MANIFEST_SHA256, MANIFEST_SHA256_BYTES);
        let got = match digest {
            Ok(found) if found == line.as_bytes() => Ok(()),
            Ok(found) => Err((String::from_utf8_lossy(&found).trim_end().into(), line.trim_end().into())),
            Err(error) => Err((format!("{MANIFEST_SHA256} with its digest"), error.to_string())),
        };
        let remark = got.is_err().then(|| format!("{MANIFEST} or {MANIFEST_SHA256} was changed"));
        self.file(MANIFEST, got);
        if let Some(check) = self.of_files.last_mut() {
            check.remark = remark;
        }
        for name in self.names.clone() {
            let known = [MANIFEST, MANIFEST_SHA256].contains(&name.as_str());
            if !known && self.manifest.file(&name).is_none() {
                self.file(&name, Err(("only files that the manifest lists".into(), "one more".into())));
            }
        }
    }

    fn file(&mut self, name: &str, outcome: Result<(), (String, String)>) {
        self.of_files.push(file_check(name, outcome));
    }

    /// Opens a file that the manifest lists. Says so where there is none.
    fn open(&mut self, name: &str) -> Option<Digesting<'a>> {
        let expected = self.manifest.file(name)?;
        let opened = if self.names.iter().any(|found| found == name) {
            Digesting::open(self.files, expected)
        } else {
            Err(Unreadable("it is missing".into()))
        };
        opened.map_err(|error| self.file(name, Err(("the file".into(), error.to_string())))).ok()
    }

    /// A file of at most `limit` bytes.
    fn small(&mut self, name: &str, limit: usize) -> Option<Vec<u8>> {
        let mut file = self.open(name)?;
        let mut bytes = Vec::new();
        match file.fill(&mut bytes, limit.saturating_add(1)) {
            Err(error) => {
                self.file(name, Err(("the file".into(), error.to_string())));
                None
            }
            Ok(()) if bytes.len() > limit => {
                self.file(name, Err((format!("at most {limit} bytes"), "more".into())));
                None
            }
            Ok(()) => {
                self.file(name, file.finish());
                Some(bytes)
            }
        }
    }

    /// The signed checkpoint: what it is believed for, and whether the manifest speaks of it.
    fn checkpoint(&mut self, trust: &Trust) -> Option<Checkpoint> {
        let parsed = self.small(CHECKPOINT, NOTE_BYTES_MAX).map(|bytes| parse_checkpoint(&bytes));
        let expected = head_text(&self.manifest.origin, &self.manifest.checkpoint);
        match parsed {
            Some(Ok((note, checkpoint))) => {
                check_trust(&mut self.checks, &checkpoint, &note, trust);
                let got =
                    head_text(&checkpoint.origin, &Head { size: checkpoint.size, root: checkpoint.root });
                let holds = expected == got;
                self.checks.push(Check::compared("checkpoint", expected, got, holds));
                Some(checkpoint)
            }
            other => {
                let problem = other.and_then(Result::err).unwrap_or_else(|| "it can't be read".into());
                self.checks.push(Check::compared("checkpoint", expected, problem, false));
                None
            }
        }
    }

    /// Records, proof, and the texts of the records, in one pass. Gives the times of the first and the last.
    fn records(&mut self, signed: Option<&Checkpoint>) -> Option<(u64, u64)> {
        let (records, proof) = (self.open(RECORDS), self.open(PROOF));
        let (json, csv) = (self.open(JSON_LINES), self.open(CSV));
        let (files, manifest) = (self.files, self.manifest);
        let check = |batches: Vec<Batch<'a>>| -> Vec<Checked> { files.check(batches) };
        let mut walk = Walk::new(manifest, files.workers(), &check, records, json, csv);
        let mut nodes = Nodes::new(proof);
        let size = signed.map_or(manifest.checkpoint.size, |signed| signed.size);
        let leaves = core::iter::from_fn(|| walk.next_leaf());
        let root = root_from_multiproof(size, leaves, core::iter::from_fn(|| nodes.next_node()));
        // What comes after a proof that breaks off is checked all the same.
        while walk.next_leaf().is_some() {}

        let seen = walk.finish();
        self.of_files.extend(seen.files);
        let refused = seen.records.status.refuses();
        let proof_file = nodes.finish(root.as_ref().err());
        let proof_fault = proof_file.as_ref().and_then(|check| check.got.clone());
        let proof_broken = proof_file.as_ref().is_none_or(|check| check.status.refuses());
        self.of_files.extend(proof_file);
        if refused {
            self.skip_files_of_records();
        }

        self.checks.push(seen.records);
        let skip = |name: &str| Check::remarked(name, Status::Skip, "the records are refused");
        if refused {
            self.checks.extend(["count", "filters", "redaction", "proof", "completeness"].map(skip));
        } else {
            let count = manifest.count;
            self.checks.push(Check::compared("count", count, seen.count, seen.count == count));
            self.checks.push(seen.filters);
            self.checks.push(seen.redaction);
            let expected = signed.map_or(manifest.checkpoint.root, |signed| signed.root);
            let (got, holds) = match root {
                Ok(got) => (got.to_hex(), got == expected && !proof_broken),
                Err(error) => (proof_fault.unwrap_or_else(|| error.to_string()), false),
            };
            self.checks.push(Check::compared("proof", expected, got, holds));
            self.checks.push(completeness(manifest, &seen.run, holds));
        }
        self.checks.extend(seen.texts);
        seen.times_ms
    }

    /// Beside a record that is refused nothing of the other files about records is judged, whatever is wrong with them.
    fn skip_files_of_records(&mut self) {
        for name in [JSON_LINES, CSV, PROOF] {
            if !self.names.iter().any(|found| found == name) {
                continue;
            }
            let check = format!("file:{name}");
            self.of_files.retain(|other| other.name != check);
            self.of_files.push(Check::remarked(check, Status::Skip, NOT_READ_ON));
        }
    }

    /// The page for people: that it is the one that was listed.
    fn report(&mut self) {
        let Some(mut file) = self.open(REPORT) else { return };
        let outcome = match file.pass(REPORT_BYTES_MAX) {
            Ok(()) => file.finish(),
            Err(error) => Err(("the file".into(), error.to_string())),
        };
        self.file(REPORT, outcome);
    }

    /// That this tree extends the earlier one.
    fn consistency(&mut self, trust: &Trust, signed: Option<&Checkpoint>) {
        let Some(claimed) = self.manifest.previous else {
            let remark = "no earlier checkpoint was given";
            return self.checks.push(Check::remarked("consistency", Status::Skip, remark));
        };
        let parsed = self.small(PREVIOUS_CHECKPOINT, NOTE_BYTES_MAX).map(|bytes| parse_checkpoint(&bytes));
        let expected = head_text(&self.manifest.origin, &claimed);
        let (got, believed) = match parsed {
            Some(Ok((note, checkpoint))) => {
                let mut checks = Vec::new();
                check_trust(&mut checks, &checkpoint, &note, trust);
                let refused: Vec<&str> = checks
                    .iter()
                    .filter(|check| check.status.refuses())
                    .map(|check| check.name.as_str())
                    .collect();
                let got =
                    head_text(&checkpoint.origin, &Head { size: checkpoint.size, root: checkpoint.root });
                if refused.is_empty() {
                    let holds = got == expected;
                    (got, holds)
                } else {
                    (format!("{got}, refused for {}", join(refused.into_iter())), false)
                }
            }
            other => (other.and_then(Result::err).unwrap_or_else(|| "it can't be read".into()), false),
        };
        self.checks.push(Check::compared(PREVIOUS_CHECKPOINT, expected, got, believed));

        let head =
            signed.map_or(self.manifest.checkpoint, |signed| Head { size: signed.size, root: signed.root });
        let (old, new) = (claimed.size, head.size);
        let expected = format!("the tree of {new} entries extends that of {old}");
        let Some(bytes) = self.small(CONSISTENCY, CONSISTENCY_BYTES_MAX) else {
            return self.checks.push(Check::compared("consistency", expected, "it can't be read", false));
        };
        let (hashes, rest) = bytes.as_chunks::<32>();
        let hashes: Vec<Hash> = hashes.iter().copied().map(Hash).collect();
        let verified = verify_consistency(old, new, &claimed.root, &head.root, &hashes);
        self.checks.push(match verified {
            Ok(()) if rest.is_empty() => {
                Check { got: Some(expected), ..Check::new("consistency", Status::Pass) }
            }
            Ok(()) => Check::compared("consistency", "hashes of 32 bytes", "bytes left over", false),
            Err(error) => Check::compared("consistency", expected, error, false),
        });
    }
}

/// What the indices of the records turned out to be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// The first and the last index.
    pub(super) ends: Option<(u64, u64)>,
    /// The first index that is missing between them.
    pub(super) gap: Option<u64>,
}

fn completeness(manifest: &Manifest, run: &Run, proven: bool) -> Check {
    const NAME: &str = "completeness";
    let Some(range) = &manifest.range else {
        let remark = if manifest.filters.select() {
            "not proven: a selection by what entries say, of which nothing proves that it left none out"
        } else {
            "not proven: the package claims no range"
        };
        return Check::remarked(NAME, Status::Skip, remark);
    };
    if !proven {
        return Check::remarked(NAME, Status::Skip, "the proof doesn't hold");
    }
    let text = |first: u64, end: u64| match end.checked_sub(1) {
        Some(last) if first <= last => format!("all entries from {first} to {last} are here"),
        _ => format!("no entry from {first} to below {end}"),
    };
    let got = match (run.ends, run.gap) {
        (_, Some(missing)) => format!("entry {missing} is missing"),
        (Some((first, last)), None) => text(first, last.saturating_add(1)),
        (None, None) => "no entry".into(),
    };
    let ends = Some((range.start, range.end.saturating_sub(1)));
    let holds = run.gap.is_none() && !range.is_empty() && run.ends == ends;
    let mut check = Check::compared(NAME, text(range.start, range.end), got, holds);
    if manifest.filters.from_ms.is_some() || manifest.filters.to_ms.is_some() {
        let remark = "that the entries before and after lie outside of the time is the maker's word";
        check.remark = Some(remark.into());
    }
    check
}

fn parse_checkpoint(bytes: &[u8]) -> Result<(Note, Checkpoint), String> {
    let note = Note::parse(bytes).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(|error| error.to_string())?;
    Ok((note, checkpoint))
}

fn head_text(origin: &str, head: &Head) -> String {
    format!("{origin}, {} entries, root {}", head.size, head.root)
}
