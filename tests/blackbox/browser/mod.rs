//! `report.html` in a real browser: it verifies itself and the files of any package, refuses what is broken, and runs
//! nothing that a record says.

mod attested;
mod driver;
mod entry;
mod evidence;
mod forged;
mod report;
mod shown;

use crate::packages;
use crate::support::folder;
use driver::Browser;
use evidence::Evidence;
use forged::{packed, with_block};
use report::Report;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[test]
fn a_report_verifies_itself_and_leaves_the_key_to_its_reader() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = Evidence::of_promotions(root.path(), 30);
    let page = evidence.export(&[]);
    let report = Report::open(&browser, &page);
    assert_eq!(
        (report.verdict(), report.source()),
        ("unconfirmed".into(), "page".into()),
        "{}",
        report.checks()
    );
    assert_eq!(report.failed(), Vec::<String>::new());
    report.picture("unconfirmed", "#genuine");
    report.confirm_fingerprint();
    assert_eq!(report.verdict(), "verified");
    report.confirm_fingerprint();
    assert_eq!(report.verdict(), "unconfirmed", "what was confirmed can be taken back");

    // Typed, as people do it: the vkey alone, a whole trust file, the key of another log, no key at all.
    browser.write("#trust-text", &evidence.vkey);
    browser.click("#check-again");
    report.until_done();
    assert_eq!(report.verdict(), "verified", "{}", report.checks());
    report.picture("verified", "#genuine");
    report.check_with(&evidence.trust);
    assert_eq!(report.verdict(), "verified");
    report.check_with(&evidence.vkey_of_another);
    assert_eq!(
        (report.verdict(), report.failed()),
        ("untrusted".into(), vec!["origin".into(), "log-signature".into()])
    );
    for place in ["verdict", "records-standing"] {
        let text =
            browser.script("return document.getElementById(arguments[0]).textContent", &[place.into()]);
        assert!(text.as_str().unwrap().contains("The records were not read"), "{place}: {text}");
    }
    assert_eq!(browser.script("return document.querySelectorAll('.record').length", &[]), 0, "none is shown");
    report.picture("untrusted", "#genuine");
    report.check_with("no key");
    let problem = browser.script("return document.getElementById('trust-problem').checkVisibility()", &[]);
    assert_eq!(
        (report.verdict(), problem),
        ("untrusted".into(), true.into()),
        "what can't be read changes nothing"
    );
    report.check_with("");
    assert_eq!(report.verdict(), "unconfirmed");
    records_are_shown(&browser, 30);
    report.expect_quiet();

    // The package's own files, chosen: everything is checked then, this page and its counts among it.
    report.check_with(&evidence.vkey);
    report.choose(&files_in(page.parent().unwrap()));
    assert_eq!(
        (report.verdict(), report.source()),
        ("verified".into(), "files".into()),
        "{}",
        report.checks()
    );
    let skipped: Vec<Value> = report
        .checks()
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["status"] == "skip")
        .cloned()
        .collect();
    let names: Vec<&str> = skipped.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cosignatures", "quorum", "redaction", "references", "consistency"]);
    report.picture("files", "#genuine");
    report.expect_quiet();
}

