use super::types::Shape;
use super::*;
use crate::cbor::{Map, Value};
use crate::json::Json;
use crate::limits::VALUE_DEPTH_MAX;
use crate::record::is_claim_name;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const SHA1: &str = "f572d396fae9206628714fb2ce00f72e94f2258f";

fn json(text: &str) -> Json {
    let text = text.replace("$SHA256", SHA256).replace("$SHA1", SHA1).replace('\'', "\"");
    Json::parse(text.as_bytes()).unwrap()
}

fn read(claim: &str, text: &str) -> Result<Value, Misfit> {
    from_json(type_of(claim).unwrap(), json(text)).map_err(|misfit| misfit.within(claim))
}

#[test]
fn tables_fit_together() {
    let names: BTreeSet<&str> = CLAIMS.iter().map(|claim| claim.name).collect();
    assert_eq!(names.len(), CLAIMS.len(), "a claim is there twice");
    assert!(CLAIMS.iter().all(|claim| is_claim_name(claim.name) && !claim.name.starts_with("x-")));
    assert!(OPTIONAL_ON_ANY.iter().all(|name| names.contains(name)));
    let numbers: BTreeSet<u8> = KINDS.iter().map(|kind| kind.kind.number()).collect();
    assert_eq!(numbers.len(), KINDS.len(), "a number is there twice");
    for kind in KINDS {
        assert_eq!(kind_named(kind.name), kind_spec(kind.kind), "two kinds have the name {}", kind.name);
        assert!(!(kind.writer == KindWriter::Log && kind.accepted), "{}", kind.name);
        let own = [kind.required, kind.ungated, kind.optional].into_iter().flatten();
        let own: Vec<&str> = own.copied().collect();
        assert!(own.iter().all(|name| names.contains(name)), "{}: no type for one of {own:?}", kind.name);
        assert_eq!(own.iter().collect::<BTreeSet<_>>().len(), own.len(), "{}", kind.name);
        assert!(kind.claims().all(|(claim, _)| kind.allows(claim.name)));
        assert!(!kind.required.is_empty(), "{}", kind.name);
        let attested = kind.attested.iter().chain(ATTESTED_ON_ANY);
        assert!(attested.clone().all(|name| names.contains(name)), "{}", kind.name);
        // `workload` alone may be said by both, and the sections keep the two apart.
        assert!(kind.attested.iter().all(|name| is_attested_alone(name)), "{}", kind.name);
    }
    assert!(!is_attested_alone("workload") && !is_attested_alone("subject") && !is_attested_alone("x-gate"));
}

/// The unions are decided by shape or format alone, so no alternative may have a field that decides for another one.
#[test]
fn unions_are_disjoint() {
    fn visit(ty: &'static Type, depth: usize) {
        assert!(depth <= VALUE_DEPTH_MAX);
        for field in ty.fields().unwrap_or_default() {
            assert!(
                field.name != "absent" || core::ptr::eq(ty, ABSENT.alternative(&Value::Null)),
                "{}",
                field.name
            );
            visit(field.ty, depth + 1);
        }
        match ty {
            Type::ReferenceOr(_, other) => {
                let fields = other.alternative(&Value::Null).fields().unwrap();
                assert!(fields.iter().all(|field| field.name != "index" && field.name != "leaf_hash"));
                visit(other, depth);
            }
            Type::OneOrMany(one) => {
                assert!(!matches!(one.alternative(&Value::Array(Vec::new())), Type::List { .. }));
                visit(one, depth + 1);
            }
            Type::OrAbsent(inner) | Type::Named(_, inner) => visit(inner, depth),
            Type::ByFormat(maps) => {
                let words: Vec<&str> = maps
                    .iter()
                    .flat_map(|map| match map.fields().and_then(|fields| fields.first()) {
                        Some(Field { name: "format", ty: Type::Words(words), required: true }) => {
                            words.iter()
                        }
                        _ => panic!("its first field says which it is"),
                    })
                    .copied()
                    .collect();
                assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
                maps.iter().for_each(|map| visit(map, depth));
            }
            Type::List { item, .. } => visit(item, depth + 1),
            Type::FreeMap { value, .. } => visit(value, depth + 1),
            _ => {}
        }
    }
    CLAIMS.iter().for_each(|claim| visit(claim.ty, 0));
}

