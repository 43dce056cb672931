//! The record: an entry and the two sections of claims that it commits to (`SPEC.md` section 3).

use crate::cbor::{CborError, Reader, Value, Writer, key_order};
use crate::entry::{ENTRY_VERSION, Entry, EntryError, Kind};
use crate::hash::{Hash, SectionHasher};
use crate::limits::{
    CLAIM_BYTES_MAX, CLAIM_HIDDEN_BYTES, CLAIM_NAME_BYTES_MAX, CLAIMS_MAX, KIND_MAX, RECORD_BYTES_MAX,
    RECORD_DEPTH_MAX, SALT_BYTES, VALUE_DEPTH_MAX,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A claim's random salt.
pub type Salt = [u8; SALT_BYTES];

/// Which of a record's two maps of claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum SectionName {
    /// What the client said.
    Submitted,
    /// What the log verified and added.
    Attested,
}

impl SectionName {
    /// Both, in the order in which a record has them.
    pub const ALL: [Self; 2] = [Self::Submitted, Self::Attested];

    /// The number that goes into the section's digest.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Submitted => 0,
            Self::Attested => 1,
        }
    }

    /// `submitted` or `attested`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Attested => "attested",
        }
    }

    /// From `submitted` or `attested`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.as_str() == name)
    }
}

impl fmt::Display for SectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One claim, shown or hidden. Its name is always shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The value, with the salt that keeps it from being guessed when it is hidden elsewhere.
    Disclosed {
        /// The bytes of CBOR `[salt, value]`, as received.
        encoded: Vec<u8>,
        /// 16 random bytes, of this claim alone.
        salt: Salt,
        /// What is claimed.
        value: Value,
    },
    /// Redacted or erased: only the claim hash is left.
    Hidden(Hash),
}

impl Claim {
    /// A disclosed claim of this salt and value. [`Section::from_claims`] checks its limits.
    #[must_use]
    pub fn disclosed(salt: Salt, value: Value) -> Self {
        let mut writer = Writer::new();
        Self::write(&mut writer, &salt, &value);
        Self::Disclosed { encoded: writer.into_bytes(), salt, value }
    }

    pub(crate) fn write(writer: &mut Writer, salt: &Salt, value: &Value) {
        writer.array(2);
        writer.bytes(salt);
        writer.value(value);
    }

    /// The claim hash: the same whether the claim is shown or hidden.
    #[must_use]
    pub fn hash(&self) -> Hash {
        match self {
            Self::Disclosed { encoded, .. } => Hash::claim(encoded),
            Self::Hidden(hash) => *hash,
        }
    }

    /// The value, if it is shown.
    #[must_use]
    pub const fn value(&self) -> Option<&Value> {
        match self {
            Self::Disclosed { value, .. } => Some(value),
            Self::Hidden(_) => None,
        }
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Disclosed { encoded, .. } => encoded.len(),
            Self::Hidden(_) => CLAIM_HIDDEN_BYTES,
        }
    }

    fn parse(reader: &mut Reader<'_>, name: &str) -> Result<Self, RecordError> {
        let start = reader.offset();
        if reader.at_bytes() {
            let hash = reader.bytes()?.try_into();
            return hash.map(|hash| Self::Hidden(Hash(hash))).map_err(|_| RecordError::Claim(name.into()));
        }
        let salt = Self::parse_salt(reader, name)?;
        let value = reader.value(VALUE_DEPTH_MAX)?;
        Ok(Self::Disclosed { encoded: reader.since(start).into(), salt, value })
    }

    /// What stands before the value of a claim that is shown.
    fn parse_salt(reader: &mut Reader<'_>, name: &str) -> Result<Salt, RecordError> {
        if reader.array()? != 2 {
            return Err(RecordError::Claim(name.into()));
        }
        reader.bytes()?.try_into().map_err(|_| RecordError::Claim(name.into()))
    }
}

