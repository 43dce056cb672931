//! Tokens that workloads gave (`SPEC.md` sections 12.3 and 12.5), each with one defect.

use super::parts::{KIND, Members, bytes, ed25519, forge, member, submitted};
use super::{Case, map, text};
use crate::vectors::forge::{Forge, ORIGIN, RawSection, TIME_MS};
use crate::vectors::keys::{Key, b64, token};
use crate::vectors::reader::Reader;
use aws_lc_rs::rsa::KeyPair;
use base64ct::{Base64, Encoding};
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use std::sync::LazyLock;

pub const ISSUER: &str = "https://issuer.example.com";
const OTHER_ISSUER: &str = "https://other.example.com";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const SUB: &str = "repo:example/app:ref:refs/heads/main";
const SPIFFE_ID: &str = "spiffe://example.org/ci";
pub(super) const TIME_S: u64 = TIME_MS / 1000;

/// Of the issuer that most tokens are by, and of somebody else.
pub static KEY: LazyLock<Key> = LazyLock::new(|| ed25519("issuer"));
pub static OTHER_KEY: LazyLock<Key> = LazyLock::new(|| ed25519("other issuer"));
/// A key that everybody knows, for what Ed25519 may not sign.
pub static RSA: LazyLock<Key> = LazyLock::new(|| {
    let pkcs8 = Base64::decode_vec(&include_str!("../rsa-key.base64").replace('\n', "")).unwrap();
    Key::Rsa(KeyPair::from_pkcs8(&pkcs8).unwrap())
});

/// Evidence in parts, of an entry of kind `event`.
pub struct Bound {
    pub submitted: RawSection,
    pub header: String,
    pub payload: String,
    pub key: &'static Key,
    /// Changes the token after it is signed.
    pub respell: fn(String) -> String,
    pub evidence: Members,
    pub workload: Members,
    pub time_ms: u64,
    pub reader: Reader,
    /// The names of what is hidden, and of what isn't there.
    pub hidden: Option<&'static str>,
    pub missing: Option<&'static str>,
}

fn audience() -> String {
    format!("{ORIGIN}:{}", submitted().digest(0, KIND).to_hex())
}

