//! JSON to CBOR, driven by the type: byte strings are lowercase hex where the type says bytes; all else maps one to one.

use super::check::{Misfit, check};
use super::types::{Field, Type};
use crate::cbor::{Map, Value};
use crate::hex;
use crate::json::Json;
use alloc::string::String;
use alloc::vec::Vec;

/// Reads a value of this type.
///
/// # Errors
/// The first [`Misfit`]; its path starts within the value.
pub fn from_json(ty: &'static Type, json: Json) -> Result<Value, Misfit> {
    let value = convert(ty, json)?;
    check(ty, &value).map(|()| value)
}

/// Maps JSON to CBOR without judging: what doesn't fit the type stays what it is, for [`check()`] to refuse. So a string
/// that isn't lowercase hex stays a string.
pub(crate) fn convert(ty: &'static Type, json: Json) -> Result<Value, Misfit> {
    let ty = ty.alternative(&json);
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Integer(integer) => Value::Integer(integer),
        Json::String(text) => match ty {
            Type::Bytes(_) | Type::AnyBytes => hex::decode(&text).map_or(Value::Text(text), Value::Bytes),
            _ => Value::Text(text),
        },
        Json::Array(items) => Value::Array(convert_items(ty, items)?),
        Json::Object(members) => Value::Map(convert_members(ty, members)?),
    })
}

fn convert_items(ty: &'static Type, items: Vec<Json>) -> Result<Vec<Value>, Misfit> {
    let ty = match ty {
        Type::List { item, .. } => item,
        Type::OneOrMany(one) => one,
        _ => &Type::Any,
    };
    let place = |(place, item)| convert(ty, item).map_err(|misfit| misfit.within(place));
    items.into_iter().enumerate().map(place).collect()
}

fn convert_members(ty: &'static Type, members: Vec<(String, Json)>) -> Result<Map, Misfit> {
    let member = |(name, json): (String, Json)| match convert(member_type(ty, &name), json) {
        Ok(value) => Ok((name, value)),
        Err(misfit) => Err(misfit.within(name)),
    };
    let entries = members.into_iter().map(member).collect::<Result<_, _>>()?;
    Map::from_entries(entries).map_err(|name| Misfit::twice(&name))
}

fn member_type(ty: &'static Type, name: &str) -> &'static Type {
    if let Type::FreeMap { value, .. } = ty {
        return value;
    }
    let fields: &'static [Field] = ty.fields().unwrap_or_default();
    fields.iter().find(|field| field.name == name).map_or(&Type::Any, |field| field.ty)
}
