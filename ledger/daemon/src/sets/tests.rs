//! Sets of a log: what the entries say is folded anew, as a reader does.

use super::*;
use crate::identity::signing::Signer;
use crate::identity::trusted::tests::first_of;
use crate::routes::app::App;
use crate::routes::app::tests::temporary;
use provlog_core::claims::{TRUST, check_claim};
use provlog_core::record::Record;
use provlog_evidence::set::{Set, SetFold, SetLimits, SetName, Step, TrustEntry};

const ISSUER: &str = "https://issuer.example.com";

/// All entries, by their indices.
async fn records(app: &App) -> Vec<(u64, Record)> {
    let size = app.log.committed().checkpoint.size;
    app.log
        .read(move |reader| (0..size).map(|index| (index, reader.record(index).unwrap())).collect())
        .await
        .unwrap()
}

/// The issuer's set, as whoever reads the whole log sees it: each entry of kind `trust` is a change.
async fn read_anew(app: &App) -> Set<String> {
    let mut fold = SetFold::within(SetLimits { held: usize::MAX, digested: usize::MAX });
    for (index, record) in records(app).await {
        let entry = TrustEntry::of(index, &record, |_, value| value.as_text().unwrap().to_owned());
        if let Some(entry) = entry {
            assert_eq!(fold.read(entry), Ok(Step::Changed), "entry {index}");
        }
    }
    fold.set(&SetName::new("jwks", ISSUER)).unwrap().unwrap().clone()
}

async fn changes(app: &App) -> usize {
    records(app).await.iter().filter(|(_, record)| record.entry.kind == TRUST).count()
}

/// What a set's members are, as they are named.
fn texts(set: &Set<String>) -> Vec<&str> {
    let mut texts: Vec<&str> = set.members.values().filter_map(|member| member.kept.as_deref()).collect();
    texts.sort_unstable();
    texts
}

#[tokio::test]
async fn a_key_comes_into_its_set_once_and_is_named_as_readers_find_it() {
    let (_folder, app) = temporary();
    let (one, other) = (Signer::new("one"), Signer::new("other"));
    let (first, second) = (first_of(ISSUER, &[&one, &other]), first_of(ISSUER, &[&other, &one]));
    let relied = app.sets.rely(&app.log, &first).await.unwrap();
    assert_eq!(app.sets.rely(&app.log, &first).await.unwrap(), relied);
    assert_eq!(changes(&app).await, 1);
    let set = read_anew(&app).await;
    assert_eq!((texts(&set), set.last.0), (vec![&*first.member], 1));
    let named = relied.member.as_map().unwrap();
    let member = set.members.iter().next().unwrap();
    for (name, expected) in [
        ("index", Value::Integer(1)),
        ("leaf_hash", Value::Bytes(member.1.leaf_hash.0.to_vec())),
        ("claim", "m01".into()),
        ("claim_hash", Value::Bytes(member.0.0.to_vec())),
    ] {
        assert_eq!(named.get(name), Some(&expected), "{name}");
    }
    let state = State::Set { what: "jwks".into(), name: ISSUER.into() };
    assert_eq!(relied.unchanged, (state, 2));

    // A second key changes which set is the newest, and not where the first stands.
    app.sets.rely(&app.log, &second).await.unwrap();
    let later = app.sets.rely(&app.log, &first).await.unwrap();
    let of = |relied: &Relied, name: &str| relied.member.as_map().unwrap().get(name).unwrap().clone();
    assert_eq!((of(&later, "index"), later.unchanged.1), (Value::Integer(1), 3));
    assert_ne!(of(&later, "set"), of(&relied, "set"));
    assert_eq!(read_anew(&app).await.members.len(), 2);
    for (_, record) in records(&app).await.iter().filter(|(_, record)| record.entry.kind == TRUST) {
        assert_eq!(check_claim("trust", record.submitted.value("trust").unwrap()), None);
        assert_eq!(record.attested.value("workload"), Some(&Value::map([("method", "log".into())])));
    }

    // What is known of sets is in the log.
    assert_eq!(Sets::default().rely(&app.log, &first).await.unwrap(), later);
    assert_eq!(changes(&app).await, 2);
}

#[tokio::test]
async fn keys_that_the_issuer_has_no_more_leave_with_the_next_that_comes() {
    let (_folder, app) = temporary();
    let signers: Vec<Signer> = (0..70).map(|number| Signer::new(&format!("key-{number}"))).collect();
    for pair in signers.windows(2) {
        let key = first_of(ISSUER, &[&pair[1], &pair[0]]);
        app.sets.rely(&app.log, &key).await.unwrap();
        // Each is read from the start, too, where there are more changes than are read at once.
        let known = app.sets.rely(&app.log, &key).await.unwrap();
        assert_eq!(Sets::default().rely(&app.log, &key).await.unwrap(), known);
    }
    let last = [first_of(ISSUER, &[&signers[68]]).member, first_of(ISSUER, &[&signers[69]]).member];
    let set = read_anew(&app).await;
    assert_eq!(texts(&set).len(), 2);
    assert!(last.iter().all(|text| texts(&set).contains(&&**text)));
}

/// An issuer may call one key by several names, and take them in turn.
#[tokio::test]
async fn a_key_under_another_name_is_the_member_that_it_was() {
    let (_folder, app) = temporary();
    let signer = Signer::new("one");
    let renamed = signer.renamed("other");
    let (one, other) = (first_of(ISSUER, &[&signer, &renamed]), first_of(ISSUER, &[&renamed, &signer]));
    assert_ne!(one.member, other.member);
    let relied = app.sets.rely(&app.log, &one).await.unwrap();
    for key in [&other, &one, &other] {
        assert_eq!(app.sets.rely(&app.log, key).await.unwrap(), relied);
    }
    assert_eq!(changes(&app).await, 1);
}

/// A client that goes while its key is being added leaves the entry on its way, and the set to whoever comes next.
#[tokio::test]
async fn who_goes_while_a_key_is_added_stops_nobody() {
    let (_folder, app) = temporary();
    for round in 0..50 {
        let signer = Signer::new(&format!("key-{round}"));
        let key = first_of(ISSUER, &[&signer]);
        {
            let mut gone = std::pin::pin!(app.sets.rely(&app.log, &key));
            let polled = std::future::poll_fn(|context| std::task::Poll::Ready(gone.as_mut().poll(context)));
            assert!(polled.await.is_pending(), "it waits for the log");
        }
        let other = Signer::new(&format!("other-{round}"));
        let both = first_of(ISSUER, &[&other, &signer]);
        app.sets.rely(&app.log, &both).await.unwrap();
        app.sets.rely(&app.log, &key).await.unwrap();
    }
    read_anew(&app).await;
}

/// One of them adds it, whoever comes first.
#[tokio::test]
async fn of_many_who_bring_a_new_key_one_adds_it() {
    let (_folder, app) = temporary();
    let signer = Signer::new("one");
    let key = first_of(ISSUER, &[&signer]);
    let all = (0..50).map(|_| async { app.sets.rely(&app.log, &key).await.unwrap() });
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(|relied| relied == &all[0]), "{all:?}");
    assert_eq!(changes(&app).await, 1);
}
