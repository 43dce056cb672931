//! `verify`: does this receipt hold, and is it about this artifact, commit or prompt?
//!
//! Offline, always: it reads files, asks `git` what a revision is called, and never opens a socket. The trust file is
//! the only thing that it believes.

use super::export::report::PageMaker;
use crate::crosswalk;
use crate::crosswalk::load::Crosswalk;
use crate::local::files::ReadError;
use crate::local::in_order::InOrder;
use crate::local::settings::{TrustArgs, TrustFile};
use crate::local::{digest, git};
use crate::proof::believed;
use crate::proof::evidence::BelievedArgs;
use crate::proof::heads::Heads;
use crate::proof::markdown;
use crate::proof::mirror::JudgedMirror;
use crate::proof::package::{self, Believing, JudgedPackage};
use crate::proof::receipt::{self, SCHEMA_VERSION, member, trust_json};
use crate::proof::report::{Judged, Named, Outcome, Requirements};
use crate::proof::sources::{self, Verifiable};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::{self, Page};
use clap::Args;
use provlog_core::cbor::Map;
use provlog_core::expectation::Expectation;
use provlog_core::json::Json;
use provlog_core::verify::ReceiptVerifier;
use provlog_evidence::verify::EvidenceVerifier;
use std::path::{Path, PathBuf};
use std::thread;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Receipts, packages of `provlog export`, and folders whose *.tlog-proof files and package folders are all verified; -
    /// is standard input. With folders of `provlog audit` all are compared
    #[arg(required = true, value_name = "RECEIPT|FOLDER|PACKAGE|MIRROR")]
    receipts: Vec<PathBuf>,
    #[command(flatten)]
    subject: SubjectArgs,
    #[command(flatten)]
    requirements: Requirements,
    #[command(flatten)]
    evidence: BelievedArgs,
    /// The prompt, whose digest must be in prompt_hash
    #[arg(long, value_name = "FILE")]
    prompt_file: Option<PathBuf>,
    /// A value that a claim must have, such as submitted.model.name=m-1 or submitted.authors.0.id=alice
    #[arg(long = "expect", value_name = "SECTION.CLAIM.PATH=VALUE")]
    expectations: Vec<Expectation>,
    /// Crosswalk files that a package's page was made with, beside the built-in ones
    #[arg(long, value_name = "FILE")]
    crosswalk: Vec<PathBuf>,
    /// Print JSON, as docs/schema/verdict.json describes it
    #[arg(long)]
    json: bool,
    /// Print Markdown, for the page of a CI job: a table of the checks, and the claims by name, without their values
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

/// What the receipt must be about.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct SubjectArgs {
    /// This file must be a subject; it is hashed here
    #[arg(long, value_name = "FILE")]
    artifact: Option<PathBuf>,
    /// A subject must have this digest; with several algorithms, all that it has too
    #[arg(long, value_name = "ALGORITHM:HEX", value_parser = digest::map_of)]
    digest: Option<Map>,
    /// This git commit must be a subject; a tag counts as the commit that it is of. A full hash needs no repository
    #[arg(long, value_name = "REVISION")]
    commit: Option<String>,
}

impl SubjectArgs {
    fn expectation(&self) -> Result<Option<Expectation>, Failure> {
        let digest = if let Some(path) = &self.artifact {
            digest::every_digest(path)?
        } else if let Some(digest) = &self.digest {
            digest.clone()
        } else if let Some(revision) = &self.commit {
            let commit = git::commit(revision)?;
            if let Some(why) = &commit.unchecked {
                page::say(&git::not_checked(&commit.id, why));
            }
            digest::map_of(&format!("gitCommit:{}", commit.id))?
        } else {
            return Ok(None);
        };
        Ok(Some(Expectation::Subject(digest)))
    }
}

