//! Honest appends beside clients that mean no good: whether they are still answered, how soon, and what the others hold.

use anyhow::Context;
use clap::Parser;
use provlog_benches::abuse::{Abuse, Abuser};
use provlog_benches::drive::{self, Load, Measured};
use provlog_benches::wire::Target;
use provlog_benches::workload::{Appends, Workload};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Time in which the abuse is there, and nothing is counted.
const WARMUP: Duration = Duration::from_secs(2);

/// How often it is looked what the daemon holds.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long the daemon may take to let go of what the others left behind: longer than any of its timeouts.
const PATIENCE: Duration = Duration::from_secs(60);

/// Appends honestly beside one kind of abuse, and prints a row of a table in Markdown.
#[derive(Parser)]
struct Options {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:4180")]
    url: String,
    /// Speak TLS to an https:// URL whose certificate is by the CA in this PEM file.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Its process, whose memory and descriptors are looked at.
    #[arg(long)]
    pid: u32,
    /// What the others do.
    #[arg(long, value_enum)]
    abuse: Abuse,
    /// How many of them there are [default: as many as are enough to hurt]
    #[arg(long)]
    clients: Option<usize>,
    /// Clients that append honestly, each one entry after the other.
    #[arg(long, default_value_t = 8)]
    honest: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What a process holds.
#[derive(Clone, Copy, Default)]
struct Held {
    memory_kib: u64,
    descriptors: usize,
    /// Those of them that are connections, or listen.
    sockets: usize,
    cpu_ticks: u64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let target = Target::of(&options.url, options.tls_ca.as_deref())?;
    let seed = RandomState::new().hash_one(options.pid);
    let before = held(options.pid)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let abuser = Abuser::new(options.abuse, &target, seed)?;
    for _ in 0..options.clients.unwrap_or(options.abuse.clients()) {
        runtime.spawn(Arc::clone(&abuser).run());
    }
    let workload = Workload::append(&target.host, &Appends::default(), seed)?;
    let load = Load {
        target,
        connections: options.honest,
        threads: 1,
        warmup: WARMUP,
        window: Duration::from_secs(options.seconds.max(1)),
        sample_every: 0,
    };
    let over = AtomicBool::new(false);
    let (measured, most) = thread::scope(|scope| {
        let most = scope.spawn(|| most_held(options.pid, &over));
        let measured = drive::run(&load, &workload);
        over.store(true, Ordering::Relaxed);
        anyhow::Ok((measured?, most.join().ok().context("the thread that looks panicked")??))
    })?;
    let during = held(options.pid)?.cpu_ticks - before.cpu_ticks;
    runtime.shutdown_background();
    let done = abuser.done();
    // A row that tells of honest clients alone must not look like one beside others.
    anyhow::ensure!(
        done > 0 || options.abuse == Abuse::None,
        "the abuse was never done: {:?}",
        options.abuse
    );
    let (let_go, left) = await_release(options.pid, before.sockets)?;
    println!("{}", row(&options, done, &measured, most, during, let_go, left));
    Ok(())
}

/// The most that was held at any time until `over`.
fn most_held(pid: u32, over: &AtomicBool) -> io::Result<Held> {
    let mut most = Held::default();
    while !over.load(Ordering::Relaxed) {
        let now = held(pid)?;
        most.memory_kib = most.memory_kib.max(now.memory_kib);
        most.descriptors = most.descriptors.max(now.descriptors);
        thread::sleep(LOOK_EVERY);
    }
    Ok(most)
}

/// Waits until no connection is left of the others. Returns how long that took, and how many still are.
fn await_release(pid: u32, before: usize) -> io::Result<(Duration, usize)> {
    let start = Instant::now();
    loop {
        let left = held(pid)?.sockets.saturating_sub(before);
        if left == 0 || start.elapsed() > PATIENCE {
            return Ok((start.elapsed(), left));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// What /proc tells of a process.
fn held(pid: u32) -> io::Result<Held> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|text| text.trim().strip_suffix(" kB"));
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // User and system time are the 14th and 15th field; the second, the name, may hold spaces, and ends in a bracket.
    let times = stat.rsplit(')').next().unwrap_or_default().split(' ').skip(12).take(2);
    let links =
        fs::read_dir(format!("/proc/{pid}/fd"))?.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let links: Vec<_> = links.collect();
    Ok(Held {
        memory_kib: resident.and_then(|text| text.parse().ok()).unwrap_or_default(),
        descriptors: links.len(),
        sockets: links.iter().filter(|link| link.to_string_lossy().starts_with("socket:")).count(),
        cpu_ticks: times.filter_map(|text| text.parse::<u64>().ok()).sum(),
    })
}

fn row(
    options: &Options,
    done: u64,
    measured: &Measured,
    most: Held,
    cpu_ticks: u64,
    let_go: Duration,
    left: usize,
) -> String {
    let latency = &measured.latency_us;
    let ms = |us: u64| format!("{}.{:01}", us / 1000, us % 1000 / 100);
    let name = clap::ValueEnum::to_possible_value(&options.abuse);
    let name = name.map_or_else(String::new, |value| value.get_name().to_owned());
    let refused: u64 = measured.errors.values().sum();
    let cells = [
        format!("{name}, {}; {done} times", options.clients.unwrap_or(options.abuse.clients())),
        format!("{}/s", latency.len() / options.seconds.max(1)),
        format!(
            "{} / {} / {}",
            ms(latency.value_at_quantile(0.5)),
            ms(latency.value_at_quantile(0.99)),
            ms(latency.max())
        ),
        format!("{refused} refused, {} lost", measured.lost + measured.unanswered),
        format!("{} MB", most.memory_kib / 1024),
        most.descriptors.to_string(),
        format!("{}.{:02} s", cpu_ticks / 100, cpu_ticks % 100),
        format!("{} s, {left} left", ms(u64::try_from(let_go.as_millis()).unwrap_or(u64::MAX))),
    ];
    format!("| {} |", cells.join(" | "))
}
