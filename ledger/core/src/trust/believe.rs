//! What a trust file believes of a signed checkpoint.

use super::Trust;
use crate::check::{Check, Class, Status, join};
use crate::checkpoint::Checkpoint;
use crate::note::Note;
use crate::witness::verified_cosignature_time_s;
use alloc::format;
use alloc::vec::Vec;

impl Trust {
    /// Origin, the log's signature, cosignatures and quorum: the first checks of `SPEC.md` section 8.
    pub(crate) fn checks(&self, checkpoint: &Checkpoint, note: &Note) -> Vec<Check> {
        let key = self.log();
        let origin =
            Check::compared("origin", key.name(), &checkpoint.origin, checkpoint.origin == key.name());
        let (cosigned, cosignatures) = self.cosignatures(note);
        let quorum = match self.quorum() {
            None => Check::remarked("quorum", Status::Skip, "the trust file demands no witness"),
            Some(name) => {
                let holds = self.quorum_holds(|witness| cosigned.get(witness) == Some(&true));
                let got = if holds { "reached" } else { "cosignature pending" };
                Check::compared("quorum", name, got, holds)
            }
        };
        let mut checks =
            Vec::from([origin, self.log_signature(note), cosignatures].map(|check| check.of(Class::Trust)));
        checks.push(quorum.of(Class::Quorum));
        checks
    }

    fn log_signature(&self, note: &Note) -> Check {
        let key = self.log();
        let by_log: Vec<bool> = note
            .signatures
            .iter()
            .filter(|line| line.is_by(key))
            .map(|line| key.verifies(note.text.as_bytes(), &line.signature))
            .collect();
        let got = match (by_log.is_empty(), by_log.contains(&false)) {
            (true, _) => "none by this key",
            (false, true) => "one by this key that doesn't verify",
            (false, false) => "one by this key",
        };
        let holds = !by_log.is_empty() && !by_log.contains(&false);
        Check::compared("log-signature", format!("one by {key}"), got, holds)
    }

    /// Which witnesses have cosigned, in the trust file's order, and the check of it.
    fn cosignatures(&self, note: &Note) -> (Vec<bool>, Check) {
        const NAME: &str = "cosignatures";
        let mut cosigned = Vec::with_capacity(self.witnesses().len());
        let (mut valid, mut invalid) = (Vec::new(), Vec::new());
        for witness in self.witnesses() {
            let mut lines = note.signatures.iter().filter(|line| line.is_by(&witness.key)).peekable();
            let present = lines.peek().is_some();
            let verifies =
                lines.all(|line| verified_cosignature_time_s(&witness.key, line, &note.text).is_some());
            if present {
                if verifies { &mut valid } else { &mut invalid }.push(witness.name.as_str());
            }
            cosigned.push(present && verifies);
        }
        let check = if !invalid.is_empty() {
            let got = format!("invalid by {}", join(invalid.into_iter()));
            Check::compared(NAME, "only valid ones by known witnesses", got, false)
        } else if valid.is_empty() {
            Check::remarked(NAME, Status::Skip, "no known witness has cosigned")
        } else {
            Check::passed(NAME, join(valid.into_iter()))
        };
        (cosigned, check)
    }
}
