//! `audit`: mirrors a log into a folder, recomputes every hash of its tree from its entries, and compares: with its tiles,
//! with the root that it signed, with the last audited checkpoint, and its records with its entries.
//!
//! Works on every log that serves C2SP tlog-tiles, whatever its entries are. Never believes anything of the log's but a
//! checkpoint signed by the key in the trust file, and never advances over a tree in which anything is wrong.

mod classify;
mod entries;
mod fault;
#[cfg(test)]
mod hostile;
mod judge;
mod kept_sets;
mod mirror;
mod own;
mod recompute;
mod records;
mod repeats;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod turns;
mod walk;
mod window;
mod workloads;

use crate::log::access::LogArgs;
use crate::proof::evidence::KeyArgs;
use crate::proof::head::Head;
use crate::proof::tiles::CHECKPOINT;
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use clap::{Args, ValueEnum};
use fault::{Fault, Faults};
use judge::{Relation, judge, relation};
use kept_sets::KeptSets;
use mirror::{Last, Mirror};
use provlog_core::checkpoint::Checkpoint;
use provlog_core::limits::NOTE_BYTES_MAX;
use provlog_core::trust::Trust;
use provlog_evidence::believed::Believed;
use records::Compared;
use repeats::Repeats;
use report::{Records, Report};
use source::{Directory, Http, Source, fetch};
use std::path::PathBuf;
use std::sync::Mutex;
use walk::{Walk, Walked};
use workloads::Workloads;

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The folder to mirror the log into: an earlier audit's, or an empty one; it is made if it isn't there
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Read the log from this folder, in the layout of C2SP tlog-tiles, instead of a URL
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Only what came since the last audit in the folder [default when there is one]
    #[arg(long, conflicts_with = "full")]
    since: bool,
    /// Fetch and recompute all of the log again, and compare it with what the folder has
    #[arg(long)]
    full: bool,
    /// Compare records with their entries
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_value = "served", default_missing_value = "always")]
    records: When,
    #[command(flatten)]
    keys: KeyArgs,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    log: LogArgs,
}

/// When records are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum When {
    /// If the log serves them
    Served,
    /// The audit is incomplete if the log serves none
    Always,
    /// Not at all
    Never,
}

pub(crate) fn run(args: &AuditArgs) -> Result<Exit, Failure> {
    let log = args.log.open()?;
    let trust = &log.trust.trust;
    let source: Box<dyn Source> = match &args.directory {
        Some(directory) => Box::new(Directory(directory.clone())),
        None => Box::new(Http(log.client()?)),
    };
    let believed = args.keys.believed()?;
    let mirror = Mirror::open(&args.folder, args.directory.as_deref())?;
    let before = mirror.last(trust)?;
    if args.since && before.is_none() {
        return Err(Failure::Usage(format!("--since: there is no earlier audit in {}", mirror.name())));
    }
    let newest = newest(source.as_ref(), trust)?;
    let mut audit = Audit::new(source.as_ref(), &mirror, &believed, before, newest);
    audit.report.keys_given = args.keys.are_given();
    let report = audit.run(args.full, args.records)?;
    report.print(args.json)?;
    Ok(report.exit())
}

/// The newest checkpoint, which the trust file must believe: before that nothing else is asked for.
fn newest(source: &dyn Source, trust: &Trust) -> Result<Head, Failure> {
    let what = format!("{}/{CHECKPOINT}", source.name());
    let note = source.get(CHECKPOINT, NOTE_BYTES_MAX)?;
    let note = note.ok_or_else(|| Failure::NotFound(format!("{what}: there is no checkpoint")))?;
    Head::verified(what, &note, trust)
}

struct Audit<'a> {
    source: &'a dyn Source,
    mirror: &'a Mirror,
    /// Whose signatures count, of what workloads have as evidence.
    believed: &'a Believed,
    before: Option<Last>,
    newest: Head,
    report: Report,
}

impl<'a> Audit<'a> {
    fn new(
        source: &'a dyn Source,
        mirror: &'a Mirror,
        believed: &'a Believed,
        before: Option<Last>,
        newest: Head,
    ) -> Self {
        let report = Report {
            source: source.name(),
            mirror: mirror.name(),
            previous: before.as_ref().map(|before| before.head.checkpoint.clone()),
            extends: false,
            recomputed: None,
            records: Records::Skipped,
            workloads: None,
            keys_given: false,
            faults: Vec::new(),
            unlisted: 0,
            more_of_workloads: 0,
            evidence: Vec::new(),
            checkpoint: newest.checkpoint.clone(),
        };
        Self { source, mirror, believed, before, newest, report }
    }

