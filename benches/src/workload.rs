//! Requests, built once and patched in place: an append costs its sender eight bytes of a digest per entry, or their
//! sixteen hex digits.

use clap::ValueEnum;
use provlog_core::Hash;
use provlog_core::cbor::Writer;
use provlog_core::submission::{Submission, SubmissionError};
use provlog_core::tree::{Resource, TILE_HASHES, Tile};
use std::fmt::Write as _;
use std::io::Write as _;

/// Stands in a fresh template where the subject's digest goes: 32 bytes of 0xff, and the same in hex.
const PLACE: [u8; 32] = [0xff; 32];
const PLACE_HEX: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// Bytes of a u64: the part of a subject's digest that numbers the entry. The rest is the run's.
const NUMBER_BYTES: usize = 8;

/// What the requests ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Mode {
    /// Append one entry: POST /v1/entries.
    Single,
    /// Append many entries at once: POST /v1/entries/batch.
    Batch,
    /// GET /checkpoint.
    Checkpoint,
    /// Full hash tiles of level 0, at random.
    Tile,
    /// Full entry bundles, at random.
    Bundle,
    /// Inclusion proofs of random entries at the size that the log had at the start.
    Proof,
    /// Receipts of random entries.
    Receipt,
    /// Records of random entries.
    Record,
    /// Records and inclusion proofs of random entries, as many of the ones as of the others.
    RecordsAndProofs,
}

impl Mode {
    /// Whether the requests add entries.
    #[must_use]
    pub const fn appends(self) -> bool {
        matches!(self, Self::Single | Self::Batch)
    }
}

/// The form of what is appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum BodyForm {
    /// JSON, NDJSON in batches, without salts.
    Json,
    /// CBOR, a sequence in batches, with salts: the same in each entry, since only the subject differs.
    Cbor,
}

impl BodyForm {
    /// A subject's digest as it stands in a body.
    fn digest(self, digest: [u8; 32]) -> Vec<u8> {
        match self {
            Self::Json => Hash(digest).to_hex().into_bytes(),
            Self::Cbor => digest.to_vec(),
        }
    }

    /// Puts the number of an entry where its subject's digest starts.
    fn write_number(self, digest: &mut [u8], number: u64) {
        match self {
            Self::Json => write_hex(&mut digest[..2 * NUMBER_BYTES], number),
            Self::Cbor => digest[..NUMBER_BYTES].copy_from_slice(&number.to_be_bytes()),
        }
    }
}

/// How entries are appended.
#[derive(Clone, Copy, Debug)]
pub struct Appends<'a> {
    /// The form of the body.
    pub form: BodyForm,
    /// Submissions a request; none for one that is no batch.
    pub batch: Option<usize>,
    /// Where they are sent.
    pub path: &'a str,
    /// The token that they are sent with.
    pub token: Option<&'a str>,
}

impl Default for Appends<'_> {
    /// One at a time, in JSON, answered with its receipt.
    fn default() -> Self {
        Self { form: BodyForm::Json, batch: None, path: "/v1/entries", token: None }
    }
}

/// A mode that the log is too small for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a log of at least {needed} entries is needed to read from, got {got}")]
pub struct LogTooSmall {
    needed: u64,
    got: u64,
}

/// All requests of a run, by number.
#[derive(Clone, Debug)]
pub struct Workload {
    host: String,
    /// Makes runs differ: no entry of one run is one of another's.
    seed: u64,
    requests: Requests,
}

#[derive(Clone, Debug)]
enum Requests {
    Append {
        form: BodyForm,
        template: Vec<u8>,
        places: Vec<usize>,
    },
    Read {
        mode: Mode,
        size: u64,
        has: Option<String>,
    },
    /// Each of its own, in their order.
    Given(Vec<Vec<u8>>),
}

