//! CSV and JSONL, read by a database.
