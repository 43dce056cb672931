//! Records as bytes: made or checked once, and handed on without being taken apart or encoded again.

use crate::cbor::{CborError, Reader, Value, Writer};
use crate::entry::{Entry, Kind, TimeMs};
use crate::hash::{Hash, SectionHasher};
use crate::limits::{CLAIM_NAME_BYTES_MAX, CLAIMS_MAX, ENTRY_BYTES, VALUE_DEPTH_MAX};
use crate::record::{
    Claim, Record, RecordError, Salt, Section, SectionName, check_limits, check_size, short_bytes, write_head,
};
use alloc::vec::Vec;

/// Bytes before a record's sections: the heads of an array of three and of a byte string of 80, and the entry.
const HEAD_BYTES: usize = 3 + ENTRY_BYTES;

/// Bytes that most sections fit into.
const SECTION_BYTES: usize = 2048;

/// A submitted section, encoded, within all limits. Only
/// [`Submission::encode`](crate::submission::Submission::encode) makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedSection {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
    /// As the submitted section of an entry of this kind, if the bytes came encoded and were read.
    pub(crate) digest: Option<Hash>,
    /// How many bytes its claims fall short of counting 34 each.
    pub(crate) short_bytes: usize,
}

impl EncodedSection {
    /// Encodes disclosed claims, which are in the section's order.
    ///
    /// # Errors
    /// The limits of a section.
    pub fn of_claims<'a>(
        kind: Kind,
        claims: impl ExactSizeIterator<Item = (&'a str, &'a Salt, &'a Value)>,
    ) -> Result<Self, RecordError> {
        if claims.len() > CLAIMS_MAX {
            return Err(RecordError::ClaimCount(claims.len()));
        }
        let (mut writer, mut short) = (Writer::with_capacity(SECTION_BYTES), 0);
        writer.map(claims.len());
        for (name, salt, value) in claims {
            writer.text(name);
            let start = writer.written();
            Claim::write(&mut writer, salt, value);
            let encoded_bytes = writer.written() - start;
            check_limits(name, encoded_bytes, Some(value))?;
            short += short_bytes(encoded_bytes);
        }
        Ok(Self { kind, bytes: writer.into_bytes(), digest: None, short_bytes: short })
    }

    /// The digest that its entry commits to, which is known before anything is attested beside it.
    ///
    /// # Errors
    /// [`SealError::Malformed`], as [`Sealed::of_encoded`].
    pub fn digest(&mut self) -> Result<Hash, SealError> {
        let digest = match self.digest {
            Some(digest) => digest,
            None => read_back(SectionName::Submitted, self.kind, &self.bytes)?,
        };
        self.digest = Some(digest);
        Ok(digest)
    }
}

/// Both sections of a record that is to be logged, encoded and hashed: all of it but its time and place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    kind: Kind,
    /// The submitted section's CBOR, and then the attested one's.
    sections: Vec<u8>,
    submitted_bytes: usize,
    submitted_digest: Hash,
    attested_digest: Hash,
}

/// Why sections were not sealed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// Together they are over a record's limit.
    #[error(transparent)]
    Size(RecordError),
    /// What was just encoded isn't a section. Never the submitter's fault.
    #[error("the {section} section was encoded wrong: {source}")]
    Malformed {
        /// Which one.
        section: SectionName,
        /// What is wrong with it.
        source: RecordError,
    },
}

impl Sealed {
    /// Encodes both sections, and reads them back, as every later reader will: a record that was encoded wrong
    /// would be acknowledged, and a log not open with it. What is hashed are the bytes that were read back.
    ///
    /// # Errors
    /// [`SealError::Size`]; the others are a bug, or a machine that computes wrong.
    pub fn new(kind: Kind, submitted: &Section, attested: &Section) -> Result<Self, SealError> {
        let mut writer = Writer::with_capacity(submitted.bytes_max() + attested.bytes_max());
        submitted.write(&mut writer);
        let submitted_bytes = writer.written();
        attested.write(&mut writer);
        let sections = writer.into_bytes();
        let short_bytes = submitted.short_bytes() + attested.short_bytes();
        check_size(HEAD_BYTES + sections.len(), short_bytes).map_err(SealError::Size)?;
        let (bytes, attested) = sections.split_at(submitted_bytes);
        let submitted_digest = read_back(SectionName::Submitted, kind, bytes)?;
        let attested_digest = read_back(SectionName::Attested, kind, attested)?;
        Ok(Self { kind, sections, submitted_bytes, submitted_digest, attested_digest })
    }

