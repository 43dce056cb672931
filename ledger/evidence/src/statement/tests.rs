//! Statements of each action, what is refused of them, and that no two texts say the same.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PROMOTE: &str = "provlog-approval/v1
action: promote
log: log.example.com/prod
environment: production
subject: gitCommit:1111111111111111111111111111111111111111,gitTree:2222222222222222222222222222222222222222 git+https://example.com/app main branch
subject: sha256:3333333333333333333333333333333333333333333333333333333333333333 -
intent: CHG-17 Fix the login, für alle
scope: path=src/login.rs,src/main.rs
scope: team=a%20b
policy: default@1.2 sha256:4444444444444444444444444444444444444444444444444444444444444444
requester: alice%40example.com
nonce: 000102030405060708090a0b0c0d0e0f
expires: 2026-12-01T00:00:00Z
";

fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}

fn promote() -> Fields {
    let git = BTreeMap::from([("gitCommit".into(), vec![0x11; 20]), ("gitTree".into(), vec![0x22; 20])]);
    let commit = Subject::new(git, Some("git+https://example.com/app".into()), Some("main branch".into()));
    Fields {
        action: Action::Promote,
        log: "log.example.com/prod".into(),
        environment: "production".into(),
        subjects: set([commit.unwrap(), Subject::of_sha256([0x33; 32])]),
        intent: Some(Intent {
            id: "CHG-17".into(),
            purpose: "Fix the login, für alle".into(),
            scope: BTreeMap::from([
                ("team".into(), set(["a b".into()])),
                ("path".into(), set(["src/main.rs".into(), "src/login.rs".into()])),
            ]),
        }),
        reason: None,
        policy: Policy { name: "default".into(), version: "1.2".into(), sha256: [0x44; 32] },
        requester: Some("alice@example.com".into()),
        nonce: std::array::from_fn(|place| u8::try_from(place).unwrap()),
        expires_s: 1_796_083_200,
    }
}

#[test]
fn a_statement_is_written_as_it_is_specified() {
    let statement = Statement::new(promote()).unwrap();
    assert_eq!(statement.to_text(), PROMOTE);
    assert_eq!(Statement::parse(PROMOTE.as_bytes()), Ok(statement.clone()));
    assert_eq!(statement.sha256(), <[u8; 32]>::from(Sha256::digest(PROMOTE)));
    assert_eq!(statement.window(), Window { from_ms: 0, to_ms: 1_796_083_200_000 });
}

#[test]
fn each_action_has_its_lines() {
    let reason = Some("The pipeline is down".to_owned());
    let of_sha256 = |bytes: std::ops::Range<u8>| bytes.map(|byte| Subject::of_sha256([byte; 32])).collect();
    let withdraw =
        Fields { action: Action::Withdraw, subjects: of_sha256(0..1), reason: reason.clone(), ..promote() };
    let other = |algorithm: &str, length, uri: Option<&str>| {
        let digests = BTreeMap::from([(algorithm.to_owned(), vec![1; length])]);
        set([Subject::new(digests, uri.map(str::to_owned), None).unwrap()])
    };
    let cases = [
        (Fields { intent: None, requester: None, ..promote() }, None),
        (Fields { action: Action::Override, reason: reason.clone(), ..promote() }, None),
        (Fields { subjects: of_sha256(0..64), ..promote() }, None),
        (withdraw.clone(), None),
        (Fields { reason, ..promote() }, Some("reason: expected none for promote")),
        (Fields { action: Action::Override, ..promote() }, Some("reason: expected one for override")),
        (Fields { reason: None, ..withdraw.clone() }, Some("reason: expected one for withdraw")),
        (Fields { subjects: set([]), ..promote() }, Some("1 to 64 subjects, got \"0\"")),
        (Fields { subjects: of_sha256(0..65), ..promote() }, Some("1 to 64 subjects, got \"65\"")),
        (Fields { subjects: set([]), ..withdraw.clone() }, Some("for withdraw one sha256 alone")),
        (Fields { subjects: of_sha256(0..2), ..withdraw.clone() }, Some("for withdraw one sha256 alone")),
        (Fields { subjects: promote().subjects, ..withdraw.clone() }, Some("for withdraw one sha256 alone")),
        (
            Fields { subjects: other("sha256", 32, Some("a")), ..withdraw.clone() },
            Some("for withdraw one sha256"),
        ),
        (Fields { subjects: other("sha512", 64, None), ..withdraw }, Some("for withdraw one sha256 alone")),
        (Fields { subjects: other("gitCommit", 20, None), ..promote() }, Some("or gitCommit and gitTree")),
        (Fields { subjects: other("gitTree", 20, None), ..promote() }, Some("or gitCommit and gitTree")),
        (Fields { subjects: other("gitCommit", 32, None), ..promote() }, None),
    ];
    for (fields, expected) in cases {
        match (Statement::new(fields.clone()), expected) {
            (Ok(statement), None) => {
                assert_eq!(Statement::parse(statement.to_text().as_bytes()).as_ref(), Ok(&statement));
            }
            (Err(error), Some(expected)) => {
                assert!(error.to_string().contains(expected), "{expected}: {error}")
            }
            (found, _) => panic!("{fields:?}: {found:?}"),
        }
    }
}

