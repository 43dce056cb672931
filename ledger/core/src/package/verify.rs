//! Is everything in this package proven, for whoever believes this trust file?

use super::batch::{Batch, Checked};
use super::manifest::{Head, Manifest};
use super::source::{Digesting, Files, Unreadable, read_small};
use super::walk::{FileCheck, NOT_READ_ON, Nodes, Run, Walk, file_check};
use super::{
    CHECKPOINT, CONSISTENCY, CSV, JSON_LINES, MANIFEST, MANIFEST_SHA256, PREVIOUS_CHECKPOINT, PROOF, RECORDS,
    REPORT,
};
use crate::check::{Check, Class, Report, Status, join};
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::limits::{
    CONSISTENCY_BYTES_MAX, MANIFEST_BYTES_MAX, MANIFEST_SHA256_BYTES, NOTE_BYTES_MAX, PACKAGE_FILES_MAX,
    REPORT_BYTES_MAX,
};
use crate::note::Note;
use crate::tree::{root_from_multiproof, verify_consistency};
use crate::trust::Trust;
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
    /// Whether records, their texts, proof and page were read. They aren't where the checkpoint is not believed: then
    /// nothing bounds how much there is to read.
    pub records_read: bool,
}

impl Report for PackageReport {
    fn checks(&self) -> &[Check] {
        &self.checks
    }

    fn checks_mut(&mut self) -> &mut Vec<Check> {
        &mut self.checks
    }
}

/// Checks a package against a trust file: every file's digest, every record, the proof, the signatures, the texts, and
/// what the manifest claims.
///
/// # Errors
/// What is wrong with the listing or the manifest: then there is nothing to go by.
pub(crate) fn report<F: Files + ?Sized>(files: &F, trust: &Trust) -> Result<PackageReport, String> {
    let mut names = files.names();
    names.sort_unstable();
    if names.len() > PACKAGE_FILES_MAX {
        return Err(format!("a package has at most {PACKAGE_FILES_MAX} files, got {}", names.len()));
    }
    let bytes = read_small(files, MANIFEST, MANIFEST_BYTES_MAX);
    let bytes = bytes.map_err(|error| format!("{MANIFEST}: {error}"))?;
    let manifest = Manifest::parse(&bytes).map_err(|error| error.to_string())?;

    let mut door = Door { files, manifest: &manifest, names, of_files: Vec::new(), checks: Vec::new() };
    door.listing(&bytes);
    let signed = door.checkpoint(trust);
    let believed = signed.as_ref().filter(|_| door.is_signed_by_the_log());
    let times_ms = match believed {
        Some(checkpoint) => door.records(checkpoint),
        None => door.leave_unread(),
    };
    door.consistency(trust, signed.as_ref());
    if believed.is_some() {
        door.report();
    }
    let records_read = believed.is_some();

    let mut checks = Vec::from([Check::new("format", Status::Pass).of(Class::Form)]);
    door.of_files.sort_by_key(|of_file| place_of_check(&of_file.file, &manifest));
    checks.extend(door.of_files.into_iter().map(|of_file| of_file.check));
    checks.append(&mut door.checks);
    Ok(PackageReport { checks, manifest, times_ms, records_read })
}

/// The order of the checks of files, after those of files that aren't listed.
const FILES_IN_ORDER: [&str; 8] =
    [CHECKPOINT, RECORDS, JSON_LINES, CSV, PROOF, PREVIOUS_CHECKPOINT, CONSISTENCY, REPORT];

/// Where the check of a file stands among them: the manifest first, then files that aren't listed.
fn place_of_check(name: &str, manifest: &Manifest) -> usize {
    let listed = manifest.file(name).and_then(|_| FILES_IN_ORDER.iter().position(|known| *known == name));
    match listed {
        None if name == MANIFEST => 0,
        None => 1,
        Some(place) => place.saturating_add(2),
    }
}

/// Files that are as large as the tree, or larger than anything else that is read.
const BOUND_BY_THE_CHECKPOINT: [&str; 5] = [RECORDS, JSON_LINES, CSV, PROOF, REPORT];

/// The checks of what the records say, in their order.
const OF_RECORDS: [&str; 6] = ["count", "filters", "redaction", "references", "proof", "completeness"];

const MISSING: &str = "it is missing";

const NOT_BELIEVED: &str = "not read: the checkpoint is not believed";

