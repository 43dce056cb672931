//! The same evidence in other people's hands: PyJWT and OpenSSL agree with us, on what is good and on what isn't.

use crate::support::{
    Content, DIGEST, ED25519, ISSUER, Key, MIDDLE, NOW_MS, NOW_S, ORIGIN, P256, b64, chain, header, is_ca,
    key_usage, keys, payload, purposes, root, submission_signature, token, uris,
};
use base64ct::{Base64, Encoding};
use provlog_core::json::Json;
use provlog_evidence::jwk::Jwk;
use provlog_evidence::jwt::{Issuer, IssuerKeys, UnverifiedToken};
use provlog_evidence::spiffe::TrustDomain;
use provlog_evidence::submission::{bound_audience, submission_message};
use provlog_evidence::svid::{Ca, DomainCas, ServerCertificate, UnverifiedSvid};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// Whether a program is here. Where `CI` is `true` a machine without it fails; elsewhere the test says that it was skipped.
fn have(program: &str, arguments: &[&str]) -> bool {
    let there = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !there {
        let what = format!("{program} {}", arguments.join(" "));
        assert!(std::env::var("CI").as_deref() != Ok("true"), "`{what}` must work where CI=true");
        eprintln!("SKIPPED: `{what}` doesn't work here");
    }
    there
}

fn have_pyjwt() -> bool {
    have("python3", &["-c", "import jwt, cryptography"])
}

fn python(script: &str, input: &str) -> String {
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn verifies(token: &str, keys: &[Jwk]) -> bool {
    let issuer = Issuer::Oidc(ISSUER.into());
    let keys = IssuerKeys::by_kid(&issuer, keys);
    let token = UnverifiedToken::parse(token).and_then(|token| token.of_submission(ORIGIN, &DIGEST, NOW_MS));
    token.is_ok_and(|token| token.verified(keys).is_ok())
}

/// Reads lines of a key and a token, and says which of the tokens are good. Times are ours to check, years later.
const DECODE: &str = r#"
import json, jwt, sys
for line in sys.stdin:
    key, token, audience, issuer = json.loads(line)
    try:
        key = jwt.PyJWK(key)
        jwt.decode(token, key, algorithms=["RS256", "ES256", "ES384", "EdDSA"], audience=audience, issuer=issuer,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "strict_aud": False})
        print("good")
    except jwt.PyJWTError as error:
        print(type(error).__name__)
"#;

#[test]
fn pyjwt_agrees_on_our_tokens() {
    if !have_pyjwt() {
        return;
    }
    let audience = bound_audience(ORIGIN, &DIGEST);
    let (mut lines, mut ours) = (String::new(), Vec::new());
    for key in keys() {
        let good = token(&header(key), &payload(), key);
        let (signed, _) = good.rsplit_once('.').unwrap();
        let other = token(&header(key), &payload().replace("job", "jab"), key);
        let (_, signature) = other.rsplit_once('.').unwrap();
        let changed = format!("{signed}.{signature}");
        let other_audience = token(&header(key), &payload().replace("d1d1", "d2d2"), key);
        let other_issuer = token(&header(key), &payload().replace("issuer.", "other."), key);
        let member = key.jwk("k").to_member();
        for token in [good, changed, other_audience, other_issuer] {
            lines.push_str(&format!("[{member},\"{token}\",\"{audience}\",\"{ISSUER}\"]\n"));
            ours.push(verifies(&token, &[key.jwk("k")]));
        }
    }
    assert_eq!(ours, [true, false, false, false].repeat(4));
    let theirs: Vec<bool> = python(DECODE, &lines).lines().map(|line| line == "good").collect();
    assert_eq!(theirs, ours);
}

/// Makes a key of each type and a token by it, as an issuer would, and prints both as JSON.
const ENCODE: &str = r#"
import json, jwt, sys
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
payload = json.load(sys.stdin)
for name, key in [
    ("RS256", rsa.generate_private_key(65537, 2048)), ("RS256", rsa.generate_private_key(3, 3072)),
    ("ES256", ec.generate_private_key(ec.SECP256R1())), ("ES384", ec.generate_private_key(ec.SECP384R1())),
    ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
]:
    jwk = jwt.algorithms.get_default_algorithms()[name].to_jwk(key.public_key(), as_dict=True)
    token = jwt.encode(payload, key, algorithm=name, headers={"kid": "k"})
    print(json.dumps({"keys": [dict(jwk, kid="k", use="sig")], "token": token}))
"#;

#[test]
fn pyjwt_s_keys_and_tokens_are_read() {
    if !have_pyjwt() {
        return;
    }
    let made = python(ENCODE, &payload());
    assert_eq!(made.lines().count(), 5);
    for line in made.lines() {
        let json = Json::parse(line.as_bytes()).unwrap();
        let set = provlog_evidence::jwk::Jwks::parse(line.as_bytes()).unwrap();
        assert_eq!((set.keys.len(), set.skipped.len()), (1, 0), "{line}");
        assert!(verifies(json.get("token").unwrap().as_str().unwrap(), &set.keys), "{line}");
    }
}

