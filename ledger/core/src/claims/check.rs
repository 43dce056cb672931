//! Whether a value fits its type.

use super::table::type_of;
use super::types::{ABSENT_KEY, Field, Type};
use crate::cbor::{Map, Value};
use crate::limits::INTEGER_MAX;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Characters of a string that an error repeats.
const QUOTED_CHARACTERS_MAX: usize = 40;

/// A value that doesn't fit its type: where, what was expected, what was got.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}: expected {expected}, got {got}")]
pub struct Misfit {
    /// What sort of misfit.
    pub fault: MisfitFault,
    /// Names of members and numbers of list items on the way there: `model.0.provider`.
    pub path: String,
    /// What had to be there.
    pub expected: String,
    /// What is there.
    pub got: String,
}

/// The sorts of misfits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MisfitFault {
    /// A value of another type, form or length.
    Type,
    /// A field that the type doesn't have.
    UnknownField,
    /// A field that the type demands is not there. `null` is a value, not a missing one.
    MissingField,
}

impl Misfit {
    /// The same misfit, seen from one level further out.
    pub(crate) fn within(mut self, segment: impl fmt::Display) -> Self {
        self.path =
            if self.path.is_empty() { segment.to_string() } else { format!("{segment}.{}", self.path) };
        self
    }

    /// A member that is given twice.
    pub(super) fn twice(member: &str) -> Self {
        Self::new("each member once".into(), "it twice".into()).within(member)
    }

    fn new(expected: String, got: String) -> Self {
        Self { fault: MisfitFault::Type, path: String::new(), expected, got }
    }

    fn wrong_type(expected: &Type, got: &Value) -> Self {
        Self::new(expected.to_string(), brief(got))
    }

    fn unknown_field(name: &str, fields: &[Field]) -> Self {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let expected = format!("only {}", names.join(", "));
        Self { fault: MisfitFault::UnknownField, path: name.into(), expected, got: "an unknown field".into() }
    }

    /// Of a digest, all algorithms that aren't known, and what is left without them.
    fn of_algorithms(self, map: &Map) -> Self {
        let fields = Type::Digest.fields().unwrap_or_default();
        let is_known = |name: &&str| fields.iter().any(|field| field.name == *name);
        let (known, unknown): (Vec<&str>, Vec<&str>) = map.iter().map(|(name, _)| name).partition(is_known);
        let mut got = format!("{}, not known to this version", unknown.join(", "));
        if !known.is_empty() {
            got.push_str(&format!(", beside {}: without the others it fits", known.join(", ")));
        }
        if unknown.contains(&"sha1") {
            got.push_str("; what in-toto calls the sha1 of a git object is its gitCommit, gitTree, gitBlob or gitTag here");
        }
        Self { got, ..self }
    }

    fn missing_field(field: &Field) -> Self {
        let expected = field.ty.to_string();
        Self { fault: MisfitFault::MissingField, path: field.name.into(), expected, got: "nothing".into() }
    }
}

/// Checks a value against a type.
///
/// # Errors
/// The first [`Misfit`], in the value's own order; its path starts within the value.
pub fn check(ty: &'static Type, value: &Value) -> Result<(), Misfit> {
    let chosen = ty.alternative(value);
    let fits = match (chosen, value) {
        (Type::Any, _) => return check_any(value),
        (Type::Object(_) | Type::Digest | Type::FreeMap { .. }, Value::Map(map)) => {
            return check_map(ty, chosen, map);
        }
        (Type::List { least, item }, Value::Array(items)) if items.len() >= *least => {
            return check_items(item, items);
        }
        (Type::OneOrMany(one), Value::Array(items)) if items.len() >= 2 => return check_items(one, items),
        (Type::Text, Value::Text(text)) => !text.is_empty(),
        (Type::TextOrEmpty, Value::Text(_)) | (Type::Bool, Value::Bool(_)) => true,
        (Type::Words(words), Value::Text(text)) => words.contains(&text.as_str()),
        (Type::Uint, Value::Integer(integer)) => *integer >= 0 && integer.unsigned_abs() <= INTEGER_MAX,
        (Type::Literal(expected), Value::Integer(integer)) => integer == expected,
        (Type::Bytes(lengths), Value::Bytes(bytes)) => lengths.contains(&bytes.len()),
        (Type::AnyBytes, Value::Bytes(bytes)) => !bytes.is_empty(),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Misfit::wrong_type(ty, value)) }
}

