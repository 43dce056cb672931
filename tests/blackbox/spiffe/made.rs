//! Bundles and X.509-SVIDs, made so that each can be made wrong without making anything else wrong.

use crate::oidc::token::{Draft, now_s};
use crate::vectors::keys::{Content, Key, P256, P384, RSA};
use base64ct::{Base64, Encoding};
use provlog_core::time::rfc3339;
use std::sync::LazyLock;

pub const ID: &str = "spiffe://example.org/ci/7";

/// The root of example.org, a CA below it, and a key that signs its JWT-SVIDs.
pub static ROOT: LazyLock<Key> = LazyLock::new(p384);
pub static MIDDLE: LazyLock<Key> = LazyLock::new(p256);
pub static TOKENS: &LazyLock<Key> = &RSA;
/// The root of another trust domain, and a workload's key.
pub static OTHER_ROOT: LazyLock<Key> = LazyLock::new(p256);
pub static WORKLOAD: &LazyLock<Key> = &P256;

/// A new key.
pub fn p256() -> Key {
    Key::P256(rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_der())
}

fn p384() -> Key {
    Key::P384(rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_der())
}

/// A time so many seconds from now, as certificates have it.
pub fn from_now(seconds: i64) -> &'static str {
    let at_s = now_s().checked_add_signed(seconds).unwrap();
    let digits: String = rfc3339(at_s * 1000).chars().filter(char::is_ascii_digit).collect();
    // A test makes some dozens.
    format!("{}Z", &digits[2..14]).leak()
}

const MINUTE: i64 = 60;

/// A workload's certificate, by the CA below the root.
pub fn leaf() -> Content {
    let extensions = with_id(ID);
    Content {
        not_before: from_now(-30 * MINUTE),
        not_after: from_now(30 * MINUTE),
        extensions,
        ..Content::leaf()
    }
}

/// What a workload's certificate says, of this ID.
pub fn with_id(id: &str) -> Vec<Vec<u8>> {
    use crate::vectors::keys::{is_ca, key_usage, purposes, uris};
    vec![key_usage(0x80), is_ca(false), purposes(&[1, 2]), uris(&[id])]
}

pub fn middle() -> Content {
    Content { not_before: "200101000000Z", not_after: "491231000000Z", ..Content::middle() }
}

/// A root's certificate. Two of one key differ by their name.
pub fn root(subject: &'static str) -> Content {
    Content {
        subject,
        issuer: subject,
        not_before: "200101000000Z",
        not_after: "491231000000Z",
        ..Content::root()
    }
}

/// The root of example.org, as DER.
pub fn own_root() -> Vec<u8> {
    static DER: LazyLock<Vec<u8>> = LazyLock::new(|| root("root").signed(&ROOT, &ROOT));
    DER.clone()
}

/// The root of another trust domain.
pub fn other_root() -> Vec<u8> {
    root("other").signed(&OTHER_ROOT, &OTHER_ROOT)
}

/// The chain of this certificate's content for the workload's key.
pub fn chain(leaf: &Content) -> Vec<Vec<u8>> {
    vec![leaf.signed(WORKLOAD, &MIDDLE), middle().signed(&MIDDLE, &ROOT)]
}

/// A workload of this ID, directly under a root.
pub fn under(root: &'static str, key: &Key, id: &str) -> Vec<Vec<u8>> {
    vec![Content { issuer: root, extensions: with_id(id), ..leaf() }.signed(WORKLOAD, key)]
}

/// A member of a bundle, for JWT-SVIDs.
pub fn signs(kid: &str, key: &Key) -> String {
    key.jwk_json(kid).replacen('{', r#"{"use":"jwt-svid","#, 1)
}

/// A member of a bundle, for X.509-SVIDs.
pub fn vouches(ca: &[u8]) -> String {
    format!(r#"{{"kty":"EC","use":"x509-svid","x5c":["{}"]}}"#, Base64::encode_string(ca))
}

/// A bundle, as SPIRE writes it.
pub fn bundle(members: &[String]) -> String {
    format!(r#"{{"spiffe_sequence":1,"spiffe_refresh_hint":300,"keys":[{}]}}"#, members.join(","))
}

/// The bundle of example.org.
pub fn own_bundle() -> String {
    bundle(&[signs("rsa", TOKENS), signs("p384", &P384), vouches(&own_root())])
}

/// A JWT-SVID of this ID, by the key that signs them.
pub fn jwt_svid(id: &str) -> Draft {
    let mut draft = Draft::of("spiffe-server").claim("sub", id).by("rsa", TOKENS);
    for name in ["repository", "repository_id", "repository_owner_id", "ref", "event_name", "run_attempt"] {
        draft = draft.without(name);
    }
    draft
}
