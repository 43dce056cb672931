//! A closed-loop load generator for provlogd: how many, how fast, and does what came back verify.

use anyhow::{Context, bail};
use clap::Parser;
use provlog_benches::drive::{self, Load, Measured};
use provlog_benches::wire::Target;
use provlog_benches::workload::{Appends, BodyForm, Mode, Workload};
use provlog_benches::{machine, prepared, sample};
use provlog_core::trust::Trust;
use serde_json::{Value, json};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Loads a provlogd and says how it went. A receipt that doesn't verify makes it fail.
#[derive(Parser)]
struct Options {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:4180")]
    url: String,
    /// Speak TLS to an https:// URL whose certificate is by the CA in this PEM file.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// What to ask for.
    #[arg(long, value_enum, default_value_t = Mode::Single)]
    mode: Mode,
    /// What appends are sent in.
    #[arg(long, value_enum, default_value_t = BodyForm::Json)]
    body: BodyForm,
    /// Send single appends to this path, of a server other than provlogd; what it answers isn't looked into.
    #[arg(long, value_name = "PATH", conflicts_with = "trust")]
    path: Option<String>,
    /// Connections; each has one request under way at any time.
    #[arg(long, default_value = "64")]
    connections: NonZeroUsize,
    /// Threads of the load generator.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// How long to measure.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds before the measure starts.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Entries in a batch.
    #[arg(long, default_value = "1000")]
    batch_size: NonZeroUsize,
    /// Ask for batches without receipts.
    #[arg(long)]
    no_receipts: bool,
    /// Verify a sample of the receipts against this trust file after the run.
    #[arg(long)]
    trust: Option<PathBuf>,
    /// The answer to each so many requests is in the sample.
    #[arg(long, default_value = "100")]
    verify_every: NonZeroUsize,
    /// Append with the token in this file.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Append with the requests in this file, each once, as `issuer --requests` writes them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token_file", "path"])]
    requests: Option<PathBuf>,
    /// Entries to read from; by default as many as the log's checkpoint says.
    #[arg(long)]
    size: Option<u64>,
    /// Read as a client that has answers of this entity tag, `*` for any: 304 counts as success.
    #[arg(long, value_name = "TAG")]
    if_none_match: Option<String>,
    /// A folder on the filesystem that the server writes to, for the facts about the machine.
    #[arg(long, default_value = ".")]
    data_dir: PathBuf,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let trust = options.trust.as_ref().map(read_trust).transpose()?;
    let checked = trust.filter(|_| options.mode.appends() && !options.no_receipts);
    let target = Target::of(&options.url, options.tls_ca.as_deref())?;
    let workload = workload(&options, &target)?;
    let load = Load {
        target,
        connections: options.connections.get(),
        threads: options.threads.get(),
        warmup: Duration::from_secs(options.warmup),
        window: Duration::from_secs(options.seconds.max(1)),
        sample_every: if checked.is_some() { u64::try_from(options.verify_every.get())? } else { 0 },
    };
    let measured = drive::run(&load, &workload)?;
    if measured.ran_out {
        bail!("the requests ended before the time did: give more of them");
    }
    let verified = checked.map(|trust| sample::check(&measured.samples, &workload, &trust)).transpose()?;
    let report = report(&options, &load, &workload, &measured, verified);
    if options.json {
        println!("{report}");
    } else {
        print_text(&report);
    }
    if measured.latency_us.is_empty() {
        bail!("no request succeeded");
    }
    Ok(())
}

fn read_trust(path: &PathBuf) -> anyhow::Result<Trust> {
    let bytes = fs::read(path).with_context(|| format!("can't read the trust file {}", path.display()))?;
    Ok(Trust::parse(&bytes)?)
}

