//! References followed: whether the entries that records refer to are among the records that were given, and are what the
//! claims say that they are.

use super::approvals::{Approvals, Subjects, weight};
use super::known::{Found, Known};
use super::query::Truth;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{kind_name, kind_named, references, referring_claims};
use provlog_core::facet::Facet;
use provlog_core::record::{Claim, SectionName};
use provlog_core::{Hash, Kind, Record};

/// The claim whose references are to approvals, which are of a subject.
pub(super) const APPROVALS: &str = "approvals";

/// Most bytes of an algorithm's name, and of a digest, that subjects are compared by: no digest is longer.
const DIGEST_BYTES_MAX: usize = 64;

/// Most pairs of digests that are compared for one record's approvals: a record holds thousands of references and subjects, and
/// whoever wrote it must not make every reader compare each with each. What is beyond is not resolved.
const PAIRS_MAX: usize = 1 << 16;

/// What of a record others may refer to, and what it refers to itself.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) index: u64,
    pub(super) kind: Kind,
    leaf_hash: Hash,
    /// Of approvals, and of what refers to any.
    subjects: Subjects,
    referring: Vec<ReferringClaim>,
}

/// A claim that refers to entries.
#[derive(Debug)]
struct ReferringClaim {
    name: &'static str,
    /// Whether references are all that it has.
    alone: bool,
    references: Vec<To>,
}

/// What is referred to.
#[derive(Debug)]
struct To {
    index: u64,
    leaf_hash: Hash,
    kind: Kind,
    /// In the log of another name.
    elsewhere: bool,
}

/// Whether this value of the claim of approvals has nothing but references.
pub(crate) fn are_by_reference(approvals: &Value) -> bool {
    referring_claims().any(|(name, kind)| name == APPROVALS && is_by_reference(kind, approvals))
}

fn is_by_reference(kind: Kind, value: &Value) -> bool {
    let items = value.items().len();
    items > 0 && references(kind, value).count() == items
}

impl Note {
    /// Of the record of the entry at `index`, in the log of this name, with the claims that may refer to anything.
    pub(super) fn new(
        index: u64,
        record: &Record,
        origin: &str,
        referring_claims: &[(&'static str, Kind)],
    ) -> Self {
        let mut referring = Vec::new();
        for &(name, kind) in referring_claims {
            let Some(value) = record.section(SectionName::Submitted).value(name) else { continue };
            let references: Vec<To> = references(kind, value)
                .map(|to| To {
                    index: to.index,
                    leaf_hash: to.leaf_hash,
                    kind: to.kind,
                    elsewhere: to.origin.is_some_and(|other| other != origin),
                })
                .collect();
            if !references.is_empty() {
                referring.push(ReferringClaim { name, alone: is_by_reference(kind, value), references });
            }
        }
        let kind = record.entry.kind;
        let compares = is_named(kind, "approval") || !referring.is_empty();
        let subjects = if compares { subjects(record) } else { Some(Vec::new()) };
        Self { index, kind, leaf_hash: record.entry.leaf_hash(), subjects, referring }
    }

    /// The claims that have nothing but references.
    pub(super) fn alone(&self) -> impl Iterator<Item = &'static str> {
        self.referring.iter().filter(|claim| claim.alone).map(|claim| claim.name)
    }

    /// How much it holds: itself, digests and references.
    pub(super) fn weight(&self) -> usize {
        let references: usize = self.referring.iter().map(|claim| claim.references.len()).sum();
        references.saturating_add(weight(&self.subjects))
    }
}

/// Whether this is the kind of that name.
pub(super) fn is_named(kind: Kind, name: &str) -> bool {
    kind_named(name).is_some_and(|spec| spec.kind == kind)
}

fn subjects(record: &Record) -> Subjects {
    match Facet::Subject.claim(record) {
        Some(Claim::Hidden(_)) => None,
        Some(Claim::Disclosed { value, .. }) => {
            Some(Facet::Subject.digests(value).map(|(_, digest)| short(digest)).collect())
        }
        None => Some(Vec::new()),
    }
}

/// The members of a digest that can be one.
fn short(digest: &Map) -> Map {
    let fits = |algorithm: &str, value: &Value| {
        algorithm.len() <= DIGEST_BYTES_MAX
            && value.as_bytes().is_some_and(|bytes| bytes.len() <= DIGEST_BYTES_MAX)
    };
    let mut short = Map::new();
    for (algorithm, value) in digest.iter().filter(|(algorithm, value)| fits(algorithm, value)) {
        // No key is in a map twice.
        let _ = short.insert(algorithm, value.clone());
    }
    short
}

/// References, followed to the records before them.
#[derive(Debug, Default)]
pub(super) struct Referred {
    approvals: Approvals,
    /// The first reference that is wrong: whose, and how.
    pub(super) wrong: Option<String>,
}

impl Referred {
    /// What each claim of references alone comes to by what it refers to. Then the record itself may be referred to.
    pub(super) fn follow(&mut self, note: Note, known: &mut dyn Known) -> Vec<(&'static str, Truth)> {
        let (mut found, mut pairs_left) = (Vec::new(), PAIRS_MAX);
        for claim in &note.referring {
            let mut best = Truth::Unmet;
            for to in &claim.references {
                match self.judge(&note, claim.name, to, known, &mut pairs_left) {
                    Ok(truth) => best = best.min(truth),
                    Err(fault) => {
                        let wrong =
                            || format!("{} of entry {}: entry {} {fault}", claim.name, note.index, to.index);
                        self.wrong.get_or_insert_with(wrong);
                    }
                }
            }
            if claim.alone {
                found.push((claim.name, best));
            }
        }
        known.keep(note.index, note.kind, note.leaf_hash);
        if is_named(note.kind, "approval") {
            self.approvals.keep(note.index, note.subjects);
        }
        found
    }

