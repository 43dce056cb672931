//! The folder of an earlier audit, as other verbs compare with it: its checkpoint, and the root of every smaller tree of the
//! log, which its tiles prove.

use super::tiles::{self, CHECKPOINT};
use crate::local::files;
use crate::proof::heads::{Heads, is_signed};
use crate::proof::receipt::{checkpoint_json, member};
use crate::proof::report::{Outcome, outcome_json, write_checks, write_verdict};
use crate::show::failure::Failure;
use crate::show::page::Page;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::json::Json;
use provlog_core::limits::NOTE_BYTES_MAX;
use provlog_core::tree::root_of;
use provlog_core::trust::Trust;
use provlog_core::verify::{CheckpointReport, Verifier};
use std::path::{Path, PathBuf};

/// A mirror, and what came of verifying its checkpoint.
#[derive(Debug)]
pub(crate) struct JudgedMirror {
    folder: PathBuf,
    outcome: Outcome<CheckpointReport>,
}

impl JudgedMirror {
    /// Whether there is a mirror here: a checkpoint with tiles beside it.
    pub(crate) fn is_at(folder: &Path) -> bool {
        folder.join(CHECKPOINT).is_file() && folder.join("tile").is_dir()
    }

    /// Verifies the checkpoint of the mirror. Its tiles are read when something is compared with it.
    pub(crate) fn judge(folder: &Path, trust: &Trust) -> Self {
        let note = files::read(&folder.join(CHECKPOINT), NOTE_BYTES_MAX);
        let outcome = match note {
            Ok(note) => Verifier::new(trust).checkpoint(&note).into(),
            Err(error) => Outcome::Unreadable(error),
        };
        Self { folder: folder.into(), outcome }
    }

    /// The mirror, where nothing refuses its checkpoint.
    pub(crate) fn verified(self) -> Result<Self, Failure> {
        let what = self.source();
        match self.outcome {
            Outcome::Verified(_) => Ok(self),
            Outcome::Refused(refused) => Err(Failure::Checkpoint { what, refused }),
            Outcome::Unreadable(error) => Err(error.into()),
        }
    }

    /// What came of it.
    pub(crate) const fn outcome(&self) -> &Outcome<CheckpointReport> {
        &self.outcome
    }

    /// Takes its checkpoint in.
    pub(crate) fn add_to(&self, heads: &mut Heads) {
        if let Ok(report) = self.outcome.report() {
            heads.add_signed(&self.source(), report, &report.checkpoint);
        }
    }

    /// Compares its tree with all smaller ones that were taken in, as far as its tiles lead to its checkpoint.
    pub(crate) fn compare(&self, heads: &mut Heads) -> Result<(), Failure> {
        let Some(report) = self.outcome.report().ok().filter(|report| is_signed(*report)) else {
            return Ok(());
        };
        let head = &report.checkpoint;
        let get = |path: &str, limit| tiles::get_file(&self.folder, path, limit);
        let read = |resource| tiles::fetch_within(&get, resource, usize::MAX);
        match tiles::tree_of(&read, head)? {
            Some(tree) => heads.compare(&self.source(), head, &|size| tiles::proven(root_of(&tree, size))),
            None => Ok(()),
        }
    }

    fn source(&self) -> String {
        self.folder.display().to_string()
    }

    /// A line for each check, and the verdict.
    pub(crate) fn write(&self, page: &mut Page) {
        page.line(&self.source());
        let report = self.outcome.report();
        write_checks(page, &report);
        let summary = report.map(|report| {
            let Checkpoint { origin, size, .. } = &report.checkpoint;
            format!(": a mirror's checkpoint of {size} entries of {origin}; only `provlog audit` recomputes its tree")
        });
        write_verdict(page, &self.outcome, &summary.unwrap_or_default(), "");
    }

    /// The mirror's item in `mirrors`.
    pub(crate) fn to_json(&self) -> Json {
        let mut members = outcome_json(&self.source(), self.outcome.exit(), &self.outcome);
        if let Ok(report) = self.outcome.report() {
            members.push(member("checkpoint", checkpoint_json(&report.checkpoint)));
        }
        Json::Object(members)
    }
}
