//! X.509-SVIDs, each with one thing wrong.

use crate::support::{
    Content, DIGEST, ED25519, Key, MIDDLE, NOW_MS, NOW_S, ORIGIN, P256, P384, ROOT, RSA, chain, extension,
    is_ca, key_usage, key_usage_bits, keys, purposes, root, submission_signature, tlv, uris,
};
use base64ct::{Base64, Encoding};
use provlog_evidence::signature::Scheme;
use provlog_evidence::spiffe::TrustDomain;
use provlog_evidence::submission::submission_message;
use provlog_evidence::svid::{
    BoundSvid, Bundle, BundleMember, CHAIN_BYTES_MAX, Ca, DomainCas, MemberError, SvidError, UnverifiedSvid,
};
use provlog_evidence::window::Window;
use provlog_evidence::workload::Workload;
use std::slice;

fn domain() -> TrustDomain {
    TrustDomain::parse("example.org").unwrap()
}

fn bound_at(
    chain: &[Vec<u8>],
    cas: &[Vec<u8>],
    signature: &[u8],
    at_ms: u64,
) -> Result<BoundSvid, SvidError> {
    let cas: Vec<Ca> = cas.iter().map(|der| Ca::parse(der).unwrap()).collect();
    let domain = domain();
    let given = DomainCas { trust_domain: &domain, cas: &cas };
    UnverifiedSvid::parse(chain)?.signed(ORIGIN, &DIGEST, signature, at_ms)?.bound(given)
}

/// As [`bound_at`], with the signature that the P-256 key makes for the chain.
fn bound_now(chain: &[Vec<u8>], cas: &[Vec<u8>]) -> Result<BoundSvid, SvidError> {
    let leaf = chain.first().map_or(&[][..], Vec::as_slice);
    bound_at(chain, cas, &submission_signature(&P256, leaf), NOW_MS)
}

/// Why this leaf of the P-256 key, under the middle CA, isn't taken.
fn refusal(leaf: &Content) -> String {
    let chain = [leaf.signed(&P256, &MIDDLE), chain(&P256)[1].clone()];
    bound_now(&chain, &[root()]).expect_err(leaf.subject).to_string()
}

fn with(extensions: Vec<Vec<u8>>) -> Content {
    Content { extensions, ..Content::leaf() }
}

#[test]
fn good_chains_of_each_key_say_who_signed_and_until_when() {
    for key in keys() {
        let chain = chain(key);
        let signature = submission_signature(key, &chain[0]);
        let bound = bound_at(&chain, &[root()], &signature, NOW_MS).unwrap();
        assert_eq!(bound.id().as_str(), "spiffe://example.org/ci");
        assert_eq!(bound.ca().der(), root());
        let (from_ms, to_ms) = ((NOW_S - 1800) * 1000, (NOW_S + 1800) * 1000);
        assert_eq!(bound.window(), Window { from_ms, to_ms });
        for (at_ms, holds) in [(from_ms - 1, false), (from_ms, true), (to_ms, true), (to_ms + 1, false)] {
            let bound = bound_at(&chain, &[root()], &signature, at_ms);
            assert_eq!(bound.is_ok(), holds, "{at_ms}");
        }
        // The CA below the root may be in the bundle itself.
        bound_at(&chain[..1], &[root(), chain[1].clone()], &signature, NOW_MS).unwrap();
    }
}

