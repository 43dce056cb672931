//! X.509-SVIDs whose workload signed a submission (`SPEC.md` section 12.4), each with one defect.

use super::parts::{KIND, Members, bytes, ed25519, forge, member, reference, submitted};
use super::{Case, text};
use crate::vectors::forge::{Forge, ORIGIN, RawSection, TIME_MS};
use crate::vectors::keys::{Content, Key, extension, is_ca, key_usage, key_usage_bits, purposes, tlv, uris};
use crate::vectors::reader::Reader;
use base64ct::{Base64, Encoding};
use provlog_core::Hash;
use provlog_core::cbor::Value;
use provlog_evidence::signature::Scheme;
use provlog_evidence::submission::submission_message;
use std::sync::LazyLock;

const DOMAIN: &str = "example.org";
const ID: &str = "spiffe://example.org/ci";

static WORKLOAD: LazyLock<Key> = LazyLock::new(|| ed25519("workload"));
static MIDDLE: LazyLock<Key> = LazyLock::new(|| ed25519("middle CA"));
static ROOT: LazyLock<Key> = LazyLock::new(|| ed25519("root CA"));
static OTHER: LazyLock<Key> = LazyLock::new(|| ed25519("other CA"));

/// The workload's certificate, by the root where nothing stands between.
fn leaf() -> Content {
    Content { issuer: "middle", not_before: "251231233000Z", not_after: "260101003000Z", ..Content::leaf() }
}

/// The extensions of the workload's certificate.
const KEY_USAGE: usize = 0;
const CONSTRAINTS: usize = 1;
const PURPOSES: usize = 2;
const NAMES: usize = 3;

fn middle() -> Content {
    Content { not_before: "251231000000Z", not_after: "260102000000Z", ..Content::middle() }
}

fn root() -> Content {
    Content { not_before: "250101000000Z", not_after: "270101000000Z", ..Content::root() }
}

/// Evidence in parts.
pub struct Svid {
    leaf: Content,
    middle: Option<Content>,
    root: Content,
    /// Who signs the workload's certificate, where it isn't who it should be.
    leaf_by: Option<&'static Key>,
    /// Changes the chain, once its certificates are made.
    rechain: fn(&mut Vec<Vec<u8>>),
    /// Changes what the workload signs.
    message: fn(Vec<u8>) -> Vec<u8>,
    pub evidence: Members,
    workload: Members,
    /// Domains whose bundle has the root.
    domains: Vec<&'static str>,
    /// Whether the domain's bundle has another CA, too.
    other_ca: bool,
    require_bound: bool,
    time_ms: u64,
}

impl Svid {
    pub fn good() -> Self {
        let workload = [
            ("method", text("x509-svid")),
            ("id", text(ID)),
            ("issuer", text("spiffe://example.org")),
            ("binding", text("statement")),
            ("verified_at_ms", Value::Integer(i64::try_from(TIME_MS).unwrap())),
        ];
        Self {
            leaf: leaf(),
            middle: Some(middle()),
            root: root(),
            leaf_by: None,
            rechain: |_| {},
            message: |message| message,
            evidence: Members::of(&[("format", text("x509-svid")), ("bundle", member().value())]),
            workload: Members::of(&workload),
            domains: vec![DOMAIN],
            other_ca: false,
            require_bound: false,
            time_ms: TIME_MS,
        }
    }

    fn named(&mut self, id: &str) {
        self.leaf.extensions[NAMES] = uris(&[id]);
        self.workload.set("id", text(id));
    }

    fn case(self, name: &'static str, form: &'static str, bound: &'static str) -> Case {
        let reader = self.reader();
        Case::evidence(name, &self.forge(), reader, &[("workload-form", form), ("workload-bound", bound)])
    }

    /// The CA.
    pub fn ca(&self) -> Vec<u8> {
        self.root.signed(&ROOT, &ROOT)
    }

    pub fn reader(&self) -> Reader {
        let mut cas = vec![self.ca()];
        cas.extend(self.other_ca.then(other_root));
        let bundles = self.domains.iter().map(|domain| (*domain, bundle(&cas))).collect();
        Reader { bundles, require_bound: self.require_bound, ..Reader::default() }
    }

