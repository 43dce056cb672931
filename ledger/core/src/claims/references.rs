//! Claims that say something by naming the entry that says it.

use super::table::type_of;
use super::types::Type;
use crate::cbor::Value;
use crate::entry::Kind;
use crate::hash::Hash;

/// A reference in a claim's value (`SPEC.md` section 4.3), and what the claim allows to be referred to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference<'v> {
    /// The entry's index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf_hash: Hash,
    /// The name of the log that it is in; none: the log that the reference is in.
    pub origin: Option<&'v str>,
    /// The kind that it must be of.
    pub kind: Kind,
}

/// The references in the value of the claim of this name.
pub fn references<'v>(claim: &str, value: &'v Value) -> impl Iterator<Item = Reference<'v>> {
    let kind = type_of(claim).and_then(kind_referred_to);
    let items = kind.map_or(&[][..], |_| value.items());
    items.iter().filter_map(move |item| {
        let map = item.as_map()?;
        Some(Reference {
            index: map.get("index")?.as_uint()?,
            leaf_hash: Hash(map.get("leaf_hash")?.as_bytes()?.try_into().ok()?),
            origin: map.get("origin").and_then(Value::as_text),
            kind: kind?,
        })
    })
}

fn kind_referred_to(ty: &'static Type) -> Option<Kind> {
    match ty {
        Type::ReferenceOr(kind, _) => Some(*kind),
        Type::Named(_, ty) | Type::OrAbsent(ty) | Type::OneOrMany(ty) | Type::List { item: ty, .. } => {
            kind_referred_to(ty)
        }
        _ => None,
    }
}