/// Why bytes are not a record, or claims not a section.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    /// Not within the CBOR profile, or another type than the format has there.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The record isn't an array of three: entry, submitted, attested.
    #[error("a record is an array of 3 items, got {0}")]
    Items(usize),
    /// The first item is no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A claim name of the wrong form.
    #[error(
        "claim name {0:?}: expected 1 to {CLAIM_NAME_BYTES_MAX} of a-z, 0-9, _ and -, starting with a letter"
    )]
    ClaimName(String),
    /// A claim is neither `[salt of 16 bytes, value]` nor a hash of 32 bytes.
    #[error("claim {0}: expected [salt of {SALT_BYTES} bytes, value], or a hash of 32 bytes")]
    Claim(String),
    /// Two claims of one name.
    #[error("claim {0}: there twice")]
    ClaimTwice(String),
    /// Too many claims in a section.
    #[error("a section holds at most {CLAIMS_MAX} claims, got {0}")]
    ClaimCount(usize),
    /// A claim over its limit.
    #[error("claim {name}: at most {CLAIM_BYTES_MAX} bytes, got {got}")]
    ClaimBytes {
        /// The claim's name.
        name: String,
        /// Its length with salt, in CBOR.
        got: usize,
    },
    /// A value nested too deep.
    #[error("claim {name}: at most {VALUE_DEPTH_MAX} nested lists and maps, got {got}")]
    ClaimDepth {
        /// The claim's name.
        name: String,
        /// Lists and maps around its innermost value.
        got: usize,
    },
    /// A record over its limit.
    #[error(
        "a record is at most {RECORD_BYTES_MAX} bytes, each claim counted as at least {CLAIM_HIDDEN_BYTES}; got {0}"
    )]
    RecordBytes(usize),
}

/// A map of claims, in its order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Section(Vec<(String, Claim)>);

impl Section {
    /// Sorts claims into a section and checks names and limits.
    ///
    /// # Errors
    /// Names the claim, the limit and what was got.
    pub fn from_claims(mut claims: Vec<(String, Claim)>) -> Result<Self, RecordError> {
        claims.sort_by(|(a, _), (b, _)| key_order(a, b));
        if let Some([(name, _), _]) = claims.array_windows().find(|[(a, _), (b, _)]| a == b) {
            return Err(RecordError::ClaimTwice(name.clone()));
        }
        if claims.len() > CLAIMS_MAX {
            return Err(RecordError::ClaimCount(claims.len()));
        }
        for (name, claim) in &claims {
            check_claim(name, claim)?;
        }
        Ok(Self(claims))
    }

