//! JSON Schema (draft 2020-12) of submissions, from the claim table.
//!
//! What a schema can't say is left to [`provlog_core::submission`]: that salts are one a claim and differ, that numbers such as
//! `1.0` are refused, and the limits in bytes.

use provlog_core::claims::{ABSENT, EVIDENCE, Field, KINDS, KindSpec, REFERENCE, Type};
use provlog_core::json::Json;
use provlog_core::limits::{CLAIM_NAME_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, INTEGER_MAX, SALT_BYTES};
use std::{env, fs};

/// The key that makes a map an `absent`.
const ABSENT_KEY: &str = "absent";

/// Where the definition of [`Type::Any`] stands: the only recursive type.
const ANY: &str = "any";

const LARGEST: i64 = INTEGER_MAX.cast_signed();

/// The schema of a submission of this kind, as a body or as a line of a batch.
pub(crate) fn schema(kind: &KindSpec) -> Json {
    let mut definitions = Definitions::default();
    let claims = claims_schema(kind, &mut definitions);
    let properties = object([
        ("kind", object([("const", kind.name.into())])),
        ("claims", claims),
        ("salts", salts_schema()),
        ("evidence", evidence_schema(&mut definitions)),
        ("idempotency_key", idempotency_key_schema()),
    ]);
    object([
        ("$schema", "https://json-schema.org/draft/2020-12/schema".into()),
        ("title", Json::String(format!("provlog {} submission", kind.name))),
        ("description", kind.meaning.into()),
        ("type", "object".into()),
        ("properties", properties),
        ("required", strings(["kind", "claims"])),
        ("dependentRequired", object([("evidence", strings(["salts"]))])),
        ("additionalProperties", Json::Bool(false)),
        ("$defs", Json::Object(definitions.0)),
    ])
}

fn claims_schema(kind: &KindSpec, definitions: &mut Definitions) -> Json {
    let mut properties = Vec::new();
    for (claim, _) in kind.claims() {
        let mut members = Vec::from([("description".to_string(), claim.help.into())]);
        if let Json::Object(own) = definitions.schema(claim.ty) {
            members.extend(own);
        }
        properties.push((claim.name.to_string(), Json::Object(members)));
    }
    let required = kind.claims().filter(|(_, required)| *required).map(|(claim, _)| claim.name);
    let required = strings(required);
    let extension = format!("^x-[a-z0-9_-]{{0,{}}}$", CLAIM_NAME_BYTES_MAX - "x-".len());
    let any = definitions.schema(&Type::Any);
    object([
        ("type", "object".into()),
        ("properties", Json::Object(properties)),
        ("patternProperties", Json::Object(Vec::from([(extension, any)]))),
        ("required", required),
        ("additionalProperties", Json::Bool(false)),
    ])
}

fn salts_schema() -> Json {
    let zero = "00".repeat(SALT_BYTES);
    let salt = object([
        ("type", "string".into()),
        ("pattern", hex_pattern(&[SALT_BYTES])),
        ("not", object([("const", Json::String(zero))])),
    ]);
    object([
        ("description", "a random salt for every claim, or none at all".into()),
        ("type", "object".into()),
        ("additionalProperties", salt),
    ])
}

fn evidence_schema(definitions: &mut Definitions) -> Json {
    let mut members = Vec::from([(
        "description".to_string(),
        "what shows which workload submits: a token or a signature that is of these claims under these salts alone".into(),
    )]);
    if let Json::Object(own) = definitions.schema(&EVIDENCE) {
        members.extend(own);
    }
    Json::Object(members)
}

fn idempotency_key_schema() -> Json {
    object([
        ("description", "equal keys of one caller are one entry; for lines of a batch".into()),
        ("type", "string".into()),
        ("pattern", Json::String(format!("^[!-~]{{1,{IDEMPOTENCY_KEY_BYTES_MAX}}}$"))),
    ])
}

/// The named types that were met, each once, for `$defs`.
#[derive(Default)]
struct Definitions(Vec<(String, Json)>);

