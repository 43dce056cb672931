//! The house's walls: which crate may use which, which room of a crate another, and everything that a verifier has to
//! trust.

mod circles;
mod edges;
pub mod modules;
mod public;
mod rooms;
mod small_trees;
mod types;

use crate::support::{blessing, repository};
use modules::{Meaning, ModulePath, Target};
use public::Public;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output =
        Command::new(cargo).args(arguments).arg("--offline").current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn names<'a>(value: &'a Value, key: &'a str) -> impl Iterator<Item = &'a str> {
    value.as_array().unwrap().iter().map(move |item| item[key].as_str().unwrap())
}

/// ARCHITECTURE.md: core <- engine <- daemon; core <- evidence <- daemon and cli; core <- cli. Tests, benches and examples may use all.
#[test]
fn crates_use_only_those_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("provlog-core", &[] as &[&str]),
        ("provlog-engine", &["provlog-core"]),
        ("provlog-evidence", &["provlog-core"]),
        ("provlogd", &["provlog-core", "provlog-engine", "provlog-evidence"]),
        ("provlog", &["provlog-core", "provlog-evidence"]),
        ("provlog-tests", &["provlog-core", "provlog-engine", "provlog-evidence"]),
        ("provlog-benches", &["provlog-core", "provlog-engine", "provlog-evidence", "provlogd"]),
        ("provlog-examples", &["provlog-core"]),
    ]);
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let ours: BTreeSet<&str> = names(&metadata["packages"], "name").collect();
    assert_eq!(ours, allowed.keys().copied().collect(), "every crate of the workspace is in this table");
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        for dependency in
            names(&package["dependencies"], "name").filter(|dependency| ours.contains(dependency))
        {
            assert!(allowed[name].contains(&dependency), "{name} must not use {dependency}");
        }
    }
}

/// Everything that is compiled into core, by name: a new line here is a new thing that a stranger must trust.
#[test]
fn core_s_dependency_closure_is_the_checked_in_list() {
    assert_closure("provlog-core", "ledger/core/dependencies.txt", &["provlog-core"]);
}

/// The same of evidence, which a stranger must trust where an entry has some.
#[test]
fn evidence_s_dependency_closure_is_the_checked_in_list() {
    assert_closure(
        "provlog-evidence",
        "ledger/evidence/dependencies.txt",
        &["provlog-core", "provlog-evidence"],
    );
}

fn assert_closure(of_crate: &str, list: &str, ours: &[&str]) {
    let closure = ["tree", "-p", of_crate, "-e", "normal,no-proc-macro", "--prefix", "none"];
    let found = cargo(&[&closure[..], &["--target", "x86_64-unknown-linux-gnu"]].concat());
    let found: BTreeSet<&str> = found.lines().filter_map(|line| line.split(' ').next()).collect();
    let path = repository().join(list);
    let listed = fs::read_to_string(&path).unwrap();
    let listed = listed.lines().filter(|line| !line.starts_with('#')).chain(ours.iter().copied()).collect();
    assert_eq!(found, listed, "{} is not the closure (left: found, right: listed)", path.display());
}

/// Crates whose rooms are in ARCHITECTURE.md: what is shipped.
const PRODUCT: [&str; 5] = ["ledger/core", "ledger/engine", "ledger/evidence", "ledger/daemon", "cli"];

/// The roots of a crate's library and programs, those that there are.
fn roots(of_crate: &str) -> Vec<String> {
    let folder = repository().join(of_crate).join("src");
    let programs = fs::read_dir(folder.join("bin")).into_iter().flatten();
    let programs = programs.map(|entry| format!("bin/{}", entry.unwrap().file_name().display()));
    let roots = ["lib.rs".to_owned(), "main.rs".to_owned()].into_iter().chain(programs);
    let roots = roots.filter(|root| folder.join(root).is_file());
    roots.map(|root| format!("{of_crate}/src/{root}")).collect()
}

/// The circles of a target's files.
fn circles_of_files(target: &Target) -> Vec<String> {
    let by_file =
        edges::between(&edges::between_modules(target), |module| target[module].file.display().to_string());
    circles::circles(&by_file)
}

/// Which room uses which, over all targets of a crate.
fn rooms_as_found(targets: &[Target]) -> edges::Graph<String> {
    let room = |module: &ModulePath| module.first().cloned().unwrap_or_default();
    let mut found = edges::Graph::new();
    for target in targets {
        for (from, uses) in edges::between(&edges::between_modules(target), room) {
            found.entry(from).or_insert_with(BTreeSet::new).extend(uses);
        }
    }
    found
}

/// A file that uses itself by way of others can be understood, and moved, only with all of them.
#[test]
fn files_form_no_circles() {
    let roots = PRODUCT.into_iter().chain(["benches", "examples"]).flat_map(roots);
    let circles: Vec<String> =
        roots.flat_map(|root| circles_of_files(&modules::read(&repository(), &root))).collect();
    assert!(circles.is_empty(), "files form circles:\n{}", circles.join("\n"));
}

/// Verbs that open no socket, by their files.
const OFFLINE: [&str; 4] = ["verify.rs", "inspect.rs", "redact.rs", "crosswalk/mod.rs"];

/// Where the command line opens sockets, and nowhere else.
const SOCKETS: &str = "cli/src/log/";

