//! The attested `workload`, computed from evidence.

use crate::support::{
    DIGEST, ISSUER, NOW_MS, ORIGIN, P256, chain, header, payload, root, submission_signature, token,
};
use provlog_core::cbor::Value;
use provlog_core::claims::check_claim;
use provlog_evidence::jwt::{BearerAudience, BoundToken, Issuer, IssuerKeys, UnverifiedToken};
use provlog_evidence::spiffe::TrustDomain;
use provlog_evidence::submission::bound_audience;
use provlog_evidence::svid::{Ca, DomainCas, UnverifiedSvid};
use provlog_evidence::workload::{WORKLOAD_BYTES_MAX, Workload, WorkloadError};

fn bound(payload: &str) -> BoundToken {
    let token = token(&header(&P256), payload, &P256);
    let read = || UnverifiedToken::parse(&token).unwrap().of_submission(ORIGIN, &DIGEST, NOW_MS).unwrap();
    let unverified = Workload::of_unverified_token(&read());
    let issuer = UnverifiedToken::parse(&token).unwrap().issuer().clone();
    let keys = [P256.jwk("k")];
    let bound = read().verified(IssuerKeys::by_kid(&issuer, &keys)).unwrap();
    assert_eq!(check_claim("workload", &Value::Map(unverified.value.clone())), None);
    assert_eq!(unverified, Workload::of_bound_token(&bound), "a reader without keys computes the same");
    bound
}

/// As from GitHub.
fn github(payload: &str) -> String {
    payload.replacen(ISSUER, "https://token.actions.githubusercontent.com", 1)
}

fn with(more: &str) -> String {
    let payload = payload();
    format!("{},{more}}}", &payload[..payload.len() - 1])
}

fn json(workload: &Workload) -> String {
    provlog_core::json::Json::parse(&to_json(&Value::Map(workload.value.clone()))).unwrap().to_string()
}

