//! Submissions, in JSON and in CBOR: what a client asks the log to append, checked against the claim table, and how it becomes
//! a section.
//!
//! A [`Submission`] can't be had without its checks. Limits in bytes and depth are those of a section, and so are checked
//! when it is sealed. Nothing here reads a clock or draws randomness: the caller hands in both.

use crate::cbor::{Value, key_order};
use crate::claims::{self, KindSpec, KindWriter, Type, kind_named, kind_spec, type_of};
use crate::encoded::EncodedSection;
use crate::hex;
use crate::json::Json;
use crate::limits::{IDEMPOTENCY_KEY_BYTES_MAX, OCCURRED_AHEAD_MS_MAX, SALT_BYTES};
use crate::record::{Claim, RecordError, Salt, Section, is_claim_name};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

mod cbor;
mod error;
mod evidence;

pub use error::SubmissionError;
pub use evidence::Evidence;

/// A valid submission, with or without salts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    kind: &'static KindSpec,
    /// In the section's order.
    claims: Vec<(String, Value)>,
    /// One for each claim, in the same order.
    salts: Option<Vec<Salt>>,
    /// The section that claims and salts are, if they came as one.
    encoded: Option<EncodedSection>,
    idempotency_key: Option<String>,
    /// Of these claims under these salts, which there are then.
    evidence: Option<Evidence>,
}

/// The members of a submission in JSON.
const MEMBERS: &str = "only kind, claims, salts, evidence, idempotency_key";

impl Submission {
    /// Checks kind, claims and salts.
    ///
    /// # Errors
    /// The first thing that the claim table or the salt rules refuse.
    pub fn new(
        kind: &str,
        mut claims: Vec<(String, Value)>,
        salts: Option<BTreeMap<String, Salt>>,
        idempotency_key: Option<String>,
    ) -> Result<Self, SubmissionError> {
        let kind =
            kind_named(kind).ok_or_else(|| SubmissionError::KindUnknown(kind.into())).and_then(accepted)?;
        check_claims(kind, &claims)?;
        claims.sort_by(|(a, _), (b, _)| key_order(a, b));
        if let Some([(twice, _), _]) = claims.array_windows().find(|[(a, _), (b, _)]| a == b) {
            return Err(RecordError::ClaimTwice(twice.clone()).into());
        }
        let salts = salts.map(|salts| salts_of(&claims, &salts)).transpose()?;
        check_key(idempotency_key.as_deref())?;
        Ok(Self { kind, claims, salts, encoded: None, idempotency_key, evidence: None })
    }

    /// Reads a request body or an item of a batch in CBOR: `[kind, submitted section, ? {? "evidence", ? "idempotency_key"}]`. The kind is
    /// its number, and each claim is `[salt, value]`. The section's bytes are kept, for [`Submission::encode`].
    ///
    /// # Errors
    /// As [`Submission::new`], the limits of a section, bytes outside of the profile, and another form than this.
    pub fn parse_cbor(bytes: &[u8]) -> Result<Self, SubmissionError> {
        let cbor::Parts { claims, salts, encoded, idempotency_key, evidence } = cbor::read(bytes)?;
        let number = encoded.kind.number();
        let kind = kind_spec(encoded.kind)
            .ok_or(SubmissionError::KindNumberUnknown(number.into()))
            .and_then(accepted)?;
        check_claims(kind, &claims)?;
        check_salts(&claims, &salts)?;
        check_key(idempotency_key.as_deref())?;
        Ok(Self { kind, claims, salts: Some(salts), encoded: Some(encoded), idempotency_key, evidence })
    }

