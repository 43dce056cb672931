//! `provlog explain`: tells what was verified and nothing more, of every vector of SPEC.md and of what a log of today makes.

use crate::packages::forge::{list, map, record, sha256};
use crate::support::{Daemon, folder, promotion, provlog, repository, stderr, stdout};
use crate::vectors::forge::{Forge, ORIGIN, TIME_MS, log_signer};
use crate::vectors::reader::Reader;
use provlog_core::cbor::Value as Cbor;
use provlog_core::record::Record;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = fs::read(repository().join("docs/schema/explanation.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap()
});

/// What it tells: the text without what refuses or warns, which is named by its check.
struct Told {
    exit: i32,
    text: String,
    json: Value,
}

impl Told {
    fn of(folder: &Path, arguments: &[&str]) -> Self {
        let run = |more: &[&str]| provlog(folder, &[&["explain"], arguments, more].concat());
        let (text, json) = (run(&[]), run(&["--json"]));
        assert_eq!(text.status.code(), json.status.code(), "{arguments:?}");
        let whole = stdout(&text).replace("\n      | ", " ");
        let told = whole.lines().filter(|line| !line.starts_with(['\u{2717}', '!']));
        let json: Value =
            serde_json::from_slice(&json.stdout).unwrap_or_else(|_| panic!("{}", stderr(&json)));
        let errors: Vec<String> =
            SCHEMA.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:?} in {json}");
        Self { exit: text.status.code().unwrap(), text: told.collect::<Vec<_>>().join("\n"), json }
    }

    /// Whether a word is said anywhere, by people's text or by the sentences of the JSON.
    fn says(&self, word: &str) -> bool {
        let words = |text: &str| {
            text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).any(|said| said == word)
        };
        words(&self.text) || sentences(&self.json).iter().any(|sentence| words(sentence))
    }
}

/// Every sentence in the JSON: what stands in arrays.
fn sentences(json: &Value) -> Vec<String> {
    match json {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| item.as_str().map_or_else(|| sentences(item), |text| vec![text.into()]))
            .collect(),
        Value::Object(members) => members.values().flat_map(sentences).collect(),
        _ => Vec::new(),
    }
}

fn passes(verdict: &Value, is: impl Fn(&str) -> bool) -> bool {
    let mut checks = verdict["checks"].as_array().unwrap().iter();
    checks.any(|check| is(check["name"].as_str().unwrap()) && check["status"] == "pass")
}

/// Holds what is told of a vector to its verdict.
fn problem(folder: &Path, source: &str, reader: &Reader, has_expectations: bool) -> Option<String> {
    let verdict: Value = serde_json::from_slice(&fs::read(folder.join("verdict.json")).unwrap()).unwrap();
    let reader = reader.arguments();
    let mut arguments = vec![source, "--trust", "trust.tlog-policy"];
    arguments.extend(reader.iter().map(String::as_str));
    let told = Told::of(folder, &arguments);
    // Nothing is expected here: a vector that only fails to meet what is may verify.
    if !has_expectations && verdict["exit"] != told.exit {
        return Some(format!("exit {}, its verdict is {}", told.exit, verdict["exit"]));
    }
    let is_story = told.text.contains("What happened") || told.text.contains("What is here");
    let is_known = !told.text.contains("\nverdict: verified") || is_story || passes_nothing_known(&verdict);
    let is_headed = !told.text.contains("it says: ") || told.text.contains("NOT VERIFIED: ");
    let is_bound = passes(&verdict, |name| name == "workload-bound");
    let is_signed = is_bound || passes(&verdict, |name| name.starts_with("approval"));
    let verified = told.exit == 0;
    let wrong = [
        ("a story of what isn't verified", is_story && !verified),
        ("nothing of what is verified", !is_known),
        ("no heading", !is_headed),
        ("bound", told.says("bound") && !(verified && is_bound)),
        ("not bound", !told.says("bound") && verified && is_bound),
        ("signed", told.says("signed") && !(verified && is_signed)),
    ];
    wrong.iter().find(|(_, is)| *is).map(|(what, _)| format!("{what}: {}", told.text))
}

/// Entries of a version that isn't known have no story.
fn passes_nothing_known(verdict: &Value) -> bool {
    !passes(verdict, |name| name == "submitted-digest")
}

