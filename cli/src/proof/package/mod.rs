//! Packages on the reading side: a folder or a ZIP, and what `verify` says about one. What holds is `provlog-core`'s to
//! say.

mod error;
mod folder;
mod records;
mod threads;
mod zip;

pub(crate) use records::each_record;

use self::error::OpenError;
use self::zip::Zip;
use crate::local::time;
use crate::proof::receipt::{member, uint_json};
use crate::proof::report::{Outcome, outcome_json, write_checks, write_verdict};
use crate::show::page::Page;
use folder::Folder;
use provlog_core::Hash;
use provlog_core::check::{Refused, Status};
use provlog_core::json::Json;
use provlog_core::package::{Files, MANIFEST, PackageReport, REPORT};
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use std::path::Path;

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
    /// Whether `report.html` is a page that this version makes; none where it isn't the file that is listed.
    own_page: Option<bool>,
}

/// Verifies the package at `path`. `is_own` tells the pages that this version makes.
pub(crate) fn judge(path: &Path, trust: &Trust, is_own: fn(&str) -> bool) -> JudgedPackage {
    let verified = Opened::at(path).map(|opened| match opened {
        Opened::Folder(folder) => judge_files(&folder, trust, is_own),
        Opened::Zip(zip) => judge_files(&zip, trust, is_own),
    });
    let (outcome, own_page) = match verified {
        Ok(judged) => judged,
        Err(OpenError::Form(problem)) => (Outcome::Refused(Refused::Malformed(problem)), None),
        Err(OpenError::Read(error)) => (Outcome::Unreadable(error), None),
    };
    JudgedPackage { source: path.display().to_string(), outcome, own_page }
}

fn judge_files<F: Files>(
    files: &F,
    trust: &Trust,
    is_own: fn(&str) -> bool,
) -> (Outcome<PackageReport>, Option<bool>) {
    let outcome: Outcome<PackageReport> = Verifier::new(trust).package(files).into();
    let own_page = outcome.report().ok().and_then(|report| own_page(files, report, is_own));
    (outcome, own_page)
}

/// Reads the page again, and looks at whose it is. It must be the file that was checked.
fn own_page<F: Files>(files: &F, report: &PackageReport, is_own: fn(&str) -> bool) -> Option<bool> {
    let listed = report.manifest.file(REPORT)?;
    let name = format!("file:{REPORT}");
    report.checks.iter().find(|check| check.name == name && check.status == Status::Pass)?;
    let mut html = vec![0; usize::try_from(listed.size).ok()?];
    let mut stream = files.open(REPORT).ok()?;
    let mut filled = 0;
    while filled < html.len() {
        match stream.read(&mut html[filled..]) {
            Ok(read) if read > 0 => filled += read,
            _ => return None,
        }
    }
    (Hash::plain(&html) == listed.sha256).then(|| std::str::from_utf8(&html).is_ok_and(is_own))
}

impl JudgedPackage {
    /// A line for each check, and the verdict.
    pub(crate) fn write(&self, page: &mut Page) {
        page.line(&self.source);
        let report = self.outcome.report();
        write_checks(page, &report);
        match self.own_page {
            Some(true) => page.line(&format!("  {REPORT} is a page that {TOOL} makes; it checks itself")),
            Some(false) => page.marked(
                Status::Warn,
                &format!("{REPORT} is no page that {TOOL} makes: what it shows may be anything"),
            ),
            None => {}
        }
        write_verdict(page, &self.outcome, &report.map(summary).unwrap_or_default());
    }

    /// The package's item in `packages`.
    pub(crate) fn to_json(&self) -> Json {
        let mut members = outcome_json(&self.source, self.outcome.exit(), &self.outcome);
        if let Ok(report) = self.outcome.report() {
            let manifest = &report.manifest;
            members.push(member("origin", manifest.origin.as_str().into()));
            members.push(member("size", uint_json(manifest.checkpoint.size)));
            members.push(member("count", uint_json(manifest.count)));
            if let Some(own_page) = self.own_page {
                members.push(member("own_page", Json::Bool(own_page)));
            }
            if let Some(range) = &manifest.range {
                let range = [member("start", uint_json(range.start)), member("end", uint_json(range.end))];
                members.push(member("range", Json::Object(range.into())));
            }
        }
        Json::Object(members)
    }
}

fn summary(report: &PackageReport) -> String {
    let manifest = &report.manifest;
    let which = match &manifest.range {
        Some(range) => format!("all entries from {} to {}", range.start, range.end.saturating_sub(1)),
        None if manifest.count == 1 => "one selected entry".into(),
        None => format!("{} selected entries", manifest.count),
    };
    let logged = report.times_ms.map_or_else(String::new, |(first_ms, last_ms)| {
        format!(", logged from {} to {}", time::rfc3339(first_ms), time::rfc3339(last_ms))
    });
    format!(": {which} of {}{logged}", manifest.origin)
}
