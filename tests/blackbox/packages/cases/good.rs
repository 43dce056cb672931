//! Packages that verify: what a verifier must not refuse.

use super::super::forge::{Log, Package, absent, list, map, record, sha256};
use super::super::log::{SIZE, event, log, time_ms};
use super::Case;
use crate::vectors::forge::signature_line;
use provlog_core::Kind;
use provlog_core::cbor::Value;
use provlog_core::json::Json;
use provlog_core::package::{CHECKPOINT, MANIFEST, REPORT};
use provlog_core::path::ClaimName;
use provlog_core::record::Record;
use provlog_core::redact::Redaction;

/// Most vectors start from these.
pub const RANGE: [u64; 5] = [3, 4, 5, 6, 7];

pub fn range() -> Package {
    log().package(&RANGE)
}

pub fn claim_names(names: &[&str]) -> Vec<ClaimName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// The package of these entries with these claims hidden, wherever an entry has them.
pub fn hiding(indices: &[u64], names: &[&str]) -> Package {
    let log = log();
    let records = indices.iter().map(|index| {
        let mut record = log.records[index].clone();
        for name in claim_names(names) {
            record.section_mut(name.section).hide(&name.name);
        }
        (*index, record)
    });
    log.package_of(records.collect())
}

fn hide_all(record: &Record) -> Record {
    let mut hidden = record.clone();
    for (section, name, _) in record.claims() {
        hidden.section_mut(section).hide(name);
    }
    hidden
}

pub fn cases() -> Vec<Case> {
    [selections(), redactions(), references(), trees(), values(), manifests()].into_iter().flatten().collect()
}

fn selections() -> Vec<Case> {
    let promotions = log().package(&[4, 5, 7, 10]).stating(|manifest| manifest.filters.kind = Kind::new(4));
    let Value::Map(wanted) = sha256("app.tar") else { unreachable!("a digest is a map") };
    let about = log()
        .package(&[2, 3, 4, 5, 8, 10])
        .stating(|manifest| manifest.filters.subject = Some(wanted.clone()));
    let other_algorithms = record(
        22,
        time_ms(8),
        &[(
            "subject",
            list(&[
                map(&[("digest", map(&[("gitCommit", Value::Bytes(vec![1; 20]))]))]),
                map(&[(
                    "digest",
                    map(&[
                        ("gitCommit", Value::Bytes(vec![2; 20])),
                        ("sha256", wanted.get("sha256").unwrap().clone()),
                    ]),
                )]),
            ]),
        )],
        &[],
    );
    let about_one_of_two = log().with(8, other_algorithms).package(&[8]).stating(|manifest| {
        manifest.filters.subject = Some(wanted.clone());
        manifest.range = None;
    });
    let misfits = list(&[
        "no map".into(),
        map(&[("digest", "no map".into())]),
        map(&[("digest", sha256("app.tar")), ("more", Value::Null)]),
    ]);
    let among_misfits = log()
        .with(8, record(22, time_ms(8), &[("subject", misfits)], &[]))
        .package(&[8])
        .stating(|manifest| manifest.filters.subject = Some(wanted.clone()));
    let environment = |package: Package| {
        package.stating(|manifest| manifest.filters.environment = Some("production".into()))
    };
    let timed = log().package(&[3, 4, 5]).stating(|manifest| {
        manifest.filters.from_ms = Some(time_ms(3));
        manifest.filters.to_ms = Some(time_ms(4) + 1);
    });
    let all_filters = log().package(&[4, 10]).stating(|manifest| {
        manifest.filters.kind = Kind::new(4);
        manifest.filters.from_ms = Some(0);
        manifest.filters.to_ms = Some(9_007_199_254_740_991);
        manifest.filters.subject = Some(wanted.clone());
        manifest.filters.environment = Some("production".into());
    });
    let unclaimed = range().stating(|manifest| manifest.range = None);
    vec![
        Case::good("range", range().finish()),
        Case::good("range-not-claimed", unclaimed.finish()),
        Case::good("whole-log", log().package(&(0..SIZE).collect::<Vec<_>>()).finish()),
        Case::good("one-entry", log().package(&[5]).finish()),
        Case::good("first-and-last", log().package(&[0, SIZE - 1]).finish()),
        Case::good("filter-kind", promotions.finish()),
        Case::good("filter-subject", about.finish()),
        Case::good("filter-subject-one-of-two", about_one_of_two.finish()),
        Case::good("filter-subject-among-misfits", among_misfits.finish()),
        Case::good("filter-environment", environment(log().package(&[4, 7, 10])).finish()),
        Case::good(
            "filter-environment-hidden",
            environment(hiding(&[4, 7], &["submitted.environment"])).finish(),
        ),
        Case::good("filter-times", timed.finish()),
        Case::good("filter-everything", all_filters.finish()),
    ]
}