pub(crate) fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    let expectations = expectations(args)?;
    let sources = sources::named(&args.receipts)?;
    let trust = believed::open(&args.trust, &sources)?;
    let sources = sources::taken(sources);
    let package =
        sources.iter().find(|(_, found)| matches!(found, Verifiable::Archive(_) | Verifiable::Package));
    let expects = !expectations.is_empty() || args.requirements != Requirements::default();
    if let (Some((path, _)), true) = (package, expects) {
        let why = "what is expected is expected of receipts; a package has many entries";
        return Err(Failure::Usage(format!("{}: {why}", path.display())));
    }
    let believed = args.evidence.believed()?;
    let evidence = EvidenceVerifier { believed: &believed, require_bound: args.evidence.require_bound };
    let crosswalk = crosswalk::load(&args.crosswalk)?;
    let judge = Judge { trust: &trust, expectations: &expectations, evidence, args, crosswalk: &crosswalk };
    let receipts = sources.iter().filter(|(_, found)| matches!(found, Verifiable::Receipt));
    let receipts: Vec<PathBuf> = receipts.map(|(path, _)| path.clone()).collect();
    thread::scope(|scope| {
        let worker = || {
            let mut verifier = ReceiptVerifier::new(&trust.trust);
            let judge = &judge;
            move |path: &PathBuf| judge.receipt(path, receipt::read(path), &mut verifier)
        };
        // One receipt alone is not worth a thread. What isn't a receipt waits for its turn: it has threads of its own.
        let mut ahead = (receipts.len() > 1).then(|| InOrder::start(scope, &receipts, worker));
        let mut alone = worker();
        let judged = sources.into_iter().map(|(path, found)| match found {
            Verifiable::Archive(file) => {
                AnyJudged::Package(package::judge_archive(&path, file, judge.believing(), &judge.onlooker()))
            }
            Verifiable::Package => {
                AnyJudged::Package(package::judge(&path, judge.believing(), &judge.onlooker()))
            }
            Verifiable::Mirror => AnyJudged::Mirror(JudgedMirror::judge(&path, &trust.trust)),
            Verifiable::Standard(bytes) => {
                AnyJudged::Receipt(judge.receipt(&path, bytes, &mut ReceiptVerifier::new(&trust.trust)))
            }
            // A thread that ended early met a bug, which this one then meets as well.
            Verifiable::Receipt => {
                let judged = ahead.as_mut().and_then(Iterator::next);
                AnyJudged::Receipt(judged.unwrap_or_else(|| alone(&path)))
            }
        });
        if !args.json && !args.markdown {
            return print_text(judged, &trust);
        }
        let (document, exit) = document_of(judged, &trust)?;
        if args.json {
            page::print_json(&document)?;
        } else {
            page::print(markdown::tables(&document).as_bytes())?;
        }
        Ok(exit)
    })
}

/// Something that was verified, and what came of it.
enum AnyJudged {
    Receipt(Judged),
    Package(JudgedPackage),
    Mirror(JudgedMirror),
}

impl AnyJudged {
    fn exit(&self) -> Exit {
        match self {
            Self::Receipt(judged) => judged.exit(),
            Self::Package(judged) => judged.outcome.exit(),
            Self::Mirror(judged) => judged.outcome().exit(),
        }
    }

    fn add_to(&self, heads: &mut Heads) {
        match self {
            Self::Receipt(judged) => judged.add_to(heads),
            Self::Package(judged) => judged.add_to(heads),
            Self::Mirror(judged) => judged.add_to(heads),
        }
    }

    fn write(&self, page: &mut Page) {
        match self {
            Self::Receipt(judged) => judged.write(page),
            Self::Package(judged) => judged.write(page),
            Self::Mirror(judged) => judged.write(page),
        }
    }
}

fn expectations(args: &VerifyArgs) -> Result<Vec<Expectation>, Failure> {
    let mut expectations: Vec<Expectation> = args.subject.expectation()?.into_iter().collect();
    if let Some(path) = &args.prompt_file {
        expectations.push(Expectation::Prompt(digest::every_digest(path)?));
    }
    expectations.extend(args.expectations.iter().cloned());
    Ok(expectations)
}

/// What everything that is verified is held against.
struct Judge<'a> {
    trust: &'a TrustFile,
    expectations: &'a [Expectation],
    evidence: EvidenceVerifier<'a>,
    args: &'a VerifyArgs,
    crosswalk: &'a Crosswalk,
}

