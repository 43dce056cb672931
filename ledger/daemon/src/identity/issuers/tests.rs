//! Tokens against issuers whose keys come and go.

use super::*;
use crate::http::shown_chain::ShownChain;
use crate::identity::issuer::KeySource;
use crate::identity::schedule::{FRESH_FOR, USABLE_FOR};
use crate::identity::signing::{Authority, NOW_MS, Signer, World, bundle, domain, jwks};
use provlog_evidence::jwt::TOKEN_BYTES_MAX;
use provlog_evidence::svid::SvidError;
use std::time::Duration;

const ORIGIN: &str = "log.example.com/one";
const URL: &str = "https://issuer.example.com";
const AUDIENCE: &str = "https://log.example.com";
const KEYS_URL: &str = "https://issuer.example.com/keys";

fn issuer() -> Issuer {
    let keys = KeySource::Url(KEYS_URL.into());
    Issuer { name: jwt::Issuer::Oidc(URL.into()), audience: Some(AUDIENCE.into()), keys, ca: None }
}

fn fixture(signers: &[&Signer]) -> (Arc<World>, Issuers) {
    let world = Arc::new(World::default());
    world.put(KEYS_URL, &jwks(signers));
    let issuers = Issuers::with(ORIGIN, Arc::clone(&world) as _);
    issuers.replace(vec![issuer()]).unwrap();
    (world, issuers)
}

/// As a connection's task is.
fn on_any_thread<F: Future + Send>(recognised: F) -> F {
    recognised
}

fn is_no_key(error: &Unrecognised) -> bool {
    matches!(error, Unrecognised::Token(JwtError::NoKey { .. }))
}

fn is_no_signature(error: &Unrecognised) -> bool {
    matches!(error, Unrecognised::Token(JwtError::Signature { .. }))
}

fn is_no_keys(error: &Unrecognised) -> bool {
    matches!(error, Unrecognised::Keys { issuer } if issuer == URL)
}

#[tokio::test]
async fn a_token_is_recognised_once_and_known_after() {
    let signer = Signer::new("one");
    let (world, issuers) = fixture(&[&signer]);
    let token = signer.token(URL, "job", AUDIENCE);
    let recognised = on_any_thread(issuers.recognise(&token, NOW_MS)).await.unwrap();
    assert_eq!(recognised.identity, format!("oidc:{URL}#job"));
    assert_eq!(*recognised.issuer, issuer());
    let member = |name| recognised.workload.as_map().unwrap().get(name).unwrap().clone();
    assert_eq!(member("method"), "oidc".into());
    assert_eq!(member("binding"), "bearer".into());
    assert_eq!(member("audience"), AUDIENCE.into());
    assert_eq!(member("verified_at_ms"), Value::Integer(i64::try_from(NOW_MS).unwrap()));
    let again = issuers.recognise(&token, NOW_MS + 1).await.unwrap();
    assert!(!Arc::ptr_eq(&recognised, &again), "nobody said that it was let in");
    issuers.remember(&recognised);
    let again = issuers.recognise(&token, NOW_MS + 1).await.unwrap();
    assert!(Arc::ptr_eq(&recognised, &again));
    let late = issuers.recognise(&token, NOW_MS + 3_600_000).await.unwrap_err();
    assert!(matches!(late, Unrecognised::Token(JwtError::Time { .. })), "{late}");
    assert_eq!(world.asked().len(), 1);
    let debug = format!("{issuers:?}");
    assert!(token.split('.').all(|part| !debug.contains(part)), "{debug}");
}

