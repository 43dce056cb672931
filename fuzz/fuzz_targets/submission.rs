//! JSON to claims: no panic; what is accepted seals within the limits, and reads back as the same JSON values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provlog_core::record::Section;
use provlog_core::submission::Submission;

fuzz_target!(|bytes: &[u8]| {
    let Ok(submission) = Submission::parse(bytes) else { return };
    let json = submission.to_json().to_string();
    let again = Submission::parse(json.as_bytes()).expect("what was accepted is accepted again");
    assert_eq!(again.claims(), submission.claims());
    let mut salts = 1u128..;
    let salted = submission.with_salts(|| salts.next().unwrap_or(1).to_be_bytes());
    if let Ok(section) = salted.and_then(Submission::seal) {
        assert_eq!(Section::parse(&section.to_bytes()).as_ref(), Ok(&section), "what is sealed is a section");
    }
});