struct Door<'a, F: ?Sized> {
    files: &'a F,
    manifest: &'a Manifest,
    names: Vec<String>,
    of_files: Vec<FileCheck>,
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
        if let Some(of_file) = self.of_files.last_mut() {
            of_file.check.remark = remark;
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
        let opened = if self.is_there(name) {
            Digesting::open(self.files, expected)
        } else {
            Err(Unreadable(MISSING.into()))
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
        let expected = head_text(&self.manifest.origin, &self.manifest.checkpoint);
        match self.read_checkpoint(CHECKPOINT) {
            Ok((checkpoint, note)) => {
                self.checks.extend(trust.checks(&checkpoint, &note));
                let got = signed_text(&checkpoint);
                let holds = expected == got;
                self.checks.push(Check::compared("checkpoint", expected, got, holds));
                Some(checkpoint)
            }
            Err(problem) => {
                self.checks.push(Check::compared("checkpoint", expected, problem, false));
                None
            }
        }
    }

    fn read_checkpoint(&mut self, name: &str) -> Result<(Checkpoint, Note), String> {
        let bytes = self.small(name, NOTE_BYTES_MAX).ok_or("it can't be read")?;
        Checkpoint::parse_note(&bytes).map_err(|error| error.to_string())
    }

    /// Whether no check of who signed the checkpoint fails so far. A quorum may be missing: the log's own signature says
    /// how large its tree is.
    fn is_signed_by_the_log(&self) -> bool {
        !self.checks.iter().any(|check| check.class == Class::Trust && check.status.refuses())
    }

    /// Reads nothing whose size only a checkpoint bounds that nobody has to believe: whoever made it up may have claimed a
    /// tree of any size. Which files are missing is in the listing.
    fn leave_unread(&mut self) -> Option<(u64, u64)> {
        for name in BOUND_BY_THE_CHECKPOINT {
            if self.is_there(name) {
                let check = Check::remarked(format!("file:{name}"), Status::Skip, NOT_BELIEVED);
                self.of_files.push(FileCheck { file: name.into(), check });
            } else {
                self.file(name, Err(("the file".into(), MISSING.into())));
            }
        }
        let skipped = ["records"].into_iter().chain(OF_RECORDS).chain(["jsonl", "csv"]);
        self.checks.extend(skipped.map(|name| Check::remarked(name, Status::Skip, NOT_BELIEVED)));
        None
    }

    fn is_there(&self, name: &str) -> bool {
        self.names.iter().any(|found| found == name)
    }

    /// Records, proof, and the texts of the records, in one pass. Gives the times of the first and the last.
    fn records(&mut self, signed: &Checkpoint) -> Option<(u64, u64)> {
        let (records, proof) = (self.open(RECORDS), self.open(PROOF));
        let (json, csv) = (self.open(JSON_LINES), self.open(CSV));
        let (files, manifest) = (self.files, self.manifest);
        let check = |batches: Vec<Batch<'a>>, meanwhile: &mut dyn FnMut()| -> Vec<Checked> {
            files.check(batches, meanwhile)
        };
        let mut walk = Walk::new(manifest, signed.size, files.workers(), &check, records, json, csv);
        let mut nodes = Nodes::new(proof);
        let leaves = core::iter::from_fn(|| walk.next_leaf());
        let root = root_from_multiproof(signed.size, leaves, core::iter::from_fn(|| nodes.next_node()));
        // What comes after a proof that breaks off is checked all the same.
        while walk.next_leaf().is_some() {}

        let seen = walk.finish();
        self.of_files.extend(seen.files);
        let refused = seen.records.status.refuses();
        let proof_file = nodes.finish(root.as_ref().err());
        let proof_fault = proof_file.as_ref().and_then(|of_file| of_file.check.got.clone());
        let proof_broken = proof_file.as_ref().is_none_or(|of_file| of_file.check.status.refuses());
        self.of_files.extend(proof_file);
        if refused {
            self.skip_files_of_records();
        }

        self.checks.push(seen.records);
        let skip = |name: &str| Check::remarked(name, Status::Skip, "the records are refused");
        if refused {
            self.checks.extend(OF_RECORDS.map(skip));
        } else {
            let count = manifest.count;
            self.checks.push(Check::compared("count", count, seen.count, seen.count == count));
            self.checks.push(seen.filters);
            self.checks.push(seen.redaction);
            self.checks.push(seen.references);
            let (got, holds) = match root {
                Ok(got) => (got.to_hex(), got == signed.root && !proof_broken),
                Err(error) => (proof_fault.unwrap_or_else(|| error.to_string()), false),
            };
            self.checks.push(Check::compared("proof", signed.root, got, holds));
            self.checks.push(completeness(manifest, &seen.run, holds));
        }
        self.checks.extend(seen.texts);
        seen.times_ms
    }

    /// Beside a record that is refused nothing of the other files about records is judged, whatever is wrong with them.
    fn skip_files_of_records(&mut self) {
        for name in [JSON_LINES, CSV, PROOF] {
            if !self.is_there(name) {
                continue;
            }
            self.of_files.retain(|other| other.file != name);
            let check = Check::remarked(format!("file:{name}"), Status::Skip, NOT_READ_ON);
            self.of_files.push(FileCheck { file: name.into(), check });
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
        let expected = head_text(&self.manifest.origin, &claimed);
        let (got, believed) = match self.read_checkpoint(PREVIOUS_CHECKPOINT) {
            Ok((checkpoint, note)) => {
                let got = signed_text(&checkpoint);
                let checks = trust.checks(&checkpoint, &note);
                let refused = checks.iter().filter(|check| check.status.refuses());
                let refused: Vec<&str> = refused.map(|check| check.name.as_str()).collect();
                if refused.is_empty() {
                    let holds = got == expected;
                    (got, holds)
                } else {
                    (format!("{got}, refused for {}", join(refused.into_iter())), false)
                }
            }
            Err(problem) => (problem, false),
        };
        self.checks.push(Check::compared(PREVIOUS_CHECKPOINT, expected, got, believed).of(Class::Trust));

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
            Ok(()) if rest.is_empty() => Check::passed("consistency", expected),
            Ok(()) => Check::compared("consistency", "hashes of 32 bytes", "bytes left over", false),
            Err(error) => Check::compared("consistency", expected, error, false),
        });
    }
}

fn completeness(manifest: &Manifest, run: &Run, proven: bool) -> Check {
    const NAME: &str = "completeness";
    let Some(range) = &manifest.range else {
        let remark = if manifest.filters.entry.is_some() {
            "not proven: the package of an entry claims no range"
        } else if manifest.filters.select() {
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

fn signed_text(checkpoint: &Checkpoint) -> String {
    head_text(&checkpoint.origin, &Head { size: checkpoint.size, root: checkpoint.root })
}

fn head_text(origin: &str, head: &Head) -> String {
    format!("{origin}, {} entries, root {}", head.size, head.root)
}
