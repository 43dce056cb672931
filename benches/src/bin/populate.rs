//! Fills a log through its HTTP API with entries as pipelines would append them, in an order that a seed fixes.

use anyhow::{Context, bail};
use clap::Parser;
use provlog_benches::drive::Exchange;
use provlog_benches::population::{Appended, Change};
use provlog_benches::wire::Target;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

/// Changes whose entries are appended together, as a batch of what comes first, one of approvals, one of promotions:
/// about a thousand entries each.
const CHANGES_A_WAVE: u64 = 500;

/// Appends entries of several kinds, by a few hundred workloads, that refer to each other.
#[derive(Parser)]
struct Options {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:4180")]
    url: String,
    /// How many entries.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
    /// The same seed makes the same entries, but for the leaf hashes that they refer to.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Prints one line of JSON.
fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let start = Instant::now();
    let mut log = Log::connect(&options)?;
    let mut wave = 0;
    while log.left > 0 {
        let numbers = wave * CHANGES_A_WAVE..(wave + 1) * CHANGES_A_WAVE;
        let changes: Vec<Change> = numbers.map(|number| Change::new(options.seed, number)).collect();
        log.append_wave(&changes)?;
        wave += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({"entries": options.entries, "seconds": seconds, "kinds": log.kinds}));
    Ok(())
}

/// The log, and how much of it is still to be made.
struct Log {
    exchange: Exchange,
    host: String,
    left: u64,
    kinds: BTreeMap<String, u64>,
}

impl Log {
    fn connect(options: &Options) -> anyhow::Result<Self> {
        let target = Target::of(&options.url, None)?;
        let exchange = Exchange::connect(&target)?;
        Ok(Self { exchange, host: target.host, left: options.entries, kinds: BTreeMap::new() })
    }

    /// Appends what the changes consist of; no more than is wanted, which ends the last wave anywhere.
    fn append_wave(&mut self, changes: &[Change]) -> anyhow::Result<()> {
        let beginnings = self.append(changes.iter().map(Change::beginnings).collect())?;
        let approvals = self.append(changes.iter().map(Change::approvals).collect())?;
        let of_changes = changes.iter().zip(&beginnings).zip(&approvals);
        let promotions = of_changes.filter_map(|((change, beginnings), approvals)| {
            Some(change.promotions(beginnings.first()?, approvals))
        });
        self.append(promotions.collect()).map(drop)
    }

    /// Appends the entries of each change, and gives what the log answers of each.
    fn append(&mut self, changes: Vec<Vec<Value>>) -> anyhow::Result<Vec<Vec<Appended>>> {
        let (mut body, mut taken) = (String::new(), Vec::with_capacity(changes.len()));
        for entries in &changes {
            let before = self.left;
            for entry in entries.iter().take(usize::try_from(self.left)?) {
                body.push_str(&entry.to_string());
                body.push('\n');
                *self.kinds.entry(entry["kind"].as_str().unwrap_or_default().into()).or_default() += 1;
                self.left -= 1;
            }
            taken.push(before - self.left);
        }
        if body.is_empty() {
            return Ok(vec![Vec::new(); changes.len()]);
        }
        let answer = self.post(&body)?;
        let mut lines = serde_json::Deserializer::from_slice(&answer).into_iter::<Appended>();
        let mut of_change = |count| {
            (0..count).map(|_| lines.next().context("an entry has no answer")?.map_err(Into::into)).collect()
        };
        taken.into_iter().map(&mut of_change).collect()
    }

    fn post(&mut self, body: &str) -> anyhow::Result<Vec<u8>> {
        let (host, length) = (&self.host, body.len());
        let request = format!(
            "POST /v1/entries/batch?receipts=false HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let (status, answer) = self.exchange.send(request.as_bytes())?;
        if status != 200 {
            bail!("the log answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(answer)
    }
}
