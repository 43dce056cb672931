//! What binds a submission, sent to a log of the tests' own, and receipts that attest it or something else.

mod attested;
mod forged;
mod github;
mod svid;
