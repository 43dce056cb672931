//! A git repository's history as promotions in a log of its own, and every receipt verified with the log switched off.
//!
//! Starts the real daemon, appends one `promotion` a commit, keeps every receipt, stops the daemon, verifies each receipt
//! against its commit, and shows that receipts with one byte changed are refused. Last, all of it as one package for
//! whoever has neither log nor receipts: exported while the daemon runs, verified when it doesn't, and refused when one
//! byte of any of its files is changed. The repository is only read.

mod package;

use anyhow::{Context, bail, ensure};
use clap::Parser;
use package::Packages;
use provlog_core::cbor::{Map, Value};
use provlog_core::expectation::Expectation;
use provlog_core::hex;
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use provlog_examples::client::{Batch, Client};
use provlog_examples::console::{Console, counted, grouped, seconds};
use provlog_examples::daemon::{Daemon, command, program};
use provlog_examples::git::{Range, Repository};
use provlog_examples::promotion::promotion;
use provlog_examples::tamper::{Place, refused_by};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Most refusals that are told one by one.
const REFUSALS_SHOWN_MAX: u64 = 10;

/// Exit code of `provlog verify` over several receipts, one of which doesn't prove what it says.
const NOT_PROVEN: i32 = 3;

/// Appends a git history to a log of its own, one promotion a commit, and verifies every receipt offline
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The repository, or any folder in it
    #[arg(long, value_name = "PATH", default_value = ".")]
    repository: PathBuf,
    /// Whose history, as any revision [default: the branch that is checked out]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Where the changes went: the claim `environment` [default: the branch's name]
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Only so many commits, the newest ones
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Keep the log and the receipts here; run again, it appends only new commits [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("git-history: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let (provlogd, provlog) = (program("provlogd")?, program("provlog")?);
    let mut console = Console::new();
    let repository = Repository::at(&options.repository);
    let range = repository.range(options.branch.as_deref(), options.limit)?;
    let total = repository.count(&range)?;
    let environment = options.environment.as_deref().unwrap_or(&range.branch);
    console.done(
        "history",
        format_args!("{} of {} up to {}", counted(total, "commit"), range.branch, range.tip),
    );
    if repository.is_shallow()? {
        console.detail("a shallow clone: its oldest commits are taken as if they had added everything");
    }

    let folders = Folders::new(options.keep.as_deref())?;
    let daemon = Daemon::start(&provlogd, &folders.log)?;
    let trust = fs::read(&folders.trust).with_context(|| folders.trust.display().to_string())?;
    let trust = Trust::parse(&trust)?;
    console.done("daemon", format_args!("{} serves {}", daemon.url(), trust.log().name()));

    let walk = Walk { repository: &repository, range: &range, total, folders: &folders };
    walk.append(&mut console, &Client::new(daemon.url()), environment)?;
    let packages = Packages::under(&folders.root, &provlog, &folders.trust);
    packages.export(daemon.url())?;
    console.done("exported", format_args!("all of the log to {}", packages.path().display()));
    daemon.stop()?;
    console.done("stopped", "the daemon; from here on there are only files");

    let samples = walk.verify(&mut console, &trust)?;
    let last_line = verify_by_command_line(&provlog, &folders.receipts, &folders.trust, 0)?;
    console.done("verified", format_args!("the same by `provlog verify {}`", folders.receipts.display()));
    console.detail(last_line);

    tamper(&console, &folders, &trust, &samples)?;
    let last_line = verify_by_command_line(&provlog, &folders.tampered, &folders.trust, NOT_PROVEN)?;
    console.done("refused", format_args!("the same by `provlog verify {}`", folders.tampered.display()));
    console.detail(last_line);

    let passed = packages.verify()?;
    console.done(
        "verified",
        format_args!("the package, by `provlog verify {}`: {passed} checks", packages.path().display()),
    );
    console.done("tampered", "with one byte of a file of the package at a time:");
    for refused in packages.tamper()? {
        let offset = grouped(u64::try_from(refused.offset)?);
        let (file, verdict, because) = (refused.file, refused.verdict, refused.because);
        console.detail(format_args!("{file:<19} byte {offset:>9}  {verdict:<10}  {because}"));
    }
    if options.keep.is_some() {
        console.done(
            "kept",
            format_args!("log, trust file, receipts and package in {}", folders.root.display()),
        );
    }
    Ok(())
}

/// Where everything of a run lies.
struct Folders {
    root: PathBuf,
    log: PathBuf,
    trust: PathBuf,
    receipts: PathBuf,
    tampered: PathBuf,
    /// Removes the folder at the end, where nobody asked to keep it.
    _temporary: Option<TempDir>,
}

impl Folders {
    fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        let (root, temporary) = match keep {
            Some(folder) => (folder.to_path_buf(), None),
            None => {
                let folder = tempfile::tempdir().context("a temporary folder")?;
                (folder.path().to_path_buf(), Some(folder))
            }
        };
        let log = root.join("log");
        let folders = Self {
            trust: log.join("trust.tlog-policy"),
            receipts: root.join("receipts"),
            tampered: root.join("tampered"),
            root,
            log,
            _temporary: temporary,
        };
        for folder in [&folders.log, &folders.receipts, &folders.tampered] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(folders)
    }

    fn receipt(&self, commit: &str) -> PathBuf {
        self.receipts.join(commit).with_extension("tlog-proof")
    }
}