#[tokio::test]
async fn what_is_nobody_s_token_is_refused_without_a_fetch() {
    let (one, other) = (Signer::new("one"), Signer::new("one"));
    let (world, issuers) = fixture(&[&one]);
    issuers.recognise(&one.token(URL, "job", AUDIENCE), NOW_MS).await.unwrap();
    let long = format!("https://{}", "a".repeat(900));
    let (iat, exp) = (NOW_MS / 1_000, NOW_MS / 1_000 + 60);
    let spiffe = format!(
        r#"{{"iss":"{URL}","sub":"spiffe://example.org/ci","aud":"{AUDIENCE}","iat":{iat},"exp":{exp}}}"#
    );
    let github = "https://token.actions.githubusercontent.com";
    for (token, expected) in [
        ("a.b".into(), "three parts"),
        ("a".repeat(TOKEN_BYTES_MAX + 1), "at most 8192 bytes"),
        (one.token("https://other.example", "job", AUDIENCE), "got one of https://other.example"),
        (one.token(&format!("{URL}/"), "job", AUDIENCE), "that the log's operator configured"),
        (one.token(&long, "job", AUDIENCE), "got one of https://aaa"),
        (one.token(URL, "spiffe://example.org/ci", AUDIENCE), "for a SPIFFE ID, got EdDSA"),
        (one.sign("ES256", &spiffe), "configured, got one of spiffe://example.org"),
        (one.sign("ES256", &spiffe.replace("spiffe:", "")), "doesn't sign with ES256"),
        (one.token(URL, "job", "https://log.example.org"), "aud: expected"),
        (one.token(URL, "job", &format!("{ORIGIN}:00")), "aud: expected"),
        (one.token(github, "job", AUDIENCE), "repository_owner_id is missing"),
        (other.token(URL, "job", AUDIENCE), "signature doesn't verify"),
    ] {
        let error = issuers.recognise(&token, NOW_MS).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.len() < 500, "{error}");
        let parts = || token.split('.').filter(|part| part.len() > 20);
        assert!(parts().all(|part| !error.contains(part)), "{error}");
    }
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn a_token_that_says_too_much_is_recognised_as_that() {
    let signer = Signer::new("one");
    let (_world, issuers) = fixture(&[&signer]);
    let token = signer.token(URL, &"a".repeat(2_400), AUDIENCE);
    let error = issuers.recognise(&token, NOW_MS).await.unwrap_err();
    assert!(matches!(error, Unrecognised::Workload(_)), "{error}");
}

#[tokio::test]
async fn a_new_key_is_fetched_for_its_first_token_and_a_withdrawn_one_ends_known_tokens() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let (world, issuers) = fixture(&[&old]);
    let known = old.token(URL, "job", AUDIENCE);
    issuers.remember(&issuers.recognise(&known, NOW_MS).await.unwrap());
    world.put(KEYS_URL, &jwks(&[&new]));
    issuers.recognise(&known, NOW_MS).await.unwrap();
    issuers.recognise(&new.token(URL, "job", AUDIENCE), NOW_MS).await.unwrap();
    assert_eq!(world.asked().len(), 2);
    let error = issuers.recognise(&known, NOW_MS).await.unwrap_err();
    assert!(is_no_key(&error), "{error}");
}

#[tokio::test]
async fn another_key_of_the_same_name_is_fetched_unless_the_keys_are_fresh() {
    let (old, new) = (Signer::new("one"), Signer::new("one"));
    let (world, issuers) = fixture(&[&old]);
    issuers.recognise(&old.token(URL, "job", AUDIENCE), NOW_MS).await.unwrap();
    world.put(KEYS_URL, &jwks(&[&new]));
    let token = new.token(URL, "job", AUDIENCE);
    let error = issuers.recognise(&token, NOW_MS).await.unwrap_err();
    assert!(is_no_signature(&error), "{error}");
    assert_eq!(world.asked().len(), 1);
    world.pass(FRESH_FOR);
    issuers.recognise(&token, NOW_MS).await.unwrap();
    for _ in 0..9 {
        issuers.recognise(&old.token(URL, "job", AUDIENCE), NOW_MS).await.unwrap_err();
    }
    assert_eq!(world.asked().len(), 2, "forged ones make it ask no more than once while keys are fresh");
    world.take_away(KEYS_URL);
    world.pass(FRESH_FOR);
    for _ in 0..9 {
        let error = issuers.recognise(&old.token(URL, "job", AUDIENCE), NOW_MS).await.unwrap_err();
        assert!(is_no_signature(&error), "{error}");
    }
    assert_eq!(world.asked().len(), 2 + 3, "and no more than the bucket has");
}

#[tokio::test]
async fn whether_a_key_is_none_of_the_issuer_s_is_said_only_by_keys_that_were_fetched_just_now() {
    let (one, other) = (Signer::new("one"), Signer::new("other"));
    let (world, issuers) = fixture(&[&one]);
    let stranger = other.token(URL, "job", AUDIENCE);
    for _ in 0..9 {
        let error = issuers.recognise(&stranger, NOW_MS).await.unwrap_err();
        assert!(is_no_key(&error), "{error}");
    }
    world.take_away(KEYS_URL);
    world.pass(Duration::from_secs(60));
    for _ in 0..9 {
        let error = issuers.recognise(&stranger, NOW_MS).await.unwrap_err();
        assert!(is_no_keys(&error), "{error}");
    }
    issuers.recognise(&one.token(URL, "job", AUDIENCE), NOW_MS).await.unwrap();
}

