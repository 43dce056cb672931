//! The workload that a receipt attests: whether it is bound to the entry, and is the one that submitted.

use crate::show::failure::Failure;
use crate::show::printable::printable;
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use provlog_core::check::{Check, Status};
use provlog_core::claims;
use provlog_core::record::{Record, SectionName};
use provlog_core::verify::ReceiptReport;
use provlog_evidence::believed::Believed;
use provlog_evidence::jwt::{JwtError, UnverifiedToken};
use provlog_evidence::svid::{SvidError, UnverifiedSvid};
use provlog_evidence::verify::EvidenceVerifier;
use provlog_evidence::workload::Workload;
use std::fmt;

/// What makes a workload the same in another run, as `workload` has it.
const MEMBERS: [&str; 3] = ["method", "id", "issuer"];

/// Who submits, by its own token or certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Submitting([String; 3]);

impl Submitting {
    /// As whom a token has somebody submit exactly this. Nobody's word stands behind it here, and this machine's clock isn't asked: the
    /// log judges when it holds.
    pub(crate) fn by_token(token: &str, origin: &str, submitted_digest: &Hash) -> Result<Self, JwtError> {
        let token = UnverifiedToken::parse(token)?;
        let at_ms = token.window().from_ms;
        let token = token.of_submission(origin, &submitted_digest.0, at_ms)?;
        Ok(Self::of(&Workload::of_unverified_token(&token).value))
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
        Ok(Self::of(&Workload::of_signed_svid(&svid).value))
    }

    fn of(workload: &Map) -> Self {
        Self(MEMBERS.map(|name| workload.get(name).and_then(Value::as_text).unwrap_or_default().into()))
    }

    /// Whether the entry is bound to this workload, by evidence in the receipt itself, as `verify` checks that. A retry may find the
    /// entry under an earlier token, whose other claims are another run's.
    pub(crate) fn is_attested(&self, report: &ReceiptReport) -> Result<(), Failure> {
        let checks = EvidenceVerifier { believed: &Believed::default(), require_bound: false }
            .checks(report.record.as_ref(), &report.checkpoint.origin);
        let form = checks.iter().find(|check| check.name == "workload-form");
        let workload = report.record.as_ref().and_then(attested);
        let is_bound = form.is_some_and(|form| form.status == Status::Pass);
        if is_bound && workload.is_some_and(|workload| Self::of(workload) == *self) {
            return Ok(());
        }
        let got = format!("{}, workload-form: {}", shown(workload), found(form));
        Err(Failure::NotProven(format!(
            "the entry {} is logged, and does not attest that this workload submitted it:\n  expected {self}, bound to the entry, \
             workload-form: pass\n  got {}",
            report.index,
            printable(&got)
        )))
    }
}

impl fmt::Display for Submitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([method, id, issuer]) = self;
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