    /// As [`Sealed::new`], with a submitted section that is encoded: its bytes become part of the record as they are. What came
    /// encoded was read already, as every later reader will, and isn't read again.
    ///
    /// # Errors
    /// As there.
    pub fn of_encoded(submitted: &EncodedSection, attested: &EncodedSection) -> Result<Self, SealError> {
        let mut sections = Vec::with_capacity(submitted.bytes.len() + attested.bytes.len());
        sections.extend_from_slice(&submitted.bytes);
        sections.extend_from_slice(&attested.bytes);
        let short_bytes = submitted.short_bytes + attested.short_bytes;
        check_size(HEAD_BYTES + sections.len(), short_bytes).map_err(SealError::Size)?;
        let (kind, submitted_bytes) = (submitted.kind, submitted.bytes.len());
        let (bytes, attested) = sections.split_at(submitted_bytes);
        let submitted_digest =
            submitted.digest.map_or_else(|| read_back(SectionName::Submitted, kind, bytes), Ok)?;
        let attested_digest = read_back(SectionName::Attested, kind, attested)?;
        Ok(Self { kind, sections, submitted_bytes, submitted_digest, attested_digest })
    }

    /// What sort of fact it states.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// A section's CBOR.
    #[must_use]
    pub fn section(&self, name: SectionName) -> &[u8] {
        let (submitted, attested) = self.sections.split_at(self.submitted_bytes);
        match name {
            SectionName::Submitted => submitted,
            SectionName::Attested => attested,
        }
    }

    /// A section's digest.
    #[must_use]
    pub const fn digest(&self, name: SectionName) -> Hash {
        match name {
            SectionName::Submitted => self.submitted_digest,
            SectionName::Attested => self.attested_digest,
        }
    }

    /// Bytes of both sections.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sections.len()
    }

    /// The entry that it becomes at this time.
    #[must_use]
    pub const fn entry(&self, time_ms: TimeMs) -> Entry {
        let (submitted_digest, attested_digest) = (self.submitted_digest, self.attested_digest);
        Entry { kind: self.kind, time_ms, submitted_digest, attested_digest }
    }

    /// The record's CBOR (`SPEC.md` section 3.2) under `entry`, which has to commit to these sections. That the digests are
    /// theirs was found when they were read back.
    ///
    /// # Errors
    /// [`EncodedError::Digest`].
    pub fn record(&self, entry: &Entry) -> Result<Vec<u8>, EncodedError> {
        let own = self.entry(entry.time_ms);
        // The kind is in both digests.
        if (entry.kind, entry.submitted_digest) != (own.kind, own.submitted_digest) {
            return Err(EncodedError::Digest(SectionName::Submitted));
        }
        if entry.attested_digest != own.attested_digest {
            return Err(EncodedError::Digest(SectionName::Attested));
        }
        Ok(record_of(entry, &[&self.sections]))
    }

    /// Its claims.
    ///
    /// # Errors
    /// None that can be told apart from a broken machine: they were read back.
    pub fn submitted(&self) -> Result<Section, RecordError> {
        Section::parse(self.section(SectionName::Submitted))
    }
}

/// The digest of what was just encoded, read as every later reader will.
fn read_back(section: SectionName, kind: Kind, bytes: &[u8]) -> Result<Hash, SealError> {
    Section::digest_of(bytes, section, kind).map_err(|source| SealError::Malformed { section, source })
}

/// Why bytes are not a record whose sections are those that its entry commits to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodedError {
    /// Not a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Another section than the entry commits to.
    #[error("the {0} section does not have the digest that the entry commits to")]
    Digest(SectionName),
}

impl From<CborError> for EncodedError {
    fn from(error: CborError) -> Self {
        Self::Record(error.into())
    }
}

/// A record's bytes, whose sections are those that its entry commits to. So they are, byte for byte, what was checked
/// before it was logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncodedRecord<'a> {
    entry: Entry,
    submitted: &'a [u8],
    attested: &'a [u8],
}

