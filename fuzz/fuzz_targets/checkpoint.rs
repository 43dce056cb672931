//! Notes and checkpoints: no panic, and what reads as a checkpoint writes the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::note::Note;

fuzz_target!(|bytes: &[u8]| {
    let Ok(note) = Note::parse(bytes) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(&note.text) {
        assert_eq!(checkpoint.text(), note.text, "one checkpoint, one text");
    }
});