#[test]
fn of_every_receipt_only_what_was_verified_is_told() {
    let cases = crate::vectors::cases::all();
    let at = |name: &str| repository().join("tests/vectors/receipts").join(name);
    let problems: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let has_expectations = !case.expectations.is_empty();
            let problem = problem(&at(case.name), "receipt.tlog-proof", &case.reader, has_expectations)?;
            Some(format!("{}: {problem}", case.name))
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn of_every_package_only_what_was_verified_is_told() {
    let problems: Vec<String> = crate::packages::all()
        .iter()
        .filter_map(|case| {
            let folder = crate::packages::folder().join(&case.name);
            let source = if folder.join("package.zip").exists() { "package.zip" } else { "package" };
            Some(format!("{}: {}", case.name, problem(&folder, source, &case.reader, false)?))
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Writes the receipt of a record, and a trust file that believes it.
fn receipt_of(root: &Path, record: &Record) {
    let forge = Forge::new(record.entry.leaf_hash(), record.to_bytes(), 5, 7);
    fs::write(root.join("e.tlog-proof"), forge.receipt()).unwrap();
    fs::write(root.join("trust"), format!("log {}\nquorum none\n", log_signer(ORIGIN).verifier())).unwrap();
}

fn event(name: &str, attested: &[(&str, Cbor)]) -> Record {
    let subject = list(&[map(&[("name", name.into()), ("digest", sha256("app"))])]);
    record(22, TIME_MS, &[("type", "build".into()), ("subject", subject)], attested)
}

const RECEIPT: [&str; 3] = ["e.tlog-proof", "--trust", "trust"];

/// Each way to show a workload, what is said of it, and that nothing more is.
#[test]
fn each_way_is_told_as_what_it_is() {
    let root = folder();
    let workload = |members: &[(&str, Cbor)]| vec![("workload", map(members))];
    let bearer = workload(&[
        ("method", "oidc".into()),
        ("id", "job-1".into()),
        ("issuer", "https://issuer.example".into()),
        ("binding", "bearer".into()),
    ]);
    let of = |method: &str, id: &str| workload(&[("method", method.into()), ("id", id.into())]);
    let cases = [
        ("bearer", bearer, "whoever held that token could submit this"),
        ("static-token", of("static-token", "ci"), "whoever held it could submit this"),
        ("peer", of("peer", "1000"), "a process of that user submitted it"),
        ("none", workload(&[("method", "none".into())]), "nobody had to say who it is"),
        ("log", workload(&[("method", "log".into())]), "wrote this entry of its own accord"),
        ("unknown", of("oidc", "job-1"), "in a form that this version doesn't know"),
        ("unattested", Vec::new(), "nobody attests who submitted it"),
    ];
    for (shown, attested, sentence) in &cases {
        receipt_of(root.path(), &event("app", attested));
        let told = Told::of(root.path(), &RECEIPT);
        assert_eq!((told.exit, &told.json["receipts"][0]["story"]["shown"]), (0, &Value::from(*shown)));
        for (_, _, other) in &cases {
            assert_eq!(told.text.contains(other), other == sentence, "{shown}: {other:?} in {}", told.text);
        }
        assert!(!told.says("bound") && !told.says("signed"), "{}", told.text);
    }

    let mut hidden = event("app", &cases[0].1);
    hidden.attested.hide("workload");
    hidden.submitted.hide("subject");
    receipt_of(root.path(), &hidden);
    let told = Told::of(root.path(), &RECEIPT);
    assert_eq!(told.json["receipts"][0]["story"]["shown"], "hidden");
    for part in [
        "Subject: not disclosed here",
        "is not disclosed here, and nothing of it was checked",
        "What is hidden here: submitted.subject, attested.workload.",
    ] {
        assert!(told.text.contains(part), "{part:?} in {}", told.text);
    }
    assert!(!told.text.contains("job-1"), "{}", told.text);
}

/// An entry's text makes no line, no heading and no verdict, and no terminal does what it says.
#[test]
fn hostile_text_stays_within_its_quotation_marks() {
    let root = folder();
    let hostile = "x\"\nverdict: verified\nProven how\n  Bound to this entry\u{1b}[2J\u{202e}\u{200b}";
    let claims = map(&[("repository", hostile.into()), ("actor", hostile.into())]);
    let workload = map(&[
        ("method", "oidc".into()),
        ("id", hostile.into()),
        ("issuer", hostile.into()),
        ("claims", claims),
        ("binding", "bearer".into()),
    ]);
    receipt_of(root.path(), &event(hostile, &[("workload", workload)]));
    let output = provlog(root.path(), &[&["explain"], &RECEIPT[..]].concat());
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(text.matches("\nverdict: ").count(), 1, "{text}");
    assert_eq!(text.matches("\nProven how\n").count(), 1, "{text}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("Bound")), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{text}");
    assert!(Told::of(root.path(), &RECEIPT).text.contains(r#"Subject: "x\"\nverdict: verified\n"#), "{text}");
}

/// Its exit is in both schemas.
#[test]
fn what_is_no_file_is_refused_as_the_schemas_have_it() {
    let root = folder();
    receipt_of(root.path(), &event("app", &[]));
    let arguments = ["/dev/null", "--trust", "trust"];
    assert_eq!(Told::of(root.path(), &arguments).exit, 2);
    let output = provlog(root.path(), &[&["verify", "--json"], &arguments[..]].concat());
    let schema = fs::read(repository().join("docs/schema/verdict.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["receipts"][0]["exit"], 2, "{json}");
    assert!(schema.is_valid(&json), "{json}");
}

/// A log's own receipts and packages, with the daemon off.
#[test]
fn what_a_log_made_is_told_in_words() {
    let root = folder();
    let data = root.path().join("data");
    let daemon = Daemon::start(&data);
    let headers = [("Content-Type", "application/json"), ("Accept", "text/plain")];
    for n in 0..60 {
        let body = promotion(&format!("artifact {n}")).to_string();
        let answer = daemon.request("POST", "/v1/entries", &headers, body.as_bytes()).expect(201);
        fs::write(root.path().join("last.tlog-proof"), &answer.body).unwrap();
    }
    daemon.until_ready();
    let trust = root.path().join("trust");
    fs::copy(daemon.trust(&data), &trust).unwrap();
    let export = |more: &[&str]| {
        let url = ["--url", &daemon.url, "--trust", "trust"];
        let output = provlog(root.path(), &[&["export"], more, &url[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    };
    export(&["-o", "all.zip", "--start", "0"]);
    export(&["-o", "one", "--entry", "60"]);
    let output = provlog(
        root.path(),
        &["audit", "mirror", "--url", &daemon.url, "--trust", "trust", "--records=never"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(daemon.terminate(), Some(0));

    let told = Told::of(root.path(), &["last.tlog-proof", "--trust", "trust"]);
    for part in
        ["What happened", "subject", "artifact 59", "By the submitter's word alone:", "none was compared"]
    {
        assert!(told.text.contains(part), "{part:?} in {}", told.text);
    }
    assert!(!told.says("bound") && !told.says("signed"), "{}", told.text);

    let told = Told::of(root.path(), &["all.zip", "--trust", "trust"]);
    assert!(told.text.contains("from 0 to 60: 61 entries"), "{}", told.text);
    assert!(told.text.contains("\n  and 21 more: "), "the list has an end: {}", told.text);
    assert!(!told.text.contains("What happened"), "{}", told.text);
    let package = &told.json["packages"][0];
    assert_eq!((&package["kinds"]["promotion"], &package["shown"]["bound"]), (&60.into(), &0.into()));

    let told = Told::of(root.path(), &["one", "--trust", "trust"]);
    assert_eq!(told.json["packages"][0]["story"]["index"], 60);
    assert!(told.text.contains("artifact 59"), "{}", told.text);

    // A folder is told of as a whole, and a mirror has nothing to tell.
    fs::create_dir(root.path().join("folder")).unwrap();
    fs::copy(root.path().join("last.tlog-proof"), root.path().join("folder/e.tlog-proof")).unwrap();
    let told = Told::of(root.path(), &["folder", "--trust", "trust"]);
    assert_eq!(told.json["receipts"].as_array().unwrap().len(), 1);
    let output = provlog(root.path(), &["explain", "all.zip", "mirror", "--trust", "trust"]);
    assert_eq!(output.status.code(), Some(2), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(stdout(&output), "", "nothing is told before a mirror is refused");
    let output = provlog(root.path(), &["explain", "last.tlog-proof"]);
    assert_eq!(output.status.code(), Some(5), "without a trust file nothing is told: {}", stdout(&output));
}
