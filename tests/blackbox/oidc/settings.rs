//! Issuers in the file of settings: what is wrong with them is told with its line and column, before anything is made.

use crate::support::{Daemon, folder, program, stderr, stdout};
use std::fs;
use std::path::Path;
use std::process::Command;

const USAGE: i32 = 2;

/// A file that holds.
const GOOD: &str = r#"origin = "example.com/log"
[[issuer]]
url = "https://issuer.example.com"
audience = "https://log.example.com"

[[issuer.rule]]
match = ["sub=job"]
roles = ["append"]
"#;

/// Stands where the file is wrong.
const HERE: char = '»';

const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// What stands in the good file, what stands there instead, and what is said of it.
#[rustfmt::skip]
const WRONG: &[(&str, &str, &str)] = &[
    ("[[issuer]]\nurl = \"https://issuer.example.com\"\n", "»[[issuer]]\n", "url"),
    ("[[issuer]]\nurl = \"https://issuer.example.com\"\naudience = \"https://log.example.com\"\n", "»[[issuer]]\nurl = \"https://issuer.example.com\"\n", "audience"),
    ("\"https://issuer.example.com\"", "»\"http://issuer.example.com\"", "url: expected an https:// URL"),
    ("\"https://issuer.example.com\"", "»\"issuer.example.com\"", "url: expected an https:// URL"),
    ("\"https://issuer.example.com\"", "»\"\"", "url: expected a string with something in it"),
    ("\"https://issuer.example.com\"", "»\"https://issuer.example.com?a=b\"", "url: expected an https:// URL"),
    ("\"https://issuer.example.com\"", "»\"https://issuer.example.com#a\"", "url: expected an https:// URL"),
    ("\"https://issuer.example.com\"", "»\"https://u:canary-password@issuer.example.com\"", "url: expected an https:// URL"),
    ("\"https://issuer.example.com\"", "»\"https://issuer.example.com/ä\"", "url: expected an https:// URL"),
    ("\"https://issuer.example.com\"", "»\"https://issuer.example.com/ \"", "url: expected an https:// URL"),
    ("\"https://issuer.example.com\"", "»7", "url"),
    ("\"https://issuer.example.com\"", "»\"https://token.actions.githubusercontent.com\"", "expected preset = \"github\""),
    ("\"https://issuer.example.com\"", "»\"https://token.actions.githubusercontent.com/enterprise\"", "expected preset = \"github\""),
    ("\"https://issuer.example.com\"", "»\"https://gitlab.com\"", "expected preset = \"gitlab\""),
    ("audience =", "jwks_url = »\"https://issuer.example.com/keys?key=canary-password\"\naudience =", "jwks_url: expected an https:// URL"),
    ("audience =", "preset = »\"github\"\naudience =", "preset"),
    ("audience =", "preset = »\"bitbucket\"\naudience =", "preset: expected github, gitlab, kubernetes or generic, got \"bitbucket\""),
    ("audience =", "»audiences = []\naudience =", "audiences: unknown key; expected one of url,"),
    ("\"https://log.example.com\"", "»[\"https://log.example.com\"]", "audience"),
    ("\"https://log.example.com\"", "»\"a\\nb\"", "audience"),
    ("audience =", "jwks_url = »\"http://issuer.example.com/keys\"\naudience =", "jwks_url: expected an https:// URL"),
    ("audience =", "jwks_file = \"/k\"\njwks_url = »\"https://issuer.example.com/keys\"\naudience =", "expected no jwks_url beside jwks_file"),
    ("audience =", "jwks_file = \"/k\"\nca = »\"/c\"\naudience =", "expected no ca beside jwks_file"),
    ("[[issuer]]\n", "»[[issuer]]\n", "rule"),
    ("match = [\"sub=job\"]\n", "", "match"),
    ("roles = [\"append\"]\n", "", "roles"),
    ("[\"sub=job\"]", "»[]", "match: expected 1 to 64, got 0"),
    ("[\"sub=job\"]", "»\"sub=job\"", "match"),
    ("[\"sub=job\"]", "[»\"sub\"]", "expected NAME=VALUE, got \"sub\""),
    ("[\"sub=job\"]", "[\"sub=a\", »\"email=job\"]", "expected one of sub, actor,"),
    ("[\"sub=job\"]", "[»\"aud=https://log.example.com\"]", "expected one of sub, actor,"),
    ("[\"sub=job\"]", "[»\" sub=job\"]", "expected one of sub, actor,"),
    ("[\"sub=job\"]", "[»\"ref=refs/*/main\"]", "expected a * at the end of the value alone"),
    ("[\"append\"]", "[»\"write\"]", "roles: expected append, read, audit or admin, got \"write\""),
    ("[\"append\"]", "»[]", "roles: expected at least one role"),
    ("[\"append\"]", "[\"append\"]\nkinds = [»\"promotions\"]", "kinds"),
    ("[\"append\"]", "[\"read\"]\nkinds = »[\"promotion\"]", "kinds: expected role append beside it"),
    ("[\"append\"]", "[\"append\"]\nenvironments = [»\"Production!\"]", "environments"),
    ("[\"append\"]", "[\"append\"]\n»until = 1", "until: unknown key; expected one of match,"),
];

