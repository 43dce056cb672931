//! What each fuzz target does with its bytes. The targets of `fuzz_targets/` call these under libFuzzer; a stable test
//! (`tests/blackbox/seeds.rs`) includes this file and replays the checked-in seeds through the same functions.

use base64ct::{Base64, Encoding};
use provlog_core::Hash;
use provlog_core::cbor::{Sequence, Value};
use provlog_core::checkpoint::Checkpoint;
use provlog_core::claims::check_claim;
use provlog_core::encoded::{EncodedSection, Sealed};
use provlog_core::limits::{ENTRY_BYTES, RECORD_DEPTH_MAX};
use provlog_core::note::{LogSigner, Note};
use provlog_core::package::{CHECKPOINT, Files, MANIFEST, Manifest, Stream, Unreadable};
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Record, Section};
use provlog_core::submission::Submission;
use provlog_core::time::{read_rfc3339, read_rfc3339_s, rfc3339, rfc3339_s};
use provlog_core::tree::bundle::{clip, entries, push_entry};
use provlog_core::tree::root_from_multiproof;
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use provlog_evidence::jwk::{Jwk, Jwks};
use provlog_evidence::jwt::{IssuerKeys, UnverifiedToken};
use provlog_evidence::roster::Roster;
use provlog_evidence::ssh::{SshKey, SshSignature};
use provlog_evidence::statement::Statement;
use provlog_evidence::svid::{Bundle, BundleMember, Ca, UnverifiedSvid};
use provlog_evidence::workload::Workload;

/// The known answer of C2SP signed-note: a key that signed nothing of ours.
const TRUST: &[u8] =
    b"log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n";

/// The key of RFC 8037, under which nothing of ours was signed.
const JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}"#;

/// What the seeds of tokens and SVIDs are bound to.
const ORIGIN: &str = "log.example.com/one";
const DIGEST: [u8; 32] = [0xd1; 32];
/// A time at which they hold.
const AT_MS: u64 = 1_795_816_800_000;

/// Whatever our reader accepts, two general readers decode to the same value, and our writer writes back byte for byte.
pub fn cbor(bytes: &[u8]) {
    let Ok(value) = Value::parse(bytes, RECORD_DEPTH_MAX) else { return };
    assert_eq!(value.to_bytes(), bytes, "one value, one encoding");
    let theirs: ciborium::Value = ciborium::from_reader(bytes).expect("ciborium reads what we read");
    assert!(same_as_ciborium(&value, &theirs), "{value:?} is {theirs:?} to ciborium");
    let mut decoder = minicbor::Decoder::new(bytes);
    assert!(same_as_minicbor(&value, &mut decoder), "{value:?} is another value to minicbor");
    assert_eq!(decoder.position(), bytes.len(), "minicbor reads as far as we do");
}

/// Notes and checkpoints: no panic, and what reads as a checkpoint writes the same text.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(note) = Note::parse(bytes) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(&note.text) {
        assert_eq!(checkpoint.text(), note.text, "one checkpoint, one text");
    }
}

/// The one door: no panic; what reads as a receipt writes the same text; and nothing verifies that wasn't signed, since
/// the key that the trust file names is one that nobody holds.
pub fn receipt(bytes: &[u8]) {
    let trust = Trust::parse(TRUST).expect("a valid trust file");
    assert!(
        Verifier { trust: &trust, now_ms: Some(0) }.receipt(bytes, &[]).is_err(),
        "a receipt verified under a key that signed none"
    );
    let Ok((receipt, _)) = Receipt::parse(bytes) else { return };
    assert_eq!(receipt.to_text().as_bytes(), bytes, "one receipt, one text");
    if let Ok(AnyRecord::Known(record)) = Record::parse(&receipt.record) {
        assert_eq!(record.to_bytes(), receipt.record, "one record, one encoding");
    }
}

/// Trust files: no panic, and a quorum never holds on fewer witnesses than it holds on more.
pub fn trust(bytes: &[u8]) {
    let Ok(trust) = Trust::parse(bytes) else { return };
    if trust.quorum().is_none() {
        assert!(trust.quorum_holds(|_| false), "no quorum is demanded");
    } else {
        assert!(!trust.quorum_holds(|_| false), "a quorum without a cosignature");
    }
    assert!(trust.quorum_holds(|_| true), "every group can be satisfied");
}

