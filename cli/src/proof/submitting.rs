//! The workload that a receipt attests: whether it is bound to the entry, and is the one that submitted.

use crate::show::failure::Failure;
use crate::show::printable::printable;
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use provlog_core::check::{Check, Status};
use provlog_core::claims;
use provlog_core::record::{Record, SectionName};
use provlog_core::submission::Evidence;
use provlog_core::verify::ReceiptReport;
use provlog_evidence::believed::Believed;
use provlog_evidence::jwt::{JwtError, UnverifiedToken};
use provlog_evidence::svid::{SvidError, UnverifiedSvid};
use provlog_evidence::verify::EvidenceVerifier;
use provlog_evidence::workload::Workload;
use std::fmt;

/// What a person knows a workload by, as `workload` has it.
const MEMBERS: [&str; 3] = ["method", "id", "issuer"];

/// Who submits, by its own token or certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Submitting {
    /// Who it is, for ever (`SPEC.md` section 12.5): of GitHub with the repository's numbers.
    identity: String,
    said: [String; 3],
}

/// By which evidence an entry is bound to the workload that submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AttestedBy {
    /// By what was sent.
    Sent,
    /// By what the same workload sent earlier: whose other claims are those of another run.
    Earlier,
}

impl Submitting {
    /// As whom a token has somebody submit exactly this. Nobody's word stands behind it here, and this machine's clock isn't asked: the
    /// log judges when it holds.
    pub(crate) fn by_token(token: &str, origin: &str, submitted_digest: &Hash) -> Result<Self, JwtError> {
        let token = UnverifiedToken::parse(token)?;
        let at_ms = token.window().from_ms;
        let token = token.of_submission(origin, &submitted_digest.0, at_ms)?;
        Ok(Self::of(Workload::of_unverified_token(&token)))
    }

    /// As whom a certificate's key signed exactly this, at this time. Whose that is nobody vouches for here.
    pub(crate) fn by_svid<'a>(
        chain: impl IntoIterator<Item = &'a [u8]>,
        signature: &[u8],
        origin: &str,
        submitted_digest: &Hash,
        at_ms: u64,
    ) -> Result<Self, SvidError> {
        let svid = UnverifiedSvid::parse(chain)?.signed(origin, &submitted_digest.0, signature, at_ms)?;
        Ok(Self::of(Workload::of_signed_svid(&svid)))
    }

    fn of(Workload { identity, value }: Workload) -> Self {
        let text = |name| value.get(name).and_then(Value::as_text).unwrap_or_default().into();
        Self { identity, said: MEMBERS.map(text) }
    }

    /// As whom an entry's evidence has somebody submit it; none where it is no evidence of that.
    fn of_entry(record: &Record, origin: &str) -> Option<Self> {
        let evidence = evidence(record)?;
        let (digest, at_ms) = (&record.entry.submitted_digest, record.entry.time_ms.get());
        if let Some(token) = evidence.get("token").and_then(Value::as_text) {
            return Self::by_token(token, origin, digest).ok();
        }
        let chain = evidence.get("chain")?.as_array()?.iter().map(|der| der.as_bytes().unwrap_or_default());
        Self::by_svid(chain, evidence.get("signature")?.as_bytes()?, origin, digest, at_ms).ok()
    }

    /// Whether the entry is bound to this workload, by evidence in the receipt itself, as `verify` checks that without keys: by what was
    /// sent, or where it is a retry by what this workload sent before.
    ///
    /// # Errors
    /// [`Failure::NotProven`] says what the receipt attests in place of it.
    pub(crate) fn is_attested(&self, report: &ReceiptReport, sent: &Evidence) -> Result<AttestedBy, Failure> {
        let origin = &report.checkpoint.origin;
        let checks = EvidenceVerifier { believed: &Believed::default(), require_bound: false }
            .checks(report.record.as_ref(), origin);
        let form = checks.iter().find(|check| check.name == "workload-form");
        let is_bound = form.is_some_and(|form| form.status == Status::Pass);
        let record = report.record.as_ref();
        if let Some(record) = record.filter(|_| is_bound)
            && Self::of_entry(record, origin).is_some_and(|other| other.identity == self.identity)
        {
            let is_sent = evidence(record).is_some_and(|there| has_all_of(there, &sent.to_value()));
            return Ok(if is_sent { AttestedBy::Sent } else { AttestedBy::Earlier });
        }
        let got = format!("{}, workload-form: {}", shown(record.and_then(attested)), found(form));
        Err(Failure::NotProven(format!(
            "the entry {} is logged, and does not attest that this workload submitted it:\n  expected {self}, bound to the entry, \
             workload-form: pass\n  got {}",
            report.index,
            printable(&got)
        )))
    }
}

/// Whether an entry's evidence is this, as it was brought, beside what the log adds.
fn has_all_of(there: &Map, sent: &Value) -> bool {
    sent.as_map().is_some_and(|sent| sent.iter().all(|(name, value)| there.get(name) == Some(value)))
}

fn evidence(record: &Record) -> Option<&Map> {
    record.section(SectionName::Attested).value("workload_evidence")?.as_map()
}

impl fmt::Display for Submitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [method, id, issuer] = &self.said;
        f.write_str(&printable(&format!("{method} {id} of {issuer}")))
    }
}

fn attested(record: &Record) -> Option<&Map> {
    record.section(SectionName::Attested).value("workload")?.as_map()
}

fn shown(workload: Option<&Map>) -> String {
    match workload {
        Some(workload) => claims::to_json(&Value::Map(workload.clone())).to_string(),
        None => "no workload".into(),
    }
}

fn found(form: Option<&Check>) -> String {
    match form {
        Some(form) => {
            let remark = form.remark.as_deref().map(|remark| format!(" ({remark})")).unwrap_or_default();
            format!("{}{remark}", form.status.as_str())
        }
        None => "no evidence".into(),
    }
}
