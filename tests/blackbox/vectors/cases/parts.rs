//! What vectors of evidence are put together from.

use super::{map, sha256, text};
use crate::vectors::forge::{Forge, RawRecord, RawSection};
use crate::vectors::keys::Key;
use ed25519_dalek::SigningKey;
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};

/// A key from a seed that everybody knows.
pub fn ed25519(name: &str) -> Key {
    Key::Ed25519(SigningKey::from_bytes(&Hash::plain(format!("provlog test vectors: {name}").as_bytes()).0))
}

/// Members of a map, some of which a case changes.
#[derive(Clone)]
pub struct Members(pub Vec<(String, Value)>);

impl Members {
    pub fn of(members: &[(&str, Value)]) -> Self {
        Self(members.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
    }

    pub fn set(&mut self, name: &str, value: Value) {
        self.remove(name);
        self.0.push((name.into(), value));
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    pub fn value(&self) -> Value {
        Value::Map(Map::from_entries(self.0.clone()).unwrap())
    }
}

pub fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

pub fn reference(index: i64) -> Members {
    Members::of(&[("index", Value::Integer(index)), ("leaf_hash", bytes(&[7; 32]))])
}

/// A member of a set, which only the log vouches for.
pub fn member() -> Members {
    let mut member = reference(2);
    member.set("claim", text("m01"));
    member.set("claim_hash", bytes(&[8; 32]));
    member.set("set", reference(3).value());
    member
}

/// The submitted claims that evidence is about.
pub fn submitted() -> RawSection {
    let subject = map(&[("name", text("app.tar")), ("digest", sha256("app.tar"))]);
    RawSection::default().with("type", &text("build")).with("subject", &Value::Array(vec![subject]))
}

pub const KIND: u8 = 22;

/// A receipt of these sections, one attested claim hidden, or left out before the entry was made.
pub fn forge(
    submitted: RawSection,
    mut attested: RawSection,
    hidden: Option<&str>,
    missing: Option<&str>,
    time_ms: u64,
) -> Forge {
    attested.0.retain(|(name, _)| Some(name.as_str()) != missing);
    for (name, claim) in &mut attested.0 {
        if Some(name.as_str()) == hidden {
            *claim = claim.hidden();
        }
    }
    RawRecord { kind: KIND, submitted, attested }.forge_at(time_ms)
}
