//! Entries of refusals in a log of their own.

use super::*;
use crate::access::peers::Peer;
use crate::http::codes::{BUSY_BODIES, KIND_DENIED, ROLE_DENIED, SHUTTING_DOWN, TOKEN_UNKNOWN};
use crate::operate::live::LiveSettings;
use provlog_core::cbor::{Map, Value};
use provlog_core::record::{Record, Section};
use provlog_engine::{Log, Options};
use tempfile::TempDir;

struct Fixture {
    _folder: TempDir,
    log: AsyncLog,
    refusals: Refusals,
    user: Who,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(folder.path().join("data"));
        Log::create(&options, "example.com/log").unwrap();
        let log = AsyncLog::new(Log::open(&options).unwrap()).unwrap();
        let peer = Peer { uid: 7, roles: Vec::new(), kinds: Vec::new(), environments: Vec::new() };
        Self { _folder: folder, log, refusals: Refusals::default(), user: Who::Peer(peer.into()) }
    }

    /// Notes so many refusals.
    fn refuse(&self, code: &'static Code, who: Option<&Who>, times: u64) {
        for now_ms in 0..times {
            self.refusals.note(
                RefusedRequest { code, path: "/v1/entries", who },
                true,
                1_790_000_000_000 + now_ms,
            );
        }
    }

    /// Code, count and attested workload of each entry behind the first.
    async fn entries(&self) -> Vec<(String, u64, Value)> {
        let size = self.log.committed().checkpoint.size;
        let read = |index| self.log.read_one(move |reader| reader.record(index));
        let mut entries = Vec::new();
        for index in 1..size {
            let Record { entry, submitted, attested } = read(index).await.unwrap();
            assert_eq!(entry.kind.number(), 11);
            let value = |section: &Section, name| section.value(name).unwrap().clone();
            let Value::Map(refusal) = value(&submitted, "refusal") else { panic!("{submitted:?}") };
            let number = |name| refusal.get(name).and_then(Value::as_uint).unwrap();
            assert_eq!(
                (number("from_ms"), number("to_ms")),
                (1_790_000_000_000, 1_789_999_999_999 + number("count"))
            );
            let code = refusal.get("code").and_then(Value::as_text).unwrap();
            entries.push((code.to_owned(), number("count"), value(&attested, "workload")));
        }
        entries
    }

    fn entry(&self, code: &str, count: u64, who: Option<&Who>) -> (String, u64, Value) {
        let log = Map::from_entries(vec![("method".into(), "log".into())]).unwrap();
        (code.into(), count, who.map_or(Value::Map(log), |who| who.workload().into_owned()))
    }
}

#[tokio::test]
async fn what_one_minute_has_no_room_for_comes_in_a_later_one() {
    let fixture = Fixture::new();
    let (user, all) = (Some(&fixture.user), usize::MAX);
    fixture.refuse(&TOKEN_UNKNOWN, None, 2);
    fixture.refuse(&ROLE_DENIED, user, 3);
    fixture.refuse(&BUSY_BODIES, user, 9);
    fixture.refusals.write(&fixture.log, 1).await.unwrap();
    assert_eq!(fixture.entries().await, [fixture.entry("role.denied", 3, user)]);
    fixture.refuse(&KIND_DENIED, user, 1);
    fixture.refusals.write(&fixture.log, 1).await.unwrap();
    fixture.refusals.write(&fixture.log, all).await.unwrap();
    fixture.refusals.write(&fixture.log, all).await.unwrap();
    let expected = [
        fixture.entry("role.denied", 3, user),
        fixture.entry("kind.denied", 1, user),
        fixture.entry("token.unknown", 2, None),
    ];
    assert_eq!(fixture.entries().await, expected, "and nothing of what failed here");
}

#[tokio::test]
async fn the_end_writes_what_is_left_whatever_a_minute_may_have() {
    for (per_minute, entries) in [(1, 2), (0, 0)] {
        let fixture = Fixture::new();
        fixture.refuse(&TOKEN_UNKNOWN, None, 2);
        fixture.refuse(&ROLE_DENIED, Some(&fixture.user), 1);
        let live =
            Live::new(LiveSettings { refusal_entries_per_minute: per_minute, ..LiveSettings::default() });
        let (end, ended) = oneshot::channel();
        drop(end);
        fixture.refusals.keep_writing(&fixture.log, &live, ended).await;
        assert_eq!(fixture.entries().await.len(), entries);
        assert_eq!(fixture.refusals.tallies().take(usize::MAX), [], "it is told of, or written");
    }
}

#[tokio::test]
async fn what_the_log_does_not_take_is_kept() {
    let fixture = Fixture::new();
    fixture.refuse(&TOKEN_UNKNOWN, None, 2);
    fixture.log.shutdown();
    for _ in 0..2 {
        let refused = fixture.refusals.write(&fixture.log, 1).await.unwrap_err();
        assert_eq!(refused.code(), &SHUTTING_DOWN);
    }
    fixture.refuse(&TOKEN_UNKNOWN, None, 1);
    let kept = fixture.refusals.tallies().take(usize::MAX);
    assert_eq!(kept.iter().map(|tally| tally.count).collect::<Vec<_>>(), [3]);
}