#[test]
fn what_fits() {
    let cases = [
        ("subject", "[{'digest':{'sha256':'$SHA256'}}]"),
        (
            "subject",
            "[{'digest':{'gitCommit':'$SHA1'}},{'name':'a','uri':'b','digest':{'gitTree':'$SHA256'}}]",
        ),
        ("model", "{'provider':'p','name':'m','version':'1'}"),
        (
            "model",
            "{'provider':{'absent':'not_recorded'},'name':'m','version':{'absent':'withheld','note':'n'}}",
        ),
        ("model", "[{'provider':'p','name':'m','version':'1'},{'provider':'p','name':'m','version':'1'}]"),
        ("model", "{'absent':'not_applicable'}"),
        ("prompt_hash", "{'sha256':'$SHA256'}"),
        ("prompt_hash", "[{'sha256':'$SHA256'},{'sha256':'$SHA256'}]"),
        ("context", "[]"),
        ("context", "{'absent':'not_recorded'}"),
        ("human_involvement", "{'level':'reviewed','by':[{'id':'alice','kind':'human'}]}"),
        ("permissions", "[]"),
        ("intent", "{'id':'i','purpose':'p','scope':{'paths':['src/'],'none':[]},'expires_at_ms':0}"),
        ("approvals", "[{'index':7,'leaf_hash':'$SHA256'},{'approver':{'id':'bob'},'method':'m'}]"),
        ("approvals", "[]"),
        (
            "generations",
            "[{'model':{'absent':'withheld'},'prompt_hash':{'absent':'withheld'}},{'index':0,'leaf_hash':'$SHA256'}]",
        ),
        (
            "scans",
            "[{'tool':{'name':'t','version':'1'},'target':{'sha256':'$SHA256'},'verdict':'pass','counts':{'high':0}}]",
        ),
        ("dependencies", "[{'purl':'pkg:cargo/a@1','change':'added','install_script':false}]"),
        ("correlation", "{'trace':'','change':'4711'}"),
        ("occurred_at_ms", "9007199254740991"),
        ("workload", "{'method':'oidc','claims':{'ref':''},'binding':'statement'}"),
        ("log", "{'origin':'o','id':'00112233445566778899aabbccddeeff','key':'k','format':1}"),
        ("x-anything", "[null,true,-1,'',{'absent':'','':{}}]"),
    ];
    for (claim, text) in cases {
        let value = read(claim, text).unwrap_or_else(|misfit| panic!("{claim} {text}: {misfit}"));
        assert_eq!(read(claim, &to_json(&value).to_string()), Ok(value), "{claim} {text}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let cases = [
        ("subject", "[]", "subject: expected a list of at least 1, got a list of 0"),
        ("subject", "{'digest':{'sha256':'$SHA256'}}", "subject: expected a list of at least 1, got a map"),
        ("subject", "[{}]", "subject.0.digest: expected a digest"),
        (
            "subject",
            "[{'digest':{}}]",
            "subject.0.digest: expected a digest (a map of algorithms to bytes, such as sha256), got an empty map",
        ),
        ("subject", "[{'digest':{'md5':'00'}}]", "subject.0.digest.md5: expected only sha256, sha512_256"),
        (
            "subject",
            "[{'digest':{'sha256':'00'}}]",
            "subject.0.digest.sha256: expected 32 bytes (in JSON, 64 lowercase hex digits), got a byte string of 1",
        ),
        (
            "subject",
            "[{'digest':{'gitCommit':'00'}}]",
            "gitCommit: expected 20 or 32 bytes (in JSON, 40 or 64 lowercase hex digits)",
        ),
        (
            "subject",
            "[{'digest':{'gitCommit':'F572D396FAE9206628714FB2CE00F72E94F2258F'}}]",
            "lowercase hex digits), got \"F572",
        ),
        ("subject", "[{'digest':{'sha256':'$SHA256','sha384':'$SHA256'}}]", "sha384: expected 48 bytes"),
        (
            "subject",
            "[{'digest':{'sha256':'$SHA256'},'name':''}]",
            "subject.0.name: expected a string that is not empty, got \"\"",
        ),
        (
            "model",
            "[{'provider':'p','name':'m','version':'1'}]",
            "model: expected a map with provider, name, version, or a list of at least 2 (one stands as itself), or an absence (a map with absent), got a list of 1",
        ),
        (
            "model",
            "{'provider':'p','name':'m'}",
            "model.version: expected a string that is not empty, or an absence (a map with absent), got nothing",
        ),
        (
            "model",
            "{'provider':'p','name':'m','version':null}",
            "model.version: expected a string that is not empty, or an absence (a map with absent), got null",
        ),
        (
            "model",
            "{'provider':'p','name':'m','version':'1','size':7}",
            "model.size: expected only provider, name, version, parameters_digest, got an unknown field",
        ),
        (
            "model",
            "{'provider':'p','name':{'absent':'withheld'},'version':'1'}",
            "model.name: expected a string that is not empty, got a map",
        ),
        (
            "model",
            "{'absent':'not_recorded','name':'m'}",
            "model.name: expected only absent, note, got an unknown field",
        ),
        (
            "model",
            "{'absent':'unknown'}",
            "model.absent: expected not_recorded or not_applicable or withheld, got \"unknown\"",
        ),
        (
            "model",
            "[{'absent':'withheld'},{'absent':'withheld'}]",
            "model.0: expected a map with provider, name, version, got an absence",
        ),
        ("model", "null", "got null"),
        ("prompt_hash", "[{'sha256':'$SHA256'}]", "prompt_hash: expected a digest"),
        ("prompt_hash", "'$SHA256'", "prompt_hash: expected a digest"),
        (
            "human_involvement",
            "{'level':'some'}",
            "human_involvement.level: expected none or prompted or reviewed or edited, got \"some\"",
        ),
        (
            "human_involvement",
            "{'level':'none','by':[]}",
            "human_involvement.by: expected a list of at least 1, got a list of 0",
        ),
        ("permissions", "['']", "permissions.0: expected a string that is not empty"),
        ("permissions", "{'absent':'withheld'}", "permissions: expected a list, got a map"),
        (
            "intent",
            "{'id':'i','purpose':'p','scope':{'absent':[]}}",
            "intent.scope: expected a map of names to values, got an absence",
        ),
        (
            "intent",
            "{'id':'i','purpose':'p','scope':{'':[]}}",
            "intent.scope: expected names that are not empty",
        ),
        (
            "intent",
            "{'id':'i','purpose':'p','scope':{'paths':['']}}",
            "intent.scope.paths.0: expected a string that is not empty",
        ),
        (
            "approvals",
            "[{'index':7,'approver':{'id':'a'},'method':'m'}]",
            "approvals.0.method: expected only index, leaf_hash, origin",
        ),
        (
            "approvals",
            "[{'index':-1,'leaf_hash':'$SHA256'}]",
            "approvals.0.index: expected an integer from 0 to 2^53-1, got -1",
        ),
        (
            "approvals",
            "[7]",
            "approvals.0: expected a map with index, leaf_hash, or a map with approver, method, got 7",
        ),
        ("approval", "{'index':7,'leaf_hash':'$SHA256'}", "approval.index: expected only approver"),
        ("generations", "[]", "generations: expected a list of at least 1"),
        (
            "scan",
            "{'tool':{'name':'t','version':'1'},'target':{'sha256':'$SHA256'},'verdict':'pass','counts':{'high':-1}}",
            "scan.counts.high: expected an integer from 0 to 2^53-1, got -1",
        ),
        ("decision", "{'outcome':'ALLOW'}", "decision.outcome: expected allow or deny or observed"),
        (
            "dependencies",
            "[{'purl':'p','change':'added','install_script':'no'}]",
            "install_script: expected true or false, got \"no\"",
        ),
        (
            "correlation",
            "{}",
            "correlation: expected a map of names to values, at least 1, or an absence (a map with absent), got an empty map",
        ),
        ("correlation", "{'trace':1}", "correlation.trace: expected a string, got 1"),
        ("environment", "''", "environment: expected a string that is not empty"),
        (
            "occurred_at_ms",
            "'1790000000000'",
            "occurred_at_ms: expected an integer from 0 to 2^53-1, got \"1790000000000\"",
        ),
        (
            "log",
            "{'origin':'o','id':'00112233445566778899aabbccddeeff','key':'k','format':2}",
            "log.format: expected 1, got 2",
        ),
        ("policy_text", "7", "policy_text: expected a string that is not empty, got 7"),
        ("environment", "['a','b']", "got a list of 2"),
    ];
    for (claim, text, expected) in cases {
        let misfit = read(claim, text).expect_err(text).to_string();
        assert!(
            misfit.contains(expected),
            "{claim} {text}\n  expected ...{expected}...\n  got      {misfit}"
        );
    }
}

#[test]
fn long_strings_are_cut_in_errors() {
    let misfit = check(&Type::Uint, &Value::Text("é".repeat(300))).unwrap_err();
    assert_eq!(misfit.got, format!("\"{}\"... (600 bytes)", "é".repeat(40)));
}

#[test]
fn readers_check_by_name() {
    assert_eq!(check_claim("model", &Value::from("m")).unwrap().path, "model");
    assert_eq!(check_claim("environment", &Value::from("production")), None);
    assert_eq!(check_claim("a-later-claim", &Value::Bytes([1].into())), None);
    let bytes_within = Value::Array([Value::Bytes([1].into())].into());
    assert_eq!(check_claim("x-mine", &bytes_within).unwrap().path, "x-mine.0");
    assert_eq!(check_claim("x-mine", &Value::Integer(i64::MIN)).unwrap().fault, MisfitFault::Type);
}

#[test]
fn what_does_not_fit_is_still_shown() {
    let mut map = Map::new();
    map.insert("digest", Value::Bytes([0xab].into())).unwrap();
    let value = Value::Array([Value::Map(map), Value::Null].into());
    assert_eq!(to_json(&value).to_string(), r#"[{"digest":"ab"},null]"#);
}

#[test]
fn members_given_twice_are_refused() {
    let twice = Json::Object([("id".into(), "a".into()), ("id".into(), "b".into())].into());
    assert_eq!(from_json(&PRINCIPAL, twice).unwrap_err().path, "id");
}

#[test]
fn digests_agree_on_what_they_share() {
    let digest = |text: &str| match json(text) {
        object @ Json::Object(_) => convert(&DIGEST, object).unwrap().as_map().unwrap().clone(),
        other => panic!("{other}"),
    };
    let both = digest("{'sha256':'$SHA256','gitCommit':'$SHA1'}");
    let one = digest("{'sha256':'$SHA256'}");
    let other_value = digest("{'sha256':'$SHA256','gitCommit':'$SHA256'}");
    let other_algorithm = digest("{'gitTree':'$SHA1'}");
    assert!(digests_agree(&both, &both) && digests_agree(&both, &one) && digests_agree(&one, &both));
    assert!(!digests_agree(&both, &other_value));
    assert!(!digests_agree(&both, &other_algorithm));
    assert!(!digests_agree(&Map::new(), &Map::new()));
}

fn text(least: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), least..5).prop_map(String::from_iter)
}

