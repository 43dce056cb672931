//! JSON as provlog reads it: RFC 8259 without floats, duplicate names, `-0`, or integers beyond +-(2^53-1).

use crate::encoding::Foreign;
use crate::limits::{INTEGER_MAX, JSON_DEPTH_MAX};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::de::{Read, SliceRead, StrRead};

/// One JSON value; an object keeps the order of its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer within +-(2^53-1).
    Integer(i64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, without duplicate names.
    Object(Vec<(String, Json)>),
}

/// Bytes that are not JSON as provlog reads it; the message names line and column.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

impl Json {
    /// Reads exactly one value.
    ///
    /// # Errors
    /// Malformed JSON, text that isn't UTF-8, floats, `-0`, duplicate names, integers out of range, nesting over 32.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        // Looked through once as a whole: string by string takes twice as long. What isn't UTF-8 is told by its place in the JSON.
        let read = match core::str::from_utf8(bytes) {
            Ok(text) => Self::read(StrRead::new(text)),
            Err(_) => Self::read(SliceRead::new(bytes)),
        };
        read.map_err(|error| match Foreign::of(bytes) {
            Some(foreign @ (Foreign::Bom | Foreign::Utf16)) => JsonError(foreign.to_string()),
            // Its own lines may end as they like.
            Some(Foreign::CarriageReturn(_)) | None => JsonError(error.to_string()),
        })
    }

    fn read<'a>(input: impl Read<'a>) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::new(input);
        let value = Seed { depth_left: JSON_DEPTH_MAX }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }

    /// The member of this name, if it is an object that has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one and not negative.
    #[must_use]
    pub fn as_uint(&self) -> Option<u64> {
        if let Self::Integer(integer) = self { u64::try_from(*integer).ok() } else { None }
    }

    /// What an error message calls this type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl fmt::Display for Json {
    /// Compact JSON, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

struct Seed {
    depth_left: usize,
}

impl Seed {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left }),
            None => Err(E::custom(format_args!("nested deeper than {JSON_DEPTH_MAX} arrays and objects"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without floats")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        if value.unsigned_abs() <= INTEGER_MAX { Ok(Json::Integer(value)) } else { Err(out_of_range(value)) }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        let integer = i64::try_from(value).ok().filter(|_| value <= INTEGER_MAX);
        integer.map(Json::Integer).ok_or_else(|| out_of_range(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Err(E::custom(format_args!(
            "expected an integer within +-(2^53-1), without fraction, exponent or minus zero; got {value}"
        )))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper()?)?;
            object.push((name, value));
        }
        // Sorted names next to each other: linear scans of large objects would be quadratic.
        let mut names: Vec<&str> = object.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.array_windows().find(|[a, b]| a == b) {
            Some([name, _]) => Err(A::Error::custom(format_args!("member {name:?} is there twice"))),
            None => Ok(Json::Object(object)),
        }
    }
}

fn out_of_range<E: Error>(value: impl fmt::Display) -> E {
    E::custom(format_args!("expected an integer within +-(2^53-1), got {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn refusals_say_what_and_where() {
        let cases: [(&[u8], &str); 12] = [
            (b"", "EOF"),
            (b"{", "EOF"),
            (b"{} {}", "trailing"),
            (b"1.5", "got 1.5"),
            (b"1e2", "got 100"),
            (b"-0", "minus zero"),
            (b"9007199254740992", "got 9007199254740992"),
            (b"-9007199254740992", "got -9007199254740992"),
            (b"123456789012345678901234567890", "2^53"),
            (b"{\"a\":1,\"b\":2,\"a\":3}", "\"a\" is there twice"),
            (b"\"\xff\"", "unicode"),
            (b"\"\\ud800\"", "hex escape"),
        ];
        for (bytes, expected) in cases {
            let error = Json::parse(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{bytes:?}: {error}");
        }
        let deep = "[".repeat(33);
        assert!(Json::parse(deep.as_bytes()).unwrap_err().to_string().contains("deeper than 32"));
    }

    #[test]
    fn order_and_extremes_are_kept() {
        let text = r#"{"b":[9007199254740991,-9007199254740991,null,true],"a":"x"}"#;
        assert_eq!(Json::parse(text.as_bytes()).unwrap().to_string(), text);
    }
}
