//! The one table of the codes that requests are refused with. A code is stable once it is released; its status and title belong to
//! it.

use axum::http::StatusCode;
use std::fmt::Write;

/// One row of the table.
#[derive(PartialEq, Eq, Debug)]
pub struct Code {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status that it is answered with.
    pub status: StatusCode,
    /// What it means, the same at each occurrence.
    pub title: &'static str,
}

macro_rules! codes {
    ($($status:ident { $($name:ident $code:literal $title:literal)* })*) => {
        $($(
            #[doc = $title]
            pub static $name: Code = Code { code: $code, status: StatusCode::$status, title: $title };
        )*)*

        /// Every code that the daemon answers with, by status.
        pub static CODES: &[&Code] = &[$($(&$name,)*)*];
    };
}

codes! {
    BAD_REQUEST {
        HOST_MISSING "host.missing" "The request has no Host header, or several"
        TLS_MISSING "tls.missing" "The address speaks TLS, and the request came without"
        BODY_INCOMPLETE "body.incomplete" "The body ended early or is not well formed"
        PARAMETER_MALFORMED "parameter.malformed" "A part of the path or the query is not what it must be"
        HEADER_MALFORMED "header.malformed" "A header is not what it must be"
        AUTHORIZATION_MALFORMED "authorization.malformed" "The request has several Authorization headers, or one without a bearer token"
        JSON_MALFORMED "json.malformed" "The body is not JSON as provlog reads it"
        CBOR_MALFORMED "cbor.malformed" "The body is not CBOR as provlog reads it"
        SUBMISSION_FORM "submission.form" "The body is not a submission"
        SUBMISSION_UNKNOWN_MEMBER "submission.unknown-member" "A submission has no such member"
        IDEMPOTENCY_KEY_FORM "idempotency-key.form" "Not an idempotency key"
        IDEMPOTENCY_KEY_TWICE "idempotency-key.twice" "Header and body have different idempotency keys"
        KIND_UNKNOWN "kind.unknown" "No kind has this name"
        KIND_LOG_ONLY "kind.log-only" "Only the log itself writes entries of this kind"
        KIND_NOT_ACCEPTED "kind.not-accepted" "This version accepts no entries of this kind"
        CLAIM_MISSING "claim.missing" "A required claim is missing"
        CLAIM_UNKNOWN "claim.unknown" "The kind has no such claim"
        CLAIM_TYPE "claim.type" "A value does not fit the claim's type"
        CLAIM_UNKNOWN_FIELD "claim.unknown-field" "The claim's type has no such field"
        CLAIM_MISSING_FIELD "claim.missing-field" "A required field is missing"
        CLAIM_AHEAD "claim.ahead" "The claimed time lies in the future"
        REFERENCE_MISSING "reference.missing" "A reference is to an entry that the log does not have"
        REFERENCE_OTHER "reference.other" "A reference is to an entry with another leaf hash"
        REFERENCE_KIND "reference.kind" "A reference is to an entry of a kind that the claim does not allow"
        CLAIM_NAME "claim.name" "Not a claim name"
        CLAIM_FORM "claim.form" "A claim is not its salt and its value"
        CLAIM_HIDDEN "claim.hidden" "A claim is hidden, and can't be checked"
        CLAIM_TWICE "claim.twice" "A claim is there twice"
        CLAIM_TOO_LARGE "claim.too-large" "A claim is over its limit"
        CLAIM_TOO_DEEP "claim.too-deep" "A value is nested too deep"
        CLAIMS_TOO_MANY "claims.too-many" "Too many claims"
        SALT_FORM "salt.form" "Not a salt"
        SALT_MISSING "salt.missing" "Some claims have salts, and others have none"
        SALT_UNKNOWN "salt.unknown" "A salt for a claim that is not there"
        SALT_ZERO "salt.zero" "A salt is all zeros"
        SALT_REPEATED "salt.repeated" "Two claims have one salt"
        EVIDENCE_FORM "evidence.form" "What is brought as evidence has not its form"
        EVIDENCE_SALTS "evidence.salts" "Evidence is of claims under salts, and there are none"
        RECORD_TOO_LARGE "record.too-large" "The record is over its limit"
        SUBMITTED_TOO_LARGE "submitted.too-large" "The submitted claims are over the limit of a workload"
        RECORD_MALFORMED "record.malformed" "The claims make no record"
        BATCH_EMPTY "batch.empty" "The batch has no entries"
        BATCH_TOO_MANY "batch.too-many" "The batch has too many entries"
    }
    UNAUTHORIZED {
        CALLER_MISSING "caller.missing" "The path takes a caller that the log knows, and the request has none"
        CALLER_CERTIFICATE "caller.certificate" "The client's certificate is no X.509-SVID of a trust domain here"
        TOKEN_UNKNOWN "token.unknown" "The token is not one of this log"
        TOKEN_EXPIRED "token.expired" "The token has ended"
        TOKEN_REVOKED "token.revoked" "The token was revoked"
        TOKEN_MALFORMED "token.malformed" "The token is neither one of this log nor a JWT as provlog reads it"
        TOKEN_ALGORITHM "token.algorithm" "The token is signed with another algorithm than is taken"
        TOKEN_ISSUER "token.issuer" "The token is of an issuer that the operator did not configure"
        TOKEN_AUDIENCE "token.audience" "The token is for another audience"
        TOKEN_TIME "token.time" "The token does not hold now"
        TOKEN_KEY "token.key" "The issuer has no such key"
        TOKEN_SIGNATURE "token.signature" "The token is not what its issuer's key signed"
        EVIDENCE_CERTIFICATE "evidence.certificate" "The certificate, or its key's signature, does not prove a workload"
    }
    FORBIDDEN {
        ROLE_DENIED "role.denied" "The caller has not the role that the path takes"
        KIND_DENIED "kind.denied" "The caller may not append entries of this kind"
        ENVIRONMENT_DENIED "environment.denied" "The caller may not append for this environment"
        TOKEN_WORKLOAD "token.workload" "The token says more than an entry has room for"
        TOKEN_RULE "token.rule" "The workload meets no rule of its issuer"
    }
    NOT_FOUND {
        ROUTE_UNKNOWN "route.unknown" "There is nothing at this path"
        ENTRY_NOT_FOUND "entry.not-found" "The log has no such entry"
        TILE_NOT_FOUND "tile.not-found" "The log has no such tile"
        KIND_NOT_FOUND "kind.not-found" "No schema has this name"
    }
    METHOD_NOT_ALLOWED {
        METHOD_NOT_ALLOWED "method.not-allowed" "The path does not take this method"
    }
    REQUEST_TIMEOUT {
        REQUEST_TIMEOUT "request.timeout" "The request did not arrive in time"
    }
    CONFLICT {
        IDEMPOTENCY_KEY_CONFLICT "idempotency-key.conflict" "The idempotency key was used for other values"
        SUBMISSION_BOUND "submission.bound" "Another workload has bound these very claims and salts to itself"
        KEY_TAKEN "key.taken" "Another entry has taken what only one may, or what none may have taken"
        STATE_CHANGED "state.changed" "What the entry relies on has changed"
        TIME_WINDOW "time.window" "The entry's time would be outside of what it relies on"
    }
    PAYLOAD_TOO_LARGE {
        BODY_TOO_LARGE "body.too-large" "The body is over its limit"
    }
    UNSUPPORTED_MEDIA_TYPE {
        CONTENT_TYPE_UNSUPPORTED "content-type.unsupported" "The body's media type is not taken here"
        CONTENT_ENCODING_UNSUPPORTED "content-encoding.unsupported" "Encoded bodies are not taken"
    }
    MISDIRECTED_REQUEST {
        HOST_DENIED "host.denied" "The Host header names another host"
    }
    TOO_MANY_REQUESTS {
        RATE_CALLER "rate.caller" "The caller sends more requests than one may"
    }
    INTERNAL_SERVER_ERROR {
        INTERNAL "internal" "The daemon failed"
        SELF_CHECK_FAILED "receipt.self-check" "The receipt did not verify and was not sent"
        STORAGE_DAMAGED "storage.damaged" "What is stored does not verify and was not sent"
    }
    SERVICE_UNAVAILABLE {
        BUSY_BODIES "busy.bodies" "Too many bytes of request bodies are held already"
        BUSY_CONNECTIONS "busy.connections" "Too many connections are open already"
        BUSY_READS "busy.reads" "Too many reads wait for their turn already"
        RATE_TOTAL "rate.total" "All callers together send more requests than are taken"
        STORAGE_FATAL "storage.fatal" "A write failed, and the daemon is going down"
        CALLERS_UNKNOWN "callers.unknown" "Who calls can't be told, so that nobody is let in"
        ISSUER_KEYS "issuer.keys" "The keys of the token's issuer can't be had"
        SHUTTING_DOWN "shutting-down" "The daemon is going down"
        CLOCK "clock" "The wall clock can't be believed"
        DEDUP_REBUILDING "dedup.rebuilding" "What makes retries safe is being rebuilt"
        DEDUP_UNAVAILABLE "dedup.unavailable" "What makes retries safe can't be read"
        DERIVED_UNAVAILABLE "derived.unavailable" "A derived file is being rebuilt"
    }
    INSUFFICIENT_STORAGE {
        NO_SPACE "no-space" "There is no disk space for another entry"
    }
}

