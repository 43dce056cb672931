//! Claims that say something by naming the entry that says it.

use super::table::CLAIMS;
use super::types::Type;
use crate::cbor::{Map, Value};
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

/// The claims that may refer to entries, and the kind of those.
pub fn referring_claims() -> impl Iterator<Item = (&'static str, Kind)> {
    CLAIMS.iter().filter_map(|spec| Some((spec.name, kind_referred_to(spec.ty)?)))
}

/// The references in the value of a claim that refers to entries of this kind. Without `origin`, or with one that is no
/// text, a reference is into the log that it is in.
pub fn references(kind: Kind, value: &Value) -> impl Iterator<Item = Reference<'_>> {
    value.items().iter().filter_map(move |item| {
        let (index, leaf_hash, origin) = entry_in(item.as_map()?)?;
        Some(Reference { index, leaf_hash, origin, kind })
    })
}

/// The entry that a map refers to: its index, its leaf hash, and the log that it is in, as in [`Reference`].
pub(crate) fn entry_in(map: &Map) -> Option<(u64, Hash, Option<&str>)> {
    let index = map.get("index")?.as_uint()?;
    let leaf_hash = Hash(map.get("leaf_hash")?.as_bytes()?.try_into().ok()?);
    Some((index, leaf_hash, map.get("origin").and_then(Value::as_text)))
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
