//! `report.html`: the package as a page that needs no network and no tool, and that verifies itself in a browser.
//!
//! The page's program is in `cli/report`; what is written here is data that it takes in as text, in elements that no
//! browser runs. So there is no markup to escape a record into: whatever a record says stays a string.

mod page;
mod summary;
mod timeline;

use page::{ReportPage, difference, render};
use provlog_core::limits::REPORT_BYTES_MAX;
use std::sync::{Mutex, PoisonError};
pub(super) use summary::{Counts, Summary};

use super::output::Output;
use crate::crosswalk::evaluate::Evaluator;
use crate::crosswalk::known::OfVerified;
use crate::crosswalk::load::Crosswalk;
use crate::local::settings::TrustFile;
use crate::proof::package::{Onlooker, PageFiles, PageJudge, PageStanding};
use crate::show::failure::Failure;
use provlog_core::Record;
use provlog_core::package::{
    CHECKPOINT, CONSISTENCY, FILES, Manifest, PREVIOUS_CHECKPOINT, PROOF, RECORDS, REPORT,
};

/// Most bytes of `records.cbor` that a page holds: some 20,000 records. With the proof, deflated and in base64, they stay
/// below the format's limit for the page; larger packages have a page that asks for their files.
const EMBEDDED_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The files that a page holds in every package that has them.
const SMALL: [&str; 3] = [CHECKPOINT, PREVIOUS_CHECKPOINT, CONSISTENCY];

/// Writes the page of a package whose other files are all closed. `statement` is the manifest, which doesn't list the page
/// yet.
pub(super) fn write(
    output: &mut Output,
    statement: &Manifest,
    trust: &TrustFile,
    summary: Summary,
    evidence: Evaluator<'_>,
) -> Result<(), Failure> {
    let (embedded, names) = held(statement);
    let files = names.into_iter().map(|name| Ok((name, output.read(name)?)));
    let files = files.collect::<Result<_, Failure>>()?;
    let trust = bare_trust(&trust.text);
    let page = ReportPage { statement, trust: &trust, embedded, files, summary: &summary, evidence };
    let html = render(page).map_err(|error| Failure::Internal(error.to_string()))?;
    let bytes = u64::try_from(html.len()).unwrap_or(u64::MAX);
    if bytes > REPORT_BYTES_MAX {
        let advice = "export in parts, with --start and --end";
        return Err(Failure::Usage(format!(
            "{REPORT}: at most {REPORT_BYTES_MAX} bytes, got {bytes}: {advice}"
        )));
    }
    output.write(REPORT, html.as_bytes())
}

/// Whether a page holds the records, and the names of all files that it holds.
fn held(statement: &Manifest) -> (bool, Vec<&'static str>) {
    let size = |name| statement.file(name).map_or(0, |file| file.size);
    let embedded = size(RECORDS).saturating_add(size(PROOF)) <= EMBEDDED_BYTES_MAX;
    let is_held = |name: &&str| SMALL.contains(name) || embedded && [RECORDS, PROOF].contains(name);
    let names = FILES.into_iter().map(|(name, _)| name);
    (embedded, names.filter(is_held).filter(|name| statement.file(name).is_some()).collect())
}

/// Makes the page again of a package that is verified, to hold it against the one that is there.
pub(crate) struct PageMaker<'a> {
    crosswalk: &'a Crosswalk,
    origin: &'a str,
    said: Mutex<(Summary, Evaluator<'a>, OfVerified)>,
}

impl<'a> PageMaker<'a> {
    /// With these controls, of records of the log of this name: a page that was made with others isn't made again.
    pub(crate) fn new(crosswalk: &'a Crosswalk, origin: &'a str) -> Self {
        let said = (Summary::default(), Evaluator::new(crosswalk, origin), OfVerified::default());
        Self { crosswalk, origin, said: Mutex::new(said) }
    }
}

impl<'a> Onlooker for PageMaker<'a> {
    type Part = (Counts, Evaluator<'a>);

    fn part(&self) -> Self::Part {
        (Counts::default(), Evaluator::new(self.crosswalk, self.origin))
    }

    fn see((counts, evidence): &mut Self::Part, index: u64, record: &Record) {
        counts.add(record);
        evidence.add(index, record);
    }

    fn keep(&self, (counts, evidence): Self::Part) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (summary, all, known) = &mut *said;
        summary.add(counts);
        all.append(evidence, known);
    }
}

impl PageJudge for PageMaker<'_> {
    fn page(&self, page: &PageFiles<'_>) -> Option<PageStanding> {
        let mut statement = page.manifest.clone();
        statement.files.retain(|file| file.name != REPORT);
        let (embedded, names) = held(&statement);
        let read = |name| Some((name, (page.read)(name)?));
        let Some(files) = names.into_iter().map(read).collect() else {
            return Some(PageStanding::Other("the package was changed while it was read".into()));
        };
        let trust = page::trust_in(page.html).unwrap_or_default();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let evidence = said.1.take();
        let made =
            ReportPage { statement: &statement, trust: &trust, embedded, files, summary: &said.0, evidence };
        Some(match render(made) {
            Ok(made) => difference(page.html, &made).map_or(PageStanding::Own, PageStanding::Other),
            Err(error) => PageStanding::Other(error.to_string()),
        })
    }
}

/// What of a trust file keys are taken from: comments and addresses are the maker's own affair.
fn bare_trust(text: &str) -> String {
    let mut bare = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        let kept = match words.first() {
            None => continue,
            Some(first) if first.starts_with('#') => continue,
            Some(&"log") => 2,
            Some(&"witness") => 3,
            Some(_) => words.len(),
        };
        bare.push_str(&words.iter().take(kept).copied().collect::<Vec<_>>().join(" "));
        bare.push('\n');
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::bare_trust;

    #[test]
    fn a_trust_file_is_bared_of_comments_and_addresses() {
        let text = "# internal\n\nlog a+1+x https://log.example.com\n\twitness  w b+2+y https://w.example.com\n\
            group g 1 w\nquorum g";
        assert_eq!(bare_trust(text), "log a+1+x\nwitness w b+2+y\ngroup g 1 w\nquorum g\n");
    }
}
