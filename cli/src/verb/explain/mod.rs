//! `explain`: the story of an entry, or of a package, in words for a person: what, when, which workload, proven how, and what
//! nobody proved. It verifies first, as `verify` does and with the same code, and tells nothing as true that wasn't verified.

mod package;
mod proven;
mod story;
mod unproven;
mod words;
mod workload;

use self::package::{Overview, PackageStory};
use self::proven::ProvenEntry;
use self::story::{Story, unverified, write_unverified};
use crate::local::files::ReadError;
use crate::local::settings::{TrustArgs, TrustFile};
use crate::proof::believed;
use crate::proof::evidence::BelievedArgs;
use crate::proof::heads::Heads;
use crate::proof::package::{Believing, JudgedPackage, judge, judge_archive};
use crate::proof::receipt::{self, SCHEMA_VERSION, member, trust_json};
use crate::proof::report::{Judged, Outcome, Requirements, check_text, outcome_json};
use crate::proof::sources::{self, Verifiable};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::{self, Colour, Page};
use clap::Args;
use provlog_core::check::{Report, Status};
use provlog_core::json::Json;
use provlog_core::verify::{ReceiptReport, ReceiptVerifier};
use provlog_evidence::verify::EvidenceVerifier;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Receipts, packages of `provlog export`, and folders whose *.tlog-proof files and package folders are all told of; - is
    /// standard input
    #[arg(required = true, value_name = "RECEIPT|PACKAGE|FOLDER")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    evidence: BelievedArgs,
    /// Print JSON, as docs/schema/explanation.json describes it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(crate) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let sources = sources::named(&args.sources)?;
    let trust = believed::open(&args.trust, &sources)?;
    let sources = sources::taken(sources);
    // Before anything is told: half a story would be taken for all of it.
    if let Some((path, _)) = sources.iter().find(|(_, found)| matches!(found, Verifiable::Mirror)) {
        return Err(untold(path));
    }
    let believed = args.evidence.believed()?;
    let evidence = EvidenceVerifier { believed: &believed, require_bound: args.evidence.require_bound };
    let mut teller = Teller {
        trust: &trust,
        evidence,
        verifier: ReceiptVerifier::new(&trust.trust),
        heads: Heads::default(),
        exits: Vec::new(),
    };
    let (mut page, mut items) = (Page::new(), Explanations::default());
    if !args.json {
        page.line(&format!("trusting {} as {} says", trust.trust.log(), trust.path.display()));
    }
    for (path, found) in sources {
        let told = teller.tell(&path, found)?;
        if args.json {
            items.add(&told);
        } else {
            page.line("");
            told.write(&mut page);
            page.print()?;
        }
    }
    teller.exits.push(teller.heads.exit());
    let exit = Exit::fold(&teller.exits);
    if args.json {
        page::print_json(&items.document(&teller.heads, exit, &trust))?;
    } else {
        teller.heads.write(&mut page);
        page.print()?;
    }
    Ok(exit)
}

fn untold(mirror: &Path) -> Failure {
    let why = "a mirror has no records to tell of; `provlog audit` tells what is wrong with it";
    Failure::Usage(format!("{}: {why}", mirror.display()))
}

/// Verifies, and tells what it comes to.
struct Teller<'a> {
    trust: &'a TrustFile,
    evidence: EvidenceVerifier<'a>,
    verifier: ReceiptVerifier<'a>,
    heads: Heads,
    exits: Vec<Exit>,
}

impl Teller<'_> {
    fn tell(&mut self, path: &Path, found: Verifiable) -> Result<Explained, Failure> {
        Ok(match found {
            Verifiable::Receipt => self.receipt(path, receipt::read(path)),
            Verifiable::Standard(bytes) => self.receipt(path, bytes),
            Verifiable::Package => self.package(|believing, seen| judge(path, believing, seen)),
            Verifiable::Archive(file) => {
                self.package(|believing, seen| judge_archive(path, file, believing, seen))
            }
            Verifiable::Mirror => return Err(untold(path)),
        })
    }

    fn receipt(&mut self, path: &Path, bytes: Result<Vec<u8>, ReadError>) -> Explained {
        let outcome = Outcome::of_receipt(bytes, &[], self.evidence, &mut self.verifier);
        let judged = Judged::new(path.display().to_string(), outcome, &Requirements::default());
        judged.add_to(&mut self.heads);
        self.exits.push(judged.exit());
        let story = match &judged.outcome {
            Outcome::Verified(verdict) => self.story(verdict.report()),
            Outcome::Refused(_) | Outcome::Unreadable(_) => None,
        };
        Explained::Receipt { judged: Box::new(judged), story: story.map(Box::new) }
    }

    /// None: the record is of a version that isn't known.
    fn story(&self, report: &ReceiptReport) -> Option<Story> {
        let record = report.record.as_ref()?;
        // What is required decides of the verdict; how it was shown is told as it is.
        let evidence = EvidenceVerifier { require_bound: false, ..self.evidence };
        let evidence = evidence.checks(Some(record), &report.checkpoint.origin);
        let (index, checks, is_in_package) = (report.index, report.checks.as_slice(), false);
        Some(Story::of(&ProvenEntry { index, record, evidence: &evidence, checks, is_in_package }))
    }

    fn package(&mut self, judge: impl FnOnce(Believing<'_>, &Overview<'_>) -> JudgedPackage) -> Explained {
        let trust = &self.trust.trust;
        let overview = Overview::new(self.evidence, trust.log().name());
        let judged = judge(Believing { trust, evidence: self.evidence }, &overview);
        judged.add_to(&mut self.heads);
        self.exits.push(judged.outcome.exit());
        let story = PackageStory::of(&judged, overview.into_seen(), self.evidence);
        Explained::Package { judged: Box::new(judged), story: Box::new(story) }
    }
}

