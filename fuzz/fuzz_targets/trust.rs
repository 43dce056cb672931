//! Trust files: no panic, and a quorum never holds on fewer witnesses than it holds on more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provlog_core::trust::Trust;

fuzz_target!(|bytes: &[u8]| {
    let Ok(trust) = Trust::parse(bytes) else { return };
    if trust.quorum().is_none() {
        assert!(trust.quorum_holds(|_| false), "no quorum is demanded");
    } else {
        assert!(!trust.quorum_holds(|_| false), "a quorum without a cosignature");
    }
    assert!(trust.quorum_holds(|_| true), "every group can be satisfied");
});
