//! The CBOR form of a submission, read once. What kinds and claims it may have is judged where JSON's are.

use super::error::SubmissionError;
use super::evidence::Evidence;
use crate::cbor::{Reader, Value};
use crate::encoded::EncodedSection;
use crate::entry::Kind;
use crate::hash::{Hash, SectionHasher};
use crate::limits::{CLAIMS_MAX, JSON_DEPTH_MAX};
use crate::record::{RecordError, Salt, SectionName, check_limits, short_bytes};
use alloc::string::String;
use alloc::vec::Vec;

const EVIDENCE: &str = "evidence";
const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// What there may be in the map behind a section.
const OPTIONS: &str = "only evidence, idempotency_key";

/// Deepest nesting that is read of a value: as deep as JSON is, so that a value that is too deep is told by its claim.
const DEPTH_READ: usize = JSON_DEPTH_MAX;

/// A submission's parts. Its kind is in the section.
pub(super) struct Parts {
    /// In the section's order.
    pub(super) claims: Vec<(String, Value)>,
    /// One for each claim, in the same order.
    pub(super) salts: Vec<Salt>,
    pub(super) encoded: EncodedSection,
    pub(super) idempotency_key: Option<String>,
    pub(super) evidence: Option<Evidence>,
}

/// Takes `[kind, section, ? {? "evidence", ? "idempotency_key"}]` apart.
///
/// # Errors
/// Bytes outside of the profile, another form, and the limits of a section.
pub(super) fn read(bytes: &[u8]) -> Result<Parts, SubmissionError> {
    const ITEMS: &str = "a list of kind, section, and perhaps a map";
    let mut reader = Reader::new(bytes);
    expect(&reader, "a submission", "a list", ITEMS)?;
    let items = reader.array()?;
    if !(2..=3).contains(&items) {
        let got = "a list of another length";
        return Err(SubmissionError::Form { what: "a submission", expected: ITEMS, got });
    }
    let kind = read_kind(&mut reader)?;
    let mut parts = read_section(&mut reader, kind)?;
    if items == 3 {
        read_options(&mut reader, &mut parts)?;
    }
    reader.finish()?;
    Ok(parts)
}

fn read_kind(reader: &mut Reader<'_>) -> Result<Kind, SubmissionError> {
    match reader.value(DEPTH_READ)? {
        Value::Integer(number) => {
            let kind = u8::try_from(number).ok().and_then(Kind::new);
            kind.ok_or(SubmissionError::KindNumberUnknown(number))
        }
        other => Err(SubmissionError::Form { what: "kind", expected: "an integer", got: other.type_name() }),
    }
}

/// The parts that are in the section.
fn read_section(reader: &mut Reader<'_>, kind: Kind) -> Result<Parts, SubmissionError> {
    expect(reader, "the submitted section", "a map", "a map")?;
    let from = reader.offset();
    let count = reader.map()?;
    if count > CLAIMS_MAX {
        return Err(RecordError::ClaimCount(count).into());
    }
    let (mut claims, mut salts) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut hasher = SectionHasher::new(SectionName::Submitted.number(), kind.number());
    let (mut previous, mut short) = (None, 0);
    for _ in 0..count {
        let name = reader.key(previous)?;
        previous = Some(name);
        let start = reader.offset();
        let (salt, value) = read_claim(reader, name)?;
        let encoded = reader.since(start);
        check_limits(name, encoded.len(), Some(&value))?;
        hasher.claim(name, &Hash::claim(encoded));
        short += short_bytes(encoded.len());
        claims.push((name.into(), value));
        salts.push(salt);
    }
    let (bytes, digest) = (reader.since(from).into(), hasher.finish());
    let encoded = EncodedSection { kind, bytes, digest: Some(digest), short_bytes: short };
    Ok(Parts { claims, salts, encoded, idempotency_key: None, evidence: None })
}

fn read_claim(reader: &mut Reader<'_>, name: &str) -> Result<(Salt, Value), SubmissionError> {
    let form = |got| SubmissionError::ClaimForm { claim: name.into(), got };
    match reader.next_type() {
        Some("bytes") if reader.clone().bytes()?.len() == size_of::<Hash>() => {
            return Err(SubmissionError::ClaimHidden(name.into()));
        }
        Some(got) if got != "a list" => return Err(form(got)),
        _ => {}
    }
    if reader.array()? != 2 {
        return Err(form("a list of another length"));
    }
    match reader.next_type() {
        Some("bytes") | None => {}
        Some(_) => return Err(SubmissionError::SaltForm(name.into())),
    }
    let salt = reader.bytes()?.try_into().map_err(|_| SubmissionError::SaltForm(name.into()))?;
    Ok((salt, reader.value(DEPTH_READ)?))
}

fn read_options(reader: &mut Reader<'_>, parts: &mut Parts) -> Result<(), SubmissionError> {
    expect(reader, "what follows the section", "a map", "a map")?;
    let mut previous = None;
    for _ in 0..reader.map()? {
        let name = reader.key(previous)?;
        previous = Some(name);
        match name {
            EVIDENCE => parts.evidence = Some(Evidence::from_value(reader.value(DEPTH_READ)?)?),
            IDEMPOTENCY_KEY => {
                expect(reader, IDEMPOTENCY_KEY, "a string", "a string")?;
                parts.idempotency_key = Some(reader.text()?.into());
            }
            _ => return Err(SubmissionError::UnknownMember { member: name.into(), expected: OPTIONS }),
        }
    }
    Ok(())
}

/// Refuses an item of another type than `ty`. Where there is no item, whoever reads it says so.
fn expect(
    reader: &Reader<'_>,
    what: &'static str,
    ty: &'static str,
    expected: &'static str,
) -> Result<(), SubmissionError> {
    match reader.next_type() {
        Some(got) if got != ty => Err(SubmissionError::Form { what, expected, got }),
        _ => Ok(()),
    }
}
