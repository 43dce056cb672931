//! Verifies a sample of what the server answered, after the clock has stopped, with the verifier's own code.

use crate::drive::Sample;
use crate::workload::Workload;
use provlog_core::cbor::{Map, Value};
use provlog_core::expectation::Expectation;
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// What is wrong with one sampled answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("answer to request {serial}, entry {line}: {problem}")]
pub struct SampleError {
    serial: u64,
    line: usize,
    problem: String,
}

/// Verifies every receipt in the sampled answers against the trust file and the subject that was sent; two entries
/// that were given one index are an error too. Returns how many receipts hold.
///
/// # Errors
/// The first answer that doesn't hold.
pub fn check(samples: &[Sample], workload: &Workload, trust: &Trust) -> Result<u64, SampleError> {
    let mut indices = BTreeSet::new();
    for sample in samples {
        let mut answers = serde_json::Deserializer::from_slice(&sample.body).into_iter::<Json>();
        for line in 0..workload.entries_per_request() {
            let error = |problem| SampleError { serial: sample.serial, line, problem };
            let answer = answers.next().ok_or_else(|| error("missing".into()))?;
            let answer = answer.map_err(|problem| error(problem.to_string()))?;
            let index = check_one(&answer, workload.subject(sample.serial, line), trust).map_err(error)?;
            if !indices.insert(index) {
                return Err(error(format!("index {index} was given to another entry already")));
            }
        }
    }
    Ok(u64::try_from(indices.len()).unwrap_or(u64::MAX))
}

fn check_one(answer: &Json, subject: [u8; 32], trust: &Trust) -> Result<u64, String> {
    let receipt = answer["receipt"].as_str().ok_or("no receipt")?;
    let index = answer["index"].as_u64().ok_or("no index")?;
    let digest = Map::from_entries(vec![("sha256".into(), Value::Bytes(subject.to_vec()))])?;
    let verdict = Verifier::new(trust).receipt(receipt.as_bytes(), &[Expectation::Subject(digest)]);
    let verdict = verdict.map_err(|error| error.to_string())?;
    let proven = verdict.report().index;
    if proven == index { Ok(index) } else { Err(format!("index {index} answered, {proven} proven")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf::{Salts, seal};
    use crate::workload::{Appends, submission};
    use provlog_core::Hash;
    use provlog_core::checkpoint::Checkpoint;
    use provlog_core::entry::TimeMs;
    use provlog_core::note::LogSigner;
    use provlog_core::receipt::Receipt;

    /// The only entry of a log, about the subject of entry `line` of the first batch of two.
    fn answer(workload: &Workload, signer: &LogSigner, line: usize) -> String {
        let body = submission(&Hash(workload.subject(0, line)).to_hex(), 7);
        let sealed = seal(body.as_bytes(), &mut Salts::default()).unwrap();
        let entry = sealed.entry(TimeMs::MIN);
        let (root, record) = (entry.leaf_hash(), sealed.record(&entry).unwrap());
        let checkpoint = Checkpoint { origin: "example.com/log".into(), size: 1, root }.sign(signer);
        let receipt = Receipt { record, index: 0, proof: Vec::new(), checkpoint }.to_text();
        serde_json::json!({ "index": 0, "receipt": receipt }).to_string()
    }

    #[test]
    fn only_receipts_of_what_was_sent_pass_and_each_index_once() {
        let append =
            |batch| Workload::append("localhost:1", &Appends { batch, ..Appends::default() }, 7).unwrap();
        let (workload, one) = (append(Some(2)), append(None));
        let signer = LogSigner::from_seed("example.com/log", &[7; 32]).unwrap();
        let trust = Trust::parse(format!("log {}\nquorum none\n", signer.verifier()).as_bytes()).unwrap();
        let (first, second) = (answer(&workload, &signer, 0), answer(&workload, &signer, 1));
        let refused = |workload: &Workload, body: String| {
            check(&[Sample { serial: 0, body: body.into_bytes() }], workload, &trust).unwrap_err().to_string()
        };
        assert_eq!(check(&[Sample { serial: 0, body: first.clone().into() }], &one, &trust), Ok(1));
        assert!(refused(&one, second.clone()).contains("subject"));
        assert!(refused(&one, first.replace("\"index\":0", "\"index\":1")).contains("index 1 answered"));
        assert!(refused(&one, first.replace("receipt", "proof")).contains("no receipt"));
        assert!(refused(&workload, first.clone()).contains("entry 1: missing"));
        assert!(refused(&workload, format!("{first}\n{second}\n")).contains("given to another entry"));
    }
}