/// What was verified, and what there is to tell of it.
enum Explained {
    Receipt {
        judged: Box<Judged>,
        /// Of one that is verified.
        story: Option<Box<Story>>,
    },
    Package {
        judged: Box<JudgedPackage>,
        story: Box<PackageStory>,
    },
}

impl Explained {
    fn write(&self, page: &mut Page) {
        match self {
            Self::Receipt { judged, story } => {
                write_outcome(page, &judged.source, &judged.outcome);
                match (story, judged.outcome.report()) {
                    (Some(story), Ok(report)) => {
                        let origin = &report.checkpoint.origin;
                        page.line(&format!(
                            "entry {} of {origin}, leaf hash {}",
                            report.index, report.leaf_hash
                        ));
                        story.write(page);
                    }
                    (None, Ok(report)) => {
                        if let Some(record) = &report.record {
                            write_unverified(page, &unverified(report.index, record));
                        }
                    }
                    (_, Err(_)) => {}
                }
            }
            Self::Package { judged, story } => {
                write_outcome(page, &judged.source, &judged.outcome);
                story.write(page);
            }
        }
    }
}

/// What refuses comes first, then the verdict. Nothing else is listed: `verify` does.
fn write_outcome<R: Report>(page: &mut Page, source: &str, outcome: &Outcome<R>) {
    page.line(source);
    match outcome.report() {
        Ok(report) => {
            let worth_a_look = |status: Status| status.refuses() || status == Status::Warn;
            let checks = report.checks().iter().filter(|check| worth_a_look(check.status));
            checks.for_each(|check| page.marked(check.status, &check_text(check)));
        }
        Err(problem) => page.marked(Status::Fail, &format!("format: {problem}")),
    }
    let (colour, more) = match outcome {
        Outcome::Verified(_) => (Colour::Green, "; `provlog verify` lists every check"),
        Outcome::Refused(_) | Outcome::Unreadable(_) => (Colour::Red, ""),
    };
    page.coloured(colour, &format!("verdict: {}", outcome.verdict()), more);
}

/// What was told, each as JSON.
#[derive(Default)]
struct Explanations {
    receipts: Vec<Json>,
    packages: Vec<Json>,
}

impl Explanations {
    fn add(&mut self, told: &Explained) {
        match told {
            Explained::Receipt { judged, story } => {
                let mut members = outcome_json(&judged.source, judged.exit(), &judged.outcome);
                match (story, judged.outcome.report()) {
                    (Some(story), _) => members.push(member("story", story.to_json())),
                    (None, Ok(ReceiptReport { index, record: Some(record), .. })) => {
                        members.push(member("unverified", says(*index, record)));
                    }
                    (None, _) => {}
                }
                self.receipts.push(Json::Object(members));
            }
            Explained::Package { judged, story } => {
                let mut members = outcome_json(&judged.source, judged.outcome.exit(), &judged.outcome);
                members.extend(story.to_json());
                self.packages.push(Json::Object(members));
            }
        }
    }

    fn document(self, heads: &Heads, exit: Exit, trust: &TrustFile) -> Json {
        let mut members = vec![
            member("schema_version", Json::Integer(SCHEMA_VERSION)),
            member("exit", Json::Integer(exit.code().into())),
            member("trust", trust_json(trust)),
            member("receipts", Json::Array(self.receipts)),
            member("packages", Json::Array(self.packages)),
        ];
        members.extend(heads.to_json().map(|trees| member("trees", trees)));
        Json::Object(members)
    }
}

fn says(index: u64, record: &provlog_core::Record) -> Json {
    Json::Array(unverified(index, record).into_iter().map(Json::String).collect())
}
