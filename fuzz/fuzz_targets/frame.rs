//! Journal frames: no panic and no unbounded memory on any bytes, and what decodes is within what was given.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = provlog_engine::frame::decode(bytes) {
        assert!(frame.len() <= bytes.len(), "a frame within its bytes");
    }
});
