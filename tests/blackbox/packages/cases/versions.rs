//! What the second version of the format has and the first hasn't: columns, and filters that may come later.

use super::super::forge::{Package, list, map, record};
use super::super::log::{log, time_ms};
use super::Case;
use super::good::{RANGE, reference};
use provlog_core::Hash;
use provlog_core::Kind;
use provlog_core::cbor::Value;
use provlog_core::json::Json;
use provlog_core::package::{CSV, Version};
use provlog_core::record::{Record, SectionName};

pub fn cases() -> Vec<Case> {
    [columns(), filters(), manifests()].into_iter().flatten().collect()
}

/// What most packages are of, in the second version.
fn range() -> Package {
    let records = RANGE.iter().map(|index| (*index, log().records[index].clone()));
    log().package_in(Version::V2, records.collect())
}

/// The promotion at this index, of which the log attests more than its workload.
fn attesting(index: u64, more: &[(&str, Value)]) -> Record {
    let log = log();
    let found = &log.records[&index];
    let shown = |section: SectionName| {
        let claims = found.section(section).iter();
        claims.map(|(name, claim)| (name, claim.value().unwrap().clone())).collect::<Vec<_>>()
    };
    let (submitted, mut attested) = (shown(SectionName::Submitted), shown(SectionName::Attested));
    attested.extend_from_slice(more);
    record(found.entry.kind.number(), time_ms(index), &submitted, &attested)
}

fn gate() -> Value {
    map(&[
        ("outcome", "allow".into()),
        ("policy", reference(2, 2)),
        ("as_of", Value::Integer(3)),
        ("at_ms", Value::Integer(i64::try_from(time_ms(4)).unwrap())),
        ("engine", "example/1".into()),
        ("determining", list(&[])),
        ("reasons", list(&[])),
    ])
}

/// Two persons, as the log says that it checked their signatures.
fn approval_checks() -> Value {
    let hash = |of: &str| Value::Bytes(Hash::plain(of.as_bytes()).0.to_vec());
    let check = |at: i64, signer: &str| {
        let roster = map(&[
            ("index", Value::Integer(1)),
            ("leaf_hash", hash("entry 1")),
            ("claim", "m01".into()),
            ("claim_hash", hash("a line")),
            ("set", reference(2, 2)),
        ]);
        map(&[
            ("at", Value::Integer(at)),
            ("statement", hash(signer)),
            ("signer", signer.into()),
            ("fingerprint", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".into()),
            ("roster", roster),
        ])
    };
    list(&[check(0, "alice@example.com"), check(1, "=bob")])
}

fn columns() -> Vec<Case> {
    let evidence = map(&[("format", "of the years to come".into())]);
    let shown = attesting(4, &[("gate", gate()), ("workload_evidence", evidence)]);
    let mut hidden = attesting(5, &[("gate", gate()), ("approval_checks", approval_checks())]);
    let log = log().with(4, shown.clone()).with(5, hidden.clone());
    hidden.attested.hide("gate");
    let package = log.package_in(Version::V2, vec![(4, shown.clone()), (5, hidden)]);
    let gated = log.package_in(Version::V2, vec![(4, shown)]);
    let of_v1 = log.package(&[4]);
    let refused = ["file:records.csv", "csv"];
    vec![
        Case::good("v2-range", range().finish()),
        Case::good("v2-previous", range().with_previous(&super::super::log::log(), 6).finish()),
        Case::good("v2-columns", package.finish()),
        Case::good("v1-beside-a-gate", of_v1.finish()),
        Case::new(
            "v2-csv-outcome-beside-a-gate",
            gated.clone().rewording(CSV, ",production,,", ",production,allow,").finish(),
            &refused,
        ),
        Case::new(
            "v2-csv-of-v1",
            range().with_file(CSV, super::good::range().files[CSV].clone()).finish(),
            &refused,
        ),
        Case::new(
            "v1-csv-of-v2",
            super::good::range().with_file(CSV, range().files[CSV].clone()).finish(),
            &refused,
        ),
    ]
}

fn unknown(package: Package, name: &str, value: Json) -> Package {
    package.stating(|manifest| manifest.filters.unknown.push((name.into(), value)))
}

fn filters() -> Vec<Case> {
    let nested = Json::Object(vec![("of".into(), Json::Array(vec![Json::Integer(-1), Json::Null]))]);
    let beside = |kind| {
        unknown(range(), "later", Json::Bool(false))
            .stating(|manifest| manifest.filters.kind = Kind::new(kind))
    };
    let malformed =
        |name: &str, package: Package| Case::malformed(format!("v2-filter-{name}"), package.finish());
    let named = |name: &str| unknown(range(), name, Json::Integer(1));
    vec![
        Case::good("v2-filter-unknown", unknown(range(), "later", nested).finish()),
        Case::good("v2-filter-unknown-of-64", named(&format!("a{}", "_9".repeat(32))[..64]).finish()),
        Case::new("v2-filter-known-beside-unknown", beside(4).finish(), &["filters"]),
        malformed("unknown-null", unknown(range(), "later", Json::Null)),
        malformed("name-empty", named("")),
        malformed("name-uppercase", named("Later")),
        malformed("name-hyphen", named("la-ter")),
        malformed("name-digit-first", named("1st")),
        malformed("name-of-65", named(&"a".repeat(65))),
    ]
}

fn manifests() -> Vec<Case> {
    let malformed = |name: &str, package: Package| Case::malformed(name, package.finish());
    let reworded = |name: &str, package: Package, from: &str, to: &str| {
        Case::malformed(name, package.finish_rewording(from, to))
    };
    vec![
        malformed("v1-filter-unknown", unknown(super::good::range(), "later", Json::Integer(1))),
        malformed(
            "v1-filter-entry",
            super::good::range().stating(|manifest| {
                manifest.filters.entry = Some(7);
                manifest.range = None;
            }),
        ),
        reworded("v1-left-out", super::good::range(), "\"count\": 5,", "\"count\": 5, \"left_out\": null,"),
        reworded("v2-left-out-missing", range(), "  \"left_out\": null,\n", ""),
        malformed("v2-left-out-without-entry", range().leaving_out(&[])),
    ]
}
