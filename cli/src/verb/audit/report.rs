//! What an audit says, for people and as JSON (`docs/schema/audit.json`).

use super::fault::Fault;
use super::workloads::WorkloadsFound;
use crate::proof::receipt::{SCHEMA_VERSION, checkpoint_json, member, uint_json};
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page::{self, Colour, Page};
use provlog_core::check::Status;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::json::Json;
use std::path::PathBuf;

/// Faults that are listed for people; `--json` has all of them.
const FAULTS_SHOWN_MAX: usize = 100;

/// What came of an audit.
#[derive(Debug)]
pub(super) struct Report {
    /// Where the log was read.
    pub(super) source: String,
    /// The folder.
    pub(super) mirror: String,
    /// The log's newest checkpoint, which the trust file believes.
    pub(super) checkpoint: Checkpoint,
    /// The last audited one.
    pub(super) previous: Option<Checkpoint>,
    /// Whether the newest was proven to extend it.
    pub(super) extends: bool,
    /// Entries whose hashes were recomputed; `None` when it didn't come to that.
    pub(super) recomputed: Option<u64>,
    /// What was done about records.
    pub(super) records: Records,
    /// What records say of workloads, where any were compared.
    pub(super) workloads: Option<WorkloadsFound>,
    /// Whether keys were given to check workloads with.
    pub(super) keys_given: bool,
    pub(super) faults: Vec<Fault>,
    /// Bundles and tiles with differences beyond those that were looked into.
    pub(super) unlisted: u64,
    /// Faults of workloads beyond those that are kept.
    pub(super) more_of_workloads: u64,
    /// Files that prove it.
    pub(super) evidence: Vec<PathBuf>,
}

/// What was done about records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Records {
    /// So many were compared with their entries.
    Compared(u64),
    /// So many didn't match that the rest was not looked at.
    Stopped,
    NotServed,
    /// None are served, though they were at the last audit.
    Withdrawn,
    /// None are served, though they were asked for.
    Demanded,
    /// Nobody asked for it, or the entries are wrong already.
    Skipped,
}

/// What it all comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Conclusion {
    Audited,
    /// Nothing shows anything wrong, but not everything was there to be looked at.
    Incomplete,
    Faulty,
}

impl Conclusion {
    const fn word(self) -> &'static str {
        match self {
            Self::Audited => "audited",
            Self::Incomplete => "incomplete",
            Self::Faulty => "faulty",
        }
    }

    const fn colour(self) -> Colour {
        match self {
            Self::Audited => Colour::Green,
            Self::Incomplete => Colour::Yellow,
            Self::Faulty => Colour::Red,
        }
    }
}

impl Report {
    pub(super) fn exit(&self) -> Exit {
        match self.outcome() {
            Conclusion::Audited => Exit::Ok,
            Conclusion::Incomplete => Exit::NotFound,
            Conclusion::Faulty => Exit::NotProven,
        }
    }

