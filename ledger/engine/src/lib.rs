//! Writes and keeps a provlog: one sequencer, an append-only journal with a high-water mark, recovery, and readers that
//! check what they read.
//!
//! Synchronous, without HTTP, identity, or opinions on claims: whoever hands in a [`Submission`] has checked it. An
//! acknowledged entry is durable; no entry is changed, reordered or removed; nothing is signed that does not extend what
//! was signed before. The engine **never** repairs what was acknowledged, never signs what it couldn't recompute, and
//! never retries a failed write: it stops, and the next start finds out.

mod bell;
mod clock;
mod codec;
mod committed;
mod create;
mod dedup;
mod derived;
mod durable;
mod edge;
mod follower;
mod identity;
mod lock;
mod log;
mod log_id;
mod observer;
mod options;
mod past;
mod plan;
mod queue;
mod reader;
mod recovery;
mod scan;
mod sequencer;
mod shared;
mod standing;
mod states;
mod store;
mod submission;
mod sync;
mod terms;

#[cfg(test)]
mod tests;

pub use clock::{Clock, ClockError, SystemClock};
pub use codec::frame;
pub use committed::Committed;
pub use create::CreateError;
pub use dedup::DedupKey;
pub use durable::DiskError;
pub use identity::IdentityError;
pub use lock::LockError;
pub use log::{Log, OpenError, Presence};
pub use observer::{GroupStats, Observer};
pub use options::Options;
pub use queue::Untaken;
pub use reader::{ReadError, Reader};
pub use recovery::RecoveryError;
pub use shared::Health;
pub use states::State;
pub use store::{Place, StoreError};
pub use submission::{AppendError, Appended, AppendedBatch, Outcome, Submission};
pub use terms::{By, KEYS_MAX, Terms, Unmet};
