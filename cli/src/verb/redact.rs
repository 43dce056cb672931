//! `redact`: hides claims of a receipt. Names stay, digests stay true, and what is left verifies as before.

use crate::local::files::DASH;
use crate::local::folder_name::is_folder_name;
use crate::proof::receipt;
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::output::hand_out;
use clap::Args;
use provlog_core::path::ClaimName;
use provlog_core::redact::{Redaction, redact_receipt};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct RedactArgs {
    /// The receipt; - is standard input
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    #[command(flatten)]
    which: WhichArgs,
    /// Where to write the redacted receipt; - prints it
    #[arg(short, long, value_name = "FILE", default_value = DASH)]
    output: PathBuf,
    /// Write over another file, too; without it only over a receipt of the same entry that hides the same
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct WhichArgs {
    /// Hide this claim, and no others but those named so
    #[arg(long, value_name = "SECTION.CLAIM")]
    hide: Vec<ClaimName>,
    /// Hide every claim but those named so
    #[arg(long, value_name = "SECTION.CLAIM")]
    keep: Vec<ClaimName>,
}

pub(crate) fn run(args: &RedactArgs) -> Result<Exit, Failure> {
    let bytes = receipt::read(&args.receipt)?;
    let WhichArgs { hide, keep } = &args.which;
    let redaction =
        if keep.is_empty() { Redaction::Hide(hide.clone()) } else { Redaction::Keep(keep.clone()) };
    let redacted = redact_receipt(&bytes, &redaction)?;
    if is_folder_name(&args.output) {
        return Err(Failure::Usage(format!(
            "--output {}: expected a file's name, got a folder's",
            args.output.display()
        )));
    }
    let redacted = redacted.as_bytes();
    receipt::with_place(redacted, args.force, |over| hand_out(&args.output, redacted, over))?;
    Ok(Exit::Ok)
}