#[tokio::test]
async fn known_and_unknown_tokens_outlive_an_outage_of_a_day_and_no_longer() {
    let signer = Signer::new("one");
    let (world, issuers) = fixture(&[&signer]);
    let known = signer.token(URL, "job", AUDIENCE);
    issuers.remember(&issuers.recognise(&known, NOW_MS).await.unwrap());
    world.take_away(KEYS_URL);
    world.pass(USABLE_FOR - Duration::from_secs(1));
    issuers.recognise(&known, NOW_MS).await.unwrap();
    issuers.recognise(&signer.token(URL, "other", AUDIENCE), NOW_MS).await.unwrap();
    world.pass(Duration::from_secs(1));
    for token in [known.clone(), signer.token(URL, "third", AUDIENCE)] {
        let error = issuers.recognise(&token, NOW_MS).await.unwrap_err();
        assert!(is_no_keys(&error), "{error}");
    }
    world.put(KEYS_URL, &jwks(&[&signer]));
    issuers.recognise(&known, NOW_MS).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_never_answered_is_no_reason_to_refuse_a_token_for_good() {
    let world = Arc::new(World::default());
    let issuers = Issuers::with(ORIGIN, Arc::clone(&world) as _);
    issuers.replace(vec![issuer()]).unwrap();
    let signer = Signer::new("one");
    let token = signer.token(URL, "job", AUDIENCE);
    let error = issuers.recognise(&token, NOW_MS).await.unwrap_err();
    assert!(is_no_keys(&error) && !error.to_string().contains("404"), "{error}");
    world.put(KEYS_URL, &jwks(&[&signer]));
    issuers.recognise(&token, NOW_MS).await.unwrap();
}

#[tokio::test]
async fn other_settings_hold_at_once_and_the_same_ones_keep_their_keys() {
    let signer = Signer::new("one");
    let (world, issuers) = fixture(&[&signer]);
    let token = signer.token(URL, "job", AUDIENCE);
    let first = issuers.recognise(&token, NOW_MS).await.unwrap();
    issuers.remember(&first);

    let second = Issuer { name: jwt::Issuer::Oidc("https://second.example".into()), ..issuer() };
    issuers.replace(vec![second.clone(), issuer()]).unwrap();
    assert!(Arc::ptr_eq(&first, &issuers.recognise(&token, NOW_MS).await.unwrap()));
    let standing: Vec<String> = issuers.standing().into_iter().map(|standing| standing.issuer).collect();
    assert_eq!(standing, [URL, "https://second.example"]);

    let bad = Issuer { audience: Some(format!("{ORIGIN}:a")), ..second };
    let error = issuers.replace(vec![Issuer { audience: Some("b".into()), ..issuer() }, bad]).unwrap_err();
    assert_eq!(error.name.to_string(), "https://second.example");
    issuers.recognise(&token, NOW_MS).await.unwrap();

    // Of the first and the second.
    world.until_asked(2);
    issuers.replace(vec![Issuer { audience: Some("b".into()), ..issuer() }]).unwrap();
    let error = issuers.recognise(&token, NOW_MS).await.unwrap_err();
    assert!(matches!(error, Unrecognised::Token(JwtError::Member { member: "aud", .. })), "{error}");
    issuers.recognise(&signer.token(URL, "job", "b"), NOW_MS).await.unwrap();
    let error = issuers.recognise(&token, NOW_MS).await.unwrap_err();
    assert!(error.to_string().contains("aud"), "its key is there, and other settings are: {error}");
    assert_eq!(world.asked().len(), 2, "keys that come from the same place are kept");

    let elsewhere = "https://keys.example/b";
    world.put(elsewhere, &jwks(&[&signer]));
    let moved = Issuer { audience: Some("b".into()), keys: KeySource::Url(elsewhere.into()), ..issuer() };
    issuers.replace(vec![moved]).unwrap();
    issuers.recognise(&signer.token(URL, "job", "b"), NOW_MS).await.unwrap();
    assert_eq!(world.asked().len(), 2 + 1, "keys from elsewhere are fetched");

    issuers.replace(Vec::new()).unwrap();
    let error = issuers.recognise(&token, NOW_MS).await.unwrap_err();
    assert_eq!(error, Unrecognised::Issuer { got: URL.into() });
    assert!(issuers.standing().is_empty());
}

#[tokio::test]
async fn keys_in_a_file_are_its_newest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks");
    let (one, other) = (Signer::new("one"), Signer::new("other"));
    let put = |text: &str| {
        let draft = folder.path().join("new");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, &path).unwrap();
    };
    put(&jwks(&[&one]));
    let world = Arc::new(World::default());
    let issuers = Issuers::with(ORIGIN, Arc::clone(&world) as _);
    issuers.replace(vec![Issuer { keys: KeySource::File(path.clone()), ..issuer() }]).unwrap();
    let (known, stranger) = (one.token(URL, "job", AUDIENCE), other.token(URL, "job", AUDIENCE));
    issuers.remember(&issuers.recognise(&known, NOW_MS).await.unwrap());
    let error = issuers.recognise(&stranger, NOW_MS).await.unwrap_err();
    assert!(is_no_key(&error), "{error}");
    put("");
    issuers.recognise(&known, NOW_MS).await.unwrap();
    let error = issuers.recognise(&stranger, NOW_MS).await.unwrap_err();
    assert!(is_no_keys(&error), "a file that can't be read says nothing: {error}");
    put(&jwks(&[&other]));
    issuers.recognise(&stranger, NOW_MS).await.unwrap();
    let error = issuers.recognise(&known, NOW_MS).await.unwrap_err();
    assert!(is_no_key(&error), "though it was known: {error}");
    assert!(world.asked().is_empty());
}