fn workload(options: &Options, target: &Target) -> anyhow::Result<Workload> {
    let host = &target.host;
    let seed = RandomState::new().hash_one(std::process::id());
    let token =
        options.token_file.as_ref().map(fs::read_to_string).transpose().context("can't read the token")?;
    let token = token.as_deref().map(str::trim);
    if let Some(path) = &options.requests {
        let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        return Ok(Workload::given(host, prepared::read(&bytes)?));
    }
    match options.mode {
        Mode::Single => {
            let appends = Appends { form: options.body, token, ..Appends::default() };
            let path = options.path.as_deref().unwrap_or(appends.path);
            Ok(Workload::append(host, &Appends { path, ..appends }, seed)?)
        }
        Mode::Batch => {
            let path =
                if options.no_receipts { "/v1/entries/batch?receipts=false" } else { "/v1/entries/batch" };
            let batch = Some(options.batch_size.get());
            Ok(Workload::append(host, &Appends { form: options.body, batch, path, token }, seed)?)
        }
        mode => {
            let size = options.size.map_or_else(|| log_size(target), Ok)?;
            let reads = Workload::read(host, mode, size, seed)?;
            Ok(match &options.if_none_match {
                Some(tag) => reads.having(tag),
                None => reads,
            })
        }
    }
}

/// The second line of a checkpoint (C2SP tlog-checkpoint).
fn log_size(target: &Target) -> anyhow::Result<u64> {
    let (status, body) = drive::get(target, "/checkpoint")?;
    let text = String::from_utf8_lossy(&body);
    let size = text.lines().nth(1).and_then(|line| line.parse().ok()).filter(|_| status == 200);
    size.with_context(|| format!("expected a checkpoint with the log's size, got status {status}"))
}

fn report(
    options: &Options,
    load: &Load,
    workload: &Workload,
    measured: &Measured,
    verified: Option<u64>,
) -> Value {
    let answers = measured.latency_us.len();
    let per_s = |count: u64| count / load.window.as_secs().max(1);
    let percentile = |quantile| ms(measured.latency_us.value_at_quantile(quantile));
    let entries = u64::try_from(workload.entries_per_request()).unwrap_or(0);
    let all_answers = answers + measured.errors.values().sum::<u64>();
    let cpu_us = u64::try_from(measured.cpu.as_micros()).unwrap_or(u64::MAX);
    json!({
        "mode": format!("{:?}", options.mode).to_lowercase(),
        "body": options.mode.appends().then(|| format!("{:?}", options.body).to_lowercase()),
        "tls": load.target.tls.is_some(),
        "connections": load.connections,
        "threads": load.threads,
        "seconds": load.window.as_secs(),
        "requests_per_s": per_s(answers),
        "entries_per_s": per_s(answers * entries),
        "p50_ms": percentile(0.5),
        "p90_ms": percentile(0.9),
        "p99_ms": percentile(0.99),
        "p99_9_ms": percentile(0.999),
        "max_ms": ms(measured.latency_us.max()),
        "answer_bytes": measured.answer_bytes / answers.max(1),
        "hammer_cpu_us_per_request": cpu_us / all_answers.max(1),
        "errors": measured.errors.iter().map(|(status, count)| (status.to_string(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "lost": measured.lost,
        "unanswered": measured.unanswered,
        "receipts_verified": verified,
        "machine": machine::facts(&options.data_dir),
    })
}

fn ms(us: u64) -> f64 {
    u32::try_from(us).map_or(f64::INFINITY, |us| f64::from(us) / 1e3)
}

fn print_text(report: &Value) {
    println!("machine    {}", machine::line(&report["machine"]));
    let (mode, connections) = (&report["mode"], &report["connections"]);
    println!(
        "load       {}, {connections} connections, {} s",
        mode.as_str().unwrap_or("?"),
        report["seconds"]
    );
    println!("rate       {} requests/s, {} entries/s", report["requests_per_s"], report["entries_per_s"]);
    print!("latency ms");
    for name in ["p50", "p90", "p99", "p99_9", "max"] {
        let value = report[format!("{name}_ms")].as_f64().unwrap_or(f64::NAN);
        print!(" {} {value:.2}", name.replace('_', "."));
    }
    println!("\nanswers    {} bytes each", report["answer_bytes"]);
    println!("hammer     {} us of CPU a request", report["hammer_cpu_us_per_request"]);
    println!(
        "errors     by status {}, {} connections lost, {} unanswered",
        report["errors"], report["lost"], report["unanswered"]
    );
    match report["receipts_verified"].as_u64() {
        Some(count) => println!("receipts   {count} verified"),
        None => println!("receipts   not checked: appends with --trust FILE are"),
    }
}
