//! The one door: no panic; what reads as a receipt writes the same text; and nothing verifies that wasn't signed, since
//! the key that the trust file names is one that nobody holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provlog_core::receipt::Receipt;
use provlog_core::record::{AnyRecord, Record};
use provlog_core::trust::Trust;
use provlog_core::verify::verify;

/// The known answer of C2SP signed-note.
const TRUST: &[u8] = b"log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n";

fuzz_target!(|bytes: &[u8]| {
    let trust = Trust::parse(TRUST).expect("a valid trust file");
    assert!(verify(bytes, &trust, &[], Some(0)).is_err(), "a receipt verified under a key that signed none");
    let Ok((receipt, _)) = Receipt::parse(bytes) else { return };
    assert_eq!(receipt.to_text().as_bytes(), bytes, "one receipt, one text");
    if let Ok(AnyRecord::Known(record)) = Record::parse(&receipt.record) {
        assert_eq!(record.to_bytes(), receipt.record, "one record, one encoding");
    }
});