    /// Reads a request body or a line of a batch in JSON.
    ///
    /// # Errors
    /// As [`Submission::from_json`], and bytes that aren't JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, SubmissionError> {
        Self::from_json(Json::parse(bytes)?)
    }

    /// From `{"kind", "claims", "salts"?, "evidence"?, "idempotency_key"?}`.
    ///
    /// # Errors
    /// As [`Submission::new`], and another form than this.
    pub fn from_json(json: Json) -> Result<Self, SubmissionError> {
        let (mut kind, mut claims, mut salts) = (None, None, None);
        let (mut evidence, mut idempotency_key) = (None, None);
        for (name, value) in members("a submission", json)? {
            match name.as_str() {
                "kind" => kind = Some(string("kind", value)?),
                "claims" => claims = Some(members("claims", value)?),
                "salts" => salts = Some(members("salts", value)?),
                "evidence" => evidence = Some(Evidence::from_json(value)?),
                "idempotency_key" => idempotency_key = Some(string("idempotency_key", value)?),
                _ => return Err(SubmissionError::UnknownMember { member: name, expected: MEMBERS }),
            }
        }
        let missing = |what, expected| SubmissionError::Form { what, expected, got: "nothing" };
        let kind = kind.ok_or_else(|| missing("kind", "a string"))?;
        let claims = claims.ok_or_else(|| missing("claims", "an object"))?.into_iter().map(claim_from_json);
        let claims = claims.collect::<Result<_, _>>()?;
        let salts = salts.map(|salts| salts.into_iter().map(salt_from_json).collect()).transpose()?;
        let submission = Self::new(&kind, claims, salts, idempotency_key)?;
        match evidence {
            Some(evidence) => submission.with_evidence(evidence),
            None => Ok(submission),
        }
    }

    /// The JSON that [`Submission::from_json`] reads.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let claims = self.claims.iter().map(|(name, value)| (name.clone(), claims::to_json(value))).collect();
        let mut members = Vec::from([
            ("kind".to_owned(), self.kind.name.into()),
            ("claims".to_owned(), Json::Object(claims)),
        ]);
        if let Some(salts) = &self.salts {
            let salts = self.claims.iter().zip(salts);
            let salts =
                salts.map(|((name, _), salt)| (name.clone(), Json::String(hex::encode(salt)))).collect();
            members.push(("salts".into(), Json::Object(salts)));
        }
        if let Some(evidence) = &self.evidence {
            members.push(("evidence".into(), claims::to_json(&evidence.to_value())));
        }
        if let Some(key) = &self.idempotency_key {
            members.push(("idempotency_key".into(), Json::String(key.clone())));
        }
        Json::Object(members)
    }

    /// The kind's row of the claim table.
    #[must_use]
    pub const fn kind(&self) -> &'static KindSpec {
        self.kind
    }

    /// Names and values, in the section's order.
    #[must_use]
    pub fn claims(&self) -> &[(String, Value)] {
        &self.claims
    }

    /// Whether it has its salts.
    #[must_use]
    pub const fn has_salts(&self) -> bool {
        self.salts.is_some()
    }

    /// The caller's name for this append.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// The same submission under this key.
    ///
    /// # Errors
    /// [`SubmissionError::IdempotencyKey`].
    pub fn with_idempotency_key(mut self, key: &str) -> Result<Self, SubmissionError> {
        check_key(Some(key))?;
        self.idempotency_key = Some(key.into());
        Ok(self)
    }

    /// What the client brought to show which workload it is.
    #[must_use]
    pub const fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    /// The same submission with evidence, which is of it and of no other.
    ///
    /// # Errors
    /// [`SubmissionError::EvidenceWithoutSalts`]: without them nobody knows yet what it would be of.
    pub fn with_evidence(mut self, evidence: Evidence) -> Result<Self, SubmissionError> {
        if self.salts.is_none() {
            return Err(SubmissionError::EvidenceWithoutSalts);
        }
        self.evidence = Some(evidence);
        Ok(self)
    }

    /// The same submission with a salt for each claim: the client's where it sent them, else drawn here.
    ///
    /// # Errors
    /// Salts that are zero or repeated: the source of randomness is broken.
    pub fn with_salts(mut self, mut draw: impl FnMut() -> Salt) -> Result<Self, SubmissionError> {
        if self.salts.is_none() {
            let salts: Vec<Salt> = self.claims.iter().map(|_| draw()).collect();
            check_salts(&self.claims, &salts)?;
            self.salts = Some(salts);
        }
        Ok(self)
    }

    /// Checks that `occurred_at_ms`, where it is claimed, lies at most [`OCCURRED_AHEAD_MS_MAX`] ahead of `now_ms`.
    ///
    /// # Errors
    /// [`SubmissionError::Ahead`].
    pub fn check_occurred_at(&self, now_ms: u64) -> Result<(), SubmissionError> {
        let claimed = self.claims.iter().find(|(name, _)| name == OCCURRED_AT);
        match claimed.and_then(|(_, value)| value.as_uint()) {
            Some(got_ms) if got_ms.saturating_sub(now_ms) > OCCURRED_AHEAD_MS_MAX => {
                Err(SubmissionError::Ahead { got_ms, now_ms })
            }
            _ => Ok(()),
        }
    }

    /// Commits to each claim under its salt.
    ///
    /// ```
    /// use provlog_core::expectation::Expectation;
    /// use provlog_core::record::SectionName;
    /// use provlog_core::submission::Submission;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let request = br#"{"kind": "event", "claims": {
    ///     "type": "build.started", "subject": [{"digest": {"gitCommit": "0123456789abcdef0123456789abcdef01234567"}}]
    /// }}"#;
    /// let submission = Submission::parse(request)?;
    /// let kind = submission.kind().kind;
    ///
    /// // A salt hides a value from whoever only sees its hash: draw each from a secure source, not like here.
    /// let mut count = 0;
    /// let submission = submission.with_salts(|| {
    ///     count += 1;
    ///     [count; 16]
    /// })?;
    /// let section = submission.seal()?;
    ///
    /// // Only the receipt of these claims under these salts meets it.
    /// let expectation = Expectation::Submission(section.digest(SectionName::Submitted, kind));
    /// # assert!(matches!(expectation, Expectation::Submission(_)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SubmissionError::SaltMissing`] where there are no salts yet, and the limits of a section.
    pub fn seal(self) -> Result<Section, SubmissionError> {
        let salts = self.salts.ok_or_else(|| salt_missing(&self.claims))?;
        let claims = self.claims.into_iter().zip(salts);
        let claims = claims.map(|((name, value), salt)| (name, Claim::disclosed(salt, value))).collect();
        Ok(Section::from_claims(claims)?)
    }

    /// The bytes of the section that [`Submission::seal`] makes, for
    /// [`Sealed::of_encoded`](crate::encoded::Sealed::of_encoded): as they came, or encoded now.
    ///
    /// # Errors
    /// As there.
    pub fn encode(self) -> Result<EncodedSection, SubmissionError> {
        if let Some(encoded) = self.encoded {
            return Ok(encoded);
        }
        let salts = self.salts.ok_or_else(|| salt_missing(&self.claims))?;
        let claims = self.claims.iter().zip(&salts);
        let claims = claims.map(|((name, value), salt)| (name.as_str(), salt, value));
        Ok(EncodedSection::of_claims(self.kind.kind, claims)?)
    }
}