impl Workload {
    /// Appends as `appends` says.
    ///
    /// # Errors
    /// None: [`submission`] makes valid ones.
    pub fn append(host: &str, appends: &Appends<'_>, seed: u64) -> Result<Self, SubmissionError> {
        let Appends { form, batch, path, token } = *appends;
        let one = match (form, batch) {
            (BodyForm::Json, None) => submission(PLACE_HEX, seed).into_bytes(),
            (BodyForm::Json, Some(_)) => (submission(PLACE_HEX, seed) + "\n").into_bytes(),
            (BodyForm::Cbor, _) => cbor_submission(PLACE_HEX, seed)?,
        };
        let content_type = match (form, batch) {
            (BodyForm::Json, None) => "application/json",
            (BodyForm::Json, Some(_)) => "application/x-ndjson",
            (BodyForm::Cbor, None) => "application/cbor",
            (BodyForm::Cbor, Some(_)) => "application/cbor-seq",
        };
        let body = one.repeat(batch.unwrap_or(1));
        let length = body.len();
        let caller = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{caller}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut template = [head.into_bytes(), body].concat();
        let places = places(&template, &form.digest(PLACE));
        let digest = form.digest(subject(0, seed));
        for place in &places {
            template[*place..][..digest.len()].copy_from_slice(&digest);
        }
        Ok(Self { host: host.into(), seed, requests: Requests::Append { form, template, places } })
    }

    /// Reads from a log of `size` entries.
    ///
    /// # Errors
    /// When the log has nothing of the kind to read.
    pub fn read(host: &str, mode: Mode, size: u64, seed: u64) -> Result<Self, LogTooSmall> {
        let needed = if matches!(mode, Mode::Tile | Mode::Bundle) { TILE_HASHES } else { 1 };
        if size < needed {
            return Err(LogTooSmall { needed, got: size });
        }
        Ok(Self { host: host.into(), seed, requests: Requests::Read { mode, size, has: None } })
    }

    /// Sends these appends of one entry, each once: what can't be made while it is measured.
    #[must_use]
    pub fn given(host: &str, requests: Vec<Vec<u8>>) -> Self {
        Self { host: host.into(), seed: 0, requests: Requests::Given(requests) }
    }

    /// Whether there is a request of this number.
    #[must_use]
    pub fn has(&self, serial: u64) -> bool {
        let Requests::Given(requests) = &self.requests else { return true };
        usize::try_from(serial).is_ok_and(|serial| serial < requests.len())
    }

    /// The same reads by a client that has answers of this entity tag: 304 is what it wants to hear.
    #[must_use]
    pub fn having(mut self, entity_tag: &str) -> Self {
        if let Requests::Read { has, .. } = &mut self.requests {
            *has = Some(entity_tag.into());
        }
        self
    }

    /// Entries that one request appends; 0 for reads.
    #[must_use]
    pub const fn entries_per_request(&self) -> usize {
        match &self.requests {
            Requests::Append { places, .. } => places.len(),
            Requests::Given(_) => 1,
            Requests::Read { .. } => 0,
        }
    }

    /// Turns `request`, empty or any earlier request of this workload, into request number `serial`, which there is.
    pub fn fill(&self, request: &mut Vec<u8>, serial: u64) {
        match &self.requests {
            Requests::Given(requests) => {
                let given = usize::try_from(serial).ok().and_then(|serial| requests.get(serial));
                request.clone_from(given.unwrap_or(&Vec::new()));
            }
            Requests::Append { form, template, places } => {
                if request.len() != template.len() {
                    request.clone_from(template);
                }
                for (line, place) in places.iter().enumerate() {
                    form.write_number(&mut request[*place..], self.entry_number(serial, line));
                }
            }
            Requests::Read { mode, size, has } => {
                request.clear();
                let path = read_path(*mode, *size, mix(serial ^ self.seed));
                // Writing to a vector cannot fail.
                let _ = write!(request, "GET /{path} HTTP/1.1\r\nHost: {}\r\n", self.host);
                if let Some(tag) = has {
                    let _ = write!(request, "If-None-Match: {tag}\r\n");
                }
                request.extend_from_slice(b"\r\n");
            }
        }
    }

