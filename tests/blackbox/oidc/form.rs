//! Tokens whose header, encoding or signature isn't one: the attacks on JSON Web Tokens that are known, each by its name.

use super::cases::{Case, hold};
use super::issuer::Issuer;
use super::site::{RULES, Site, code, table};
use super::token::{Draft, OTHER, signature, with_signature};
use crate::vectors::keys::{ED25519, Key, P256, P384, RSA, b64};
use aws_lc_rs::hmac;
use provlog_evidence::signature::Scheme;
use serde_json::{Value, json};
use std::fs;

const MALFORMED: &str = "token.malformed";
const ALGORITHM: &str = "token.algorithm";
const KEY: &str = "token.key";
const SIGNATURE: &str = "token.signature";

/// One more level than a payload may have, and as many as one may; the object is the first.
fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

fn with_name_twice(text: &str, name: &str, json: &str) -> String {
    text.replacen('{', &format!(r#"{{"{name}":{json},"#), 1)
}

/// Signed with a secret that everybody knows: the public key itself.
fn with_hmac(draft: Draft, key: &[u8]) -> String {
    let token = draft.head("alg", "HS256").head("kid", "rsa").sign();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
    with_signature(&token, tag.as_ref())
}

/// A bit of the signature is another one.
fn flipped(token: &str, at: usize) -> String {
    let mut bytes = signature(token);
    bytes[at] ^= 1;
    with_signature(token, &bytes)
}

fn embedded(key: &Key) -> Value {
    serde_json::from_str(&key.jwk_json("p256")).unwrap()
}

/// The next letter of the alphabet as a token's last: what it encodes is the same, if nobody looks at the bits that are left.
fn with_bits_left(token: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = token.split_at(token.len() - 1);
    let next = ALPHABET.find(last).unwrap() + 1;
    format!("{rest}{}", &ALPHABET[next..=next])
}

#[rustfmt::skip]
pub const ALGORITHMS: &[Case] = &[
    ("RS256", |draft| draft.by("rsa", &RSA).sign(), 201, ""),
    ("ES256", |draft| draft.sign(), 201, ""),
    ("ES384", |draft| draft.by("p384", &P384).sign(), 201, ""),
    ("EdDSA", |draft| draft.by("ed", &ED25519).sign(), 201, ""),
    ("alg none without a signature", |draft| draft.head("alg", "none").sign().rsplit_once('.').unwrap().0.to_owned() + ".", 401, ALGORITHM),
    ("alg none with one", |draft| draft.head("alg", "none").sign(), 401, ALGORITHM),
    ("alg None", |draft| draft.head("alg", "None").sign(), 401, ALGORITHM),
    ("alg nOnE", |draft| draft.head("alg", "nOnE").sign(), 401, ALGORITHM),
    ("alg empty", |draft| draft.head("alg", "").sign(), 401, ALGORITHM),
    ("alg es256", |draft| draft.head("alg", "es256").sign(), 401, ALGORITHM),
    ("alg with a space", |draft| draft.head("alg", "ES256 ").sign(), 401, ALGORITHM),
    ("alg missing", |draft| draft.without("alg").sign(), 401, MALFORMED),
    ("alg a list", |draft| draft.head("alg", json!(["ES256"])).sign(), 401, MALFORMED),
    ("HS256 under the public key", |draft| with_hmac(draft, &RSA.spki()), 401, ALGORITHM),
    ("HS256 under the JWK", |draft| with_hmac(draft, RSA.jwk_json("rsa").as_bytes()), 401, ALGORITHM),
    ("RS512", |draft| draft.by("rsa", &RSA).head("alg", "RS512").with(&RSA, Scheme::Rs512).sign(), 401, ALGORITHM),
    ("PS256", |draft| draft.by("rsa", &RSA).head("alg", "PS256").with(&RSA, Scheme::Ps256).sign(), 401, ALGORITHM),
    ("PS256 called RS256", |draft| draft.by("rsa", &RSA).with(&RSA, Scheme::Ps256).sign(), 401, SIGNATURE),
    ("RS512 called RS256", |draft| draft.by("rsa", &RSA).with(&RSA, Scheme::Rs512).sign(), 401, SIGNATURE),
    ("ES256 under an RSA key's name", |draft| draft.head("kid", "rsa").sign(), 401, ALGORITHM),
    ("ES384 under a P-256 key's name", |draft| draft.by("p256", &P384).sign(), 401, ALGORITHM),
    ("EdDSA under an RSA key's name", |draft| draft.by("rsa", &ED25519).sign(), 401, ALGORITHM),
];

#[rustfmt::skip]
pub const HEADERS: &[Case] = &[
    ("typ missing", |draft| draft.without("typ").sign(), 201, ""),
    ("typ jwt", |draft| draft.head("typ", "jwt").sign(), 201, ""),
    ("x5t, as GitHub sends it", |draft| draft.head("x5t", "OKmJ8mC3QF1Nx3nTV8lQ1m2kZ1o").sign(), 201, ""),
    ("kid unknown", |draft| draft.head("kid", "nobody").sign(), 401, KEY),
    ("kid in other case", |draft| draft.head("kid", "P256").sign(), 401, KEY),
    ("kid a path", |draft| draft.head("kid", "../../../etc/passwd").sign(), 401, KEY),
    ("kid with NUL", |draft| draft.head("kid", "p256\0").sign(), 401, KEY),
    ("kid a query", |draft| draft.head("kid", "' OR 1=1 --").sign(), 401, KEY),
    ("kid a URL", |draft| draft.head("kid", "https://127.0.0.2/keys").sign(), 401, KEY),
    ("kid of 3000 bytes", |draft| draft.head("kid", "k".repeat(3000)).sign(), 401, KEY),
    ("kid missing", |draft| draft.without("kid").sign(), 401, MALFORMED),
    ("kid empty", |draft| draft.head("kid", "").sign(), 401, MALFORMED),
    ("kid a number", |draft| draft.head("kid", 1).sign(), 401, MALFORMED),
    ("jwk in the header", |draft| draft.by("p256", &OTHER).head("jwk", embedded(&OTHER)).sign(), 401, MALFORMED),
    ("the issuer's own jwk in the header", |draft| draft.head("jwk", embedded(&P256)).sign(), 401, MALFORMED),
    ("jku", |draft| draft.head("jku", "https://127.0.0.2/evil").sign(), 401, MALFORMED),
    ("x5u", |draft| draft.head("x5u", "https://127.0.0.2/evil").sign(), 401, MALFORMED),
    ("x5c", |draft| draft.head("x5c", json!(["MAA="])).sign(), 401, MALFORMED),
    ("crit", |draft| draft.head("crit", json!(["exp"])).sign(), 401, MALFORMED),
    ("crit empty", |draft| draft.head("crit", json!([])).sign(), 401, MALFORMED),
    ("b64", |draft| draft.head("b64", false).sign(), 401, MALFORMED),
    ("zip", |draft| draft.head("zip", "DEF").sign(), 401, MALFORMED),
    ("cty", |draft| draft.head("cty", "JWT").sign(), 401, MALFORMED),
    ("enc", |draft| draft.head("enc", "A128GCM").sign(), 401, MALFORMED),
    ("typ of a logout token", |draft| draft.head("typ", "logout+jwt").sign(), 401, MALFORMED),
    ("typ of an access token", |draft| draft.head("typ", "at+jwt").sign(), 401, MALFORMED),
    ("typ JOSE without a SPIFFE ID", |draft| draft.head("typ", "JOSE").sign(), 401, MALFORMED),
    ("alg twice", |draft| draft.sign_texts(with_name_twice(&draft.header.text(), "alg", "\"none\"").as_bytes(), draft.payload.text().as_bytes()), 401, MALFORMED),
    ("kid twice, once escaped", |draft| draft.sign_texts(with_name_twice(&draft.header.text(), "\\u006bid", "\"x\"").as_bytes(), draft.payload.text().as_bytes()), 401, MALFORMED),
    ("header a list", |draft| draft.sign_texts(b"[]", draft.payload.text().as_bytes()), 401, MALFORMED),
    ("header no JSON", |draft| draft.sign_texts(b"{alg:ES256}", draft.payload.text().as_bytes()), 401, MALFORMED),
    ("header with a byte order mark", |draft| draft.sign_texts(format!("\u{feff}{}", draft.header.text()).as_bytes(), draft.payload.text().as_bytes()), 401, MALFORMED),
];

#[rustfmt::skip]
pub const PARTS: &[Case] = &[
    ("a word", |_| "abc".into(), 401, MALFORMED),
    ("two parts", |draft| draft.sign().rsplit_once('.').unwrap().0.into(), 401, MALFORMED),
    ("four parts", |draft| draft.sign() + ".AAAA", 401, MALFORMED),
    ("five parts, as an encrypted token has", |draft| draft.sign() + ".AAAA.AAAA", 401, MALFORMED),
    ("a dot behind it", |draft| draft.sign() + ".", 401, MALFORMED),
    ("empty signature", |draft| with_signature(&draft.sign(), b""), 401, MALFORMED),
    ("no header", |draft| draft.sign().split_once('.').unwrap().1.into(), 401, MALFORMED),
    ("empty header", |draft| draft.sign_parts("", &b64(draft.payload.text().as_bytes())), 401, MALFORMED),
    ("empty payload", |draft| draft.sign_parts(&b64(draft.header.text().as_bytes()), ""), 401, MALFORMED),
    ("padded signature", |draft| draft.sign() + "==", 401, MALFORMED),
    ("base64 of the other alphabet", |draft| draft.sign_parts(&b64(draft.header.text().as_bytes()), "e30+"), 401, MALFORMED),
    ("bits that are left over", |draft| with_bits_left(&draft.sign()), 401, MALFORMED),
    ("payload a list", |draft| draft.sign_texts(draft.header.text().as_bytes(), b"[1]"), 401, MALFORMED),
    ("payload cut off", |draft| draft.sign_texts(draft.header.text().as_bytes(), &draft.payload.text().as_bytes()[..80]), 401, MALFORMED),
    ("payload not UTF-8", |draft| draft.clone().sign_texts(draft.header.text().as_bytes(), &[draft.payload.text().as_bytes(), b"\xff"].concat()), 401, MALFORMED),
    ("sub twice", |draft| draft.sign_texts(draft.header.text().as_bytes(), with_name_twice(&draft.payload.text(), "sub", "\"x\"").as_bytes()), 401, MALFORMED),
    ("a name twice deep inside", |draft| draft.raw("other", r#"{"a":{"b":1,"b":1}}"#).sign(), 401, MALFORMED),
    ("as deep as may be", |draft| draft.raw("other", &nested(15)).sign(), 201, ""),
    ("one level deeper", |draft| draft.raw("other", &nested(16)).sign(), 401, MALFORMED),
    ("two thousand levels", |draft| draft.raw("other", &nested(2000)).sign(), 401, MALFORMED),
    ("close to the limit", |draft| draft.claim("other", "x".repeat(5000)).sign(), 201, ""),
    ("above the limit", |draft| draft.claim("other", "x".repeat(6000)).sign(), 401, MALFORMED),
];

#[rustfmt::skip]
pub const SIGNATURES: &[Case] = &[
    ("a bit of R", |draft| flipped(&draft.sign(), 0), 401, SIGNATURE),
    ("a bit of S", |draft| flipped(&draft.sign(), 63), 401, SIGNATURE),
    ("a bit under RSA", |draft| flipped(&draft.by("rsa", &RSA).sign(), 255), 401, SIGNATURE),
    ("a bit under Ed25519", |draft| flipped(&draft.by("ed", &ED25519).sign(), 40), 401, SIGNATURE),
    ("another token's", |draft| with_signature(&draft.sign(), &signature(&draft.claim("jti", "another").sign())), 401, SIGNATURE),
    ("nothing but zeros", |draft| with_signature(&draft.sign(), &[0; 64]), 401, SIGNATURE),
    ("zeros under Ed25519", |draft| with_signature(&draft.by("ed", &ED25519).sign(), &[0; 64]), 401, SIGNATURE),
    ("one byte", |draft| with_signature(&draft.sign(), b"\x01"), 401, SIGNATURE),
    ("one byte too few", |draft| with_signature(&draft.sign(), &[7; 63]), 401, SIGNATURE),
    ("in DER", |draft| draft.with(&P256, Scheme::Es256Der).sign(), 401, SIGNATURE),
    ("somebody else's key", |draft| draft.by("ed", &OTHER).sign(), 401, SIGNATURE),
    ("under another key of the issuer", |draft| draft.by("p256", &RSA).head("alg", "ES256").sign(), 401, SIGNATURE),
    ("of another payload", |draft| {
        let (good, bad) = (draft.sign(), draft.claim("sub", "auditor").sign());
        with_signature(&bad, &signature(&good))
    }, 401, SIGNATURE),
];

#[test]
fn what_signs_a_token_is_the_key_s_own() {
    let (site, issuer) = Site::with_issuer();
    hold(&site, &issuer.url, ALGORITHMS);
    hold(&site, &issuer.url, SIGNATURES);
}

#[test]
fn a_token_is_read_in_one_way_or_not_at_all() {
    let (site, issuer) = Site::with_issuer();
    hold(&site, &issuer.url, PARTS);
    hold(&site, &issuer.url, HEADERS);
    let asked = issuer.asked();
    assert!(asked.iter().all(|path| !path.contains("evil")), "no address of a token is asked: {asked:?}");
}

/// What `kid` names is the key of its own issuer, whoever else has one of that name.
#[test]
fn two_issuers_may_have_keys_of_one_name() {
    let issuers = [Issuer::new(&[ED25519.jwk_json("k")]), Issuer::new(&[OTHER.jwk_json("k")])];
    let site = Site::with(|folder| {
        let tables = issuers.iter().zip(["a.pem", "b.pem"]).map(|(issuer, name)| {
            fs::write(folder.join(name), &issuer.ca).unwrap();
            table(issuer, &folder.join(name)) + RULES
        });
        tables.collect()
    });
    site.until_known(&issuers.each_ref());
    let token = |issuer: usize, key| Draft::of(&issuers[issuer].url).by("k", key).sign();
    site.append("a", &token(0, &ED25519)).expect(201);
    site.append("b", &token(1, &OTHER)).expect(201);
    for (issuer, key) in [(0, &*OTHER), (1, &*ED25519)] {
        assert_eq!(code(&site.append("c", &token(issuer, key)).expect(401)), SIGNATURE);
    }
    // A key that a set names twice is one; two keys of one name are tried both.
    issuers[0].publish(&[P256.jwk_json("twin"), OTHER.jwk_json("twin"), ED25519.jwk_json("twin")]);
    site.append("d", &Draft::of(&issuers[0].url).by("twin", &ED25519).sign()).expect(201);
    site.append("e", &Draft::of(&issuers[0].url).by("twin", &P256).sign()).expect(201);
}

/// Keys that nobody should take: a private one spoils its set, others only themselves.
#[test]
fn a_set_with_a_private_key_is_no_set() {
    let private = ED25519.jwk_json("ed").replacen('{', r#"{"d":"AAAA","#, 1);
    let encryption = P384.jwk_json("p384").replacen('{', r#"{"use":"enc","#, 1);
    let issuer = Issuer::new(&[P256.jwk_json("p256"), private]);
    let site = Site::of(&issuer);
    let token = Draft::of(&issuer.url).sign();
    assert_eq!(code(&site.append("a", &token).expect(503)), "issuer.keys");
    issuer.publish(&[encryption, P256.jwk_json("p256")]);
    let site = site.restarted();
    site.until_known(&[&issuer]);
    site.append("b", &token).expect(201);
    let unusable = Draft::of(&issuer.url).by("p384", &P384).sign();
    assert_eq!(code(&site.append("c", &unusable).expect(401)), KEY);
}
