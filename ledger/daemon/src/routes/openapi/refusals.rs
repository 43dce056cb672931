//! Which codes a request may be refused with, in groups that routes share. A code that stands in none is in no answer of the
//! document: a test demands that each does.

use crate::http::codes::*;

pub(super) use crate::http::codes::{
    BATCH_CODES, CALLER_CODES, PERMISSION_CODES, SUBMISSION_CODES, TERMS_CODES,
};

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

/// Of any route that asks for a caller, beside those by which it isn't known.
pub(super) const DOOR: &[&Code] =
    &[&ROLE_DENIED, &TOKEN_WORKLOAD, &TOKEN_RULE, &CALLERS_UNKNOWN, &ISSUER_KEYS];

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

/// Keys that can't be read, or not yet looked up.
pub(super) const KEYS: &[&Code] = &[&HEADER_MALFORMED, &DEDUP_REBUILDING];

/// A key in the header and another in the body.
pub(super) const KEY_TWICE: &[&Code] = &[&IDEMPOTENCY_KEY_TWICE];

/// A tile that isn't there.
pub(super) const TILE: &[&Code] = &[&TILE_NOT_FOUND];

/// A kind without a schema.
pub(super) const KIND: &[&Code] = &[&ROUTE_UNKNOWN, &KIND_NOT_FOUND];

/// A write that failed.
pub(super) const FATAL: &[&Code] = &[&STORAGE_FATAL];

/// Tokens that can't be read.
pub(super) const CALLERS: &[&Code] = &[&CALLERS_UNKNOWN];