    pub fn forge(mut self) -> Forge {
        let root = self.ca();
        let issuer: &Key = if self.middle.is_some() { &MIDDLE } else { &ROOT };
        let leaf = self.leaf.signed(&WORKLOAD, self.leaf_by.unwrap_or(issuer));
        let mut chain = vec![leaf];
        chain.extend(self.middle.map(|middle| middle.signed(&MIDDLE, &ROOT)));
        (self.rechain)(&mut chain);
        let message = submission_message(ORIGIN, &submitted().digest(0, KIND).0, &chain[0]);
        let signature = WORKLOAD.sign(Scheme::Ed25519, &(self.message)(message));
        self.evidence.set("chain", Value::Array(chain.iter().map(|der| bytes(der)).collect()));
        self.evidence.set("signature", bytes(&signature));
        if !self.evidence.0.iter().any(|(name, _)| name == "ca") {
            self.evidence.set("ca", bytes(&Hash::plain(&root).0));
        }
        let attested = RawSection::default()
            .with("workload", &self.workload.value())
            .with("workload_evidence", &self.evidence.value());
        forge(submitted(), attested, None, None, self.time_ms)
    }
}

fn other_root() -> Vec<u8> {
    Content { subject: "other", issuer: "other", ..root() }.signed(&OTHER, &OTHER)
}