fn integers() -> impl Strategy<Value = i64> {
    prop_oneof![0..30_i64, Just(0), Just((1 << 53) - 1), -((1_i64 << 53) - 1)..(1 << 53)]
}

fn any_value() -> BoxedStrategy<Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integers().prop_map(Value::Integer),
        text(0).prop_map(Value::Text),
    ];
    let value = scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(text(0), inner, 0..4).prop_map(map_of),
        ]
    });
    value.boxed()
}

fn map_of(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Map(Map::from_entries(entries.into_iter().collect()).unwrap())
}

/// Values that fit the type.
fn values(ty: &'static Type) -> BoxedStrategy<Value> {
    match ty {
        Type::Text => text(1).prop_map(Value::Text).boxed(),
        Type::TextOrEmpty => text(0).prop_map(Value::Text).boxed(),
        Type::Uint => integers().prop_map(|integer| Value::Integer(integer.abs())).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Bytes(lengths) => prop::sample::select(*lengths)
            .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
            .prop_map(Value::Bytes)
            .boxed(),
        Type::AnyBytes => prop::collection::vec(any::<u8>(), 1..40).prop_map(Value::Bytes).boxed(),
        Type::ByFormat(maps) => prop::sample::select(*maps).prop_flat_map(values).boxed(),
        Type::Literal(integer) => Just(Value::Integer(*integer)).boxed(),
        Type::Words(words) => prop::sample::select(*words).prop_map(Value::from).boxed(),
        Type::Digest => {
            fields(ty.fields().unwrap()).prop_filter("one", |map| !map.as_map().unwrap().is_empty()).boxed()
        }
        Type::Object(of) => fields(of),
        Type::List { least, item } => {
            prop::collection::vec(values(item), *least..*least + 3).prop_map(Value::Array).boxed()
        }
        Type::FreeMap { least, value } => {
            let names = text(1).prop_filter("absent", |name| name != "absent");
            prop::collection::btree_map(names, values(value), *least..*least + 3).prop_map(map_of).boxed()
        }
        Type::OneOrMany(one) => {
            let many = prop::collection::vec(values(one), 2..4).prop_map(Value::Array);
            prop_oneof![values(one), many].boxed()
        }
        Type::ReferenceOr(_, other) => prop_oneof![values(&REFERENCE), values(other)].boxed(),
        Type::OrAbsent(other) => prop_oneof![4 => values(other), 1 => values(&ABSENT)].boxed(),
        Type::Named(_, inner) => values(inner),
        Type::Any => any_value(),
    }
}

