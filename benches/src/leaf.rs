//! The work that no server can spare per append: JSON or CBOR to claims, checked, sealed and hashed to a leaf.
//!
//! What the engine and HTTP add is measured against this. Salts come from a counter: drawing randomness is not in it.

use crate::workload::mix;
use provlog_core::Kind;
use provlog_core::cbor::Value;
use provlog_core::encoded::{EncodedSection, Sealed};
use provlog_core::record::Salt;
use provlog_core::submission::Submission;

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

/// From a request's body to what a log without authentication seals of it: the leaf hash is one call away.
///
/// # Errors
/// What the claim table or the limits refuse.
pub fn seal(body: &[u8], salts: &mut Salts) -> anyhow::Result<Sealed> {
    let submission = Submission::parse(body)?.with_salts(|| salts.draw())?;
    let (kind, submitted) = (submission.kind().kind, submission.encode()?);
    attest(&submitted, kind, salts.draw())
}

/// As [`seal`], from a body in CBOR, whose section is left as it came.
///
/// # Errors
/// As there.
pub fn seal_cbor(body: &[u8], salts: &mut Salts) -> anyhow::Result<Sealed> {
    let submission = Submission::parse_cbor(body)?;
    let (kind, submitted) = (submission.kind().kind, submission.encode()?);
    attest(&submitted, kind, salts.draw())
}

fn attest(submitted: &EncodedSection, kind: Kind, salt: Salt) -> anyhow::Result<Sealed> {
    let workload = Value::map([("method", "none".into())]);
    let attested = EncodedSection::of_claims(kind, [("workload", &salt, &workload)].into_iter())?;
    Ok(Sealed::of_encoded(submitted, &attested)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_submission_that_is_measured_is_a_valid_one() {
        let body = crate::workload::submission(&"ab".repeat(32), 1);
        let sealed = seal(body.as_bytes(), &mut Salts::default()).unwrap();
        assert_eq!(sealed.submitted().unwrap().iter().len(), 12);
        let body = crate::workload::cbor_submission(&"ab".repeat(32), 1).unwrap();
        let sealed = seal_cbor(&body, &mut Salts::default()).unwrap();
        assert_eq!(sealed.submitted().unwrap().iter().len(), 12);
    }
}