#[test]
fn a_chain_that_somebody_only_showed_says_whose_it_is_and_is_bound_to_nothing() {
    let (chain, domain) = (chain(&P256), domain());
    let bearer = |chain: &[Vec<u8>], cas: &[Vec<u8>], trust_domain: &TrustDomain, at_ms| {
        let cas: Vec<Ca> = cas.iter().map(|der| Ca::parse(der).unwrap()).collect();
        UnverifiedSvid::parse(chain)?.bearer(DomainCas { trust_domain, cas: &cas }, at_ms)
    };
    let shown = bearer(&chain, &[root()], &domain, NOW_MS).unwrap();
    let signature = submission_signature(&P256, &chain[0]);
    let bound = bound_at(&chain, &[root()], &signature, NOW_MS).unwrap();
    assert_eq!((shown.id(), shown.ca(), shown.window()), (bound.id(), bound.ca(), bound.window()));
    let (bearing, binding) = (Workload::of_bearer_svid(&shown), Workload::of_bound_svid(&bound));
    assert_eq!(bearing.identity, binding.identity);
    let member = |workload: &Workload, name: &str| workload.value.get(name).cloned();
    for name in ["method", "id", "issuer"] {
        assert!(
            member(&bearing, name).is_some() && member(&bearing, name) == member(&binding, name),
            "{name}"
        );
    }
    assert_eq!(member(&bearing, "binding"), Some("bearer".into()));
    assert_eq!(member(&binding, "binding"), Some("statement".into()));

    let late = bearer(&chain, &[root()], &domain, shown.window().to_ms + 1).unwrap_err();
    assert!(matches!(late, SvidError::Time { .. }), "{late}");
    let other = TrustDomain::parse("other.example").unwrap();
    let error = bearer(&chain, &[root()], &other, NOW_MS).unwrap_err();
    assert!(matches!(error, SvidError::TrustDomain { .. }), "{error}");
    for (chain, cas) in [(&chain[..], &[][..]), (&chain[..1], &[root()]), (&chain[..], &[chain[1].clone()])] {
        let error = bearer(chain, cas, &domain, NOW_MS).unwrap_err();
        assert!(matches!(error, SvidError::NoPath { .. }), "{error}");
    }
}

#[test]
fn the_signature_is_over_this_submission_by_this_key() {
    let chain_of_p256 = chain(&P256);
    let of = |key: &Key, scheme: Scheme, origin: &str, digest: [u8; 32], leaf: &[u8]| {
        key.sign(scheme, &submission_message(origin, &digest, leaf))
    };
    let (leaf, der) = (&chain_of_p256[0][..], Scheme::Es256Der);
    // Another certificate for the same key: its signature isn't this one's.
    let other_leaf = Content::leaf().signed(&P256, &MIDDLE);
    let cases = [
        of(&P256, der, ORIGIN, [0xd2; 32], leaf),
        of(&P256, der, "log.example.com/two", DIGEST, leaf),
        of(&P256, der, ORIGIN, DIGEST, &other_leaf),
        of(&P256, Scheme::Es256, ORIGIN, DIGEST, leaf),
        of(&MIDDLE, der, ORIGIN, DIGEST, leaf),
        of(&ED25519, Scheme::Ed25519, ORIGIN, DIGEST, leaf),
        P256.sign(der, &submission_message(ORIGIN, &DIGEST, leaf)[..100]),
        vec![],
        vec![0; 2000],
    ];
    for signature in cases {
        let error = bound_at(&chain_of_p256, &[root()], &signature, NOW_MS).unwrap_err();
        assert_eq!(error, SvidError::Signature("ECDSA P-256"));
    }
    // The padding of certificates isn't that of submissions.
    let chain_of_rsa = chain(&RSA);
    let pkcs1 = of(&RSA, Scheme::Rs256, ORIGIN, DIGEST, &chain_of_rsa[0]);
    bound_at(&chain_of_rsa, &[root()], &pkcs1, NOW_MS).unwrap_err();
}