impl Definitions {
    fn schema(&mut self, ty: &'static Type) -> Json {
        match ty {
            Type::Named(name, inner) => self.named(name, |definitions| definitions.schema(inner)),
            Type::Any => self.named(ANY, |_| any_schema()),
            Type::Text => object([("type", "string".into()), ("minLength", Json::Integer(1))]),
            Type::TextOrEmpty => object([("type", "string".into())]),
            Type::Uint => object([
                ("type", "integer".into()),
                ("minimum", Json::Integer(0)),
                ("maximum", Json::Integer(LARGEST)),
            ]),
            Type::Bool => object([("type", "boolean".into())]),
            Type::Bytes(lengths) => object([("type", "string".into()), ("pattern", hex_pattern(lengths))]),
            Type::AnyBytes => object([("type", "string".into()), ("pattern", "^([0-9a-f]{2})+$".into())]),
            Type::Literal(integer) => object([("const", Json::Integer(*integer))]),
            Type::Words(words) => object([("enum", strings(words.iter().copied()))]),
            Type::Object(fields) => self.fields(fields, 0),
            Type::Digest => self.fields(ty.fields().unwrap_or_default(), 1),
            Type::List { least, item } => self.list(*least, item),
            Type::FreeMap { least, value } => self.free_map(*least, value),
            Type::OneOrMany(_) | Type::ReferenceOr(..) | Type::OrAbsent(_) | Type::ByFormat(_) => {
                let mut alternatives = Vec::new();
                self.alternatives(ty, &mut alternatives);
                object([("anyOf", Json::Array(alternatives))])
            }
        }
    }

    fn named(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Json) -> Json {
        if !self.0.iter().any(|(known, _)| known == name) {
            let definition = make(self);
            self.0.push((name.into(), definition));
        }
        object([("$ref", Json::String(format!("#/$defs/{name}")))])
    }

    /// Unions within unions, flat.
    fn alternatives(&mut self, ty: &'static Type, into: &mut Vec<Json>) {
        match ty {
            Type::OrAbsent(other) => {
                self.alternatives(other, into);
                into.push(self.schema(&ABSENT));
            }
            Type::ReferenceOr(_, other) => {
                into.push(self.schema(&REFERENCE));
                self.alternatives(other, into);
            }
            Type::ByFormat(maps) => into.extend(maps.iter().map(|map| self.schema(map))),
            Type::OneOrMany(one) => {
                self.alternatives(one, into);
                into.push(self.list(2, one));
            }
            _ => into.push(self.schema(ty)),
        }
    }

    fn fields(&mut self, fields: &'static [Field], least: usize) -> Json {
        let properties = fields.iter().map(|field| (field.name.to_string(), self.schema(field.ty))).collect();
        let required = fields.iter().filter(|field| field.required).map(|field| field.name);
        let mut members = Vec::from([
            ("type".to_string(), "object".into()),
            ("properties".to_string(), Json::Object(properties)),
            ("required".to_string(), strings(required)),
            ("additionalProperties".to_string(), Json::Bool(false)),
        ]);
        if least > 0 {
            members.push(("minProperties".into(), length(least)));
        }
        Json::Object(members)
    }

    fn list(&mut self, least: usize, item: &'static Type) -> Json {
        object([("type", "array".into()), ("items", self.schema(item)), ("minItems", length(least))])
    }

    fn free_map(&mut self, least: usize, value: &'static Type) -> Json {
        let names =
            object([("minLength", Json::Integer(1)), ("not", object([("const", ABSENT_KEY.into())]))]);
        object([
            ("type", "object".into()),
            ("propertyNames", names),
            ("additionalProperties", self.schema(value)),
            ("minProperties", length(least)),
        ])
    }
}

fn any_schema() -> Json {
    let reference = || object([("$ref", Json::String(format!("#/$defs/{ANY}")))]);
    object([
        ("type", strings(["null", "boolean", "integer", "string", "array", "object"])),
        ("minimum", Json::Integer(-LARGEST)),
        ("maximum", Json::Integer(LARGEST)),
        ("items", reference()),
        ("additionalProperties", reference()),
    ])
}

fn hex_pattern(lengths: &[usize]) -> Json {
    let alternatives: Vec<String> =
        lengths.iter().map(|length| format!("[0-9a-f]{{{}}}", length.saturating_mul(2))).collect();
    Json::String(format!("^({})$", alternatives.join("|")))
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn strings<'a>(items: impl IntoIterator<Item = &'a str>) -> Json {
    Json::Array(items.into_iter().map(Json::from).collect())
}

fn length(length: usize) -> Json {
    Json::Integer(i64::try_from(length).unwrap_or(i64::MAX))
}

/// `docs/schema/<kind>.json` is what [`schema`] makes. `PROVLOG_BLESS=1` writes it.
#[test]
fn checked_in_schemas_are_current() {
    for kind in KINDS.iter().filter(|kind| kind.accepted) {
        let path = format!("{}/../../docs/schema/{}.json", env!("CARGO_MANIFEST_DIR"), kind.name);
        let current = serde_json::to_string_pretty(&schema(kind)).unwrap() + "\n";
        if env::var("PROVLOG_BLESS").is_ok_and(|bless| bless == "1") {
            fs::write(&path, &current).unwrap();
        }
        let checked_in = fs::read_to_string(&path).unwrap_or_default();
        assert!(checked_in == current, "{path} is not current: run this test with PROVLOG_BLESS=1");
    }
}
