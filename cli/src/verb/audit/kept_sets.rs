//! The entries of kind `trust` that earlier audits compared, kept in the mirror: the log's sets are a fold of all of them, and
//! an audit of what is new needs what came before.

use super::entries::{Bundle, matching};
use super::mirror::Mirror;
use crate::local::files::{self, Draft, Readers};
use crate::proof::sequence::{Item, Next, Sequence};
use crate::show::failure::Failure;
use provlog_core::Record;
use provlog_core::package::encoded_item;
use std::io::Write as _;
use std::path::PathBuf;

/// The file in the mirror: a CBOR sequence of `[index, record]`. What lies behind those that `audit.json` counts is of an audit that
/// was cut off.
const TRUST_RECORDS: &str = "trust-records";

/// The file, written anew.
#[derive(Debug)]
pub(super) struct KeptSets {
    draft: Draft,
    path: PathBuf,
    /// Records in it.
    count: u64,
}

impl KeptSets {
    /// Goes on behind the first `kept` of the file, all of entries before `end`, and hands them out. Each must be the record of
    /// the entry that the mirror has, of a tree of `size`.
    pub(super) fn continued(
        mirror: &Mirror,
        (end, size): (u64, u64),
        kept: u64,
        each: &mut dyn FnMut(u64, &Record),
    ) -> Result<Self, Failure> {
        let path = mirror.place(TRUST_RECORDS);
        let draft = Draft::new(&path, Readers::Umask)?;
        let mut sets = Self { draft, path, count: 0 };
        if kept == 0 {
            return Ok(sets);
        }
        let wrong = || {
            let problem = "expected the trust entries that the last audit kept; --full makes it anew";
            Failure::malformed(sets_name(mirror), problem)
        };
        let broken = |error| files::cannot_read(&mirror.place(TRUST_RECORDS), error).into();
        let mut items = Sequence::new(files::open(&sets.path).map_err(|_| wrong())?, &broken);
        let mut bundle = Bundle::of(mirror, size);
        while sets.count < kept {
            let Next::Item(Item { index, record }) = items.next_item()? else { return Err(wrong()) };
            if index >= end {
                return Err(wrong());
            }
            let Ok(Some(known)) = matching(record, bundle.entry(index)?) else { return Err(wrong()) };
            sets.push(index, record)?;
            each(index, &known);
        }
        Ok(sets)
    }

    /// Adds the record of the next trust entry.
    pub(super) fn push(&mut self, index: u64, record: &[u8]) -> Result<(), Failure> {
        let written = self.draft.file().write_all(&encoded_item(index, record));
        written.map_err(|source| files::cannot_write(&self.path, source))?;
        self.count += 1;
        Ok(())
    }

    /// Gives the file its name, and tells how many records are in it.
    pub(super) fn keep(self) -> Result<u64, Failure> {
        self.draft.keep_over()?;
        Ok(self.count)
    }
}

fn sets_name(mirror: &Mirror) -> String {
    mirror.place(TRUST_RECORDS).display().to_string()
}
