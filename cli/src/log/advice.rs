//! What whoever isn't let in can do, by the code of the log's problem and what it was asked with.

use super::posted::BoundBy;
use crate::local::settings::token::{Token, VARIABLE};

/// None where the log's own words say it all.
pub(super) fn advice(code: &str, token: Option<&Token>, bound_by: BoundBy<'_>) -> Option<String> {
    of_proof(code, token, bound_by).or_else(|| of_token(code, token))
}

/// Of what binds a workload to the entry. A log's own token has codes of its own, so that all others are then of the evidence.
fn of_proof(code: &str, token: Option<&Token>, bound_by: BoundBy<'_>) -> Option<String> {
    let in_header = match bound_by {
        BoundBy::Nothing => return None,
        BoundBy::Header(_) => true,
        BoundBy::Evidence => false,
    };
    // One of an issuer in the header beside evidence: the log's words tell which of the two is meant.
    let is_known = in_header || token.is_none_or(|token| token.id().is_some());
    Some(match code {
        "submission.unknown-member" => {
            "this log takes no evidence of workloads, as older versions don't; append without --identity, and the entry is not bound"
                .into()
        }
        "submission.bound" => {
            "these claims under these salts are another workload's entry; run it again as the workload that began it, or remove the pending \
             file, and they are a new entry under new salts"
                .into()
        }
        "caller.missing" if !in_header => format!(
            "what binds the workload authorises nothing by itself here: give a token, too, with --token-file FILE or in {VARIABLE}, or a \
             client's certificate that the log takes"
        ),
        "token.audience" if is_known => {
            "the token is bound to this entry, and the log doesn't take it: an older version takes none, and any log only those for its \
             own origin; ask the log's operator"
                .into()
        }
        "token.time" if is_known => {
            "the token that binds the entry doesn't hold now: another run gets a new one; is this machine's clock right?".into()
        }
        "token.malformed" | "token.algorithm" | "token.issuer" | "token.key" | "token.signature" if is_known => {
            "the token that binds the entry is none that this log takes; ask the log's operator whether its issuer or trust domain is \
             among those that the log has"
                .into()
        }
        "token.rule" | "token.workload" if is_known => {
            "the token that binds the entry is its issuer's, and this log lets nobody in by it; ask the log's operator for a rule that it \
             meets, or give a token of the log's own beside it"
                .into()
        }
        "evidence.certificate" => {
            "the certificate or its signature is none that this log takes; ask the log's operator whether its trust domain is among those \
             that the log has, and whether its bundle is up to date"
                .into()
        }
        _ => return None,
    })
}

fn of_token(code: &str, token: Option<&Token>) -> Option<String> {
    let id = token.and_then(Token::id).map(|id| format!(" (id {id})")).unwrap_or_default();
    match (code, token) {
        ("caller.missing", _) => Some(format!(
            "give a token with --token-file FILE or in {VARIABLE}; the log's operator makes one with provlogd token create"
        )),
        ("caller.certificate", _) => Some(
            "the certificate that was shown is none of a workload that this log knows; ask the log's operator which trust domains it takes"
                .into(),
        ),
        ("token.time", Some(_)) => {
            Some("the token that was sent doesn't hold now; get a new one from its issuer".into())
        }
        (
            "token.malformed" | "token.algorithm" | "token.issuer" | "token.audience" | "token.key"
            | "token.signature",
            Some(_),
        ) => Some(
            "the token that was sent is none that this log takes; ask the log's operator which issuer and audience it takes tokens of"
                .into(),
        ),
        ("token.rule" | "token.workload", Some(_)) => Some(
            "the token that was sent is its issuer's, and this log lets nobody in by it; ask the log's operator for a rule that it meets"
                .into(),
        ),
        ("token.unknown" | "token.expired" | "token.revoked", Some(_)) => {
            Some(format!("the token that was sent{id} doesn't hold; ask the log's operator for another one"))
        }
        ("role.denied" | "kind.denied" | "environment.denied", Some(_)) => Some(format!(
            "the token that was sent{id} holds, and isn't for this; ask the log's operator for one that is"
        )),
        _ => None,
    }
}
