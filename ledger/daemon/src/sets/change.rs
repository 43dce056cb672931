//! An entry that changes a set.

use super::folded::{FoldedSet, bytes, reference, uint};
use crate::http::problem::Problem;
use crate::identity::trusted::TrustedKey;
use crate::log::own_entry;
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_core::claims::TRUST;
use provlog_engine::{State, Submission, Terms};
use provlog_evidence::set::set_digest;

/// The one member that is added.
const MEMBER: &str = "m01";

/// The entry that adds a key to its set, and removes the members that its issuer has no more. It is for the set as it was read: the sequencer
/// refuses it behind any other change.
///
/// # Errors
/// As [`own_entry::seal`].
pub(super) fn adding(set: &FoldedSet, state: &State, key: &TrustedKey) -> Result<Submission, Problem> {
    let before = set.set();
    let members = before.into_iter().flat_map(|set| &set.members);
    let (removed, stay): (Vec<_>, Vec<_>) =
        members.partition(|(_, member)| member.kept.as_deref().is_none_or(|text| key.outlives(text)));
    let member = own_entry::claim(key.member.as_str().into())?;
    let digest = set_digest(stay.into_iter().map(|(hash, _)| hash).chain([&member.hash()]));
    let removed: Vec<Value> = removed.into_iter().map(|(hash, _)| bytes(hash)).collect();
    let (what, name) = key.set();
    let trust = [
        ("what", what.into()),
        ("name", name.into()),
        ("set_digest", bytes(&Hash(digest))),
        ("part", uint(1)),
        ("parts", uint(1)),
    ];
    let previous = before.map(|set| ("previous", reference(set.last.0, &set.last.1)));
    let removed = (!removed.is_empty()).then_some(("removed", Value::Array(removed)));
    let trust = own_entry::claim(Value::map(trust.into_iter().chain(previous).chain(removed)))?;

    let submitted = vec![("trust".into(), trust), (MEMBER.into(), member)];
    let sealed = own_entry::seal(TRUST, submitted, Value::map([("method", "log".into())]))?;
    let unread = before.map_or(0, |set| set.last.0.saturating_add(1));
    let terms = Terms { unchanged: vec![(state.clone(), unread)], ..Terms::default() };
    Ok(Submission { sealed, terms })
}
