//! Workloads of tests: tokens that nobody signed, and what a log attests of them. Who verifies without keys tells no difference.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use provlog_core::cbor::Value;
use provlog_core::claims::{from_json, type_of};
use provlog_core::json::Json;
use provlog_core::record::{Claim, Section};
use provlog_core::{Hash, hex};
use provlog_evidence::jwt::UnverifiedToken;
use provlog_evidence::submission::bound_audience;
use provlog_evidence::workload::Workload;

pub(crate) const ISSUER: &str = "https://issuer.example.com";
pub(crate) const SUB: &str = "repo:example/app:ref:refs/heads/main";

/// Seconds at which `OneLog` writes its entries.
const AT_S: u64 = 1_790_000_000;

/// A token of a job.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) issuer: &'static str,
    pub(crate) sub: &'static str,
    pub(crate) run_id: &'static str,
    /// GitHub's of the repository's owner and of the repository.
    pub(crate) numbers: [&'static str; 2],
}

impl Default for Job {
    fn default() -> Self {
        Self { issuer: ISSUER, sub: SUB, run_id: "1", numbers: ["7", "8"] }
    }
}

impl Job {
    /// For this audience.
    pub(crate) fn token(&self, audience: &str) -> String {
        let Self { issuer, sub, run_id, numbers: [owner_id, id] } = self;
        let (iat, exp) = (AT_S - 10, AT_S + 300);
        let payload = format!(
            r#"{{"iss":"{issuer}","sub":"{sub}","aud":"{audience}","run_id":"{run_id}","repository_owner_id":"{owner_id}","repository_id":"{id}","iat":{iat},"exp":{exp}}}"#
        );
        let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        format!("{}.{}.{}", part(r#"{"alg":"ES256","kid":"k"}"#), part(&payload), part("signature"))
    }

    /// That is bound to this submission.
    pub(crate) fn bound(&self, origin: &str, submitted_digest: &Hash) -> String {
        self.token(&bound_audience(origin, &submitted_digest.0))
    }
}

/// What a log attests that took this token, which is bound to this submission.
pub(crate) fn attested(token: &str, origin: &str, submitted_digest: &Hash) -> Section {
    let read = UnverifiedToken::parse(token).unwrap();
    let read = read.of_submission(origin, &submitted_digest.0, AT_S * 1000).unwrap();
    let workload = Workload::of_unverified_token(&read).value;
    section(vec![("workload", Value::Map(workload)), ("workload_evidence", evidence(token))])
}

/// The evidence that a log makes of a token.
pub(crate) fn evidence(token: &str) -> Value {
    let (hash, key) = ("ab".repeat(32), member());
    claim(
        "workload_evidence",
        &format!(r#"{{"format":"jwt","token":"{token}","thumbprint":"{hash}","key":{key}}}"#),
    )
}

/// What a log attests of a workload whose key signed a submission.
pub(crate) fn attested_svid(id: &str, trust_domain: &str, chain: &[Vec<u8>], signature: &[u8]) -> Section {
    let (hash, key) = ("ab".repeat(32), member());
    let chain: Vec<String> = chain.iter().map(|der| format!("\"{}\"", hex::encode(der))).collect();
    let (chain, signature) = (chain.join(","), hex::encode(signature));
    let evidence = format!(
        r#"{{"format":"x509-svid","chain":[{chain}],"signature":"{signature}","bundle":{key},"ca":"{hash}"}}"#
    );
    let workload =
        format!(r#"{{"method":"x509-svid","id":"{id}","issuer":"{trust_domain}","binding":"statement"}}"#);
    section(vec![
        ("workload", claim("workload", &workload)),
        ("workload_evidence", claim("workload_evidence", &evidence)),
    ])
}

fn member() -> String {
    let hash = "ab".repeat(32);
    format!(
        r#"{{"index":0,"leaf_hash":"{hash}","claim":"m01","claim_hash":"{hash}","set":{{"index":0,"leaf_hash":"{hash}"}}}}"#
    )
}

/// A claim's value, from JSON.
pub(crate) fn claim(name: &str, json: &str) -> Value {
    from_json(type_of(name).unwrap(), Json::parse(json.as_bytes()).unwrap()).unwrap()
}

/// Claims under salts of their own.
pub(crate) fn section(claims: Vec<(&str, Value)>) -> Section {
    let salted = (1..).zip(claims);
    let claims = salted.map(|(salt, (name, value))| (name.into(), Claim::disclosed([salt; 16], value)));
    Section::from_claims(claims.collect()).unwrap()
}
