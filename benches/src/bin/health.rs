//! How long `/healthz` takes while others read: what a balancer sees of a daemon that is busy, or that waits for its disk.

use anyhow::{Context, bail};
use clap::Parser;
use hdrhistogram::Histogram;
use provlog_benches::drive::{self, Exchange, Load, Measured};
use provlog_benches::wire::Target;
use provlog_benches::workload::{Mode, Workload};
use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

/// Connections that ask, one after the other: together they ask twice in a millisecond, wherever a stall falls.
const PROBES: u32 = 8;

/// How often each of them asks.
const PROBE_EVERY: Duration = Duration::from_millis(16);

/// Clients that read a damaged record at once: more than the daemon has workers on a small machine.
const DAMAGED_READERS: usize = 4;

/// Time in which the load is there, and nothing is counted.
const WARMUP: Duration = Duration::from_secs(1);

/// Probes /healthz while clients read records and inclusion proofs, and prints a row of a table in Markdown.
#[derive(Parser)]
struct Options {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:4180")]
    url: String,
    /// What the row is called.
    #[arg(long)]
    what: String,
    /// Clients that read records and inclusion proofs of random entries; none leaves the server idle.
    #[arg(long, default_value_t = 0)]
    readers: usize,
    /// Entries to read from.
    #[arg(long, default_value_t = 1)]
    size: u64,
    /// A damaged record, which four more clients read at once. Of several, each gets its turn, evenly over the time.
    #[arg(long, value_name = "INDEX")]
    damaged: Vec<u64>,
    /// How long to measure.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// The server, and when it is measured.
struct Window {
    target: Target,
    start: Instant,
    length: Duration,
}

/// Latencies in microseconds.
type Latencies = Histogram<u64>;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let target = Target::of(&options.url, None)?;
    let (start, length) = (Instant::now() + WARMUP, Duration::from_secs(options.seconds.max(1)));
    let window = &Window { target, start, length };
    let (health, damaged, load) = thread::scope(|scope| {
        let load = scope.spawn(|| read(window, &options));
        let damaged = scope.spawn(|| read_damaged(window, &options.damaged));
        let probes: Vec<_> = (0..PROBES).map(|number| scope.spawn(move || probe(window, number))).collect();
        let mut health = latencies()?;
        for probe in probes {
            health.add(joined(probe)?)?;
        }
        anyhow::Ok((health, joined(damaged)?, joined(load)?))
    })?;
    println!("{}", row(&options, &health, &damaged, load.as_ref()));
    Ok(())
}

/// The load, where there is one.
fn read(window: &Window, options: &Options) -> anyhow::Result<Option<Measured>> {
    if options.readers == 0 {
        return Ok(None);
    }
    let seed = RandomState::new().hash_one(std::process::id());
    let workload = Workload::read(&window.target.host, Mode::RecordsAndProofs, options.size, seed)?;
    let load = Load {
        target: window.target.clone(),
        connections: options.readers,
        threads: 1,
        warmup: window.start.saturating_duration_since(Instant::now()),
        window: window.length,
        sample_every: 0,
    };
    Ok(Some(drive::run(&load, &workload)?))
}

/// One connection's requests. A request that was due while the last one was under way counts from when it was due, so a
/// stall is seen by all that came into it.
fn probe(window: &Window, number: u32) -> anyhow::Result<Latencies> {
    let request = get(&window.target.host, "healthz");
    let mut exchange = Exchange::connect(&window.target)?;
    let mut latencies = latencies()?;
    let mut due = window.start + PROBE_EVERY * number / PROBES;
    while due < window.start + window.length {
        let early = due.saturating_duration_since(Instant::now());
        thread::sleep(early);
        let sent = if early.is_zero() { due } else { Instant::now() };
        let (status, _) = exchange.send(request.as_bytes())?;
        record(&mut latencies, sent);
        if status != 200 {
            bail!("/healthz answered {status}");
        }
        due += PROBE_EVERY;
    }
    Ok(latencies)
}

/// Reads each damaged record in its turn, by several clients at once.
fn read_damaged(window: &Window, indices: &[u64]) -> anyhow::Result<Latencies> {
    let mut total = latencies()?;
    let pause = window.length / u32::try_from(indices.len() + 1)?;
    let mut due = window.start;
    for index in indices {
        due += pause;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let read = || -> anyhow::Result<Latencies> {
            let (mut exchange, mut latencies) = (Exchange::connect(&window.target)?, latencies()?);
            let sent = Instant::now();
            let (status, _) =
                exchange.send(get(&window.target.host, &format!("v1/entries/{index}")).as_bytes())?;
            record(&mut latencies, sent);
            if status < 500 {
                bail!("a damaged record is not handed out, and {index} was answered {status}");
            }
            Ok(latencies)
        };
        thread::scope(|scope| {
            let readers: Vec<_> = (0..DAMAGED_READERS).map(|_| scope.spawn(read)).collect();
            readers.into_iter().try_for_each(|reader| anyhow::Ok(total.add(joined(reader)?)?))
        })?;
    }
    Ok(total)
}

fn get(host: &str, path: &str) -> String {
    format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// Up to a minute, in three digits.
fn latencies() -> anyhow::Result<Latencies> {
    Ok(Histogram::new_with_max(60_000_000, 3)?)
}

fn record(latencies: &mut Latencies, since: Instant) {
    latencies.saturating_record(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread.join().ok().context("a thread of the load generator panicked")?
}

fn row(options: &Options, health: &Latencies, damaged: &Latencies, load: Option<&Measured>) -> String {
    let ms = |us: u64| format!("{}.{:02}", us / 1000, us % 1000 / 10);
    let quantile = |quantile| ms(health.value_at_quantile(quantile));
    let mut cells = vec![options.what.clone()];
    cells.push(format!("{} / {} / {}", quantile(0.5), quantile(0.99), ms(health.max())));
    cells.push(health.len().to_string());
    cells.push(load.map_or_else(|| "-".into(), |load| reads(load, options.seconds.max(1))));
    cells.push(match damaged.len() {
        0 => "-".into(),
        count => format!("{count} reads, the slowest {} ms", ms(damaged.max())),
    });
    format!("| {} |", cells.join(" | "))
}

/// The rate of reads, and those that failed.
fn reads(load: &Measured, seconds: u64) -> String {
    let refused: u64 = load.errors.values().sum();
    let rate = load.latency_us.len() / seconds;
    match (refused, load.lost + load.unanswered) {
        (0, 0) => format!("{rate}/s"),
        (refused, lost) => format!("{rate}/s, {refused} refused, {lost} lost"),
    }
}
