//! Values of the profile, and the order of a map's keys.

use crate::hex;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use serde::ser::{Serialize, Serializer};

/// One value of the profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// An integer within +-(2^53-1).
    Integer(i64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// A map with text keys.
    Map(Map),
    /// `true` or `false`.
    Bool(bool),
    /// `null`, which is a value and not a missing one.
    Null,
}

impl Value {
    /// A map with these members; of several with one name the first.
    pub fn map<'a>(members: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let mut map = Map::new();
        for (name, value) in members {
            // One that is there stays.
            let _ = map.insert(name, value);
        }
        Self::Map(map)
    }

    /// How deep arrays and maps nest: 0 for a scalar, 1 for an empty array.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(map) => 1 + map.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// What an error message calls this type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Bytes(_) => "bytes",
            Self::Text(_) => "a string",
            Self::Array(_) => "a list",
            Self::Map(_) => "a map",
            Self::Bool(_) => "a boolean",
            Self::Null => "null",
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one and not negative.
    #[must_use]
    pub fn as_uint(&self) -> Option<u64> {
        if let Self::Integer(integer) = self { u64::try_from(*integer).ok() } else { None }
    }

    /// The bytes, if it is a byte string.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The items, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The items, if it is an array; else itself, as the only one: how a claim says one or many.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        self.as_array().unwrap_or(core::slice::from_ref(self))
    }

    /// The map, if it is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }
}

/// As JSON: a byte string is lowercase hex, wherever it stands.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(integer) => serializer.serialize_i64(*integer),
            Self::Bytes(bytes) => serializer.serialize_str(&hex::encode(bytes)),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Map(map) => serializer.collect_map(map.iter()),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Null => serializer.serialize_unit(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// A map in the profile's key order: by length of the key, then bytewise.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Map(pub(super) Vec<(String, Value)>);

impl Map {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sorts entries into a map. For large ones, as [`Map::insert`] out of order costs the square of the size.
    ///
    /// # Errors
    /// A key that is there twice.
    pub fn from_entries(mut entries: Vec<(String, Value)>) -> Result<Self, String> {
        entries.sort_by(|(a, _), (b, _)| key_order(a, b));
        match entries.array_windows().find(|[(a, _), (b, _)]| a == b) {
            Some([(key, _), _]) => Err(key.clone()),
            None => Ok(Self(entries)),
        }
    }

    /// Adds an entry; gives the value back if the key is there already.
    ///
    /// # Errors
    /// The value, when the key was there; the map is as before.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Result<(), Value> {
        let key = key.into();
        match self.0.binary_search_by(|(other, _)| key_order(other, &key)) {
            Ok(_) => Err(value),
            Err(position) => {
                self.0.insert(position, (key, value));
                Ok(())
            }
        }
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let position = self.0.binary_search_by(|(other, _)| key_order(other, key)).ok()?;
        self.0.get(position).map(|(_, value)| value)
    }

    /// Entries in key order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Order of two text keys' encoded bytes: the head grows with the length, so the shorter key is first.
#[must_use]
pub fn key_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}
