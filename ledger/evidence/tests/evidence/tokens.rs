//! Tokens, each with one thing wrong.

use crate::support::{
    DIGEST, ED25519, ISSUER, Key, NOW_MS, NOW_S, ORIGIN, P256, P384, RSA, b64, header, keys, payload, token,
};
use provlog_evidence::jwk::Jwk;
use provlog_evidence::jwt::{
    BearerAudience, BoundToken, Issuer, IssuerKeys, JwtError, TOKEN_BYTES_MAX, UnverifiedToken,
};
use provlog_evidence::spiffe::TrustDomain;
use provlog_evidence::submission::bound_audience;
use provlog_evidence::window::Window;
use sha2::{Digest, Sha256};

fn oidc() -> Issuer {
    Issuer::Oidc(ISSUER.into())
}

fn bound(token: &str, issuer: &Issuer, keys: &[Jwk]) -> Result<BoundToken, JwtError> {
    bound_at(token, issuer, keys, NOW_MS)
}

fn bound_at(token: &str, issuer: &Issuer, keys: &[Jwk], at_ms: u64) -> Result<BoundToken, JwtError> {
    UnverifiedToken::parse(token)?
        .of_submission(ORIGIN, &DIGEST, at_ms)?
        .verified(IssuerKeys::by_kid(issuer, keys))
}

/// Why a token by the P-256 key of these texts isn't taken.
fn refusal(header: &str, payload: &str) -> String {
    let token = token(header, payload, &P256);
    let error = bound(&token, &oidc(), &[P256.jwk("k")]).expect_err(&format!("{header} {payload}"));
    let told = error.to_string();
    assert!(!told.contains(token.rsplit('.').next().unwrap()), "no signature is told: {told}");
    told
}

#[test]
fn good_tokens_of_each_algorithm_say_who_signed_and_until_when() {
    for key in keys() {
        let token = token(&header(key), &payload(), key);
        let unverified = UnverifiedToken::parse(&token).unwrap();
        assert_eq!(unverified.issuer(), &oidc());
        assert!(!format!("{unverified:?}").contains(&token[..20]), "no token in a log");
        // Another key under the same name does no harm: the name only narrows.
        let keys = [RSA.jwk("other"), ED25519.jwk("k"), P384.jwk("k"), P256.jwk("k"), RSA.jwk("k")];
        let verified = bound(&token, &oidc(), &keys).unwrap();
        assert_eq!(verified.token().key(), key.jwk("k").thumbprint());
        assert_eq!(verified.token().issuer(), &oidc());
        let (from_ms, to_ms) = ((NOW_S - 300) * 1000 - 60_000, (NOW_S + 300) * 1000 + 60_000);
        assert_eq!(verified.token().window(), Window { from_ms, to_ms });
    }
    // Two keys of one type and one name.
    let other = Key::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[8; 32]));
    let keys = [other.jwk("k"), ED25519.jwk("k")];
    let verified = bound(&token(&header(&ED25519), &payload(), &ED25519), &oidc(), &keys).unwrap();
    assert_eq!(verified.token().key(), keys[1].thumbprint());
}