/// Who calls isn't known.
pub(crate) const CALLER_CODES: &[&Code] = &[
    &AUTHORIZATION_MALFORMED,
    &CALLER_MISSING,
    &CALLER_CERTIFICATE,
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
    &EVIDENCE_CERTIFICATE,
];

/// Who calls is known, and may not.
pub(crate) const PERMISSION_CODES: &[&Code] =
    &[&ROLE_DENIED, &KIND_DENIED, &ENVIRONMENT_DENIED, &TOKEN_WORKLOAD, &TOKEN_RULE];

/// A submission can't be taken for what it is.
pub(crate) const SUBMISSION_CODES: &[&Code] = &[
    &JSON_MALFORMED,
    &CBOR_MALFORMED,
    &SUBMISSION_FORM,
    &SUBMISSION_UNKNOWN_MEMBER,
    &KIND_UNKNOWN,
    &KIND_LOG_ONLY,
    &KIND_NOT_ACCEPTED,
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
    &EVIDENCE_FORM,
    &EVIDENCE_SALTS,
    &RECORD_TOO_LARGE,
    &SUBMITTED_TOO_LARGE,
    &RECORD_MALFORMED,
    &REFERENCE_MISSING,
    &REFERENCE_OTHER,
    &REFERENCE_KIND,
];