    /// Reads a section's bytes, which must be all of `bytes`.
    ///
    /// # Errors
    /// As [`Record::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(bytes);
        let section = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(section)
    }

    /// The digest of a section's bytes, which must be all of `bytes`: as [`Section::parse`], of which nothing is kept.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn digest_of(bytes: &[u8], section: SectionName, kind: Kind) -> Result<Hash, RecordError> {
        let mut reader = Reader::new(bytes);
        let count = reader.map()?;
        if count > CLAIMS_MAX {
            return Err(RecordError::ClaimCount(count));
        }
        let mut hasher = SectionHasher::new(section.number(), kind.number());
        let mut previous = None;
        for _ in 0..count {
            let name = reader.key(previous)?;
            previous = Some(name);
            let start = reader.offset();
            let hidden = if reader.at_bytes() {
                let hash = reader.bytes()?.try_into().map_err(|_| RecordError::Claim(name.into()))?;
                Some(Hash(hash))
            } else {
                Claim::parse_salt(&mut reader, name)?;
                reader.skip(VALUE_DEPTH_MAX)?;
                None
            };
            let encoded = reader.since(start);
            check_limits(name, encoded.len(), None)?;
            hasher.claim(name, &hidden.unwrap_or_else(|| Hash::claim(encoded)));
        }
        reader.finish()?;
        Ok(hasher.finish())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let count = reader.map()?;
        if count > CLAIMS_MAX {
            return Err(RecordError::ClaimCount(count));
        }
        let mut claims: Vec<(String, Claim)> = Vec::with_capacity(count);
        for _ in 0..count {
            let name = reader.key(claims.last().map(|(name, _)| name.as_str()))?;
            let claim = Claim::parse(reader, name)?;
            check_claim(name, &claim)?;
            claims.push((name.into(), claim));
        }
        Ok(Self(claims))
    }

    /// A map from names to claims (`SPEC.md` section 3.1).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(1024);
        self.write(&mut writer);
        writer.into_bytes()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.map(self.0.len());
        for (name, claim) in &self.0 {
            writer.text(name);
            match claim {
                Claim::Disclosed { encoded, .. } => writer.encoded(encoded),
                Claim::Hidden(hash) => writer.bytes(&hash.0),
            }
        }
    }

    /// The section's digest within an entry of this kind.
    #[must_use]
    pub fn digest(&self, section: SectionName, kind: Kind) -> Hash {
        let mut hasher = SectionHasher::new(section.number(), kind.number());
        for (name, claim) in &self.0 {
            hasher.claim(name, &claim.hash());
        }
        hasher.finish()
    }

    /// The claim of this name, shown or hidden.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Claim> {
        let position = self.0.binary_search_by(|(other, _)| key_order(other, name)).ok()?;
        self.0.get(position).map(|(_, claim)| claim)
    }

    /// The value of this name, if it is there and shown.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.get(name).and_then(Claim::value)
    }

    /// Claims in map order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Claim)> {
        self.0.iter().map(|(name, claim)| (name.as_str(), claim))
    }

    /// Replaces a claim by its hash; `false` when there is no claim of this name. Hiding twice changes nothing.
    pub fn hide(&mut self, name: &str) -> bool {
        let Ok(position) = self.0.binary_search_by(|(other, _)| key_order(other, name)) else { return false };
        let claim = &mut self.0[position].1;
        *claim = Claim::Hidden(claim.hash());
        true
    }

    /// Bytes that the section's CBOR takes at most: heads of a map and of a name take up to three.
    pub(crate) fn bytes_max(&self) -> usize {
        self.0.iter().fold(3, |bytes, (name, claim)| bytes + 3 + name.len() + claim.encoded_len())
    }

    /// How many bytes the claims fall short of counting 34 each.
    pub(crate) fn short_bytes(&self) -> usize {
        self.0.iter().map(|(_, claim)| short_bytes(claim.encoded_len())).sum()
    }
}

/// How many bytes a claim of `encoded_bytes` falls short of counting 34.
pub(crate) const fn short_bytes(encoded_bytes: usize) -> usize {
    CLAIM_HIDDEN_BYTES.saturating_sub(encoded_bytes)
}

/// What a record starts with: the head of an array of three, and its entry.
pub(crate) fn write_head(writer: &mut Writer, entry: &Entry) {
    writer.array(3);
    writer.bytes(&entry.to_bytes());
}

/// Checks the size of a record of `encoded_bytes`, with every claim counted as at least a hidden one: `short_bytes` is
/// what its claims fall short of that.
pub(crate) fn check_size(encoded_bytes: usize, short_bytes: usize) -> Result<(), RecordError> {
    let counted = encoded_bytes + short_bytes;
    if counted > RECORD_BYTES_MAX { Err(RecordError::RecordBytes(counted)) } else { Ok(()) }
}

/// Whether `name` has the form of a claim name.
#[must_use]
pub fn is_claim_name(name: &str) -> bool {
    name.len() <= CLAIM_NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn check_claim(name: &str, claim: &Claim) -> Result<(), RecordError> {
    check_limits(name, claim.encoded_len(), claim.value())
}

/// Checks a claim's name, the bytes that it takes, and the depth of its value if it is shown.
pub(crate) fn check_limits(
    name: &str,
    encoded_bytes: usize,
    value: Option<&Value>,
) -> Result<(), RecordError> {
    if !is_claim_name(name) {
        return Err(RecordError::ClaimName(name.into()));
    }
    if encoded_bytes > CLAIM_BYTES_MAX {
        return Err(RecordError::ClaimBytes { name: name.into(), got: encoded_bytes });
    }
    match value.map_or(0, Value::depth) {
        depth if depth > VALUE_DEPTH_MAX => Err(RecordError::ClaimDepth { name: name.into(), got: depth }),
        _ => Ok(()),
    }
}

/// An entry with the claims it commits to. Whether it does is checked by [`Record::digests_match`], not by parsing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The public leaf.
    pub entry: Entry,
    /// What the client said.
    pub submitted: Section,
    /// What the log added.
    pub attested: Section,
}