impl<'a> EncodedRecord<'a> {
    /// Reads a record of a known version, of which nothing is looked at but its entry, names, and where claims end; no
    /// memory is taken.
    ///
    /// # Errors
    /// [`EncodedError`].
    pub fn read(record: &'a [u8]) -> Result<Self, EncodedError> {
        let mut reader = Reader::new(record);
        match reader.array()? {
            3 => {}
            items => return Err(RecordError::Items(items).into()),
        }
        let entry = Entry::parse(reader.bytes()?).map_err(RecordError::from)?;
        let submitted = read_section(&mut reader, SectionName::Submitted, &entry)?;
        let attested = read_section(&mut reader, SectionName::Attested, &entry)?;
        reader.finish()?;
        Ok(Self { entry, submitted, attested })
    }

    /// As [`EncodedRecord::read`], of a record's parts.
    ///
    /// # Errors
    /// As there.
    pub fn of_parts(entry: Entry, submitted: &'a [u8], attested: &'a [u8]) -> Result<Self, EncodedError> {
        for (name, bytes) in [(SectionName::Submitted, submitted), (SectionName::Attested, attested)] {
            let mut reader = Reader::new(bytes);
            read_section(&mut reader, name, &entry)?;
            reader.finish()?;
        }
        Ok(Self { entry, submitted, attested })
    }

    /// Its entry.
    #[must_use]
    pub const fn entry(&self) -> Entry {
        self.entry
    }

    /// Taken apart.
    ///
    /// # Errors
    /// None that can be told apart from a broken machine: see above.
    pub fn parse(&self) -> Result<Record, RecordError> {
        let (submitted, attested) = (Section::parse(self.submitted)?, Section::parse(self.attested)?);
        Ok(Record { entry: self.entry, submitted, attested })
    }

    /// The record's CBOR (`SPEC.md` section 3.2).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        record_of(&self.entry, &[self.submitted, self.attested])
    }
}

fn record_of(entry: &Entry, sections: &[&[u8]]) -> Vec<u8> {
    let bytes: usize = sections.iter().map(|section| section.len()).sum();
    let mut writer = Writer::with_capacity(HEAD_BYTES + bytes);
    write_head(&mut writer, entry);
    sections.iter().for_each(|section| writer.encoded(section));
    writer.into_bytes()
}

