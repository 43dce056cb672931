//! What `provlog audit` says of workloads: whose word each is, and what a log that lies about them is caught with.

use crate::audit::{audit, tree_of, write_tiles};
use crate::packages::cases::members::{begun, bound, keys};
use crate::packages::forge::{list, map, record, sha256};
use crate::packages::story::Story;
use crate::support::{folder, provlog, stderr, stdout};
use crate::vectors::cases::tokens::{Bound, ISSUER, KEY};
use crate::vectors::forge::{ORIGIN, TIME_MS, log_signer};
use provlog_core::Hash;
use provlog_core::cbor::Value as Cbor;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::package::record_item;
use provlog_core::record::{AnyRecord, Record};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A folder in which logs lie as tiles and records, and what is believed of them.
struct Site {
    root: TempDir,
}

impl Site {
    fn new() -> Self {
        let root = folder();
        let trust = format!("log {}\nquorum none\n", log_signer(ORIGIN).verifier());
        fs::write(root.path().join("trust"), trust).unwrap();
        fs::write(root.path().join("jwks"), format!(r#"{{"keys":[{}]}}"#, KEY.jwk_json("k"))).unwrap();
        Self { root }
    }

    /// Writes a log of these records, in place of the one that is there.
    fn write(&self, records: &[Record]) {
        let log = self.root.path().join("log");
        let _ = fs::remove_dir_all(&log);
        let entries: Vec<Vec<u8>> = records.iter().map(|record| record.entry.to_bytes().to_vec()).collect();
        let leaves: Vec<Hash> = records.iter().map(|record| record.entry.leaf_hash()).collect();
        let tree = tree_of(&leaves);
        let head = Checkpoint { origin: ORIGIN.into(), size: tree.size(), root: tree.root() };
        write_tiles(&log, &entries, &head.sign(&log_signer(ORIGIN)));
        let items = (0..).zip(records).flat_map(|(index, record)| record_item(index, record));
        fs::create_dir_all(log.join("v1")).unwrap();
        fs::write(log.join("v1/records"), items.collect::<Vec<u8>>()).unwrap();
    }

    /// Audits it into a mirror of this name.
    fn audit(&self, mirror: &str, more: &[&str]) -> (Option<i32>, Value) {
        let arguments = [&[mirror, "--directory", "log"], more].concat();
        audit(self.root.path(), Path::new("trust"), &arguments)
    }

    fn audit_with_keys(&self, mirror: &str) -> (Option<i32>, Value) {
        self.audit(mirror, &["--issuer-keys", &format!("{ISSUER}=jwks")])
    }

    fn text(&self, mirror: &str) -> String {
        let output = provlog(self.root.path(), &["audit", mirror, "--directory", "log", "--trust", "trust"]);
        stdout(&output) + &stderr(&output)
    }

    /// The faults of a log that lies, by code, index and the other index.
    fn faults(&self, records: &[Record]) -> Vec<(String, u64, Option<u64>)> {
        self.write(records);
        let home = tempfile::tempdir_in(self.root.path()).unwrap();
        let (code, answer) = self.audit_with_keys(home.path().to_str().unwrap());
        let faults = answer["faults"].as_array().unwrap();
        assert_eq!(code, Some(if faults.is_empty() { 0 } else { 3 }), "{answer}");
        let fault = |fault: &Value| {
            let index = |name: &str| fault[name].as_u64();
            (fault["code"].as_str().unwrap().to_owned(), index("index").unwrap(), index("other_index"))
        };
        faults.iter().map(fault).collect()
    }
}

fn event(name: &str, workload: &[(&str, Cbor)]) -> Record {
    let subject = list(&[map(&[("name", name.into()), ("digest", sha256(name))])]);
    let attested = if workload.is_empty() { Vec::new() } else { vec![("workload", map(workload))] };
    record(22, TIME_MS, &[("type", "build".into()), ("subject", subject)], &attested)
}

fn method(name: &str, method: &str) -> Record {
    event(name, &[("method", method.into()), ("id", "ci".into())])
}

/// A log with one of each; entry 2 has evidence.
fn honest() -> Story {
    let (mut story, member) = begun();
    bound(&mut story, &member);
    for (name, how) in [("a", "none"), ("b", "static-token"), ("c", "peer")] {
        story.push(method(name, how));
    }
    let bearer = [("method", "oidc".into()), ("id", "j".into()), ("binding", "bearer".into())];
    story.push(event("d", &bearer));
    let mut hidden = method("e", "static-token");
    hidden.attested.hide("workload");
    story.push(hidden);
    story
}

#[test]
fn workloads_are_told_by_whose_word_they_are() {
    let site = Site::new();
    site.write(&honest().records());
    let counts = |answer: &Value| {
        let counts = &answer["workloads"];
        let names = ["bound", "vouched", "bearer", "static_token", "peer", "none", "log", "hidden"];
        names.map(|name| counts[name].as_u64().unwrap())
    };
    let (code, answer) = site.audit("without", &[]);
    assert_eq!((code, counts(&answer)), (Some(0), [0, 1, 1, 1, 1, 1, 1, 1]), "{answer}");
    assert_eq!(answer["workloads"]["sets_known"], true);
    let (code, answer) = site.audit_with_keys("with");
    assert_eq!((code, counts(&answer)), (Some(0), [1, 0, 1, 1, 1, 1, 1, 1]), "{answer}");

    // Without a key nothing is called bound, and what was hidden is said to be passed over from now on.
    let text = site.text("third");
    assert!(!text.to_lowercase().contains("bound"), "{text}");
    for part in ["vouched for by the log: its key was not given", "1 not disclosed", "unless with --full"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let keys = format!("{ISSUER}=jwks");
    let arguments = ["audit", "fourth", "--directory", "log", "--trust", "trust", "--issuer-keys", &keys];
    let text = stdout(&provlog(site.root.path(), &arguments));
    assert!(text.contains("workloads: of all 8 entries: 1 bound to the entry, under keys"), "{text}");

    let (code, answer) = site.audit("never", &["--records=never"]);
    assert_eq!((code, &answer["workloads"]), (Some(0), &Value::Null), "no record was looked at");
}

#[test]
fn a_log_that_lies_about_workloads_is_named_by_entry() {
    let site = Site::new();
    assert_eq!(site.faults(&honest().records()), []);
    let one = |code: &str, index, other| vec![(code.to_owned(), index, other)];

    let with = |change: &dyn Fn(&mut Bound)| {
        let (mut story, member) = begun();
        let mut entry = Bound::good();
        entry.evidence.set("key", member.value());
        change(&mut entry);
        story.push_of(&entry.forge());
        story.records()
    };
    let other_id = with(&|entry| entry.workload.set("id", "repo:example/other".into()));
    assert_eq!(site.faults(&other_id), one("workload", 2, None));
    let without_evidence = with(&|entry| entry.missing = Some("workload_evidence"));
    assert_eq!(site.faults(&without_evidence), one("workload", 2, None));
    let forged = with(&|entry| {
        entry.respell = |token| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            format!("{signed}.{first}{}", &signature[1..])
        };
    });
    assert_eq!(site.faults(&forged), one("workload", 2, None));

    // A key that the log never recorded, of which it says that it is in a change; or one that is another.
    let mut never = Story::new();
    let (_, member) = begun();
    never.push(method("a", "none"));
    bound(&mut never, &member);
    assert_eq!(site.faults(&never.records()), one("key", 2, None));
    let (mut story, mut member) = begun();
    member.set("claim", "m02".into());
    bound(&mut story, &member);
    assert_eq!(site.faults(&story.records()), one("key", 2, None));

    // Evidence for the same submitted claims, twice.
    let (mut twice, member) = begun();
    bound(&mut twice, &member);
    twice.push(method("a", "none"));
    bound(&mut twice, &member);
    assert_eq!(site.faults(&twice.records()), one("submitted-twice", 4, Some(2)));
}

#[test]
fn equal_claims_without_evidence_are_told_and_no_fault() {
    let site = Site::new();
    let mut story = honest();
    let again = story.push(method("a", "static-token"));
    let Ok(AnyRecord::Known(covered)) = Record::parse(&Bound::good().forge().record) else { panic!() };
    let mut uncovered = covered.clone();
    uncovered.attested = event("x", &[("method", "none".into())]).attested;
    uncovered.entry.attested_digest =
        uncovered.attested.digest(provlog_core::record::SectionName::Attested, uncovered.entry.kind);
    let beside = story.push(uncovered);
    assert_eq!(site.faults(&story.records()), []);
    let (code, answer) = site.audit("mirror", &[]);
    assert_eq!(code, Some(0), "{answer}");
    let expected = json!([{"index": again, "other_index": 3}, {"index": beside, "other_index": 2}]);
    assert_eq!((&answer["workloads"]["repeated"], &answer["workloads"]["repeats"]), (&json!(2), &expected));
    let text = site.text("other");
    assert!(text.contains("submitted_digest: 2 have that of an earlier entry"), "{text}");
}

#[test]
fn keys_that_were_not_used_are_said_to_be() {
    let site = Site::new();
    site.write(&honest().records());
    let keys = format!("{ISSUER}=jwks");
    let used = |mirror: &str, more: &[&str]| {
        let given = [&["--issuer-keys", &keys], more].concat();
        let (code, answer) = site.audit(mirror, &given);
        let arguments = ["audit", mirror, "--directory", "log", "--trust", "trust"];
        let text = stdout(&provlog(site.root.path(), &[&arguments, &given[..]].concat()));
        assert_eq!((code, &answer["keys_given"]), (Some(0), &json!(true)), "{answer}");
        (answer["keys_used_from"].clone(), text)
    };
    let (from, text) = used("never", &["--records=never"]);
    assert!(text.ends_with("nothing wrong; the keys given were not used\n"), "{text}");
    assert!(from.is_null() && text.contains("- workloads: none looked at; the keys given were not used\n"));
    assert_eq!(site.audit("mirror", &[]).0, Some(0));
    let (from, text) = used("mirror", &[]);
    assert!(text.ends_with("nothing wrong; the keys given were not used\n"), "{text}");
    assert!(from.is_null() && text.contains("the keys given were not used; --full does"), "{text}");
    let (from, text) = used("mirror", &["--full"]);
    assert!(from == 0 && text.ends_with("nothing wrong\n"), "{text}");

    let mut grown = honest().records();
    grown.push(method("one more", "none"));
    site.write(&grown);
    let arguments = ["audit", "mirror", "--directory", "log", "--trust", "trust", "--issuer-keys", &keys];
    let text = stdout(&provlog(site.root.path(), &arguments));
    assert!(text.ends_with("nothing wrong; the keys given were used from entry 8 on alone\n"), "{text}");
    assert!(!site.text("mirror").contains("keys given"), "none were");
}

#[test]
fn faults_beyond_those_that_are_kept_are_counted() {
    let site = Site::new();
    let without_evidence = |n: usize| {
        let workload = [("method", "oidc".into()), ("id", "j".into()), ("binding", "statement".into())];
        event(&format!("event {n}"), &workload)
    };
    site.write(&(0..1_100).map(without_evidence).collect::<Vec<_>>());
    let (code, answer) = site.audit_with_keys("mirror");
    let listed = answer["faults"].as_array().unwrap().len();
    assert_eq!((code, listed, &answer["workloads"]["refuted"]), (Some(3), 1_000, &json!(1_100)));
    assert_eq!(answer["faults_unlisted"], 100);
    let text = site.text("other");
    assert!(text.contains("  and 100 more of workloads, which are not kept\n"), "{text}");
    assert!(text.ends_with(": 1000 faults, and 100 more of workloads\n"), "{text}");
}

#[test]
fn the_entry_from_which_on_keys_are_not_looked_for_is_named() {
    let site = Site::new();
    let (mut story, member) = begun();
    bound(&mut story, &member);
    let mut hiding = story.records();
    assert!(hiding[1].submitted.hide("trust"));
    site.write(&hiding);
    let (code, answer) = site.audit_with_keys("mirror");
    let expected = json!({
        "code": "hidden-or-too-large", "index": 1, "detail": "from entry 1 on they are hidden or too large"
    });
    assert_eq!((code, &answer["workloads"]["sets_unknown"]), (Some(0), &expected), "{answer}");
    assert_eq!(answer["workloads"]["sets_known"], false);
    let text = site.text("other");
    assert!(text.contains("! keys: not all were looked for"), "{text}");
    assert!(text.contains("which aren't known: from entry 1 on"), "{text}");
    assert!(text.ends_with("nothing wrong; not all keys were looked for in the log's sets\n"), "{text}");
}

/// An audit of what is new knows the sets from what earlier ones kept, and says what it doesn't look at.
#[test]
fn an_audit_of_what_is_new_knows_the_sets_and_says_where_it_starts() {
    let site = Site::new();
    let (mut story, member) = begun();
    for n in 0..300 {
        story.push(method(&format!("event {n}"), "none"));
    }
    let before = story.records();
    let honest_end = bound(&mut story, &member);
    story.push(method("event 7", "none"));
    let after = story.records();
    let [key, _] = keys();

    site.write(&before);
    assert_eq!(site.audit("mirror", &[]).0, Some(0));
    site.write(&after);
    let text = site.text("mirror");
    assert!(text.contains("workloads: of entries 302 to 303 alone: "), "{text}");
    assert!(text.contains("--full looks again"), "{text}");
    site.write(&before);
    assert_eq!(site.audit("second", &[]).0, Some(0));
    site.write(&after);
    let (code, answer) = site.audit_with_keys("second");
    let workloads = &answer["workloads"];
    assert_eq!(
        (code, &workloads["start"], &workloads["end"]),
        (Some(0), &json!(302), &json!(304)),
        "{answer}"
    );
    assert_eq!(
        (&workloads["bound"], &workloads["none"], &workloads["sets_known"]),
        (&json!(1), &json!(1), &json!(true))
    );
    assert_eq!(workloads["repeats"], json!([{"index": 303, "other_index": 9}]), "of the whole log");

    // A key that isn't in the sets is a fault there, too, and stays one until the log is another.
    let mut lying = before.clone();
    let mut never = Story::new();
    never.change(("jwks", ISSUER), &[&key, "{}"], &[]);
    let mut other = member.clone();
    other.set("claim", "m02".into());
    bound(&mut never, &other);
    lying.push(never.records().pop().unwrap());
    site.write(&before);
    assert_eq!(site.audit("third", &[]).0, Some(0));
    site.write(&lying);
    for _ in 0..2 {
        let (code, answer) = site.audit("third", &[]);
        assert_eq!((code, &answer["faults"][0]["code"]), (Some(3), &json!("key")), "{answer}");
        assert_eq!(answer["faults"][0]["index"], honest_end);
    }

    // Evidence that covers the claims of an entry of an earlier audit is a fault, though that one isn't new.
    let mut twice = after.clone();
    twice.push(method("between", "none"));
    twice.push(after[302].clone());
    site.write(&after);
    assert_eq!(site.audit("fourth", &[]).0, Some(0));
    site.write(&twice);
    let (code, answer) = site.audit("fourth", &[]);
    let fault = &answer["faults"][0];
    assert_eq!((code, &fault["code"]), (Some(3), &json!("submitted-twice")), "{answer}");
    assert_eq!((&fault["index"], &fault["other_index"]), (&json!(305), &json!(302)));
    assert_eq!(answer["workloads"]["repeats_unseen"], 0);

    // Where the earlier one's evidence is hidden now, nothing is known of it.
    site.write(&after);
    assert_eq!(site.audit("fifth", &[]).0, Some(0));
    assert!(twice[302].attested.hide("workload_evidence"));
    site.write(&twice);
    let (code, answer) = site.audit("fifth", &[]);
    assert_eq!((code, &answer["workloads"]["repeats_unseen"]), (Some(0), &json!(1)), "{answer}");

    // What was kept is held to the mirror: another record, or one too few, is not taken for it.
    let kept = site.root.path().join("mirror/trust-records");
    let good = fs::read(&kept).unwrap();
    let grown = [after.clone(), vec![method("one more", "none")]].concat();
    site.write(&grown);
    let changed = [good[..good.len() - 1].to_vec(), vec![good[good.len() - 1] ^ 1]].concat();
    for bad in [Vec::new(), good[..good.len() - 1].to_vec(), changed] {
        fs::write(&kept, bad).unwrap();
        let (code, answer) = site.audit("mirror", &[]);
        assert_eq!(code, Some(8), "{answer}");
        assert!(answer["stderr"].as_str().unwrap().contains("--full"), "{answer}");
    }
    assert_eq!(site.audit("mirror", &["--full"]).0, Some(0));
    assert_eq!(fs::read(&kept).unwrap(), good);

    // A mirror of an earlier version has kept none: what isn't known is said, and accuses nobody.
    let state = site.root.path().join("second/audit.json");
    let text = fs::read_to_string(&state).unwrap().replace(",\"trust_records\":1", "");
    let text = text.replace(",\"workloads_from\":0", "");
    assert!(!text.contains("trust_records") && !text.contains("workloads_from"), "{text}");
    fs::write(&state, text).unwrap();
    let (code, answer) = site.audit("second", &[]);
    assert_eq!((code, &answer["workloads"]["sets_known"]), (Some(0), &json!(false)), "{answer}");
    assert_eq!(answer["workloads"]["looked_at_from"], 304, "{answer}");
    site.write(&[grown, vec![method("another", "none")]].concat());
    let text = site.text("second");
    assert!(text.contains("those before entry 304 were never looked at; --full does"), "{text}");
    assert!(text.contains("those before, from entry 304 on, are as earlier audits found them"), "{text}");
    assert!(text.contains("; workloads before entry 304 never looked at"), "{text}");
    assert!(
        text.contains("the log's sets, which aren't known: those before are not in the mirror"),
        "{text}"
    );
}
