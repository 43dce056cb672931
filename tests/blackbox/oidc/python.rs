//! Tokens of other people's code: PyJWT makes one that the log takes, and reads one that these tests made.

use super::issuer::{Issuer, jwks};
use super::site::Site;
use super::token::{AUDIENCE, Draft, REPOSITORY_ID, SUB, published};
use crate::support::{have, stderr, stdout};
use crate::vectors::keys::{ED25519, P384, RSA};
use std::fs;
use std::process::Command;

/// Makes keys of every type: a JWKS in a file, and a token by each on standard output, a line each.
const MAKE: &str = r#"
import json, sys, time, jwt
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
issuer, audience, subject, repository, path = sys.argv[1:]
keys = [
    ("RS256", rsa.generate_private_key(public_exponent=65537, key_size=3072), RSAAlgorithm),
    ("ES256", ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    ("ES384", ec.generate_private_key(ec.SECP384R1()), ECAlgorithm),
    ("EdDSA", ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm),
]
jwks, now = [], int(time.time())
for number, (alg, key, of) in enumerate(keys):
    jwks.append({**json.loads(of.to_jwk(key.public_key())), "kid": f"k{number}", "use": "sig", "alg": alg})
    payload = {"iss": issuer, "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 300,
               "repository_id": repository, "ref": "refs/heads/main", "event_name": "push"}
    print(jwt.encode(payload, key, algorithm=alg, headers={"kid": f"k{number}"}))
with open(path, "w") as file:
    json.dump({"keys": jwks}, file)
"#;

/// Verifies the tokens on standard input by the JWKS in a file, and prints whose they are.
const READ: &str = r#"
import json, sys, jwt
issuer, audience, path, *tokens = sys.argv[1:]
keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(json.load(open(path))).keys}
for token in tokens:
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, keys[header["kid"]], algorithms=[header["alg"]], issuer=issuer, audience=audience,
                        options={"require": ["exp", "iat", "iss", "sub", "aud"]})
    print(claims["sub"])
"#;

#[test]
fn pyjwt_and_the_log_take_the_same_tokens() {
    if !have("python3", &["-c", "import jwt, cryptography"], "python3 with the package PyJWT") {
        return;
    }
    let issuer = Issuer::new(&published());
    let site = Site::of(&issuer);
    site.until_known(&[&issuer]);
    let file = site.path("theirs.json");
    let path = file.to_str().unwrap();
    let python = |script: &str, arguments: &[&str]| {
        let output = Command::new("python3").args(["-c", script]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).lines().map(String::from).collect::<Vec<_>>()
    };
    let theirs = python(MAKE, &[&issuer.url, AUDIENCE, SUB, REPOSITORY_ID, path]);
    assert_eq!(theirs.len(), 4);
    let keys: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let keys: Vec<String> = keys["keys"].as_array().unwrap().iter().map(ToString::to_string).collect();
    issuer.publish(&keys);
    for token in &theirs {
        site.append("a", token).expect(201);
    }

    issuer.publish(&published());
    let draft = || Draft::of(&issuer.url);
    let ours = [
        draft().sign(),
        draft().by("rsa", &RSA).sign(),
        draft().by("p384", &P384).sign(),
        draft().by("ed", &ED25519).sign(),
    ];
    for token in &ours {
        site.append("b", token).expect(201);
    }
    fs::write(&file, jwks(&published())).unwrap();
    let arguments: Vec<&str> =
        [&*issuer.url, AUDIENCE, path].into_iter().chain(ours.iter().map(String::as_str)).collect();
    assert_eq!(python(READ, &arguments), [SUB; 4]);
    site.says_nothing_of(&theirs);
    site.says_nothing_of(&ours);
}
