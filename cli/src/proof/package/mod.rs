//! Packages on the reading side: a folder or a ZIP, and what `verify` says about one. What holds is `provlog-core`'s to
//! say.

mod error;
mod evidence;
mod folder;
mod onlooker;
mod records;
mod threads;
mod zip;

pub(crate) use onlooker::{Onlooker, PageFiles, PageJudge, PageStanding};
pub(crate) use records::{each_record, entry_zero};

use self::error::OpenError;
use self::evidence::WithEvidence;
use self::zip::Zip;
use crate::local::time;
use crate::proof::heads::Heads;
use crate::proof::receipt::{member, uint_json};
use crate::proof::report::{Outcome, outcome_json, write_checks, write_verdict};
use crate::show::failure::RECORDS_UNREAD;
use crate::show::page::Page;
use folder::Folder;
use provlog_core::Hash;
use provlog_core::check::{Refused, Status, add};
use provlog_core::json::Json;
use provlog_core::package::{Files, MANIFEST, Manifest, PackageReport, REPORT};
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use provlog_evidence::verify::EvidenceVerifier;
use std::fs::File;
use std::path::Path;
use threads::Watched;

/// This program, as it names itself in manifests.
pub(crate) const TOOL: &str = concat!("provlog ", env!("CARGO_PKG_VERSION"));

/// The end of a ZIP package's name.
const ZIP_EXTENSION: &str = "zip";

/// Whether this is the name of a ZIP package.
pub(crate) fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ZIP_EXTENSION))
}

/// Whether there is a package here: a folder with a manifest, or a ZIP.
pub(crate) fn is_package(path: &Path) -> bool {
    is_zip(path) && !path.is_dir() || path.join(MANIFEST).symlink_metadata().is_ok()
}

/// A package that can be read.
enum Opened {
    Folder(Folder),
    Zip(Zip),
}

impl Opened {
    fn at(path: &Path) -> Result<Self, OpenError> {
        if is_zip(path) && !path.is_dir() {
            Zip::open(path).map(Self::Zip)
        } else {
            Folder::open(path).map(Self::Folder)
        }
    }
}

/// A package, and what came of verifying it.
#[derive(Debug)]
pub(crate) struct JudgedPackage {
    pub(crate) source: String,
    pub(crate) outcome: Outcome<PackageReport>,
    /// What the page is; none where anything in the package is refused, or nobody looks.
    page: Option<PageStanding>,
}

/// What a package is held against.
#[derive(Clone, Copy)]
pub(crate) struct Believing<'a> {
    pub(crate) trust: &'a Trust,
    /// Of evidence, which comes from elsewhere than the log.
    pub(crate) evidence: EvidenceVerifier<'a>,
}

/// Verifies the package at `path`. The onlooker tells what the page is.
pub(crate) fn judge(path: &Path, believing: Believing<'_>, onlooker: &impl PageJudge) -> JudgedPackage {
    judge_opened(path, Opened::at(path), believing, onlooker)
}

/// As [`judge`], of a ZIP that is open already.
pub(crate) fn judge_archive(
    path: &Path,
    file: File,
    believing: Believing<'_>,
    onlooker: &impl PageJudge,
) -> JudgedPackage {
    judge_opened(path, Zip::of(file, path).map(Opened::Zip), believing, onlooker)
}

fn judge_opened(
    path: &Path,
    opened: Result<Opened, OpenError>,
    believing: Believing<'_>,
    onlooker: &impl PageJudge,
) -> JudgedPackage {
    let verified = opened.map(|opened| match opened {
        Opened::Folder(folder) => judge_files(&folder, believing, onlooker),
        Opened::Zip(zip) => judge_files(&zip, believing, onlooker),
    });
    let (outcome, page) = match verified {
        Ok(judged) => judged,
        Err(OpenError::Form(problem)) => (Outcome::Refused(Refused::Malformed(problem)), None),
        Err(OpenError::Read(error)) => (Outcome::Unreadable(error), None),
    };
    JudgedPackage { source: path.display().to_string(), outcome, page }
}

fn judge_files<F: Files, O: PageJudge>(
    files: &F,
    Believing { trust, evidence }: Believing<'_>,
    onlooker: &O,
) -> (Outcome<PackageReport>, Option<PageStanding>) {
    let watching = WithEvidence::new(evidence, trust.log().name(), onlooker);
    let judged = Verifier::new(trust).package(&Watched { files, onlooker: &watching });
    let outcome: Outcome<PackageReport> = add(judged, |report| watching.checks(report)).into();
    let page = match &outcome {
        Outcome::Verified(verdict) => page_standing(files, &verdict.report().manifest, onlooker),
        Outcome::Refused(_) | Outcome::Unreadable(_) => None,
    };
    (outcome, page)
}

