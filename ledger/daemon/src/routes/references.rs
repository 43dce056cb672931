//! Whether what a submission refers to in this log is there: an entry of that index, with that leaf hash, and of the kind
//! that the claim allows. References into other logs are theirs to prove.
//!
//! Looked up before the log is asked, in the pool of reads; a submission without references pays nothing.

use crate::http::codes::{REFERENCE_KIND, REFERENCE_MISSING, REFERENCE_OTHER};
use crate::http::problem::Problem;
use crate::log::async_log::AsyncLog;
use provlog_core::cbor::Value;
use provlog_core::claims::{kind_name, references, referring_claims};
use provlog_core::{Hash, Kind};
use provlog_engine::{ReadError, Reader};

/// References that are looked up in one turn: each takes some 20 us.
const REFERENCES_A_TURN: usize = 32;

/// A reference into this log.
#[derive(Clone, Debug)]
pub(crate) struct Referred {
    claim: String,
    index: u64,
    leaf_hash: Hash,
    kind: Kind,
}

/// The references into the log of this name that claims have.
pub(crate) fn in_claims(claims: &[(String, Value)], origin: &str) -> Vec<Referred> {
    let mut referred = Vec::new();
    // Once through the claim table, and not once for each claim.
    for (name, kind) in referring_claims() {
        let Some((claim, value)) = claims.iter().find(|(claim, _)| claim == name) else { continue };
        let here = references(kind, value).filter(|to| to.origin.is_none_or(|other| other == origin));
        referred.extend(here.map(|to| Referred {
            claim: claim.clone(),
            index: to.index,
            leaf_hash: to.leaf_hash,
            kind: to.kind,
        }));
    }
    referred
}

/// Looks all of them up. `line` is where in a batch they are.
///
/// # Errors
/// 400 that names the claim for the first that isn't there; whatever reading the log meets.
pub(crate) async fn check(log: &AsyncLog, referred: Vec<(Option<usize>, Referred)>) -> Result<(), Problem> {
    for turn in referred.chunks(REFERENCES_A_TURN) {
        let looked_up = turn.to_vec();
        let read = move |reader: &Reader| {
            looked_up.iter().try_for_each(|(line, to)| {
                let found = to.check(reader).map_err(|problem| problem.in_claim(&to.claim));
                found.map_err(|problem| match line {
                    Some(line) => problem.on_line(*line),
                    None => problem,
                })
            })
        };
        log.read(read).await??;
    }
    Ok(())
}

impl Referred {
    fn check(&self, reader: &Reader) -> Result<(), Problem> {
        let Self { claim, index, .. } = self;
        let entry = match reader.entry(*index) {
            Ok(entry) => entry,
            Err(ReadError::NotFound { size, .. }) => {
                let detail =
                    format!("claim {claim}: it refers to entry {index}, and the log holds {size} entries");
                let problem = Problem::new(&REFERENCE_MISSING, detail);
                return Err(problem.expected(format!("an index below {size}"), index.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        let leaf_hash = entry.leaf_hash();
        if leaf_hash != self.leaf_hash {
            let detail =
                format!("claim {claim}: entry {index} has another leaf hash than the reference to it");
            let problem = Problem::new(&REFERENCE_OTHER, detail);
            return Err(problem.expected(leaf_hash.to_hex(), self.leaf_hash.to_hex()));
        }
        if entry.kind != self.kind {
            let name = |kind: Kind| kind_name(kind).map_or_else(|| kind.number().to_string(), Into::into);
            let (expected, got) = (name(self.kind), name(entry.kind));
            let detail = format!(
                "claim {claim}: expected a reference to an entry of kind {expected}, and entry {index} is of kind {got}"
            );
            return Err(Problem::new(&REFERENCE_KIND, detail).expected(expected, got));
        }
        Ok(())
    }
}
