//! `export`: entries with one proof, as a package that is verified without us (`SPEC.md` section 11).
//!
//! Nothing the log answers is believed: records are checked against their entries, and their entries against the signed
//! checkpoint, before there is a package. It is written whole or not at all.

mod fetch;
mod follow;
mod hiding;
mod lanes;
mod output;
mod profile;
mod received;
pub(crate) mod report;
mod tiles;

use crate::crosswalk;
use crate::local::{digest, time};
use crate::log::access::{LogArgs, fetch_proof, newest};
use crate::log::client::Client;
use crate::proof::head::{Head as Believed, compare};
use crate::proof::package::TOOL;
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page;
use clap::Args;
use fetch::RecordQuery;
use follow::Follower;
use hiding::Hiding;
use lanes::Entries;
use output::Output;
use profile::Profile;
use provlog_core::cbor::Map;
use provlog_core::claims::{KINDS, kind_named};
use provlog_core::limits::INTEGER_MAX;
use provlog_core::package::{
    CHECKPOINT, CONSISTENCY, Filters, Head, LeftOut, Manifest, PREVIOUS_CHECKPOINT, PROOF, Version,
};
use provlog_core::path::ClaimName;
use provlog_core::redact::Redaction;
use provlog_core::tree::{multiproof_each, root_from_multiproof};
use provlog_core::{Hash, Kind};
use std::ops::Range;
use std::path::PathBuf;

/// Arguments that select entries otherwise than by a range of indices. The manifest says one or the other.
const FILTERS: [&str; 5] = ["from", "to", "kind", "subject", "environment"];

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The package: a new folder, or a file whose name ends in .zip
    #[arg(short, long, value_name = "FOLDER|FILE.zip")]
    output: PathBuf,
    /// Index of the first entry; a range of indices is a package of its own, and goes with no filter
    #[arg(long, value_name = "INDEX", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=INTEGER_MAX),
        conflicts_with_all = FILTERS)]
    start: u64,
    /// Index after the last entry [default: the log's size]
    #[arg(long, value_name = "INDEX", value_parser = clap::value_parser!(u64).range(1..=INTEGER_MAX),
        conflicts_with_all = FILTERS)]
    end: Option<u64>,
    /// The package of this entry: with what it names, such as approvals and keys, and what these name
    #[arg(long, value_name = "INDEX", value_parser = clap::value_parser!(u64).range(..=INTEGER_MAX),
        conflicts_with_all = FILTERS, conflicts_with_all = ["start", "end"])]
    entry: Option<u64>,
    /// Only entries logged at this time or later
    #[arg(long, value_name = "DATE|TIME|MS", value_parser = time::parse_ms)]
    from: Option<u64>,
    /// Only entries logged before this time
    #[arg(long, value_name = "DATE|TIME|MS", value_parser = time::parse_ms)]
    to: Option<u64>,
    /// Only entries of this kind
    #[arg(long, value_parser = parse_kind)]
    kind: Option<Kind>,
    /// Only entries about a subject with this digest
    #[arg(long, value_name = "ALGORITHM:HEX", value_parser = digest::map_of)]
    subject: Option<Map>,
    /// Only entries of this environment
    #[arg(long)]
    environment: Option<String>,
    /// An earlier checkpoint, such as the last package's: the new tree is proven to extend it
    #[arg(long, value_name = "CHECKPOINT")]
    previous: Option<PathBuf>,
    /// Crosswalk files of your own for the page's tables of controls, beside the built-in ones
    #[arg(long, value_name = "FILE")]
    crosswalk: Vec<PathBuf>,
    #[command(flatten)]
    hiding: HidingArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct HidingArgs {
    /// Hide this claim wherever it is
    #[arg(long, value_name = "SECTION.CLAIM")]
    hide: Vec<ClaimName>,
    /// Hide every claim but those named so
    #[arg(long, value_name = "SECTION.CLAIM")]
    keep: Vec<ClaimName>,
    /// Hide what this profile hides: regulator, public, or a file whose name ends in .toml
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

impl HidingArgs {
    fn hiding(&self) -> Result<Hiding, Failure> {
        Ok(match &self.profile {
            Some(profile) => {
                let profile = Profile::load(profile)?;
                page::say(&format!("redaction profile {}: {}", profile.name(), profile.about()));
                Hiding::Profile(profile)
            }
            None if !self.hide.is_empty() => Hiding::Named(Redaction::Hide(self.hide.clone())),
            None if !self.keep.is_empty() => Hiding::Named(Redaction::Keep(self.keep.clone())),
            None => Hiding::Nothing,
        })
    }
}

pub(crate) fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    let log = args.log.open()?;
    let hiding = args.hiding.hiding()?;
    let crosswalk = crosswalk::load(&args.crosswalk)?;
    let mut output = Output::create(&args.output)?;
    let client = log.client()?;
    let head = newest(&client, &log.trust.trust)?;
    output.write(CHECKPOINT, head.note.as_bytes())?;
    let previous = args.previous.as_deref().map(|path| Believed::read(path, &log.trust.trust)).transpose()?;
    if let Some(previous) = &previous {
        write_consistency(&client, previous, &head, &mut output)?;
    }

    let size = head.checkpoint.size;
    let filters = Filters {
        kind: args.kind,
        from_ms: args.from,
        to_ms: args.to,
        subject: args.subject.clone(),
        environment: args.environment.clone(),
        entry: args.entry,
        unknown: Vec::new(),
    };
    let range = range(args, size)?;
    let query = RecordQuery {
        client: &client,
        range,
        filters: &filters,
        hiding: &hiding,
        crosswalk: &crosswalk,
        origin: &head.checkpoint.origin,
    };
    let (entries, said, left_out) = match args.entry {
        None => {
            let (entries, said) = query.fetch(&mut output)?;
            (entries, said, None)
        }
        Some(entry) => {
            let follower = Follower { client: &client, hiding: &hiding, origin: query.origin };
            let followed = follower.follow(entry)?;
            followed.say(entry, &hiding);
            let (entries, said) = query.take(&followed.records, &mut output)?;
            (entries, said, Some(LeftOut::of(&followed.left_out)))
        }
    };
    write_proof(&client, &entries, &head, &mut output)?;

    let mut manifest = Manifest {
        version: Version::V2,
        tool: TOOL.into(),
        created_ms: time::now_ms().unwrap_or_default(),
        origin: head.checkpoint.origin.clone(),
        checkpoint: Head { size, root: head.checkpoint.root },
        previous: previous.map(|head| Head { size: head.checkpoint.size, root: head.checkpoint.root }),
        range: claimed_range(&query, &entries)?,
        filters: filters.clone(),
        count: entries.count(),
        left_out,
        redaction: hiding.rule(),
        files: output.files(),
    };
    report::write(&mut output, &manifest, &log.trust, said.summary, said.evidence)?;
    manifest.files = output.files();
    output.finish(&manifest)?;
    page::print(format!("{}\n", args.output.display()).as_bytes())?;
    Ok(Exit::Ok)
}