/// Signs a text with an RSA key that it makes, by raising what it padded itself, well and in ways that are nearly right.
const PAD: &str = r#"
import base64, hashlib, json, sys
from cryptography.hazmat.primitives.asymmetric import rsa
signed = sys.stdin.read().encode()
private = rsa.generate_private_key(65537, 2048).private_numbers()
n, e, d = private.public_numbers.n, private.public_numbers.e, private.d
b64 = lambda number, size: base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()
print(json.dumps({"kty": "RSA", "kid": "k", "n": b64(n, 256), "e": b64(e, 3)}))
digest = hashlib.sha256(signed).digest()
info, no_null = bytes.fromhex("3031300d060960864801650304020105000420"), bytes.fromhex("302f300b06096086480165030402010420")
long_form = bytes.fromhex("308131300d060960864801650304020105000420")
sha512 = bytes.fromhex("3051300d060960864801650304020305000440")
def pad(tail, before=b"\0\1", fill=b"\xff", after=b"", zero=b"\0"):
    return before + fill * (256 - len(before) - len(zero) - len(tail) - len(after)) + zero + tail + after
for block in [
    pad(info + digest),
    pad(info + digest, after=b"\7" * 8),
    b"\0\1" + b"\xff" * 8 + b"\0" + info + digest + b"\7" * 194,
    pad(no_null + digest),
    pad(long_form + digest),
    pad(digest),
    pad(sha512 + hashlib.sha512(signed).digest()),
    pad(info + digest, before=b"\0\2", fill=b"\xfe"),
    pad(info + digest, before=b"\0\0", fill=b"\0"),
    pad(info + digest, fill=b"\xfe"),
    pad(info + digest, zero=b""),
    pad(info + digest[:-1] + bytes([digest[-1] ^ 1])),
]:
    print(b64(pow(int.from_bytes(block, "big"), d, n), 256))
"#;

#[test]
fn rsa_takes_one_padding() {
    if !have_pyjwt() {
        return;
    }
    let header = r#"{"alg":"RS256","kid":"k"}"#;
    let signed = format!("{}.{}", b64(header.as_bytes()), b64(payload().as_bytes()));
    let made = python(PAD, &signed);
    let (key, signatures) = made.split_once('\n').unwrap();
    let keys = [Jwk::parse(key.as_bytes()).unwrap()];
    let verified: Vec<bool> =
        signatures.lines().map(|signature| verifies(&format!("{signed}.{signature}"), &keys)).collect();
    assert_eq!(verified, [[true].as_slice(), &[false; 11]].concat());
}

/// A folder of its own for one test's files.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn openssl(folder: &Path, arguments: &str) -> bool {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    output.status.success()
}

