//! Whether the keys that a log says it checked with are in its own sets.

use super::super::approval::Counting;
use super::super::identity::{ApproverLine, Identity};
use super::super::made::{Made, NOT_DISCLOSED, Shown, check_member, shown};
use super::super::workload::{EvidenceKey, WorkloadMade};
use crate::jwt::Issuer;
use crate::set::{Member, SetFold, SetName};
use crate::ssh::fingerprint;
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use provlog_core::record::{Record, SectionName};

/// What is made of what names a member.
#[derive(Clone, Debug)]
pub(super) enum Naming {
    Made(Made),
    Member(Box<Named>),
}

/// A member that is named, and what it is named for.
#[derive(Clone, Debug)]
pub(super) struct Named {
    index: u64,
    leaf_hash: Hash,
    claim: String,
    claim_hash: Hash,
    /// The last part of the change of its set that is named.
    set: (u64, Hash),
    of: SetName,
    wanted: Wanted,
}

/// Which key it has to have.
#[derive(Clone, Debug)]
enum Wanted {
    Key(Identity),
    Line { signer: String, fingerprint: String, time_ms: u64 },
}

/// What came of what names a member.
pub(super) enum Found {
    /// By itself, whatever sets there are.
    Alone(Made),
    /// By its set.
    BySet(Made),
    /// The change that is named isn't here: no entry, where all are.
    NotGiven,
}

/// What names members in a record.
pub(super) fn named(
    record: &Record,
    workload: Option<&WorkloadMade>,
    counting: &Counting<'_>,
) -> Vec<Naming> {
    let hidden = || Naming::Made(Made::skipped(NOT_DISCLOSED));
    let mut named = Vec::new();
    match shown(record, SectionName::Attested, "workload_evidence") {
        Shown::Nothing => {}
        Shown::Hidden => named.push(hidden()),
        Shown::Value(evidence) => {
            let key = workload.and_then(|workload| workload.signer.as_ref());
            named.push(of_evidence(evidence, key).unwrap_or_else(Naming::Made));
        }
    }
    match counting {
        Counting::Nothing => {}
        Counting::Hidden => named.push(hidden()),
        Counting::NoList => named.push(Naming::Made(Made::failed("approval_checks: expected a list"))),
        Counting::List { form: Err(made), .. } => named.push(Naming::Made(made.clone())),
        Counting::List { items, form: Ok(()) } => {
            let items = items.iter().filter_map(Value::as_map);
            named.extend(items.map(|item| of_item(item, record).unwrap_or_else(Naming::Made)));
        }
    }
    named
}

fn of_evidence(evidence: &Value, key: Option<&EvidenceKey>) -> Result<Naming, Made> {
    let key = key.ok_or_else(|| Made::skipped("workload-form doesn't hold"))?;
    let of = match &key.of {
        Issuer::Oidc(iss) => SetName::new("jwks", iss),
        Issuer::Spiffe(domain) => SetName::new("spiffe-bundle", domain.as_str()),
    };
    let map = evidence.as_map();
    let member = map.and_then(|map| map.get("key").or_else(|| map.get("bundle")));
    Named::by(member, of, Wanted::Key(key.is.clone()))
}

fn of_item(item: &Map, record: &Record) -> Result<Naming, Made> {
    let text = |name| item.get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
    let time_ms = record.entry.time_ms.get();
    let wanted = Wanted::Line { signer: text("signer"), fingerprint: text("fingerprint"), time_ms };
    Named::by(item.get("roster"), SetName::new("allowed-signers", "approvers"), wanted)
}

impl Naming {
    /// Looks the member up in the sets below the entry that names it.
    pub(super) fn found(self, sets: &SetFold<Identity>) -> Found {
        match self {
            Self::Made(made) => Found::Alone(made),
            Self::Member(named) => match named.look_up(sets) {
                Ok(true) => Found::BySet(Made::passed("in its set")),
                Ok(false) => Found::NotGiven,
                Err(made) => Found::BySet(made),
            },
        }
    }
}

impl Named {
    fn by(member: Option<&Value>, of: SetName, wanted: Wanted) -> Result<Naming, Made> {
        let misfit = || Made::failed("expected what names a member");
        let value = member.ok_or_else(misfit)?;
        check_member(value)?;
        let map = value.as_map().ok_or_else(misfit)?;
        let set = map.get("set").and_then(Value::as_map).ok_or_else(misfit)?;
        let index = |map: &Map| map.get("index").and_then(Value::as_uint).ok_or_else(misfit);
        let hash = |map: &Map, name| {
            let bytes = map.get(name).and_then(Value::as_bytes);
            bytes.and_then(|bytes| bytes.try_into().ok()).map(Hash).ok_or_else(misfit)
        };
        Ok(Naming::Member(Box::new(Self {
            index: index(map)?,
            leaf_hash: hash(map, "leaf_hash")?,
            claim: map.get("claim").and_then(Value::as_text).unwrap_or_default().to_owned(),
            claim_hash: hash(map, "claim_hash")?,
            set: (index(set)?, hash(set, "leaf_hash")?),
            of,
            wanted,
        })))
    }

    /// Whether the change that is named is here, in the sets below the entry that names it.
    fn look_up(&self, sets: &SetFold<Identity>) -> Result<bool, Made> {
        let set = sets.set(&self.of).map_err(unknown_from)?;
        if sets.ending_at(self.set.0).is_some_and(|name| *name != self.of) {
            return Err(Made::failed("the change that is named is one of another set"));
        }
        let Some(set) = set.filter(|set| set.last.0 >= self.set.0) else { return Ok(false) };
        if set.last != self.set {
            return Err(Made::failed(format_args!(
                "the newest change of its set is that of entry {}, not the one that is named",
                set.last.0
            )));
        }
        let member = set.members.get(&self.claim_hash).filter(|member| self.is_added_by(member));
        let member = member.ok_or_else(|| Made::failed("its set has no such member"))?;
        let kept = member.kept.as_ref().ok_or_else(|| Made::skipped(NOT_DISCLOSED))?;
        if !self.wanted.is(kept) {
            return Err(Made::failed("the member isn't the key that the log says it checked with"));
        }
        Ok(true)
    }

    fn is_added_by(&self, member: &Member<Identity>) -> bool {
        (member.index, member.leaf_hash, member.claim.as_str()) == (self.index, self.leaf_hash, &self.claim)
    }
}

pub(super) fn unknown_from(entry: u64) -> Made {
    Made::skipped(format_args!("no set is known from entry {entry} on"))
}

impl Wanted {
    fn is(&self, kept: &Identity) -> bool {
        match (self, kept) {
            (_, Identity::Nothing) => false,
            (Self::Key(wanted), kept) => wanted == kept,
            (Self::Line { signer, fingerprint: wanted, time_ms }, Identity::Line(line)) => {
                let ApproverLine { id, key, window } = &**line;
                id == signer && fingerprint(key) == *wanted && window.contains(*time_ms)
            }
            (Self::Line { .. }, Identity::Jwk(_) | Identity::Ca(_)) => false,
        }
    }
}
