//! What an operator is given: `packaging/`, `docs/operations.md`, `docs/runbook.md`.

mod first_receipt;
mod monitoring;
mod page;
mod runbook;
mod texts;
mod unit;