/// A trust domain of this name, whose bundle is at an address.
fn trust_domain(name: &str) -> Issuer {
    let keys = KeySource::Url(format!("https://{name}/bundle"));
    Issuer { name: domain(name), audience: Some(AUDIENCE.into()), keys, ca: None }
}

/// Trust domains with these bundles.
fn domains(bundles: &[(&str, &str)]) -> (Arc<World>, Issuers) {
    let world = Arc::new(World::default());
    bundles.iter().for_each(|(name, bundle)| world.put(&format!("https://{name}/bundle"), bundle));
    let issuers = Issuers::with(ORIGIN, Arc::clone(&world) as _);
    issuers.replace(bundles.iter().map(|(name, _)| trust_domain(name)).collect()).unwrap();
    (world, issuers)
}

#[tokio::test]
async fn a_jwt_svid_is_its_trust_domain_s_whatever_its_iss_says() {
    let (one, other) = (Signer::p256("k"), Signer::p256("k"));
    let (_world, issuers) =
        domains(&[("one.example", &bundle(&[&one], &[])), ("other.example", &bundle(&[&other], &[]))]);
    let svid = one.token(URL, "spiffe://one.example/ci/7", AUDIENCE);
    let recognised = issuers.recognise(&svid, NOW_MS).await.unwrap();
    assert_eq!(recognised.identity, "spiffe:spiffe://one.example/ci/7");
    let member = |name| recognised.workload.as_map().unwrap().get(name).unwrap().clone();
    assert_eq!((member("method"), member("binding")), ("jwt-svid".into(), "bearer".into()));
    assert_eq!(member("issuer"), "spiffe://one.example".into());
    issuers.recognise(&other.token(URL, "spiffe://other.example/ci", AUDIENCE), NOW_MS).await.unwrap();
    for (token, expected) in [
        (
            one.token(URL, "spiffe://other.example/ci", AUDIENCE),
            "signature doesn't verify under spiffe://other",
        ),
        (one.token(URL, "spiffe://third.example/ci", AUDIENCE), "got one of spiffe://third.example"),
        (one.token(URL, "spiffe://one.example/ci", "elsewhere"), "aud: expected"),
        (one.token(URL, "spiffe://one.example/ci", &format!("{ORIGIN}:00")), "aud: expected"),
        (one.token(URL, "spiffe://one.example", AUDIENCE), "sub: SPIFFE ID: expected a path"),
        (one.token(URL, "spiffe://one.example/ci/../x", AUDIENCE), "sub: SPIFFE ID: expected segments"),
        (one.token(URL, "SPIFFE://one.example/ci", AUDIENCE), "start with spiffe://"),
        (one.token(URL, " spiffe://one.example/ci", AUDIENCE), "start with spiffe://"),
        (Signer::new("k").token(URL, "spiffe://one.example/ci", AUDIENCE), "for a SPIFFE ID, got EdDSA"),
        (Signer::p256("new").token(URL, "spiffe://one.example/ci", AUDIENCE), "has no key \"new\""),
    ] {
        let error = issuers.recognise(&token, NOW_MS).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let silent = Issuer { audience: None, ..trust_domain("one.example") };
    issuers.replace(vec![silent]).unwrap();
    let error = issuers.recognise(&svid, NOW_MS).await.unwrap_err();
    assert!(matches!(error, Unrecognised::Token(JwtError::Member { member: "aud", .. })), "{error}");
}

#[tokio::test]
async fn keys_of_a_bundle_overlap_while_they_are_exchanged() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let (world, issuers) = domains(&[("one.example", &bundle(&[&old], &[]))]);
    let tokens = [&old, &new].map(|signer| signer.token("", "spiffe://one.example/ci", AUDIENCE));
    issuers.remember(&issuers.recognise(&tokens[0], NOW_MS).await.unwrap());
    world.put("https://one.example/bundle", &bundle(&[&old, &new], &[]));
    for token in [&tokens[1], &tokens[0]] {
        issuers.remember(&issuers.recognise(token, NOW_MS).await.unwrap());
    }
    let third = Signer::p256("third");
    world.put("https://one.example/bundle", &bundle(&[&new, &third], &[]));
    let unknown = third.token("", "spiffe://one.example/ci", AUDIENCE);
    issuers.recognise(&unknown, NOW_MS).await.unwrap();
    let error = issuers.recognise(&tokens[0], NOW_MS).await.unwrap_err();
    assert!(is_no_key(&error), "though it was known: {error}");
    issuers.recognise(&tokens[1], NOW_MS).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_also_a_ca_s_lets_nobody_in_while_it_is() {
    let (ca, signer) = (Authority::new(), Signer::p256("k"));
    let as_signer = ca.as_signer("ca");
    let (world, issuers) =
        domains(&[("one.example", &bundle(&[&as_signer], &[])), ("other.example", &bundle(&[&signer], &[]))]);
    let svid = as_signer.token("", "spiffe://one.example/ci", AUDIENCE);
    issuers.remember(&issuers.recognise(&svid, NOW_MS).await.unwrap());
    // What the other domain takes in later.
    world.put("https://other.example/bundle", &bundle(&[&signer, &Signer::p256("new")], &[&ca]));
    let other = Signer::p256("unknown").token("", "spiffe://other.example/ci", AUDIENCE);
    assert!(is_no_key(&issuers.recognise(&other, NOW_MS).await.unwrap_err()));
    for _ in 0..2 {
        let error = issuers.recognise(&svid, NOW_MS).await.unwrap_err();
        assert!(is_no_key(&error), "also of a token that was known: {error}");
    }
    issuers.recognise(&signer.token("", "spiffe://other.example/ci", AUDIENCE), NOW_MS).await.unwrap();
    issuers.replace(vec![trust_domain("one.example")]).unwrap();
    issuers.recognise(&svid, NOW_MS).await.unwrap();
}

#[tokio::test]
async fn who_shows_an_svid_is_its_trust_domain_s_workload_while_that_holds() {
    let (ca, other) = (Authority::new(), Authority::new());
    let (world, issuers) =
        domains(&[("one.example", &bundle(&[], &[&ca])), ("other.example", &bundle(&[], &[&other]))]);
    let svid = ca.svid("spiffe://one.example/ci/7");
    let recognised = on_any_thread(issuers.recognise_shown(&svid, NOW_MS)).await.unwrap();
    assert_eq!(recognised.identity, "spiffe:spiffe://one.example/ci/7");
    let member = |name| recognised.workload.as_map().unwrap().get(name).cloned();
    assert_eq!(member("method"), Some("x509-svid".into()));
    assert_eq!(member("binding"), Some("bearer".into()));
    assert_eq!(member("issuer"), Some("spiffe://one.example".into()));
    assert_eq!(member("audience"), None);
    assert_eq!(member("verified_at_ms"), Some(Value::Integer(i64::try_from(NOW_MS).unwrap())));
    let again = issuers.recognise_shown(&svid, NOW_MS).await.unwrap();
    assert!(!Arc::ptr_eq(&recognised, &again), "nobody said that it was let in");
    issuers.remember(&recognised);
    assert!(Arc::ptr_eq(&recognised, &issuers.recognise_shown(&svid, NOW_MS + 1).await.unwrap()));
    let week_ms = 7 * 24 * 3_600_000;
    for at_ms in [NOW_MS - week_ms, NOW_MS + week_ms] {
        let error = issuers.recognise_shown(&svid, at_ms).await.unwrap_err();
        assert!(matches!(error, Unrecognised::Svid(SvidError::Time { .. })), "{error}");
    }
    for (shown, expected) in [
        (ca.svid("spiffe://other.example/ci"), "expected it to lead to a CA of spiffe://other.example"),
        (ca.svid("spiffe://third.example/ci"), "got one of spiffe://third.example"),
        (ca.svid("spiffe://one.example"), "expected a path"),
        (ca.svid("https://one.example/ci"), "start with spiffe://"),
        (ShownChain::new([&b"no certificate"[..]]), "certificate 0 of the chain"),
        (ShownChain::new([]), "expected 1 to 4 certificates, got 0"),
    ] {
        let error = issuers.recognise_shown(&shown, NOW_MS).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A bundle that was exchanged, noticed by a new CA's first workload.
    let next = Authority::new();
    world.put("https://one.example/bundle", &bundle(&[], &[&ca, &next]));
    issuers.recognise_shown(&next.svid("spiffe://one.example/ci/8"), NOW_MS).await.unwrap();
    issuers.recognise_shown(&svid, NOW_MS).await.unwrap();
    let last = Authority::new();
    world.put("https://one.example/bundle", &bundle(&[], &[&next, &last]));
    issuers.recognise_shown(&last.svid("spiffe://one.example/ci/9"), NOW_MS).await.unwrap();
    let error = issuers.recognise_shown(&svid, NOW_MS).await.unwrap_err();
    assert!(matches!(error, Unrecognised::Svid(SvidError::NoPath { .. })), "though it was known: {error}");
    issuers.replace(vec![trust_domain("other.example")]).unwrap();
    let error = issuers.recognise_shown(&last.svid("spiffe://one.example/ci/9"), NOW_MS).await.unwrap_err();
    assert!(matches!(error, Unrecognised::TrustDomain { .. }), "{error}");
}

#[tokio::test]
async fn a_ca_of_two_domains_vouches_for_neither_also_of_what_was_known() {
    let (ca, own) = (Authority::new(), Authority::new());
    let (world, issuers) =
        domains(&[("one.example", &bundle(&[], &[&ca])), ("other.example", &bundle(&[], &[&own]))]);
    let svid = ca.svid("spiffe://one.example/ci");
    issuers.remember(&issuers.recognise_shown(&svid, NOW_MS).await.unwrap());
    issuers.recognise_shown(&own.svid("spiffe://other.example/ci"), NOW_MS).await.unwrap();
    world.put("https://other.example/bundle", &bundle(&[], &[&own, &ca.renewed()]));
    let theirs = ca.svid("spiffe://other.example/ci");
    for shown in [&theirs, &svid, &svid] {
        let error = issuers.recognise_shown(shown, NOW_MS).await.unwrap_err();
        assert!(matches!(error, Unrecognised::Svid(SvidError::NoPath { .. })), "{error}");
    }
    issuers.recognise_shown(&own.svid("spiffe://other.example/ci"), NOW_MS).await.unwrap();
}

#[tokio::test]
async fn a_certificate_waits_for_a_bundle_that_cant_be_had() {
    let (world, issuers) = domains(&[("one.example", "{}")]);
    let ca = Authority::new();
    let svid = ca.svid("spiffe://one.example/ci");
    let error = issuers.recognise_shown(&svid, NOW_MS).await.unwrap_err();
    assert!(matches!(&error, Unrecognised::Keys { issuer } if issuer == "spiffe://one.example"), "{error}");
    world.put("https://one.example/bundle", &bundle(&[], &[&ca]));
    issuers.recognise_shown(&svid, NOW_MS).await.unwrap();
}
