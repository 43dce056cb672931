//! The command line: verbs, what they share, and their help.

use crate::verb::append::{AppendArgs, FlushArgs};
use crate::verb::audit::AuditArgs;
use crate::verb::consistency::ConsistencyArgs;
use crate::verb::crosswalk::CrosswalkVerb;
use crate::verb::explain::ExplainArgs;
use crate::verb::export::ExportArgs;
use crate::verb::get::GetArgs;
use crate::verb::inspect::InspectArgs;
use crate::verb::redact::RedactArgs;
use crate::verb::trust::TrustVerb;
use crate::verb::verify::VerifyArgs;
use clap::builder::Resettable;
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

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

impl Cli {
    /// The command line that this was started with. Variables that are set and empty count as not set: that is how jobs
    /// and scripts unset them.
    pub(crate) fn from_line() -> Result<Self, clap::Error> {
        Self::from_arg_matches(&without_empty_variables(Self::command()).try_get_matches()?)
    }
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg });
    command.mut_subcommands(without_empty_variables)
}

const AFTER_HELP: &str = "\
Settings come from flags, then from PROVLOG_URL, PROVLOG_CA, PROVLOG_CLIENT_CERT, PROVLOG_CLIENT_KEY, PROVLOG_TRUST, PROVLOG_FINGERPRINT, PROVLOG_TOKEN, PROVLOG_IDENTITY, PROVLOG_SVID and PROVLOG_SVID_KEY (empty ones count as not set), then from \
.provlog/config.toml (url, ca, client_cert, client_key, trust) and .provlog/trust in this repository, then from those in the home directory. Whoever changes a repository changes \
its .provlog: it counts only where the fingerprint of its trust file's key is given, or known by `provlog trust add`. A ca counts for the url in \
the same file alone, and no token, client's certificate or \
proof of a workload goes to a url that only a repository names.

Over https:// the log's certificate has to lead to one in the file that --ca, PROVLOG_CA or ca names, else to one of the system's roots, or of those that \
SSL_CERT_FILE and SSL_CERT_DIR name. A log on another machine is asked through the proxy in HTTPS_PROXY over https:// and in HTTP_PROXY over http://, else in \
ALL_PROXY (or the same in lowercase, which comes first), unless NO_PROXY names its host: names and addresses as they stand in the URL, \
.example.com for all below, * for all, with commas between.

Exit codes: 0 ok, warnings included; 1 internal; 2 usage; 3 verification failed; 4 denied, or not what was required; 5 untrusted checkpoint \
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
    /// Verify receipts and packages, offline
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Tell in words what receipts and packages show, and what nobody proved
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Hide claims of a receipt, which goes on verifying
    #[command(after_help = REDACT_EXAMPLES)]
    Redact(RedactArgs),
    /// Prove that a later tree of the log extends an earlier one
    Consistency(ConsistencyArgs),
    /// Mirror a log and recompute all of it, against its signed checkpoint and the last audit
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(AuditArgs),
    /// Export entries with one proof, for whoever verifies them without the log
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Which controls of which frameworks entries are evidence for
    #[command(subcommand)]
    Crosswalk(CrosswalkVerb),
}

const APPEND_EXAMPLES: &str = "\
Examples:
  provlog append --kind generation --commit HEAD --model example/m-1@2026-01 --prompt-file prompt.txt \\
      --agent editor --session s-1 --context absent:not_recorded --human-involvement reviewed \\
      --correlation change=42
  provlog append --kind scan --artifact app.tar.gz --scan @scan.json
  provlog append --json request.json --output app.tlog-proof
  provlog append --identity github --json request.json

A claim's value is text or an integer where its type is; otherwise the short form shown, JSON \
that starts with { or [, or @FILE with JSON in it. absent:not_recorded, absent:not_applicable and absent:withheld state \
that there is no value, where the type allows it; parts of a model that are left out are stated as not recorded.

A submission is kept as <16 hex>.pending beside the output until its receipt is verified. Running the same \
command again resumes it: one entry, however often it is cut off. Equal commands that run at the same time are an entry each, \
unless they have one idempotency key.

With --identity the receipt must attest the workload that this runs as, by evidence that binds it to the entry; else the exit code is 3. \
Every run proves it anew, a resumed one and `flush` too, and has to be the same workload's: the log refuses another's (4).";

const VERIFY_EXAMPLES: &str = "\
Examples:
  provlog verify app.tlog-proof --artifact app.tar.gz
  provlog verify .provlog/receipts --expect submitted.environment=production
  provlog verify change.tlog-proof --commit HEAD --prompt-file prompt.txt --json
  provlog verify 2026-q1.zip
  provlog verify .provlog/receipts mirror

A receipt proves that something is logged; the expectations say that it is about this. Claims that \
nothing compares are what their submitter said.";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  provlog explain app.tlog-proof
  provlog explain promotion-5.zip --issuer-keys https://token.actions.githubusercontent.com=github.jwks
  provlog explain - --roster allowed_signers --json < app.tlog-proof

It verifies offline, as `provlog verify` does and with its exit codes, and then tells what happened, when, which workload \
submitted it, how that was shown, and what nobody proved. Of what doesn't verify it tells why, and nothing as true.";

const REDACT_EXAMPLES: &str = "\
Examples:
  provlog redact app.tlog-proof --hide submitted.prompt_hash --hide attested.workload -o public.tlog-proof
  provlog redact app.tlog-proof --keep submitted.subject > subject.tlog-proof";

const AUDIT_EXAMPLES: &str = "\
Examples:
  provlog audit mirror --url http://127.0.0.1:4180
  provlog audit mirror --full --json
  provlog audit mirror --directory /srv/log --trust log.tlog-policy

Works on every log that serves C2SP tlog-tiles. The folder then holds the log in the same layout, and audit.json, where the \
next audit goes on: a run that was cut off is resumed by running it again. What is found wrong is named by entry or tile, \
with exit code 3; signed checkpoints that prove it are kept in the folder's evidence/. What isn't served, though it should be, \
proves nothing: the audit is then incomplete, with exit code 6.

Records are compared where the log serves them at /v1/records. In a directory they are one file, v1/records, as \
curl -H 'Accept: application/cbor-seq' writes it. What they say of workloads is told by whose word it is, and is wrong where \
a workload isn't what its evidence makes, a key was never in the log's sets, or evidence covers the same claims twice. An audit of \
what is new looks at the new records alone, with the keys that it is given.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  provlog export -o 2026-q1.zip --from 2026-01-01 --to 2026-04-01 --profile regulator
  provlog export -o all --start 0 --previous last/checkpoint
  provlog export -o production.zip --kind promotion --environment production --hide attested.workload

The package is a folder, or a ZIP of the same files, that `provlog verify` checks with the trust file alone: records, one \
proof for all of them, the signed checkpoint, and the records once more as JSON lines and as a table. A range, or a time, \
is proven to be complete; a selection by kind, subject or environment can't be. A time is a date, 2026-01-31T23:59:59Z or \
milliseconds since the Unix epoch, all in UTC.";

#[cfg(test)]
mod tests {
    use super::*;

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