/// What a reader checks: whether a claim's value doesn't fit the type of its name. Names that this version doesn't know
/// have no type, and always fit. The misfit's path starts with the claim's name.
#[must_use]
pub fn check_claim(name: &str, value: &Value) -> Option<Misfit> {
    check(type_of(name)?, value).err().map(|misfit| misfit.within(name))
}

/// Whether two digest sets are of the same bytes, as far as they tell: they share at least one algorithm, and every
/// algorithm that both have has the same value in both.
#[must_use]
pub fn digests_agree(a: &Map, b: &Map) -> bool {
    let mut shared = a.iter().filter_map(|(algorithm, bytes)| Some((bytes, b.get(algorithm)?))).peekable();
    shared.peek().is_some() && shared.all(|(a, b)| a == b)
}

fn check_map(declared: &'static Type, chosen: &'static Type, map: &Map) -> Result<(), Misfit> {
    if map.get(ABSENT_KEY).is_some() && !chosen.is_absence() {
        return Err(Misfit::new(declared.to_string(), "an absence (a map with absent)".into()));
    }
    match chosen {
        Type::FreeMap { least, .. } if map.len() < *least => {
            Err(Misfit::new(declared.to_string(), "an empty map".into()))
        }
        Type::FreeMap { value: ty, .. } => map.iter().try_for_each(|(name, value)| match name {
            "" => Err(Misfit::new("names that are not empty".into(), "an empty name".into())),
            _ => check(ty, value).map_err(|misfit| misfit.within(name)),
        }),
        Type::Digest if map.is_empty() => Err(Misfit::new(declared.to_string(), "an empty map".into())),
        _ => check_fields(chosen.fields().unwrap_or_default(), map).map_err(|misfit| match chosen {
            Type::Digest if misfit.fault == MisfitFault::UnknownField => misfit.of_algorithms(map),
            _ => misfit,
        }),
    }
}

fn check_fields(fields: &'static [Field], map: &Map) -> Result<(), Misfit> {
    for (name, value) in map.iter() {
        let field = fields.iter().find(|field| field.name == name);
        let field = field.ok_or_else(|| Misfit::unknown_field(name, fields))?;
        check(field.ty, value).map_err(|misfit| misfit.within(name))?;
    }
    match fields.iter().find(|field| field.required && map.get(field.name).is_none()) {
        Some(missing) => Err(Misfit::missing_field(missing)),
        None => Ok(()),
    }
}

fn check_items(ty: &'static Type, items: &[Value]) -> Result<(), Misfit> {
    for (place, item) in items.iter().enumerate() {
        check(ty, item).map_err(|misfit| misfit.within(place))?;
    }
    Ok(())
}

fn check_any(value: &Value) -> Result<(), Misfit> {
    match value {
        Value::Array(items) => check_items(&Type::Any, items),
        Value::Map(map) => {
            map.iter().try_for_each(|(name, value)| check_any(value).map_err(|misfit| misfit.within(name)))
        }
        Value::Integer(integer) if integer.unsigned_abs() > INTEGER_MAX => {
            Err(Misfit::new("an integer within +-(2^53-1)".into(), integer.to_string()))
        }
        Value::Bytes(_) => Err(Misfit::wrong_type(&Type::Any, value)),
        _ => Ok(()),
    }
}

/// What an error says was got.
fn brief(value: &Value) -> String {
    match value {
        Value::Integer(integer) => integer.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Bytes(bytes) => format!("a byte string of {}", bytes.len()),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Text(text) => match text.char_indices().nth(QUOTED_CHARACTERS_MAX) {
            Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
            None => format!("{text:?}"),
        },
        Value::Map(_) | Value::Null => value.type_name().into(),
    }
}
