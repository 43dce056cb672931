//! The one door: does this receipt hold, for whoever believes this trust file, and is it about what was asked?
//!
//! `Ok` means that every check passed that had to. What was checked, and what nobody can check, stands in the
//! [`Report`]: callers cannot read more into "ok" than was proven. `SPEC.md` section 8 lists the checks by name.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::claims::{check_claim, kind_name};
use crate::entry::Kind;
use crate::expectation::Expectation;
use crate::hash::Hash;
use crate::note::Note;
use crate::receipt::{Receipt, ReceiptError};
use crate::record::{AnyRecord, Claim, Record, RecordError, SectionName};
use crate::tree::{inclusion_length, root_from_inclusion};
use crate::trust::Trust;
use crate::witness::verified_cosignature_time_s;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How one check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Proven.
    Pass,
    /// Refuted, or not provable where it had to be.
    Fail,
    /// Nothing is refuted, but someone should look.
    Warn,
    /// Not checked, because nothing asked for it or an earlier check failed.
    Skip,
    /// The claim is hidden, so it can't be compared. Where a comparison was asked for, that counts as a failure.
    NotDisclosed,
}

impl Status {
    /// `pass`, `fail`, `warn`, `skip` or `not disclosed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skip => "skip",
            Self::NotDisclosed => "not disclosed",
        }
    }

    /// Whether a check that ended so refuses what was checked.
    #[must_use]
    pub const fn refuses(self) -> bool {
        matches!(self, Self::Fail | Self::NotDisclosed)
    }
}

/// One check: what was looked at, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// Stable name, from the list in `SPEC.md` section 8.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// What had to be found, where there is such a thing.
    pub expected: Option<String>,
    /// What was found.
    pub got: Option<String>,
    /// A remark for people.
    pub remark: Option<String>,
}

impl Check {
    /// A check without details.
    #[must_use]
    pub fn new(name: impl Into<String>, status: Status) -> Self {
        Self { name: name.into(), status, expected: None, got: None, remark: None }
    }

    pub(crate) fn compared(name: &str, expected: impl ToString, got: impl ToString, holds: bool) -> Self {
        let status = if holds { Status::Pass } else { Status::Fail };
        Self { expected: Some(expected.to_string()), got: Some(got.to_string()), ..Self::new(name, status) }
    }

    pub(crate) fn remarked(name: impl Into<String>, status: Status, remark: impl Into<String>) -> Self {
        Self { remark: Some(remark.into()), ..Self::new(name, status) }
    }
}

/// Why something in a record may be believed, or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The submitter said so, and nothing proves it.
    AssertedBySubmitter,
    /// The log says that it verified it; whoever trusts the log key trusts that.
    AttestedByLog,
    /// The claim is there, but its value is not shown.
    NotDisclosed,
}

impl Standing {
    /// The sentence that is printed beside a claim.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AssertedBySubmitter => "asserted by submitter, not checked",
            Self::AttestedByLog => "attested by the log",
            Self::NotDisclosed => "not disclosed",
        }
    }
}

/// What was checked, and the facts that it was checked on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Every check, in the order of `SPEC.md` section 8.
    pub checks: Vec<Check>,
    /// The signed tree head.
    pub checkpoint: Checkpoint,
    /// The leaf's index.
    pub index: u64,
    /// The leaf hash.
    pub leaf_hash: Hash,
    /// The record, if its version is known.
    pub record: Option<Record>,
}

impl Report {
    /// Every claim with its standing, in the record's order.
    pub fn claims(&self) -> impl Iterator<Item = (SectionName, &str, Standing)> {
        self.record.iter().flat_map(|record| {
            SectionName::ALL.into_iter().flat_map(|section| {
                record
                    .section(section)
                    .iter()
                    .map(move |(name, claim)| (section, name, standing(section, claim)))
            })
        })
    }

    /// Names of the checks that refuse the receipt.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter(|check| check.status.refuses()).map(|check| check.name.as_str())
    }

    /// Whether nothing refuses the receipt but a quorum that may still come: cosignatures pending.
    #[must_use]
    pub fn only_quorum_missing(&self) -> bool {
        let mut refused = self.refused();
        refused.next() == Some(QUORUM) && refused.next().is_none()
    }
}

/// A report without a refusal. Only [`verify`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict(Report);

impl Verdict {
    /// What was checked.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.0
    }
}

/// Why a receipt is refused, the first class that applies.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VerifyError {
    /// The bytes are no receipt.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The checkpoint isn't one that the trust file believes: origin, signatures, quorum.
    #[error("untrusted checkpoint: {}", join(.0.refused()))]
    Untrusted(Box<Report>),
    /// The checkpoint is believed, but doesn't prove what was asked: inclusion, digests, expectations, version.
    #[error("not proven: {}", join(.0.refused()))]
    Failed(Box<Report>),
}

