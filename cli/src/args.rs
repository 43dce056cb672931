//! The command line: verbs, what they share, and their help.

use crate::append::{AppendArgs, FlushArgs};
use crate::consistency::ConsistencyArgs;
use crate::get::GetArgs;
use crate::inspect::InspectArgs;
use crate::redact::RedactArgs;
use crate::trust::TrustVerb;
use crate::verify::VerifyArgs;
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// Widest line of help, in columns: it is prose.
const HELP_COLUMNS_MAX: usize = 110;

/// Appends provenance entries for AI-generated code to a transparency log, and verifies their receipts offline
#[derive(Debug, Parser)]
#[command(
    name = "provlog",
    version,
    max_term_width = HELP_COLUMNS_MAX,
    arg_required_else_help = true,
    after_help = AFTER_HELP
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const AFTER_HELP: &str = "\
Settings come from flags, then from PROVLOG_URL and PROVLOG_TRUST, then from .provlog/config.toml (url, trust) and \
.provlog/trust in this repository, then from those in the home directory.

Exit codes: 0 ok, warnings included; 1 internal; 2 usage; 3 verification failed; 4 denied; 5 untrusted checkpoint \
or quorum missing; 6 not found; 7 unreachable; 8 malformed input. Of several receipts 3 comes before 5 before 8.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Get a log's trust file
    #[command(subcommand)]
    Trust(TrustVerb),
    /// Append one entry; prints the path of its verified receipt
    #[command(after_help = APPEND_EXAMPLES)]
    Append(AppendArgs),
    /// Append what earlier runs of `append` couldn't
    Flush(FlushArgs),
    /// Fetch an entry's record, or its receipt
    Get(GetArgs),
    /// Show what a receipt says, without verifying it
    Inspect(InspectArgs),
    /// Verify receipts, offline
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Hide claims of a receipt, which goes on verifying
    #[command(after_help = REDACT_EXAMPLES)]
    Redact(RedactArgs),
    /// Prove that a later tree of the log extends an earlier one
    Consistency(ConsistencyArgs),
}

const APPEND_EXAMPLES: &str = "\
Examples:
  provlog append --kind generation --commit HEAD --model example/m-1@2026-01 --prompt-file prompt.txt \\
      --agent editor --session s-1 --context absent:not_recorded --human-involvement reviewed \\
      --correlation change=42
  provlog append --kind scan --artifact app.tar.gz --scan @scan.json
  provlog append --json request.json --output app.tlog-proof

A claim's value is text or an integer where its type is; otherwise the short form shown, JSON \
that starts with { or [, or @FILE with JSON in it. absent:not_recorded, absent:not_applicable and absent:withheld state \
that there is no value, where the type allows it; parts of a model that are left out are stated as not recorded.

A submission is kept as <16 hex>.pending beside the output until its receipt is verified. Running the same \
command again resumes it: one entry, however often it is cut off.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  provlog verify app.tlog-proof --artifact app.tar.gz
  provlog verify .provlog/receipts --expect submitted.environment=production
  provlog verify change.tlog-proof --commit HEAD --prompt-file prompt.txt --json

A receipt proves that something is logged; the expectations say that it is about this. Claims that \
nothing compares are what their submitter said.";

const REDACT_EXAMPLES: &str = "\
Examples:
  provlog redact app.tlog-proof --hide submitted.prompt_hash --hide attested.workload -o public.tlog-proof
  provlog redact app.tlog-proof --keep submitted.subject > subject.tlog-proof";

/// Where the log is.
#[derive(Debug, Args)]
pub(crate) struct UrlArgs {
    /// Where the log is [default: the configuration's, else the trust file's, else
    /// http://127.0.0.1:4180]
    #[arg(long, env = "PROVLOG_URL", hide_env_values = true, value_name = "URL")]
    url: Option<String>,
}

impl UrlArgs {
    /// As given by flag or variable.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

/// Which log to believe.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Trust file with the log's key [default: the configuration's, or .provlog/trust]
    #[arg(long, env = "PROVLOG_TRUST", hide_env_values = true, value_name = "FILE")]
    trust: Option<PathBuf>,
}

impl TrustArgs {
    /// As given by flag or variable.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.trust.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, CommandFactory as _};

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.txt");

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// `docs/cli.txt` shows every help text. `PROVLOG_BLESS=1 cargo test -p provlog` writes it anew.
    #[test]
    fn the_help_is_the_one_in_the_docs() {
        let mut text = String::new();
        let mut command = Cli::command().term_width(HELP_COLUMNS_MAX);
        command.build();
        write_help(&mut command, &mut text);
        if std::env::var_os("PROVLOG_BLESS").is_some() {
            std::fs::write(GOLDEN, &text).unwrap();
        }
        let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
        let differs = golden.lines().zip(text.lines()).position(|(a, b)| a != b);
        assert!(
            golden == text,
            "docs/cli.txt is stale from line {differs:?} on: PROVLOG_BLESS=1 writes it anew"
        );
    }

    fn write_help(command: &mut Command, text: &mut String) {
        let name = command.get_bin_name().unwrap_or("provlog").to_string();
        text.push_str(&format!("$ {name} --help\n{}\n", command.render_long_help()));
        for verb in command.get_subcommands_mut().filter(|verb| verb.get_name() != "help") {
            write_help(verb, text);
        }
    }
}