/// Records are shown a page at a time, by kind, and found by their number.
fn records_are_shown(browser: &Browser, promotions: u64) {
    let shown = || {
        browser.script(
            "return Array.from(document.querySelectorAll('.record'), record => Number(record.dataset.index))",
            &[],
        )
    };
    browser.script("const filter = document.getElementById('kind-filter'); filter.value = 'all'; filter.dispatchEvent(new Event('change'))", &[]);
    browser.until("document.querySelector('.record')?.dataset.index === '0'");
    assert_eq!(shown(), json!((0..25).collect::<Vec<u64>>()));
    browser.click("#page-next");
    browser.until("document.querySelector('.record').dataset.index === '25'");
    assert_eq!(shown(), json!((25..=promotions).collect::<Vec<u64>>()));
    browser.write("#go-to", "7");
    browser.click("#go");
    browser.until("document.querySelector('.record[data-index=\"7\"]') !== null");
    let text = browser.script("return document.querySelector('.record[data-index=\"7\"]').textContent", &[]);
    assert!(text.as_str().unwrap().contains("=artifact 7"), "{text}");
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// The browser's verifier agrees with the corpus: verdicts, and every check.
#[test]
fn the_page_agrees_on_every_package_vector() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let page = Evidence::of_promotions(root.path(), 3).export(&[]);
    let (mut judged, mut wrong) = (0, Vec::new());
    let (mut report, mut trust) = (Report::open(&browser, &page), String::new());
    for vector in files_in(&packages::folder()) {
        let name = vector.file_name().unwrap().display().to_string();
        let files = match fs::read_dir(vector.join("package")) {
            Err(_) => {
                println!("not chosen: {name}: a page reads no archives");
                continue;
            }
            Ok(_) => files_in(&vector.join("package")),
        };
        if files.iter().any(|path| path.is_dir()) {
            println!("not chosen: {name}: nobody can choose a folder as a file");
            continue;
        }
        // A page that has judged one package judges the next: nothing of it may stay.
        let wanted = fs::read_to_string(vector.join("trust.tlog-policy")).unwrap();
        if wanted != trust {
            report = Report::open(&browser, &page);
            report.check_with(&wanted);
            trust = wanted;
        }
        report.choose(&files);
        let expected: Value =
            serde_json::from_slice(&fs::read(vector.join("verdict.json")).unwrap()).unwrap();
        let (expected, unchecked) = without_evidence(expected);
        let got = report.judgement();
        if unchecked && !report.names_signatures() {
            wrong.push(format!("{name}: nothing says that its evidence isn't checked"));
        }
        if got["verdict"] != expected["verdict"]
            || got["checks"] != expected["checks"]
            || got["source"] != "files"
        {
            let checks = differences(&expected["checks"], &got["checks"]);
            wrong.push(format!("{name}: got {} of {}: {checks:?}", got["verdict"], got["source"]));
        }
        judged += 1;
    }
    assert!(wrong.is_empty(), "{} of {judged} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(judged > 200, "only {judged} packages were chosen");
}

/// The checks of evidence (`SPEC.md` section 12.7), which no page makes.
const OF_EVIDENCE: [&str; 6] =
    ["workload-form", "workload-bound", "approval-form", "approval-signed", "approval", "members"];

/// A verdict of all checks but those, and whether there is evidence: `workload-bound` alone is only what the reader demands.
/// Where nothing else fails, it is a good one.
fn without_evidence(mut expected: Value) -> (Value, bool) {
    let checks = expected["checks"].as_array_mut().unwrap();
    let is_of_evidence = |check: &Value| OF_EVIDENCE.contains(&check["name"].as_str().unwrap());
    let of_evidence: Vec<Value> = checks.extract_if(.., |check| is_of_evidence(check)).collect();
    if !of_evidence.is_empty() && checks.iter().all(|check| check["status"] != "fail") {
        expected["verdict"] = "verified".into();
    }
    (expected, of_evidence.iter().any(|check| check["name"] != "workload-bound"))
}

/// The checks that stand in one of them alone.
fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let [expected, got] = [expected, got].map(|checks| checks.as_array().unwrap());
    let alone = |mark: &'static str, these: &[Value], those: &[Value]| {
        let alone = these.iter().filter(|check| !those.contains(check));
        alone.map(|check| format!("{mark} {} {}", check["name"], check["status"])).collect::<Vec<_>>()
    };
    let found = [alone("expected", expected, got), alone("got", got, expected)].concat();
    if found.is_empty() { vec!["another order".into()] } else { found }
}