/// Rules that the presets ask for: the preset, the rule's list, and what is said where it isn't taken.
#[rustfmt::skip]
const PRESETS: &[(&str, &str, &str)] = &[
    ("github", "\"repository_id=123456\"", ""),
    ("github", "\"repository_owner_id=77\", \"ref=refs/heads/*\"", ""),
    ("github", "\"repository_id=1\", \"repository_id=2\"", ""),
    ("github", "\"repository=example/app\"", "expected repository_id or repository_owner_id"),
    ("github", "\"sub=repo:example/app:ref:refs/heads/main\"", "expected repository_id or repository_owner_id"),
    ("github", "\"repository_id=123*\"", "repository_id"),
    ("github", "\"repository_id=*\"", "repository_id"),
    ("github", "\"repository_id=\"", "repository_id"),
    ("github", "\"repository_id=example/app\"", "all digits of a number"),
    ("github", "\"repository_id=1\", \"repository_owner_id=*\"", "repository_owner_id"),
    ("gitlab", "\"project_id=5\"", ""),
    ("gitlab", "\"namespace_id=5\", \"ref_protected=true\"", ""),
    ("gitlab", "\"project_path=example/app\"", "expected project_id or namespace_id"),
    ("gitlab", "\"project_id=5*\"", "project_id"),
    ("kubernetes", "\"kubernetes.io/namespace=ci\", \"kubernetes.io/serviceaccount/name=builder\"", ""),
    ("kubernetes", "\"sub=system:serviceaccount:ci:builder\"", ""),
    ("kubernetes", "\"kubernetes.io/namespace=ci\"", "kubernetes.io/serviceaccount/name"),
    ("kubernetes", "\"kubernetes.io/serviceaccount/name=builder\"", "kubernetes.io/namespace"),
    ("kubernetes", "\"kubernetes.io/namespace=ci*\", \"kubernetes.io/serviceaccount/name=builder\"", "kubernetes.io/namespace"),
    ("kubernetes", "\"sub=system:serviceaccount:*\"", "sub"),
    ("generic", "\"ref=refs/tags/*\"", ""),
    ("generic", "\"ref=*\"", "expected a name whose every value has more than a *"),
    ("github", "\"repository_id=1\", \"event_name=pull*\"", "expected event_name= and an event without a *"),
];

/// What `config check` says of a file, and how it ends.
fn check(root: &Path, text: &str) -> (Option<i32>, String) {
    let file = root.join("f.toml");
    fs::write(&file, text).unwrap();
    let output = Command::new(program("provlogd"))
        .args(["config", "check", "--config", file.to_str().unwrap(), "--data-dir"])
        .arg(root.join("data"))
        .output()
        .unwrap();
    (output.status.code(), stdout(&output) + &stderr(&output))
}

/// A file with the mark, taken out, and the line and column where it stood.
fn unmarked(marked: &str) -> (String, String) {
    let (before, _) = marked.split_once(HERE).unwrap();
    let line = before.lines().count() + usize::from(before.ends_with('\n') || before.is_empty());
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    (marked.replace(HERE, ""), format!("f.toml:{line}:{column}: "))
}

#[test]
fn what_is_wrong_with_an_issuer_is_told_by_line_and_column() {
    let folder = folder();
    assert_eq!(check(folder.path(), GOOD).0, Some(0), "{}", check(folder.path(), GOOD).1);
    let mut problems = Vec::new();
    for (from, to, said) in WRONG {
        let mut marked = GOOD.replacen(from, to, 1);
        if *said == "rule" {
            marked.truncate(marked.find("[[issuer.rule]]").unwrap());
        }
        if !marked.contains(HERE) {
            marked = marked.replacen("[[issuer.rule]]", "»[[issuer.rule]]", 1);
        }
        let (text, place) = unmarked(&marked);
        let (code, told) = check(folder.path(), &text);
        if code != Some(USAGE) || !told.contains(&place) || !told.contains(said) {
            problems.push(format!("{text}\nexpected {place}{said}\ngot {code:?} {told}"));
        }
        assert!(!told.contains("canary-password"), "{told}");
        // A start and a check refuse the same.
        let refused = Daemon::command(&folder.path().join("data"), &[])
            .args(["--config"])
            .arg(folder.path().join("f.toml"))
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(USAGE), "{text}");
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), WRONG.len(), problems.join("\n"));
    assert!(!folder.path().join("data").exists(), "no log is made");
}

