//! `crosswalk evidence`: what receipts and packages are evidence for, control by control. Only those that verify are
//! asked.

use crate::crosswalk;
use crate::crosswalk::evaluate::{ControlResult, Evaluator, Finding, Status, Tally};
use crate::local::settings::TrustArgs;
use crate::local::time;
use crate::proof::heads::Heads;
use crate::proof::mirror::JudgedMirror;
use crate::proof::{believed, package, receipt, sources};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::Page;
use clap::Args;
use provlog_core::Record;
use provlog_core::verify::ReceiptVerifier;
use std::collections::BTreeSet;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// Receipts, folders whose *.tlog-proof files are all read, and packages of `export`; each must verify. With folders of
    /// `audit` the trees that they are of are compared
    #[arg(required = true, value_name = "RECEIPT|FOLDER|PACKAGE|MIRROR")]
    sources: Vec<PathBuf>,
    /// Crosswalk files of your own, beside the built-in ones
    #[arg(long = "with", value_name = "FILE")]
    own: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(super) fn run(args: &EvidenceArgs) -> Result<Exit, Failure> {
    let sources = sources::named(&args.sources)?;
    let trust = believed::open(&args.trust, &sources)?;
    let crosswalk = crosswalk::load(&args.own)?;
    let mut evaluator = Evaluator::new(&crosswalk, trust.trust.log().name());
    // Two receipts of one entry, at two checkpoints or in two redactions, are one piece of evidence: the first counts.
    let mut entries = BTreeSet::new();
    let mut selected = false;
    let (mut heads, mut mirrors) = (Heads::default(), Vec::new());
    let (mut verifier, now_ms) = (ReceiptVerifier::new(&trust.trust), time::now_ms());
    for source in sources {
        if package::is_package(&source) {
            let add = &mut |index, record: &Record| {
                if entries.insert(index) {
                    evaluator.add(index, record);
                    evaluator.follow_if_many();
                }
            };
            let report = package::each_record(&source, &trust.trust, add)?;
            heads.add_package(&source.display().to_string(), &report);
            selected |= report.manifest.range.is_none();
            continue;
        }
        if JudgedMirror::is_at(&source) {
            mirrors.push(JudgedMirror::judge(&source, &trust.trust).verified()?);
            continue;
        }
        selected = true;
        let refused = |refused| Failure::Receipt { what: source.display().to_string(), refused };
        let bytes = receipt::read(&source)?;
        let report = verifier.verify(&bytes, &[], now_ms).map_err(refused)?.into_report();
        heads.add_signed(&source.display().to_string(), &report, &report.checkpoint);
        if let Some(record) = report.record.as_ref().filter(|_| entries.insert(report.index)) {
            evaluator.add(report.index, record);
            evaluator.follow_if_many();
        }
    }
    mirrors.iter().for_each(|mirror| mirror.add_to(&mut heads));
    mirrors.iter().try_for_each(|mirror| mirror.compare(&mut heads))?;
    let found = evaluator.finish();
    if let Some(wrong) = found.wrong_reference {
        return Err(Failure::NotProven(format!("a reference is wrong: {wrong}")));
    }
    let mut page = Page::new();
    page.line(&format!("{} entries of {}, all verified", entries.len(), trust.trust.log().name()));
    if selected {
        page.line("Some of them were selected: what is said of every entry is said of these, and others may not fit");
    }
    heads.write(&mut page);
    let mut framework = "";
    for result in found.controls {
        if framework != result.framework.id {
            framework = &result.framework.id;
            page.line("");
            page.line(&format!("{} {}", result.framework.name, result.framework.edition));
        }
        write_result(&mut page, &result);
    }
    page.print()?;
    Ok(heads.exit())
}

fn write_result(page: &mut Page, result: &ControlResult<'_>) {
    let control = result.control;
    page.line(&format!("  {}  {}: {}", control.id, control.title, result.status.as_str()));
    if result.status != Status::None {
        page.line(&format!("    {}", control.supports));
    }
    for finding in &result.findings {
        page.line(&format!("    {}: {}", finding.evidence.id, finding_text(finding)));
    }
}

/// `partial; fit: 3 (entries 1, 2, 5), don't: 1 (entries 4)`.
fn finding_text(finding: &Finding<'_>) -> String {
    let tallies = &finding.tallies;
    let parts = [
        ("fit", &tallies.met),
        ("don't", &tallies.unmet),
        ("hidden", &tallies.undisclosed),
        ("not resolved", &tallies.unresolved),
    ];
    let parts =
        parts.iter().filter(|(_, tally)| tally.count > 0).map(|(name, tally)| tally_text(name, tally));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        format!("{}; no entry of this kind", finding.status.as_str())
    } else {
        format!("{}; {}", finding.status.as_str(), parts.join(", "))
    }
}

fn tally_text(name: &str, tally: &Tally) -> String {
    let indices: Vec<String> = tally.indices.iter().map(u64::to_string).collect();
    let shown = u64::try_from(indices.len()).unwrap_or(u64::MAX);
    let more = if tally.count > shown { ", ..." } else { "" };
    format!("{name}: {} (entries {}{more})", tally.count, indices.join(", "))
}