/// What a record says is text, wherever the page shows it.
#[test]
fn nothing_that_a_record_says_runs() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let benign = Evidence::of_promotions(&root.path().join("benign"), 3).export(&[]);
    let scripts = "return document.querySelectorAll('script').length";
    Report::open(&browser, &benign);
    let expected = browser.script(scripts, &[]);
    let evidence = Evidence::of_hostile(root.path());
    let report = Report::open(&browser, &evidence.export(&[]));
    assert_eq!(report.verdict(), "unconfirmed", "{}", report.checks());
    // Every record, opened: nothing may wait behind a click.
    browser.script("const filter = document.getElementById('kind-filter'); filter.value = 'all'; filter.dispatchEvent(new Event('change'))", &[]);
    browser.until("document.querySelector('.record')?.dataset.index === '0'");
    browser.script("document.querySelectorAll('details').forEach(details => { details.open = true; })", &[]);
    for (name, selector) in [
        ("hostile-words", "#plain"),
        ("hostile-gaps", "#gaps"),
        ("hostile-record", ".record[data-index=\"2\"]"),
    ] {
        report.picture(name, selector);
    }
    assert_eq!(browser.script("return typeof globalThis.canary", &[]), "undefined");
    assert_eq!(browser.dialogue(), None);
    assert_eq!(browser.script(scripts, &[]), expected, "scripts");
    let foreign = "return Array.from(document.querySelectorAll('img, iframe, object, embed, link, base, form, meta[http-equiv=refresh]'), element => element.outerHTML)";
    assert_eq!(browser.script(foreign, &[]), json!([]));
    let handlers = "return Array.from(document.querySelectorAll('*')).flatMap(element => Array.from(element.attributes))\
        .filter(({name, value}) => /^on/i.test(name) || /^\\s*javascript:/i.test(value)).map(({name, value}) => name + '=' + value)";
    assert_eq!(browser.script(handlers, &[]), json!([]));
    let text = browser.script("return document.body.innerText", &[]);
    for hostile in evidence::SHOWN_AS_THEY_ARE {
        assert!(text.as_str().unwrap().contains(hostile), "{hostile} is not shown");
    }
    // An override that isn't made visible could turn what is read into something else.
    assert!(
        !text.as_str().unwrap().contains('\u{202e}'),
        "a character that turns text around is shown as it is"
    );
    report.expect_quiet();
}

/// How long it takes is for a bench to say.
#[test]
fn ten_thousand_entries_open_and_verify() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let page = Evidence::of_promotions(root.path(), 9_999).export(&[]);
    println!("report.html: {} bytes", fs::metadata(&page).unwrap().len());
    let start = Instant::now();
    let report = Report::open(&browser, &page);
    println!("10,000 entries: {} ms until everything is checked", start.elapsed().as_millis());
    assert_eq!((report.verdict(), report.failed()), ("unconfirmed".into(), vec![]), "{}", report.checks());
    report.picture("ten-thousand", "#timeline");
    browser.write("#go-to", "9876");
    browser.click("#go");
    browser.until("document.querySelector('.record[data-index=\"9876\"]') !== null");
    report.expect_quiet();
}

/// A browser that can't check signatures says so, and calls nothing verified.
#[test]
fn without_ed25519_nothing_is_verified() {
    let Some(browser) = Browser::start() else { return };
    let root = folder();
    let evidence = Evidence::of_promotions(root.path(), 5);
    let page = evidence.export(&[]);
    let unsupported = "() => Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))";
    browser.before_every_page(&format!(
        "SubtleCrypto.prototype.importKey = {unsupported}; SubtleCrypto.prototype.verify = {unsupported};"
    ));
    let report = Report::open(&browser, &page);
    assert_eq!(report.verdict(), "unsupported", "{}", report.checks());
    report.picture("unsupported", "#genuine");
    report.confirm_fingerprint();
    assert_eq!(report.verdict(), "unsupported");
    report.check_with(&evidence.vkey);
    assert_eq!(report.verdict(), "unsupported");
    // What doesn't hold is refused all the same, and not called unsupported.
    let good = fs::read_to_string(&page).unwrap();
    let changed = root.path().join("changed.html");
    fs::write(&changed, with_block(&good, "records.cbor", &packed(b"\x80"))).unwrap();
    assert_eq!(Report::open(&browser, &changed).verdict(), "not proven");
}