/// A key isn't one or is taken, or entries before this one keep it out.
pub(crate) const TERMS_CODES: &[&Code] = &[
    &IDEMPOTENCY_KEY_FORM,
    &IDEMPOTENCY_KEY_CONFLICT,
    &SUBMISSION_BOUND,
    &KEY_TAKEN,
    &STATE_CHANGED,
    &TIME_WINDOW,
];

/// A batch has not the number of lines that one may have.
pub(crate) const BATCH_CODES: &[&Code] = &[&BATCH_EMPTY, &BATCH_TOO_MANY];

/// The table as Markdown, as it stands in `SPEC.md`.
#[must_use]
pub fn codes_markdown() -> String {
    let mut text = String::from("| status | code | title |\n| --- | --- | --- |\n");
    for code in CODES {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "| {} | `{}` | {} |", code.status.as_u16(), code.code, code.title);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_well_formed() {
        for (place, code) in CODES.iter().enumerate() {
            assert!(
                code.code.bytes().all(|byte| byte.is_ascii_lowercase() || b".-".contains(&byte)),
                "{code:?}"
            );
            assert!(code.status.is_client_error() || code.status.is_server_error(), "{code:?}");
            assert!(!CODES[..place].iter().any(|other| other.code == code.code), "{} twice", code.code);
        }
    }

    #[test]
    fn the_markdown_has_a_line_for_each_code() {
        let markdown = codes_markdown();
        assert_eq!(markdown.lines().count(), CODES.len() + 2);
        assert!(markdown.contains(
            "| 409 | `idempotency-key.conflict` | The idempotency key was used for other values |\n"
        ));
    }
}
