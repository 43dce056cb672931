//! `provlog`: appends provenance entries, keeps their receipts, and verifies them with no network and no trust in the log.
//!
//! Formats, proofs and verdicts are `provlog-core`'s. This program reads and writes files, speaks HTTP, and shows what
//! was checked; it never decides on its own whether a receipt holds.
#![allow(
    rustdoc::invalid_html_tags,
    reason = "doc comments are help texts, in which <NAME> is a placeholder"
)]

mod args;
mod crosswalk;
#[cfg(test)]
mod examples;
mod local;
mod log;
mod proof;
mod show;
#[cfg(test)]
mod testing;
mod verb;

use args::{Cli, Verb};
use show::exit::Exit;
use show::{failure, page};
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = match Cli::from_line() {
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
        Verb::Trust(verb) => verb::trust::run(verb),
        Verb::Append(args) => verb::append::append(args),
        Verb::Flush(args) => verb::append::flush(args),
        Verb::Get(args) => verb::get::run(args),
        Verb::Inspect(args) => verb::inspect::run(args),
        Verb::Verify(args) => verb::verify::run(args),
        Verb::Explain(args) => verb::explain::run(args),
        Verb::Redact(args) => verb::redact::run(args),
        Verb::Consistency(args) => verb::consistency::run(args),
        Verb::Audit(args) => verb::audit::run(args),
        Verb::Export(args) => verb::export::run(args),
        Verb::Crosswalk(verb) => verb::crosswalk::run(verb),
    }
}
