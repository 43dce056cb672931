//! The one door: does this hold, for whoever believes this trust file, and is it about what was asked?
//!
//! `Ok` means that every check passed that had to. What was checked, and what nobody can check, stands in the
//! report: callers cannot read more into "ok" than was proven. `SPEC.md` sections 8 and 11.7 list the checks by name.

use crate::check::{Check, Class, Judged, Refused, Report, Status, add, judge};
use crate::checkpoint::Checkpoint;
use crate::claims::{check_claim, kind_name};
use crate::entry::{ENTRY_VERSION, Kind};
use crate::expectation::Expectation;
use crate::hash::Hash;
use crate::note::Note;
use crate::package::{self, Files, PackageReport};
use crate::receipt::Receipt;
use crate::record::{AnyRecord, Claim, Record, SectionName};
use crate::tree::{inclusion_length, root_from_inclusion};
use crate::trust::Trust;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Verifies receipts, packages and checkpoints, by what its reader trusts and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    /// What is believed.
    pub trust: &'a Trust,
    /// The reader's clock, in milliseconds since the Unix epoch. Where it is given it adds warnings, and never more.
    pub now_ms: Option<u64>,
}

impl<'a> Verifier<'a> {
    /// A verifier without a clock.
    #[must_use]
    pub const fn new(trust: &'a Trust) -> Self {
        Self { trust, now_ms: None }
    }

    /// Verifies a receipt, and that it is about what is expected.
    ///
    /// ```
    /// use provlog_core::check::Refused;
    /// use provlog_core::trust::Trust;
    /// use provlog_core::verify::Verifier;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/receipts/good");
    /// # let trust_file = std::fs::read(format!("{folder}/trust.tlog-policy"))?;
    /// # let receipt = std::fs::read(format!("{folder}/receipt.tlog-proof"))?;
    /// // From whom you trust, and not from whoever handed in the receipt.
    /// let trust = Trust::parse(&trust_file)?;
    /// let verifier = Verifier::new(&trust);
    ///
    /// // A receipt alone proves that something is logged: say what it has to be about.
    /// let verdict = verifier.receipt(&receipt, &["submitted.model.name=m-1".parse()?])?;
    /// assert_eq!(verdict.report().index, 5);
    ///
    /// let refused = verifier.receipt(&receipt, &["submitted.environment=staging".parse()?]);
    /// assert!(matches!(refused, Err(Refused::NotProven(_))));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refused::Malformed`] before [`Refused::Untrusted`] before [`Refused::NotProven`].
    pub fn receipt(&self, receipt: &[u8], expectations: &[Expectation]) -> Judged<ReceiptReport> {
        ReceiptVerifier::new(self.trust).verify(receipt, expectations, self.now_ms)
    }

    /// Verifies a package: every file's digest, every record, the proof, the signatures, the texts, and what the manifest
    /// claims.
    ///
    /// ```
    /// use provlog_core::package::{Files, Stream, Unreadable};
    /// use provlog_core::trust::Trust;
    /// use provlog_core::verify::Verifier;
    /// use std::collections::BTreeMap;
    ///
    /// /// A package in memory; large ones are read from a disk in the same way, a piece at a time.
    /// struct Package(BTreeMap<String, Vec<u8>>);
    /// struct Reading<'a>(&'a [u8]);
    ///
    /// impl Files for Package {
    ///     fn names(&self) -> Vec<String> {
    ///         self.0.keys().cloned().collect()
    ///     }
    ///     fn open(&self, name: &str) -> Result<Box<dyn Stream + '_>, Unreadable> {
    ///         let bytes = self.0.get(name).ok_or_else(|| Unreadable("no such file".into()))?;
    ///         Ok(Box::new(Reading(bytes)))
    ///     }
    /// }
    ///
    /// impl Stream for Reading<'_> {
    ///     fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unreadable> {
    ///         std::io::Read::read(&mut self.0, buffer).map_err(|error| Unreadable(error.to_string()))
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/packages/whole-log");
    /// # let trust_file = std::fs::read(format!("{folder}/trust.tlog-policy"))?;
    /// # let mut files = BTreeMap::new();
    /// # for file in std::fs::read_dir(format!("{folder}/package"))? {
    /// #     let path = file?.path();
    /// #     files.insert(path.file_name().unwrap().display().to_string(), std::fs::read(path)?);
    /// # }
    /// let trust = Trust::parse(&trust_file)?;
    /// let verdict = Verifier::new(&trust).package(&Package(files))?;
    /// assert_eq!(verdict.report().manifest.count, 11);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refused::Malformed`], where there is no manifest to go by, before [`Refused::Untrusted`] before
    /// [`Refused::NotProven`].
    pub fn package<F: Files + ?Sized>(&self, files: &F) -> Judged<PackageReport> {
        package::report(files, self.trust).map_err(Refused::Malformed).and_then(judge)
    }

    /// Verifies a checkpoint alone, as that of a receipt is: origin, signatures, quorum.
    ///
    /// # Errors
    /// [`Refused::Malformed`] where the bytes are no checkpoint in a signed note, else [`Refused::Untrusted`].
    pub fn checkpoint(&self, note: &[u8]) -> Judged<CheckpointReport> {
        let read = Checkpoint::parse_note(note).map_err(|error| Refused::Malformed(error.to_string()));
        let (checkpoint, note) = read?;
        judge(CheckpointReport { checks: self.trust.checks(&checkpoint, &note), checkpoint })
    }
}

/// Most signed notes that are remembered: with 112 KiB each, and as much for their checks, at most 14 MiB.
const KNOWN_NOTES_MAX: usize = 64;