#[test]
fn words_that_people_or_programs_would_read_otherwise_are_refused() {
    let subject = |uri: Option<&str>, name: Option<&str>| {
        let digests = BTreeMap::from([("sha256".into(), vec![1; 32])]);
        set([Subject::new(digests, uri.map(Into::into), name.map(Into::into)).unwrap()])
    };
    let intent = |id: &str, purpose: &str, scope: &[(&str, &[&str])]| {
        let scope =
            scope.iter().map(|(key, values)| ((*key).into(), values.iter().map(|it| (*it).into()).collect()));
        Some(Intent { id: id.into(), purpose: purpose.into(), scope: scope.collect() })
    };
    let large = (0..7).flat_map(|byte| subject(Some(&format!("{byte}{}", "a".repeat(900))), None)).collect();
    let cases = [
        (Fields { log: "log.example.com/a b".into(), ..promote() }, "log: expected an origin"),
        (Fields { log: String::new(), ..promote() }, "log: expected an origin"),
        (Fields { environment: "".into(), ..promote() }, "environment: expected [a-z0-9]"),
        (Fields { environment: "*".into(), ..promote() }, "environment: expected [a-z0-9]"),
        (Fields { environment: "Production".into(), ..promote() }, "environment: expected [a-z0-9]"),
        (Fields { environment: "a,b".into(), ..promote() }, "environment: expected [a-z0-9]"),
        (Fields { environment: "-a".into(), ..promote() }, "environment: expected [a-z0-9]"),
        (Fields { environment: "a".repeat(64), ..promote() }, "environment: expected [a-z0-9]"),
        (Fields { subjects: subject(Some(""), None), ..promote() }, "subject: expected tokens of 1"),
        (Fields { subjects: subject(None, Some("")), ..promote() }, "subject: expected text"),
        (Fields { subjects: subject(None, Some("a\u{202e}b")), ..promote() }, "got \"a\\u{202e}b\""),
        (Fields { subjects: subject(None, Some("a\nexpires: 9")), ..promote() }, "subject: expected text"),
        (Fields { intent: intent("", "a", &[]), ..promote() }, "intent: expected tokens"),
        (Fields { intent: intent("a", "", &[]), ..promote() }, "intent: expected text"),
        (Fields { intent: intent("a", " a", &[]), ..promote() }, "intent: expected text"),
        (Fields { intent: intent("a", "a", &[("", &["b"])]), ..promote() }, "scope: expected tokens"),
        (Fields { intent: intent("a", "a", &[("a", &[""])]), ..promote() }, "scope: expected tokens"),
        (
            Fields { intent: intent("a", "a", &[("a", &[])]), ..promote() },
            "scope: expected at least one value",
        ),
        (Fields { requester: Some(String::new()), ..promote() }, "requester: expected tokens"),
        (Fields { intent: None, ..promote() }, "requester: expected - where there is no intent"),
        (Fields { expires_s: 253_402_300_800, ..promote() }, "until the year 9999"),
        (Fields { nonce: [0; 16], ..promote() }, "nonce: expected random bytes"),
        (Fields { requester: Some("a".repeat(1025)), ..promote() }, "tokens of 1 to 1024 bytes"),
        (Fields { intent: intent("a", &"a".repeat(201), &[]), ..promote() }, "text of 1 to 200 bytes"),
        (Fields { intent: intent("a", "OK policy: none", &[]), ..promote() }, "looks like another part"),
        (
            Fields { subjects: subject(None, Some("https://example.com")), ..promote() },
            "a name that is no URI",
        ),
        (
            Fields { action: Action::Override, reason: Some("a".repeat(513)), ..promote() },
            "reason: expected text of 1 to 512 bytes",
        ),
        (Fields { subjects: large, ..promote() }, "or 7168 of one that can be withdrawn, got 7"),
    ];
    for (fields, expected) in cases {
        let error = Statement::new(fields).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn texts_are_refused_for_what_is_wrong_with_them() {
    let line = |from: &str, to: &str| {
        assert!(PROMOTE.contains(from), "{from}");
        PROMOTE.replacen(from, to, 1)
    };
    let lines: Vec<&str> = PROMOTE.split_inclusive('\n').collect();
    let swapped = |place: usize| {
        let mut lines = lines.clone();
        lines.swap(place, place + 1);
        lines.concat()
    };
    let twice = |place: usize| [&lines[..=place], &lines[place..]].concat().concat();
    let cases = [
        (String::new(), "line 1: expected \"provlog-approval/v1\", got \"\""),
        (line("/v1", "/v2"), "line 1: expected \"provlog-approval/v1\", got \"provlog-approval/v2\""),
        (line("promote", "approve"), "action: expected promote or override or withdraw, got"),
        (line("promote", "override"), "reason: expected one for override"),
        (line("action: ", "action:"), "line 2: expected a line \"action: \""),
        (line("action: ", "Action: "), "line 2: expected a line \"action: \""),
        (line("action: ", " action: "), "line 2: expected a line \"action: \""),
        (line("promote", "publish-policy"), "action: expected promote"),
        (line("production", "production,staging"), "environment: expected [a-z0-9]"),
        (line("production", "*"), "environment: expected [a-z0-9]"),
        (line("production", "production "), "environment: expected [a-z0-9]"),
        (line("gitCommit", "sha1"), "sha1: expected only sha256"),
        (line("gitCommit:11", "gitCommit:"), "gitCommit: expected 20 or 32 bytes"),
        (line("gitTree", "gitCommit"), "each algorithm once, got \"gitCommit twice\""),
        (line(":2222", ":222A"), "subject: expected <algorithm>:<hex>"),
        (line("git+https", "git%2Bhttps"), "line 5: expected \"subject: gitCommit"),
        (line("app main branch", "app"), "ok"),
        (line("app main branch", "app "), "subject: expected text"),
        (line("app main branch", "app  main"), "subject: expected text"),
        (line("app main branch", ""), "ok"),
        (line("git+https://example.com/app", "%2D"), "ok"),
        (line("git+https://example.com/app", "-"), "ok"),
        (line("git+https://example.com/app", "%2d"), "line 5: expected"),
        (line("CHG-17", "-"), "line 7: expected \"intent: %2D Fix"),
        (line("CHG-17", "CHG%2D17"), "line 7: expected \"intent: CHG-17"),
        (line("CHG-17 Fix", "CHG-17  Fix"), "intent: expected text"),
        (line("intent: CHG-17 Fix the login, für alle\n", ""), "behind an intent"),
        (line("login.rs,src/main.rs", "main.rs,src/login.rs"), "line 8: expected \"scope: path=src/login"),
        (
            line("login.rs,src/main.rs", "login.rs,src/login.rs"),
            "line 8: expected \"scope: path=src/login.rs\"",
        ),
        (line("team=a%20b", "path=a"), "each key once"),
        (line("team=a%20b", "team=a b"), "line 9: expected \"scope: team=a%20b\""),
        (line("team=a%20b", "team=a=b"), "line 9: expected \"scope: team=a%3Db\""),
        (line("team=a%20b", "team"), "scope: expected <key>=<value>"),
        (line("team=a%20b", "team="), "scope: expected <key>=<value>"),
        (line("default@1.2", "default@1@2"), "line 10: expected \"policy: default@1%402"),
        (line("default@1.2", "default"), "policy: expected <name>@<version>"),
        (
            line("policy: default@1.2 sha256:44", "policy: default@1.2 sha256:"),
            "policy: expected <name>@<version>",
        ),
        (
            line("alice%40example.com", "alice@example.com"),
            "line 11: expected \"requester: alice%40example.com\"",
        ),
        (line("alice%40example.com", ""), "requester: expected a token"),
        (
            line("requester: alice%40example.com\n", ""),
            "line 11: expected a line \"requester: \", got \"nonce",
        ),
        (line("0e0f", "0e0F"), "nonce: expected 32 lowercase hex digits"),
        (line("0e0f", "0e"), "nonce: expected 32 lowercase hex digits"),
        (line("00:00Z", "00:00.000Z"), "expires: expected a time"),
        (line("12-01", "11-31"), "expires: expected a time"),
        (line("00Z\n", "00Z"), "line 14: expected the end"),
        (line("00Z\n", "00Z\n\n"), "line 14: expected the end"),
        (line("00Z\n", "00Z\nx"), "line 14: expected the end, behind one newline, got \"x\""),
        (PROMOTE.replace('\n', "\r\n"), "line 1: it ends in CRLF"),
        (line("login,", "login,\r"), "intent: expected text"),
        (format!("\u{feff}{PROMOTE}"), "byte order mark"),
        (format!("\n{PROMOTE}"), "line 1: expected"),
        (PROMOTE.repeat(20), "at most 8192 bytes"),
        (swapped(4), "line 5: expected"),
        (swapped(7), "line 8: expected"),
        (twice(4), "line 6: expected"),
        (twice(5), "line 7: expected"),
        (twice(7), "each key once"),
        (twice(6), "line 8: expected a line \"policy: \""),
    ];
    for (text, expected) in cases {
        match Statement::parse(text.as_bytes()) {
            Ok(statement) => assert_eq!(("ok", text.as_str()), (expected, statement.to_text())),
            Err(error) => assert!(error.to_string().contains(expected), "{expected}: {error}"),
        }
    }
    assert_eq!(Statement::parse(b"provlog-approval/v1\n\xff"), Err(StatementError::Characters));
}

/// At every place of one statement, as the bytes that separate its parts are too few for chance to find them all.
#[test]
fn no_byte_of_a_statement_is_idle() {
    let statement = Statement::parse(PROMOTE.as_bytes()).unwrap();
    for at in 0..PROMOTE.len() {
        let (before, after) = PROMOTE.as_bytes().split_at(at);
        let with = |byte: u8| [[before, &[byte], after].concat(), [before, &[byte], &after[1..]].concat()];
        let others = b"\n\r\t\0 -,:=@%A0".map(with);
        for other in others.as_flattened().iter().chain([&[before, &after[1..]].concat()]) {
            let same = Statement::parse(other).is_ok_and(|found| found.fields() == statement.fields());
            assert_eq!(same, other == PROMOTE.as_bytes(), "{:?}", String::from_utf8_lossy(other));
        }
    }
}

#[test]
fn a_withdrawal_is_of_one_statement_and_has_its_lines() {
    let nonce = [7; 16];
    let withdraw = |statement: &Statement| statement.withdrawal("A mistake".into(), nonce, 1_796_083_201);
    let overriding = Fields { action: Action::Override, reason: Some("Now".into()), ..promote() };
    for fields in [promote(), overriding, Fields { intent: None, requester: None, ..promote() }] {
        let statement = Statement::new(fields.clone()).unwrap();
        let other = Statement::new(Fields { nonce: [8; 16], ..fields }).unwrap();
        let withdrawal = withdraw(&statement).unwrap();
        assert_eq!(Statement::parse(withdrawal.to_text().as_bytes()).as_ref(), Ok(&withdrawal));
        assert!(withdrawal.withdraws(&statement));
        assert!(
            !withdrawal.withdraws(&other)
                && !statement.withdraws(&statement)
                && !statement.withdraws(&withdrawal)
        );
        assert!(withdraw(&withdrawal).is_err() && !withdrawal.withdraws(&withdrawal));
        // Its subject alone isn't enough.
        let log = Fields { log: "another.example.com".into(), ..withdrawal.fields().clone() };
        assert!(!Statement::new(log).unwrap().withdraws(&statement));
    }
}

fn words() -> impl Strategy<Value = String> {
    "[a-z@=,% é/-]{1,8}|.{1,4}"
}

fn texts() -> impl Strategy<Value = String> {
    "[!-9;-~é東]{1,6}( [!-9;-~é東]{1,6}){0,2}:?"
}

fn subjects() -> impl Strategy<Value = BTreeSet<Subject>> {
    let lengths = [("gitCommit", 20), ("gitCommit", 32), ("sha256", 32), ("sha512", 64), ("sha512_256", 32)];
    let digests = prop::collection::vec((prop::sample::select(lengths.to_vec()), any::<u8>()), 0..3);
    let subject = (any::<u8>(), digests, prop::option::of(words()), prop::option::of(texts()));
    let subject = subject.prop_map(|(byte, digests, uri, name)| {
        let digests = digests.into_iter().chain([(("sha3_256", 32), byte)]);
        let digests = digests.map(|((algorithm, length), byte)| (algorithm.to_owned(), vec![byte; length]));
        Subject::new(digests.collect(), uri, name).unwrap()
    });
    prop::collection::btree_set(subject, 1..4)
}

fn statements() -> impl Strategy<Value = Statement> {
    let scope = prop::collection::btree_map(words(), prop::collection::btree_set(words(), 1..4), 0..4);
    let intent = prop::option::of((words(), texts(), scope));
    let policy = (words(), words(), any::<[u8; 32]>());
    let rest = (texts(), prop::option::of(words()), 1..=u8::MAX, 0..=READ_S_MAX);
    let action = prop::sample::select(Action::ALL.to_vec());
    (action, "[a-z0-9][a-z0-9._-]{0,9}", subjects(), intent, policy, rest).prop_map(
        |(
            action,
            environment,
            subjects,
            intent,
            (name, version, sha256),
            (reason, requester, nonce, expires_s),
        )| {
            let is_withdrawal = action == Action::Withdraw;
            let requester = requester.filter(|_| intent.is_some());
            let fields = Fields {
                action,
                log: "log.example.com/prod".into(),
                environment,
                subjects: if is_withdrawal { set([Subject::of_sha256(sha256)]) } else { subjects },
                intent: intent.map(|(id, purpose, scope)| Intent { id, purpose, scope }),
                reason: (action != Action::Promote).then_some(reason),
                policy: Policy { name, version, sha256 },
                requester,
                nonce: [nonce; 16],
                expires_s,
            };
            Statement::new(fields).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_statement_reads_as_what_was_written(statement in statements()) {
        prop_assert_eq!(Statement::parse(statement.to_text().as_bytes()), Ok(statement));
    }

    /// A byte more, less or other: no statement, or one that says something else.
    #[test]
    fn no_two_texts_say_the_same(statement in statements(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let text = statement.to_text().as_bytes();
        let at = at.index(text.len());
        let (before, after) = text.split_at(at);
        let inserted = [before, &[byte], after].concat();
        let removed = [before, &after[1..]].concat();
        let changed = [before, &[byte], &after[1..]].concat();
        let twice = [before, &after[..1], after].concat();
        for other in [inserted, removed, changed, twice] {
            if let Ok(found) = Statement::parse(&other) {
                prop_assert_eq!(found.to_text().as_bytes(), other.as_slice());
                prop_assert_eq!(found.fields() == statement.fields(), other == text);
            }
        }
    }

    /// Lines in another order, or once more.
    #[test]
    fn no_two_orders_of_lines_say_the_same(statement in statements(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let lines: Vec<&str> = statement.to_text().split_inclusive('\n').collect();
        let (a, b) = (a.index(lines.len()), b.index(lines.len()));
        let mut swapped = lines.clone();
        swapped.swap(a, b);
        let mut twice = lines.clone();
        twice.insert(b, lines[a]);
        for other in [swapped.concat(), twice.concat()] {
            prop_assert_eq!(Statement::parse(other.as_bytes()).is_ok(), other == statement.to_text(), "{}", other);
        }
    }
}
