//! How it was shown which workload submitted an entry, by the record and the checks of its evidence.
//!
//! The order of trust is kept apart here, for all who tell of it: what a key that the reader gave shows, what the log alone
//! vouches for, and what nobody shows.

use provlog_core::Record;
use provlog_core::cbor::{Map, Value};
use provlog_core::check::{Check, Status};
use provlog_core::claims::check_claim;
use provlog_core::record::SectionName;

/// How a workload was shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Shown {
    /// `workload-bound` passed: a signature under a key that the reader gave covers this very entry.
    Bound,
    /// The evidence fits the entry, and its key was not given: the log's word.
    Vouched,
    /// Whoever held a bearer token, or had a certificate for the connection: the log's word.
    Bearer,
    /// Whoever held a token of the log's own.
    StaticToken,
    /// A process of a user of the log's machine.
    Peer,
    /// Let in without saying who it is.
    Nobody,
    /// No workload: the log wrote the entry of its own accord.
    Log,
    /// The workload, or its evidence, is hidden.
    Hidden,
    /// The log attests none.
    Unattested,
    /// In a form that this version doesn't know.
    Unknown,
    /// It isn't what its evidence makes, or its signature doesn't hold.
    Refuted,
}

impl Shown {
    /// All of them, the most that is shown first.
    pub(crate) const ALL: [Self; 11] = [
        Self::Bound,
        Self::Vouched,
        Self::Bearer,
        Self::StaticToken,
        Self::Peer,
        Self::Nobody,
        Self::Log,
        Self::Hidden,
        Self::Unattested,
        Self::Unknown,
        Self::Refuted,
    ];

    /// Of a record, by the checks of its evidence as they end where nothing is required.
    pub(crate) fn of(record: &Record, checks: &[Check]) -> Self {
        let status = |name| checks.iter().find(|check| check.name == name).map(|check| check.status);
        Self::by(record, status("workload-form"), status("workload-bound"))
    }

    /// As [`Shown::of`], by how both checks ended; none: there is nothing to check.
    pub(crate) fn by(record: &Record, form: Option<Status>, bound: Option<Status>) -> Self {
        let is_hidden = ["workload", "workload_evidence"].into_iter().any(|name| {
            record.section(SectionName::Attested).get(name).is_some_and(|claim| claim.value().is_none())
        });
        match (form, bound) {
            (None, _) => Self::of_claim(record),
            (Some(Status::Pass), Some(Status::Pass)) => Self::Bound,
            (Some(Status::Pass), None | Some(Status::Skip)) => Self::Vouched,
            (Some(Status::Skip), _) if is_hidden => Self::Hidden,
            (Some(Status::Skip), _) => Self::Unknown,
            (Some(_), _) => Self::Refuted,
        }
    }

    /// Where the log attests no evidence, its word is all there is.
    fn of_claim(record: &Record) -> Self {
        let Some(claim) = record.section(SectionName::Attested).get("workload") else {
            return Self::Unattested;
        };
        let Some(value) = claim.value() else { return Self::Hidden };
        if check_claim("workload", value).is_some() {
            return Self::Unknown;
        }
        let text = |name| value.as_map().and_then(|map| map.get(name)).and_then(Value::as_text);
        match (text("method"), text("binding")) {
            (Some("none"), _) => Self::Nobody,
            (Some("log"), _) => Self::Log,
            (Some("static-token"), _) => Self::StaticToken,
            (Some("peer"), _) => Self::Peer,
            (_, Some("bearer")) => Self::Bearer,
            _ => Self::Unknown,
        }
    }

    /// Its stable name in JSON.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Vouched => "vouched",
            Self::Bearer => "bearer",
            Self::StaticToken => "static-token",
            Self::Peer => "peer",
            Self::Nobody => "none",
            Self::Log => "log",
            Self::Hidden => "hidden",
            Self::Unattested => "unattested",
            Self::Unknown => "unknown",
            Self::Refuted => "refuted",
        }
    }

    /// In few words, for lists. Of all of them only what is bound is called so.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Bound => "bound to the entry, under keys that were given",
            Self::Vouched => {
                "with evidence that fits the entry, vouched for by the log: its key was not given"
            }
            Self::Bearer => "by a bearer token or a connection's certificate, the log's word alone",
            Self::StaticToken => "by a token of the log's own, the log's word alone",
            Self::Peer => "by a user of the log's machine, the log's word alone",
            Self::Nobody => "let in without saying who it is",
            Self::Log => "written by the log of its own accord",
            Self::Hidden => "not disclosed",
            Self::Unattested => "no workload is attested",
            Self::Unknown => "in a form that this version doesn't know",
            Self::Refuted => "not what its evidence says",
        }
    }
}

/// The attested `workload`, where it is shown and is a map.
pub(crate) fn attested(record: &Record) -> Option<&Map> {
    record.section(SectionName::Attested).value("workload")?.as_map()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{example, map, record_of};
    use provlog_core::record::{Claim, Section};

    fn with(workload: Option<Value>, hides: bool) -> Record {
        let mut record = record_of(&example("event"));
        let claim = workload.map(|value| ("workload".into(), Claim::disclosed([9; 16], value)));
        record.attested = Section::from_claims(claim.into_iter().collect()).unwrap();
        if hides {
            record.attested.hide("workload");
        }
        record
    }

    #[test]
    fn only_a_check_that_passed_makes_a_workload_bound() {
        let claimed = with(Some(map(&[("method", "oidc".into()), ("binding", "statement".into())])), false);
        let cases = [
            (Some(Status::Pass), Some(Status::Pass), Shown::Bound),
            (Some(Status::Pass), Some(Status::Skip), Shown::Vouched),
            (Some(Status::Pass), None, Shown::Vouched),
            (Some(Status::Pass), Some(Status::Fail), Shown::Refuted),
            (Some(Status::Fail), Some(Status::Pass), Shown::Refuted),
            (Some(Status::Skip), Some(Status::Pass), Shown::Unknown),
            (Some(Status::Skip), Some(Status::Skip), Shown::Unknown),
            (None, Some(Status::Pass), Shown::Unknown),
            (None, None, Shown::Unknown),
        ];
        for (form, bound, expected) in cases {
            assert_eq!(Shown::by(&claimed, form, bound), expected, "{form:?} {bound:?}");
        }
        let hidden = with(Some(map(&[("method", "oidc".into())])), true);
        assert_eq!(Shown::by(&hidden, Some(Status::Skip), Some(Status::Skip)), Shown::Hidden);
    }

    #[test]
    fn what_has_no_evidence_is_told_by_its_method() {
        let of = |members: &[(&str, Value)]| Shown::by(&with(Some(map(members)), false), None, None);
        let method = |name: &str| of(&[("method", name.into())]);
        let methods = ["none", "log", "static-token", "peer"].map(method);
        assert_eq!(methods, [Shown::Nobody, Shown::Log, Shown::StaticToken, Shown::Peer]);
        assert_eq!(of(&[("method", "oidc".into()), ("binding", "bearer".into())]), Shown::Bearer);
        assert_eq!(method("oidc"), Shown::Unknown, "the log doesn't say how");
        assert_eq!(method("of the years to come"), Shown::Unknown);
        assert_eq!(Shown::by(&with(None, false), None, None), Shown::Unattested);
        assert_eq!(Shown::by(&with(Some("x".into()), true), None, None), Shown::Hidden);
        let words = Shown::ALL.map(Shown::in_words);
        assert_eq!(words.iter().filter(|words| words.contains("bound")).count(), 1);
    }
}
