//! Reading a run that lies behind the newest one, and checking all of it on the way.

use crate::codec::frame::{self, Frame};
use crate::edge::Edge;
use crate::store::{FrameAt, Frames, Next, StoreError};
use provlog_core::tree::Extension;

/// What to do about a damaged journal; the same in every message.
const ADVICE: &str =
    "the journal is damaged here. Stop the log, put this file back from a copy, and start again";

/// Hands every frame of a run to `visit`, each with what it makes of the tree. Checksums and roots are recomputed,
/// and the run must end where the next one starts.
///
/// The newest run has no next one: it is read up to `size`, which must lie in it.
pub(crate) fn scan_run(
    frames: &dyn Frames,
    run: u64,
    size: u64,
    mut visit: impl FnMut(FrameAt, &Frame<'_>, &Extension) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let next_edge = if run < frames.newest() { Some(frames.edge(run + 1)?) } else { None };
    let end = next_edge.as_ref().map_or(size, Edge::size);
    let mut edge = frames.edge(run)?;
    let mut at = frames.start(run);
    while edge.size() < end {
        let bytes = match frames.next(at)? {
            Next::Frame(bytes) => bytes,
            Next::End(error) => return Err(damaged(frames, at, &error.to_string())),
        };
        let frame = frame::decode(&bytes).map_err(|error| damaged(frames, at, &error.to_string()))?;
        let extension = edge.follow(&frame).map_err(|error| damaged(frames, at, &error.to_string()))?;
        visit(at, &frame, &extension)?;
        edge = edge.after(&frame, &extension);
        at = frames.behind(at, bytes.len());
    }
    match next_edge {
        Some(next) if next != edge => {
            let detail = format!(
                "the next segment starts at another edge, of size {}, than this one ends at",
                next.size()
            );
            Err(damaged(frames, at, &detail))
        }
        _ => Ok(()),
    }
}

/// Damage at a place of the journal.
pub(crate) fn damaged(frames: &dyn Frames, at: FrameAt, what: &str) -> StoreError {
    StoreError::Damaged { place: frames.place(at), detail: format!("{what}; {ADVICE}") }
}
