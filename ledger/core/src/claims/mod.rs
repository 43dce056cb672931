//! The claim table and everything that is driven by it (`SPEC.md` section 4).
//!
//! `table` says which kinds and claims there are and which type each claim has; `types` is the small language those
//! types are written in. From these two come validation ([`check()`]) and JSON in and out ([`from_json()`], [`to_json()`]);
//! the JSON Schemas of submissions, and the CDDL and kinds table in `SPEC.md`, are generated from them by this crate's
//! tests (`tests/spec`).
//!
//! A claim name has one type, in every kind and in both sections. Nothing in here ever decides whether a receipt
//! verifies: a value that doesn't fit its type is refused by a log, and gives a warning in a verifier.

mod check;
mod from_json;
mod references;
mod shapes;
mod table;
mod to_json;
mod types;

pub use check::{Misfit, MisfitFault, check, check_claim, digests_agree};
pub use from_json::from_json;
pub(crate) use references::entry_in;
pub use references::{Reference, references, referring_claims};
pub use shapes::EVIDENCE;
pub(crate) use table::is_extension;
pub use table::{
    ATTESTED_ON_ANY, CLAIMS, ClaimSpec, GENESIS, KINDS, KindSpec, KindWriter, OPTIONAL_ON_ANY, PROMOTION,
    TRUST, is_attested_alone, is_member, kind_name, kind_named, kind_spec, type_of,
};
pub use to_json::to_json;
pub use types::{ABSENT, DIGEST, Field, PRINCIPAL, REFERENCE, Type};

pub(crate) use from_json::convert;
pub(crate) use types::ABSENT_KEY;

#[cfg(test)]
mod tests;
