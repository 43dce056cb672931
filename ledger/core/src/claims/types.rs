//! The language that claim types are written in, and the four types that others are built of.
//!
//! There is no general union: the four in use ([`Type::OneOrMany`], [`Type::ReferenceOr`], [`Type::OrAbsent`],
//! [`Type::ByFormat`]) each have a shape or a member that decides between their alternatives, so a value is never tried
//! against several types.

use crate::cbor::Value;
use crate::entry::Kind;
use crate::json::Json;
use core::fmt;

/// The member that makes a map an absence, whatever else it holds.
pub(crate) const ABSENT_KEY: &str = "absent";

/// The member that says which map it is, where several forms of evidence are possible.
pub(super) const FORMAT_KEY: &str = "format";

/// The type of a claim's value, or of a part of it.
#[derive(Debug)]
pub enum Type {
    /// A string that isn't empty.
    Text,
    /// Any string; what a free map holds.
    TextOrEmpty,
    /// An integer from 0 to 2^53-1.
    Uint,
    /// `true` or `false`.
    Bool,
    /// A byte string of one of these lengths; in JSON, lowercase hex.
    Bytes(&'static [usize]),
    /// A byte string that isn't empty; in JSON, lowercase hex.
    AnyBytes,
    /// Exactly this integer.
    Literal(i64),
    /// One of these strings.
    Words(&'static [&'static str]),
    /// An in-toto DigestSet: at least one of [`Type::fields`].
    Digest,
    /// A map of exactly these fields, optional ones aside.
    Object(&'static [Field]),
    /// A list of at least `least` items.
    List {
        /// The smallest number of items.
        least: usize,
        /// What each item is.
        item: &'static Type,
    },
    /// A map of at least `least` entries under names of the submitter's choice, none empty and none `absent`.
    FreeMap {
        /// The smallest number of entries.
        least: usize,
        /// What each value is.
        value: &'static Type,
    },
    /// `one / [2* one]`: a list of one is given as the one itself.
    OneOrMany(&'static Type),
    /// `reference / other`: a map that has `index` or `leaf_hash` is a [`REFERENCE`], to an entry of this kind.
    ReferenceOr(Kind, &'static Type),
    /// `type / absent`: a map that has `absent` is an [`ABSENT`].
    OrAbsent(&'static Type),
    /// One of these maps, by the word in their first field, `format`.
    ByFormat(&'static [&'static Type]),
    /// A type with a name of its own in CDDL and JSON Schema.
    Named(&'static str, &'static Type),
    /// Any value without byte strings: what an `x-` claim holds.
    Any,
}

/// A field of a [`Type::Object`].
#[derive(Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static Type,
    /// Whether the map must have it.
    pub required: bool,
}

/// A field that the map must have.
pub(super) const fn required(name: &'static str, ty: &'static Type) -> Field {
    Field { name, ty, required: true }
}

/// A field that the map may have.
pub(super) const fn optional(name: &'static str, ty: &'static Type) -> Field {
    Field { name, ty, required: false }
}

/// `digest`: algorithm to bytes, with in-toto's names.
pub static DIGEST: Type = Type::Named("digest", &Type::Digest);

/// `reference`: an entry of this log, or of another where `origin` is given.
pub static REFERENCE: Type = Type::Named(
    "reference",
    &Type::Object(&[
        required("index", &Type::Uint),
        required("leaf_hash", &Type::Bytes(&[32])),
        optional("origin", &Type::Text),
    ]),
);

/// `principal`: a person, or an account that acts like one.
pub static PRINCIPAL: Type = Type::Named(
    "principal",
    &Type::Object(&[
        required("id", &Type::Text),
        optional("name", &Type::Text),
        optional("kind", &Type::Words(&["human", "bot", "unknown"])),
    ]),
);

/// `absent`: says that there is no value, and why.
pub static ABSENT: Type = Type::Named(
    "absent",
    &Type::Object(&[
        required(ABSENT_KEY, &Type::Words(&["not_recorded", "not_applicable", "withheld"])),
        optional("note", &Type::Text),
    ]),
);

static GIT_OBJECT: Type = Type::Bytes(&[20, 32]);

static DIGEST_FIELDS: &[Field] = &[
    optional("sha256", &Type::Bytes(&[32])),
    optional("sha512_256", &Type::Bytes(&[32])),
    optional("sha3_256", &Type::Bytes(&[32])),
    optional("dirHash", &Type::Bytes(&[32])),
    optional("sha384", &Type::Bytes(&[48])),
    optional("sha512", &Type::Bytes(&[64])),
    optional("blake2b", &Type::Bytes(&[64])),
    optional("gitCommit", &GIT_OBJECT),
    optional("gitTree", &GIT_OBJECT),
    optional("gitBlob", &GIT_OBJECT),
    optional("gitTag", &GIT_OBJECT),
];

impl Type {
    /// The fields of an object, or the algorithms of a digest.
    #[must_use]
    pub const fn fields(&self) -> Option<&'static [Field]> {
        match self {
            Self::Object(fields) => Some(fields),
            Self::Digest => Some(DIGEST_FIELDS),
            _ => None,
        }
    }

    /// The alternative that a value of this shape has to fit. Never a name, a reference-or or an or-absent;
    /// a one-or-many only where the value is a list.
    pub(super) fn alternative(&'static self, value: &impl Shape) -> &'static Self {
        match self {
            Self::Named(_, ty) => ty.alternative(value),
            Self::OrAbsent(_) if value.has(ABSENT_KEY) => ABSENT.alternative(value),
            Self::OrAbsent(ty) => ty.alternative(value),
            Self::ReferenceOr(..) if value.has("leaf_hash") || value.has("index") => {
                REFERENCE.alternative(value)
            }
            Self::ReferenceOr(_, ty) => ty.alternative(value),
            Self::OneOrMany(one) if !value.is_list() => one.alternative(value),
            Self::ByFormat(maps) => {
                let of_format =
                    |map: &&&'static Self| value.text(FORMAT_KEY).is_some_and(|format| map.is_format(format));
                maps.iter().find(of_format).map_or(self, |map| map)
            }
            _ => self,
        }
    }

    /// Whether a map of this type has this word in its first field.
    fn is_format(&self, format: &str) -> bool {
        matches!(self, Self::Object([Field { name: FORMAT_KEY, ty: Self::Words(words), .. }, ..]) if words.contains(&format))
    }

    /// The type of the member of this name, in whatever list or alternative it is; none where there can't be one.
    pub(crate) fn member(&'static self, name: &str) -> Option<&'static Self> {
        match self {
            Self::Named(_, ty) | Self::OrAbsent(ty) | Self::OneOrMany(ty) | Self::List { item: ty, .. } => {
                ty.member(name)
            }
            Self::ReferenceOr(_, ty) => ty.member(name).or_else(|| REFERENCE.member(name)),
            Self::FreeMap { value, .. } => Some(value),
            Self::ByFormat(maps) => maps.iter().find_map(|map| map.member(name)),
            Self::Any if !name.is_empty() => Some(self),
            _ => self.fields()?.iter().find(|field| field.name == name).map(|field| field.ty),
        }
    }

    /// The type of one item where it has a value of its own: without name, absence, reference and list.
    #[must_use]
    pub const fn item(&'static self) -> &'static Self {
        match self {
            Self::Named(_, ty)
            | Self::OrAbsent(ty)
            | Self::OneOrMany(ty)
            | Self::List { item: ty, .. }
            | Self::ReferenceOr(_, ty) => ty.item(),
            _ => self,
        }
    }

    /// Whether maps of this type are absences.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Object([Field { name: ABSENT_KEY, .. }, ..]))
    }
}

/// The part of a value that decides between the alternatives of a type.
pub(super) trait Shape {
    /// Whether it is a list.
    fn is_list(&self) -> bool;
    /// Whether it is a map with this member.
    fn has(&self, member: &str) -> bool;
    /// The text of this member, if it is a map that has it.
    fn text(&self, member: &str) -> Option<&str>;
}

impl Shape for Value {
    fn is_list(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    fn has(&self, member: &str) -> bool {
        self.as_map().is_some_and(|map| map.get(member).is_some())
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.as_map()?.get(member)?.as_text()
    }
}

impl Shape for Json {
    fn is_list(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    fn has(&self, member: &str) -> bool {
        self.get(member).is_some()
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.get(member)?.as_str()
    }
}

impl fmt::Display for Type {
    /// What an error says was expected.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a string that is not empty"),
            Self::TextOrEmpty => f.write_str("a string"),
            Self::Uint => f.write_str("an integer from 0 to 2^53-1"),
            Self::Bool => f.write_str("true or false"),
            Self::Bytes(lengths) => {
                join(f, lengths.iter(), " or ")?;
                f.write_str(" bytes (in JSON, ")?;
                join(f, lengths.iter().map(|length| length.saturating_mul(2)), " or ")?;
                f.write_str(" lowercase hex digits)")
            }
            Self::AnyBytes => f.write_str("bytes, at least one (in JSON, lowercase hex digits)"),
            Self::Literal(integer) => integer.fmt(f),
            Self::Words(words) => join(f, words.iter(), " or "),
            Self::Digest => f.write_str("a digest (a map of algorithms to bytes, such as sha256)"),
            Self::Object(fields) => {
                f.write_str("a map with ")?;
                join(f, fields.iter().filter(|field| field.required).map(|field| field.name), ", ")
            }
            Self::List { least: 0, .. } => f.write_str("a list"),
            Self::List { least, .. } => write!(f, "a list of at least {least}"),
            Self::FreeMap { least: 0, .. } => f.write_str("a map of names to values"),
            Self::FreeMap { least, .. } => write!(f, "a map of names to values, at least {least}"),
            Self::OneOrMany(one) => write!(f, "{one}, or a list of at least 2 (one stands as itself)"),
            Self::ReferenceOr(_, other) => write!(f, "{REFERENCE}, or {other}"),
            Self::OrAbsent(ty) => write!(f, "{ty}, or an absence (a map with absent)"),
            Self::ByFormat(maps) => {
                f.write_str("a map whose format is ")?;
                let words = maps.iter().filter_map(|map| map.fields()?.first()).map(|field| field.ty);
                join(f, words, " or ")
            }
            Self::Named(_, ty) => ty.fmt(f),
            Self::Any => f.write_str("any value without byte strings"),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = impl fmt::Display>,
    separator: &str,
) -> fmt::Result {
    for (position, item) in items.enumerate() {
        if position > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}
