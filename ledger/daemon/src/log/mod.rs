//! What is taken from the log: only what verified leaves it.

pub(crate) mod async_log;
pub(crate) mod delivery;
pub(crate) mod own_entry;
pub(crate) mod pool;
pub(crate) mod receipts;
pub(crate) mod salts;
pub(crate) mod withheld;
