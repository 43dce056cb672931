//! What every store must do, and what recovery must make of one whose writes went wrong. Runs against both stores.

use super::files::LocalFiles;
use super::memory::{Memory, MemoryFault};
use super::{Advance, FrameAt, Next, Storage, Store};
use crate::codec::encode::encode;
use crate::codec::frame;
use crate::committed::Head;
use crate::durable::OsDisk;
use crate::edge::Edge;
use crate::log_id::LogId;
use crate::recovery::recover;
use crate::submission::Submission;
use crate::tests::{SMALL_SEGMENT_BYTES, submission};
use provlog_core::entry::TimeMs;
use std::sync::Arc;

const LOG: LogId = LogId([5; 16]);

/// Opens a store again, as after a restart.
type Reopen<'a> = &'a dyn Fn() -> Box<dyn Store>;

/// The frame that appends `records` to `edge`, and the edge behind it.
fn frame_on(edge: &Edge, records: std::ops::Range<u64>) -> (Vec<u8>, Edge) {
    let submissions: Vec<Submission> = records.map(submission).collect();
    let entries: Vec<_> = submissions.iter().map(|submission| submission.sealed.entry(TimeMs::MIN)).collect();
    let after =
        Edge { frontier: edge.extend(entries.iter().copied()).after().clone(), last_time: TimeMs::MIN };
    let submissions: Vec<_> = submissions.iter().collect();
    (encode(&edge.head(), &entries, &submissions, &after.head()), after)
}