#[test]
fn a_workload_s_certificate_is_what_spiffe_says() {
    let (usage, no_ca, both) = (key_usage(0x80), is_ca(false), purposes(&[1, 2]));
    let id = uris(&["spiffe://example.org/ci"]);
    let good = |extensions: &[&Vec<u8>]| with(extensions.iter().copied().cloned().collect());
    for fine in [
        good(&[&usage, &id]),
        good(&[&usage, &id, &purposes(&[2])]),
        good(&[&key_usage(0xa0), &id]),
        good(&[&id, &usage, &extension(35, false, &tlv(0x30, &tlv(0x80, &[1])))]),
    ] {
        let chain = [fine.signed(&P256, &MIDDLE), chain(&P256)[1].clone()];
        bound_now(&chain, &[root()]).unwrap();
    }
    let loose = extension(15, false, &key_usage_bits(0x80));
    let padded = extension(15, true, &tlv(3, &[0, 0x80]));
    let no_bits = extension(15, true, &tlv(3, &[0]));
    let uri = |uri: &str| good(&[&usage, &no_ca, &both, &uris(&[uri])]);
    let cases = [
        (good(&[&no_ca, &id]), "expected key usage, critical"),
        (good(&[&loose, &id]), "expected key usage, critical"),
        (good(&[&key_usage(0x20), &id]), "expected key usage, critical"),
        (good(&[&key_usage(0x84), &id]), "expected key usage, critical"),
        (good(&[&key_usage(0x82), &id]), "expected key usage, critical"),
        (good(&[&padded, &id]), "expected a keyUsage in DER"),
        (good(&[&no_bits, &id]), "expected a keyUsage in DER"),
        (good(&[&usage, &id, &is_ca(true)]), "expected none of a CA"),
        (good(&[&usage, &no_ca]), "exactly one URI among its names, got 0"),
        (good(&[&usage, &uris(&[])]), "got 0"),
        (good(&[&usage, &uris(&["spiffe://example.org/ci", "spiffe://example.org/other"])]), "got 2"),
        (good(&[&usage, &uris(&["spiffe://example.org/ci", "https://example.org"])]), "got 2"),
        (good(&[&usage, &id, &id]), "none twice"),
        (good(&[&usage, &usage, &id]), "none twice"),
        (uri("https://example.org/ci"), "start with spiffe://"),
        (uri("spiffe://example.org"), "expected a path"),
        (uri("spiffe://example.org/a/../ci"), "expected segments"),
        (
            uri("spiffe://example.com/ci"),
            "expected an SVID of spiffe://example.org, got one of spiffe://example.com",
        ),
        (good(&[&usage, &id, &purposes(&[1])]), "expected clientAuth"),
        (good(&[&usage, &id, &purposes(&[])]), "expected clientAuth"),
        (good(&[&usage, &id, &extension(99, true, &[5, 0])]), "expected no critical extension"),
        (good(&[&usage, &id, &extension(31, true, &tlv(0x30, &[]))]), "expected no critical extension"),
        (good(&[&usage, &id, &extension(30, false, &tlv(0x30, &[]))]), "expected no name constraints"),
    ];
    for (leaf, expected) in cases {
        let told = refusal(&leaf);
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[test]
fn each_certificate_is_signed_by_the_next_and_the_last_by_a_ca_of_the_domain() {
    let told = |chain: &[Vec<u8>], cas: &[Vec<u8>]| bound_now(chain, cas).unwrap_err().to_string();
    let [leaf, middle] = <[Vec<u8>; 2]>::try_from(chain(&P256)).unwrap();
    let good = [leaf.clone(), middle.clone()];
    assert!(told(&good, &[]).contains("got none that was given"));
    // A root of the same name, and one of the same key under another name.
    let same_name = Content::root().signed(&P384, &P384);
    assert!(told(&good, &[same_name]).contains("InvalidSignatureForPublicKey"));
    let same_key = Content { subject: "other", ..Content::root() }.signed(&ROOT, &ROOT);
    assert!(told(&good, &[same_key]).contains("UnknownIssuer"));
    assert!(told(&good[..1], &[root()]).contains("UnknownIssuer"));
    // To another certificate of the middle CA the leaf alone leads: not with the one that came along, of the same name and key.
    let again = Content { not_after: "261129000000Z", ..Content::middle() }.signed(&MIDDLE, &ROOT);
    bound_now(&good[..1], slice::from_ref(&again)).unwrap();
    assert!(told(&good, &[again]).contains("one that is in the chain itself"));
    assert!(told(&good, slice::from_ref(&middle)).contains("one that is in the chain itself"));
    assert!(told(&[leaf.clone(), middle.clone(), middle.clone()], &[root()]).contains("certificate 2"));
    assert!(
        told(&[leaf.clone(), middle.clone(), root()], &[root()]).contains("one that is in the chain itself")
    );
    // Signed anew it is another certificate, of the same name and key.
    let anew = Content::root().signed(&ROOT, &ROOT);
    assert!(
        anew != root()
            && told(&[leaf.clone(), middle.clone(), anew], &[root()]).contains("in the chain itself")
    );
    assert!(
        told(&[leaf.clone(), root(), middle.clone()], &[root()])
            .contains("certificate 0 of the chain: expected its issuer")
    );
    assert!(
        told(&[leaf.clone(), leaf.clone()], &[root()])
            .contains("certificate 1 of the chain: expected one of a CA")
    );
    assert!(
        told(&[middle.clone(), leaf.clone()], &[root()]).contains("expected a path behind the trust domain")
    );
    let self_signed = Content { issuer: "leaf", ..Content::leaf() }.signed(&P256, &P256);
    assert!(told(&[self_signed], &[root()]).contains("UnknownIssuer"));
    assert!(told(&vec![leaf.clone(); 5], &[root()]).contains("expected 1 to 4 certificates, got 5"));
    assert!(told(&[], &[root()]).contains("got 0"));
    let large = [leaf.clone(), vec![0; CHAIN_BYTES_MAX]];
    assert!(told(&large, &[root()]).contains("at most 7168 bytes in all"));
    // Another domain's CAs don't serve, whatever is among them.
    let other = TrustDomain::parse("example.com").unwrap();
    let cas = [Ca::parse(&root()).unwrap()];
    let chain = chain(&P256);
    let svid = UnverifiedSvid::parse(&chain).unwrap();
    assert_eq!(svid.trust_domain(), &domain());
    let given = DomainCas { trust_domain: &other, cas: &cas };
    let signature = submission_signature(&P256, &chain[0]);
    let error = svid.signed(ORIGIN, &DIGEST, &signature, NOW_MS).unwrap().bound(given).unwrap_err();
    assert!(matches!(error, SvidError::TrustDomain { .. }));
}

#[test]
fn a_ca_between_may_sign_and_has_room_below() {
    let leaf = Content::leaf().signed(&P256, &MIDDLE);
    let told = |chain: &[Vec<u8>], ca: Vec<u8>| bound_now(chain, &[ca]).unwrap_err().to_string();
    let middle_with =
        |extensions: Vec<Vec<u8>>| Content { extensions, ..Content::middle() }.signed(&MIDDLE, &ROOT);
    for bad in [vec![is_ca(true)], vec![is_ca(true), key_usage(0x02)], vec![is_ca(false), key_usage(0x04)]] {
        let told = told(&[leaf.clone(), middle_with(bad)], root());
        assert!(told.contains("certificate 1 of the chain: expected one of a CA"), "{told}");
    }
    let constrained = vec![is_ca(true), key_usage(0x04), extension(30, true, &tlv(0x30, &[]))];
    assert!(told(&[leaf.clone(), middle_with(constrained)], root()).contains("expected no name constraints"));
    // What a CA is for isn't looked at.
    let for_servers = middle_with(vec![is_ca(true), key_usage(0x04), purposes(&[1])]);
    bound_now(&[leaf.clone(), for_servers], &[root()]).unwrap();

    let below = |length: u8| extension(19, true, &tlv(0x30, &[1, 1, 0xff, 2, 1, length]));
    let upper = |basic: Vec<u8>| Content {
        subject: "upper",
        extensions: vec![key_usage(0x04), basic],
        ..Content::middle()
    };
    let lower = Content { issuer: "upper", ..Content::middle() }.signed(&MIDDLE, &P384);
    let deep = |basic: Vec<u8>| [leaf.clone(), lower.clone(), upper(basic).signed(&P384, &ROOT)];
    let root_with = |basic: Vec<u8>| {
        Content { extensions: vec![key_usage(0x04), basic], ..Content::root() }.signed(&ROOT, &ROOT)
    };
    bound_now(&deep(is_ca(true)), &[root()]).unwrap();
    bound_now(&deep(below(1)), &[root_with(below(2))]).unwrap();
    assert!(
        told(&deep(below(0)), root()).contains("certificate 2 of the chain: expected no more CAs below it")
    );
    assert!(told(&deep(below(1)), root_with(below(1))).contains("path length is smaller than the chain"));
    bound_now(&[leaf.clone(), Content::middle().signed(&MIDDLE, &ROOT)], &[root_with(below(1))]).unwrap();
    // A CA in a circle with itself: the same name and key again.
    let itself = Content { issuer: "middle", ..Content::middle() }.signed(&MIDDLE, &MIDDLE);
    let chain = [leaf.clone(), itself, Content::middle().signed(&MIDDLE, &ROOT)];
    assert!(told(&chain, root()).contains("certificate 2 of the chain: expected another name or key"));
}

#[test]
fn ed25519_of_small_order_signs_no_certificate() {
    // Under the neutral element as key, its own encoding and a zero sign everything, for whoever doesn't look.
    let neutral = [&[1][..], &[0; 31]].concat();
    let mut spki = ED25519.spki();
    spki.splice(spki.len() - 32.., neutral.clone());
    let mut leaf = Content::leaf().signed(&P256, &ED25519);
    leaf.splice(leaf.len() - 64.., [&neutral[..], &[0; 32]].concat());
    let chain = [leaf, Content::middle().certifying(&spki, &ROOT)];
    let told = bound_now(&chain, &[root()]).unwrap_err().to_string();
    assert!(told.contains("InvalidSignatureForPublicKey"), "{told}");
    let ca = Content::root().certifying(&spki, &ROOT);
    assert!(Ca::parse(&ca).unwrap_err().to_string().contains("small order"));
}

#[test]
fn the_window_is_that_of_the_whole_path() {
    let good = chain(&P256);
    let signature = submission_signature(&P256, &good[0]);
    let at = |cas: &[Vec<u8>], at_ms: u64| bound_at(&good, cas, &signature, at_ms);
    let root_until = |not_after: &'static str| Content { not_after, ..Content::root() }.signed(&ROOT, &ROOT);
    let (ended, ends_now, long) = (root_until("261127215959Z"), root_until("261127220000Z"), root());
    assert!(
        at(slice::from_ref(&ended), NOW_MS).unwrap_err().to_string().contains("one that doesn't hold then")
    );
    assert_eq!(at(slice::from_ref(&ends_now), NOW_MS).unwrap().window().to_ms, NOW_MS);
    at(slice::from_ref(&ends_now), NOW_MS + 1).unwrap_err();
    // Of a CA's several certificates the one that holds longest, in whatever order they come.
    for cas in [[ends_now.clone(), ended.clone(), long.clone()], [long.clone(), ends_now, ended]] {
        let bound = at(&cas, NOW_MS).unwrap();
        assert_eq!((bound.ca().der(), bound.window().to_ms), (&long[..], (NOW_S + 1800) * 1000));
    }
    let middle = Content { not_after: "261127220500Z", ..Content::middle() }.signed(&MIDDLE, &ROOT);
    let short = [good[0].clone(), middle];
    assert_eq!(bound_now(&short, &[root()]).unwrap().window().to_ms, (NOW_S + 300) * 1000);
    let told = |not_before: &'static str, not_after: &'static str| {
        let leaf = Content { not_before, not_after, ..Content::leaf() }.signed(&P256, &MIDDLE);
        bound_now(&[leaf, good[1].clone()], &[root()]).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(told("261127223000Z", "261127213000Z").unwrap_err().contains("a time at which every"));
    assert!(told("261126223000Z", "261126233000Z").unwrap_err().contains("a time at which every"));
    assert!(
        told("261127220001Z", "261127223000Z").unwrap_err().contains("chain: expected one that holds at")
    );
    told("20261127213000Z", "20261127223000Z").unwrap();
    told("261121000000Z", "261128000000Z").unwrap();
    assert!(told("261121000000Z", "261128000001Z").unwrap_err().contains("at most 604800 s, got 604801 s"));
}

#[test]
fn a_ca_is_one() {
    let of =
        |extensions: Vec<Vec<u8>>| Ca::parse(&Content { extensions, ..Content::root() }.signed(&ROOT, &ROOT));
    of(vec![is_ca(true), key_usage(0x04)]).unwrap();
    for bad in [
        vec![],
        vec![is_ca(true)],
        vec![is_ca(false), key_usage(0x04)],
        vec![is_ca(true), key_usage(0x80)],
        vec![key_usage(0x04)],
    ] {
        assert!(of(bad).unwrap_err().to_string().contains("expected basic constraints with cA"));
    }
    Ca::parse(&chain(&P256)[0]).unwrap_err();
    Ca::parse(&vec![0; 9000]).unwrap_err();
    Ca::parse(&[root(), vec![0]].concat()).unwrap_err();
}

#[test]
fn a_bundle_s_keys_serve_for_what_they_are_there() {
    let jwk = P256.jwk("k").to_member();
    let ca = Base64::encode_string(&root());
    for member in [format!("jwt-svid {jwk}"), format!("x509-svid {ca}")] {
        let read = BundleMember::parse(&member).unwrap();
        assert_eq!(read.to_string(), member);
        for bad in [
            format!(" {member}"),
            member.replacen(' ', "  ", 1),
            format!("{member} "),
            format!("{member}\n"),
            member.replacen("jwt", "x509", 1).replacen("x509x509", "jwt", 1),
            member.replacen("svid", "SVID", 1),
        ] {
            if bad != member {
                BundleMember::parse(&bad).expect_err(&bad);
            }
        }
    }
    BundleMember::parse(&format!("jwt-svid {ca}")).unwrap_err();
    BundleMember::parse(&format!("x509-svid {jwk}")).unwrap_err();
    assert_eq!(BundleMember::parse("x509-svid AAA"), Err(MemberError::Base64));
    assert_eq!(BundleMember::parse("x509-svid AAB="), Err(MemberError::Base64));
    let key = |serves: &str| P256.jwk_json("k").replacen('}', &format!(r#","use":"{serves}"}}"#), 1);
    let x509 = |x5c: &str| format!(r#"{{"kty":"EC","use":"x509-svid","x5c":[{x5c}]}}"#);
    let keys = [
        key("jwt-svid"),
        x509(&format!("\"{ca}\"")),
        key("sig"),
        P256.jwk_json("k"),
        x509(""),
        x509(&format!("\"{ca}\",\"{ca}\"")),
        x509("\"AAAA\""),
        key("jwt-svid"),
        key("wit-svid"),
    ];
    let bundle = format!(r#"{{"spiffe_sequence":7,"spiffe_refresh_hint":600,"keys":[{}]}}"#, keys.join(","));
    let bundle = Bundle::parse(bundle.as_bytes()).unwrap();
    let members: Vec<String> = bundle.members.iter().map(ToString::to_string).collect();
    assert_eq!(members, [format!("jwt-svid {jwk}"), format!("x509-svid {ca}")]);
    assert_eq!(bundle.refresh_hint_s, Some(600));
    let skipped: Vec<usize> = bundle.skipped.iter().map(|(at, _)| *at).collect();
    assert_eq!(skipped, [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(bundle.skipped[0].1, MemberError::Use);
    assert_eq!(bundle.skipped[2].1, MemberError::X5c);
    assert_eq!(bundle.skipped[5].1, MemberError::Twice);
    for hint in ["", r#","spiffe_refresh_hint":-1"#, r#","spiffe_refresh_hint":"600""#] {
        let bundle = Bundle::parse(format!(r#"{{"keys":[]{hint}}}"#).as_bytes()).unwrap();
        assert_eq!(bundle.refresh_hint_s, None, "{hint}");
    }
}