/// What is wrong with the bytes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// The receipt's text.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The checkpoint's lines.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The record's bytes.
    #[error(transparent)]
    Record(#[from] RecordError),
}

const QUORUM: &str = "quorum";

/// Verifies a receipt against a trust file and expectations. `now_ms`, where given, adds warnings and never more.
///
/// # Errors
/// [`VerifyError::Malformed`] before [`VerifyError::Untrusted`] before [`VerifyError::Failed`]; the last two carry the
/// whole report.
pub fn verify(
    receipt: &[u8],
    trust: &Trust,
    expectations: &[Expectation],
    now_ms: Option<u64>,
) -> Result<Verdict, VerifyError> {
    let (receipt, note) = Receipt::parse(receipt).map_err(Malformed::from)?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(Malformed::from)?;
    let any_record = Record::parse(&receipt.record).map_err(Malformed::from)?;
    let leaf_hash = any_record.leaf_hash();

    let mut checks = Vec::from([Check::new("format", Status::Pass)]);
    check_trust(&mut checks, &checkpoint, &note, trust);
    let untrusted = checks.iter().any(|check| check.status.refuses());
    check_digests(&mut checks, &any_record);
    check_inclusion(&mut checks, &receipt, &leaf_hash, &checkpoint);
    if let AnyRecord::Known(record) = &any_record {
        check_meaning(&mut checks, record, now_ms);
    }
    check_expectations(&mut checks, &any_record, expectations);

    let record = match any_record {
        AnyRecord::Known(record) => Some(record),
        AnyRecord::UnknownVersion { .. } => None,
    };
    let report = Report { checks, checkpoint, index: receipt.index, leaf_hash, record };
    if untrusted {
        Err(VerifyError::Untrusted(Box::new(report)))
    } else if report.refused().next().is_some() {
        Err(VerifyError::Failed(Box::new(report)))
    } else {
        Ok(Verdict(report))
    }
}

/// Verifies a checkpoint alone, as [`verify`] does the one in a receipt: origin, signatures, quorum.
///
/// # Errors
/// [`CheckpointRefused`], with the checks made where the bytes were a checkpoint.
pub fn verify_checkpoint(note: &[u8], trust: &Trust) -> Result<(Checkpoint, Vec<Check>), CheckpointRefused> {
    let note = Note::parse(note).map_err(|error| CheckpointRefused::Malformed(error.to_string()))?;
    let checkpoint =
        Checkpoint::parse(&note.text).map_err(|error| CheckpointRefused::Malformed(error.to_string()))?;
    let mut checks = Vec::new();
    check_trust(&mut checks, &checkpoint, &note, trust);
    if checks.iter().any(|check| check.status.refuses()) {
        Err(CheckpointRefused::Untrusted(checks))
    } else {
        Ok((checkpoint, checks))
    }
}

/// Why a checkpoint is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointRefused {
    /// Not a checkpoint in a signed note.
    #[error("{0}")]
    Malformed(String),
    /// Not one that the trust file believes.
    #[error("untrusted checkpoint: {}", join(.0.iter().filter(|check| check.status.refuses()).map(|check| check.name.as_str())))]
    Untrusted(Vec<Check>),
}

pub(crate) fn check_trust(checks: &mut Vec<Check>, checkpoint: &Checkpoint, note: &Note, trust: &Trust) {
    let key = trust.log();
    checks.push(Check::compared("origin", key.name(), &checkpoint.origin, checkpoint.origin == key.name()));

    let by_log: Vec<bool> = note
        .signatures
        .iter()
        .filter(|line| line.is_by(key))
        .map(|line| key.verifies(note.text.as_bytes(), &line.signature))
        .collect();
    let got = match (by_log.is_empty(), by_log.contains(&false)) {
        (true, _) => "none by this key",
        (false, true) => "one by this key that doesn't verify",
        (false, false) => "one by this key",
    };
    let holds = !by_log.is_empty() && !by_log.contains(&false);
    checks.push(Check::compared("log-signature", format!("one by {key}"), got, holds));

    let mut cosigned: Vec<bool> = Vec::with_capacity(trust.witnesses().len());
    let mut invalid = Vec::new();
    for witness in trust.witnesses() {
        let mut lines = note.signatures.iter().filter(|line| line.is_by(&witness.key)).peekable();
        let present = lines.peek().is_some();
        let valid = lines.all(|line| verified_cosignature_time_s(&witness.key, line, &note.text).is_some());
        if present && !valid {
            invalid.push(witness.name.as_str());
        }
        cosigned.push(present && valid);
    }
    let valid = trust.witnesses().iter().zip(&cosigned).filter(|(_, cosigned)| **cosigned);
    let valid: Vec<&str> = valid.map(|(witness, _)| witness.name.as_str()).collect();
    checks.push(if !invalid.is_empty() {
        let got = format!("invalid by {}", join(invalid.into_iter()));
        Check::compared("cosignatures", "only valid ones by known witnesses", got, false)
    } else if valid.is_empty() {
        Check::remarked("cosignatures", Status::Skip, "no known witness has cosigned")
    } else {
        Check { got: Some(join(valid.into_iter())), ..Check::new("cosignatures", Status::Pass) }
    });

    checks.push(match trust.quorum() {
        None => Check::remarked(QUORUM, Status::Skip, "the trust file demands no witness"),
        Some(name) => {
            let holds = trust.quorum_holds(|witness| cosigned.get(witness) == Some(&true));
            let got = if holds { "reached" } else { "cosignature pending" };
            Check::compared(QUORUM, name, got, holds)
        }
    });
}