#[test]
fn presets_ask_for_names_that_nobody_else_gets() {
    let folder = folder();
    let mut problems = Vec::new();
    for (preset, rule, said) in PRESETS {
        let text = GOOD.replacen("audience =", &format!("preset = \"{preset}\"\naudience ="), 1).replacen(
            "\"sub=job\"",
            rule,
            1,
        );
        let text =
            if *preset == "github" { text.replacen("https://issuer.example.com", GITHUB, 1) } else { text };
        let (code, told) = check(folder.path(), &text);
        let expected = if said.is_empty() { Some(0) } else { Some(USAGE) };
        let is_placed = said.is_empty() || told.contains("f.toml:8:");
        if code != expected || !told.contains(said) || !is_placed {
            problems.push(format!("{preset} {rule}: expected {expected:?} {said}, got {code:?} {told}"));
        }
    }
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), PRESETS.len(), problems.join("\n"));
}

#[test]
fn issuers_are_of_one_url_each_and_not_too_many() {
    let folder = folder();
    let table = |url: &str| GOOD.split_once('\n').unwrap().1.replacen("https://issuer.example.com", url, 1);
    let numbered =
        |count: usize| -> String { (0..count).map(|n| table(&format!("https://{n}.example.com"))).collect() };
    assert_eq!(check(folder.path(), &numbered(32)).0, Some(0));
    let rule = "[[issuer.rule]]\nmatch = [\"sub=job\"]\nroles = [\"read\"]\n";
    assert_eq!(check(folder.path(), &(GOOD.to_owned() + &rule.repeat(63))).0, Some(0));
    for (text, place, said) in [
        (
            table("https://a.example") + &table("https://a.example"),
            "f.toml:9:7: ",
            "expected one [[issuer]] of a url",
        ),
        (numbered(33), "f.toml:", "at most 32, got 33"),
        (GOOD.to_owned() + &rule.repeat(64), "f.toml:", "at most 64, got 65"),
        ("issuer = 1\n".into(), "f.toml:1:", "expected tables, each under a head [[issuer]]"),
        (
            GOOD.replacen("[[issuer.rule]]", "[issuer.rule]", 1),
            "f.toml:",
            "expected tables, each under a head [[issuer.rule]]",
        ),
    ] {
        let (code, told) = check(folder.path(), &text);
        assert!(
            code == Some(USAGE) && told.contains(place) && told.contains(said),
            "{said}: {code:?} {told}"
        );
    }
}

/// A name that somebody else has is somebody else: of two URLs that differ, whatever they mean to a browser, each is an issuer.
#[test]
fn urls_are_told_apart_byte_for_byte() {
    let folder = folder();
    let table = |url: &str| GOOD.split_once('\n').unwrap().1.replacen("https://issuer.example.com", url, 1);
    let text = ["https://a.example", "https://a.example/", "https://A.example", "https://a.example:443"]
        .map(table)
        .concat();
    assert_eq!(check(folder.path(), &text).0, Some(0), "{}", check(folder.path(), &text).1);
}

/// The log's own name is no audience, which is told before it starts.
#[test]
fn an_audience_is_never_the_log_s_origin() {
    let folder = folder();
    for audience in ["example.com/log", "example.com/log:", "example.com/log:d1d1", ""] {
        let text = GOOD.replacen("https://log.example.com", audience, 1);
        let (code, told) = check(folder.path(), &text);
        assert!(code != Some(0) && told.contains("audience"), "{audience}: {code:?} {told}");
        let refused = Daemon::command(&folder.path().join("data"), &[])
            .args(["--config"])
            .arg(folder.path().join("f.toml"))
            .output()
            .unwrap();
        assert_ne!(refused.status.code(), Some(0), "{audience}");
        assert!(stderr(&refused).contains("audience"), "{audience}: {}", stderr(&refused));
    }
    for audience in ["example.com/logs", "example.com", "EXAMPLE.COM/LOG", "https://example.com/log"] {
        let text = GOOD.replacen("https://log.example.com", audience, 1);
        assert_eq!(check(folder.path(), &text).0, Some(0), "{audience}");
    }
}
