//! Entries that the log writes of its own accord, or for whoever has it write one.

use crate::http::codes::INTERNAL;
use crate::http::problem::Problem;
use crate::log::salts;
use provlog_core::Kind;
use provlog_core::cbor::Value;
use provlog_core::encoded::Sealed;
use provlog_core::record::{Claim, Salt, Section};
use std::sync::Arc;

/// A claim under a salt of its own.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn claim(value: Value) -> Result<Claim, Problem> {
    let no_salts = |error| Problem::new(&INTERNAL, format!("the system has no randomness to give: {error}"));
    // Were there ever none, a salt of zeros would be refused when the claim is sealed.
    let salt: Salt = salts::draw(1).map_err(no_salts)?.pop().unwrap_or_default();
    Ok(Claim::disclosed(salt, value))
}

/// The sections of such an entry, with what is attested of whoever it is written for.
///
/// # Errors
/// As [`claim`]; anything else is a bug.
pub(crate) fn seal(
    kind: Kind,
    submitted: Vec<(String, Claim)>,
    workload: Value,
) -> Result<Arc<Sealed>, Problem> {
    let internal = |why: String| Problem::new(&INTERNAL, why);
    let section = |claims| Section::from_claims(claims).map_err(|error| internal(error.to_string()));
    let (submitted, attested) = (section(submitted)?, section(vec![("workload".into(), claim(workload)?)])?);
    let sealed = Sealed::new(kind, &submitted, &attested);
    Ok(Arc::new(sealed.map_err(|error| internal(error.to_string()))?))
}