fn range(args: &ExportArgs, size: u64) -> Result<Range<u64>, Failure> {
    if let Some(entry) = args.entry.filter(|entry| *entry >= size) {
        return Err(Failure::NotFound(format!("--entry {entry}: the log holds {size} entries")));
    }
    let end = args.end.unwrap_or(size);
    if end > size {
        return Err(Failure::NotFound(format!("--end {end}: the log holds {size} entries")));
    }
    if args.start >= end {
        return Err(Failure::Usage(format!("--start {}: expected an index below {end}", args.start)));
    }
    Ok(args.start..end)
}

/// The range that the package claims to hold all of: none for a selection, or for an entry and what it names.
fn claimed_range(query: &RecordQuery<'_>, entries: &Entries) -> Result<Option<Range<u64>>, Failure> {
    if query.filters.select() || query.filters.entry.is_some() {
        return Ok(None);
    }
    let (Some(first), Some(last)) = (entries.indices.first(), entries.indices.last()) else {
        return Ok(None);
    };
    let range = *first..*last + 1;
    let timed = query.filters.from_ms.is_some() || query.filters.to_ms.is_some();
    let whole = range.end - range.start == entries.count();
    if whole && (timed || range == query.range) {
        return Ok(Some(range));
    }
    Err(Failure::NotProven(format!(
        "the log left entries out: expected all from {} to {}, got {} from {first} to {last}",
        query.range.start,
        query.range.end - 1,
        entries.count()
    )))
}

fn write_consistency(
    client: &Client,
    previous: &Believed,
    head: &Believed,
    output: &mut Output,
) -> Result<(), Failure> {
    let (old, new) = (&previous.checkpoint, &head.checkpoint);
    if old.size > new.size {
        let sizes = format!("{} entries, and the log has {}", old.size, new.size);
        return Err(Failure::Usage(format!("{}: it is later than the log's own: {sizes}", previous.source)));
    }
    let proof = if old.size == new.size { Vec::new() } else { fetch_proof(client, old, new)? };
    compare(previous, head, &proof)?;
    output.write(PREVIOUS_CHECKPOINT, previous.note.as_bytes())?;
    let bytes = Hash::concat(&proof);
    output.write(CONSISTENCY, &bytes)
}

/// Writes the proof, and verifies it as it lies there.
fn write_proof(
    client: &Client,
    entries: &Entries,
    head: &Believed,
    output: &mut Output,
) -> Result<(), Failure> {
    let size = head.checkpoint.size;
    let tree = tiles::tree_of(client, &head.checkpoint)?;
    let mut file = output.open(PROOF)?;
    multiproof_each(&tree, &entries.indices, size, &mut |node| file.write(&node.0))?;
    output.close(file)?;

    let leaves = entries.indices.iter().copied().zip(entries.leaves.iter().copied());
    let mut nodes = output.hashes(PROOF)?;
    let root = root_from_multiproof(size, leaves, nodes.by_ref());
    let expected = head.checkpoint.root;
    match root {
        Ok(root) if root == expected => Ok(()),
        Ok(root) => Err(Failure::NotProven(format!(
            "the log's records and tiles are not those of its checkpoint: expected root {expected}, got {root}"
        ))),
        Err(error) => Err(Failure::NotProven(error.to_string())),
    }
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    let names = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    kind_named(text).map(|kind| kind.kind).ok_or_else(|| format!("expected one of {}", names()))
}