fn check_digests(checks: &mut Vec<Check>, any_record: &AnyRecord) {
    let version = match any_record {
        AnyRecord::Known(_) => crate::entry::ENTRY_VERSION,
        AnyRecord::UnknownVersion { version, .. } => *version,
    };
    let known = crate::entry::ENTRY_VERSION;
    checks.push(Check::compared("entry-version", known, version, version == known));
    for section in SectionName::ALL {
        let name = format!("{section}-digest");
        checks.push(match any_record {
            AnyRecord::Known(record) => {
                let expected = record.committed_digest(section);
                let got = record.section(section).digest(section, record.entry.kind);
                Check::compared(&name, expected, got, expected == got)
            }
            AnyRecord::UnknownVersion { .. } => Check::new(name, Status::Skip),
        });
    }
}

fn check_inclusion(checks: &mut Vec<Check>, receipt: &Receipt, leaf_hash: &Hash, checkpoint: &Checkpoint) {
    let (index, size) = (receipt.index, checkpoint.size);
    checks.push(Check::compared("index", format!("below {size}"), index, index < size));
    let length = inclusion_length(index, size);
    checks.push(match length {
        Some(expected) => {
            let got = receipt.proof.len();
            Check::compared("proof-length", format!("{expected} hashes"), got, got == expected)
        }
        None => Check::new("proof-length", Status::Skip),
    });
    checks.push(match root_from_inclusion(index, size, leaf_hash, &receipt.proof) {
        Ok(got) => Check::compared("root", checkpoint.root, got, got == checkpoint.root),
        Err(_) => Check::new("root", Status::Skip),
    });
}

fn check_meaning(checks: &mut Vec<Check>, record: &Record, now_ms: Option<u64>) {
    checks.push(kind_check(record.entry.kind));
    for section in SectionName::ALL {
        for (name, claim) in record.section(section).iter() {
            let mismatch = claim.value().and_then(|value| check_claim(name, value));
            if let Some(mismatch) = mismatch {
                let check = format!("claim-type:{section}.{name}");
                checks.push(Check::remarked(check, Status::Warn, mismatch.to_string()));
            }
        }
    }
    let time_ms = record.entry.time_ms.get();
    if let Some(now_ms) = now_ms.filter(|now_ms| *now_ms < time_ms) {
        let remark = format!("the entry's time lies {} ms ahead of this clock", time_ms - now_ms);
        checks.push(Check::remarked("time", Status::Warn, remark));
    }
}

fn kind_check(kind: Kind) -> Check {
    match kind_name(kind) {
        Some(name) => Check { got: Some(name.into()), ..Check::new("kind", Status::Pass) },
        None => {
            let remark = format!("kind {} is not known to this version", kind.number());
            Check::remarked("kind", Status::Warn, remark)
        }
    }
}

fn check_expectations(checks: &mut Vec<Check>, any_record: &AnyRecord, expectations: &[Expectation]) {
    if !expectations.iter().any(|expectation| matches!(expectation, Expectation::Subject(_))) {
        checks.push(Check::remarked("subject", Status::Skip, "not compared"));
    }
    for expectation in expectations {
        checks.push(match any_record {
            AnyRecord::Known(record) => expectation.check(record),
            AnyRecord::UnknownVersion { .. } => Check::compared(
                &expectation.check_name(),
                expectation.expected(),
                "an entry version that is not known",
                false,
            ),
        });
    }
}

const fn standing(section: SectionName, claim: &Claim) -> Standing {
    match (claim, section) {
        (Claim::Hidden(_), _) => Standing::NotDisclosed,
        (_, SectionName::Submitted) => Standing::AssertedBySubmitter,
        (_, SectionName::Attested) => Standing::AttestedByLog,
    }
}

pub(crate) fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
