//! Which codes a request may be refused with, in groups that routes share. A code that stands in none is in no answer of the
//! document: a test demands that each does.

use crate::http::codes::*;

/// Of any route: connections and heads are refused before it is known which.
pub(super) const ANY: &[&Code] = &[
    &TLS_MISSING,
    &HOST_MISSING,
    &HOST_DENIED,
    &METHOD_NOT_ALLOWED,
    &REQUEST_TIMEOUT,
    &INTERNAL,
    &BUSY_CONNECTIONS,
];

/// Of any route that asks for a caller.
pub(super) const DOOR: &[&Code] = &[
    &AUTHORIZATION_MALFORMED,
    &CALLER_MISSING,
    &TOKEN_UNKNOWN,
    &TOKEN_EXPIRED,
    &TOKEN_REVOKED,
    &TOKEN_MALFORMED,
    &TOKEN_ALGORITHM,
    &TOKEN_ISSUER,
    &TOKEN_AUDIENCE,
    &TOKEN_TIME,
    &TOKEN_KEY,
    &TOKEN_SIGNATURE,
    &TOKEN_WORKLOAD,
    &TOKEN_RULE,
    &ROLE_DENIED,
    &CALLERS_UNKNOWN,
    &ISSUER_KEYS,
];

/// Of any route for which rates hold.
pub(super) const RATE: &[&Code] = &[&RATE_CALLER, &RATE_TOTAL];

/// Parameters that aren't what they must be.
pub(super) const PARAMETERS: &[&Code] = &[&PARAMETER_MALFORMED];

/// An index in the path that isn't text, or isn't in the log.
pub(super) const INDEX: &[&Code] = &[&PARAMETER_MALFORMED, &ROUTE_UNKNOWN, &ENTRY_NOT_FOUND];

/// A size above the log's.
pub(super) const NO_ENTRY: &[&Code] = &[&ENTRY_NOT_FOUND];

/// What a read of the log meets.
pub(super) const READ: &[&Code] = &[&BUSY_READS, &STORAGE_DAMAGED, &DERIVED_UNAVAILABLE];

/// A receipt that didn't verify.
pub(super) const RECEIPT: &[&Code] = &[&SELF_CHECK_FAILED];

/// What keeps every append out.
pub(super) const STANDING: &[&Code] =
    &[&STORAGE_FATAL, &SHUTTING_DOWN, &CLOCK, &DEDUP_UNAVAILABLE, &NO_SPACE];

/// A body that doesn't arrive as it must.
pub(super) const BODY: &[&Code] = &[
    &BODY_INCOMPLETE,
    &BODY_TOO_LARGE,
    &CONTENT_TYPE_UNSUPPORTED,
    &CONTENT_ENCODING_UNSUPPORTED,
    &BUSY_BODIES,
];

/// Submissions that can't be taken.
pub(super) const SUBMISSION: &[&Code] = &[
    &JSON_MALFORMED,
    &CBOR_MALFORMED,
    &SUBMISSION_FORM,
    &SUBMISSION_UNKNOWN_MEMBER,
    &KIND_UNKNOWN,
    &KIND_LOG_ONLY,
    &KIND_NOT_ACCEPTED,
    &KIND_DENIED,
    &ENVIRONMENT_DENIED,
    &CLAIM_MISSING,
    &CLAIM_UNKNOWN,
    &CLAIM_TYPE,
    &CLAIM_UNKNOWN_FIELD,
    &CLAIM_MISSING_FIELD,
    &CLAIM_AHEAD,
    &CLAIM_NAME,
    &CLAIM_FORM,
    &CLAIM_HIDDEN,
    &CLAIM_TWICE,
    &CLAIM_TOO_LARGE,
    &CLAIM_TOO_DEEP,
    &CLAIMS_TOO_MANY,
    &SALT_FORM,
    &SALT_MISSING,
    &SALT_UNKNOWN,
    &SALT_ZERO,
    &SALT_REPEATED,
    &RECORD_TOO_LARGE,
    &SUBMITTED_TOO_LARGE,
    &RECORD_MALFORMED,
    &REFERENCE_MISSING,
    &REFERENCE_OTHER,
    &REFERENCE_KIND,
];

/// Keys, and what an entry demands of those before it.
pub(super) const TERMS: &[&Code] = &[
    &HEADER_MALFORMED,
    &IDEMPOTENCY_KEY_FORM,
    &IDEMPOTENCY_KEY_CONFLICT,
    &DEDUP_REBUILDING,
    &KEY_TAKEN,
    &STATE_CHANGED,
    &TIME_WINDOW,
];

/// A key in the header and another in the body.
pub(super) const KEY_TWICE: &[&Code] = &[&IDEMPOTENCY_KEY_TWICE];

/// The number of a batch's lines.
pub(super) const BATCH: &[&Code] = &[&BATCH_EMPTY, &BATCH_TOO_MANY];

/// A tile that isn't there.
pub(super) const TILE: &[&Code] = &[&TILE_NOT_FOUND];

/// A kind without a schema.
pub(super) const KIND: &[&Code] = &[&ROUTE_UNKNOWN, &KIND_NOT_FOUND];

/// A write that failed.
pub(super) const FATAL: &[&Code] = &[&STORAGE_FATAL];

/// Tokens that can't be read.
pub(super) const CALLERS: &[&Code] = &[&CALLERS_UNKNOWN];
