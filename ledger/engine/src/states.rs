//! Which states of the log an entry touches: what conditions of later appends are about. They follow from the records
//! themselves, so they are derived at every start and never stored.
//!
//! What was found is no judgement: whoever relies on an entry reads it.

use provlog_core::Kind;
use provlog_core::cbor::{Map, Value};
use provlog_core::record::{Section, SectionName};
use std::collections::HashMap;

const POLICY: u8 = 5;
const TRUST: u8 = 6;
const WITHDRAWAL: u8 = 8;

/// What later entries may depend on, and others change.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Which policy is in force in an environment, or in all that none is activated for by name, `*`. Touched by policy
    /// entries whose attested claim `activation` names it.
    Activation(String),
    /// Whether any policy is in force anywhere. Touched by all of them.
    AnyActivation,
    /// What a set holds. Touched by trust entries whose claim `trust` names it.
    Set {
        /// Its sort, such as a roster.
        what: String,
        /// Its name.
        name: String,
    },
    /// Whether a signed statement was withdrawn: its SHA-256. Touched by withdrawal entries whose claim `withdraws` names
    /// it.
    Withdrawn([u8; 32]),
    /// Whether an entry was withdrawn: its index. Touched by withdrawal entries whose claim `withdraws` is a reference to
    /// it, wherever its leaf hash and origin point.
    WithdrawnEntry(u64),
}

/// Whether entries of this kind touch states; all others are never parsed.
pub(crate) const fn concern(kind: Kind) -> bool {
    matches!(kind.number(), POLICY | TRUST | WITHDRAWAL)
}

/// Which states a claim's value names; none where it isn't of its form.
type Read = fn(&Map) -> Option<Vec<State>>;

/// The states that an entry with these sections touches, each once. Claims that are hidden, or not of their form, touch
/// nothing.
pub(crate) fn touched<'a>(kind: Kind, section: impl Fn(SectionName) -> &'a [u8]) -> Vec<State> {
    let (name, claim, states): (_, _, Read) = match kind.number() {
        POLICY => (SectionName::Attested, "activation", activations),
        TRUST => (SectionName::Submitted, "trust", set),
        WITHDRAWAL => (SectionName::Submitted, "withdraws", withdrawn),
        _ => return Vec::new(),
    };
    let section = Section::parse(section(name)).ok();
    let value = section.as_ref().and_then(|section| section.value(claim)?.as_map());
    value.and_then(states).unwrap_or_default()
}

fn activations(activation: &Map) -> Option<Vec<State>> {
    let environments = activation.get("environments")?.as_array()?;
    let mut names: Vec<&str> = environments.iter().map(Value::as_text).collect::<Option<_>>()?;
    names.sort_unstable();
    names.dedup();
    let any = (!names.is_empty()).then_some(State::AnyActivation);
    Some(names.into_iter().map(|name| State::Activation(name.into())).chain(any).collect())
}

fn set(trust: &Map) -> Option<Vec<State>> {
    let text = |name| Some(trust.get(name)?.as_text()?.to_owned());
    Some(vec![State::Set { what: text("what")?, name: text("name")? }])
}

fn withdrawn(withdraws: &Map) -> Option<Vec<State>> {
    if let Some(statement) = withdraws.get("statement") {
        return Some(vec![State::Withdrawn(statement.as_bytes()?.try_into().ok()?)]);
    }
    let _leaf_hash: [u8; 32] = withdraws.get("leaf_hash")?.as_bytes()?.try_into().ok()?;
    Some(vec![State::WithdrawnEntry(withdraws.get("index")?.as_uint()?)])
}

/// The entries that touched each state. In memory a state takes 100 to 200 bytes beside its texts (48 for itself, 24 and
/// at least 32 for the list, and the map's free room), and each further entry 8 to 16.
#[derive(Debug, Default)]
pub(crate) struct States(HashMap<State, Vec<u64>>);