/// What the bytes of a record turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnyRecord {
    /// A record of version 1.
    Known(Record),
    /// A later version: nothing of it is understood but the leaf's bytes, whose inclusion can still be checked.
    UnknownVersion {
        /// The version found, 2 to 23.
        version: u8,
        /// The leaf's bytes.
        entry: Vec<u8>,
    },
}

impl AnyRecord {
    /// What the tree holds of it: SHA-256(0x00 || entry).
    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        match self {
            Self::Known(record) => record.entry.leaf_hash(),
            Self::UnknownVersion { entry, .. } => Hash::leaf(entry),
        }
    }
}

impl Record {
    /// Reads a record. The CBOR profile, the depth and the record's size come first, then the version, then the rest.
    ///
    /// # Errors
    /// [`RecordError`] names the byte or the claim, what was expected and what was got.
    pub fn parse(bytes: &[u8]) -> Result<AnyRecord, RecordError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::RecordBytes(bytes.len()));
        }
        // What reads as a record of version 1 is within the profile: only what doesn't is gone over first, for the first
        // thing that is wrong with it.
        if let Ok(known @ AnyRecord::Known(_)) = Self::read(bytes) {
            return Ok(known);
        }
        let mut whole = Reader::new(bytes);
        whole.skip(RECORD_DEPTH_MAX)?;
        whole.finish()?;
        Self::read(bytes)
    }

    fn read(bytes: &[u8]) -> Result<AnyRecord, RecordError> {
        let mut reader = Reader::new(bytes);
        match reader.array()? {
            3 => {}
            items => return Err(RecordError::Items(items)),
        }
        let entry = reader.bytes()?;
        match entry {
            [0x85, version, ..] if (ENTRY_VERSION + 1..=KIND_MAX).contains(version) => {
                return Ok(AnyRecord::UnknownVersion { version: *version, entry: entry.into() });
            }
            _ => {}
        }
        let record = Self {
            entry: Entry::parse(entry)?,
            submitted: Section::read(&mut reader)?,
            attested: Section::read(&mut reader)?,
        };
        reader.finish()?;
        check_size(bytes.len(), record.submitted.short_bytes() + record.attested.short_bytes())?;
        Ok(AnyRecord::Known(record))
    }

    /// `[entry, submitted, attested]` (`SPEC.md` section 3.2).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(2048);
        write_head(&mut writer, &self.entry);
        self.submitted.write(&mut writer);
        self.attested.write(&mut writer);
        writer.into_bytes()
    }

    /// One of the two sections.
    #[must_use]
    pub const fn section(&self, name: SectionName) -> &Section {
        match name {
            SectionName::Submitted => &self.submitted,
            SectionName::Attested => &self.attested,
        }
    }

    /// One of the two sections, to hide claims in.
    pub const fn section_mut(&mut self, name: SectionName) -> &mut Section {
        match name {
            SectionName::Submitted => &mut self.submitted,
            SectionName::Attested => &mut self.attested,
        }
    }

    /// The digest that the entry commits to for a section.
    #[must_use]
    pub const fn committed_digest(&self, name: SectionName) -> Hash {
        match name {
            SectionName::Submitted => self.entry.submitted_digest,
            SectionName::Attested => self.entry.attested_digest,
        }
    }

    /// Whether both sections recompute to the digests in the entry.
    #[must_use]
    pub fn digests_match(&self) -> bool {
        SectionName::ALL
            .into_iter()
            .all(|name| self.section(name).digest(name, self.entry.kind) == self.committed_digest(name))
    }
}