    /// The subject's SHA-256, as claimed by line `line` of request `serial`.
    #[must_use]
    pub fn subject(&self, serial: u64, line: usize) -> [u8; 32] {
        subject(self.entry_number(serial, line), self.seed)
    }

    fn entry_number(&self, serial: u64, line: usize) -> u64 {
        let per_request = u64::try_from(self.entries_per_request()).unwrap_or(u64::MAX);
        serial.wrapping_mul(per_request).wrapping_add(u64::try_from(line).unwrap_or(u64::MAX))
    }
}

/// A `promotion` of twelve submitted claims and about 1 KiB, as a pipeline would send it; every name in it is made up.
#[must_use]
pub fn submission(subject_sha256_hex: &str, seed: u64) -> String {
    let digest = |what: &str| Hash::plain(format!("{what} {seed}").as_bytes()).to_hex();
    let (prompt, policy, context) = (digest("prompt"), digest("policy"), digest("context"));
    let alice = r#"{"id":"alice@example.com","kind":"human"}"#;
    let claims = [
        ("subject", format!(r#"[{{"name":"service.tar.gz","digest":{{"sha256":"{subject_sha256_hex}"}}}}]"#)),
        ("model", r#"{"provider":"example","name":"example-coder","version":"2026-05-01"}"#.into()),
        ("prompt_hash", format!(r#"{{"sha256":"{prompt}"}}"#)),
        ("approvals", format!(r#"[{{"approver":{alice},"method":"pull-request-review"}}]"#)),
        ("policy", format!(r#"{{"name":"release","version":"12","digest":{{"sha256":"{policy}"}}}}"#)),
        ("environment", r#""production""#.into()),
        ("decision", r#"{"outcome":"allow","reasons":["all checks passed"]}"#.into()),
        ("agent", r#"{"name":"example-agent","version":"1.4.0"}"#.into()),
        ("session", format!(r#"{{"id":"session-{seed:016x}"}}"#)),
        ("context", format!(r#"[{{"name":"src/lib.rs","digest":{{"sha256":"{context}"}}}}]"#)),
        ("human_involvement", format!(r#"{{"level":"reviewed","by":[{alice}]}}"#)),
        ("tools", r#"[{"name":"cargo","version":"1.95.0"}]"#.into()),
    ];
    let mut body = String::from(r#"{"kind":"promotion","claims":{"#);
    for (place, (name, value)) in claims.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(body, "{comma}\"{name}\":{value}");
    }
    body + "}}"
}

/// The same submission in CBOR (SPEC.md section 4.4), as a client that makes its own salts would send it. The seed fixes
/// them: drawing randomness is not in what is measured.
///
/// # Errors
/// None: [`submission`] makes valid ones.
pub fn cbor_submission(subject_sha256_hex: &str, seed: u64) -> Result<Vec<u8>, SubmissionError> {
    let mut drawn = 0;
    let draw = || {
        drawn += 1;
        (u128::from(mix(seed ^ drawn)) << 64 | u128::from(drawn)).to_be_bytes()
    };
    let submission = Submission::parse(submission(subject_sha256_hex, seed).as_bytes())?.with_salts(draw)?;
    let mut writer = Writer::new();
    writer.array(2);
    writer.integer(submission.kind().kind.number().into());
    writer.encoded(&submission.seal()?.to_bytes());
    Ok(writer.into_bytes())
}

fn subject(number: u64, seed: u64) -> [u8; 32] {
    let mut digest = Hash::plain(&seed.to_be_bytes()).0;
    digest[..NUMBER_BYTES].copy_from_slice(&number.to_be_bytes());
    digest
}

/// Where in `template` the digest stands that is to be replaced.
fn places(template: &[u8], digest: &[u8]) -> Vec<usize> {
    let windows = template.windows(digest.len()).enumerate();
    windows.filter(|(_, window)| *window == digest).map(|(place, _)| place).collect()
}

fn read_path(mode: Mode, size: u64, random: u64) -> String {
    let index = random % size;
    let tile = Tile { level: 0, index: random % (size / TILE_HASHES).max(1), width: 256 };
    match mode {
        Mode::Tile => Resource::Hashes(tile).to_string(),
        Mode::Bundle => Resource::Entries(tile).to_string(),
        Mode::Proof => format!("v1/entries/{index}/proof?size={size}"),
        Mode::Receipt => format!("v1/entries/{index}/receipt"),
        Mode::Record => format!("v1/entries/{index}"),
        Mode::RecordsAndProofs => {
            let mode = if random >> 63 == 0 { Mode::Record } else { Mode::Proof };
            read_path(mode, size, random)
        }
        Mode::Single | Mode::Batch | Mode::Checkpoint => "checkpoint".into(),
    }
}

fn write_hex(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        let [low, ..] = (number & 15).to_le_bytes();
        *digit = if low < 10 { b'0' + low } else { b'a' + low - 10 };
        number >>= 4;
    }
}

/// The finaliser of splitmix64: numbers in sequence become numbers all over the place.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::cbor::Sequence;

    #[test]
    fn every_line_of_every_request_has_the_subject_that_the_sample_is_checked_for() {
        let workload =
            Workload::append("localhost:1", &Appends { batch: Some(3), ..Appends::default() }, 7).unwrap();
        let mut request = Vec::new();
        for serial in [0, 1, 5] {
            workload.fill(&mut request, serial);
            let text = core::str::from_utf8(&request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}", body.len())));
            assert_eq!(body.lines().count(), 3);
            for (line, text) in body.lines().enumerate() {
                let subject = Hash(workload.subject(serial, line)).to_hex();
                assert_eq!(text, submission(&subject, 7));
            }
        }
    }

    #[test]
    fn every_item_of_every_sequence_has_its_subject_too() {
        for batch in [None, Some(3)] {
            let appends = Appends { form: BodyForm::Cbor, batch, ..Appends::default() };
            let workload = Workload::append("localhost:1", &appends, 7).unwrap();
            let mut request = Vec::new();
            for serial in [0, 1, 5] {
                workload.fill(&mut request, serial);
                let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
                let head = core::str::from_utf8(&request[..end]).unwrap();
                assert!(head.contains(&format!("Content-Length: {}\r\n", request.len() - end)), "{head}");
                let items = Sequence::new(&request[end..], 64);
                let items: Vec<&[u8]> = items.collect::<Result<_, _>>().unwrap();
                assert_eq!(items.len(), batch.unwrap_or(1));
                assert_eq!(workload.entries_per_request(), items.len());
                for (line, item) in items.into_iter().enumerate() {
                    let subject = Hash(workload.subject(serial, line)).to_hex();
                    assert_eq!(item, cbor_submission(&subject, 7).unwrap());
                    let json = Submission::parse(submission(&subject, 7).as_bytes()).unwrap();
                    assert_eq!(Submission::parse_cbor(item).unwrap().claims(), json.claims());
                }
            }
        }
    }

    #[test]
    fn a_submission_is_what_the_figures_say_it_is() {
        let text = submission(PLACE_HEX, 1);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["claims"].as_object().unwrap().len(), 12);
        assert!((900..1100).contains(&text.len()), "{}", text.len());
    }

    #[test]
    fn reads_stay_within_the_log() {
        let mut request = Vec::new();
        for serial in 0..100 {
            Workload::read("localhost:1", Mode::Tile, 600, 3).unwrap().fill(&mut request, serial);
            let text = core::str::from_utf8(&request).unwrap();
            assert!(text.starts_with("GET /tile/0/000 ") || text.starts_with("GET /tile/0/001 "), "{text}");
        }
        assert!(Workload::read("localhost:1", Mode::Bundle, 255, 3).is_err());
    }
}
