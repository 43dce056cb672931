//! Why a submission is refused, in the parts that an answer to the client is made of.

use crate::cbor::CborError;
use crate::claims::{KINDS, KindSpec, Misfit, MisfitFault, Type, is_attested_alone, type_of};
use crate::json::JsonError;
use crate::limits::{
    CLAIM_BYTES_MAX, CLAIMS_MAX, IDEMPOTENCY_KEY_BYTES_MAX, OCCURRED_AHEAD_MS_MAX, RECORD_BYTES_MAX,
    SALT_BYTES, VALUE_DEPTH_MAX,
};
use crate::record::RecordError;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a salt is, in both forms of a submission.
const SALT_FORM: &str = "16 bytes, which are 32 lowercase hex digits in JSON";
const _: () = assert!(SALT_BYTES == 16, "the text above");

/// What a claim of a CBOR submission is.
const CLAIM_FORM: &str = "[salt of 16 bytes, value]";

/// Why a submission is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubmissionError {
    /// Not JSON as provlog reads it.
    #[error("JSON: {0}")]
    Json(#[from] JsonError),
    /// Not CBOR as provlog reads it.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Not the form of a submission.
    #[error("{what}: expected {expected}, got {got}")]
    Form {
        /// What of it.
        what: &'static str,
        /// What had to be there.
        expected: &'static str,
        /// What is there.
        got: &'static str,
    },
    /// A member that a submission doesn't have.
    #[error("unknown member {member:?}: expected {expected}")]
    UnknownMember {
        /// As submitted.
        member: String,
        /// The members that there are.
        expected: &'static str,
    },
    /// No kind has this name.
    #[error("unknown kind {0:?}: expected one of {kinds}", kinds = accepted_kinds())]
    KindUnknown(String),
    /// No kind has this number.
    #[error("unknown kind {0}: expected one of {kinds}", kinds = accepted_kind_numbers())]
    KindNumberUnknown(i64),
    /// Only the log itself writes this kind.
    #[error("kind {0} is written by the log itself: expected one of {kinds}", kinds = accepted_kinds())]
    KindLogOnly(&'static str),
    /// The kind is reserved for a later version.
    #[error("kind {0} is not accepted by this version: expected one of {kinds}", kinds = accepted_kinds())]
    KindNotAccepted(&'static str),
    /// A required claim isn't there.
    #[error("kind {} needs the claim {claim}", kind.name)]
    ClaimMissing {
        /// Its row of the claim table.
        kind: &'static KindSpec,
        /// The first such claim in the table's order.
        claim: &'static str,
    },
    /// The kind has no claim of this name.
    #[error("kind {} has no claim {claim}: expected only {}", kind.name, claims_of(kind))]
    ClaimUnknown {
        /// Its row of the claim table.
        kind: &'static KindSpec,
        /// As submitted.
        claim: String,
    },
    /// A value that doesn't fit its claim's type.
    #[error("claim {0}")]
    Claim(Misfit),
    /// `occurred_at_ms` lies in the future.
    #[error(
        "claim occurred_at_ms: expected at most {OCCURRED_AHEAD_MS_MAX} ms after the log's clock, {now_ms}; got {got_ms}"
    )]
    Ahead {
        /// The claim, since the Unix epoch.
        got_ms: u64,
        /// The log's clock, since the Unix epoch.
        now_ms: u64,
    },
    /// A claim of a CBOR submission that isn't its salt and its value.
    #[error("claim {claim}: expected {CLAIM_FORM}, got {got}")]
    ClaimForm {
        /// The claim's name.
        claim: String,
        /// What is there.
        got: &'static str,
    },
    /// A claim of a CBOR submission of which only the hash is there.
    #[error("claim {0}: expected {CLAIM_FORM}, got the hash of a hidden claim, which can't be checked")]
    ClaimHidden(String),
    /// A salt that isn't 16 bytes, or in JSON not 32 lowercase hex digits.
    #[error("salt of {0}: expected {SALT_FORM}")]
    SaltForm(String),
    /// Some claims have a salt, and this one has none.
    #[error("claim {0} has no salt: expected one for every claim, or none at all")]
    SaltMissing(String),
    /// A salt for a claim that isn't there.
    #[error("salt of {0}: the submission has no such claim")]
    SaltUnknown(String),
    /// A salt of all zeros.
    #[error("salt of {0}: all zeros; expected 16 random bytes")]
    SaltZero(String),
    /// A salt that another claim has too.
    #[error("salt of {0}: the same as that of {1}; expected 16 random bytes for each claim")]
    SaltRepeated(String, String),
    /// Evidence that hasn't its form.
    #[error("{0}")]
    Evidence(Misfit),
    /// Evidence of claims whose salts the log would draw.
    #[error("evidence: expected salts for every claim beside it, got none: it is of the submitted_digest")]
    EvidenceWithoutSalts,
    /// Not an idempotency key.
    #[error("idempotency key {0:?}: expected 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters")]
    IdempotencyKey(String),
    /// A limit, or the form of a claim name.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl SubmissionError {
    /// The stable code, listed in `SPEC.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "json.malformed",
            Self::Cbor(_) => "cbor.malformed",
            Self::Form { .. } => "submission.form",
            Self::UnknownMember { .. } => "submission.unknown-member",
            Self::KindUnknown(_) | Self::KindNumberUnknown(_) => "kind.unknown",
            Self::KindLogOnly(_) => "kind.log-only",
            Self::KindNotAccepted(_) => "kind.not-accepted",
            Self::ClaimMissing { .. } => "claim.missing",
            Self::ClaimUnknown { .. } => "claim.unknown",
            Self::Claim(misfit) => match misfit.fault {
                MisfitFault::Type => "claim.type",
                MisfitFault::UnknownField => "claim.unknown-field",
                MisfitFault::MissingField => "claim.missing-field",
            },
            Self::Ahead { .. } => "claim.ahead",
            Self::ClaimForm { .. } => "claim.form",
            Self::ClaimHidden(_) => "claim.hidden",
            Self::SaltForm(_) => "salt.form",
            Self::SaltMissing(_) => "salt.missing",
            Self::SaltUnknown(_) => "salt.unknown",
            Self::SaltZero(_) => "salt.zero",
            Self::SaltRepeated(..) => "salt.repeated",
            Self::Evidence(_) => "evidence.form",
            Self::EvidenceWithoutSalts => "evidence.salts",
            Self::IdempotencyKey(_) => "idempotency-key.form",
            Self::Record(error) => match error {
                RecordError::ClaimName(_) => "claim.name",
                RecordError::ClaimTwice(_) => "claim.twice",
                RecordError::ClaimCount(_) => "claims.too-many",
                RecordError::ClaimBytes { .. } => "claim.too-large",
                RecordError::ClaimDepth { .. } => "claim.too-deep",
                RecordError::RecordBytes(_) => "record.too-large",
                RecordError::Cbor(_)
                | RecordError::Items(_)
                | RecordError::Entry(_)
                | RecordError::Claim(_) => "record.malformed",
            },
        }
    }

    /// The claim at fault, with the path within it: `model.provider`.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::ClaimMissing { claim, .. } => Some(claim),
            Self::Claim(misfit) => Some(&misfit.path),
            Self::Ahead { .. } => Some("occurred_at_ms"),
            Self::ClaimUnknown { claim: name, .. }
            | Self::ClaimForm { claim: name, .. }
            | Self::ClaimHidden(name)
            | Self::SaltForm(name)
            | Self::SaltMissing(name)
            | Self::SaltUnknown(name)
            | Self::SaltZero(name)
            | Self::SaltRepeated(name, _)
            | Self::Record(
                RecordError::ClaimName(name)
                | RecordError::Claim(name)
                | RecordError::ClaimTwice(name)
                | RecordError::ClaimBytes { name, .. }
                | RecordError::ClaimDepth { name, .. },
            ) => Some(name),
            _ => None,
        }
    }

    /// What was expected, where there is such a thing.
    #[must_use]
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::Form { expected, .. } | Self::UnknownMember { expected, .. } => Some((*expected).into()),
            Self::KindNumberUnknown(_) => Some(format!("one of {}", accepted_kind_numbers())),
            Self::ClaimForm { .. } | Self::ClaimHidden(_) => Some(CLAIM_FORM.into()),
            Self::KindUnknown(_) | Self::KindLogOnly(_) | Self::KindNotAccepted(_) => {
                Some(format!("one of {}", accepted_kinds()))
            }
            Self::ClaimMissing { claim, .. } => type_of(claim).map(Type::to_string),
            Self::ClaimUnknown { claim, .. } if is_attested_alone(claim) => {
                Some("it from the log, which attests it".into())
            }
            Self::ClaimUnknown { kind, .. } => Some(format!("only {}", claims_of(kind))),
            Self::Claim(misfit) | Self::Evidence(misfit) => Some(misfit.expected.clone()),
            Self::EvidenceWithoutSalts => Some("a salt for every claim".into()),
            Self::SaltForm(_) => Some(SALT_FORM.into()),
            Self::SaltMissing(_) => Some("a salt for every claim, or none at all".into()),
            Self::SaltZero(_) | Self::SaltRepeated(..) => Some("16 random bytes for each claim".into()),
            Self::IdempotencyKey(_) => Some("visible ASCII characters".into()),
            _ => None,
        }
    }

    /// What was got, where there is such a thing.
    #[must_use]
    pub fn got(&self) -> Option<String> {
        match self {
            Self::Form { got, .. } | Self::ClaimForm { got, .. } => Some((*got).into()),
            Self::UnknownMember { member: name, .. } | Self::KindUnknown(name) => Some(name.clone()),
            Self::KindNumberUnknown(number) => Some(number.to_string()),
            Self::ClaimHidden(_) => Some("the hash of a hidden claim".into()),
            Self::KindLogOnly(name) | Self::KindNotAccepted(name) => Some((*name).into()),
            Self::ClaimMissing { .. } | Self::SaltMissing(_) | Self::EvidenceWithoutSalts => {
                Some("nothing".into())
            }
            Self::Claim(misfit) | Self::Evidence(misfit) => Some(misfit.got.clone()),
            Self::Ahead { got_ms, .. } => Some(got_ms.to_string()),
            Self::Record(
                RecordError::ClaimCount(got)
                | RecordError::ClaimBytes { got, .. }
                | RecordError::ClaimDepth { got, .. }
                | RecordError::RecordBytes(got),
            ) => Some(got.to_string()),
            _ => None,
        }
    }

    /// The limit that was passed, in the unit that the message names.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        let limit = match self {
            Self::Ahead { now_ms, .. } => return Some(now_ms.saturating_add(OCCURRED_AHEAD_MS_MAX)),
            Self::IdempotencyKey(_) => IDEMPOTENCY_KEY_BYTES_MAX,
            Self::Record(RecordError::ClaimCount(_)) => CLAIMS_MAX,
            Self::Record(RecordError::ClaimBytes { .. }) => CLAIM_BYTES_MAX,
            Self::Record(RecordError::ClaimDepth { .. }) => VALUE_DEPTH_MAX,
            Self::Record(RecordError::RecordBytes(_)) => RECORD_BYTES_MAX,
            _ => return None,
        };
        u64::try_from(limit).ok()
    }
}

fn accepted_kinds() -> String {
    let names: Vec<&str> = KINDS.iter().filter(|kind| kind.accepted).map(|kind| kind.name).collect();
    names.join(", ")
}

fn accepted_kind_numbers() -> String {
    let kinds = KINDS.iter().filter(|kind| kind.accepted);
    let numbers: Vec<String> = kinds.map(|kind| format!("{} ({})", kind.kind.number(), kind.name)).collect();
    numbers.join(", ")
}

fn claims_of(kind: &KindSpec) -> String {
    let names: Vec<&str> = kind.claims().map(|(claim, _)| claim.name).chain(["x-..."]).collect();
    names.join(", ")
}
