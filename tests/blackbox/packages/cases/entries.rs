//! The package of an entry: with what it names, what these name, and so on.

use super::super::forge::{Log, Package, list, map, record};
use super::super::log::{event, log, time_ms};
use super::super::zip::Archive;
use super::Case;
use super::good::reference;
use crate::vectors::forge::ORIGIN;
use provlog_core::Hash;
use provlog_core::Kind;
use provlog_core::cbor::Value;
use provlog_core::json::Json;
use provlog_core::record::Record;
use std::ops::Range;

pub fn cases() -> Vec<Case> {
    [whole(), left_out(), places(), not_named(), manifests()].into_iter().flatten().collect()
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap())
}

/// A reference to the entry at `index`, whatever is there.
fn to(index: u64) -> Value {
    map(&[("index", integer(index)), ("leaf_hash", Value::Bytes(vec![7; 32]))])
}

/// The log with an event at 10 that has these claims beside its own.
fn with_last(own: &[(&str, Value)]) -> Log {
    log().with(10, event(10, own))
}

/// Its package, of these entries. A claim `links` has no type, and is about no kind.
fn linking(links: Value, indices: &[u64]) -> Package {
    with_last(&[("links", links)]).entry_package(indices)
}

fn part(index: u64, part: u64, previous: Option<(u64, &Record)>) -> Record {
    let hash = |of: &str| Value::Bytes(Hash::plain(of.as_bytes()).0.to_vec());
    let mut trust = vec![
        ("what", "jwks".into()),
        ("name", "https://issuer.example".into()),
        ("set_digest", hash("a set")),
        ("part", integer(part)),
        ("parts", integer(2)),
    ];
    if let Some((index, record)) = previous {
        let leaf_hash = Value::Bytes(record.entry.leaf_hash().0.to_vec());
        trust.push(("previous", map(&[("index", integer(index)), ("leaf_hash", leaf_hash)])));
    }
    let key = format!("a key of entry {index}");
    let workload = ("workload", map(&[("method", "log".into())]));
    record(6, time_ms(index), &[("trust", map(&trust)), ("m01", key.as_str().into())], &[workload])
}

/// A log with two changes of a set in two parts each, and a promotion that was approved and scanned in entries of their own.
fn traced() -> Log {
    let mut log = Log { size: 17, ..log() };
    log.insert(11, part(11, 1, None));
    let last = part(12, 2, None);
    log.insert(12, last.clone());
    log.insert(13, part(13, 1, Some((12, &last))));
    log.insert(14, part(14, 2, Some((12, &last))));
    let at = |index: u64| {
        let leaf_hash = Value::Bytes(log.records[&index].entry.leaf_hash().0.to_vec());
        [("index", integer(index)), ("leaf_hash", leaf_hash)]
    };
    let member = [
        &at(11)[..],
        &[("claim", "m01".into()), ("claim_hash", Value::Bytes(vec![1; 32])), ("set", map(&at(14)))],
    ];
    let evidence = map(&[("format", "of the years to come".into()), ("key", map(&member.concat()))]);
    let submitted = [
        ("environment", "production".into()),
        ("approvals", list(&[map(&at(3))])),
        ("scans", list(&[map(&at(2))])),
    ];
    let attested = [("workload", map(&[("method", "none".into())])), ("workload_evidence", evidence)];
    let promotion = record(4, time_ms(15), &submitted, &attested);
    log.insert(15, promotion);
    log
}

const TRACED: [u64; 7] = [2, 3, 11, 12, 13, 14, 15];

fn whole() -> Vec<Case> {
    let package = |indices: &[u64]| traced().entry_package(indices);
    vec![
        Case::good("entry", package(&TRACED).finish()),
        Case::good("entry-and-previous", package(&TRACED).with_previous(&traced(), 6).finish()),
        Case::good("entry-that-names-nothing", package(&[3]).finish()),
        Case::good("entry-a-part-of-a-change", package(&[11, 12]).finish()),
        Case::new(
            "entry-not-the-last",
            package(&TRACED).stating(|manifest| manifest.filters.entry = Some(14)).finish(),
            &["filters"],
        ),
        Case::new(
            "entry-not-here",
            package(&TRACED).stating(|manifest| manifest.filters.entry = Some(16)).finish(),
            &["filters"],
        ),
    ]
}