/// Verifies many receipts, each as [`Verifier::receipt`] does, and the signatures of a checkpoint that several of them share
/// once. What came of them is found again by every byte of the signed note, and only by the trust file that this was made
/// with: a receipt never gets what another note's signatures are worth.
#[derive(Clone, Debug)]
pub struct ReceiptVerifier<'a> {
    trust: &'a Trust,
    /// Whole signed notes, and the checks of each.
    known: BTreeMap<String, Vec<Check>>,
}

impl<'a> ReceiptVerifier<'a> {
    /// One that knows no checkpoint yet.
    #[must_use]
    pub const fn new(trust: &'a Trust) -> Self {
        Self { trust, known: BTreeMap::new() }
    }

    /// As [`Verifier::receipt`], by the reader's clock if there is one.
    ///
    /// # Errors
    /// As [`Verifier::receipt`].
    pub fn verify(
        &mut self,
        receipt: &[u8],
        expectations: &[Expectation],
        now_ms: Option<u64>,
    ) -> Judged<ReceiptReport> {
        let judged = self.report(receipt, now_ms).map_err(Refused::Malformed).and_then(judge);
        add(judged, |report| meet(expectations, report))
    }

    fn report(&mut self, bytes: &[u8], now_ms: Option<u64>) -> Result<ReceiptReport, String> {
        let (receipt, note) = Receipt::parse(bytes).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::parse(&note.text).map_err(|error| error.to_string())?;
        let any_record = Record::parse(&receipt.record).map_err(|error| error.to_string())?;
        let leaf_hash = any_record.leaf_hash();
        let mut checks = Vec::from([Check::new("format", Status::Pass).of(Class::Form)]);
        checks.extend_from_slice(self.of_checkpoint(&receipt.checkpoint, &checkpoint, &note));
        check_digests(&mut checks, &any_record);
        check_inclusion(&mut checks, &receipt, &leaf_hash, &checkpoint);
        let record = match any_record {
            AnyRecord::Known(record) => Some(record),
            AnyRecord::UnknownVersion { .. } => None,
        };
        if let Some(record) = &record {
            check_meaning(&mut checks, record, now_ms);
        }
        Ok(ReceiptReport { checks, checkpoint, index: receipt.index, leaf_hash, record })
    }

    /// The checks of the checkpoint and the note that `signed` was read as: they follow from its bytes and the trust file.
    fn of_checkpoint(&mut self, signed: &str, checkpoint: &Checkpoint, note: &Note) -> &[Check] {
        if self.known.len() >= KNOWN_NOTES_MAX && !self.known.contains_key(signed) {
            self.known.clear();
        }
        self.known.entry(signed.into()).or_insert_with(|| self.trust.checks(checkpoint, note))
    }
}

/// What was checked of a receipt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceiptReport {
    /// Every check, in the order of `SPEC.md` section 8.
    pub checks: Vec<Check>,
    /// The signed tree head.
    pub checkpoint: Checkpoint,
    /// The leaf's index.
    pub index: u64,
    /// What the tree has to hold at the index: SHA-256(0x00 || entry).
    pub leaf_hash: Hash,
    /// The record, if its version is known.
    pub record: Option<Record>,
}

impl Report for ReceiptReport {
    fn checks(&self) -> &[Check] {
        &self.checks
    }

    fn checks_mut(&mut self) -> &mut Vec<Check> {
        &mut self.checks
    }
}

impl ReceiptReport {
    /// Every claim with its standing, in the record's order.
    pub fn claims(&self) -> impl Iterator<Item = (SectionName, &str, &Claim, Standing)> {
        self.record.iter().flat_map(|record| {
            SectionName::ALL.into_iter().flat_map(|section| {
                let claims = record.section(section).iter();
                claims.map(move |(name, claim)| (section, name, claim, standing(section, claim)))
            })
        })
    }
}

/// What was checked of a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckpointReport {
    /// Origin, signatures, quorum.
    pub checks: Vec<Check>,
    /// The signed tree head.
    pub checkpoint: Checkpoint,
}

impl Report for CheckpointReport {
    fn checks(&self) -> &[Check] {
        &self.checks
    }

    fn checks_mut(&mut self) -> &mut Vec<Check> {
        &mut self.checks
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

fn check_digests(checks: &mut Vec<Check>, any_record: &AnyRecord) {
    let version = match any_record {
        AnyRecord::Known(_) => ENTRY_VERSION,
        AnyRecord::UnknownVersion { version, .. } => *version,
    };
    checks.push(Check::compared("entry-version", ENTRY_VERSION, version, version == ENTRY_VERSION));
    for section in SectionName::ALL {
        let name = format!("{section}-digest");
        checks.push(match any_record {
            AnyRecord::Known(record) => {
                let expected = record.committed_digest(section);
                let got = record.section(section).digest(section, record.entry.kind);
                Check::compared(name, expected, got, expected == got)
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
        Some(name) => Check::passed("kind", name),
        None => {
            let remark = format!("kind {} is not known to this version", kind.number());
            Check::remarked("kind", Status::Warn, remark)
        }
    }
}

/// The checks that expectations become. Where none is about the subject, that is said.
fn meet(expectations: &[Expectation], report: &ReceiptReport) -> Vec<Check> {
    let about_subject = expectations.iter().any(|expectation| matches!(expectation, Expectation::Subject(_)));
    let silence = Check::remarked("subject", Status::Skip, "not compared");
    let silence = (!about_subject).then_some(silence);
    silence
        .into_iter()
        .chain(expectations.iter().map(|expected| expected.check(report.record.as_ref())))
        .collect()
}

const fn standing(section: SectionName, claim: &Claim) -> Standing {
    match (claim, section) {
        (Claim::Hidden(_), _) => Standing::NotDisclosed,
        (_, SectionName::Submitted) => Standing::AssertedBySubmitter,
        (_, SectionName::Attested) => Standing::AttestedByLog,
    }
}
