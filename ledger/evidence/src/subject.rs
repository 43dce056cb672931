//! What entries, statements and evidence are about.

use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{DIGEST, Misfit, check, check_claim};
use provlog_core::hex;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that something is said of: its digests, and what it is called. Two of them are the same when all of it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Subject {
    /// Algorithm to bytes: those that the claim table has, and at least one.
    digests: BTreeMap<String, Vec<u8>>,
    uri: Option<String>,
    name: Option<String>,
}

impl Subject {
    /// From its parts.
    ///
    /// # Errors
    /// Digests that the claim table doesn't have, or none.
    pub fn new(
        digests: BTreeMap<String, Vec<u8>>,
        uri: Option<String>,
        name: Option<String>,
    ) -> Result<Self, Misfit> {
        let entries =
            digests.iter().map(|(algorithm, bytes)| (algorithm.clone(), Value::Bytes(bytes.clone())));
        // A map has each key once, so that none is left out here.
        check(&DIGEST, &Value::Map(Map::from_entries(entries.collect()).unwrap_or_default()))?;
        Ok(Self { digests, uri, name })
    }

    /// What has this SHA-256, and no other name.
    #[must_use]
    pub fn of_sha256(sha256: [u8; 32]) -> Self {
        Self { digests: BTreeMap::from([("sha256".into(), sha256.into())]), uri: None, name: None }
    }

    /// All that a claim `subject` names, item by item.
    ///
    /// # Errors
    /// A value that doesn't fit the claim's type.
    pub fn of_claim(value: &Value) -> Result<Vec<Self>, Misfit> {
        if let Some(misfit) = check_claim("subject", value) {
            return Err(misfit);
        }
        Ok(value.items().iter().filter_map(Value::as_map).map(Self::of_map).collect())
    }

    /// Pairs of an algorithm and bytes, ascending.
    pub fn digests(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.digests.iter().map(|(algorithm, bytes)| (algorithm.as_str(), bytes.as_slice()))
    }

    /// Where it is, if that is said.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// What people call it, if that is said.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn of_map(map: &Map) -> Self {
        let text = |name| map.get(name).and_then(Value::as_text).map(str::to_owned);
        let digests = map.get("digest").and_then(Value::as_map).map(Map::iter).into_iter().flatten();
        let pair =
            |(algorithm, bytes): (&str, &Value)| Some((algorithm.to_owned(), bytes.as_bytes()?.to_vec()));
        Self { digests: digests.filter_map(pair).collect(), uri: text("uri"), name: text("name") }
    }
}

impl fmt::Display for Subject {
    /// Its digests: `<algorithm>:<hex>`, joined by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (algorithm, bytes)) in self.digests().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{algorithm}:{}", hex::encode(bytes))?;
        }
        Ok(())
    }
}
