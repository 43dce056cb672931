//! `append` and `flush`: get a submission logged, and keep its receipt.
//!
//! Nothing is sent before the submission is kept on disk with its salts and key, and nothing counts as logged before
//! its receipt is verified: so an append can be cut off anywhere, run again, and is one entry.

mod caller;
mod flags;
mod pending;
mod prover;
mod submit;
mod value;

use crate::local::files;
use crate::local::folder_name::is_folder_name;
use crate::local::settings::RECEIPTS;
use crate::local::settings::workload::WorkloadArgs;
use crate::log::access::LogArgs;
use crate::log::retry::Retry;
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use crate::show::page;
use clap::Args;
use flags::RequestArgs;
use pending::{Pending, TakenUp};
use prover::Prover;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use submit::{Logged, Submitter, TWO_PROOFS};

#[derive(Debug, Args)]
pub(crate) struct AppendArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Where to keep the receipt; FOLDER/ keeps it there under its default name, - prints it
    /// [default: .provlog/receipts/<first subject digest, 16 hex>-<log's key id, 8 hex>-<index>.tlog-proof]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over another file, too; without it only over a receipt of the same entry
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    log: PatientArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FlushArgs {
    /// Folder with *.pending files
    #[arg(value_name = "FOLDER", default_value = RECEIPTS)]
    folder: PathBuf,
    #[command(flatten)]
    log: PatientArgs,
}

#[derive(Debug, Args)]
struct PatientArgs {
    /// How long to go on trying while the log gives no answer or says "later": seconds, or with ms, s or m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl PatientArgs {
    fn open(&self) -> Result<Submitter, Failure> {
        let log = self.log.open()?;
        let Some(source) = self.workload.source()? else {
            let client = log.client()?;
            return Ok(Submitter { client, prover: None, trust: log.trust, timeout: self.timeout });
        };
        let prover = Prover::new(source, &mut Retry::within(self.timeout))?;
        let client = log.client_bound_by(prover.svid())?;
        Ok(Submitter { client, prover: Some(prover), trust: log.trust, timeout: self.timeout })
    }
}

pub(crate) fn append(args: &AppendArgs) -> Result<Exit, Failure> {
    let log = args.log.open()?;
    let wanted = args.request.submission()?;
    if log.has_other_proof(&wanted) {
        return Err(Failure::Usage(TWO_PROOFS.into()));
    }
    let mut stream = args.output.as_deref().map(Stream::open).transpose()?.flatten();
    // A stream has no place beside it, where a submission could be kept.
    let output = args.output.as_deref().filter(|_| stream.is_none());
    let folder = output.map_or_else(
        || PathBuf::from(RECEIPTS),
        |output| if is_folder_name(output) { output.into() } else { files::folder_of(output) },
    );
    // In a folder it has its default name, which nothing else has.
    let output = output.filter(|output| !is_folder_name(output));
    let name = output.map(file_name).transpose()?;
    // An entry whose receipt would have no place isn't made.
    let has_place = |pending: &Pending| match output {
        Some(output) => Ok(log.has_place(output, pending, args.force)?),
        None => Ok(()),
    };
    let pending = Pending::resume_or_create(
        &folder,
        log.trust.trust.log().name(),
        &log.caller(),
        name,
        wanted,
        has_place,
    )?;
    let logged = log.submit(&pending)?;
    match &mut stream {
        Some(stream) => stream.take(&logged, &pending)?,
        None => print_path(&logged.keep(&pending, args.force)?)?,
    }
    Ok(Exit::Ok)
}

/// Appends what earlier runs couldn't.
pub(crate) fn flush(args: &FlushArgs) -> Result<Exit, Failure> {
    let log = args.log.open()?;
    let mut exits = Vec::new();
    for path in files::list(&args.folder, pending::EXTENSION, false)? {
        let flushed = match Pending::take(&path) {
            Ok(TakenUp::Ours(pending)) => {
                log.submit(&pending).and_then(|logged| logged.keep(&pending, false))
            }
            Ok(TakenUp::ByAnother) => {
                page::say(&format!(
                    "{}: another run is at work on it, and keeps its receipt",
                    path.display()
                ));
                continue;
            }
            Ok(TakenUp::Finished) => continue,
            Err(failure) => Err(failure),
        };
        match flushed {
            Ok(receipt) => print_path(&receipt)?,
            Err(failure) => {
                page::say(&failure.to_string());
                exits.push(Exit::of_failure(&failure));
                if exits.last() == Some(&Exit::Unreachable) {
                    // The others would wait as long, one after the other, for the same log.
                    break;
                }
            }
        }
    }
    Ok(Exit::fold(&exits))
}

/// Where a receipt goes that isn't kept.
enum Stream<'a> {
    /// Standard output.
    Printed,
    /// A device or a FIFO, opened before anything is sent, and its name.
    Opened(File, &'a Path),
}

impl<'a> Stream<'a> {
    fn open(output: &'a Path) -> Result<Option<Self>, Failure> {
        if files::is_stdout(output) {
            return Ok(Some(Self::Printed));
        }
        Ok(files::open_stream(output)?.map(|file| Self::Opened(file, output)))
    }

    /// Writes the receipt. Here a reader that has gone away is a failure: the receipt would be lost.
    fn take(&mut self, logged: &Logged, pending: &Pending) -> Result<(), Failure> {
        let written = match self {
            Self::Printed => page::write_out(&logged.receipt)
                .map_err(|error| Failure::Internal(format!("standard output: {error}"))),
            Self::Opened(file, path) => {
                file.write_all(&logged.receipt).map_err(|source| files::cannot_write(path, source).into())
            }
        };
        written.map_err(|cause| pending.kept(cause))?;
        files::remove(&pending.path)?;
        match self {
            Self::Printed => Ok(()),
            Self::Opened(_, path) => print_path(path),
        }
    }
}

fn print_path(path: &Path) -> Result<(), Failure> {
    page::print(format!("{}\n", path.display()).as_bytes())
}

fn file_name(output: &Path) -> Result<&str, Failure> {
    let name = output.file_name().and_then(|name| name.to_str()).filter(|_| !output.is_dir());
    name.ok_or_else(|| {
        Failure::Usage(format!("--output {}: expected a file's name in UTF-8", output.display()))
    })
}

/// Reads `30`, `30s`, `500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        _ => return Err("expected a number of seconds, or one with ms, s or m".into()),
    };
    let number: u32 = digits.parse().map_err(|_| "expected a whole number, such as 30s".to_string())?;
    Ok(Duration::from_millis(u64::from(number) * unit_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "-1", "1h", "1.5s", "99999999999"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
