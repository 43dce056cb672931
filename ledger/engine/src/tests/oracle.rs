//! What must hold of a log whatever happened to it: a second opinion that remembers all that was acknowledged and signed.

use super::Stepped;
use crate::reader::Reader;
use crate::submission::{AppendedBatch, Outcome, Submission};
use provlog_core::note::Note;
use provlog_core::record::SectionName;
use provlog_core::tree::{Frontier, Tile, verify_consistency, verify_inclusion};
use provlog_core::{Entry, Hash};
use std::collections::BTreeMap;

/// Everything that anyone outside of the log has seen of it.
#[derive(Default)]
pub(crate) struct History {
    acknowledged: BTreeMap<u64, (Entry, Vec<u8>, Vec<u8>)>,
    signed: BTreeMap<u64, Hash>,
}

impl History {
    /// An answer was given.
    pub(crate) fn answered(
        &mut self,
        submissions: &[Submission],
        answer: &AppendedBatch,
    ) -> Result<(), String> {
        for (submission, outcome) in submissions.iter().zip(&answer.outcomes) {
            if let Outcome::New { index, entry } = outcome {
                let record = (
                    *entry,
                    submission.sealed.section(SectionName::Submitted).to_vec(),
                    submission.sealed.section(SectionName::Attested).to_vec(),
                );
                if self.acknowledged.insert(*index, record).is_some() {
                    return Err(format!("index {index} was given out twice"));
                }
                let proof =
                    answer.committed.extension.inclusion_proof(*index).map_err(|error| error.to_string())?;
                let checkpoint = &answer.committed.checkpoint;
                verify_inclusion(*index, checkpoint.size, &entry.leaf_hash(), &proof, &checkpoint.root)
                    .map_err(|error| format!("proof of {index}: {error}"))?;
            }
        }
        Ok(())
    }

    /// The log shows a checkpoint. Never smaller than before, never another root at a size.
    pub(crate) fn observe(&mut self, log: &Stepped) -> Result<(), String> {
        let committed = log.opened.shared.committed();
        let note = Note::parse(committed.signed.as_bytes()).map_err(|error| error.to_string())?;
        let key = log.opened.sequencer.signer.verifier();
        if note.text != committed.checkpoint.text()
            || !key.verifies(note.text.as_bytes(), &note.signatures[0].signature)
        {
            return Err("the checkpoint's signature".into());
        }
        let (size, root) = (committed.checkpoint.size, committed.checkpoint.root);
        match self.signed.last_key_value() {
            Some((larger, _)) if *larger > size => return Err(format!("signed {size} after {larger}")),
            _ => {}
        }
        match self.signed.insert(size, root) {
            Some(other) if other != root => Err(format!("a second root at size {size}")),
            _ => Ok(()),
        }
    }

    /// Reads the whole log again and compares.
    pub(crate) fn check(&self, reader: &Reader) -> Result<(), String> {
        let committed = reader.committed();
        let (size, root) = (committed.checkpoint.size, committed.checkpoint.root);
        if let Some((missing, _)) = self.acknowledged.range(size..).next() {
            return Err(format!("acknowledged entry {missing} is gone: the log holds {size}"));
        }
        let (mut frontier, mut entries) = (Frontier::new(), Vec::new());
        for index in 0..size {
            let record = reader.record(index).map_err(|error| format!("record {index}: {error}"))?;
            if !record.digests_match() {
                return Err(format!("record {index}: digests"));
            }
            if let Some((entry, submitted, attested)) = self.acknowledged.get(&index) {
                let got = (record.entry, record.submitted.to_bytes(), record.attested.to_bytes());
                if got != (*entry, submitted.clone(), attested.clone()) {
                    return Err(format!("record {index} is another one than was acknowledged"));
                }
            }
            frontier.push(record.entry.leaf_hash());
            entries.push(record.entry);
            if let Some(signed) = self.signed.get(&(index + 1))
                && *signed != frontier.root()
            {
                return Err(format!("the tree of {} was signed with another root", index + 1));
            }
        }
        if frontier.root() != root {
            return Err(format!("root at {size}: signed {root}, recomputed {}", frontier.root()));
        }
        self.check_proofs(reader, size)?;
        check_tiles(reader, size, &entries)
    }

    fn check_proofs(&self, reader: &Reader, size: u64) -> Result<(), String> {
        let root = reader.committed().checkpoint.root;
        for old in self.signed.keys().copied().filter(|old| *old > 0) {
            let old_root = reader.root_at(old).map_err(|error| format!("root at {old}: {error}"))?;
            if old_root != self.signed[&old] {
                return Err(format!("root at {old}"));
            }
            let proof =
                reader.consistency_proof(old, size).map_err(|error| format!("from {old}: {error}"))?;
            verify_consistency(old, size, &old_root, &root, &proof)
                .map_err(|error| format!("from {old}: {error}"))?;
            let last = old - 1;
            reader
                .inclusion_proof(last, old)
                .map_err(|error| format!("proof of {last} at {old}: {error}"))?;
        }
        Ok(())
    }
}

/// Every tile and bundle of the tree, against the entries.
fn check_tiles(reader: &Reader, size: u64, entries: &[Entry]) -> Result<(), String> {
    let mut row: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
    for level in 0.. {
        for (hashes, index) in row.chunks(256).zip(0..) {
            let width = u16::try_from(hashes.len()).unwrap();
            let tile = Tile { level, index, width };
            let expected: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
            let got = reader.tile(tile).map_err(|error| format!("tile {tile:?}: {error}"))?;
            if got != expected {
                return Err(format!("tile {tile:?} of a tree of {size}"));
            }
            let narrow = Tile { width: width / 2, ..tile };
            if narrow.width > 0
                && reader.tile(narrow).ok().as_deref() != expected.get(..expected.len() / 64 * 32)
            {
                return Err(format!("tile {narrow:?} of a tree of {size}"));
            }
            if level == 0 {
                let first = usize::try_from(index).unwrap() * 256;
                let bundle = entries[first..first + hashes.len()].iter();
                let bundle: Vec<u8> =
                    bundle.flat_map(|entry| [&[0, 80][..], &entry.to_bytes()].concat()).collect();
                let got = reader.entry_bundle(tile).map_err(|error| format!("bundle {index}: {error}"))?;
                if got != bundle {
                    return Err(format!("bundle {index} of a tree of {size}"));
                }
            }
        }
        if row.len() < 256 {
            return Ok(());
        }
        let fold = |nodes: &[Hash]| {
            let mut frontier = Frontier::new();
            nodes.iter().for_each(|node| frontier.push(*node));
            frontier.root()
        };
        row = row.as_chunks::<256>().0.iter().map(|nodes| fold(nodes)).collect();
    }
    Ok(())
}