impl<'a> Judge<'a> {
    /// Verifies a receipt that was read from `source`.
    fn receipt(
        &self,
        source: &Path,
        bytes: Result<Vec<u8>, ReadError>,
        verifier: &mut ReceiptVerifier<'_>,
    ) -> Judged {
        let outcome = Outcome::of_receipt(bytes, self.expectations, self.evidence, verifier);
        let judged = Judged::new(source.display().to_string(), outcome, &self.args.requirements);
        Judged { named: self.named(), ..judged }
    }

    /// What packages are held against.
    const fn believing(&self) -> Believing<'a> {
        Believing { trust: &self.trust.trust, evidence: self.evidence }
    }

    /// Who makes a package's page again.
    fn onlooker(&self) -> PageMaker<'a> {
        PageMaker::new(self.crosswalk, self.trust.trust.log().name())
    }

    /// What was named on the command line to be compared.
    fn named(&self) -> Vec<Named> {
        let subject = &self.args.subject;
        let artifact = subject.artifact.as_ref().map(|path| path.display().to_string());
        let what = artifact.or_else(|| subject.commit.as_ref().map(|revision| format!("commit {revision}")));
        let prompt = self.args.prompt_file.as_ref().map(|path| path.display().to_string());
        let named = [("subject", what), ("prompt", prompt)];
        named.into_iter().filter_map(|(check, what)| Some(Named { check, what: what? })).collect()
    }
}

fn print_text(judged: impl Iterator<Item = AnyJudged>, trust: &TrustFile) -> Result<Exit, Failure> {
    let mut page = Page::new();
    page.line(&format!("trusting {} as {} says", trust.trust.log(), trust.path.display()));
    let (mut exits, mut heads, mut mirrors) = (Vec::new(), Heads::default(), Vec::new());
    for judged in judged {
        page.line("");
        judged.write(&mut page);
        page.print()?;
        exits.push(judged.exit());
        judged.add_to(&mut heads);
        if let AnyJudged::Mirror(mirror) = judged {
            mirrors.push(mirror);
        }
    }
    mirrors.iter().try_for_each(|mirror| mirror.compare(&mut heads))?;
    if exits.len() > 1 {
        let verified = exits.iter().filter(|exit| **exit == Exit::Ok).count();
        page.line("");
        page.line(&format!("{verified} of {} verified, each for itself", exits.len()));
    }
    heads.write(&mut page);
    page.print()?;
    exits.push(heads.exit());
    Ok(Exit::fold(&exits))
}

/// All of it as one document, and the exit code over it.
fn document_of(judged: impl Iterator<Item = AnyJudged>, trust: &TrustFile) -> Result<(Json, Exit), Failure> {
    let (mut exits, mut heads, mut mirrors) = (Vec::new(), Heads::default(), Vec::new());
    let mut items = Items::default();
    for judged in judged {
        exits.push(judged.exit());
        judged.add_to(&mut heads);
        match judged {
            AnyJudged::Receipt(judged) => items.receipts.push(judged.to_json()),
            AnyJudged::Package(judged) => items.packages.push(judged.to_json()),
            AnyJudged::Mirror(judged) => {
                items.mirrors.push(judged.to_json());
                mirrors.push(judged);
            }
        }
    }
    mirrors.iter().try_for_each(|mirror| mirror.compare(&mut heads))?;
    exits.push(heads.exit());
    let exit = Exit::fold(&exits);
    Ok((document(items, &heads, exit, trust), exit))
}

/// What was verified, each as JSON.
#[derive(Default)]
pub(crate) struct Items {
    pub(crate) receipts: Vec<Json>,
    pub(crate) packages: Vec<Json>,
    pub(crate) mirrors: Vec<Json>,
}

/// What `--json` prints.
pub(crate) fn document(items: Items, heads: &Heads, exit: Exit, trust: &TrustFile) -> Json {
    let mut members = vec![
        member("schema_version", Json::Integer(SCHEMA_VERSION)),
        member("exit", Json::Integer(exit.code().into())),
        member("trust", trust_json(trust)),
        member("receipts", Json::Array(items.receipts)),
    ];
    for (name, items) in [("packages", items.packages), ("mirrors", items.mirrors)] {
        if !items.is_empty() {
            members.push(member(name, Json::Array(items)));
        }
    }
    members.extend(heads.to_json().map(|trees| member("trees", trees)));
    Json::Object(members)
}
