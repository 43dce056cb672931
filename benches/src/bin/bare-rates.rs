//! Two limits of this machine that figures stand beside: durable writes, and turning submissions into leaves.

use anyhow::Context;
use clap::Parser;
use hdrhistogram::Histogram;
use provlog_benches::leaf::{Salts, seal, seal_cbor};
use provlog_benches::{machine, workload};
use provlog_core::Hash;
use provlog_core::entry::TimeMs;
use rustix::fs::{FallocateFlags, fallocate};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What one write appends: a page.
const WRITE_BYTES: usize = 4096;

/// As long as a segment of the journal, allocated ahead like one; at its end the next one begins.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Longest sync that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Leaves made between two looks at the clock.
const LEAVES_AT_ONCE: u64 = 100;

/// Measures the bare fdatasync rate of 4 KiB appends, and submissions to leaves per second on all cores.
#[derive(Parser)]
struct Options {
    /// A folder on the filesystem to measure; a file is made in it and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// How long each of them is measured.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

/// Prints one line of JSON.
fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let window = Duration::from_secs(options.seconds.max(1));
    let (syncs_per_s, syncs_us) = fdatasync(&options.dir, window)?;
    let json = workload::submission(&"ab".repeat(32), 0);
    let of_json = |salts: &mut Salts| Ok(seal(json.as_bytes(), salts)?.entry(TimeMs::MIN).leaf_hash());
    let cbor = workload::cbor_submission(&"ab".repeat(32), 0)?;
    let of_cbor = |salts: &mut Salts| Ok(seal_cbor(&cbor, salts)?.entry(TimeMs::MIN).leaf_hash());
    let sync_us = |quantile| syncs_us.value_at_quantile(quantile);
    let report: Value = json!({
        "fdatasync_per_s": syncs_per_s,
        "fdatasync_p50_us": sync_us(0.5),
        "fdatasync_p99_us": sync_us(0.99),
        "leaves_per_s_one_thread": leaves(1, window, of_json)?,
        "leaves_per_s_all_cores": leaves(cores(), window, of_json)?,
        "cbor_leaves_per_s_one_thread": leaves(1, window, of_cbor)?,
        "cbor_leaves_per_s_all_cores": leaves(cores(), window, of_cbor)?,
        "machine": machine::facts(&options.dir),
    });
    println!("{report}");
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn fdatasync(dir: &Path, window: Duration) -> anyhow::Result<(u64, Histogram<u64>)> {
    let path = dir.join(format!("bare-rates.{}", std::process::id()));
    let measured = fdatasync_into(&path, window);
    fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))?;
    measured.with_context(|| format!("can't measure in {}", path.display()))
}

fn fdatasync_into(path: &Path, window: Duration) -> anyhow::Result<(u64, Histogram<u64>)> {
    let mut latencies_us = Histogram::new_with_max(LATENCY_US_MAX, 3)?;
    let page = vec![0xa5; WRITE_BYTES];
    let mut spent = Duration::ZERO;
    while spent < window {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        fallocate(&file, FallocateFlags::empty(), 0, FILE_BYTES)?;
        file.sync_all()?;
        for offset in (0..FILE_BYTES).step_by(WRITE_BYTES) {
            let start = Instant::now();
            file.write_all_at(&page, offset)?;
            file.sync_data()?;
            let elapsed = start.elapsed();
            spent += elapsed;
            latencies_us.saturating_record(u64::try_from(elapsed.as_micros())?);
            if spent >= window {
                break;
            }
        }
    }
    Ok((per_s(latencies_us.len(), spent), latencies_us))
}

/// Submissions made into records and hashed to leaves per second, by so many threads together.
fn leaves(
    threads: usize,
    window: Duration,
    leaf: impl Fn(&mut Salts) -> anyhow::Result<Hash> + Sync,
) -> anyhow::Result<u64> {
    let start = Instant::now();
    let work = || -> anyhow::Result<u64> {
        let (mut salts, mut count) = (Salts::default(), 0);
        while start.elapsed() < window {
            for _ in 0..LEAVES_AT_ONCE {
                std::hint::black_box(leaf(&mut salts)?);
            }
            count += LEAVES_AT_ONCE;
        }
        Ok(count)
    };
    let counts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(Ok(0))).collect::<Vec<_>>()
    });
    let total = counts.into_iter().sum::<anyhow::Result<u64>>()?;
    Ok(per_s(total, start.elapsed()))
}

fn per_s(count: u64, time: Duration) -> u64 {
    let per_s = u128::from(count) * 1_000_000 / time.as_micros().max(1);
    u64::try_from(per_s).unwrap_or(u64::MAX)
}