/// SPIFFE's JSON of these CAs, by Ed25519 keys.
fn bundle(cas: &[Vec<u8>]) -> String {
    let jwk = |der: &Vec<u8>| {
        // The key is what these 12 bytes stand before.
        let at = der.windows(12).position(|head| head == SPKI_HEAD).unwrap() + SPKI_HEAD.len();
        let x = crate::vectors::keys::b64(&der[at..at + 32]);
        let x5c = Base64::encode_string(der);
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","use":"x509-svid","x5c":["{x5c}"]}}"#)
    };
    let keys: Vec<String> = cas.iter().map(jwk).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

fn ends(name: &'static str, form: &'static str, bound: &'static str, change: impl FnOnce(&mut Svid)) -> Case {
    let mut svid = Svid::good();
    change(&mut svid);
    svid.case(name, form, bound)
}

/// What the workload's certificate or its signature alone shows.
fn bad(name: &'static str, change: impl FnOnce(&mut Svid)) -> Case {
    ends(name, "fail", "fail", change)
}

/// What the path to the CA shows.
fn unbound(name: &'static str, change: impl FnOnce(&mut Svid)) -> Case {
    ends(name, "pass", "fail", change)
}

fn good(name: &'static str, change: impl FnOnce(&mut Svid)) -> Case {
    ends(name, "pass", "pass", change)
}

/// The CA of the chain with these extensions.
fn middle_with(name: &'static str, form: &'static str, extensions: Vec<Vec<u8>>) -> Case {
    ends(name, form, "fail", |svid| svid.middle.as_mut().unwrap().extensions = extensions)
}

/// A CA under which no other may stand.
fn last_ca() -> Vec<u8> {
    extension(19, true, &tlv(0x30, &[1, 1, 0xff, 2, 1, 0]))
}

/// `permitted` URIs of the domain.
fn name_constraints() -> Vec<u8> {
    extension(30, true, &tlv(0x30, &tlv(0xa0, &tlv(0x30, &tlv(0x86, DOMAIN.as_bytes())))))
}

/// 2.5.29.54, `inhibitAnyPolicy`.
fn unknown() -> Vec<u8> {
    extension(54, true, &[2, 1, 0])
}

/// Gives the CA of the chain an extension that nobody reads, of so many bytes that the chain has this length.
fn lengthen(chain: &mut [Vec<u8>], length: usize) {
    let mut longer = middle();
    longer.extensions.push(extension(54, false, &[0; 6000]));
    let more = length - chain[0].len() - longer.signed(&MIDDLE, &ROOT).len();
    *longer.extensions.last_mut().unwrap() = extension(54, false, &vec![0; 6000 + more]);
    chain[1] = longer.signed(&MIDDLE, &ROOT);
    assert_eq!(chain.concat().len(), length);
}

pub fn svids() -> Vec<Case> {
    let mut cases = leaves();
    cases.extend(paths());
    cases.extend(submissions());
    cases
}

fn leaves() -> Vec<Case> {
    let with =
        |name, place: usize, extension: Vec<u8>| bad(name, |svid| svid.leaf.extensions[place] = extension);
    vec![
        with("svid-two-uris", NAMES, uris(&[ID, "spiffe://example.org/other"])),
        with("svid-no-uri", NAMES, uris(&[])),
        with("svid-uri-without-path", NAMES, uris(&["spiffe://example.org"])),
        with("svid-is-ca", CONSTRAINTS, is_ca(true)),
        bad("svid-key-usage-missing", |svid| drop(svid.leaf.extensions.remove(KEY_USAGE))),
        with("svid-key-usage-not-critical", KEY_USAGE, extension(15, false, &key_usage_bits(0x80))),
        with("svid-key-usage-cert-sign", KEY_USAGE, key_usage(0x84)),
        with("svid-key-usage-crl-sign", KEY_USAGE, key_usage(0x82)),
        with("svid-key-usage-no-signature", KEY_USAGE, key_usage(0x20)),
        with("svid-purposes-without-client", PURPOSES, purposes(&[1])),
        with("svid-key-usage-trailing-zeros", KEY_USAGE, extension(15, true, &tlv(3, &[0, 0x80]))),
        with("svid-default-explicit", CONSTRAINTS, extension(19, true, &tlv(0x30, &[1, 1, 0]))),
        good("svid-no-constraints", |svid| drop(svid.leaf.extensions.remove(CONSTRAINTS))),
        with("svid-purposes-any", PURPOSES, extension(37, false, &tlv(0x30, &tlv(6, &[0x55, 0x1d, 37, 0])))),
        good("svid-time-generalized", |svid| svid.leaf.not_before = "20251231233000Z"),
        bad("svid-time-without-seconds", |svid| svid.leaf.not_before = "2512312330Z"),
        bad("svid-extension-twice", |svid| svid.leaf.extensions.push(purposes(&[2]))),
        bad("svid-bytes-behind", |svid| svid.rechain = |chain| chain[0].push(0)),
        good("svid-no-purposes", |svid| drop(svid.leaf.extensions.remove(PURPOSES))),
        good("svid-first-ms", |svid| svid.time_ms = TIME_MS - 1_800_000),
        bad("svid-not-yet-valid", |svid| svid.time_ms = TIME_MS - 1_800_001),
        good("svid-last-ms", |svid| svid.time_ms = TIME_MS + 1_800_000),
        bad("svid-expired", |svid| svid.time_ms = TIME_MS + 1_800_001),
        good("svid-of-seven-days", |svid| {
            (svid.leaf.not_before, svid.leaf.not_after) = ("251231000000Z", "260107000000Z");
        }),
        bad("svid-of-seven-days-and-a-second", |svid| {
            (svid.leaf.not_before, svid.leaf.not_after) = ("251231000000Z", "260107000001Z");
        }),
    ]
}

fn paths() -> Vec<Case> {
    vec![
        good("svid-good", |_| {}),
        good("svid-good-chain-of-one", |svid| {
            svid.middle = None;
            svid.leaf.issuer = "root";
        }),
        good("svid-good-two-cas", |svid| svid.other_ca = true),
        ends("svid-no-bundle", "pass", "skip", |svid| svid.domains.clear()),
        ends("svid-bundle-of-another-domain", "pass", "skip", |svid| svid.domains = vec!["other.example"]),
        ends("svid-id-of-another-domain", "pass", "skip", |svid| {
            svid.named("spiffe://other.example/ci");
            svid.workload.set("issuer", text("spiffe://other.example"));
        }),
        ends("svid-ca-not-given", "pass", "skip", |svid| svid.evidence.set("ca", bytes(&[9; 32]))),
        unbound("svid-ca-is-another", |svid| {
            svid.other_ca = true;
            svid.evidence.set("ca", bytes(&Hash::plain(&other_root()).0));
        }),
        unbound("svid-ca-expired", |svid| svid.root.not_after = "251231235959Z"),
        bad("svid-middle-expired", |svid| svid.middle.as_mut().unwrap().not_after = "251231235959Z"),
        unbound("svid-issuer-broken", |svid| svid.leaf.issuer = "Middle"),
        unbound("svid-by-another-key", |svid| svid.leaf_by = Some(&OTHER)),
        unbound("svid-chain-order", |svid| {
            svid.rechain = |chain| {
                let lower = Content { subject: "lower", issuer: "middle", ..middle() };
                chain[0] = Content { issuer: "lower", ..leaf() }.signed(&WORKLOAD, &OTHER);
                chain.push(lower.signed(&OTHER, &MIDDLE));
            };
        }),
        good("svid-chain-of-three", |svid| {
            svid.rechain = |chain| {
                let lower = Content { subject: "lower", issuer: "middle", ..middle() };
                chain[0] = Content { issuer: "lower", ..leaf() }.signed(&WORKLOAD, &OTHER);
                chain.insert(1, lower.signed(&OTHER, &MIDDLE));
            };
        }),
        bad("svid-chain-of-five", |svid| {
            svid.rechain = |chain| (0..3).for_each(|_| chain.push(middle().signed(&MIDDLE, &ROOT)));
        }),
        good("svid-chain-of-7168-bytes", |svid| svid.rechain = |chain| lengthen(chain, 7168)),
        bad("svid-chain-of-7169-bytes", |svid| svid.rechain = |chain| lengthen(chain, 7169)),
        bad("svid-chain-starts-with-ca", |svid| svid.rechain = |chain| chain.swap(0, 1)),
        unbound("svid-chain-without-middle", |svid| svid.rechain = |chain| drop(chain.pop())),
        unbound("svid-chain-with-root", |svid| {
            svid.rechain = |chain| chain.push(root().signed(&ROOT, &ROOT))
        }),
        unbound("svid-path-length", |svid| svid.root.extensions[1] = last_ca()),
        good("svid-path-length-of-last-ca", |svid| {
            svid.middle.as_mut().unwrap().extensions[1] = last_ca();
        }),
        middle_with("svid-middle-no-ca", "pass", vec![key_usage(0x04), is_ca(false)]),
        middle_with("svid-middle-no-cert-sign", "pass", vec![key_usage(0x02), is_ca(true)]),
        middle_with("svid-name-constraints", "fail", vec![key_usage(0x04), is_ca(true), name_constraints()]),
        middle_with("svid-middle-unknown-critical", "fail", vec![key_usage(0x04), is_ca(true), unknown()]),
        bad("svid-unknown-critical", |svid| svid.leaf.extensions.push(unknown())),
    ]
}

fn submissions() -> Vec<Case> {
    let signed = |name, message: fn(Vec<u8>) -> Vec<u8>| bad(name, |svid| svid.message = message);
    vec![
        signed("svid-signed-other-digest", |message| line(message, 2, &Hash::plain(b"other").to_hex())),
        signed("svid-signed-other-origin", |message| line(message, 1, "example.com/other")),
        signed("svid-signed-other-certificate", |message| line(message, 3, &Hash::plain(b"").to_hex())),
        signed("svid-signed-without-certificate", |mut message| {
            message.truncate(message.len() - 65);
            message
        }),
        bad("svid-workload-other-id", |svid| svid.workload.set("id", text("spiffe://example.org/cd"))),
        bad("svid-workload-audience", |svid| svid.workload.set("audience", text(ORIGIN))),
        bad("svid-workload-bearer", |svid| svid.workload.set("binding", text("bearer"))),
        bad("svid-member-behind-set", |svid| {
            let mut member = member();
            member.set("set", reference(1).value());
            svid.evidence.set("bundle", member.value());
        }),
        good("require-bound-svid", |svid| svid.require_bound = true),
        ends("require-bound-svid-no-bundle", "pass", "fail", |svid| {
            svid.domains.clear();
            svid.require_bound = true;
        }),
    ]
}

/// The message with another line in this place.
fn line(message: Vec<u8>, place: usize, by: &str) -> Vec<u8> {
    let text = String::from_utf8(message).unwrap();
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines[place] = by;
    lines.join("\n").into_bytes()
}