fn pem(der: &[u8]) -> String {
    let base64 = Base64::encode_string(der);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn leads_to_a_ca(chain: &[Vec<u8>], key: &Key, at_s: u64) -> bool {
    bound(chain, &root(), &submission_signature(key, &chain[0]), at_s)
}

fn bound(chain: &[Vec<u8>], ca: &[u8], signature: &[u8], at_s: u64) -> bool {
    let domain = TrustDomain::parse("example.org").unwrap();
    let cas = [Ca::parse(ca).unwrap()];
    let given = DomainCas { trust_domain: &domain, cas: &cas };
    let svid =
        UnverifiedSvid::parse(chain).and_then(|svid| svid.signed(ORIGIN, &DIGEST, signature, at_s * 1000));
    svid.is_ok_and(|svid| svid.bound(given).is_ok())
}

#[test]
fn openssl_agrees_on_our_chains() {
    if !have("openssl", &["version"]) {
        return;
    }
    let folder = folder("openssl-verify");
    fs::write(folder.join("root.pem"), pem(&root())).unwrap();
    let under_middle = |leaf: Content| vec![leaf.signed(&P256, &MIDDLE), chain(&P256)[1].clone()];
    let mut chains: Vec<(Vec<Vec<u8>>, &Key, u64)> =
        keys().into_iter().map(|key| (chain(key), key, NOW_S)).collect();
    let mut changed = chain(&P256);
    let last = changed[0].len() - 1;
    changed[0][last] ^= 1;
    chains.extend([
        (chain(&P256), &*P256, NOW_S - 1800),
        (chain(&P256), &*P256, NOW_S - 1801),
        (chain(&P256), &*P256, NOW_S + 1801),
        (changed, &*P256, NOW_S),
        (vec![Content::leaf().signed(&P256, &ED25519), chain(&P256)[1].clone()], &*P256, NOW_S),
        (vec![Content::leaf().signed(&P256, &MIDDLE), chain(&P256)[0].clone()], &*P256, NOW_S),
        (under_middle(Content { issuer: "other", ..Content::leaf() }), &*P256, NOW_S),
        (under_middle(Content { extensions: vec![purposes(&[1])], ..Content::leaf() }), &*P256, NOW_S),
    ]);
    for (at, (chain, key, at_s)) in chains.iter().enumerate() {
        fs::write(folder.join("leaf.pem"), pem(&chain[0])).unwrap();
        fs::write(folder.join("middle.pem"), pem(&chain[1])).unwrap();
        let theirs = openssl(
            &folder,
            &format!(
                "verify -purpose sslclient -attime {at_s} -CAfile root.pem -untrusted middle.pem leaf.pem"
            ),
        );
        assert_eq!(leads_to_a_ca(chain, key, *at_s), theirs, "chain {at}");
        assert_eq!(theirs, at <= 4, "chain {at}");
    }
    // OpenSSL takes a CA and two URIs for what they are; SPIFFE doesn't.
    let two = uris(&["spiffe://example.org/a", "spiffe://example.org/b"]);
    for extensions in
        [vec![key_usage(0x80), two], vec![key_usage(0x84), is_ca(true), uris(&["spiffe://example.org/a"])]]
    {
        let chain = under_middle(Content { extensions, ..Content::leaf() });
        fs::write(folder.join("leaf.pem"), pem(&chain[0])).unwrap();
        fs::write(folder.join("middle.pem"), pem(&chain[1])).unwrap();
        let verify = format!("verify -attime {NOW_S} -CAfile root.pem -untrusted middle.pem leaf.pem");
        assert!(openssl(&folder, &verify));
        assert!(!leads_to_a_ca(&chain, &P256, NOW_S));
    }
}

/// What `openssl req` puts into certificates.
const CONFIGURATION: &str = "
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectAltName = URI:spiffe://example.org
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth, serverAuth
subjectAltName = URI:spiffe://example.org/ci
";

#[test]
fn a_server_s_certificate_tells_its_names_and_times() {
    if !have("openssl", &["version"]) {
        return;
    }
    let folder = folder("openssl-server");
    fs::write(folder.join("c"), CONFIGURATION).unwrap();
    let made = openssl(
        &folder,
        "req -config c -x509 -newkey ed25519 -nodes -days 1 -subj /CN=unseen -keyout k -outform der -out server.der \
         -addext subjectAltName=URI:spiffe://example.org/a,IP:192.0.2.7,DNS:log.example.org,IP:2001:db8::1,DNS:*.example.org",
    );
    assert!(made);
    let der = fs::read(folder.join("server.der")).unwrap();
    let certificate = ServerCertificate::parse(&der).unwrap();
    assert_eq!(certificate.names, ["log.example.org", "*.example.org", "192.0.2.7", "2001:db8::1"]);
    assert_eq!(certificate.window.to_ms - certificate.window.from_ms, 24 * 60 * 60 * 1000);
    assert!(!certificate.is_ca);
    assert!(ServerCertificate::parse(&der[..der.len() - 1]).is_err());
}

#[test]
fn openssl_s_chains_and_signatures_are_taken() {
    if !have("openssl", &["version"]) {
        return;
    }
    let folder = folder("openssl-sign");
    fs::write(folder.join("c"), CONFIGURATION).unwrap();
    let run = |arguments: &str| assert!(openssl(&folder, arguments), "openssl {arguments}");
    run(
        "req -config c -x509 -extensions ca -newkey rsa:2048 -nodes -sha256 -days 1 -subj /CN=ca -keyout ca.key -out ca.pem",
    );
    run("x509 -in ca.pem -outform der -out ca.der");
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen";
    for (new, sign, good) in [
        ("ec -pkeyopt ec_paramgen_curve:P-256", "dgst -sha256 -sign k -out s message".to_string(), true),
        ("ec -pkeyopt ec_paramgen_curve:P-256", "dgst -sha384 -sign k -out s message".into(), false),
        ("ec -pkeyopt ec_paramgen_curve:P-384", "dgst -sha384 -sign k -out s message".into(), true),
        ("ec -pkeyopt ec_paramgen_curve:P-521", "dgst -sha512 -sign k -out s message".into(), false),
        ("ed25519", "pkeyutl -sign -rawin -inkey k -in message -out s".into(), true),
        ("rsa:3072", format!("dgst -sha256 -sign k {pss}:32 -out s message"), true),
        ("rsa:3072", format!("dgst -sha256 -sign k {pss}:20 -out s message"), false),
        ("rsa:3072", "dgst -sha256 -sign k -out s message".into(), false),
        ("rsa:1024", format!("dgst -sha256 -sign k {pss}:32 -out s message"), false),
    ] {
        run(&format!("req -config c -newkey {new} -nodes -subj /CN=leaf -keyout k -out request"));
        run(
            "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -sha384 -days 1 -extfile c -extensions leaf -outform der -out leaf.der",
        );
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        let message = submission_message(ORIGIN, &DIGEST, &read("leaf.der"));
        fs::write(folder.join("message"), message).unwrap();
        run(&sign);
        // A second later: what was signed just now holds from this second on.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 1;
        assert_eq!(bound(&[read("leaf.der")], &read("ca.der"), &read("s"), now), good, "{new} {sign}");
    }
}
