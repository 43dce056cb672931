//! Durable groups of entries into provlog's journal, and into stores that others wrote: one workload, one engine a process.
//!
//! An entry is some 400 bytes with three keys of 32 bytes to find it by. A group counts once the engine says that it is durable.

mod engines;

use clap::{Parser, ValueEnum};
use engines::{Engine, Entry};
use hdrhistogram::Histogram;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest group that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Name {
    /// One file that is appended to, one fdatasync a group, no keys: the limit.
    File,
    /// provlog's engine, whole: journal and high-water mark, tree, signed checkpoint, one of the three keys.
    Provlog,
    /// fjall, an LSM tree; `SyncAll` after each group.
    Fjall,
    /// redb, a copy-on-write B tree; a transaction a group.
    Redb,
    /// SQLite, WAL, `synchronous=FULL`; a transaction a group.
    Sqlite,
    /// sled 0.34; `flush` after each group.
    Sled,
}

/// Appends groups to one engine for some time, and prints a row of a table in Markdown.
#[derive(Parser)]
struct Options {
    /// What takes the entries.
    #[arg(long, value_enum)]
    engine: Name,
    /// A new folder for its files, on the disk to measure.
    #[arg(long)]
    dir: PathBuf,
    /// How long to measure.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Entries of a group.
    #[arg(long, default_value_t = 256)]
    group: u64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    fs::create_dir(&options.dir)?;
    let mut engine: Box<dyn Engine> = match options.engine {
        Name::File => Box::new(engines::File::create(&options.dir)?),
        Name::Provlog => Box::new(engines::Provlog::create(&options.dir)?),
        Name::Fjall => Box::new(engines::Fjall::create(&options.dir)?),
        Name::Redb => Box::new(engines::Redb::create(&options.dir)?),
        Name::Sqlite => Box::new(engines::Sqlite::create(&options.dir)?),
        Name::Sled => Box::new(engines::Sled::create(&options.dir)?),
    };
    let mut latency_us = Histogram::<u64>::new_with_max(LATENCY_US_MAX, 3)?;
    let (mut next, window) = (0, Duration::from_secs(options.seconds.max(1)));
    let mut spent = Duration::ZERO;
    while spent < window {
        // Entries are made while no clock runs.
        let group: Vec<Entry> = (next..next + options.group).map(Entry::new).collect();
        let prepared = engine.prepare(group)?;
        let start = Instant::now();
        engine.append(prepared)?;
        let elapsed = start.elapsed();
        spent += elapsed;
        latency_us.saturating_record(u64::try_from(elapsed.as_micros())?);
        next += options.group;
    }
    drop(engine);
    let rate = u128::from(next) * 1_000_000 / spent.as_micros().max(1);
    let ms = |quantile| {
        let us = latency_us.value_at_quantile(quantile);
        format!("{}.{:02}", us / 1000, us % 1000 / 10)
    };
    let name = options.engine.to_possible_value().map_or_else(String::new, |value| value.get_name().into());
    println!(
        "| {name} | {rate} | {} / {} / {} | {} | {} MB |",
        ms(0.5),
        ms(0.99),
        ms(1.0),
        disk_bytes(&options.dir)? / next.max(1),
        peak_memory_kib()? / 1024
    );
    Ok(())
}

/// Bytes that the files of a folder take on the disk.
fn disk_bytes(dir: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

fn peak_memory_kib() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().strip_suffix(" kB")).and_then(|text| text.parse().ok());
    peak.ok_or_else(|| io::Error::other("/proc/self/status has no VmHWM"))
}
