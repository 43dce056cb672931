//! Members of the objects in a manifest, read and written.

use crate::hash::Hash;
use crate::json::Json;
use crate::limits::INTEGER_MAX;
use alloc::format;
use alloc::string::String;

/// That it is an object with members of these names, all of them, and no others.
pub(super) fn exactly(json: &Json, names: &[&str]) -> Result<(), String> {
    let Json::Object(found) = json else { return Err("expected an object".into()) };
    if let Some((name, _)) = found.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        return Err(format!("unknown member {name:?}"));
    }
    names.iter().try_for_each(|name| member(json, name).map(|_| ()))
}

pub(super) fn member<'a>(json: &'a Json, name: &str) -> Result<&'a Json, String> {
    json.get(name).ok_or_else(|| format!("member {name} is missing"))
}

/// The members of these names, all of which must be there, and no others.
pub(super) fn members<'a, const N: usize>(json: &'a Json, names: [&str; N]) -> Result<[&'a Json; N], String> {
    exactly(json, &names)?;
    let mut values = [json; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = member(json, name)?;
    }
    Ok(values)
}

pub(super) fn optional<T>(
    json: &Json,
    read: impl Fn(&Json) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if *json == Json::Null { Ok(None) } else { read(json).map(Some) }
}

pub(super) fn text(name: &str, json: &Json) -> Result<String, String> {
    json.as_str().map(Into::into).ok_or_else(|| format!("{name}: expected a string"))
}

pub(super) fn number(name: &str, json: &Json) -> Result<u64, String> {
    json.as_uint().ok_or_else(|| format!("{name}: expected an integer from 0 to {INTEGER_MAX}"))
}

pub(super) fn hash(name: &str, json: &Json) -> Result<Hash, String> {
    json.as_str().and_then(Hash::from_hex).ok_or_else(|| format!("{name}: expected 64 lowercase hex digits"))
}

pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// Everything written here is below 2^53.
pub(super) fn uint(number: u64) -> Json {
    i64::try_from(number).map_or(Json::Null, Json::Integer)
}