impl States {
    /// An entry touched a state. Entries may come in any order.
    pub(crate) fn touch(&mut self, state: State, index: u64) {
        let indices = self.0.entry(state).or_default();
        if let Err(place) = indices.binary_search(&index) {
            indices.insert(place, index);
        }
    }

    /// The entries that touched a state, ascending.
    pub(crate) fn indices(&self, state: &State) -> &[u64] {
        self.0.get(state).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::Submission;
    use crate::tests::{sealed, submission, touching};
    use provlog_core::record::Claim;

    fn of(submission: &Submission) -> Vec<State> {
        touched(submission.sealed.kind(), |name| submission.sealed.section(name))
    }

    fn map(entries: &[(&str, Value)]) -> Value {
        let entries = entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Value::Map(Map::from_entries(entries).unwrap())
    }

    fn claim(name: &str, value: Value) -> Vec<(String, Claim)> {
        vec![(name.into(), Claim::disclosed([3; 16], value))]
    }

    fn list(texts: &[&str]) -> Value {
        map(&[("environments", Value::Array(texts.iter().map(|text| (*text).into()).collect()))])
    }

    #[test]
    fn what_names_a_state_touches_it() {
        let set = State::Set { what: "roster".into(), name: "approvers".into() };
        for state in [set, State::Withdrawn([7; 32]), State::WithdrawnEntry(5)] {
            assert_eq!(of(&touching(1, &state)), [state]);
        }
        let environment = |name: &str| State::Activation(name.into());
        let policy = |names: &[&str]| of(&sealed(5, Vec::new(), claim("activation", list(names))));
        assert_eq!(policy(&["b", "*", "b"]), [environment("*"), environment("b"), State::AnyActivation]);
        assert_eq!(policy(&[]), []);
    }

    #[test]
    fn what_is_hidden_of_another_form_kind_or_section_touches_nothing() {
        let text: Value = "text".into();
        let hidden = |name: &str, value| {
            let hash = Claim::disclosed([3; 16], value).hash();
            vec![(name.to_owned(), Claim::Hidden(hash))]
        };
        let set = map(&[("what", "roster".into()), ("name", "approvers".into())]);
        let statement = map(&[("statement", Value::Bytes(vec![1; 32]))]);
        let reference = |leaf_hash, index| map(&[("leaf_hash", leaf_hash), ("index", index)]);
        let mixed = map(&[("environments", Value::Array(vec!["a".into(), Value::Integer(1)]))]);
        let submitted = |kind, claims| sealed(kind, claims, Vec::new());
        let attested = |kind, claims| sealed(kind, Vec::new(), claims);
        let cases = [
            submission(1),
            attested(5, hidden("activation", list(&["a"]))),
            attested(5, claim("activation", text.clone())),
            attested(5, claim("activation", map(&[("environments", text.clone())]))),
            attested(5, claim("activation", mixed)),
            submitted(5, claim("activation", list(&["a"]))),
            attested(4, claim("activation", list(&["a"]))),
            submitted(6, hidden("trust", set.clone())),
            submitted(6, claim("trust", map(&[("what", text.clone())]))),
            attested(6, claim("trust", set.clone())),
            submitted(8, claim("trust", set)),
            submitted(8, hidden("withdraws", statement.clone())),
            submitted(8, claim("withdraws", map(&[("statement", Value::Bytes(vec![1; 31]))]))),
            submitted(8, claim("withdraws", map(&[("index", Value::Integer(1))]))),
            submitted(8, claim("withdraws", reference(Value::Bytes(vec![1; 32]), Value::Integer(-1)))),
            submitted(8, claim("withdraws", reference(Value::Bytes(vec![1; 33]), Value::Integer(1)))),
            attested(8, claim("withdraws", statement)),
        ];
        for (number, case) in cases.iter().enumerate() {
            assert_eq!(of(case), [], "case {number}");
        }
    }
}
