//! An entry of kind `refusal`: what the log says of its own accord.

use super::tally::Tally;
use crate::access::caller::Who;
use crate::http::codes::INTERNAL;
use crate::http::problem::Problem;
use crate::log::own_entry;
use provlog_core::cbor::Value;
use provlog_core::claims::kind_named;
use provlog_engine::{Submission, Terms};

/// Its kind, and its one submitted claim.
const REFUSAL: &str = "refusal";

/// The entry that tells of these refusals. It takes no key: each is a new entry.
///
/// # Errors
/// When the system has no randomness to give; anything else is a bug.
pub(super) fn of(tally: &Tally) -> Result<Submission, Problem> {
    let unknown = || Problem::new(&INTERNAL, "the table of kinds has no refusals");
    let kind = kind_named(REFUSAL).ok_or_else(unknown)?.kind;
    let submitted = vec![(REFUSAL.into(), own_entry::claim(refusal(tally))?)];
    let sealed = own_entry::seal(kind, submitted, workload(tally.who.as_ref()))?;
    Ok(Submission { sealed, terms: Terms::default() })
}

fn refusal(tally: &Tally) -> Value {
    let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    Value::map([
        ("code", tally.code.code.into()),
        ("count", number(tally.count)),
        ("from_ms", number(tally.from_ms)),
        ("to_ms", number(tally.to_ms)),
    ])
}

/// Of whoever was refused, where that is known; else the log has nobody to speak of.
fn workload(who: Option<&Who>) -> Value {
    // What is bound is so by evidence, which is of another submission than this.
    let known = who.filter(|who| !matches!(who, Who::Workload(caller) if caller.recognised.bound.is_some()));
    known.map_or_else(|| Value::map([("method", "log".into())]), |who| who.workload().into_owned())
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
