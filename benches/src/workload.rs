//! Requests, built once and patched in place: an append costs its sender sixteen hex digits per entry.

use clap::ValueEnum;
use provlog_core::Hash;
use provlog_core::tree::{Resource, TILE_HASHES, Tile};
use std::fmt::Write as _;
use std::io::Write as _;

/// Stands in a fresh template where the subject's digest goes: 32 bytes of 0xff in hex.
const PLACE: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// Hex digits of a u64: the part of a subject's digest that numbers the entry. The rest is the run's.
const NUMBER_DIGITS: usize = 16;

/// What the requests ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Mode {
    /// Append one entry: POST /v1/entries.
    Single,
    /// Append many entries at once: POST /v1/entries/batch, as NDJSON.
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
    Append { template: Vec<u8>, places: Vec<usize> },
    Read { mode: Mode, size: u64 },
}

impl Workload {
    /// Appends of `batch` submissions a request, or of one each when it is `None`. Without `receipts` a batch asks for
    /// indices alone.
    #[must_use]
    pub fn append(host: &str, batch: Option<usize>, receipts: bool, seed: u64) -> Self {
        let line = submission(PLACE, seed);
        let body = batch.map_or_else(|| line.clone(), |lines| format!("{line}\n").repeat(lines));
        let (path, content_type) = match batch {
            None => ("/v1/entries", "application/json"),
            Some(_) if receipts => ("/v1/entries/batch", "application/x-ndjson"),
            Some(_) => ("/v1/entries/batch?receipts=false", "application/x-ndjson"),
        };
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let places = request.match_indices(PLACE).map(|(place, _)| place).collect();
        let template = request.replace(PLACE, &subject_hex(0, seed)).into_bytes();
        Self { host: host.into(), seed, requests: Requests::Append { template, places } }
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
        Ok(Self { host: host.into(), seed, requests: Requests::Read { mode, size } })
    }

    /// Entries that one request appends; 0 for reads.
    #[must_use]
    pub const fn entries_per_request(&self) -> usize {
        match &self.requests {
            Requests::Append { places, .. } => places.len(),
            Requests::Read { .. } => 0,
        }
    }

    /// Turns `request`, empty or any earlier request of this workload, into request number `serial`.
    pub fn fill(&self, request: &mut Vec<u8>, serial: u64) {
        match &self.requests {
            Requests::Append { template, places } => {
                if request.len() != template.len() {
                    request.clone_from(template);
                }
                for (line, place) in places.iter().enumerate() {
                    write_hex(&mut request[*place..][..NUMBER_DIGITS], self.entry_number(serial, line));
                }
            }
            Requests::Read { mode, size } => {
                request.clear();
                let path = read_path(*mode, *size, mix(serial ^ self.seed));
                // Writing to a vector cannot fail.
                let _ = write!(request, "GET /{path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
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

fn subject(number: u64, seed: u64) -> [u8; 32] {
    let mut digest = Hash::plain(&seed.to_be_bytes()).0;
    digest[..8].copy_from_slice(&number.to_be_bytes());
    digest
}

fn subject_hex(number: u64, seed: u64) -> String {
    Hash(subject(number, seed)).to_hex()
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

    #[test]
    fn every_line_of_every_request_has_the_subject_that_the_sample_is_checked_for() {
        let workload = Workload::append("localhost:1", Some(3), true, 7);
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
    fn a_submission_is_what_the_figures_say_it_is() {
        let text = submission(PLACE, 1);
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