/// Of text, bytes and maps: nothing else is in a workload.
fn to_json(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) => format!("{text:?}").into_bytes(),
        Value::Bytes(bytes) => format!("\"{}\"", provlog_core::hex::encode(bytes)).into_bytes(),
        Value::Map(map) => {
            let members: Vec<String> = map
                .iter()
                .map(|(name, value)| format!("{name:?}:{}", String::from_utf8(to_json(value)).unwrap()))
                .collect();
            format!("{{{}}}", members.join(",")).into_bytes()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_github_token_the_listed_members_are_kept() {
    let payload = with(
        r#""jti":"x","actor":"mona","actor_id":"583231","repository":"octo/app","repository_id":"74","repository_owner":"octo","repository_owner_id":"65","ref":"refs/heads/main","ref_protected":"true","run_id":"30","run_attempt":1,"environment":"","repo_property_x":"y","workflow":"a name","sha":null,"base_ref":["a"],"job_id":{"a":"b"},"ref_type":true"#,
    );
    let payload = github(&payload);
    let workload = Workload::of_bound_token(&bound(&payload));
    let issuer = "https://token.actions.githubusercontent.com";
    assert_eq!(workload.identity, format!("oidc-github:{issuer}#65/74/job"));
    let enterprise = payload.replacen(issuer, &format!("{issuer}/octo"), 1);
    let identity = Workload::of_bound_token(&bound(&enterprise)).identity;
    assert_eq!(identity, format!("oidc-github:{issuer}/octo#65/74/job"));
    let other = Workload::of_bound_token(&bound(&payload.replacen(issuer, &format!("{issuer}.evil"), 1)));
    assert_eq!(other.identity, format!("oidc:{issuer}.evil#job"));
    let audience = bound_audience(ORIGIN, &DIGEST);
    let claims = r#"{"ref":"refs/heads/main","actor":"mona","run_id":"30","actor_id":"583231","ref_type":"true","repository":"octo/app","environment":"","run_attempt":"1","ref_protected":"true","repository_id":"74","repository_owner":"octo","repository_owner_id":"65"}"#;
    let expected = format!(
        r#"{{"id":"job","claims":{claims},"issuer":"{issuer}","method":"oidc","binding":"statement","audience":"{audience}"}}"#
    );
    assert_eq!(json(&workload), expected);
}

#[test]
fn of_other_tokens_too() {
    let workload = Workload::of_bound_token(&bound(&payload()));
    assert_eq!(workload.identity, format!("oidc:{ISSUER}#job"));
    assert!(workload.value.get("claims").is_none());
    let kubernetes = with(
        r#""kubernetes.io":{"namespace":"ci","pod":{"name":"p","uid":"u","more":"x"},"node":7,"serviceaccount":{"uid":1}},"namespace":"no","repository_id":74,"repository_owner_id":"65""#,
    );
    let workload = Workload::of_bound_token(&bound(&kubernetes));
    assert_eq!(workload.identity, format!("oidc:{ISSUER}#job"), "such numbers are GitHub's alone");
    let claims = Value::Map(workload.value.get("claims").unwrap().as_map().unwrap().clone());
    let expected = r#"{"repository_id":"74","repository_owner_id":"65","kubernetes.io/pod/uid":"u","kubernetes.io/pod/name":"p","kubernetes.io/namespace":"ci","kubernetes.io/serviceaccount/uid":"1"}"#;
    assert_eq!(String::from_utf8(to_json(&claims)).unwrap(), expected);

    let id = "spiffe://example.org/ci";
    let svid =
        with(r#""repository_id":"74","repository_owner_id":"65""#).replace("\"job\"", &format!("\"{id}\""));
    let workload = Workload::of_bound_token(&bound(&svid));
    assert_eq!(workload.identity, format!("spiffe:{id}"));
    let member = |name: &str| workload.value.get(name).and_then(Value::as_text).unwrap();
    assert_eq!(["method", "id", "issuer"].map(member), ["jwt-svid", id, "spiffe://example.org"]);

    let bearer = payload().replace(&bound_audience(ORIGIN, &DIGEST), "provlog");
    let token = token(&header(&P256), &bearer, &P256);
    let (issuer, keys) = (Issuer::Oidc(ISSUER.into()), [P256.jwk("k")]);
    let keys = IssuerKeys::by_kid(&issuer, &keys);
    let audience = BearerAudience::new("provlog", ORIGIN).unwrap();
    let bearer = UnverifiedToken::parse(&token).unwrap().bearer(keys, &audience, NOW_MS).unwrap();
    let workload = Workload::of_bearer_token(&bearer);
    let digest = provlog_core::Hash::plain(token.as_bytes()).to_hex();
    let expected = format!(
        r#"{{"id":"job","issuer":"{ISSUER}","method":"oidc","binding":"bearer","audience":"provlog","token_digest":{{"sha256":"{digest}"}}}}"#
    );
    assert_eq!(json(&workload), expected);
}

#[test]
fn of_an_x509_svid_there_is_the_id() {
    let (chain, cas) = (chain(&P256), [Ca::parse(&root()).unwrap()]);
    let domain = TrustDomain::parse("example.org").unwrap();
    let given = DomainCas { trust_domain: &domain, cas: &cas };
    let signature = submission_signature(&P256, &chain[0]);
    let svid = UnverifiedSvid::parse(&chain).unwrap().signed(ORIGIN, &DIGEST, &signature, NOW_MS).unwrap();
    let unverified = Workload::of_signed_svid(&svid);
    let workload = Workload::of_bound_svid(&svid.bound(given).unwrap());
    assert_eq!(workload, unverified);
    assert_eq!(workload.identity, "spiffe:spiffe://example.org/ci");
    let expected = r#"{"id":"spiffe://example.org/ci","issuer":"spiffe://example.org","method":"x509-svid","binding":"statement"}"#;
    assert_eq!(json(&workload), expected);
}

#[test]
fn a_github_token_has_its_numbers() {
    let with = |more: &str| {
        let token = token(&header(&P256), &github(&with(more)), &P256);
        UnverifiedToken::parse(&token).map(|_| ()).map_err(|error| error.to_string())
    };
    with(r#""repository_id":"0","repository_owner_id":"18446744073709551615""#).unwrap();
    for (more, expected) in [
        (r#""repository_id":"74""#, "repository_owner_id is missing"),
        (r#""repository_owner_id":"65""#, "repository_id is missing"),
        (r#""repository_id":74,"repository_owner_id":"65""#, "repository_id: expected text"),
        (r#""repository_id":"","repository_owner_id":"65""#, "repository_id: expected text"),
        (
            r#""repository_id":"74","repository_owner_id":"65/66""#,
            "repository_owner_id: expected text of 1 to 20 digits",
        ),
        (r#""repository_id":"123456789012345678901","repository_owner_id":"65""#, "text of 1 to 20 digits"),
    ] {
        let told = with(more).unwrap_err();
        assert!(told.contains(expected), "{more}: {told}");
    }
}

#[test]
fn it_has_room_for_salt_and_time_and_no_more() {
    let of = |length: usize| {
        let workload = Workload::of_bound_token(&bound(&with(&format!(r#""ref":"{}""#, "a".repeat(length)))));
        let checked = workload.check_size();
        let mut value = workload.value;
        value.insert("verified_at_ms", Value::Integer((1 << 53) - 1)).unwrap();
        let claim = Value::Array(vec![Value::Bytes(vec![0; 16]), Value::Map(value)]);
        checked.map(|()| claim.to_bytes().len())
    };
    let room = WORKLOAD_BYTES_MAX - of(300).unwrap() + 300;
    assert_eq!(of(room), Ok(WORKLOAD_BYTES_MAX));
    assert_eq!(of(room + 1), Err(WorkloadError::Large(WORKLOAD_BYTES_MAX + 1)));
}
