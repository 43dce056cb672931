//! What tells this log from all others, in every file of it.

/// Random, made at creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LogId(pub(crate) [u8; 16]);

impl LogId {
    pub(crate) fn to_hex(self) -> String {
        provlog_core::hex::encode(&self.0)
    }
}