fn redactions() -> Vec<Case> {
    let hide = |names: &[&str]| Some(Redaction::Hide(claim_names(names)));
    let keep = |names: &[&str]| Some(Redaction::Keep(claim_names(names)));
    let ruled = |package: Package, rule| package.stating(|manifest| manifest.redaction.rule = rule);
    let profiled = hiding(&RANGE, &["submitted.model", "submitted.approvals", "submitted.approval"]);
    let log = log();
    let all_hidden = |indices: &[u64]| {
        log.package_of(indices.iter().map(|index| (*index, hide_all(&log.records[index]))).collect())
    };
    let kept = ["submitted.subject", "submitted.environment", "attested.workload"];
    let mut kept_only = Vec::new();
    for index in RANGE {
        let mut record = log.records[&index].clone();
        for (section, name, _) in log.records[&index].claims() {
            if !claim_names(&kept).contains(&ClaimName { section, name: name.into() }) {
                record.section_mut(section).hide(name);
            }
        }
        kept_only.push((index, record));
    }
    vec![
        Case::good("redaction-none-some-hidden", hiding(&RANGE, &["submitted.model"]).finish()),
        Case::good(
            "redaction-hide",
            ruled(
                hiding(&RANGE, &["submitted.model", "attested.workload"]),
                hide(&["submitted.model", "attested.workload"]),
            )
            .finish(),
        ),
        Case::good(
            "redaction-hide-and-more-hidden",
            ruled(hiding(&RANGE, &["submitted.model", "submitted.policy"]), hide(&["submitted.model"]))
                .finish(),
        ),
        Case::good(
            "redaction-hide-what-no-record-has",
            ruled(range(), hide(&["submitted.x-secret"])).finish(),
        ),
        Case::good("redaction-keep", ruled(log.package_of(kept_only), keep(&kept)).finish()),
        Case::good("redaction-keep-nothing", ruled(all_hidden(&RANGE), keep(&[])).finish()),
        Case::good(
            "redaction-profile",
            profiled.stating(|manifest| manifest.redaction.profile = Some("public".into())).finish(),
        ),
    ]
}

fn trees() -> Vec<Case> {
    let log = log();
    let of_size = |size: u64| {
        let mut small = Log::new(size);
        (0..size).for_each(|index| small.insert(index, log.records[&index].clone()));
        small.package(&[size - 1])
    };
    let mut huge = Log::new(HUGE);
    let places = [3, 1 << 32, (1 << 32) + 5, HUGE - 1];
    for (place, index) in places.iter().zip(3..) {
        huge.insert(*place, log.records[&index].clone());
    }
    let huge_package = |previous| huge.package(&places).with_previous(&huge, previous).finish();
    let previous = |size| log.package(&RANGE).with_previous(&log, size).finish();
    vec![
        Case::good("tree-of-1", of_size(1).finish()),
        Case::good("tree-of-2", of_size(2).finish()),
        Case::good("tree-of-8", of_size(8).finish()),
        Case::good("tree-of-2-53", huge_package((1 << 32) + 3)),
        Case::good("previous-of-2-52", huge_package(1 << 52)),
        Case::good("previous", previous(6)),
        Case::good("previous-of-1", previous(1)),
        Case::good("previous-of-8", previous(8)),
        Case::good("previous-of-10", previous(10)),
        Case::good("previous-of-the-same-size", previous(SIZE)),
    ]
}

/// The largest size that a checkpoint may have.
const HUGE: u64 = (1 << 53) - 1;

