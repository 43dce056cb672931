//! CBOR to JSON. It needs no type: bytes are lowercase hex wherever they stand, and so values that don't fit their type,
//! and claims without one, are shown like any other.

use crate::cbor::Value;
use crate::hex;
use crate::json::Json;
use alloc::string::ToString;

/// The JSON of a value.
#[must_use]
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Integer(integer) => Json::Integer(*integer),
        Value::Text(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => Json::String(hex::encode(bytes)),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(map) => {
            Json::Object(map.iter().map(|(name, value)| (name.to_string(), to_json(value))).collect())
        }
    }
}