/// JSON to claims: no panic; what is accepted seals within the limits, and reads back as the same JSON values.
pub fn submission(bytes: &[u8]) {
    let Ok(submission) = Submission::parse(bytes) else { return };
    let json = submission.to_json().to_string();
    let again = Submission::parse(json.as_bytes()).expect("what was accepted is accepted again");
    assert_eq!((again.claims(), again.evidence()), (submission.claims(), submission.evidence()));
    let mut salts = 1u128..;
    let salted = submission.with_salts(|| salts.next().unwrap_or(1).to_be_bytes());
    if let Ok(section) = salted.and_then(Submission::seal) {
        assert_eq!(Section::parse(&section.to_bytes()).as_ref(), Ok(&section), "what is sealed is a section");
    }
}

/// Sequences of submissions in CBOR: no panic; what is split off is all of the bytes; and what is accepted is sealed as
/// it came, which is what encoding its claims anew gives, and is accepted in JSON as the same.
pub fn cbor_submission(bytes: &[u8]) {
    let items: Vec<_> = Sequence::new(bytes, 64).collect();
    let whole: Vec<&[u8]> = items.iter().flatten().copied().collect();
    assert!(bytes.starts_with(&whole.concat()), "items lie one after the other");
    assert!(whole.len() < items.len() || whole.concat() == bytes, "nothing is left out");
    if Submission::parse_cbor(bytes).is_ok() {
        assert_eq!(whole, [bytes], "a submission is an item, and ends where it does");
    }
    for item in whole {
        let Ok(submission) = Submission::parse_cbor(item) else { continue };
        let section =
            submission.clone().seal().expect("what was accepted has salts and is within its limits");
        assert!(item[2..].starts_with(&section.to_bytes()), "one section, one encoding");
        let encoded = submission.clone().encode().expect("it came encoded");
        let kind = submission.kind().kind;
        let nothing =
            EncodedSection::of_claims(kind, std::iter::empty()).expect("no claims are no section too large");
        let as_it_came = Sealed::of_encoded(&encoded, &nothing);
        assert_eq!(as_it_came, Sealed::new(kind, &section, &Section::default()));
        let json = submission.to_json().to_string();
        let json = Submission::parse(json.as_bytes()).expect("what CBOR says can be said in JSON");
        assert_eq!((json.kind(), json.claims()), (submission.kind(), submission.claims()));
        assert_eq!(json.evidence(), submission.evidence());
        assert_eq!(json.seal().as_ref(), Ok(&section), "under the same salts");
    }
}

/// Journal frames: no panic and no unbounded memory on any bytes, and what decodes is within what was given.
pub fn frame(bytes: &[u8]) {
    let Ok(frame) = provlog_engine::frame::decode(bytes) else { return };
    assert_eq!(frame.header().frame_bytes, bytes.len(), "a frame is all of its bytes");
    assert_eq!(frame.records().len(), frame.header().count);
    let _ = frame.check_sections();
}

/// A package of files that are each a line with its name and length, and its bytes.
struct Package<'a>(Vec<(String, &'a [u8])>);

impl<'a> Package<'a> {
    fn split(mut bytes: &'a [u8]) -> Option<Self> {
        let mut files = Vec::new();
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            let (line, rest) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]);
            let (name, length) = line.split_once(' ')?;
            let (file, rest) = rest.split_at_checked(length.parse().ok()?)?;
            files.push((name.to_string(), file));
            bytes = rest;
        }
        Some(Self(files))
    }
}

impl Files for Package<'_> {
    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
        let file = self.0.iter().find(|(found, _)| found == name);
        file.map(|(_, bytes)| Box::new(Rest(bytes)) as _).ok_or_else(|| Unreadable("no such file".into()))
    }
}

struct Rest<'a>(&'a [u8]);

impl Stream for Rest<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        let (now, later) = self.0.split_at(self.0.len().min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}