fn page_standing<F: Files>(
    files: &F,
    manifest: &Manifest,
    onlooker: &impl PageJudge,
) -> Option<PageStanding> {
    let read = |name: &str| read_again(files, manifest, name);
    let other = |difference: &str| Some(PageStanding::Other(difference.into()));
    let Some(html) = read(REPORT) else { return other("it was changed while it was read") };
    match std::str::from_utf8(&html) {
        Ok(html) => onlooker.page(&PageFiles { manifest, html, read: &read }),
        Err(_) => other("it is no text"),
    }
}

/// Reads a file again. It must be the one that was checked.
fn read_again<F: Files>(files: &F, manifest: &Manifest, name: &str) -> Option<Vec<u8>> {
    let listed = manifest.file(name)?;
    let mut bytes = vec![0; usize::try_from(listed.size).ok()?];
    let mut stream = files.open(name).ok()?;
    let mut filled = 0;
    while filled < bytes.len() {
        match stream.read(&mut bytes[filled..]) {
            Ok(read) if read > 0 => filled += read,
            _ => return None,
        }
    }
    (Hash::plain(&bytes) == listed.sha256).then_some(bytes)
}

impl JudgedPackage {
    /// Adds the trees that it is of.
    pub(crate) fn add_to(&self, heads: &mut Heads) {
        if let Ok(report) = self.outcome.report() {
            heads.add_package(&self.source, report);
        }
    }

    /// A line for each check, and the verdict.
    pub(crate) fn write(&self, page: &mut Page) {
        page.line(&self.source);
        let report = self.outcome.report();
        write_checks(page, &report);
        let more = match &self.page {
            Some(PageStanding::Own) => format!("; {REPORT} is the page that {TOOL} makes from these records"),
            Some(PageStanding::Other(difference)) => {
                page.marked(Status::Warn, &format!("{REPORT}: {difference}"));
                format!(
                    "; {REPORT} is NOT the page that {TOOL} makes from these records: what it shows may be anything"
                )
            }
            None if report.as_ref().is_ok_and(|report| !report.records_read) => format!("; {RECORDS_UNREAD}"),
            None => String::new(),
        };
        let lacking = report.as_ref().ok().and_then(|report| lacking(report));
        let more = lacking.map(|lacking| format!("; {lacking}")).unwrap_or_default() + &more;
        write_verdict(page, &self.outcome, &report.map(summary).unwrap_or_default(), &more);
    }

    /// The package's item in `packages`.
    pub(crate) fn to_json(&self) -> Json {
        let mut members = outcome_json(&self.source, self.outcome.exit(), &self.outcome);
        if let Ok(report) = self.outcome.report() {
            let manifest = &report.manifest;
            members.push(member("origin", manifest.origin.as_str().into()));
            members.push(member("size", uint_json(manifest.checkpoint.size)));
            members.push(member("count", uint_json(manifest.count)));
            if let Some(page) = &self.page {
                members.push(member("own_page", Json::Bool(*page == PageStanding::Own)));
                if let PageStanding::Other(difference) = page {
                    members.push(member("page_difference", difference.as_str().into()));
                }
            }
            if let Some(range) = &manifest.range {
                let range = [member("start", uint_json(range.start)), member("end", uint_json(range.end))];
                members.push(member("range", Json::Object(range.into())));
            }
            members.extend(manifest.filters.entry.map(|entry| member("entry", uint_json(entry))));
            let left_out = manifest.left_out.as_ref();
            members.extend(left_out.map(|left_out| member("left_out", uint_json(left_out.count))));
        }
        Json::Object(members)
    }
}

fn summary(report: &PackageReport) -> String {
    let manifest = &report.manifest;
    let which = match (&manifest.range, manifest.filters.entry) {
        (_, Some(entry)) => {
            format!("entry {entry} and {} that it leads to", manifest.count.saturating_sub(1))
        }
        (Some(range), _) => format!("all entries from {} to {}", range.start, range.end.saturating_sub(1)),
        _ if manifest.count == 1 => "one selected entry".into(),
        _ => format!("{} selected entries", manifest.count),
    };
    let logged = report.times_ms.map_or_else(String::new, |(first_ms, last_ms)| {
        format!(", logged from {} to {}", time::rfc3339(first_ms), time::rfc3339(last_ms))
    });
    format!(": {which} of {}{logged}", manifest.origin)
}

/// What the package of an entry names and doesn't hold, or hides (`SPEC.md` section 11.8).
fn lacking(report: &PackageReport) -> Option<&str> {
    report.manifest.filters.entry?;
    let mut checks = report.checks.iter();
    checks.find(|check| check.name == "filters")?.remark.as_deref()
}
