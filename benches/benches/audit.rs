//! The core loop of `provlog audit`: entry bundles to leaf hashes to the root, on one core, from memory. Beside it what
//! SHA-256 alone takes for as many entries, each hashed as a leaf and, on average, as one inner node.

// `audit` is part of a program, not of a library: its own file is measured here, of which some is for other callers.
#[expect(dead_code, unused_imports, reason = "what the program and its tests need of it beside the loop")]
#[path = "../../cli/src/verb/audit/recompute.rs"]
mod recompute;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use provlog_core::Hash;
use provlog_core::limits::ENTRY_BYTES;
use provlog_core::tree::Frontier;
use recompute::{Edge, leaves};
use std::hint::black_box;

/// Entries in a bundle.
const BUNDLE_ENTRIES: usize = 256;

/// Bundles of a run: enough to fill a tile of the level above.
const BUNDLES: usize = 256;

/// What a leaf is hashed from, its domain byte among them.
const LEAF_BYTES: usize = 1 + ENTRY_BYTES;

/// What a node is hashed from, likewise.
const NODE_BYTES: usize = 1 + 32 + 32;

criterion_group!(benches, audit);
criterion_main!(benches);

fn audit(criterion: &mut Criterion) {
    let bundles: Vec<Vec<u8>> = (0..BUNDLES).map(bundle).collect();
    let entries = BUNDLES * BUNDLE_ENTRIES;
    let mut group = criterion.benchmark_group("audit");
    group.throughput(Throughput::Elements(u64::try_from(entries).unwrap_or(u64::MAX)));
    group.bench_function("root-of-65536-entries", |bench| bench.iter(|| root(black_box(&bundles))));
    group.bench_function("sha-256-alone", |bench| {
        bench.iter(|| {
            for _ in 0..entries {
                black_box(Hash::plain(black_box(&[0; LEAF_BYTES])));
                black_box(Hash::plain(black_box(&[1; NODE_BYTES])));
            }
        });
    });
    group.finish();
}

fn root(bundles: &[Vec<u8>]) -> Hash {
    let mut edge = Edge::default();
    for bundle in bundles {
        let (leaves, whole) = leaves(bundle, BUNDLE_ENTRIES);
        assert_eq!(whole, Ok(()), "the bundles are whole");
        edge.push_bundle(Frontier::over(&leaves).root());
    }
    edge.root()
}

/// A bundle of entries that differ, each with its length before it.
fn bundle(number: usize) -> Vec<u8> {
    let entry = |nth: usize| {
        let mut entry = [0; ENTRY_BYTES];
        entry[..8].copy_from_slice(&(number * BUNDLE_ENTRIES + nth).to_be_bytes());
        entry
    };
    let length = u16::try_from(ENTRY_BYTES).unwrap_or(u16::MAX).to_be_bytes();
    (0..BUNDLE_ENTRIES).flat_map(|nth| length.into_iter().chain(entry(nth))).collect()
}