    fn outcome(&self) -> Conclusion {
        let withheld = matches!(self.records, Records::Withdrawn | Records::Demanded);
        if self.faults.iter().any(Fault::accuses) {
            Conclusion::Faulty
        } else if withheld || self.unlisted > 0 || !self.faults.is_empty() {
            Conclusion::Incomplete
        } else {
            Conclusion::Audited
        }
    }

    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return page::print_json(&self.json());
        }
        let mut page = Page::new();
        self.write(&mut page);
        page.print()
    }

    fn write(&self, page: &mut Page) {
        let Checkpoint { origin, size, root } = &self.checkpoint;
        page.marked(
            Status::Pass,
            &format!("checkpoint: {origin}, {size} entries, root {root} ({})", self.source),
        );
        match &self.previous {
            None => page.marked(Status::Skip, "consistency: no earlier audit in this folder"),
            Some(previous) if self.extends => {
                let text = format!("consistency: extends the {} entries of the last audit", previous.size);
                page.marked(Status::Pass, &text);
            }
            Some(previous) => {
                let text =
                    format!("consistency: not proven with the {} entries of the last audit", previous.size);
                page.marked(Status::Fail, &text);
            }
        }
        match (self.recomputed, self.tree_holds()) {
            (None, _) => page.marked(Status::Skip, "tree: not recomputed"),
            (Some(new), true) => {
                page.marked(Status::Pass, &format!("tree: {new} entries recomputed, {size} in all"))
            }
            (Some(new), false) => page.marked(Status::Fail, &format!("tree: {new} entries recomputed")),
        }
        match self.records {
            Records::Compared(count) => {
                let wrong = self.faults.iter().any(Fault::is_of_records);
                let status = if wrong { Status::Fail } else { Status::Pass };
                page.marked(status, &format!("records: {count} compared with their entries"));
            }
            Records::Stopped => {
                page.marked(
                    Status::Fail,
                    "records: given up: too many don't match their entries, or no more were served",
                );
            }
            Records::NotServed => page.marked(Status::Skip, "records: not compared, the log serves none"),
            Records::Withdrawn | Records::Demanded => {
                page.marked(Status::Fail, &format!("records: not compared, {}", self.records.withheld()));
            }
            Records::Skipped => page.marked(Status::Skip, "records: not compared"),
        }
        if let Some(workloads) = &self.workloads {
            let wrong = self.faults.iter().any(Fault::is_of_workloads);
            workloads.write(page, if wrong { Status::Fail } else { Status::Pass });
        } else if self.keys_given {
            let again = if self.records == Records::Compared(0) { "; --full does" } else { "" };
            page.line(&format!("- workloads: none looked at; the keys given were not used{again}"));
        }
        for fault in self.faults.iter().take(FAULTS_SHOWN_MAX) {
            page.marked(Status::Fail, &fault.to_string());
        }
        if let Some(more) = self.faults.len().checked_sub(FAULTS_SHOWN_MAX).filter(|more| *more > 0) {
            page.line(&format!("  and {more} more: --json lists them"));
        }
        if self.unlisted > 0 {
            page.line(&format!(
                "  and {} more bundles and tiles with differences, not looked into",
                self.unlisted
            ));
        }
        if self.more_of_workloads > 0 {
            page.line(&format!("  and {} more of workloads, which are not kept", self.more_of_workloads));
        }
        for path in &self.evidence {
            page.line(&format!("  evidence: {}", path.display()));
        }
        page.coloured(self.outcome().colour(), "verdict:", &format!(" {}", self.verdict()));
    }

    /// Whether nothing is wrong but records, and what they say.
    fn tree_holds(&self) -> bool {
        self.faults.iter().all(|fault| fault.is_of_records() || fault.is_of_workloads())
    }

    /// Where the keys that were given were used from on; none: not at all, or none were given.
    fn keys_used_from(&self) -> Option<u64> {
        self.workloads.as_ref().filter(|_| self.keys_given).map(|found| found.range.start)
    }

    /// What was not looked at, though nothing is wrong, to be said where that is said.
    fn reserved(&self) -> String {
        let mut reserved = String::new();
        match self.keys_used_from() {
            None if self.keys_given => reserved.push_str("; the keys given were not used"),
            Some(start) if start > 0 => {
                reserved.push_str(&format!("; the keys given were used from entry {start} on alone"));
            }
            _ => {}
        }
        if let Some(from) = self.workloads.as_ref().map(|found| found.looked_at_from).filter(|from| *from > 0)
        {
            reserved.push_str(&format!("; workloads before entry {from} never looked at"));
        }
        if let Some(unseen) = self.workloads.as_ref().map(|found| found.unseen).filter(|unseen| *unseen > 0) {
            reserved.push_str(&format!(
                "; {unseen} earlier entries of claims that evidence covers not looked at"
            ));
        }
        if self.workloads.as_ref().is_some_and(|found| found.sets_unknown.is_some()) {
            reserved.push_str("; not all keys were looked for in the log's sets");
        }
        reserved
    }

    /// One line.
    fn verdict(&self) -> String {
        let Checkpoint { origin, size, .. } = &self.checkpoint;
        let (word, reserved) = (self.outcome().word(), self.reserved());
        match (self.faults.as_slice(), &self.previous) {
            ([], _) if self.outcome() == Conclusion::Incomplete => {
                format!("{word}: {origin}, {size} entries: {}", self.records.withheld())
            }
            ([], None) => format!("audited: {origin}, {size} entries, nothing wrong{reserved}"),
            ([], Some(previous)) => {
                let new = size.saturating_sub(previous.size);
                format!("audited: {origin}, {size} entries, {new} of them new, nothing wrong{reserved}")
            }
            ([one], _) if self.unlisted == 0 && self.more_of_workloads == 0 => {
                format!("{word}: {origin}: {one}")
            }
            (faults, _) if self.more_of_workloads == 0 => {
                format!("{word}: {origin}: {} faults", faults.len())
            }
            (faults, _) => {
                let more = self.more_of_workloads;
                format!("{word}: {origin}: {} faults, and {more} more of workloads", faults.len())
            }
        }
    }

    fn json(&self) -> Json {
        let records = match self.records {
            Records::Compared(count) => uint_json(count),
            _ => Json::Null,
        };
        let evidence = self.evidence.iter().map(|path| Json::String(path.display().to_string()));
        Json::Object(vec![
            member("schema_version", Json::Integer(SCHEMA_VERSION)),
            member("verdict", self.outcome().word().into()),
            member("exit", Json::Integer(self.exit().code().into())),
            member("source", self.source.as_str().into()),
            member("mirror", self.mirror.as_str().into()),
            member("checkpoint", checkpoint_json(&self.checkpoint)),
            member("previous", self.previous.as_ref().map_or(Json::Null, checkpoint_json)),
            member(
                "extends_previous",
                self.previous.as_ref().map_or(Json::Null, |_| Json::Bool(self.extends)),
            ),
            member("entries_recomputed", self.recomputed.map_or(Json::Null, uint_json)),
            member("records_compared", records),
            member("workloads", self.workloads.as_ref().map_or(Json::Null, WorkloadsFound::json)),
            member("keys_given", Json::Bool(self.keys_given)),
            member("keys_used_from", self.keys_used_from().map_or(Json::Null, uint_json)),
            member("faults", Json::Array(self.faults.iter().map(Fault::json).collect())),
            member("faults_unlisted", uint_json(self.unlisted + self.more_of_workloads)),
            member("evidence", Json::Array(evidence.collect())),
        ])
    }
}

impl Records {
    /// Why it matters that none were served.
    const fn withheld(self) -> &'static str {
        match self {
            Self::Withdrawn => "the log served records at the last audit, and serves none now",
            _ => "the log serves no records, and --records=always asks for them",
        }
    }
}
