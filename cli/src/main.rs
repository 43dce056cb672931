//! `provlog`: appends provenance entries, keeps their receipts, and verifies them with no network and no trust in the log.
//!
//! Formats, proofs and verdicts are `provlog-core`'s. This program reads and writes files, speaks HTTP, and shows what
//! was checked; it never decides on its own whether a receipt holds.
#![allow(
    rustdoc::invalid_html_tags,
    reason = "doc comments are help texts, in which <NAME> is a placeholder"
)]

mod append;
mod args;
mod audit;
mod client;
mod consistency;
mod crosswalk;
mod digest;
#[cfg(test)]
mod examples;
mod exit;
mod export;
mod failure;
mod files;
mod get;
mod git;
mod inspect;
mod package;
mod page;
mod profile;
mod receipt;
mod redact;
mod report;
mod sequence;
mod settings;
#[cfg(test)]
mod testing;
mod time;
mod trust;
mod verify;

use args::{Cli, Verb};
use clap::Parser as _;
use exit::Exit;
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run(&cli.verb).unwrap_or_else(|failure| {
            page::say(&failure.to_string());
            Exit::of_failure(&failure)
        }),
        Err(error) => {
            // Help and version are asked for; whoever has stopped reading has read enough.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Ok }
        }
    };
    exit.into()
}

fn run(verb: &Verb) -> Result<Exit, failure::Failure> {
    match verb {
        Verb::Trust(verb) => trust::run(verb),
        Verb::Append(args) => append::append(args),
        Verb::Flush(args) => append::flush(args),
        Verb::Get(args) => get::run(args),
        Verb::Inspect(args) => inspect::run(args),
        Verb::Verify(args) => verify::run(args),
        Verb::Redact(args) => redact::run(args),
        Verb::Consistency(args) => consistency::run(args),
        Verb::Audit(args) => audit::run(args),
        Verb::Export(args) => export::run(args),
        Verb::Crosswalk(verb) => crosswalk::run(verb),
    }
}