/// Packages: no panic; nothing verifies that wasn't signed, and no record of it is read; and a manifest that is read is
/// written and read as the same. Then the tree that it claims is signed, so that the records are read.
pub fn package(bytes: &[u8]) {
    let Some(mut package) = Package::split(bytes) else { return };
    let trust = Trust::parse(TRUST).expect("a valid trust file");
    let refused = Verifier::new(&trust).package(&package).expect_err("refused under a key that signed none");
    assert!(refused.report().is_none_or(|report| !report.records_read), "nobody signed a size");
    let Some((_, bytes)) = package.0.iter().find(|(name, _)| name == MANIFEST) else { return };
    let Ok(mut manifest) = Manifest::parse(bytes) else { return };
    assert_eq!(Manifest::parse(&manifest.to_bytes()).as_ref(), Ok(&manifest), "one manifest, one meaning");

    let signer = LogSigner::from_seed("example.com/fuzz", &[1; 32]).expect("a key");
    let (size, root) = (manifest.checkpoint.size, manifest.checkpoint.root);
    let signed = Checkpoint { origin: signer.verifier().name().into(), size, root }.sign(&signer);
    manifest.origin = signer.verifier().name().into();
    for file in manifest.files.iter_mut().filter(|file| file.name == CHECKPOINT) {
        (file.size, file.sha256) = (size_of(signed.as_bytes()), Hash::plain(signed.as_bytes()));
    }
    let manifest = manifest.to_bytes();
    package.0.retain(|(name, _)| name != CHECKPOINT && name != MANIFEST);
    package.0.extend([(CHECKPOINT.into(), signed.as_bytes()), (MANIFEST.into(), &manifest[..])]);
    let trust =
        Trust::parse(Trust::text_for(signer.verifier(), None).as_bytes()).expect("a valid trust file");
    if let Err(refused) = Verifier::new(&trust).package(&package) {
        assert!(refused.report().is_none_or(|report| report.records_read), "the log signed the size");
    }
}

fn size_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits in 64 bits")
}

/// Multi-proofs: the tree's size in 8 bytes, the number of leaves in 1, each leaf's index in 8, and the nodes. No panic, and
/// a proof that holds together takes every leaf and every node: with one fewer or one more of them it doesn't.
pub fn multiproof(bytes: &[u8]) {
    let Some((size, rest)) = bytes.split_first_chunk::<8>() else { return };
    let Some((count, rest)) = rest.split_first() else { return };
    let Some((indices, nodes)) = rest.split_at_checked(usize::from(*count) * 8) else { return };
    let size = u64::from_be_bytes(*size) >> 11;
    let leaf = |index: &[u8; 8]| (u64::from_be_bytes(*index) >> 11, Hash::leaf(index));
    let leaves: Vec<(u64, Hash)> = indices.as_chunks::<8>().0.iter().map(leaf).collect();
    let nodes: Vec<Hash> = nodes.as_chunks::<32>().0.iter().copied().map(Hash).collect();
    if root_from_multiproof(size, leaves.clone(), nodes.clone()).is_err() {
        return;
    }
    assert!(leaves.is_sorted_by(|a, b| a.0 < b.0) && leaves.iter().all(|(index, _)| *index < size));
    let more = nodes.iter().copied().chain([Hash::empty_root()]);
    assert!(root_from_multiproof(size, leaves.clone(), more).is_err(), "a node left over");
    if let Some((_, fewer)) = nodes.split_last() {
        assert!(root_from_multiproof(size, leaves, fewer.iter().copied()).is_err(), "a node missing");
    }
}