fn left_out() -> Vec<Case> {
    // Without 12 nothing here names 11 but the promotion, and without 3 nothing is lost.
    let some = || traced().entry_package(&[2, 11, 13, 14, 15]);
    let refused = |name: &str, package: Package| {
        Case::new(format!("entry-left-out-{name}"), package.finish(), &["filters"])
    };
    vec![
        Case::good("entry-left-out", some().leaving_out(&[3, 12]).finish()),
        refused("not-said", some()),
        refused("one-missing", some().leaving_out(&[3])),
        refused("one-too-many", some().leaving_out(&[3, 4, 12])),
        refused("other", some().leaving_out(&[3, 13])),
        Case::archive("entry-left-out-1001", Archive::deflated(&many(2000).finish()).to_bytes(), &[]),
        Case::archive(
            "entry-left-out-1001-not-the-lowest",
            Archive::deflated(&many(1000).finish()).to_bytes(),
            &["filters"],
        ),
    ]
}

/// Two entries that name 1,001 others, of which all but `unlisted` are listed.
fn many(unlisted: u64) -> Package {
    let mut log = Log::new(3001);
    let mut insert = |index: u64, named: Range<u64>, more: &[(&str, Value)]| {
        // 1,001 is 7 times 143, and so many fit into a claim.
        let claims = named
            .step_by(143)
            .map(|start| (format!("links{start}"), list(&(start..start + 143).map(to).collect::<Vec<_>>())));
        let claims: Vec<(String, Value)> = claims.collect();
        let links = claims.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let claims: Vec<(&str, Value)> = links.chain(more.iter().cloned()).collect();
        log.insert(index, record(22, time_ms(index), &claims, &[]));
    };
    insert(2500, 1000..1572, &[]);
    insert(3000, 1572..2001, &[("link", to(2500))]);
    let package = log.entry_package(&[2500, 3000]).leaving_out(&(1000..2001).collect::<Vec<_>>());
    package.stating(|manifest| {
        let listed = (1000..2001).filter(|index| *index != unlisted);
        manifest.left_out.as_mut().unwrap().entries = listed.collect();
    })
}

/// Where a record names another, in forms of all kinds.
fn places() -> Vec<Case> {
    let good = |name: &str, package: Package| Case::good(format!("entry-names-{name}"), package.finish());
    let with = |name: &str, value: Value| {
        let Value::Map(mut map) = to(8) else { unreachable!("a reference is a map") };
        map.insert(name, value).unwrap();
        Value::Map(map)
    };
    let deep = list(&[map(&[("a", list(&[list(&[map(&[("b", to(8))])])]))])]);
    let inside = with("set", to(6));
    let elsewhere = map(&[
        ("index", integer(8)),
        ("leaf_hash", Value::Bytes(vec![7; 32])),
        ("origin", "example.com/another".into()),
        ("of", to(6)),
    ]);
    let attested = record(22, time_ms(10), &[("subject", list(&[]))], &[("links", to(8))]);
    vec![
        good("with-another-leaf-hash", linking(to(8), &[8, 10])),
        good("of-the-log-s-own-origin", linking(with("origin", ORIGIN.into()), &[8, 10])),
        good("with-an-origin-that-is-no-text", linking(with("origin", integer(1)), &[8, 10])),
        good("deep-inside", linking(deep, &[8, 10])),
        good("inside-another", linking(inside, &[6, 8, 10])),
        good("inside-one-of-another-log", linking(elsewhere, &[6, 10])),
        good("in-an-attested-claim", log().with(10, attested).entry_package(&[8, 10])),
        good("itself-and-later-ones", linking(list(&[to(10), to(11), to(9_000_000)]), &[10])),
    ]
}