/// Passes over a section, whose digest must be the entry's.
fn read_section<'a>(
    reader: &mut Reader<'a>,
    section: SectionName,
    entry: &Entry,
) -> Result<&'a [u8], EncodedError> {
    let from = reader.offset();
    let mut hasher = SectionHasher::new(section.number(), entry.kind.number());
    let mut previous = None;
    for _ in 0..reader.map()? {
        let name = reader.key(previous)?;
        previous = Some(name);
        let of_claim = || RecordError::Claim(name.into());
        if name.len() > CLAIM_NAME_BYTES_MAX {
            return Err(of_claim().into());
        }
        let hash = if reader.at_bytes() {
            Hash(reader.bytes()?.try_into().map_err(|_| of_claim())?)
        } else {
            let start = reader.offset();
            // A claim is an array around its value.
            reader.pass(VALUE_DEPTH_MAX + 1)?;
            Hash::claim(reader.since(start))
        };
        hasher.claim(name, &hash);
    }
    let expected = match section {
        SectionName::Submitted => entry.submitted_digest,
        SectionName::Attested => entry.attested_digest,
    };
    if expected == hasher.finish() { Ok(reader.since(from)) } else { Err(EncodedError::Digest(section)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::Map;

    fn section(name: &str, salt: u8, value: &str) -> Section {
        let claim = Claim::disclosed([salt; 16], value.into());
        Section::from_claims(Vec::from([(name.into(), claim)])).unwrap()
    }

    fn sealed() -> Sealed {
        let mut submitted = section("type", 1, "a");
        submitted.hide("type");
        Sealed::new(Kind::new(22).unwrap(), &submitted, &section("workload", 2, "b")).unwrap()
    }

    #[test]
    fn what_is_sealed_is_the_record_that_is_encoded() {
        let sealed = sealed();
        let bytes = sealed.record(&sealed.entry(TimeMs::MIN)).unwrap();
        let encoded = EncodedRecord::read(&bytes).unwrap();
        let record = encoded.parse().unwrap();
        assert!(record.digests_match());
        assert_eq!((record.to_bytes(), encoded.to_bytes()), (bytes.clone(), bytes.clone()));
        let parts = [SectionName::Submitted, SectionName::Attested].map(|name| sealed.section(name));
        assert_eq!(EncodedRecord::of_parts(encoded.entry(), parts[0], parts[1]), Ok(encoded));
        assert_eq!(sealed.submitted().unwrap(), record.submitted);
        let claims = [("type", &[1; 16], &Value::from("a"))];
        let mut encoded = EncodedSection::of_claims(sealed.kind(), claims.into_iter()).unwrap();
        for _ in 0..2 {
            // The claim was hidden there, which changes no digest.
            assert_eq!(encoded.digest(), Ok(sealed.digest(SectionName::Submitted)));
        }
        for name in SectionName::ALL {
            assert_eq!(sealed.digest(name), record.section(name).digest(name, sealed.kind()));
        }
    }

    #[test]
    fn no_bit_of_a_record_can_be_changed_but_those_of_its_time() {
        let sealed = sealed();
        let good = sealed.record(&sealed.entry(TimeMs::MIN)).unwrap();
        for bit in 0..8 * good.len() {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let time = 7..15;
            assert!(EncodedRecord::read(&changed).is_err() || time.contains(&(bit / 8)), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(EncodedRecord::read(&good[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn there_is_no_record_of_sections_under_an_entry_that_commits_to_others() {
        let (sealed, other) = (sealed(), Hash([7; 32]));
        let own = sealed.entry(TimeMs::MIN);
        let of = |section| Err(EncodedError::Digest(section));
        let (submitted, attested) = (of(SectionName::Submitted), of(SectionName::Attested));
        assert_eq!(sealed.record(&Entry { kind: Kind::new(1).unwrap(), ..own }), submitted);
        assert_eq!(sealed.record(&Entry { submitted_digest: other, ..own }), submitted);
        assert_eq!(sealed.record(&Entry { attested_digest: other, ..own }), attested);
    }

    /// What is read back is held to all that a section is read by.
    #[test]
    fn the_digest_of_bytes_is_that_of_the_section_that_they_are() {
        let nested = (0..VALUE_DEPTH_MAX).fold(Value::Text("\u{e4}".into()), |inner, depth| {
            if depth % 2 == 0 {
                Value::Array(Vec::from([inner, Value::Integer(-300), Value::Bool(true), Value::Null]))
            } else {
                Value::Map(
                    Map::from_entries(Vec::from([("k".into(), inner), ("l".into(), Value::Integer(7))]))
                        .unwrap(),
                )
            }
        });
        let claim = |value| Claim::disclosed([3; 16], value);
        let mut section = Section::from_claims(Vec::from([
            ("hidden".into(), claim("a".into())),
            ("nested".into(), claim(nested.clone())),
            ("plain".into(), claim(Value::Bytes(Vec::from([0; 30])))),
        ]))
        .unwrap();
        section.hide("hidden");
        let bytes = section.to_bytes();
        let name = SectionName::Submitted;
        let kind = Kind::new(22).unwrap();
        let agree = |bytes: &[u8]| {
            let parsed = Section::parse(bytes).map(|section| section.digest(name, kind));
            assert_eq!(Section::digest_of(bytes, name, kind), parsed, "{bytes:02x?}");
            parsed.is_ok()
        };
        assert!(agree(&bytes));
        for position in 0..bytes.len() {
            assert!(!agree(&bytes[..position]));
            for flip in 1..=u8::MAX {
                let mut changed = bytes.clone();
                changed[position] ^= flip;
                agree(&changed);
            }
        }
        assert!(!agree(&[&bytes[..], b"\0"].concat()));
        let start = bytes.windows(7).position(|window| window == b"\x66nested").unwrap() + 7 + 1 + 17;
        let deeper = [&bytes[..start], b"\x81", &bytes[start..]].concat();
        assert!(!agree(&deeper), "a list more around the value");
    }

    #[test]
    fn a_record_over_its_limit_is_not_sealed() {
        let claims = [("a", 1), ("b", 2), ("c", 3)].map(|(name, salt)| {
            (name.into(), Claim::disclosed([salt; 16], "x".repeat(16_000).as_str().into()))
        });
        let large = Section::from_claims(claims.into()).unwrap();
        let refused = Sealed::new(Kind::new(22).unwrap(), &large, &Section::default());
        assert!(matches!(refused, Err(SealError::Size(RecordError::RecordBytes(48_001..)))), "{refused:?}");
    }
}
