//! The claim table.