const OCCURRED_AT: &str = "occurred_at_ms";

/// Checks names, required claims and types: what [`Submission::new`] does for a client, for claims that the log writes.
///
/// # Errors
/// The first unknown name or misfit in the order given, else the first missing claim in the table's order.
pub fn check_claims(kind: &'static KindSpec, claims: &[(String, Value)]) -> Result<(), SubmissionError> {
    for (name, value) in claims {
        if !is_claim_name(name) {
            return Err(RecordError::ClaimName(name.clone()).into());
        }
        if !kind.allows(name) {
            return Err(SubmissionError::ClaimUnknown { kind, claim: name.clone() });
        }
        if let Some(misfit) = claims::check_claim(name, value) {
            return Err(SubmissionError::Claim(misfit));
        }
    }
    let mut required = kind.required.iter().chain(kind.ungated);
    match required.find(|required| !claims.iter().any(|(name, _)| name == *required)) {
        Some(claim) => Err(SubmissionError::ClaimMissing { kind, claim }),
        None => Ok(()),
    }
}

/// Whether a stored section has the same claims with the same values as a request's, whatever the salts. A stored claim
/// that is hidden can't be compared by value: then all claim hashes have to be equal, which is to say the section digests.
#[must_use]
pub fn same_values(request: &Section, stored: &Section) -> bool {
    let any_hidden = stored.iter().any(|(_, claim)| claim.value().is_none());
    let same = |request: &Claim, stored: &Claim| {
        if any_hidden { request.hash() == stored.hash() } else { request.value() == stored.value() }
    };
    request.iter().len() == stored.iter().len()
        && request
            .iter()
            .zip(stored.iter())
            .all(|((a, request), (b, stored))| a == b && same(request, stored))
}