/// A commit with its receipt.
struct Sample {
    commit: String,
    receipt: Vec<u8>,
}

/// One history, which is walked twice: to append it, and to look for the receipt of each of its commits.
struct Walk<'a> {
    repository: &'a Repository,
    range: &'a Range,
    total: u64,
    folders: &'a Folders,
}

impl Walk<'_> {
    /// Appends every commit and keeps its receipt. Holds one batch at a time.
    fn append(&self, console: &mut Console, client: &Client, environment: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        let (mut batch, mut commits) = (Batch::default(), Vec::new());
        let (mut appended, mut duplicates, mut with_model, mut with_approvals) = (0, 0, 0, 0);
        let mut history = self.repository.commits(self.range)?.fuse();
        loop {
            let commit = history.next().transpose()?;
            let ended = commit.is_none();
            if let Some(commit) = commit {
                let submission = promotion(&commit, environment, now_ms()?)?;
                let says = |name| {
                    let claim = submission.claims().iter().find(|(claim, _)| claim == name);
                    u64::from(claim.is_some_and(|(_, value)| {
                        value.as_map().is_none_or(|map| map.get("absent").is_none())
                    }))
                };
                with_model += says("model");
                with_approvals += says("approvals");
                batch.push(&submission);
                commits.push(commit.id);
            }
            if batch.is_full() || ended && !batch.is_empty() {
                for (commit, entry) in commits.drain(..).zip(client.append(&batch)?) {
                    // Not synced: a receipt that a power cut takes is given again by another run.
                    let path = self.folders.receipt(&commit);
                    fs::write(&path, entry.receipt).with_context(|| path.display().to_string())?;
                    appended += 1;
                    duplicates += u64::from(entry.duplicate);
                }
                batch = Batch::default();
            }
            console.progress("appending", appended, self.total);
            if ended {
                break;
            }
        }
        ensure!(appended == self.total, "git log gave {appended} commits, git rev-list {}", self.total);
        console.done(
            "appended",
            format_args!(
                "{} to {environment} in {}",
                counted(appended, "promotion"),
                seconds(start.elapsed())
            ),
        );
        let told =
            format!("with a model: {}, with approvals: {}", grouped(with_model), grouped(with_approvals));
        let there = format!(", there already: {}", grouped(duplicates));
        console.detail(if duplicates == 0 { told } else { told + &there });
        Ok(())
    }

    /// Verifies the receipt of every commit against that commit. Gives the first few, for whoever wants to change them.
    fn verify(&self, console: &mut Console, trust: &Trust) -> anyhow::Result<Vec<Sample>> {
        let start = Instant::now();
        let verifier = Verifier { trust, now_ms: Some(now_ms()?) };
        let (mut verified, mut refused, mut bytes, mut samples) = (0, 0, 0, Vec::new());
        for commit in self.repository.ids(self.range)? {
            let commit = commit?;
            let path = self.folders.receipt(&commit);
            let receipt = fs::read(&path).with_context(|| path.display().to_string())?;
            match verifier.receipt(&receipt, &[expectation(&commit)?]) {
                Ok(_) => verified += 1,
                Err(error) => {
                    refused += 1;
                    if refused <= REFUSALS_SHOWN_MAX {
                        console.detail(format_args!("{}: {error}", path.display()));
                    }
                }
            }
            bytes += u64::try_from(receipt.len())?;
            if samples.len() < Place::ALL.len() {
                samples.push(Sample { commit, receipt });
            }
            console.progress("verifying", verified, self.total);
        }
        if refused > 0 || verified != self.total {
            bail!("{verified} of {} receipts verified, {refused} refused", self.total);
        }
        let time = seconds(start.elapsed());
        console.done(
            "verified",
            format_args!("{}, each against its commit, in {time}", counted(verified, "receipt")),
        );
        console.detail(format_args!("{} bytes each, on average", grouped(bytes / verified.max(1))));
        Ok(samples)
    }
}

