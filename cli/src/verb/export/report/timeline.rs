//! How many entries of each kind there are over time, in a bounded number of buckets however long the time is.

use provlog_core::claims::kind_name;
use provlog_core::entry::Kind;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most buckets. When one more is needed, pairs of them become one.
const BUCKETS_MAX: usize = 60;

/// The width that buckets start with.
const WIDTH_MS: u64 = 1000;

/// Counts of entries by kind and time. Entries come in the log's order, so the first is the earliest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Timeline {
    start_ms: Option<u64>,
    doublings: u32,
    rows: BTreeMap<u8, Vec<u64>>,
}

/// The timeline as the page takes it: a row for each kind, all of one length.
#[derive(Serialize)]
pub(super) struct TimelineJson {
    start_ms: u64,
    width_ms: u64,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    value: String,
    counts: Vec<u64>,
}

impl Timeline {
    /// Takes in an entry.
    pub(super) fn add(&mut self, time_ms: u64, kind: Kind) {
        let start_ms = *self.start_ms.get_or_insert(time_ms);
        let since_ms = time_ms.saturating_sub(start_ms);
        while self.bucket(since_ms) >= BUCKETS_MAX {
            self.doublings += 1;
            for counts in self.rows.values_mut() {
                *counts = counts.chunks(2).map(|pair| pair.iter().sum()).collect();
            }
        }
        let bucket = self.bucket(since_ms);
        let counts = self.rows.entry(kind.number()).or_default();
        if counts.len() <= bucket {
            counts.resize(bucket + 1, 0);
        }
        counts[bucket] += 1;
    }

    fn bucket(&self, since_ms: u64) -> usize {
        usize::try_from(since_ms / self.width_ms()).unwrap_or(usize::MAX)
    }

    /// At most 2^53 ms over 60 buckets: 38 doublings.
    const fn width_ms(&self) -> u64 {
        WIDTH_MS << self.doublings
    }

    pub(super) fn to_json(&self) -> TimelineJson {
        let length = self.rows.values().map(Vec::len).max().unwrap_or(0);
        let rows = self.rows.iter().map(|(number, counts)| {
            let mut counts = counts.clone();
            counts.resize(length, 0);
            Row { value: name_of(*number), counts }
        });
        TimelineJson { start_ms: self.start_ms.unwrap_or(0), width_ms: self.width_ms(), rows: rows.collect() }
    }
}

/// The kind's name, or its number where it has none.
pub(super) fn name_of(number: u8) -> String {
    Kind::new(number).and_then(kind_name).map_or_else(|| number.to_string(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_double_and_lose_nothing() {
        let kind = |number| Kind::new(number).unwrap();
        let mut timeline = Timeline::default();
        let start_ms = 1_790_000_000_000;
        for n in 0..1000 {
            timeline.add(start_ms + n * n * 1000, kind(if n % 3 == 0 { 4 } else { 22 }));
        }
        timeline.add(start_ms + 998_001_000, kind(23));
        let json = timeline.to_json();
        let sums: Vec<u64> = json.rows.iter().map(|row| row.counts.iter().sum()).collect();
        assert_eq!(sums, [334, 666, 1]);
        assert!(json.rows.iter().all(|row| row.counts.len() == json.rows[0].counts.len()));
        assert!((BUCKETS_MAX / 2..=BUCKETS_MAX).contains(&json.rows[0].counts.len()));
        let names: Vec<&str> = json.rows.iter().map(|row| row.value.as_str()).collect();
        assert_eq!(names, ["promotion", "event", "23"]);
        // 999^2 s after the start, in buckets of 2^15 s, is in the last one.
        assert_eq!((json.start_ms, json.width_ms), (start_ms, 32_768_000));
        assert_eq!(json.rows[2].counts.last(), Some(&1));
    }
}
