//! An entry of kind `refusal`: what the log says of its own accord.

use super::tally::Tally;
use crate::access::caller::Who;
use crate::http::codes::INTERNAL;
use crate::http::problem::Problem;
use crate::log::salts;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::kind_named;
use provlog_core::encoded::Sealed;
use provlog_core::record::{Claim, Salt, Section};
use provlog_engine::{Submission, Terms};
use std::sync::Arc;

/// Its kind, and its one submitted claim.
const REFUSAL: &str = "refusal";

/// The entry that tells of these refusals. It takes no key: each is a new entry.
///
/// # Errors
/// When the system has no randomness to give; anything else is a bug.
pub(super) fn of(tally: &Tally) -> Result<Submission, Problem> {
    let internal = |why: String| Problem::new(&INTERNAL, why);
    let mut salts = salts::draw(2).map_err(|error| internal(error.to_string()))?.into_iter();
    let kind = kind_named(REFUSAL).ok_or_else(|| internal("the table of kinds has no refusals".into()))?;
    let mut section = |name: &str, value| {
        // Were there ever too few salts, one of zeros would be refused when it is sealed.
        section(name, salts.next().unwrap_or_default(), value).map_err(internal)
    };
    let submitted = section(REFUSAL, claim(tally))?;
    let attested = section("workload", workload(tally.who.as_ref()))?;
    let sealed =
        Sealed::new(kind.kind, &submitted, &attested).map_err(|error| internal(error.to_string()))?;
    Ok(Submission { sealed: Arc::new(sealed), terms: Terms::default() })
}

fn section(name: &str, salt: Salt, value: Value) -> Result<Section, String> {
    let claims = vec![(name.into(), Claim::disclosed(salt, value))];
    Section::from_claims(claims).map_err(|error| error.to_string())
}

fn claim(tally: &Tally) -> Value {
    let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    map([
        ("code", tally.code.code.into()),
        ("count", number(tally.count)),
        ("from_ms", number(tally.from_ms)),
        ("to_ms", number(tally.to_ms)),
    ])
}

/// Of whoever was refused, where that is known; else the log has nobody to speak of.
fn workload(who: Option<&Who>) -> Value {
    who.map_or_else(|| map([("method", "log".into())]), Who::workload)
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut map = Map::new();
    for (name, value) in members {
        // Each is named once.
        let _ = map.insert(name, value);
    }
    Value::Map(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::TOKEN_UNKNOWN;
    use provlog_core::record::SectionName;
    use provlog_core::submission::check_claims;

    #[test]
    fn it_is_as_the_table_of_claims_has_it() {
        let tally = Tally {
            count: 7,
            to_ms: 1_790_000_059_000,
            ..Tally::one(&TOKEN_UNKNOWN, None, 1_790_000_000_000)
        };
        let (one, other) = (of(&tally).unwrap().sealed, of(&tally).unwrap().sealed);
        let kind = kind_named(REFUSAL).unwrap();
        let submitted = one.submitted().unwrap();
        let claims: Vec<_> =
            submitted.iter().map(|(name, claim)| (name.to_owned(), claim.value().unwrap().clone())).collect();
        assert_eq!(check_claims(kind, &claims), Ok(()));
        assert_eq!(
            (one.kind(), claims[0].1.as_map().unwrap().get("count")),
            (kind.kind, Some(&Value::Integer(7)))
        );
        for name in [SectionName::Submitted, SectionName::Attested] {
            assert_ne!(one.digest(name), other.digest(name), "each has salts of its own");
        }
    }
}
