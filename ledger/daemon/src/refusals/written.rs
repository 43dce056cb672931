//! The closed list of codes of which the log writes entries.

use crate::http::codes::{
    BATCH_CODES, BODY_TOO_LARGE, CALLER_CODES, Code, IDEMPOTENCY_KEY_TWICE, PERMISSION_CODES, RATE_CALLER,
    SUBMISSION_CODES, TERMS_CODES,
};

/// Who was refused, and what was refused for its content: never what failed here, what passes by itself, or what nobody has to
/// have a name for.
static WRITTEN: [(&str, &[&[&Code]]); 4] = [
    ("who calls", &[CALLER_CODES]),
    ("what a caller may", &[PERMISSION_CODES]),
    ("how often", &[&[&RATE_CALLER]]),
    (
        "what is submitted",
        &[SUBMISSION_CODES, TERMS_CODES, BATCH_CODES, &[&IDEMPOTENCY_KEY_TWICE, &BODY_TOO_LARGE]],
    ),
];

/// Whether the log writes entries of refusals with this code.
pub(super) fn is_written(code: &Code) -> bool {
    WRITTEN.iter().any(|(_, groups)| groups.iter().any(|codes| codes.contains(&code)))
}

/// The list as Markdown, as it stands in `SPEC.md`.
#[must_use]
pub fn written_markdown() -> String {
    let row = |(what, groups): &(&str, &[&[&Code]])| {
        let codes: Vec<String> = groups.concat().iter().map(|code| format!("`{}`", code.code)).collect();
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
