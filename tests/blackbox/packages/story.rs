//! A log that is told entry by entry: its genesis, changes of sets, and whatever relies on them.

use super::forge::{Files, Log, list, map, record};
use super::log::log;
use crate::vectors::cases::parts::{Members, bytes};
use crate::vectors::forge::{Forge, TIME_MS};
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::package::RECORDS;
use provlog_core::record::{AnyRecord, Record};
use provlog_evidence::set::set_digest;
use std::collections::{BTreeMap, BTreeSet};

pub const APPROVERS: (&str, &str) = ("allowed-signers", "approvers");

/// What a set is called.
type Name = (&'static str, &'static str);

/// A set as it is in force.
#[derive(Clone, Default)]
struct Set {
    members: BTreeSet<Hash>,
    last: Option<(u64, Hash)>,
}

#[derive(Clone)]
pub struct Story {
    log: Log,
    next: u64,
    sets: BTreeMap<Name, Set>,
}

impl Story {
    /// Begins with entry 0.
    pub fn new() -> Self {
        let mut story = Self { log: Log::new(1), next: 0, sets: BTreeMap::new() };
        story.push(log().records[&0].clone());
        story
    }

    /// Adds an entry, and tells its index.
    pub fn push(&mut self, record: Record) -> u64 {
        let index = self.next;
        self.log.insert(index, record);
        self.next += 1;
        self.log.size = self.next;
        index
    }

    /// Adds the entry of a receipt.
    pub fn push_of(&mut self, receipt: &Forge) -> u64 {
        let Ok(AnyRecord::Known(record)) = Record::parse(&receipt.record) else { panic!("a known record") };
        self.push(record)
    }

    /// Adds a change of one part.
    pub fn change(&mut self, set: Name, adds: &[&str], removes: &[Hash]) -> u64 {
        self.change_in(set, &[adds], removes)
    }

    /// Adds a change of so many parts, the first of which removes what is removed. Tells the index of its last part.
    pub fn change_in(&mut self, (what, name): Name, parts: &[&[&str]], removes: &[Hash]) -> u64 {
        let before = self.sets.get(&(what, name)).cloned().unwrap_or_default();
        let record_of = |place: usize, digest: [u8; 32]| {
            let number = |number: usize| Value::Integer(i64::try_from(number).unwrap());
            let mut trust = vec![
                ("what", what.into()),
                ("name", name.into()),
                ("set_digest", bytes(&digest)),
                ("part", number(place + 1)),
                ("parts", number(parts.len())),
            ];
            trust.extend(before.last.map(|last| ("previous", reference(last))));
            if place == 0 && !removes.is_empty() {
                trust.push(("removed", list(&removes.iter().map(|hash| bytes(&hash.0)).collect::<Vec<_>>())));
            }
            let names = ["m01", "m02", "m03"];
            let members = names.into_iter().zip(parts[place].iter().map(|text| (*text).into()));
            let claims: Vec<(&str, Value)> = [("trust", map(&trust))].into_iter().chain(members).collect();
            record(6, TIME_MS, &claims, &[])
        };
        let mut members = before.members.clone();
        members.retain(|hash| !removes.contains(hash));
        for place in 0..parts.len() {
            members.extend(added(&record_of(place, [0; 32])));
        }
        let digest = set_digest(&members);
        let indices: Vec<u64> = (0..parts.len()).map(|place| self.push(record_of(place, digest))).collect();
        let last = indices[indices.len() - 1];
        self.sets.insert((what, name), Set { members, last: Some((last, self.leaf_hash(last))) });
        last
    }

    /// What names the member that a claim of the entry at `index` added, by the newest change of its set.
    pub fn member(&self, set: Name, index: u64, claim: &str) -> Members {
        let record = &self.log.records[&index];
        let mut member = Members::of(&[("claim", claim.into())]);
        member.set("index", Value::Integer(i64::try_from(index).unwrap()));
        member.set("leaf_hash", bytes(&record.entry.leaf_hash().0));
        member.set("claim_hash", bytes(&record.submitted.get(claim).unwrap().hash().0));
        member.set("set", reference(self.sets[&set].last.unwrap()));
        member
    }

    pub fn reference(&self, index: u64) -> Members {
        let Value::Map(map) = reference((index, self.leaf_hash(index))) else { unreachable!("a map") };
        Members(map.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }

    pub fn claim_hash(&self, index: u64, claim: &str) -> Hash {
        self.log.records[&index].submitted.get(claim).unwrap().hash()
    }

    fn leaf_hash(&self, index: u64) -> Hash {
        self.log.records[&index].entry.leaf_hash()
    }

    /// Every entry's record.
    pub fn records(&self) -> Vec<Record> {
        self.log.records.values().cloned().collect()
    }

    /// The package of everything.
    pub fn files(&self) -> Files {
        self.without(&[])
    }

    /// The package of everything, whose records lack their last byte.
    pub fn cut(&self) -> Files {
        let indices: Vec<u64> = (0..self.next).collect();
        self.log.package(&indices).changing(RECORDS, |bytes| bytes.truncate(bytes.len() - 1)).finish()
    }

    /// The package without these.
    pub fn without(&self, left_out: &[u64]) -> Files {
        let indices: Vec<u64> = (0..self.next).filter(|index| !left_out.contains(index)).collect();
        self.log.package(&indices).finish()
    }

    /// The package of everything, a claim hidden in one of them.
    pub fn hiding(&self, hidden: u64, claim: &str) -> Files {
        let records = self.log.records.iter().map(|(index, record)| {
            let mut record = record.clone();
            if *index == hidden {
                assert!(record.submitted.hide(claim), "{claim}");
            }
            (*index, record)
        });
        self.log.package_of(records.collect()).finish()
    }
}

fn added(record: &Record) -> impl Iterator<Item = Hash> {
    record.submitted.iter().filter(|(name, _)| name.starts_with('m')).map(|(_, claim)| claim.hash())
}

pub fn reference((index, leaf_hash): (u64, Hash)) -> Value {
    let index = Value::Integer(i64::try_from(index).unwrap());
    map(&[("index", index), ("leaf_hash", bytes(&leaf_hash.0))])
}