/// Runs a check against a new store of each sort, which holds one frame of one record.
fn on_both(check: impl Fn(Reopen<'_>, &Edge)) {
    let folder = tempfile::tempdir().unwrap();
    let files = LocalFiles {
        disk: Arc::new(OsDisk),
        folder: folder.path().into(),
        journal: folder.path().join("journal"),
        high_water: folder.path().join("high-water"),
        segment_bytes: SMALL_SEGMENT_BYTES,
    };
    let storages: [&dyn Storage; 2] = [&Memory::default(), &files];
    for storage in storages {
        let edge = create(storage);
        check(&|| storage.open(LOG).unwrap(), &edge);
    }
}

/// Makes a log of one record.
fn create(storage: &dyn Storage) -> Edge {
    let (first, edge) = frame_on(&Edge::empty(), 0..1);
    storage.create(LOG, &first, &edge.head()).unwrap();
    edge
}

/// Recovers, as everyone does who opens a store.
fn recovered(reopen: Reopen<'_>) -> (Box<dyn Store>, Edge) {
    let mut store = reopen();
    let edge = recover(store.as_mut()).unwrap().edge;
    (store, edge)
}

fn committed(advance: &Advance) -> bool {
    matches!(advance, Advance::Committed)
}

#[test]
fn the_head_is_a_durable_compare_and_swap() {
    on_both(|reopen, edge| {
        let (mut store, _) = recovered(reopen);
        let (first, next) = (edge.head(), Head { size: 7, ..edge.head() });
        assert!(matches!(store.advance(&next, &first), Advance::NotCommitted(now) if now == first));
        drop(store);
        let mut store = reopen();
        assert_eq!(store.head(), first);
        assert!(committed(&store.advance(&first, &next)));
        assert_eq!(store.head(), next);
        drop(store);
        let mut store = reopen();
        assert_eq!(store.head(), next);
        assert!(matches!(store.advance(&first, &next), Advance::NotCommitted(now) if now == next));
    });
}

#[test]
fn frames_are_read_back_by_whoever_comes_later_across_segments() {
    on_both(|reopen, edge| {
        let (mut store, mut edge) = (recovered(reopen).0, edge.clone());
        let mut written: Vec<(FrameAt, Vec<u8>)> = Vec::new();
        for n in 1..20 {
            let (bytes, after) = frame_on(&edge, 3 * n..3 * n + 1 + n % 3);
            store.reserve(bytes.len(), &edge).unwrap();
            let at = store.append(&bytes).unwrap();
            assert!(committed(&store.advance(&edge.head(), &after.head())));
            written.push((at, bytes));
            edge = after;
        }
        let newest = written.last().unwrap().0.run;
        assert!(newest > 2, "{newest} segments were filled");
        drop(store);
        let frames = reopen().frames();
        assert_eq!(frames.newest(), newest);
        for (at, bytes) in &written {
            assert!(matches!(frames.next(*at).unwrap(), Next::Frame(read) if read == *bytes));
            assert_eq!(frames.read(*at, 10, 50).unwrap().unwrap(), bytes[10..60]);
            let header = frame::decode_header(bytes).unwrap();
            for index in header.first_index..header.new_size {
                assert_eq!(frames.locate(index).unwrap(), at.run, "entry {index}");
            }
        }
        for (place, bytes) in written.windows(2).map(|pair| (pair[1].0, &pair[0])) {
            if place.run == bytes.0.run {
                assert_eq!(frames.behind(bytes.0, bytes.1.len()), place);
            } else {
                assert_eq!(frames.start(place.run), place);
                let behind = frames.behind(bytes.0, bytes.1.len());
                assert!(matches!(frames.next(behind).unwrap(), Next::End(_)));
            }
        }
        assert_eq!(recovered(reopen).1, edge);
    });
}

#[test]
fn a_frame_above_the_head_is_adopted_and_a_torn_one_cut() {
    on_both(|reopen, edge| {
        let (mut store, _) = recovered(reopen);
        let (whole, after) = frame_on(edge, 1..3);
        store.reserve(whole.len(), edge).unwrap();
        store.append(&whole).unwrap();
        drop(store);
        let (mut store, adopted) = recovered(reopen);
        assert_eq!((adopted.head(), store.head()), (after.head(), after.head()));

        let (torn, _) = frame_on(&after, 3..5);
        store.reserve(torn.len(), &after).unwrap();
        let at = store.append(&torn[..torn.len() - 1]).unwrap();
        drop(store);
        let (mut store, edge) = recovered(reopen);
        assert_eq!(edge, after);
        assert!(matches!(store.frames().next(at).unwrap(), Next::End(frame::FrameError::Nothing)));
        let (next, _) = frame_on(&after, 5..6);
        store.reserve(next.len(), &after).unwrap();
        assert_eq!(store.append(&next).unwrap(), at);
    });
}

#[test]
fn settling_the_tail_keeps_what_counts_forgets_the_rest_and_moves_no_head() {
    on_both(|reopen, edge| {
        let (mut store, _) = recovered(reopen);
        let (whole, after) = frame_on(edge, 1..3);
        let (torn, _) = frame_on(&after, 3..4);
        store.reserve(whole.len() + torn.len(), edge).unwrap();
        let at = store.append(&whole).unwrap();
        let end = store.append(&torn[..torn.len() / 2]).unwrap();
        drop(store);
        // Done again, as after an interruption, it finds the same.
        for _ in 0..2 {
            let mut store = reopen();
            store.settle_tail(end, Some((at, &whole))).unwrap();
            assert_eq!(store.head(), edge.head(), "the commit point is the advance alone");
            drop(store);
            let store = reopen();
            assert_eq!(store.head(), edge.head());
            assert!(matches!(store.frames().next(at).unwrap(), Next::Frame(read) if read == whole));
            assert!(matches!(store.frames().next(end).unwrap(), Next::End(frame::FrameError::Nothing)));
        }
        let mut store = reopen();
        store.settle_tail(end, Some((at, &whole))).unwrap();
        assert!(committed(&store.advance(&edge.head(), &after.head())));
        store.reserve(torn.len(), &after).unwrap();
        assert_eq!(store.append(&torn).unwrap(), end, "the next frame goes where the tail ended");
        drop(store);
        // Without a frame to adopt, what lies there vanishes.
        let mut store = reopen();
        store.settle_tail(end, None).unwrap();
        drop(store);
        assert_eq!(recovered(reopen).1, after);
    });
}

#[test]
fn a_frame_whose_sections_are_not_those_of_its_entries_does_not_count() {
    on_both(|reopen, edge| {
        let (mut store, _) = recovered(reopen);
        let (mut bytes, after) = frame_on(edge, 1..2);
        let value = bytes.windows(8).position(|bytes| bytes == b"artifact").unwrap();
        bytes[value] ^= 1;
        let end = bytes.len() - 4;
        let checksum = crc32c::crc32c(&bytes[frame::HEADER_BYTES..end]);
        bytes[end..].copy_from_slice(&checksum.to_be_bytes());
        frame::decode(&bytes).unwrap();
        store.reserve(bytes.len(), edge).unwrap();
        store.append(&bytes).unwrap();
        drop(store);
        let (mut store, recovered) = recovered(reopen);
        assert_eq!(recovered, *edge, "it was cut off");
        // Were it acknowledged, it would be damage.
        store.append(&bytes).unwrap();
        assert!(committed(&store.advance(&edge.head(), &after.head())));
        drop(store);
        let error = recover(reopen().as_mut()).map(|recovered| recovered.edge).unwrap_err().to_string();
        assert!(error.contains("record 1, submitted: expected digest"), "{error}");
    });
}

#[test]
fn a_second_whole_frame_above_the_head_refuses() {
    on_both(|reopen, edge| {
        let (mut store, _) = recovered(reopen);
        let (first, after) = frame_on(edge, 1..2);
        let (second, _) = frame_on(&after, 2..3);
        for bytes in [first, second] {
            store.reserve(bytes.len(), edge).unwrap();
            store.append(&bytes).unwrap();
        }
        drop(store);
        let error = recover(reopen().as_mut()).map(|recovered| recovered.edge).unwrap_err().to_string();
        assert!(error.contains("second whole frame above the high-water mark of 1 entries"), "{error}");
    });
}

/// Frames and heads that were acknowledged survive a fault at any write, and recovery that is itself interrupted.
#[test]
fn memory_that_fails_at_any_write_loses_nothing_acknowledged() {
    for fault in [MemoryFault::Failed, MemoryFault::FailedButPersisted, MemoryFault::Torn] {
        for nth in 0.. {
            let memory = Memory::default();
            let edge = create(&memory);
            memory.plan(nth, fault);
            let acknowledged = append_until_it_fails(&memory).unwrap_or(edge.head());
            if memory.forget_plan() {
                break;
            }
            // Recovery's own writes go wrong as well, one after the other, before one goes through.
            for nth in 0..4 {
                memory.plan(nth, fault);
                let _interrupted =
                    recover(memory.open(LOG).unwrap().as_mut()).map(|recovered| recovered.edge);
                memory.forget_plan();
            }
            let edge = recover(memory.open(LOG).unwrap().as_mut()).map(|recovered| recovered.edge).unwrap();
            assert!(edge.size() >= acknowledged.size, "{fault:?} at write {nth}");
            assert!(edge.size() <= acknowledged.size + 2, "at most one group more than was acknowledged");
            let at_acknowledged = root_at(&memory, acknowledged.size);
            assert_eq!(at_acknowledged, acknowledged, "{fault:?} at write {nth}");
        }
    }
}

fn append_until_it_fails(memory: &Memory) -> Option<Head> {
    let mut store = memory.open(LOG).unwrap();
    let mut edge = recover(store.as_mut()).ok()?.edge;
    for n in 1..8 {
        let (bytes, after) = frame_on(&edge, 2 * n..2 * n + 1 + n % 2);
        store.reserve(bytes.len(), &edge).unwrap();
        if store.append(&bytes).is_err() || !committed(&store.advance(&edge.head(), &after.head())) {
            return Some(edge.head());
        }
        edge = after;
    }
    Some(edge.head())
}

/// The head that the stored frames lead to at `size`.
fn root_at(memory: &Memory, size: u64) -> Head {
    let frames = memory.open(LOG).unwrap().frames();
    let mut edge = Edge::empty();
    for segment in 0..=frames.newest() {
        let mut at = frames.start(segment);
        while edge.size() < size
            && let Next::Frame(bytes) = frames.next(at).unwrap()
        {
            let frame = frame::decode(&bytes).unwrap();
            let extension = edge.follow(&frame).unwrap();
            edge = edge.after(&frame, &extension);
            at = frames.behind(at, bytes.len());
        }
    }
    edge.head()
}