    fn run(mut self, full: bool, when: When) -> Result<Report, Failure> {
        let standing = self.standing()?;
        match standing {
            Standing::Behind => {
                let from = self.before.as_ref().map_or(0, |before| before.head.checkpoint.size);
                self.report.faults.push(Fault::WentBack { from, to: self.newest.checkpoint.size });
                self.keep_both()?;
                return Ok(self.report);
            }
            Standing::Forked => {
                self.forked()?;
                return Ok(self.report);
            }
            Standing::Unproven | Standing::Same | Standing::First | Standing::Extends => {}
        }
        self.report.extends = matches!(standing, Standing::Same | Standing::Extends);
        let afresh = full || standing == Standing::Unproven;
        let last = if standing == Standing::Same && !afresh {
            self.report.recomputed = Some(0);
            self.before.clone()
        } else {
            self.recompute(afresh)?
        };
        if let Some(last) = last {
            self.compare_records(last, when)?;
        }
        Ok(self.report)
    }

    /// How the newest checkpoint stands to the last audited one.
    fn standing(&self) -> Result<Standing, Failure> {
        let Some(before) = &self.before else { return Ok(Standing::First) };
        let (old, new) = (&before.head.checkpoint, &self.newest.checkpoint);
        if new.size == old.size {
            return Ok(if new.root == old.root { Standing::Same } else { Standing::Forked });
        }
        Ok(if new.size > old.size {
            match relation(&|resource| fetch(self.source, resource), old, new)? {
                Relation::Extends => Standing::Extends,
                Relation::Fork => Standing::Forked,
                Relation::Unproven => Standing::Unproven,
            }
        } else {
            // The mirror has all of the larger tree.
            match relation(&|resource| self.mirror.get(resource), new, old)? {
                Relation::Fork => Standing::Forked,
                Relation::Extends | Relation::Unproven => Standing::Behind,
            }
        })
    }

    /// Recomputes the tree and names what is wrong with it; where nothing is, this becomes the last audit.
    fn recompute(&mut self, afresh: bool) -> Result<Option<Last>, Failure> {
        let size = self.newest.checkpoint.size;
        let walk = Walk { source: self.source, mirror: self.mirror, size, afresh, large: Mutex::default() };
        let old = self.before.as_ref().map(|before| before.head.checkpoint.clone());
        let from = self.before.as_ref().filter(|_| !afresh);
        let walked = walk.run(from, old.as_ref().map(|old| old.size))?;
        self.report.recomputed = Some(size - from.map_or(0, |from| from.head.checkpoint.size));
        self.report.faults = judge(&|resource| self.mirror.get(resource), &walked, &self.newest.checkpoint)?;
        self.report.unlisted = walked.more;
        let Walked { edge, old_root, .. } = walked;
        if !self.report.faults.is_empty() {
            if self.report.faults.iter().any(|fault| matches!(fault, Fault::Root { .. })) {
                self.keep_both()?;
            }
            return Ok(None);
        }
        // All of it leads to the signed root: if what was signed before isn't the front of it, that is a fork.
        if old.as_ref().is_some_and(|old| old_root != Some(old.root)) {
            self.forked()?;
            return Ok(None);
        }
        self.report.extends = old.is_some();
        let known = self.before.as_ref().filter(|_| !afresh);
        let (records, trust_records, workloads_from) = known.map_or((0, Some(0), None), |before| {
            (before.records, before.trust_records, before.workloads_from)
        });
        let last = Last { head: self.newest.clone(), edge, records, trust_records, workloads_from };
        self.mirror.advance(&last, self.before.as_ref())?;
        Ok(Some(last))
    }

