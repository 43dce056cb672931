//! What a workload's key covers of a submission: its digest, for one log.

use provlog_core::{Hash, hex};

/// The audience that a token must have to cover a submission: `<origin>:<hex submitted_digest>`. The issuer's signature
/// then covers this very entry, and the token is good for nothing else.
#[must_use]
pub fn bound_audience(origin: &str, submitted_digest: &[u8; 32]) -> String {
    format!("{origin}:{}", hex::encode(submitted_digest))
}

/// What an SVID's key signs: four lines, each with its newline. The first keeps a signature over a submission from being one
/// over anything else; the last names the workload's certificate, so that a signature can't be taken for one by another
/// certificate of the same key.
#[must_use]
pub fn submission_message(origin: &str, submitted_digest: &[u8; 32], certificate_der: &[u8]) -> Vec<u8> {
    let (submitted, certificate) = (hex::encode(submitted_digest), Hash::plain(certificate_der).to_hex());
    format!("provlog-submission/v1\n{origin}\n{submitted}\n{certificate}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_as_the_format_says() {
        let digest = [0xab; 32];
        let hex = "ab".repeat(32);
        assert_eq!(bound_audience("log.example.com/a", &digest), format!("log.example.com/a:{hex}"));
        let message = submission_message("log.example.com/a", &digest, b"");
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let expected = format!("provlog-submission/v1\nlog.example.com/a\n{hex}\n{empty}\n");
        assert_eq!(message, expected.as_bytes());
    }
}