fn jwks(key: &Key) -> String {
    format!(r#"{{"keys":[{}]}}"#, key.jwk_json("k"))
}

fn bundle(key: &Key) -> String {
    jwks(key).replacen(r#"{"kty""#, r#"{"use":"jwt-svid","kty""#, 1)
}

fn claims() -> Value {
    map(&[("ref_protected", text("true")), ("repository", text("example/app")), ("run_attempt", text("2"))])
}

impl Bound {
    pub fn good() -> Self {
        let audience = audience();
        let (iat, exp) = (TIME_S - 300, TIME_S + 300);
        let payload = format!(
            r#"{{"iss":"{ISSUER}","sub":"{SUB}","aud":"{audience}","iat":{iat},"exp":{exp},"repository":"example/app","run_attempt":2,"ref_protected":true,"note":{{"a":1}}}}"#
        );
        let workload = [
            ("method", text("oidc")),
            ("id", text(SUB)),
            ("issuer", text(ISSUER)),
            ("audience", text(&audience)),
            ("claims", claims()),
            ("binding", text("statement")),
            ("verified_at_ms", Value::Integer(i64::try_from(TIME_MS).unwrap())),
        ];
        Self {
            submitted: submitted(),
            header: r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#.into(),
            payload,
            key: &KEY,
            respell: |token| token,
            evidence: Members::of(&[("format", text("jwt")), ("key", member().value())]),
            workload: Members::of(&workload),
            time_ms: TIME_MS,
            reader: Reader { issuers: vec![(ISSUER, jwks(&KEY))], ..Reader::default() },
            hidden: None,
            missing: None,
        }
    }

    /// In header or payload, which must have it.
    pub(super) fn edit(&mut self, from: &str, to: &str) {
        let before = (self.header.clone(), self.payload.clone());
        self.header = self.header.replacen(from, to, 1);
        self.payload = self.payload.replacen(from, to, 1);
        assert_ne!((&self.header, &self.payload), (&before.0, &before.1), "{from}");
    }

    pub(super) fn edit_times(&mut self, iat: u64, exp: u64) {
        let text = |iat: u64, exp: u64| format!(r#""iat":{iat},"exp":{exp}"#);
        self.edit(&text(TIME_S - 300, TIME_S + 300), &text(iat, exp));
    }

    /// Makes the token this long, by a digest that means nothing and a claim that nobody shows.
    fn padded(&mut self, length: usize) {
        let (header, payload) = (self.header.clone(), self.payload.clone());
        for (in_header, in_payload) in
            (0..4).flat_map(|header| (5000..7000).map(move |payload| (header, payload)))
        {
            self.header = header.replacen('{', &format!(r#"{{"x5t":"{}","#, "h".repeat(in_header)), 1);
            let note = format!(r#""note":"{}""#, "p".repeat(in_payload));
            self.payload = payload.replacen(r#""note":{"a":1}"#, &note, 1);
            let encoded = [self.header.len(), self.payload.len(), 64].map(|bytes| (bytes * 4).div_ceil(3));
            if encoded.iter().sum::<usize>() + 2 == length {
                return;
            }
        }
        unreachable!("some token is this long");
    }

    fn by(&mut self, key: &'static Key) {
        self.key = key;
        self.edit(r#""alg":"EdDSA""#, &format!(r#""alg":"{}""#, key.token_scheme().0));
        self.reader.issuers = vec![(ISSUER, jwks(key))];
    }

    /// By the workload of a trust domain.
    pub fn spiffe(&mut self) {
        self.by(&RSA);
        self.edit(SUB, SPIFFE_ID);
        self.workload.set("method", text("jwt-svid"));
        self.workload.set("id", text(SPIFFE_ID));
        self.workload.set("issuer", text("spiffe://example.org"));
        self.reader = Reader { bundles: vec![("example.org", bundle(&RSA))], ..Reader::default() };
    }

    fn github(&mut self) {
        self.edit(ISSUER, GITHUB);
        self.edit(r#""run_attempt""#, r#""repository_id":"20","repository_owner_id":"10","run_attempt""#);
        self.workload.set("issuer", text(GITHUB));
        let mut claims = Map::new();
        let more = [("repository_id", "20"), ("repository_owner_id", "10")];
        let same = [("ref_protected", "true"), ("repository", "example/app"), ("run_attempt", "2")];
        for (name, value) in more.into_iter().chain(same) {
            claims.insert(name, text(value)).unwrap();
        }
        self.workload.set("claims", Value::Map(claims));
        self.reader.issuers = vec![(GITHUB, jwks(&KEY))];
    }

    pub fn forge(self) -> Forge {
        let mut evidence = self.evidence;
        let has = |name: &str| evidence.0.iter().any(|(other, _)| other == name);
        let thumbprint = (!has("thumbprint")).then(|| bytes(&self.key.jwk("k").thumbprint().0));
        let token = text(&(self.respell)(token(&self.header, &self.payload, self.key)));
        evidence.set("token", token);
        thumbprint.into_iter().for_each(|thumbprint| evidence.set("thumbprint", thumbprint));
        let attested = RawSection::default()
            .with("workload", &self.workload.value())
            .with("workload_evidence", &evidence.value());
        forge(self.submitted, attested, self.hidden, self.missing, self.time_ms)
    }
}

/// The token's last part with a bit set that stands for nothing.
fn trailing_bits(mut token: String) -> String {
    let last = token.pop().unwrap();
    token.push(char::from_u32(u32::from(last) + 1).unwrap());
    token
}

pub fn other_signature(token: String) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", &signature[1..])
}

pub(super) fn ends(
    name: &'static str,
    form: &'static str,
    bound: &'static str,
    change: impl FnOnce(&mut Bound),
) -> Case {
    let mut evidence = Bound::good();
    change(&mut evidence);
    let reader = evidence.reader.clone();
    Case::evidence(name, &evidence.forge(), reader, &[("workload-form", form), ("workload-bound", bound)])
}

pub(super) fn good(name: &'static str, change: impl FnOnce(&mut Bound)) -> Case {
    ends(name, "pass", "pass", change)
}

/// Of the form, so that no key helps.
pub(super) fn bad(name: &'static str, change: impl FnOnce(&mut Bound)) -> Case {
    ends(name, "fail", "fail", change)
}

/// One text in header or payload is another.
fn edited(name: &'static str, from: &str, to: &str) -> Case {
    bad(name, |bound| bound.edit(from, to))
}

pub fn tokens() -> Vec<Case> {
    let mut cases = signers();
    cases.extend(forms());
    cases
}

fn signers() -> Vec<Case> {
    vec![
        good("token-good", |_| {}),
        good("token-good-rs256", |bound| bound.by(&RSA)),
        good("token-good-audience-list", |bound| {
            let audience = audience();
            bound.edit(&format!(r#""{audience}""#), &format!(r#"["{audience}"]"#));
        }),
        good("token-good-spiffe", Bound::spiffe),
        good("token-good-spiffe-typ-jose", |bound| {
            bound.spiffe();
            bound.edit(r#""typ":"JWT""#, r#""typ":"jose""#);
        }),
        good("token-good-github", Bound::github),
        ends("token-no-keys", "pass", "skip", |bound| bound.reader = Reader::default()),
        ends("token-spiffe-no-bundle", "pass", "skip", |bound| {
            bound.spiffe();
            bound.reader = Reader { issuers: vec![(ISSUER, jwks(&RSA))], ..Reader::default() };
        }),
        ends("token-spiffe-keys-of-an-issuer", "pass", "skip", |bound| {
            bound.spiffe();
            bound.reader =
                Reader { issuers: vec![("spiffe://example.org", jwks(&RSA))], ..Reader::default() };
        }),
        good("token-good-other-kid", |bound| bound.edit(r#""kid":"k""#, r#""kid":"another""#)),
        ends("token-key-of-another-issuer", "pass", "skip", |bound| {
            bound.reader.issuers = vec![(ISSUER, jwks(&OTHER_KEY)), (OTHER_ISSUER, jwks(&KEY))];
        }),
        ends("token-thumbprint-of-another-key", "pass", "fail", |bound| {
            bound.evidence.set("thumbprint", bytes(&OTHER_KEY.jwk("k").thumbprint().0));
            let keys = [&KEY, &OTHER_KEY].map(|key| key.jwk_json("k")).join(",");
            bound.reader.issuers = vec![(ISSUER, format!(r#"{{"keys":[{keys}]}}"#))];
        }),
        ends("token-thumbprint-not-given", "pass", "skip", |bound| {
            bound.evidence.set("thumbprint", bytes(&OTHER_KEY.jwk("k").thumbprint().0));
        }),
        ends("token-signature-changed", "pass", "fail", |bound| bound.respell = other_signature),
        ends("token-alg-of-another-key", "pass", "fail", |bound| {
            bound.edit(r#""alg":"EdDSA""#, r#""alg":"ES256""#);
        }),
        bad("token-spiffe-eddsa", |bound| {
            bound.edit(SUB, SPIFFE_ID);
            bound.workload.set("method", text("jwt-svid"));
            bound.workload.set("id", text(SPIFFE_ID));
            bound.workload.set("issuer", text("spiffe://example.org"));
            bound.reader = Reader { bundles: vec![("example.org", bundle(&KEY))], ..Reader::default() };
        }),
        bad("token-spiffe-no-id", |bound| {
            bound.spiffe();
            bound.edit(SPIFFE_ID, "SPIFFE://example.org/ci");
            bound.workload.set("id", text("SPIFFE://example.org/ci"));
        }),
        bad("token-spiffe-white-space", |bound| {
            bound.spiffe();
            bound.edit(SPIFFE_ID, &format!(" {SPIFFE_ID}"));
            bound.workload.set("id", text(&format!(" {SPIFFE_ID}")));
        }),
        bad("token-spiffe-dots", |bound| {
            bound.spiffe();
            bound.edit(SPIFFE_ID, "spiffe://example.org/../ci");
            bound.workload.set("id", text("spiffe://example.org/../ci"));
        }),
        good("token-good-spiffe-without-iss", |bound| {
            bound.spiffe();
            bound.edit(&format!(r#""iss":"{ISSUER}","#), "");
        }),
        good("token-good-escapes", |bound| bound.edit("repo:example", r"\u0072epo:example")),
        good("token-good-white-space", |bound| bound.edit(r#""iat":"#, "\n \"iat\" : ")),
        good("token-good-no-claims", |bound| {
            bound.edit(r#","repository":"example/app","run_attempt":2,"ref_protected":true"#, "");
            bound.workload.remove("claims");
        }),
        bad("token-claims-empty", |bound| {
            bound.edit(r#","repository":"example/app","run_attempt":2,"ref_protected":true"#, "");
            bound.workload.set("claims", map(&[]));
        }),
        bad("token-sub-control", |bound| {
            bound.edit(SUB, "repo:example\u{85}");
            bound.workload.set("id", text("repo:example\u{85}"));
        }),
        good("token-good-kubernetes", |bound| {
            bound.edit(
                r#""note":{"a":1}"#,
                r#""kubernetes.io":{"namespace":"ci","pod":{"name":"p-1","x":1}}"#,
            );
            let Value::Map(mut claims) = claims() else { unreachable!("a map") };
            claims.insert("kubernetes.io/namespace", text("ci")).unwrap();
            claims.insert("kubernetes.io/pod/name", text("p-1")).unwrap();
            bound.workload.set("claims", Value::Map(claims));
        }),
        bad("token-github-path-without-ids", |bound| {
            let issuer = format!("{GITHUB}/example");
            bound.edit(ISSUER, &issuer);
            bound.workload.set("issuer", text(&issuer));
        }),
        bad("token-github-without-ids", |bound| {
            bound.github();
            bound.edit(r#""repository_owner_id":"10","#, "");
            let Value::Map(claims) = &bound.workload.0.iter().find(|(name, _)| name == "claims").unwrap().1
            else {
                unreachable!("a map")
            };
            let left = claims.iter().filter(|(name, _)| *name != "repository_owner_id");
            let left = left.map(|(name, value)| (name.to_owned(), value.clone())).collect();
            bound.workload.set("claims", Members(left).value());
        }),
    ]
}

fn forms() -> Vec<Case> {
    let digest = submitted().digest(0, KIND).to_hex();
    let audience = audience();
    let other_digest = format!("{ORIGIN}:{}", Hash::plain(b"other").to_hex());
    let other_origin = format!("example.com/other:{digest}");
    let readdressed = |name, other: &str| {
        bad(name, |bound| {
            bound.edit(&audience, other);
            bound.workload.set("audience", text(other));
        })
    };
    vec![
        readdressed("token-audience-wrong", "https://sigstore.example.com"),
        readdressed("token-audience-other-digest", &other_digest),
        readdressed("token-audience-other-origin", &other_origin),
        edited(
            "token-audience-twice",
            &format!(r#""{audience}""#),
            &format!(r#"["{audience}","{audience}"]"#),
        ),
        edited("token-audience-two", &format!(r#""{audience}""#), &format!(r#"["{audience}","other"]"#)),
        ends("token-alg-none", "skip", "skip", |bound| bound.edit("EdDSA", "none")),
        ends("token-alg-hs256", "skip", "skip", |bound| bound.edit("EdDSA", "HS256")),
        ends("token-alg-unknown-and-crit", "skip", "skip", |bound| {
            bound.edit(r#""alg":"EdDSA""#, r#""alg":"ML-DSA-44","crit":["b64"]"#);
        }),
        ends("token-alg-empty", "skip", "skip", |bound| bound.edit("EdDSA", "")),
        edited("token-alg-number", r#""alg":"EdDSA""#, r#""alg":1"#),
        edited("token-no-alg", r#""alg":"EdDSA","#, ""),
        bad("token-header-jwk", |bound| {
            let jwk = KEY.jwk_json("k");
            bound.edit(r#""typ":"JWT""#, &format!(r#""typ":"JWT","jwk":{jwk}"#));
        }),
        edited("token-header-crit", r#""typ":"JWT""#, r#""typ":"JWT","crit":["exp"]"#),
        edited("token-header-empty-kid", r#""kid":"k""#, r#""kid":"""#),
        bad("token-byte-order-mark", |bound| bound.payload.insert(0, '\u{feff}')),
        good("token-of-8192-bytes", |bound| bound.padded(8192)),
        bad("token-of-8193-bytes", |bound| bound.padded(8193)),
        edited("token-header-no-kid", r#""kid":"k","#, ""),
        edited("token-header-typ-jose", r#""typ":"JWT""#, r#""typ":"JOSE""#),
        bad("token-padding", |bound| bound.respell = |token| format!("{token}==")),
        bad("token-trailing-bits", |bound| bound.respell = trailing_bits),
        bad("token-four-parts", |bound| bound.respell = |token| format!("{token}.{}", b64(b"more"))),
        edited("token-duplicate-member", r#""note""#, r#""repository":"example/app","note""#),
        edited("token-duplicate-nested", r#"{"a":1}"#, r#"{"a":1,"a":1}"#),
        edited("token-duplicate-escaped", r#"{"a":1}"#, r#"{"a":1,"\u0061":1}"#),
        edited("token-lone-surrogate", r#"{"a":1}"#, r#""\ud800""#),
        edited("token-minus-zero", r#"{"a":1}"#, r#"{"a":-0}"#),
        edited("token-float", r#"{"a":1}"#, r#"{"a":1.5}"#),
        edited("token-integer-over-limit", r#"{"a":1}"#, r#"{"a":9007199254740992}"#),
        edited("token-depth-17", r#"{"a":1}"#, &format!("{}{}", "[".repeat(16), "]".repeat(16))),
        good("token-depth-16", |bound| {
            bound.edit(r#"{"a":1}"#, &format!("{}{}", "[".repeat(15), "]".repeat(15)));
        }),
        bad("token-issuer-with-number-sign", |bound| {
            bound.edit(ISSUER, "https://issuer.example.com/#a");
            bound.workload.set("issuer", text("https://issuer.example.com/#a"));
        }),
    ]
}
