//! What others say of tokens and certificates: PyJWT and OpenSSL.

use super::domain::{Svid, WORKLOAD};
use crate::support::{folder, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Verifies a JWT-SVID by the bundle in a file, and prints whose it is.
const READ: &str = r#"
import json, sys, jwt
path, audience, token = sys.argv[1:]
keys = {key["kid"]: key for key in json.load(open(path))["keys"] if key["use"] == "jwt-svid"}
header = jwt.get_unverified_header(token)
key = jwt.PyJWK({**keys[header["kid"]], "use": "sig"}, algorithm=header["alg"])
claims = jwt.decode(token, key, algorithms=["RS256", "ES256", "ES384"], audience=audience,
                    options={"require": ["exp", "sub", "aud"]})
print(claims["sub"])
"#;

/// Both verify the workload's two by the bundle in a file, or neither does.
pub fn demand_of_others(bundle: &Path, audience: &str, token: &str, svid: &Svid, are_verified: bool) {
    let (read, verified) = (pyjwt(bundle, audience, token), openssl(bundle, svid));
    let said = format!("{}{}{}{}", stdout(&read), stderr(&read), stdout(&verified), stderr(&verified));
    assert_eq!([read.status.success(), verified.status.success()], [are_verified; 2], "{said}");
    assert_eq!(stdout(&read).trim() == WORKLOAD, are_verified, "{said}");
}

fn pyjwt(bundle: &Path, audience: &str, token: &str) -> Output {
    let arguments = [bundle.to_str().unwrap(), audience, token];
    Command::new("python3").args(["-c", READ]).args(arguments).output().unwrap()
}

fn openssl(bundle: &Path, svid: &Svid) -> Output {
    let bundle: Value = serde_json::from_slice(&fs::read(bundle).unwrap()).unwrap();
    let keys = bundle["keys"].as_array().unwrap().iter();
    let cas = keys.filter(|key| key["use"] == "x509-svid").map(|key| {
        let der = key["x5c"][0].as_str().unwrap();
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    });
    let folder = folder();
    let roots = folder.path().join("roots.pem");
    fs::write(&roots, cas.collect::<String>()).unwrap();
    Command::new("openssl")
        .args(["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile"])
        .arg(roots)
        .arg("-untrusted")
        .args([&svid.chain, &svid.chain])
        .output()
        .unwrap()
}
