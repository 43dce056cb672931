//! What whoever brings a token or a certificate is told that is nobody's: a code of its own for each reason, since a job's author has to find
//! it from afar. Nothing of it has the token in it.

use crate::http::codes::{
    CALLER_CERTIFICATE, EVIDENCE_CERTIFICATE, ISSUER_KEYS, TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER,
    TOKEN_KEY, TOKEN_MALFORMED, TOKEN_SIGNATURE, TOKEN_TIME, TOKEN_WORKLOAD,
};
use crate::http::problem::Problem;
use crate::identity::recognised::Unrecognised;
use provlog_evidence::jwt::{BOUND_VALID_S_MAX, JwtError, TOKEN_BYTES_MAX};
use provlog_evidence::workload::{WORKLOAD_BYTES_MAX, WorkloadError};

/// Algorithms that tokens are signed with.
const ALGORITHMS: &str = "RS256, ES256, ES384, EdDSA";

/// What it is told.
pub(crate) fn problem(error: &Unrecognised) -> Problem {
    let detail = error.to_string();
    match error {
        Unrecognised::Issuer { got } => Problem::new(&TOKEN_ISSUER, detail)
            .expected("a token of an issuer that the log's operator configured", got),
        Unrecognised::TrustDomain { got } => Problem::new(&CALLER_CERTIFICATE, detail)
            .expected("an SVID of a trust domain that the log's operator configured", got),
        Unrecognised::Svid(error) => Problem::new(&CALLER_CERTIFICATE, detail)
            .expected("an X.509-SVID that holds, and leads to a CA of its trust domain", error.to_string()),
        Unrecognised::Token(error) => of_token(error, detail),
        Unrecognised::Workload(WorkloadError::Large(got)) => Problem::new(&TOKEN_WORKLOAD, detail)
            .expected(format!("at most {WORKLOAD_BYTES_MAX} bytes of claims"), got.to_string())
            .limit(WORKLOAD_BYTES_MAX, got),
        Unrecognised::Keys { issuer } => {
            let expected = format!("the keys of {issuer}");
            Problem::new(&ISSUER_KEYS, detail).expected(expected, "none").retry_later()
        }
    }
}

/// What whoever brings it as evidence of a submission is told.
pub(crate) fn problem_of_evidence(error: &Unrecognised) -> Problem {
    let problem = problem(error);
    let problem = if problem.code() == &CALLER_CERTIFICATE {
        problem.with_code(&EVIDENCE_CERTIFICATE)
    } else {
        problem
    };
    problem.of_evidence()
}