#[test]
fn a_header_holds_what_the_list_has_and_nothing_else() {
    let good = header(&P256);
    for fine in [
        r#"{"alg":"ES256","kid":"k"}"#,
        r#"{"kid":"k","alg":"ES256","typ":"jwt","x5t":"GitHub sends it"}"#,
        r#" { "alg" : "ES256", "kid" : "\u006b" } "#,
    ] {
        bound(&token(fine, &payload(), &P256), &oidc(), &[P256.jwk("k")]).unwrap();
    }
    let more = |more: &str| good.replacen('}', &format!(",{more}}}"), 1);
    let cases = [
        (good.replace("ES256", "none"), "alg: expected one of RS256, ES256, ES384, EdDSA, got \"none\""),
        (good.replace("ES256", "None"), "alg: expected"),
        (good.replace("ES256", "HS256"), "alg: expected"),
        (good.replace("ES256", "es256"), "alg: expected"),
        (good.replace("ES256", "ES256K"), "alg: expected"),
        (good.replace("ES256", "PS256"), "alg: expected"),
        (good.replace("\"ES256\"", "[\"ES256\"]"), "alg: expected text, got an array"),
        (
            good.replace("ES256", "RS256"),
            "the key \"k\" of https://issuer.example.com doesn't sign with RS256",
        ),
        (good.replace("ES256", "ES384"), "doesn't sign with ES384"),
        (good.replace("ES256", "EdDSA"), "doesn't sign with EdDSA"),
        (r#"{"kid":"k"}"#.into(), "alg is missing"),
        (r#"{"alg":"ES256"}"#.into(), "kid is missing"),
        (good.replace("\"k\"", "\"\""), "kid: expected text that isn't empty"),
        (good.replace("\"k\"", "7"), "kid: expected text that isn't empty, got 7"),
        (good.replace("\"k\"", "\"K\""), "has no key \"K\""),
        (good.replace("\"JWT\"", "\"JOSE\""), "typ: expected JWT, got \"JOSE\""),
        (good.replace("\"JWT\"", "\"dpop+jwt\""), "typ: expected JWT"),
        (good.replace("\"JWT\"", "\"logout+jwt\""), "typ: expected JWT"),
        (good.replace("\"JWT\"", "null"), "typ: expected JWT, got null"),
        (more(r#""x5t":["a"]"#), "x5t: expected text, got an array"),
        (more(r#""jwk":{}"#), "got \"jwk\" in it"),
        (more(r#""jku":"https://evil.example""#), "got \"jku\" in it"),
        (more(r#""x5u":"https://evil.example""#), "got \"x5u\" in it"),
        (more(r#""x5c":[]"#), "got \"x5c\" in it"),
        (more(r#""crit":["b64"]"#), "got \"crit\" in it"),
        (more(r#""b64":false"#), "got \"b64\" in it"),
        (more(r#""zip":"DEF""#), "got \"zip\" in it"),
        (more(r#""enc":"A128GCM""#), "got \"enc\" in it"),
        (more(r#""cty":"JWT""#), "got \"cty\" in it"),
        (more(r#""alg":"ES256""#), "\"alg\" is there twice"),
        (more(r#""\u0061lg":"ES256""#), "\"alg\" is there twice"),
        ("[]".into(), "expected its header to be an object, got an array"),
        ("{".into(), "expected its header in JSON"),
    ];
    for (header, expected) in cases {
        let told = refusal(&header, &payload());
        assert!(told.contains(expected), "{header}: {told}");
    }
}

#[test]
fn a_payload_holds_what_it_must_and_nothing_twice() {
    let good = payload();
    let set = |member: &str, value: &str| {
        let start = good.find(&format!("\"{member}\":")).unwrap() + member.len() + 3;
        let end = start + good[start..].find([',', '}']).unwrap();
        format!("{}{value}{}", &good[..start], &good[end..])
    };
    let without = |member: &str| good.replacen(&format!("\"{member}\""), "\"x\"", 1);
    let more = |more: &str| format!("{},{more}}}", &good[..good.len() - 1]);
    let audience = bound_audience(ORIGIN, &DIGEST);
    bound(
        &token(&header(&P256), &set("aud", &format!("[\"{audience}\"]")), &P256),
        &oidc(),
        &[P256.jwk("k")],
    )
    .unwrap();
    let audience_of = |origin: &str, digest: [u8; 32]| format!("\"{}\"", bound_audience(origin, &digest));
    let cases = [
        (set("aud", &audience_of(ORIGIN, [0xd2; 32])), "aud: expected \"log.example.com/one:d1d1"),
        (set("aud", &audience_of("log.example.com/two", DIGEST)), "got \"log.example.com/two:d1"),
        (set("aud", &format!("\"{ORIGIN}\"")), "alone, got \"log.example.com/one\""),
        (set("aud", &audience_of(ORIGIN, DIGEST).replace('d', "D")), "aud: expected"),
        (set("aud", &format!("\"{audience} \"")), "aud: expected"),
        (
            good.replace(&format!("\"{audience}\""), &format!("[\"{audience}\",\"b\"]")),
            "alone, got 2 of them",
        ),
        (
            good.replace(&format!("\"{audience}\""), &format!("[\"{audience}\",\"{audience}\"]")),
            "got 2 of them",
        ),
        (set("aud", "[]"), "alone, got none"),
        (set("aud", "[7]"), "aud: expected text, or a list of texts, got a list with an integer"),
        (set("aud", "{}"), "aud: expected text, or a list of texts, got an object"),
        (without("aud"), "aud is missing"),
        (set("sub", "\"\""), "sub: expected text that isn't empty"),
        (set("sub", "[\"job\"]"), "sub: expected text that isn't empty, got an array"),
        (set("sub", r#""job\u0085""#), "sub: expected text without control characters"),
        (set("sub", r#""job\n""#), "sub: expected text without control characters"),
        (without("sub"), "sub is missing"),
        (set("iss", r#""https://issuer.example.com/\u00e9""#), "iss: expected visible ASCII"),
        (set("iss", r#""https://issuer .example.com""#), "iss: expected visible ASCII"),
        (
            set("iss", "\"https://issuer.example.com/\""),
            "expected one of https://issuer.example.com, got one of",
        ),
        (
            set("iss", "\"HTTPS://issuer.example.com\""),
            "expected one of https://issuer.example.com, got one of",
        ),
        (set("iss", "\"https://issuer.example.com#a\""), "iss: expected visible ASCII without #"),
        (set("iss", "[\"https://issuer.example.com\"]"), "iss: expected text"),
        (without("iss"), "iss is missing"),
        (without("iat"), "iat is missing"),
        (without("exp"), "exp is missing"),
        (set("exp", "1e9"), "expected its payload in JSON"),
        (set("exp", "1795817100.0"), "expected its payload in JSON"),
        (set("exp", "-1"), "exp: expected an integer from 0"),
        (set("exp", "\"1795817100\""), "exp: expected an integer from 0"),
        (set("exp", "9007199254741"), "exp: expected an integer from 0 to 9007199254740"),
        (set("exp", "18446744073709551616"), "expected its payload in JSON"),
        (set("iat", "null"), "iat: expected an integer"),
        (more(r#""nbf":[]"#), "nbf: expected an integer"),
        (more(r#""sub":"other""#), "\"sub\" is there twice"),
        (more(r#""deep":{"list":[{"a":1,"a":2}]}"#), "\"a\" is there twice"),
        (more(r#""deep":1.5"#), "expected its payload in JSON"),
        (format!("{good} {good}"), "expected its payload in JSON"),
        (format!("\u{feff}{good}"), "expected its payload in JSON"),
        ("\"text\"".into(), "expected its payload to be an object, got a string"),
    ];
    for (payload, expected) in cases {
        let told = refusal(&header(&P256), &payload);
        assert!(told.contains(expected), "{payload}: {told}");
    }
}

#[test]
fn a_bound_token_is_valid_for_six_hours_at_most() {
    let at = |iat: u64, nbf_s: Option<u64>, exp: u64| {
        let nbf = nbf_s.map_or(String::new(), |nbf| format!(r#","nbf":{nbf}"#));
        let audience = bound_audience(ORIGIN, &DIGEST);
        let payload =
            format!(r#"{{"iss":"{ISSUER}","sub":"job","aud":"{audience}","iat":{iat}{nbf},"exp":{exp}}}"#);
        let token = token(&header(&P256), &payload, &P256);
        let at_ms = nbf_s.unwrap_or(iat).max(iat).saturating_mul(1000);
        bound_at(&token, &oidc(), &[P256.jwk("k")], at_ms).map(|token| token.token().window())
    };
    let window =
        |from_s: u64, to_s: u64| Ok(Window { from_ms: from_s * 1000 - 60_000, to_ms: to_s * 1000 + 60_000 });
    let last = 9_007_199_254_740_u64;
    assert_eq!(at(NOW_S, None, NOW_S + 21_600), window(NOW_S, NOW_S + 21_600));
    assert_eq!(at(NOW_S, None, NOW_S + 1), window(NOW_S, NOW_S + 1));
    assert_eq!(at(NOW_S, Some(NOW_S - 9), NOW_S + 1), window(NOW_S, NOW_S + 1));
    assert_eq!(at(NOW_S, Some(NOW_S + 5), NOW_S + 9), window(NOW_S + 5, NOW_S + 9));
    assert_eq!(at(60, None, 61), window(60, 61));
    assert_eq!(at(last - 61, None, last - 60), window(last - 61, last - 60));
    for (iat, nbf, exp, expected) in [
        (NOW_S, None, NOW_S + 21_601, "at most 21600 s where it is bound, got 21601"),
        (0, None, last - 60, "expected a window"),
        (NOW_S, None, NOW_S, "expected iat and nbf before exp, got from 1795816800 to 1795816800 s"),
        (NOW_S, None, NOW_S - 1, "expected iat and nbf before exp"),
        (NOW_S, Some(NOW_S + 1), NOW_S + 1, "expected iat and nbf before exp"),
        (59, None, 61, "expected a window"),
        (last - 60, None, last - 59, "expected a window"),
        (last, None, last + 1, "exp: expected an integer from 0 to 9007199254740"),
    ] {
        let told = at(iat, nbf, exp).unwrap_err().to_string();
        assert!(told.contains(expected), "{iat} {nbf:?} {exp}: {told}");
    }
    // Both ends are in it, and nothing beyond.
    let audience = bound_audience(ORIGIN, &DIGEST);
    let exp = NOW_S + 60;
    let payload = format!(r#"{{"iss":"{ISSUER}","sub":"job","aud":"{audience}","iat":{NOW_S},"exp":{exp}}}"#);
    let token = token(&header(&P256), &payload, &P256);
    for (time_ms, holds) in [
        ((NOW_S - 61) * 1000, false),
        ((NOW_S - 60) * 1000 - 1, false),
        ((NOW_S - 60) * 1000, true),
        ((NOW_S + 120) * 1000, true),
        ((NOW_S + 120) * 1000 + 1, false),
        ((NOW_S + 121) * 1000, false),
    ] {
        match bound_at(&token, &oidc(), &[P256.jwk("k")], time_ms) {
            Ok(_) => assert!(holds, "{time_ms}"),
            Err(error) => assert!(!holds && matches!(error, JwtError::Time { .. }), "{time_ms}: {error}"),
        }
    }
}

#[test]
fn json_is_nested_sixteen_deep_at_most() {
    let nested = |deep: usize| {
        let payload = payload();
        let (open, close) = ("[".repeat(deep - 1), "]".repeat(deep - 1));
        let payload = format!("{},\"deep\":{open}{close}}}", &payload[..payload.len() - 1]);
        bound(&token(&header(&P256), &payload, &P256), &oidc(), &[P256.jwk("k")])
    };
    nested(16).unwrap();
    assert_eq!(nested(17), Err(JwtError::Deep("payload")));
}

#[test]
fn a_reader_chooses_by_thumbprint_whatever_a_key_is_called() {
    let (issuer, keys) = (oidc(), [P384.jwk("x"), P256.jwk("y")]);
    let token = token(&header(&P256), &payload(), &P256);
    let by = |key: &Key| {
        let keys = IssuerKeys::by_thumbprint(&issuer, &keys, key.jwk("z").thumbprint());
        UnverifiedToken::parse(&token).unwrap().of_submission(ORIGIN, &DIGEST, NOW_MS).unwrap().verified(keys)
    };
    assert_eq!(by(&P256).unwrap().token().key(), P256.jwk("z").thumbprint());
    assert!(matches!(by(&P384), Err(JwtError::KeyAlgorithm { .. })));
    assert!(matches!(by(&RSA), Err(JwtError::NotGiven { .. })), "which fails nothing for a reader");
}

#[test]
fn base64_is_taken_in_one_spelling_alone() {
    let good = token(&header(&P256), &payload(), &P256);
    let parts: Vec<&str> = good.split('.').collect();
    // A header of one byte more than thirds leaves bits over.
    let header = r#"{"alg":"ES256","kid":"k"}"#;
    assert_eq!(header.len() % 3, 1);
    let spelled = b64(header.as_bytes());
    let mut loose = spelled.clone();
    loose.pop();
    // The last character carries two bits and four zeros: `Q` and `R` spell the same byte to a loose reader.
    assert!(spelled.ends_with('Q'));
    loose.push('R');
    let join = |parts: &[&str]| parts.join(".");
    let cases = [
        join(&[&loose, parts[1], parts[2]]),
        join(&[&format!("{spelled}=="), parts[1], parts[2]]),
        join(&[parts[0], &format!("{} ", parts[1]), parts[2]]),
        join(&[parts[0], &format!("{}\n", parts[1]), parts[2]]),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{good}="),
        format!("{good}AAA"),
        good.replacen('.', "..", 1),
        join(&[parts[0], parts[1], ""]),
        join(&[parts[0], "", parts[2]]),
        join(&["", parts[1], parts[2]]),
        join(&[parts[0], parts[1]]),
        join(&[parts[0], parts[1], parts[2], parts[2]]),
        join(&[parts[0], "", "", parts[2], "x"]),
        String::new(),
        "..".into(),
        format!("Bearer {good}"),
    ];
    for case in cases {
        let told = UnverifiedToken::parse(&case).expect_err(&case).to_string();
        assert!(told.contains("base64url") || told.contains("three parts"), "{case}: {told}");
    }
    // The other alphabet, where the signature has such a character.
    let replaced = [parts[2].replace('-', "+"), parts[2].replace('_', "/")];
    for other in replaced.iter().filter(|other| *other != parts[2]) {
        assert!(UnverifiedToken::parse(&join(&[parts[0], parts[1], other])).is_err());
    }
    let large = "a".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(UnverifiedToken::parse(&large).unwrap_err(), JwtError::Large(8193));
}

#[test]
fn no_key_serves_for_what_it_was_not_given() {
    let good = token(&header(&RSA), &payload(), &RSA);
    let told = |issuer: &Issuer, keys: &[Jwk]| bound(&good, issuer, keys).unwrap_err().to_string();
    let other = Issuer::Oidc("https://other.example.com".into());
    let domain = Issuer::Spiffe(TrustDomain::parse("issuer.example.com").unwrap());
    assert!(told(&other, &[RSA.jwk("k")]).contains("expected one of https://other.example.com"));
    assert!(told(&domain, &[RSA.jwk("k")]).contains("expected one of spiffe://issuer.example.com"));
    assert!(told(&oidc(), &[]).contains("has no key \"k\""));
    assert!(told(&oidc(), &[RSA.jwk("l")]).contains("has no key \"k\""));
    // Signed with the public key as an HMAC's secret: there is no such algorithm to choose.
    let hmac =
        good.replacen(&b64(header(&RSA).as_bytes()), &b64(header(&RSA).replace("RS", "HS").as_bytes()), 1);
    assert!(bound(&hmac, &oidc(), &[RSA.jwk("k")]).unwrap_err().to_string().contains("alg: expected"));
    // Another one's signature, and one over something else.
    let other = Key::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[8; 32]));
    let forged = token(&header(&ED25519), &payload(), &other);
    let error = bound(&forged, &oidc(), &[ED25519.jwk("k")]).unwrap_err();
    assert_eq!(error, JwtError::Signature { issuer: oidc(), kid: "k".into() });
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, signature) = forged.rsplit_once('.').unwrap();
    assert!(bound(&format!("{signed}.{signature}"), &oidc(), &[RSA.jwk("k")]).is_err());
}

#[test]
fn a_bearer_token_is_for_one_audience_that_is_no_bound_one() {
    for bad in ["", ORIGIN, &bound_audience(ORIGIN, &DIGEST), &format!("{ORIGIN}:")] {
        BearerAudience::new(bad, ORIGIN).unwrap_err();
    }
    BearerAudience::new("log.example.com/one/api", ORIGIN).unwrap();
    let audience = BearerAudience::new("provlog", ORIGIN).unwrap();
    let bearer_at = |payload: &str, at_ms: u64| {
        let token = token(&header(&P256), payload, &P256);
        let (issuer, keys) = (oidc(), [P256.jwk("k")]);
        let keys = IssuerKeys::by_kid(&issuer, &keys);
        UnverifiedToken::parse(&token)
            .unwrap()
            .bearer(keys, &audience, at_ms)
            .map(|bearer| (token.clone(), bearer))
    };
    let bearer = |payload: &str| bearer_at(payload, NOW_MS);
    let of = payload().replace(&bound_audience(ORIGIN, &DIGEST), "provlog");
    for (at_ms, holds) in [
        (NOW_MS - 360_001, false),
        (NOW_MS - 360_000, true),
        (NOW_MS + 360_000, true),
        (NOW_MS + 360_001, false),
    ] {
        assert_eq!(bearer_at(&of, at_ms).is_ok(), holds, "{at_ms}");
    }
    let (token, verified) = bearer(&of).unwrap();
    assert_eq!(verified.token().window().to_ms, (NOW_S + 360) * 1000);
    assert_eq!(verified.token_digest(), &<[u8; 32]>::from(Sha256::digest(&token)));
    bearer(&payload()).unwrap_err();
    bearer(&of.replace("\"provlog\"", "[\"other\",\"provlog\"]")).unwrap();
    let bound_too = format!("[\"provlog\",\"{}\"]", bound_audience(ORIGIN, &DIGEST));
    for bad in ["[]", "[\"other\"]", "\"Provlog\"", &format!("[\"provlog\",\"{ORIGIN}\"]"), &bound_too] {
        let told = bearer(&of.replace("\"provlog\"", bad)).unwrap_err().to_string();
        assert!(told.contains("aud: expected \"provlog\", and none of \"log.example.com/one\""), "{told}");
    }
    bound(&token, &oidc(), &[P256.jwk("k")]).unwrap_err();
}

#[test]
fn a_jwt_svid_is_its_trust_domain_s() {
    let audience = bound_audience(ORIGIN, &DIGEST);
    let payload = |sub: &str, more: &str| {
        let (iat, exp) = (NOW_S, NOW_S + 300);
        format!(r#"{{"sub":"{sub}","aud":["{audience}"],"iat":{iat},"exp":{exp}{more}}}"#)
    };
    let id = "spiffe://example.org/ci";
    let domain = Issuer::Spiffe(TrustDomain::parse("example.org").unwrap());
    for more in ["", r#","iss":"https://anything.example""#, r#","iss":[7]"#] {
        let token = token(&header(&P256).replace("JWT", "jose"), &payload(id, more), &P256);
        let verified = bound(&token, &domain, &[P256.jwk("k")]).unwrap();
        assert_eq!(verified.token().issuer(), &domain);
    }
    // An OIDC issuer's keys don't serve a SPIFFE ID, whatever `iss` says.
    let claimed = token(&header(&P256), &payload(id, &format!(r#","iss":"{ISSUER}""#)), &P256);
    assert!(matches!(bound(&claimed, &oidc(), &[P256.jwk("k")]), Err(JwtError::Issuer { .. })));
    let other = Issuer::Spiffe(TrustDomain::parse("example.com").unwrap());
    assert!(matches!(bound(&claimed, &other, &[P256.jwk("k")]), Err(JwtError::Issuer { .. })));
    let told = |key: &Key, header: &str, sub: &str| {
        bound(&token(header, &payload(sub, ""), key), &domain, &[key.jwk("k")]).unwrap_err().to_string()
    };
    assert!(
        told(&ED25519, &header(&ED25519), id)
            .contains("one of RS256, ES256, ES384 for a SPIFFE ID, got EdDSA")
    );
    assert!(told(&P256, &header(&P256), "spiffe://example.org").contains("expected a path"));
    assert!(told(&P256, &header(&P256), "spiffe://example.org/../a").contains("expected segments"));
    for loose in
        ["SPIFFE://example.org/a", " spiffe://example.org/a", "\u{a0}Spiffe:x", "spiffe:example.org/a"]
    {
        assert!(told(&P256, &header(&P256), loose).contains("start with spiffe://"), "{loose}");
    }
}