    /// What a reference is evidence of, or what is wrong with it.
    fn judge(
        &self,
        note: &Note,
        claim: &str,
        to: &To,
        known: &dyn Known,
        pairs_left: &mut usize,
    ) -> Result<Truth, String> {
        if to.elsewhere {
            return Ok(Truth::Unresolved);
        }
        if to.index >= note.index {
            return Err("does not come before it".into());
        }
        match known.find(to.index) {
            None => Ok(Truth::Unresolved),
            Some(Found::Entry(_, leaf_hash)) if leaf_hash != to.leaf_hash => {
                Err("has another leaf hash".into())
            }
            Some(Found::Entry(kind, _)) if kind != to.kind => {
                let name = kind_name(kind).map_or_else(|| kind.number().to_string(), Into::into);
                Err(format!("is of kind {name}"))
            }
            Some(_) if claim != APPROVALS => Ok(Truth::Met),
            Some(_) => Ok(match self.approvals.get(to.index) {
                None => Truth::Unresolved,
                Some(approved) => approved.are_also(&note.subjects, pairs_left),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::evaluate::{Evaluator, Findings, ReferredApprovals, Status};
    use super::super::known::{AnyOrder, OfVerified};
    use super::super::load::Crosswalk;
    use super::super::tests::{ORIGIN, edited, one_query, with_own};
    use super::*;
    use serde_json::{Value as Json, json};

    const APPROVED: &str = "kind = [\"promotion\"]\nevery = true\nhas = [\"submitted.approvals\"]";

    fn promotion(approvals: Json) -> Record {
        edited("promotion", |claims| claims["approvals"] = approvals)
    }

    fn approval() -> Record {
        edited("approval", |_| ())
    }

    fn approval_of_another() -> Record {
        edited("approval", |claims| claims["subject"][0]["digest"]["gitCommit"] = "00".repeat(20).into())
    }

    fn to(index: u64, record: &Record) -> Json {
        json!({"index": index, "leaf_hash": record.entry.leaf_hash().to_hex()})
    }

    fn found<'a>(crosswalk: &'a Crosswalk, records: &[(u64, Record)]) -> Findings<'a> {
        let mut evaluator = Evaluator::new(crosswalk, ORIGIN);
        records.iter().for_each(|(index, record)| evaluator.add(*index, record));
        evaluator.finish()
    }

    /// Indices of what fits, doesn't, is hidden, and isn't resolved.
    fn indices(findings: &Findings<'_>) -> [Vec<u64>; 4] {
        let tallies = &findings.controls.last().unwrap().findings[0].tallies;
        let all = [&tallies.met, &tallies.unmet, &tallies.undisclosed, &tallies.unresolved];
        all.map(|tally| tally.indices.clone())
    }

    fn asked(records: &[(u64, Record)]) -> ([Vec<u64>; 4], Option<String>) {
        let crosswalk = with_own(&one_query(APPROVED)).unwrap();
        let findings = found(&crosswalk, records);
        (indices(&findings), findings.wrong_reference)
    }

    #[test]
    fn a_reference_is_an_approval_only_where_it_leads_to_one_of_the_same_subject() {
        let [one, other] = [approval(), approval_of_another()];
        let elsewhere = json!([{"index": 1, "leaf_hash": "11".repeat(32), "origin": "example.com/another"}]);
        let stated = json!({"approver": {"id": "dave"}, "method": "m"});
        let own_name = json!([{"index": 1, "leaf_hash": one.entry.leaf_hash().to_hex(), "origin": ORIGIN}]);
        let records = [
            (1, one.clone()),
            (2, other.clone()),
            (3, promotion(json!([to(1, &one)]))),
            (4, promotion(json!([to(2, &other)]))),
            (5, promotion(json!([to(0, &one)]))),
            (6, promotion(elsewhere.clone())),
            (7, promotion(json!([to(2, &other), to(1, &one)]))),
            (8, promotion(json!([to(2, &other), stated.clone()]))),
            (9, promotion(json!([elsewhere[0], stated]))),
            (10, promotion(json!([to(2, &other), to(0, &one)]))),
            (11, promotion(own_name)),
        ];
        let expected = [vec![3, 7, 8, 9, 11], vec![4], vec![], vec![5, 6, 10]];
        assert_eq!(asked(&records), (expected, None));
    }

    #[test]
    fn what_is_not_resolved_is_neither_present_nor_missing() {
        let crosswalk = with_own(&one_query(APPROVED)).unwrap();
        let (one, referring) = (approval(), promotion(json!([to(1, &approval())])));
        let status = |records: &[(u64, Record)]| found(&crosswalk, records).controls.last().unwrap().status;
        assert_eq!(status(&[(2, referring.clone())]), Status::None);
        let beside = (3, promotion(json!([to(0, &one)])));
        assert_eq!(status(&[(1, one.clone()), (2, referring.clone()), beside]), Status::Partial);
        assert_eq!(status(&[(1, one), (2, referring)]), Status::Present);
    }

    #[test]
    fn other_claims_refer_to_entries_of_any_subject() {
        let scan =
            edited("scan", |claims| claims["subject"][0]["digest"] = json!({"sha256": "22".repeat(32)}));
        let scanned = |index: u64| edited("promotion", |claims| claims["scans"] = json!([to(index, &scan)]));
        let crosswalk = with_own(&one_query(&APPROVED.replace("approvals", "scans"))).unwrap();
        let records = [(1, scan.clone()), (2, scanned(1)), (3, scanned(0))];
        assert_eq!(indices(&found(&crosswalk, &records)), [vec![2], vec![], vec![], vec![3]]);
    }

    #[test]
    fn a_hidden_subject_decides_nothing() {
        let (mut one, referring) = (approval(), promotion(json!([to(1, &approval())])));
        let mut unnamed = referring.clone();
        unnamed.submitted.hide("subject");
        assert_eq!(asked(&[(1, one.clone()), (2, unnamed)]).0, [vec![], vec![], vec![2], vec![]]);
        one.submitted.hide("subject");
        assert_eq!(asked(&[(1, one), (2, referring)]).0, [vec![], vec![], vec![2], vec![]]);
    }

    #[test]
    fn a_wrong_reference_is_named_and_is_no_evidence() {
        let (one, event) = (approval(), edited("event", |_| ()));
        for (reference, fault) in [
            (to(1, &event), "approvals of entry 3: entry 1 has another leaf hash"),
            (to(2, &event), "approvals of entry 3: entry 2 is of kind event"),
            (to(3, &one), "approvals of entry 3: entry 3 does not come before it"),
            (to(4, &one), "approvals of entry 3: entry 4 does not come before it"),
        ] {
            let records = [(1, one.clone()), (2, event.clone()), (3, promotion(json!([reference])))];
            let expected = [vec![], vec![3], vec![], vec![]];
            assert_eq!(asked(&records), (expected, Some(fault.into())));
        }
    }

    /// Whatever order single records come in, and however those of a log are parted.
    #[test]
    fn the_order_of_records_and_the_size_of_parts_change_nothing() {
        let one = approval();
        let referring = |index| (index, promotion(json!([to(if index % 3 == 0 { 0 } else { 1 }, &one)])));
        let stated = |index| (index, promotion(json!([{"approver": {"id": "d"}, "method": "m"}])));
        let mut records = vec![(1, one.clone())];
        records.extend((2..400).map(|index| if index % 2 == 0 { referring(index) } else { stated(index) }));
        let crosswalk = Crosswalk::builtin().unwrap();
        let text = |findings: &Findings<'_>| format!("{findings:?}");
        let whole = found(&crosswalk, &records);
        assert_eq!(whole.referred_approvals, ReferredApprovals { resolved: 133, unresolved: 66 });
        let kinds: [fn() -> Box<dyn Known>; 2] =
            [|| Box::new(AnyOrder::default()), || Box::new(OfVerified::default())];
        for (size, new) in [1, 7, 399].into_iter().flat_map(|size| kinds.map(|new| (size, new))) {
            let known = &mut *new();
            let mut parted = Evaluator::new(&crosswalk, ORIGIN);
            let mut part = Evaluator::new(&crosswalk, ORIGIN);
            for records in records.chunks(size) {
                records.iter().for_each(|(index, record)| part.add(*index, record));
                parted.append(part.take(), known);
            }
            assert_eq!(text(&parted.finish()), text(&whole), "parts of {size}");
        }
        records.reverse();
        assert_eq!(text(&found(&crosswalk, &records)), text(&whole), "the other way round");
    }

    #[test]
    fn what_is_no_digest_is_not_compared() {
        let digest = |n| Map::from_entries(vec![("sha256".into(), Value::Bytes(vec![7; n]))]).unwrap();
        assert_eq!(short(&digest(DIGEST_BYTES_MAX)).len(), 1);
        assert_eq!(short(&digest(DIGEST_BYTES_MAX + 1)).len(), 0);
    }

    /// Each of many references beside many subjects would cost a reader as much as all of them together.
    #[test]
    fn digests_are_compared_up_to_a_bound_and_the_rest_is_not_resolved() {
        let subjects = |count: usize, seed: u8| {
            let digest = |n: usize| json!({"digest": {"sha256": format!("{:062x}{seed:02x}", n)}});
            Json::Array((0..count).map(digest).collect())
        };
        let approval = |seed| edited("approval", |claims| claims["subject"] = subjects(256, seed));
        let others = [approval(1), approval(2)];
        let promotion = |count| {
            edited("promotion", |claims| {
                claims["subject"] = subjects(count, 2);
                claims["approvals"] = json!([to(0, &others[0]), to(1, &others[1])]);
            })
        };
        let records = |count| [(0, approval(1)), (1, approval(2)), (2, promotion(count))];
        assert_eq!(asked(&records(128)).0, [vec![2], vec![], vec![], vec![]], "both fit into the bound");
        assert_eq!(asked(&records(129)).0, [vec![], vec![], vec![], vec![2]], "the second doesn't");
    }
}
