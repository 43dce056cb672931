//! The closed list of codes of which the log writes entries.

use crate::http::codes::{
    AUTHORIZATION_MALFORMED, BATCH_EMPTY, BATCH_TOO_MANY, BODY_TOO_LARGE, CALLER_MISSING, CBOR_MALFORMED,
    CLAIM_AHEAD, CLAIM_FORM, CLAIM_HIDDEN, CLAIM_MISSING, CLAIM_MISSING_FIELD, CLAIM_NAME, CLAIM_TOO_DEEP,
    CLAIM_TOO_LARGE, CLAIM_TWICE, CLAIM_TYPE, CLAIM_UNKNOWN, CLAIM_UNKNOWN_FIELD, CLAIMS_TOO_MANY, Code,
    ENVIRONMENT_DENIED, IDEMPOTENCY_KEY_CONFLICT, IDEMPOTENCY_KEY_FORM, IDEMPOTENCY_KEY_TWICE,
    JSON_MALFORMED, KEY_TAKEN, KIND_DENIED, KIND_LOG_ONLY, KIND_NOT_ACCEPTED, KIND_UNKNOWN, RATE_CALLER,
    RECORD_MALFORMED, RECORD_TOO_LARGE, REFERENCE_KIND, REFERENCE_MISSING, REFERENCE_OTHER, ROLE_DENIED,
    SALT_FORM, SALT_MISSING, SALT_REPEATED, SALT_UNKNOWN, SALT_ZERO, STATE_CHANGED, SUBMISSION_FORM,
    SUBMISSION_UNKNOWN_MEMBER, SUBMITTED_TOO_LARGE, TIME_WINDOW, TOKEN_ALGORITHM, TOKEN_AUDIENCE,
    TOKEN_EXPIRED, TOKEN_ISSUER, TOKEN_KEY, TOKEN_MALFORMED, TOKEN_REVOKED, TOKEN_RULE, TOKEN_SIGNATURE,
    TOKEN_TIME, TOKEN_UNKNOWN, TOKEN_WORKLOAD,
};

/// Who was refused, and what was refused for its content: never what failed here, what passes by itself, or what nobody has to
/// have a name for.
static WRITTEN: [(&str, &[&Code]); 4] = [
    (
        "who calls",
        &[
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
        ],
    ),
    ("what a caller may", &[&ROLE_DENIED, &KIND_DENIED, &ENVIRONMENT_DENIED, &TOKEN_WORKLOAD, &TOKEN_RULE]),
    ("how often", &[&RATE_CALLER]),
    (
        "what is submitted",
        &[
            &JSON_MALFORMED,
            &CBOR_MALFORMED,
            &SUBMISSION_FORM,
            &SUBMISSION_UNKNOWN_MEMBER,
            &IDEMPOTENCY_KEY_FORM,
            &IDEMPOTENCY_KEY_TWICE,
            &KIND_UNKNOWN,
            &KIND_LOG_ONLY,
            &KIND_NOT_ACCEPTED,
            &CLAIM_MISSING,
            &CLAIM_UNKNOWN,
            &CLAIM_TYPE,
            &CLAIM_UNKNOWN_FIELD,
            &CLAIM_MISSING_FIELD,
            &CLAIM_AHEAD,
            &REFERENCE_MISSING,
            &REFERENCE_OTHER,
            &REFERENCE_KIND,
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
            &BATCH_EMPTY,
            &BATCH_TOO_MANY,
            &IDEMPOTENCY_KEY_CONFLICT,
            &KEY_TAKEN,
            &STATE_CHANGED,
            &TIME_WINDOW,
            &BODY_TOO_LARGE,
        ],
    ),
];

/// Whether the log writes entries of refusals with this code.
pub(super) fn is_written(code: &Code) -> bool {
    WRITTEN.iter().any(|(_, codes)| codes.iter().any(|written| **written == *code))
}

/// The list as Markdown, as it stands in `SPEC.md`.
#[must_use]
pub fn written_markdown() -> String {
    let row = |(what, codes): &(&str, &[&Code])| {
        let codes: Vec<String> = codes.iter().map(|code| format!("`{}`", code.code)).collect();
        format!("| {what} | {} |\n", codes.join(", "))
    };
    let rows: String = WRITTEN.iter().map(row).collect();
    format!("| refused for | codes |\n| --- | --- |\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::CODES;

    #[test]
    fn nothing_is_written_of_what_the_daemon_failed_in() {
        for code in CODES {
            let status = code.status.as_u16();
            assert!(!is_written(code) || status < 500, "{code:?}");
            assert!(is_written(code) || !matches!(status, 401 | 403 | 409 | 429), "{code:?}");
            let of_content = ["claim", "salt.", "record.", "reference.", "batch.", "submission."];
            let is_of_content = of_content.iter().any(|start| code.code.starts_with(start));
            assert!(is_written(code) || !is_of_content, "{code:?}");
        }
    }
}