/// Records that nothing behind them names.
fn not_named() -> Vec<Case> {
    let refused = |name: &str, package: Package| {
        Case::new(format!("entry-not-named-{name}"), package.finish(), &["filters"])
    };
    let form = |index: Value, leaf_hash: Value| map(&[("index", index), ("leaf_hash", leaf_hash)]);
    let Value::Map(mut elsewhere) = to(8) else { unreachable!("a reference is a map") };
    elsewhere.insert("origin", "example.com/another".into()).unwrap();
    let by_an_earlier = with_last(&[("links", to(6))]).with(6, event(6, &[("links", to(8))]));
    let mut hidden = traced().records[&15].clone();
    hidden.submitted.hide("approvals");
    let traced_with = |indices: &[u64]| {
        let records = indices.iter().map(|index| (*index, traced().records[index].clone()));
        traced().entry_package_of(records.chain([(15, hidden.clone())]).collect())
    };
    let part_of = |number: u8, part: Value| {
        let last = record(number, time_ms(10), &[("trust", map(&[("part", part)]))], &[]);
        log().with(10, last).entry_package(&[9, 10])
    };
    let mut without_part = record(6, time_ms(10), &[("trust", map(&[("part", integer(2))]))], &[]);
    let of_hidden_part = log().with(10, without_part.clone());
    without_part.submitted.hide("trust");
    let hidden_part =
        of_hidden_part.entry_package_of(vec![(9, log().records[&9].clone()), (10, without_part)]);
    let attested_part = record(6, time_ms(10), &[], &[("trust", map(&[("part", integer(2))]))]);
    vec![
        refused("at-all", linking(to(8), &[7, 8, 10])),
        refused("but-by-an-earlier-one", by_an_earlier.entry_package(&[6, 8, 10])),
        refused(
            "in-a-claim-of-the-submitter-s-own",
            with_last(&[("x-links", to(8))]).entry_package(&[8, 10]),
        ),
        refused("but-in-another-log", linking(Value::Map(elsewhere), &[8, 10])),
        refused("by-an-index-alone", linking(map(&[("index", integer(8))]), &[8, 10])),
        refused("by-an-index-that-is-text", linking(form("8".into(), Value::Bytes(vec![7; 32])), &[8, 10])),
        refused("by-a-leaf-hash-of-31", linking(form(integer(8), Value::Bytes(vec![7; 31])), &[8, 10])),
        refused(
            "by-a-leaf-hash-that-is-text",
            linking(form(integer(8), "07".repeat(32).as_str().into()), &[8, 10]),
        ),
        refused("by-what-is-hidden", traced_with(&[2, 3, 11, 12, 13, 14])),
        Case::good("entry-that-hides-what-it-names", traced_with(&[2, 11, 12, 13, 14]).finish()),
        refused("by-part-1", part_of(6, integer(1))),
        refused("by-a-part-that-is-text", part_of(6, "2".into())),
        refused("by-a-part-in-another-kind", part_of(22, integer(2))),
        refused("by-a-part-that-is-hidden", hidden_part),
        refused("by-an-attested-part", log().with(10, attested_part).entry_package(&[9, 10])),
    ]
}

fn manifests() -> Vec<Case> {
    let package = || linking(list(&[reference(3, 3), to(8)]), &[3, 10]).leaving_out(&[8]);
    let malformed = |name: &str, package: Package| Case::malformed(format!("entry-{name}"), package.finish());
    let reworded = |name: &str, from: &str, to: &str| {
        Case::malformed(format!("entry-{name}"), package().finish_rewording(from, to))
    };
    let listing = |name: &str, count: u64, entries: &[u64]| {
        let entries = entries.to_vec();
        malformed(
            &format!("left-out-{name}"),
            package().stating(|manifest| {
                let left_out = manifest.left_out.as_mut().unwrap();
                (left_out.count, left_out.entries) = (count, entries);
            }),
        )
    };
    let up_to = |count: u64| (0..count).collect::<Vec<_>>();
    vec![
        malformed("with-a-range", package().stating(|manifest| manifest.range = Some(3..11))),
        malformed("with-a-kind", package().stating(|manifest| manifest.filters.kind = Kind::new(22))),
        malformed(
            "with-a-filter-that-is-unknown",
            package().stating(|manifest| manifest.filters.unknown.push(("later".into(), Json::Integer(1)))),
        ),
        malformed("without-left-out", package().stating(|manifest| manifest.left_out = None)),
        malformed("count-4097", package().stating(|manifest| manifest.count = 4097)),
        reworded("null", "\"entry\": 10", "\"entry\": null"),
        reworded("text", "\"entry\": 10", "\"entry\": \"10\""),
        reworded(
            "left-out-array",
            "\"left_out\": {\n    \"count\": 1,\n    \"entries\": [\n      8\n    ]\n  }",
            "\"left_out\": [8]",
        ),
        reworded("left-out-member-unknown", "\"entries\":", "\"more\": 1, \"entries\":"),
        reworded("left-out-entry-text", "      8\n", "      \"8\"\n"),
        listing("more-than-counted", 0, &[8]),
        listing("fewer-than-counted", 2, &[8]),
        listing("twice", 2, &[8, 8]),
        listing("descending", 2, &[8, 5]),
        listing("of-1001-listed", 1001, &up_to(1001)),
        listing("of-1001-but-999-listed", 1001, &up_to(999)),
        listing("count-65537", 65_537, &up_to(1000)),
    ]
}