fn expectation(commit: &str) -> anyhow::Result<Expectation> {
    let id = hex::decode(commit).with_context(|| format!("git named a commit {commit:?}"))?;
    let digest = Map::from_entries(vec![("gitCommit".into(), Value::Bytes(id))]);
    digest.map(Expectation::Subject).map_err(|key| anyhow::anyhow!("{key} twice in a digest"))
}

/// Changes one byte in each place, every time in another receipt if there are enough, and demands that the verifier
/// notices it where it has to.
fn tamper(console: &Console, folders: &Folders, trust: &Trust, samples: &[Sample]) -> anyhow::Result<()> {
    console.done("tampered", "with one byte of a receipt at a time:");
    let verifier = Verifier { trust, now_ms: Some(now_ms()?) };
    for (number, (place, sample)) in Place::ALL.into_iter().zip(samples.iter().cycle()).enumerate() {
        let tampered = place.tamper(&sample.receipt, &sample.commit)?;
        let path = folders.tampered.join(format!("{number}.tlog-proof"));
        fs::write(&path, &tampered.receipt).with_context(|| path.display().to_string())?;
        let Err(error) = verifier.receipt(&tampered.receipt, &[expectation(&sample.commit)?]) else {
            bail!("a receipt with byte {} changed ({}) was verified", tampered.offset, place.name());
        };
        let checks = refused_by(&error);
        ensure!(
            checks.iter().any(|check| check == place.noticed_by()),
            "{}: expected {} to fail, got {error}",
            place.name(),
            place.noticed_by()
        );
        let class = error.as_str();
        console.detail(format_args!(
            "{:<34} byte {:>6}  {class:<10}  {}",
            place.name(),
            grouped(u64::try_from(tampered.offset)?),
            checks.join(", ")
        ));
    }
    Ok(())
}

/// Runs `provlog verify` over a folder, and demands an exit code. Of its output, which has some lines for each receipt, only
/// the last one is kept.
fn verify_by_command_line(provlog: &Path, folder: &Path, trust: &Path, exit: i32) -> anyhow::Result<String> {
    let context = || provlog.display().to_string();
    let mut verify = command(provlog);
    verify.arg("verify").arg(folder).arg("--trust").arg(trust).stdout(Stdio::piped());
    let mut child = verify.spawn().with_context(context)?;
    let mut last_line = String::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.with_context(context)?;
            if !line.trim().is_empty() {
                last_line = line;
            }
        }
    }
    let status = child.wait().with_context(context)?;
    ensure!(
        status.code() == Some(exit),
        "provlog verify {}: expected exit code {exit}, got {status}: {last_line}",
        folder.display()
    );
    Ok(format!("exit {exit}: {last_line}"))
}

fn now_ms() -> anyhow::Result<u64> {
    let since =
        SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is before 1970")?;
    Ok(u64::try_from(since.as_millis())?)
}