/// Entry bundles, behind a byte with the number of entries that they should hold: no panic; the whole entries lie one
/// after the other, each behind its length, and are all of the bytes or the bundle is refused; cut there, it is in order.
pub fn bundle(bytes: &[u8]) {
    let Some((width, bytes)) = bytes.split_first() else { return };
    let (found, whole) = entries(bytes, usize::from(*width));
    let length = found.iter().map(|entry| 2 + entry.len()).sum::<usize>();
    assert_eq!(whole.is_ok(), found.len() == usize::from(*width) && length == bytes.len());
    let cut = clip(bytes.to_vec(), found.len());
    assert_eq!(cut, bytes[..length], "what is cut off is what isn't whole");
    assert_eq!(entries(&cut, found.len()), (found.clone(), Ok(())));
    let ours = found.iter().map(|entry| <&[u8; ENTRY_BYTES]>::try_from(*entry).ok());
    if let Some(ours) = ours.collect::<Option<Vec<_>>>() {
        let mut written = Vec::new();
        ours.into_iter().for_each(|entry| push_entry(&mut written, entry));
        assert_eq!(written, cut, "one bundle, one writing");
    }
}

/// SSH signatures, in their armor or (what doesn't start as one) as the bytes within: no panic, none is of a message that nobody
/// signed, and the key that it names is written and read as the same. So is a key that is all of the bytes.
pub fn sshsig(bytes: &[u8]) {
    let parsed = if bytes.starts_with(b"-----") {
        SshSignature::parse(bytes)
    } else {
        let base64 = Base64::encode_string(bytes);
        let lines = base64.as_bytes().chunks(70).map(|line| [line, b"\n"].concat());
        let (header, footer) = (b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n");
        SshSignature::parse(&[&header[..], &lines.collect::<Vec<_>>().concat(), footer].concat())
    };
    let parsed = parsed.inspect(|signature| {
        let refused = signature.verify("provlog-fuzz", b"a message that nobody signed");
        assert!(refused.is_err(), "a signature that nobody made");
    });
    for key in [parsed.map(|signature| signature.claimed_key().clone()).ok(), SshKey::from_blob(bytes).ok()] {
        let Some(key) = key else { continue };
        let text = key.to_string();
        let (key_type, base64) = text.split_once(' ').expect("two fields");
        assert_eq!(SshKey::parse(key_type, base64), Ok(key), "one key, one text");
    }
}

/// Rosters: no panic; what is read is the same from its members, and every name leads to one person.
pub fn roster(bytes: &[u8]) {
    let Ok(roster) = Roster::parse(bytes) else { return };
    let members: Vec<&str> = roster.members().collect();
    assert_eq!(Roster::from_members(members.iter().copied()).as_ref(), Ok(&roster), "one line, one form");
    assert_eq!(Roster::parse(members.join("\n").as_bytes()).as_ref(), Ok(&roster), "members are lines");
    for person in roster.persons() {
        assert!(person.aliases().any(|alias| alias == person.id()), "the id is an alias");
        assert!(person.aliases().all(|alias| roster.person(alias) == Some(person)), "one name, one person");
    }
}

/// Approval statements, and the times that stand in them: no panic; a text is either only as it would be written, and what a
/// statement says makes the same.
pub fn statement(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    assert!(read_rfc3339(text).is_none_or(|ms| rfc3339(ms) == text), "one time, one text");
    assert!(read_rfc3339_s(text).is_none_or(|time_s| rfc3339_s(time_s) == text), "one second, one text");
    let Ok(statement) = Statement::parse(bytes) else { return };
    assert_eq!(statement.to_text().as_bytes(), bytes, "one statement, one text");
    assert_eq!(Statement::new(statement.fields().clone()).as_ref(), Ok(&statement), "what it says makes it");
}

/// Tokens: no panic; nothing verifies that wasn't signed; and of what says that it is bound a workload is computed that fits
/// its claim.
pub fn jwt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = || UnverifiedToken::parse(text).and_then(|token| token.of_submission(ORIGIN, &DIGEST, AT_MS));
    let (Ok(token), Ok(bound)) = (UnverifiedToken::parse(text), read()) else { return };
    assert!(bound.window().contains(AT_MS), "it holds then");
    let workload = Workload::of_unverified_token(&bound);
    assert!(workload.identity.contains(&token.issuer().to_string()), "who it is names who says so");
    assert_eq!(check_claim("workload", &Value::Map(workload.value)), None);
    let keys = [Jwk::parse(JWK.as_bytes()).expect("a key")];
    let by_kid = IssuerKeys::by_kid(token.issuer(), &keys);
    let by_thumbprint = IssuerKeys::by_thumbprint(token.issuer(), &keys, keys[0].thumbprint());
    assert!(bound.verified(by_kid).is_err(), "a token verified under a key that signed none");
    assert!(read().is_ok_and(|bound| bound.verified(by_thumbprint).is_err()));
}