fn fields(of: &'static [Field]) -> BoxedStrategy<Value> {
    let fields: Vec<_> = of
        .iter()
        .map(|field| {
            let present = if field.required { Just(true).boxed() } else { any::<bool>().boxed() };
            (present, values(field.ty))
                .prop_map(move |(present, value)| present.then(|| (field.name.into(), value)))
        })
        .collect();
    fields.prop_map(|fields| map_of(fields.into_iter().flatten())).boxed()
}

fn claim_values() -> impl Strategy<Value = (&'static str, Value)> {
    let names: Vec<&str> = CLAIMS.iter().map(|claim| claim.name).chain(["x-mine"]).collect();
    prop::sample::select(names)
        .prop_flat_map(|name| values(type_of(name).unwrap()).prop_map(move |value| (name, value)))
}

proptest! {
    #[test]
    fn json_round_trip((name, value) in claim_values()) {
        prop_assert_eq!(check_claim(name, &value), None);
        let text = to_json(&value).to_string();
        let read = from_json(type_of(name).unwrap(), Json::parse(text.as_bytes()).unwrap());
        prop_assert_eq!(read.as_ref(), Ok(&value), "{}", text);
        prop_assert_eq!(Value::parse(&value.to_bytes(), VALUE_DEPTH_MAX), Ok(value));
    }

    #[test]
    fn a_field_too_many_or_too_few_is_refused((name, value) in claim_values(), pick in any::<prop::sample::Index>()) {
        let chosen = type_of(name).unwrap().alternative(&value);
        let (Type::Object(fields), Value::Map(map)) = (chosen, &value) else { return Ok(()) };
        let entries: Vec<(String, Value)> = map.iter().map(|(name, value)| (name.into(), value.clone())).collect();

        let more = entries.iter().cloned().chain([("zz".into(), Value::Null)]);
        let misfit = check_claim(name, &map_of(more)).unwrap();
        prop_assert_eq!((misfit.fault, misfit.path), (MisfitFault::UnknownField, format!("{name}.zz")));

        let required: Vec<&Field> = fields.iter().filter(|field| field.required).collect();
        let gone = pick.get(&required).name;
        if !matches!(gone, "absent" | "format") {
            let fewer = entries.into_iter().filter(|(name, _)| name != gone);
            let misfit = check_claim(name, &map_of(fewer)).unwrap();
            prop_assert!(misfit.fault != MisfitFault::Type, "{misfit}");
        }
    }

    #[test]
    fn arbitrary_json_fits_only_what_it_maps_to(value in any_value(), pick in any::<prop::sample::Index>()) {
        let ty = pick.get(CLAIMS).ty;
        if let Ok(read) = from_json(ty, to_json(&value)) {
            prop_assert_eq!(to_json(&read), to_json(&value));
        }
        prop_assert_eq!(from_json(&Type::Any, to_json(&value)), Ok(value));
    }
}

#[test]
fn shapes_are_the_same_in_json_and_cbor() {
    for text in ["[]", "{}", "{'absent':1}", "{'index':1}", "{'format':'jwt'}", "{'format':1}", "7"] {
        let (json, value) = (json(text), convert(&Type::Any, json(text)).unwrap());
        assert_eq!(json.is_list(), value.is_list());
        assert!(["absent", "index"].iter().all(|member| json.has(member) == value.has(member)));
        assert_eq!(json.text("format"), value.text("format"));
    }
}
