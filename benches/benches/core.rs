//! What each step of core costs: one append's work from JSON or CBOR to receipt, and one verification.
#![expect(clippy::expect_used, reason = "a benchmark that can't make its input has nothing to measure")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use provlog_benches::leaf::{Salts, seal, seal_cbor};
use provlog_benches::workload::{cbor_submission, submission};
use provlog_core::checkpoint::Checkpoint;
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::hash::Hash;
use provlog_core::note::LogSigner;
use provlog_core::receipt::Receipt;
use provlog_core::record::Record;
use provlog_core::submission::Submission;
use provlog_core::tree::{Extension, Frontier, inclusion_proof, verify_inclusion};
use provlog_core::trust::Trust;
use provlog_core::verify::Verifier;
use std::hint::black_box;

/// Leaves before the group: a tree of twenty-four levels, as logs of some size have.
const TREE_SIZE: u64 = 10_000_000;

/// Leaves in a group: what 256 clients make.
const GROUP: u64 = 256;

const ORIGIN: &str = "example.com/bench";

criterion_group!(benches, submissions, trees, receipts);
criterion_main!(benches);

fn submissions(criterion: &mut Criterion) {
    let body = submission(&"ab".repeat(32), 0);
    let mut salts = Salts::default();
    let (_, record) = sealed(&body, &mut salts);
    let mut group = criterion.benchmark_group("submission");
    group.throughput(Throughput::Elements(1));
    group.bench_function("json-to-submission", |bench| {
        bench.iter(|| Submission::parse(black_box(body.as_bytes())));
    });
    group.bench_function("json-to-leaf", |bench| {
        bench.iter(|| {
            let sealed = seal(black_box(body.as_bytes()), &mut salts).expect("the submission is a valid one");
            sealed.entry(TimeMs::MIN).leaf_hash()
        });
    });
    let body = cbor_submission(&"ab".repeat(32), 0).expect("the submission is a valid one");
    group.bench_function("cbor-to-submission", |bench| {
        bench.iter(|| Submission::parse_cbor(black_box(&body)));
    });
    group.bench_function("cbor-to-leaf", |bench| {
        bench.iter(|| {
            let sealed = seal_cbor(black_box(&body), &mut salts).expect("the submission is a valid one");
            sealed.entry(TimeMs::MIN).leaf_hash()
        });
    });
    group.bench_function("record-from-cbor", |bench| bench.iter(|| Record::parse(black_box(&record))));
    group.finish();
}

fn trees(criterion: &mut Criterion) {
    let (before, leaves) = tree();
    let extension = Extension::new(&before, &leaves);
    let (index, size) = (TREE_SIZE + GROUP / 2, TREE_SIZE + GROUP);
    let (leaf, root) = (leaves[leaves.len() / 2], extension.after().root());
    let proof = extension.inclusion_proof(index).expect("the leaf is one of the group's");
    let mut group = criterion.benchmark_group("tree");
    group.bench_function("extension-of-256", |bench| {
        bench.iter(|| Extension::new(black_box(&before), black_box(&leaves)));
    });
    group.bench_function("inclusion-proof-make", |bench| {
        bench.iter(|| inclusion_proof(&extension, black_box(index), size));
    });
    group.bench_function("inclusion-proof-verify", |bench| {
        bench.iter(|| verify_inclusion(index, size, black_box(&leaf), black_box(&proof), &root));
    });
    group.finish();
}

fn receipts(criterion: &mut Criterion) {
    let signer = LogSigner::from_seed(ORIGIN, &[7; 32]).expect("the name is an origin");
    let trust = format!("log {}\nquorum none\n", signer.verifier());
    let trust = Trust::parse(trust.as_bytes()).expect("a trust file of one log");
    let (before, mut leaves) = tree();
    let body = submission(&"ab".repeat(32), 0);
    let (entry, record) = sealed(&body, &mut Salts::default());
    leaves[0] = entry.leaf_hash();
    let extension = Extension::new(&before, &leaves);
    let checkpoint =
        Checkpoint { origin: ORIGIN.into(), size: TREE_SIZE + GROUP, root: extension.after().root() };
    let receipt = Receipt {
        record,
        index: TREE_SIZE,
        proof: extension.inclusion_proof(TREE_SIZE).expect("the leaf is one of the group's"),
        checkpoint: checkpoint.sign(&signer),
    };
    let text = receipt.to_text();
    Verifier::new(&trust).receipt(text.as_bytes(), &[]).expect("what is measured holds");
    let mut group = criterion.benchmark_group("receipt");
    group.bench_function("checkpoint-sign", |bench| bench.iter(|| black_box(&checkpoint).sign(&signer)));
    group.bench_function("signature-verify", |bench| {
        let (note, line) = (checkpoint.text(), Receipt::parse(text.as_bytes()).expect("a receipt").1);
        let signature = &line.signatures[0].signature;
        bench.iter(|| signer.verifier().verifies(black_box(note.as_bytes()), signature));
    });
    group.bench_function("to-text", |bench| {
        bench.iter_batched_ref(|| receipt.clone(), |receipt| receipt.to_text(), BatchSize::SmallInput);
    });
    group.bench_function("verify", |bench| {
        bench.iter(|| Verifier::new(&trust).receipt(black_box(text.as_bytes()), &[]));
    });
    group.finish();
}

fn sealed(body: &str, salts: &mut Salts) -> (Entry, Vec<u8>) {
    let sealed = seal(body.as_bytes(), salts).expect("the submission is a valid one");
    let entry = sealed.entry(TimeMs::MIN);
    (entry, sealed.record(&entry).expect("the entry is of these sections"))
}

/// The right edge of a large tree, and a group that extends it. The peaks are made up: nothing here looks below them.
fn tree() -> (Frontier, Vec<Hash>) {
    let hash = |number: u64| Hash::plain(&number.to_be_bytes());
    let peaks = (0..u64::from(TREE_SIZE.count_ones())).map(hash).collect();
    let before = Frontier::from_parts(TREE_SIZE, peaks).expect("one peak for each bit of the size");
    (before, (0..GROUP).map(hash).collect())
}
