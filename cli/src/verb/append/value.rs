//! What a claim's flag says, as the claim's JSON. One mechanism for every claim, driven by its type.
//!
//! - text and integers are written as they are;
//! - a value that starts with `{` or `[` is JSON, `@FILE` a file of JSON (`@-`: standard input);
//! - `absent:REASON` is an absence, where the type allows one;
//! - a list is given by repeating the flag, free maps by `NAME=VALUE`, digests by `ALGORITHM:HEX`;
//! - an object with one required field by that field alone; models, policies and references have short forms too.
//!
//! Whether the result fits its type is for the claim table to say, not for this module.

use crate::local::digest::{self, DigestError};
use crate::local::files::{self, ReadError};
use provlog_core::claims::{Field, Type};
use provlog_core::json::{Json, JsonError};
use provlog_core::limits::SUBMISSION_BYTES_MAX;
use std::path::Path;

const ABSENT: &str = "absent:";

/// What a part of a model that wasn't named is: nobody has to invent evidence.
const NOT_RECORDED: &str = "not_recorded";

/// A flag's value that can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("expected one value, got {0}")]
    Count(usize),
    #[error("expected an integer from 0 to 2^53-1, got {0:?}")]
    Integer(String),
    #[error("expected {form}, JSON or @FILE, got {got:?}")]
    Form { form: String, got: String },
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("JSON: {0}")]
    Json(#[from] JsonError),
    #[error("JSON of {path}: {source}")]
    JsonFile { path: String, source: JsonError },
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The JSON of a claim of this type whose flag was given these values, in this order.
pub(crate) fn claim_json(ty: &'static Type, given: &[String]) -> Result<Json, ValueError> {
    let bare = Bare::of(ty);
    if let [only] = given
        && bare.may_be_absent
        && let Some(reason) = only.strip_prefix(ABSENT)
    {
        return Ok(absent(reason));
    }
    match bare.ty {
        Type::List { item, .. } => Ok(Json::Array(items(item, given)?)),
        Type::OneOrMany(item) => {
            let mut items = items(item, given)?;
            Ok(if items.len() == 1 { items.remove(0) } else { Json::Array(items) })
        }
        Type::FreeMap { value, .. } => free_map(value, given),
        scalar @ (Type::Text | Type::Uint) => short(scalar, one(given)?),
        other => part(other, one(given)?),
    }
}

/// The short form that a flag of this type takes, for help and messages; `JSON` where it has none.
pub(crate) fn form(ty: &'static Type) -> String {
    match Bare::of(ty).ty {
        Type::Text | Type::TextOrEmpty => "TEXT".into(),
        Type::Uint => "INTEGER".into(),
        Type::Words(words) => words.join("|"),
        Type::Digest => "ALGORITHM:HEX".into(),
        Type::List { item, .. } | Type::OneOrMany(item) => form(item),
        Type::FreeMap { .. } => "NAME=VALUE".into(),
        Type::ReferenceOr(..) => "INDEX:LEAF_HASH".into(),
        Type::Object(fields) => match required(fields).as_slice() {
            [field] => named_form(field),
            fields if is_model(fields) => "PROVIDER/NAME@VERSION".into(),
            fields if is_policy(fields) => "NAME@VERSION=ALGORITHM:HEX".into(),
            _ => "JSON".into(),
        },
        _ => "JSON".into(),
    }
}

struct Bare {
    ty: &'static Type,
    may_be_absent: bool,
}

impl Bare {
    fn of(mut ty: &'static Type) -> Self {
        let mut may_be_absent = false;
        loop {
            match ty {
                Type::Named(_, inner) => ty = inner,
                Type::OrAbsent(inner) => (ty, may_be_absent) = (inner, true),
                _ => return Self { ty, may_be_absent },
            }
        }
    }
}

fn one(given: &[String]) -> Result<&str, ValueError> {
    match given {
        [only] => Ok(only),
        _ => Err(ValueError::Count(given.len())),
    }
}

/// Each value is an item, or a JSON array of them.
fn items(item: &'static Type, given: &[String]) -> Result<Vec<Json>, ValueError> {
    let mut items = Vec::with_capacity(given.len());
    for text in given {
        match part(item, text)? {
            Json::Array(several) => items.extend(several),
            single => items.push(single),
        }
    }
    Ok(items)
}

fn free_map(value: &'static Type, given: &[String]) -> Result<Json, ValueError> {
    let mut members = Vec::with_capacity(given.len());
    for text in given {
        if let Some(json) = json_text(text)? {
            match json {
                Json::Object(several) => members.extend(several),
                other => return Ok(other),
            }
        } else {
            let (name, text) = text.split_once('=').ok_or_else(|| misformed("NAME=VALUE", text))?;
            members.push((name.into(), short(value, text)?));
        }
    }
    Ok(Json::Object(members))
}

fn part(ty: &'static Type, text: &str) -> Result<Json, ValueError> {
    match json_text(text)? {
        Some(json) => Ok(json),
        None => short(ty, text),
    }
}

fn json_text(text: &str) -> Result<Option<Json>, ValueError> {
    if let Some(path) = text.strip_prefix('@') {
        let bytes = files::read(Path::new(path), SUBMISSION_BYTES_MAX)?;
        let json = Json::parse(&bytes);
        json.map(Some).map_err(|source| ValueError::JsonFile { path: path.into(), source })
    } else if text.starts_with(['{', '[']) {
        Ok(Some(Json::parse(text.as_bytes())?))
    } else {
        Ok(None)
    }
}

fn short(ty: &'static Type, text: &str) -> Result<Json, ValueError> {
    match Bare::of(ty).ty {
        Type::Text | Type::TextOrEmpty | Type::Words(_) => Ok(text.into()),
        Type::Uint => integer(text),
        Type::Digest => Ok(digest::json_of(text)?),
        Type::ReferenceOr(..) => reference(text),
        Type::Object(fields) => match required(fields).as_slice() {
            [field] => Ok(object([(field.name, short(field.ty, text)?)])),
            fields if is_model(fields) => Ok(model(text)),
            fields if is_policy(fields) => policy(text),
            _ => Err(misformed("an object", text)),
        },
        other => Err(misformed(&other.to_string(), text)),
    }
}

fn integer(text: &str) -> Result<Json, ValueError> {
    let parsed = provlog_core::checkpoint::decimal(text).and_then(|number| i64::try_from(number).ok());
    parsed.map(Json::Integer).ok_or_else(|| ValueError::Integer(text.into()))
}

/// `[PROVIDER/]NAME[@VERSION]`; what is left out is stated as not recorded.
fn model(text: &str) -> Json {
    let (rest, version) = match text.rsplit_once('@') {
        Some((rest, version)) => (rest, version.into()),
        None => (text, absent(NOT_RECORDED)),
    };
    let (provider, name) = match rest.split_once('/') {
        Some((provider, name)) => (provider.into(), name),
        None => (absent(NOT_RECORDED), rest),
    };
    object([("provider", provider), ("name", name.into()), ("version", version)])
}

fn policy(text: &str) -> Result<Json, ValueError> {
    let parts = text.split_once('=').and_then(|(policy, digest)| Some((policy.rsplit_once('@')?, digest)));
    let ((name, version), digest) = parts.ok_or_else(|| misformed("NAME@VERSION=ALGORITHM:HEX", text))?;
    Ok(object([("name", name.into()), ("version", version.into()), ("digest", digest::json_of(digest)?)]))
}

fn reference(text: &str) -> Result<Json, ValueError> {
    let (index, leaf_hash) = text.split_once(':').ok_or_else(|| misformed("INDEX:LEAF_HASH", text))?;
    Ok(object([("index", integer(index)?), ("leaf_hash", leaf_hash.into())]))
}

fn absent(reason: &str) -> Json {
    object([("absent", reason.into())])
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

fn misformed(form: &str, got: &str) -> ValueError {
    ValueError::Form { form: form.into(), got: got.into() }
}

fn required(fields: &'static [Field]) -> Vec<&'static Field> {
    fields.iter().filter(|field| field.required).collect()
}

fn named_form(field: &Field) -> String {
    match Bare::of(field.ty).ty {
        Type::Text => field.name.to_uppercase(),
        _ => form(field.ty),
    }
}

fn is_model(required: &[&Field]) -> bool {
    names(required).eq(["provider", "name", "version"])
}

fn is_policy(required: &[&Field]) -> bool {
    names(required).eq(["name", "version", "digest"])
}

fn names<'a>(fields: &'a [&Field]) -> impl Iterator<Item = &'static str> + 'a {
    fields.iter().map(|field| field.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::claims::{from_json, type_of};

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn json(claim: &str, given: &[&str]) -> Result<Json, ValueError> {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        claim_json(type_of(claim).unwrap(), &given)
    }

    #[test]
    fn every_short_form_makes_what_the_table_takes() {
        let leaf = "ab".repeat(32);
        let subject = format!("gitCommit:{COMMIT},gitTree:{COMMIT}");
        let policy = format!("release@7=sha256:{leaf}");
        let reference = format!("12:{leaf}");
        let cases = [
            ("environment", vec!["{production}"], r#""{production}""#.to_string()),
            ("occurred_at_ms", vec!["1790000000000"], "1790000000000".into()),
            (
                "subject",
                vec![subject.as_str()],
                format!(r#"[{{"digest":{{"gitCommit":"{COMMIT}","gitTree":"{COMMIT}"}}}}]"#),
            ),
            (
                "model",
                vec!["example/org/m-1@2026-01"],
                r#"{"provider":"example","name":"org/m-1","version":"2026-01"}"#.into(),
            ),
            (
                "model",
                vec!["m-1"],
                r#"{"provider":{"absent":"not_recorded"},"name":"m-1","version":{"absent":"not_recorded"}}"#
                    .into(),
            ),
            ("model", vec!["absent:withheld"], r#"{"absent":"withheld"}"#.into()),
            ("agent", vec!["editor", "reviewer"], r#"[{"name":"editor"},{"name":"reviewer"}]"#.into()),
            ("session", vec!["s-1"], r#"{"id":"s-1"}"#.into()),
            ("human_involvement", vec!["reviewed"], r#"{"level":"reviewed"}"#.into()),
            ("decision", vec!["observed"], r#"{"outcome":"observed"}"#.into()),
            ("permissions", vec!["read", r#"["write","run"]"#], r#"["read","write","run"]"#.into()),
            ("tools", vec![r#"{"name":"sh","version":"5"}"#], r#"[{"name":"sh","version":"5"}]"#.into()),
            ("correlation", vec!["trace=t=1", r#"{"change":"c"}"#], r#"{"trace":"t=1","change":"c"}"#.into()),
            ("context", vec!["absent:not_recorded"], r#"{"absent":"not_recorded"}"#.into()),
            (
                "policy",
                vec![policy.as_str()],
                format!(r#"{{"name":"release","version":"7","digest":{{"sha256":"{leaf}"}}}}"#),
            ),
            ("approvals", vec![reference.as_str()], format!(r#"[{{"index":12,"leaf_hash":"{leaf}"}}]"#)),
            ("authors", vec!["alice"], r#"[{"id":"alice"}]"#.into()),
        ];
        for (claim, given, expected) in cases {
            let got = json(claim, &given).unwrap();
            assert_eq!(got.to_string(), expected, "{claim}");
            from_json(type_of(claim).unwrap(), got).unwrap_or_else(|misfit| panic!("{claim}: {misfit}"));
        }
    }

    #[test]
    fn a_file_of_json_stands_for_its_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"["a","b"]"#).unwrap();
        let at_file = format!("@{}", file.path().display());
        assert_eq!(json("permissions", &[&at_file]).unwrap().to_string(), r#"["a","b"]"#);
        std::fs::write(file.path(), r#"{"a":1.5}"#).unwrap();
        assert!(json("intent", &[&at_file]).unwrap_err().to_string().contains("got 1.5"));
    }

    #[test]
    fn what_has_no_short_form_says_so() {
        let cases = [
            ("environment", vec!["a", "b"], "expected one value, got 2"),
            ("occurred_at_ms", vec!["-1"], "expected an integer from 0 to 2^53-1, got \"-1\""),
            ("scan", vec!["clean"], "expected an object, JSON or @FILE"),
            ("correlation", vec!["trace"], "expected NAME=VALUE"),
            ("policy", vec!["release"], "expected NAME@VERSION=ALGORITHM:HEX"),
            ("approvals", vec!["alice"], "expected INDEX:LEAF_HASH"),
            ("subject", vec!["main"], "expected ALGORITHM:HEX"),
            ("scan", vec!["{"], "JSON: EOF"),
        ];
        for (claim, given, expected) in cases {
            let error = json(claim, &given).unwrap_err().to_string();
            assert!(error.contains(expected), "{claim}: {error}");
        }
    }
}