/// Whether `text` may be an idempotency key: 1 to 255 visible ASCII characters, as fit a header.
#[must_use]
pub fn is_idempotency_key(text: &str) -> bool {
    (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

const fn accepted(kind: &'static KindSpec) -> Result<&'static KindSpec, SubmissionError> {
    match kind {
        KindSpec { writer: KindWriter::Log, .. } => Err(SubmissionError::KindLogOnly(kind.name)),
        KindSpec { accepted: false, .. } => Err(SubmissionError::KindNotAccepted(kind.name)),
        _ => Ok(kind),
    }
}

fn check_key(key: Option<&str>) -> Result<(), SubmissionError> {
    match key {
        Some(key) if !is_idempotency_key(key) => Err(SubmissionError::IdempotencyKey(key.into())),
        _ => Ok(()),
    }
}

fn members(what: &'static str, json: Json) -> Result<Vec<(String, Json)>, SubmissionError> {
    match json {
        Json::Object(members) => Ok(members),
        other => Err(SubmissionError::Form { what, expected: "an object", got: other.type_name() }),
    }
}

fn string(what: &'static str, json: Json) -> Result<String, SubmissionError> {
    match json {
        Json::String(text) => Ok(text),
        other => Err(SubmissionError::Form { what, expected: "a string", got: other.type_name() }),
    }
}

/// Whether the kind has such a claim is checked later, with the others.
fn claim_from_json((name, json): (String, Json)) -> Result<(String, Value), SubmissionError> {
    match claims::convert(type_of(&name).unwrap_or(&Type::Any), json) {
        Ok(value) => Ok((name, value)),
        Err(misfit) => Err(SubmissionError::Claim(misfit.within(name))),
    }
}

fn salt_from_json((name, json): (String, Json)) -> Result<(String, Salt), SubmissionError> {
    match json.as_str().and_then(hex::decode_array::<SALT_BYTES>) {
        Some(salt) => Ok((name, salt)),
        None => Err(SubmissionError::SaltForm(name)),
    }
}

/// The salts in the claims' order, which must be one for each.
fn salts_of(
    claims: &[(String, Value)],
    salts: &BTreeMap<String, Salt>,
) -> Result<Vec<Salt>, SubmissionError> {
    let unknown =
        salts.keys().find(|salt| claims.binary_search_by(|(claim, _)| key_order(claim, salt)).is_err());
    if let Some(unknown) = unknown {
        return Err(SubmissionError::SaltUnknown(unknown.clone()));
    }
    let salt = |(name, _): &(String, Value)| salts.get(name).copied().ok_or_else(|| name.clone());
    let salts: Vec<Salt> =
        claims.iter().map(salt).collect::<Result<_, _>>().map_err(SubmissionError::SaltMissing)?;
    check_salts(claims, &salts).map(|()| salts)
}

fn salt_missing(claims: &[(String, Value)]) -> SubmissionError {
    SubmissionError::SaltMissing(claims.first().map(|(name, _)| name.clone()).unwrap_or_default())
}

fn check_salts(claims: &[(String, Value)], salts: &[Salt]) -> Result<(), SubmissionError> {
    let mut sorted: Vec<(&Salt, &String)> = salts.iter().zip(claims.iter().map(|(name, _)| name)).collect();
    sorted.sort_unstable();
    if let Some((_, name)) = sorted.first().filter(|(salt, _)| **salt == [0; SALT_BYTES]) {
        return Err(SubmissionError::SaltZero((*name).clone()));
    }
    match sorted.array_windows().find(|[(a, _), (b, _)]| a == b) {
        Some([(_, a), (_, b)]) => Err(SubmissionError::SaltRepeated((*b).clone(), (*a).clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