/// `verify` is offline, always: nothing that it uses, over however many files, could be otherwise.
#[test]
fn offline_verbs_use_nothing_that_opens_a_socket() {
    let target = modules::read(&repository(), "cli/src/main.rs");
    let file = |module: &ModulePath| target[module].file.display().to_string();
    let uses = edges::between(&edges::between_modules(&target), file);
    let nothing = BTreeSet::new();
    for verb in OFFLINE {
        let start = format!("cli/src/verb/{verb}");
        assert!(uses.contains_key(&start), "{start} is no file");
        let (mut reached, mut next) = (BTreeSet::from([start.clone()]), vec![start]);
        while let Some(file) = next.pop() {
            let found = uses.get(&file).unwrap_or(&nothing);
            next.extend(found.iter().filter(|file| reached.insert((*file).clone())).cloned());
        }
        let sockets: Vec<&String> = reached.iter().filter(|file| file.starts_with(SOCKETS)).collect();
        assert!(sockets.is_empty(), "{verb} uses {sockets:?}");
    }
    let files: BTreeSet<&PathBuf> = target.values().map(|module| &module.file).collect();
    for file in files.iter().filter(|file| !file.starts_with(SOCKETS)) {
        let text = fs::read_to_string(repository().join(file)).unwrap();
        let opens = ["ureq", "std::net", "TcpStream"].into_iter().find(|word| text.contains(word));
        assert_eq!(opens, None, "{}: only {SOCKETS} opens sockets", file.display());
    }
}

/// Where the daemon asks others, and nowhere else.
const ASKS: &str = "ledger/daemon/src/identity/fetch.rs";

/// Whoever runs a log can say to whom it connects: to those whom the settings name for their keys.
#[test]
fn the_daemon_connects_to_nobody_but_issuers() {
    let target = modules::read(&repository(), "ledger/daemon/src/lib.rs");
    let asks = |path: &ModulePath| {
        let opens = ["ureq", "TcpSocket", "UdpSocket", "lookup_host"];
        let is_connect = |pair: &[String]| pair[0] == "TcpStream" && pair[1].starts_with("connect");
        path.iter().any(|name| opens.contains(&&**name)) || path.windows(2).any(is_connect)
    };
    let found = target.values().filter(|module| {
        let imports = module.names.iter().filter_map(|(_, meaning)| match meaning {
            Meaning::Import { path, .. } => Some(path),
            _ => None,
        });
        imports.chain(&module.mentions).chain(&module.globs).any(asks)
    });
    let found: BTreeSet<String> = found.map(|module| module.file.display().to_string()).collect();
    assert_eq!(found, BTreeSet::from([ASKS.to_owned()]));
}

/// The map in ARCHITECTURE.md says who may use whom, and the code does that and nothing else.
#[test]
fn rooms_use_what_the_map_allows() {
    let path = repository().join("ARCHITECTURE.md");
    let mut text = fs::read_to_string(&path).unwrap();
    let mut differences = Vec::new();
    for of_crate in PRODUCT {
        let targets: Vec<Target> =
            roots(of_crate).iter().map(|root| modules::read(&repository(), root)).collect();
        let found = rooms_as_found(&targets);
        if blessing() {
            let (rows, place) = rooms::rows(&text, of_crate);
            text.replace_range(place, &rooms::as_found(&rows, &found));
        }
        let (rows, _) = rooms::rows(&text, of_crate);
        let of_rooms = rooms::differences(&rows, &found);
        differences.extend(of_rooms.into_iter().map(|difference| format!("{of_crate}: {difference}")));
    }
    if blessing() {
        fs::write(&path, text).unwrap();
    }
    assert!(differences.is_empty(), "ARCHITECTURE.md and the code differ:\n{}", differences.join("\n"));
}

/// Public items of core that the product doesn't use, and why they stay: by their full name.
const OFFERED: [(&str, &str); 0] = [];

/// The syntax of a crate's product code.
fn syntax(of_crate: &str) -> Vec<syn::File> {
    let targets = roots(of_crate).into_iter().map(|root| modules::read(&repository(), &root));
    let files: BTreeSet<PathBuf> = targets.flat_map(Target::into_values).map(|module| module.file).collect();
    files.iter().map(|file| modules::parse(&repository().join(file))).collect()
}

/// What a verifier trusts holds nothing that only tests need. Benches, examples and fuzz targets count no more than tests.
#[test]
fn no_public_item_of_core_is_there_for_tests_alone() {
    let defined: BTreeSet<Public> = syntax("ledger/core").iter().flat_map(public::defined).collect();
    let used: BTreeSet<String> =
        PRODUCT.into_iter().flat_map(syntax).flat_map(|file| public::used(&file)).collect();
    let unused: BTreeSet<&str> = defined
        .iter()
        .filter(|item| !used.contains(&item.name))
        .map(|item| item.full_name.as_str())
        .collect();
    let offered: BTreeSet<&str> = OFFERED.into_iter().map(|(name, _)| name).collect();
    let unknown: Vec<_> = unused.difference(&offered).collect();
    assert!(unknown.is_empty(), "only tests use these of core: {unknown:#?}");
    let stale: Vec<_> = offered.difference(&unused).collect();
    assert!(stale.is_empty(), "these are used, or gone, and need no reason: {stale:#?}");
}

/// A name that two types of a crate share says too little: whoever meets it has to look up which one it is.
#[test]
fn each_type_name_has_one_owner_in_its_crate() {
    let mut twice = Vec::new();
    for of_crate in PRODUCT {
        let mut seen = BTreeSet::new();
        let names = syntax(of_crate).into_iter().flat_map(|file| types::declared(&file));
        let repeated = names.filter(|name| !seen.insert(name.clone()));
        twice.extend(repeated.map(|name| format!("{of_crate}: {name}")));
    }
    assert!(twice.is_empty(), "declared more than once: {twice:#?}");
}

/// Every module of this binary's folder is part of it.
#[test]
fn no_test_file_is_forgotten() {
    let folder = repository().join("tests/blackbox");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || main.contains(&format!("mod {module};")), "{name} is not in main.rs");
    }
}