fn of_token(error: &JwtError, detail: String) -> Problem {
    let text = String::from;
    let (code, expected, got) = match error {
        JwtError::Large(got) => {
            (&TOKEN_MALFORMED, format!("at most {TOKEN_BYTES_MAX} bytes"), got.to_string())
        }
        JwtError::Parts(got) => {
            (&TOKEN_MALFORMED, text("three parts with a dot between them"), got.to_string())
        }
        JwtError::Base64(part) => {
            (&TOKEN_MALFORMED, format!("a {part} in base64url without padding"), text("something else"))
        }
        JwtError::Json { part, error } => (&TOKEN_MALFORMED, format!("a {part} in JSON"), error.to_string()),
        JwtError::NoObject { part, got } => {
            (&TOKEN_MALFORMED, format!("a {part} that is an object"), text(got))
        }
        JwtError::Deep(part) => {
            (&TOKEN_MALFORMED, format!("a {part} that is nested less"), text("one that is nested deeper"))
        }
        JwtError::Header(got) => (&TOKEN_MALFORMED, text("a header of alg, kid, typ and x5t"), text(got)),
        JwtError::Missing(member) => (&TOKEN_MALFORMED, text(member), text("none")),
        JwtError::Member { member: "aud", expected, got } => (&TOKEN_AUDIENCE, text(expected), text(got)),
        JwtError::Member { expected, got, .. } => (&TOKEN_MALFORMED, text(expected), text(got)),
        JwtError::Spiffe(error) => (&TOKEN_MALFORMED, text("a SPIFFE ID in sub"), error.to_string()),
        JwtError::Validity { from_s, exp_s } | JwtError::NoWindow { from_s, exp_s } => {
            let got = format!("from {from_s} to {exp_s} s");
            (&TOKEN_MALFORMED, text("iat and nbf before exp, and times that there are"), got)
        }
        JwtError::Algorithm(got) => (&TOKEN_ALGORITHM, format!("one of {ALGORITHMS}"), text(got)),
        JwtError::SpiffeAlgorithm => {
            (&TOKEN_ALGORITHM, text("one of RS256, ES256, ES384 for a SPIFFE ID"), text("EdDSA"))
        }
        JwtError::KeyAlgorithm { kid, algorithm, .. } => {
            let expected = format!("the algorithm that the key {kid:?} signs with");
            (&TOKEN_ALGORITHM, expected, algorithm.to_string())
        }
        JwtError::Issuer { expected, got } => (&TOKEN_ISSUER, expected.to_string(), got.to_string()),
        JwtError::Time { at_ms, window } => {
            (&TOKEN_TIME, format!("a token that holds at {at_ms} ms"), window.to_string())
        }
        JwtError::LongValidity(got) => {
            (&TOKEN_TIME, format!("at most {BOUND_VALID_S_MAX} s from iat to exp"), got.to_string())
        }
        JwtError::NoKey { issuer, kid } => (&TOKEN_KEY, format!("a key of {issuer}"), format!("{kid:?}")),
        JwtError::NotGiven { issuer, thumbprint } => {
            (&TOKEN_KEY, format!("a key of {issuer}"), thumbprint.to_string())
        }
        JwtError::Signature { issuer, kid } => {
            let expected = format!("a signature of {issuer}'s key {kid:?}");
            (&TOKEN_SIGNATURE, expected, text("another one"))
        }
    };
    Problem::new(code, detail).expected(expected, got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::Code;
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse;
    use provlog_core::json::Json;
    use provlog_evidence::jwk::Algorithm;
    use provlog_evidence::jwt::Issuer;
    use provlog_evidence::spiffe::SpiffeId;
    use provlog_evidence::svid::SvidError;
    use provlog_evidence::window::Window;

    /// Each reason, with its code.
    #[test]
    fn each_reason_has_its_code_and_says_what_was_expected_and_what_was_got() {
        let issuer = || Issuer::Oidc("https://a.example".into());
        let json = Json::parse(b"{").unwrap_err();
        let spiffe = SpiffeId::parse("spiffe://").unwrap_err();
        let kid = || "k".to_owned();
        let member = |member| JwtError::Member { member, expected: "x".into(), got: "y".into() };
        let window = Window { from_ms: 1, to_ms: 2 };
        let of_tokens: Vec<(JwtError, &Code)> = vec![
            (JwtError::Large(9_000), &TOKEN_MALFORMED),
            (JwtError::Parts(1), &TOKEN_MALFORMED),
            (JwtError::Base64("header"), &TOKEN_MALFORMED),
            (JwtError::Json { part: "header", error: json }, &TOKEN_MALFORMED),
            (JwtError::NoObject { part: "header", got: "a list" }, &TOKEN_MALFORMED),
            (JwtError::Deep("payload"), &TOKEN_MALFORMED),
            (JwtError::Header("jku".into()), &TOKEN_MALFORMED),
            (JwtError::Missing("kid"), &TOKEN_MALFORMED),
            (member("exp"), &TOKEN_MALFORMED),
            (member("aud"), &TOKEN_AUDIENCE),
            (JwtError::Spiffe(spiffe), &TOKEN_MALFORMED),
            (JwtError::Validity { from_s: 2, exp_s: 1 }, &TOKEN_MALFORMED),
            (JwtError::NoWindow { from_s: 2, exp_s: 1 }, &TOKEN_MALFORMED),
            (JwtError::Algorithm("none".into()), &TOKEN_ALGORITHM),
            (JwtError::SpiffeAlgorithm, &TOKEN_ALGORITHM),
            (
                JwtError::KeyAlgorithm { issuer: issuer(), kid: kid(), algorithm: Algorithm::Rs256 },
                &TOKEN_ALGORITHM,
            ),
            (JwtError::Issuer { expected: issuer(), got: issuer() }, &TOKEN_ISSUER),
            (JwtError::Time { at_ms: 3, window }, &TOKEN_TIME),
            (JwtError::LongValidity(21_601), &TOKEN_TIME),
            (JwtError::NoKey { issuer: issuer(), kid: kid() }, &TOKEN_KEY),
            (JwtError::Signature { issuer: issuer(), kid: kid() }, &TOKEN_SIGNATURE),
        ];
        let others = [
            (Unrecognised::Issuer { got: "https://b.example".into() }, &TOKEN_ISSUER),
            (Unrecognised::Workload(WorkloadError::Large(3_000)), &TOKEN_WORKLOAD),
            (Unrecognised::TrustDomain { got: "spiffe://b.example".into() }, &CALLER_CERTIFICATE),
            (Unrecognised::Svid(SvidError::Uris(2)), &CALLER_CERTIFICATE),
            (Unrecognised::Keys { issuer: "https://a.example".into() }, &ISSUER_KEYS),
        ];
        let of_tokens = of_tokens.into_iter().map(|(error, code)| (Unrecognised::Token(error), code));
        for (error, code) in of_tokens.chain(others) {
            let problem = problem(&error);
            assert_eq!(problem.code(), code, "{error}");
            let document: serde_json::Value = serde_json::from_str(&problem.to_json()).unwrap();
            let told = |name: &str| document[name].as_str().is_some_and(|text| !text.is_empty());
            assert!(told("expected") && told("got"), "{document}");
            let waits = problem.into_response().headers().contains_key(RETRY_AFTER);
            assert_eq!(waits, code == &ISSUER_KEYS, "{error}");
        }
    }
}