    fn compare_records(&mut self, last: Last, when: When) -> Result<(), Failure> {
        if when == When::Never {
            return Ok(());
        }
        let size = self.newest.checkpoint.size;
        let new = size.saturating_sub(last.records);
        let served_before = self.before.as_ref().is_some_and(|before| before.records > 0);
        // Where none is new, one shows whether they are still served.
        let start = if new == 0 && served_before { size.saturating_sub(1) } else { last.records };
        let range = start..size;
        let origin = self.newest.checkpoint.origin.clone();
        let mut workloads = Workloads::new(self.believed, &origin, range.clone());
        let kept = if range.start == 0 { Some(0) } else { last.trust_records };
        if let Some(kept) = kept.filter(|_| new > 0) {
            workloads.fold_sets(self.mirror, size, kept)?;
        }
        let compared = records::compare(self.source, self.mirror, &range, size, &mut workloads)?;
        let shows_nothing = match &compared {
            Compared::NotServed => true,
            Compared::Read(faults) => !faults.is_empty() && !faults.iter().any(Fault::accuses),
            Compared::Stopped(_) => false,
        };
        if let Some(before) =
            self.before.as_ref().filter(|before| shows_nothing && before.records > last.records)
        {
            // What was compared before an audit of everything stays known: the next one must miss it, too.
            let Last { records, trust_records, workloads_from, .. } = *before;
            let known = Last { records, trust_records, workloads_from, ..last.clone() };
            self.mirror.advance(&known, Some(&known))?;
        }
        match compared {
            Compared::NotServed if when == When::Always => self.report.records = Records::Demanded,
            Compared::NotServed if served_before => self.report.records = Records::Withdrawn,
            Compared::NotServed => self.report.records = Records::NotServed,
            Compared::Stopped(faults) => {
                self.report.records = Records::Stopped;
                self.report.faults = faults;
            }
            Compared::Read(faults) => {
                self.report.records = Records::Compared(new);
                self.report.faults = faults;
                let from = last.workloads_from.unwrap_or(range.start).min(range.start);
                let sets = if new > 0 { self.look_at_workloads(workloads, from)? } else { None };
                if self.report.faults.is_empty() {
                    let trust_records =
                        if new > 0 { sets.map(KeptSets::keep).transpose()? } else { last.trust_records };
                    let workloads_from = if new > 0 { Some(from) } else { last.workloads_from };
                    let complete = Last { records: size, trust_records, workloads_from, ..last };
                    self.mirror.advance(&complete, Some(&complete))?;
                }
            }
        }
        Ok(())
    }

    /// What the records that were read say of workloads, of which all from `from` on have been looked at now; gives the log's
    /// sets, where they are known.
    fn look_at_workloads(
        &mut self,
        workloads: Workloads<'_>,
        from: u64,
    ) -> Result<Option<KeptSets>, Failure> {
        let mut repeats = Repeats::find(self.mirror, workloads.range(), workloads.covered())?;
        repeats.look_before(self.source, self.mirror, workloads.range().end, workloads.reader())?;
        let (mut found, faults, sets) = workloads.finish(self.report.faults.is_empty());
        (found.repeated, found.repeats, found.unseen) = (repeats.count, repeats.first, repeats.unseen);
        found.looked_at_from = from;
        for Faults { kept, more } in faults.into_iter().chain([repeats.faults]) {
            self.report.faults.extend(kept);
            self.report.more_of_workloads += more;
        }
        self.report.workloads = Some(found);
        Ok(sets)
    }

    fn forked(&mut self) -> Result<(), Failure> {
        let Some(old) = self.before.as_ref().map(|before| &before.head.checkpoint) else { return Ok(()) };
        let Checkpoint { size, root, .. } = self.newest.checkpoint;
        self.report.faults.push(Fault::Fork { old_size: old.size, old_root: old.root, size, root });
        self.report.extends = false;
        self.keep_both()
    }

    /// Keeps the newest checkpoint, and the last audited one if there is one.
    fn keep_both(&mut self) -> Result<(), Failure> {
        if let Some(before) = &self.before {
            self.report.evidence.push(self.mirror.keep(&before.head)?);
        }
        self.report.evidence.push(self.mirror.keep(&self.newest)?);
        Ok(())
    }
}

/// How the newest checkpoint stands to the last audited one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// There is no last one.
    First,
    /// It is the last one.
    Same,
    /// Proven to extend it.
    Extends,
    /// Proven not to.
    Forked,
    /// Smaller, and not proven to be of another history.
    Behind,
    /// The log's tiles prove nothing: recomputing all of it will.
    Unproven,
}
