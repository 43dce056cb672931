//! The work that no server can spare per append: JSON or CBOR to claims, checked, sealed and hashed to a leaf.
//!
//! What the engine and HTTP add is measured against this. Salts come from a counter: drawing randomness is not in it.

use crate::workload::mix;
use anyhow::Context;
use provlog_core::cbor::{Map, Value};
use provlog_core::encoded::Sealed;
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::record::{Claim, Record, RecordError, Salt, Section, SectionName};
use provlog_core::submission::{Submission, SubmissionError};

/// Hands out salts that differ, at no cost worth naming.
#[derive(Clone, Debug, Default)]
pub struct Salts {
    drawn: u64,
}

impl Salts {
    /// The next salt.
    pub fn draw(&mut self) -> Salt {
        self.drawn += 1;
        (u128::from(mix(self.drawn)) << 64 | u128::from(self.drawn)).to_be_bytes()
    }
}

/// From a request's body to the record that a log without authentication makes of it: the leaf hash is one call away.
///
/// # Errors
/// What the claim table or the limits refuse.
pub fn seal(body: &[u8], salts: &mut Salts) -> Result<Record, SubmissionError> {
    let submission = Submission::parse(body)?.with_salts(|| salts.draw())?;
    let kind = submission.kind().kind;
    let submitted = submission.seal()?;
    let attested = attested(salts.draw())?;
    let entry = Entry {
        kind,
        time_ms: TimeMs::MIN,
        submitted_digest: submitted.digest(SectionName::Submitted, kind),
        attested_digest: attested.digest(SectionName::Attested, kind),
    };
    Ok(Record { entry, submitted, attested })
}

/// As [`seal`], from a body in CBOR, whose section is left as it came: what is sealed, since nothing has to be taken apart.
///
/// # Errors
/// As there.
pub fn seal_cbor(body: &[u8], salts: &mut Salts) -> anyhow::Result<Sealed> {
    let submission = Submission::parse_cbor(body)?;
    let encoded = submission.encoded().context("the submission kept no bytes")?;
    Ok(Sealed::of_encoded(encoded, &attested(salts.draw())?)?)
}

fn attested(salt: Salt) -> Result<Section, RecordError> {
    let mut workload = Map::new();
    // The map is empty: no key is there twice.
    let _ = workload.insert("method", Value::Text("none".into()));
    Section::from_claims(vec![("workload".into(), Claim::disclosed(salt, Value::Map(workload)))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_submission_that_is_measured_is_a_valid_one() {
        let body = crate::workload::submission(&"ab".repeat(32), 1);
        let record = seal(body.as_bytes(), &mut Salts::default()).unwrap();
        assert_eq!(record.submitted.iter().len(), 12);
        assert!(record.digests_match());
        let body = crate::workload::cbor_submission(&"ab".repeat(32), 1).unwrap();
        let sealed = seal_cbor(&body, &mut Salts::default()).unwrap();
        assert_eq!(sealed.submitted().unwrap().iter().len(), 12);
    }
}
