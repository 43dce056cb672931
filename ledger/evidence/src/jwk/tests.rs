use super::*;

/// RFC 7638 section 3.1.
const RFC_7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

/// RFC 7515 appendix A.2.
const RFC_7515_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RFC_7515_RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// RFC 7515 appendix A.3.
const RFC_7515_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const RFC_7515_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const RFC_7515_ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// RFC 8037 appendix A.
const RFC_8037_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const RFC_8037_EDDSA: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn rsa(n: &str, more: &str) -> String {
    format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","kid":"2011-04-29"{more}}}"#)
}

fn ec(more: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{RFC_7515_X}","y":"{RFC_7515_Y}","kid":"e"{more}}}"#)
}

fn okp(x: &str) -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"o"}}"#)
}

fn parse(text: &str) -> Jwk {
    Jwk::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let key = parse(&rsa(RFC_7638_N, r#","alg":"RS256","use":"sig","x5t":"ignored""#));
    assert_eq!(key.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    let key = parse(&okp(RFC_8037_X));
    assert_eq!(key.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn the_signatures_of_the_rfcs_verify_and_no_other_does() {
    let keys = [parse(&rsa(RFC_7515_N, "")), parse(&ec("")), parse(&okp(RFC_8037_X))];
    for (at, token) in [RFC_7515_RS256, RFC_7515_ES256, RFC_8037_EDDSA].into_iter().enumerate() {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut signature = base64url::decode(signature).unwrap();
        let by: Vec<bool> = keys.iter().map(|key| key.verifies(signed.as_bytes(), &signature)).collect();
        assert_eq!(by, [0, 1, 2].map(|key| key == at), "{at}");
        assert!(!keys[at].verifies(&signed.as_bytes()[1..], &signature));
        signature[0] ^= 1;
        assert!(!keys[at].verifies(signed.as_bytes(), &signature));
    }
}

#[test]
fn members_are_written_in_one_way() {
    let rsa = parse(&rsa(RFC_7638_N, ""));
    let expected =
        format!(r#"{{"alg":"RS256","e":"AQAB","kid":"2011-04-29","kty":"RSA","n":"{RFC_7638_N}"}}"#);
    assert_eq!(rsa.to_member(), expected);
    let ec = parse(&ec(r#","key_ops":["verify"]"#));
    let expected = format!(
        r#"{{"alg":"ES256","crv":"P-256","kid":"e","kty":"EC","x":"{RFC_7515_X}","y":"{RFC_7515_Y}"}}"#
    );
    assert_eq!(ec.to_member(), expected);
    let okp = parse(&okp(RFC_8037_X));
    let expected = format!(r#"{{"alg":"EdDSA","crv":"Ed25519","kid":"o","kty":"OKP","x":"{RFC_8037_X}"}}"#);
    assert_eq!(okp.to_member(), expected);
    let odd_kid = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{RFC_8037_X}","kid":"\u00e9\/\u0001\""}}"#);
    let odd_kid = parse(&odd_kid);
    assert_eq!(odd_kid.kid(), "\u{e9}/\u{1}\"");
    assert!(odd_kid.to_member().contains(r#""kid":"é/\u0001\"""#));
    for key in [rsa, ec, okp, odd_kid] {
        let member = key.to_member();
        assert_eq!(Jwk::from_member(&member).as_ref(), Ok(&key));
        for other in [
            member.replacen(',', ", ", 1),
            format!("{member}\n"),
            member.replacen("{", "{\"use\":\"sig\",", 1),
            member.replacen("\"kty\"", "\"\\u006bty\"", 1),
            member.replacen(&format!("\"alg\":\"{}\",", key.algorithm()), "", 1),
        ] {
            assert_eq!(Jwk::from_member(&other), Err(JwkError::NotCanonical), "{other}");
        }
    }
}

#[test]
fn what_is_no_public_signing_key_is_refused_by_name() {
    let bits = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= n.len() * 8 - bits;
        format!(r#"{{"kty":"RSA","kid":"a","e":"AQAB","n":"{}"}}"#, base64url::encode(&n))
    };
    parse(&bits(2048));
    parse(&bits(8192));
    let exponent = |e: &str| rsa(RFC_7638_N, "").replace("AQAB", e);
    parse(&exponent("Aw"));
    parse(&exponent("_____w"));
    // The order of 8 and of 2; the point 1 with a set sign, which decompresses; a y over the field's prime.
    let weak = ["AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "7P_______________________________________38"];
    let mut weak = weak.map(okp).to_vec();
    weak.push(okp("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA"));
    weak.push(okp("7v_______________________________________38"));
    for key in weak {
        let error = Jwk::parse(key.as_bytes()).unwrap_err();
        assert_eq!(error, JwkError::Key(KeyError::Ed25519), "{key}");
    }
    let off_curve = ec("").replace(RFC_7515_Y, RFC_7515_X);
    let short = ec("").replace(RFC_7515_X, &RFC_7515_X[..40]);
    let cases = [
        ("[]".to_string(), "which is an object, got an array"),
        ("{".into(), "expected a JWK, got"),
        (r#"{"kty":"oct","k":"AAAA","kid":"a"}"#.into(), "k: expected a public key"),
        (r#"{"kty":"oct","kid":"a"}"#.into(), "kty: expected RSA, EC or OKP, got \"oct\""),
        (rsa(RFC_7638_N, r#","d":"AQAB""#), "d: expected a public key"),
        (rsa(RFC_7638_N, r#","use":"enc""#), "use: expected sig, got \"enc\""),
        (rsa(RFC_7638_N, r#","use":"jwt-svid""#), "use: expected sig"),
        (rsa(RFC_7638_N, r#","key_ops":["encrypt"]"#), "key_ops: expected a list that holds \"verify\""),
        (rsa(RFC_7638_N, r#","alg":"RS512""#), "alg: expected RS256, got \"RS512\""),
        (rsa(RFC_7638_N, r#","alg":"HS256""#), "alg: expected RS256, got \"HS256\""),
        (rsa(RFC_7638_N, r#","alg":null"#), "alg: expected RS256, got null"),
        (rsa(RFC_7638_N, r#","kid":"twice""#), "\"kid\" is there twice"),
        (rsa(RFC_7638_N, "").replace("2011-04-29", ""), "kid: expected text of 1 to 1024 bytes"),
        (rsa(RFC_7638_N, "").replace(r#","kid":"2011-04-29""#, ""), "kid is missing"),
        (rsa(&format!("{RFC_7638_N}=="), ""), "n: expected base64url"),
        (rsa(&format!("AAAA{RFC_7638_N}"), ""), "RSA modulus"),
        (bits(2047), "got 2047 bits"),
        (bits(8193), "got 8193 bits"),
        (exponent("AQ"), "RSA exponent"),
        (exponent("AAEAAQ"), "RSA exponent"),
        (exponent("BA"), "RSA exponent"),
        (exponent(""), "RSA exponent"),
        (exponent("AQAAAAE"), "RSA exponent"),
        (ec("").replace("P-256", "P-521"), "crv: expected P-256 or P-384, got \"P-521\""),
        (ec("").replace("P-256", "P-384"), "x: expected a coordinate"),
        (short, "x: expected a coordinate"),
        (off_curve, "ECDSA P-256: expected a point on the curve"),
        (okp("AAAA"), "x: expected 32 bytes"),
        (okp(RFC_8037_X).replace("Ed25519", "X25519"), "crv: expected Ed25519"),
        (format!("{}{}", " ".repeat(JWK_BYTES_MAX), okp(RFC_8037_X)), "at most 16384 bytes"),
    ];
    for (text, expected) in cases {
        let error = Jwk::parse(text.as_bytes()).expect_err(&text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_set_s_other_keys_are_skipped_with_the_reason() {
    let (rsa, ec) = (rsa(RFC_7638_N, ""), ec(r#","use":"enc""#));
    let set = format!(r#"{{"keys":[{rsa},{ec},{rsa},7,{}],"more":null}}"#, okp(RFC_8037_X));
    let set = Jwks::parse(set.as_bytes()).unwrap();
    let kids: Vec<&str> = set.keys.iter().map(Jwk::kid).collect();
    assert_eq!(kids, ["2011-04-29", "o"]);
    let skipped: Vec<String> =
        set.skipped.iter().map(|skipped| format!("{} {}", skipped.at, skipped.reason)).collect();
    assert_eq!(
        skipped,
        [
            "1 use: expected sig, got \"enc\"",
            "2 the same key is there twice",
            "3 expected a JWK, which is an object, got an integer"
        ]
    );
    let longest = rsa.replace("2011-04-29", &"\\u0001".repeat(KID_BYTES_MAX));
    let key = parse(&longest);
    assert_eq!(Jwk::from_member(&key.to_member()), Ok(key));
    let longer = format!(r#"{{"keys":[{}]}}"#, longest.replacen("\\u0001", "\\u0001a", 1));
    assert!(Jwks::parse(longer.as_bytes()).unwrap().keys.is_empty());
    let many = format!(r#"{{"keys":[{}7]}}"#, "7,".repeat(JWKS_KEYS_MAX));
    assert_eq!(Jwks::parse(many.as_bytes()), Err(JwksError::Many(257)));
    let large = " ".repeat(JWKS_BYTES_MAX + 1);
    assert_eq!(Jwks::parse(large.as_bytes()), Err(JwksError::Large(JWKS_BYTES_MAX + 1)));
    let private = r#"{"keys":[7,{"kty":"oct","k":"AAAA","kid":"a"}]}"#;
    let reason = JwkError::Private("k");
    assert_eq!(Jwks::parse(private.as_bytes()), Err(JwksError::Private { at: 1, reason }));
    for bad in ["[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(Jwks::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