/// Keys, sets of them and bundles: no panic; and what is read has one form as a member, and reads back as the same.
pub fn jwk(bytes: &[u8]) {
    let round = |key: &Jwk| assert_eq!(Jwk::from_member(&key.to_member()).as_ref(), Ok(key));
    Jwk::parse(bytes).iter().for_each(round);
    Jwks::parse(bytes).iter().flat_map(|set| &set.keys).for_each(round);
    let round = |member: &BundleMember| {
        assert_eq!(BundleMember::parse(&member.to_string()).as_ref(), Ok(member));
    };
    Bundle::parse(bytes).iter().flat_map(|bundle| &bundle.members).for_each(round);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = Jwk::from_member(text) {
        assert_eq!(key.to_member(), text, "one key, one member");
    }
    if let Ok(member) = BundleMember::parse(text) {
        assert_eq!(member.to_string(), text, "one member, one text");
    }
}

/// Chains of certificates, each behind its length in two bytes: no panic; what is read has nothing left over; and no
/// signature is none.
pub fn svid(mut bytes: &[u8]) {
    let mut chain = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let Some((der, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            return;
        };
        chain.push(der.to_vec());
        bytes = rest;
    }
    for der in &chain {
        let Ok(ca) = Ca::parse(der) else { continue };
        assert_eq!(ca.der(), der);
        assert!(Ca::parse(&[der, &[0][..]].concat()).is_err(), "a CA and something behind it");
    }
    if let Ok(svid) = UnverifiedSvid::parse(&chain) {
        assert!(!svid.trust_domain().as_str().is_empty());
        assert!(svid.signed(ORIGIN, &DIGEST, &[], AT_MS).is_err(), "no signature is none");
        chain[0].push(0);
        assert!(UnverifiedSvid::parse(&chain).is_err(), "a certificate and something behind it");
    }
}

fn same_as_ciborium(ours: &Value, theirs: &ciborium::Value) -> bool {
    match (ours, theirs) {
        (Value::Integer(ours), ciborium::Value::Integer(theirs)) => i128::from(*ours) == i128::from(*theirs),
        (Value::Bytes(ours), ciborium::Value::Bytes(theirs)) => ours == theirs,
        (Value::Text(ours), ciborium::Value::Text(theirs)) => ours == theirs,
        (Value::Bool(ours), ciborium::Value::Bool(theirs)) => ours == theirs,
        (Value::Null, ciborium::Value::Null) => true,
        (Value::Array(ours), ciborium::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same_as_ciborium(a, b))
        }
        (Value::Map(ours), ciborium::Value::Map(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|((key, a), (other, b))| other.as_text() == Some(key) && same_as_ciborium(a, b))
        }
        _ => false,
    }
}

fn same_as_minicbor(ours: &Value, theirs: &mut minicbor::Decoder<'_>) -> bool {
    match ours {
        Value::Integer(ours) => theirs.i64().is_ok_and(|theirs| theirs == *ours),
        Value::Bytes(ours) => theirs.bytes().is_ok_and(|theirs| theirs == ours),
        Value::Text(ours) => theirs.str().is_ok_and(|theirs| theirs == ours),
        Value::Bool(ours) => theirs.bool().is_ok_and(|theirs| theirs == *ours),
        Value::Null => theirs.null().is_ok(),
        Value::Array(ours) => {
            let length = theirs.array().ok().flatten();
            length == u64::try_from(ours.len()).ok() && ours.iter().all(|item| same_as_minicbor(item, theirs))
        }
        Value::Map(ours) => {
            let length = theirs.map().ok().flatten();
            length == u64::try_from(ours.len()).ok()
                && ours.iter().all(|(key, value)| {
                    theirs.str().is_ok_and(|theirs| theirs == key) && same_as_minicbor(value, theirs)
                })
        }
    }
}