fn values() -> Vec<Case> {
    let own = |claims: &[(&str, Value)]| log().with(8, event(8, claims)).package(&[8]).finish();
    let with = |kind, submitted: &[(&str, Value)], attested: &[(&str, Value)]| {
        log().with(8, record(kind, time_ms(8), submitted, attested)).package(&[8]).finish()
    };
    let named = |names: &[&str]| {
        let subjects: Vec<Value> =
            names.iter().map(|name| map(&[("name", (*name).into()), ("digest", sha256(name))])).collect();
        with(22, &[("subject", list(&subjects)), ("type", "t".into()), ("environment", names[0].into())], &[])
    };
    let late = log().with(10, record(22, (1 << 53) - 1, &[], &[])).package(&[10]);
    let every_type = [
        ("x-array", list(&[list(&[]), Value::Null, Value::Bool(true), Value::Bool(false)])),
        ("x-integers", list(&[0, 23, 24, 255, 256, 65_535, 65_536, -1, -24, -25, -257].map(Value::Integer))),
        (
            "x-extremes",
            list(&[9_007_199_254_740_991, -9_007_199_254_740_991, 4_294_967_296].map(Value::Integer)),
        ),
        ("x-bytes", Value::Bytes((0..=255).collect())),
        ("x-empty", list(&["".into(), Value::Bytes(Vec::new()), map(&[]), list(&[])])),
        (
            "x-map",
            map(&[
                ("bb", Value::Null),
                ("a", Value::Null),
                ("", Value::Null),
                ("é", Value::Null),
                ("c c", Value::Null),
            ]),
        ),
        ("x-absent", map(&[("absent", Value::Integer(1)), ("more", Value::Null)])),
    ];
    let misfits = [
        ("subject", "no list".into()),
        ("model", Value::Integer(-1)),
        ("prompt_hash", Value::Bytes(vec![0xab, 0xcd])),
        ("agent", list(&[])),
        (
            "human_involvement",
            map(&[("level", map(&[("deep", list(&[Value::Null]))])), ("by", Value::Bool(true))]),
        ),
        (
            "approvals",
            list(&[map(&[("approver", "not a map".into()), ("index", Value::Integer(3))]), Value::Null]),
        ),
        ("policy", map(&[("digest", sha256("p")), ("list", list(&[Value::Integer(1), "é\n".into()]))])),
        ("environment", map(&[("absent", map(&[("why", Value::Null)]))])),
        ("decision", map(&[])),
    ];
    let attested = [
        ("workload", list(&["x".into(), list(&["y".into()])])),
        ("subject", "attested, and in no column".into()),
    ];
    vec![
        Case::good("absent-maps", log().package(&[7]).finish()),
        Case::good(
            "absent-with-more-members",
            with(
                4,
                &[
                    ("model", map(&[("absent", "a".into()), ("name", "b".into())])),
                    ("environment", absent("")),
                ],
                &[],
            ),
        ),
        Case::good("unknown-kind", log().package(&[9]).finish()),
        Case::good("sections-empty", with(23, &[], &[])),
        Case::good("claims-of-every-cbor-type", own(&every_type)),
        Case::good("claims-that-misfit", with(4, &misfits, &attested)),
        Case::good(
            "claim-names-in-map-order",
            own(&[
                ("x-bb", Value::Null),
                ("x-a", Value::Null),
                ("xa", Value::Null),
                ("z", Value::Null),
                ("x_", Value::Null),
            ]),
        ),
        Case::good(
            "csv-formulas",
            named(&[
                "=1+1",
                "+1",
                "-1",
                "@SUM(A1)",
                "'quoted'",
                " =1",
                "a;=1",
                "\u{ff1d}1",
                "\u{ff0b}1|\u{ff0d}1,\u{ff20}",
                "\t=1",
                "a=b",
                "=\u{301}",
            ]),
        ),
        Case::good(
            "csv-quotes-and-line-ends",
            named(&["\"", "a\"b\"", "a,b", "a\r\n=b", "\r", "\n", "; |", "''", "\",'"]),
        ),
        Case::good(
            "json-escapes",
            named(&["\u{0}\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"\\/\u{7f}\u{80}\u{2028}\u{2029}"]),
        ),
        Case::good(
            "unicode",
            named(&[
                "é e\u{301} \u{1f600} \u{10ffff} \u{ffff} \u{202e}abc \u{feff} <script>&amp;</script>",
                "漢字",
                "\u{feff}after a mark",
            ]),
        ),
        Case::good(
            "names-of-other-languages",
            own(&[(
                "constructor",
                map(&[
                    ("__proto__", Value::Integer(1)),
                    ("constructor", Value::Null),
                    ("length", "a".into()),
                ]),
            )]),
        ),
        Case::good("time-after-the-year-9999", late.finish()),
        Case::good("claim-of-16384-bytes", own(&[("x-long", "a".repeat(16_363).as_str().into())])),
    ]
}

fn manifests() -> Vec<Case> {
    let package = range();
    let text = String::from_utf8(package.finish()[MANIFEST].clone()).unwrap();
    let json = Json::parse(text.as_bytes()).unwrap();
    let Some(Json::Array(files)) = json.get("files") else { unreachable!("a manifest has files") };
    let files = files.iter().rev().map(|file| {
        let [sha256, size, name] = ["sha256", "size", "name"].map(|name| file.get(name).unwrap());
        format!(r#"{{"sha256":{sha256},"size":{size},"n\u0061me":{name}}}"#)
    });
    let files = files.collect::<Vec<_>>().join(",");
    let names =
        ["redaction", "count", "range", "filters", "previous", "checkpoint", "origin", "created_ms", "tool"];
    let members = names.map(|name| format!("\"{name}\":{},", json.get(name).unwrap())).concat();
    let reversed = format!("\t{{\"files\":[{files}],{members}\"format\":\"provlog\\u002dexport/v1\"}}\r\n ");
    let padded = text + &" ".repeat(65_536);
    let mut unknown_signature = package.files[CHECKPOINT].clone();
    unknown_signature.extend(signature_line("example.org/other", &[7; 68]).into_bytes());
    vec![
        Case::good("manifest-in-another-order-and-spelling", package.finish_with(reversed.as_bytes())),
        Case::good("manifest-of-65536-bytes", package.finish_with(&padded.as_bytes()[..65_536])),
        Case::good(
            "tool-and-time-not-checked",
            range()
                .stating(|manifest| {
                    manifest.tool = String::new();
                    manifest.created_ms = 0;
                })
                .finish(),
        ),
        Case::good("report-empty", range().with_file(REPORT, "").finish()),
        Case::good("unknown-signature", range().with_file(CHECKPOINT, unknown_signature).finish()),
    ]
}

/// The package whose entry 5 has this value under a claim: a reference, or a list of them.
pub fn referring(claim: &str, value: Value) -> Package {
    let mut log = log();
    log.insert(5, record(4, time_ms(5), &[(claim, value)], &[]));
    log.package(&RANGE)
}

/// A reference to an entry, with the leaf hash of `of`.
pub fn reference(index: u64, of: u64) -> Value {
    let leaf_hash = Value::Bytes(log().records[&of].entry.leaf_hash().0.to_vec());
    map(&[("index", Value::Integer(i64::try_from(index).unwrap())), ("leaf_hash", leaf_hash)])
}

fn references() -> Vec<Case> {
    let elsewhere = |origin: Value| {
        let Value::Map(mut map) = reference(3, 4) else { unreachable!("a reference is a map") };
        map.insert("origin", origin).unwrap();
        Value::Map(map)
    };
    let good =
        |name: &str, value| Case::good(format!("references-{name}"), referring("approvals", value).finish());
    vec![
        good("resolved", list(&[reference(3, 3)])),
        good("outside", list(&[reference(1, 4)])),
        good("resolved-and-outside", list(&[reference(3, 3), reference(0, 3)])),
        good("into-another-log", list(&[elsewhere("example.com/another".into())])),
        good("without-leaf-hash", list(&[map(&[("index", Value::Integer(3))])])),
        good("misfit-of-its-own", list(&["entry 3".into()])),
        Case::good("references-withdraws", referring("withdraws", reference(3, 3)).finish()),
    ]
}
