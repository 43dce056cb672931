//! Histories of every odd sort, read through the real `git`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use provlog_core::Hash;
use provlog_core::hex;
use provlog_examples::git::{Commit, PATCH_OPTIONS, Repository};
use provlog_examples::promotion::promotion;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const NOW_MS: u64 = 1_800_000_000_000;

struct Fixture(TempDir);

impl Fixture {
    fn new(arguments: &[&str]) -> Self {
        let fixture = Self(tempfile::tempdir().unwrap());
        fixture.git(&[&["init", "--quiet", "--initial-branch=main"], arguments].concat());
        fixture
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// git, without any settings of whoever runs the test, as Alice.
    fn git(&self, arguments: &[&str]) -> Vec<u8> {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.path()).env("HOME", self.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Alice").env(format!("GIT_{who}_EMAIL"), "alice@example.com");
            git.env(format!("GIT_{who}_DATE"), "1700000000 +0100");
        }
        let output = git.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn commit(&self, message: &[u8]) {
        let file = self.path().join(".git/message");
        fs::write(&file, message).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--file", file.to_str().unwrap()]);
    }

    fn write(&self, name: &[u8], content: &[u8]) {
        fs::write(self.path().join(OsStr::from_bytes(name)), content).unwrap();
    }

    /// A root commit, a binary file, strange names, an empty commit, bytes that aren't UTF-8, a merge.
    fn odd_history(&self) {
        self.write(b"text", b"one\n\ntwo\nthree\n");
        self.commit(
            b"root\n\nReviewed-by: Bob <bob@example.com>\nAcked-by: Carol\n  Carolson <carol@example.com>\n",
        );
        self.git(&["checkout", "--quiet", "-b", "side"]);
        self.write(
            b"binary",
            &(0..4000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<_>>(),
        );
        self.write(b"line\nbreak", b"no final newline");
        self.write(b"latin-\xfc", b"0123456789abcdef0123456789abcdef01234567\n");
        self.commit(b"side\n");
        self.git(&["checkout", "--quiet", "main"]);
        self.write(b"text", b"one\n\n2\nthree\n");
        self.commit(b"main\n");
        self.commit(b"empty\n\nCo-authored-by: Claude <noreply@anthropic.com>\n");
        self.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
    }

    /// A commit on top of `main`, of exactly these bytes after the lines for tree and parent.
    fn raw_commit(&self, rest: &[u8]) -> String {
        let tree = String::from_utf8(self.git(&["rev-parse", "main^{tree}"])).unwrap();
        let parent = String::from_utf8(self.git(&["rev-parse", "main"])).unwrap();
        let file = self.path().join(".git/raw");
        fs::write(&file, [format!("tree {tree}parent {parent}").as_bytes(), rest].concat()).unwrap();
        let id = self.git(&["hash-object", "-t", "commit", "-w", "--literally", file.to_str().unwrap()]);
        let id = String::from_utf8(id).unwrap().trim_end().to_string();
        self.git(&["update-ref", "refs/heads/main", &id]);
        id
    }

    /// The digest by the command that the documentation names.
    fn patch_sha256(&self, commit: &str) -> String {
        let patch = self.git(&[&["diff-tree", "--no-commit-id"], &PATCH_OPTIONS[..], &[commit]].concat());
        Hash::plain(&patch).to_hex()
    }
}

fn commits(path: &Path, branch: Option<&str>, limit: Option<u64>) -> Vec<Commit> {
    let repository = Repository::at(path);
    let range = repository.range(branch, limit).unwrap();
    let commits: Vec<Commit> = repository.commits(&range).unwrap().map(Result::unwrap).collect();
    let ids: Vec<String> = repository.ids(&range).unwrap().map(Result::unwrap).collect();
    assert_eq!(commits.iter().map(|commit| commit.id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!(repository.count(&range).unwrap(), u64::try_from(ids.len()).unwrap());
    commits
}

fn position(commits: &[Commit], fixture: &Fixture, subject: &str) -> usize {
    let log = String::from_utf8_lossy(&fixture.git(&["log", "--format=%H %s"])).into_owned();
    let line = log.lines().find(|line| line.ends_with(subject)).unwrap();
    commits.iter().position(|commit| line.starts_with(&commit.id)).unwrap()
}

#[test]
fn every_commit_of_an_odd_history_becomes_a_promotion() {
    let fixture = Fixture::new(&[]);
    fixture.odd_history();
    let commits = commits(fixture.path(), None, None);
    assert_eq!(commits.len(), 5);
    for commit in &commits {
        assert_eq!(hex::encode(&commit.patch_sha256), fixture.patch_sha256(&commit.id), "{commit:?}");
        assert_eq!(commit.committed_at_ms, Some(1_700_000_000_000));
        promotion(commit, "main", NOW_MS).unwrap();
    }
    let root = &commits[position(&commits, &fixture, "root")];
    let trailers: Vec<String> =
        root.trailers.iter().map(|trailer| format!("{}={}", trailer.key, trailer.value)).collect();
    assert_eq!(
        trailers,
        ["Reviewed-by=Bob <bob@example.com>", "Acked-by=Carol Carolson <carol@example.com>"]
    );

    let empty = &commits[position(&commits, &fixture, "empty")];
    assert_eq!(empty.patch_sha256, Hash::plain(b"").0);
    let side = &commits[position(&commits, &fixture, "side")];
    let merge = &commits[position(&commits, &fixture, "merge")];
    assert_eq!(merge.id, commits[4].id, "parents come before children");
    assert_eq!(
        merge.patch_sha256, side.patch_sha256,
        "against its first parent, a merge adds what was merged"
    );
}

#[test]
fn commits_that_git_itself_would_not_make() {
    let fixture = Fixture::new(&[]);
    fixture.odd_history();
    let bytes = fixture.raw_commit(
        b"author J\xfcrgen <j\xfc@example.com> 1700000000 +0000\n\
          committer Alice <alice@example.com> 99999999999999999 +0000\n\n\
          gr\xfc\xdfe\n\nReviewed-by: J\xf6rg <joerg@example.com>\n",
    );
    let empty = fixture.raw_commit(b"author  <> 1 +0000\ncommitter <>\n\n");
    let latin = fixture.raw_commit(
        b"author J\xfcrgen <j@example.com> 1700000000 +0000\n\
          committer J\xfcrgen <j@example.com> -5 +0000\nencoding ISO-8859-1\n\n\xfc\n",
    );
    let commits = commits(fixture.path(), None, Some(3));
    assert_eq!(commits.iter().map(|commit| &commit.id).collect::<Vec<_>>(), [&bytes, &empty, &latin]);
    let [bytes, empty, latin] = commits.as_slice() else { panic!("{commits:?}") };
    assert_eq!(
        (bytes.author.name.as_str(), bytes.author.email.as_str()),
        ("J\u{fffd}rgen", "j\u{fffd}@example.com")
    );
    assert_eq!(bytes.trailers[0].value, "J\u{fffd}rg <joerg@example.com>");
    assert_eq!((empty.author.id(), empty.committed_at_ms), (None, None));
    assert_eq!(latin.author.name, "J\u{fc}rgen");
    for commit in &commits {
        promotion(commit, "main", NOW_MS).unwrap();
    }
}

#[test]
fn settings_of_the_repository_change_nothing() {
    let fixture = Fixture::new(&[]);
    fixture.odd_history();
    let before: Vec<_> =
        commits(fixture.path(), None, None).into_iter().map(|commit| commit.patch_sha256).collect();
    for (name, value) in [
        ("core.abbrev", "4"),
        ("core.quotePath", "false"),
        ("diff.external", "false"),
        ("diff.noprefix", "true"),
        ("diff.renames", "copies"),
        ("diff.algorithm", "histogram"),
        ("diff.context", "0"),
        ("diff.indentHeuristic", "false"),
        ("diff.suppressBlankEmpty", "true"),
        ("color.ui", "always"),
        ("log.showSignature", "true"),
        ("log.date", "relative"),
        ("log.diffMerges", "combined"),
        ("i18n.logOutputEncoding", "UTF-16"),
        ("trailer.separators", "="),
    ] {
        fixture.git(&["config", name, value]);
    }
    let after: Vec<Commit> = commits(fixture.path(), None, None);
    assert_eq!(after.iter().map(|commit| commit.patch_sha256).collect::<Vec<_>>(), before);
    assert_eq!(after[0].trailers.len(), 2);
}

#[test]
fn a_repository_of_sha_256_objects() {
    let fixture = Fixture::new(&["--object-format=sha256"]);
    fixture.odd_history();
    for commit in commits(fixture.path(), None, None) {
        assert_eq!(commit.id.len(), 64);
        assert_eq!(hex::encode(&commit.patch_sha256), fixture.patch_sha256(&commit.id));
        promotion(&commit, "main", NOW_MS).unwrap();
    }
}

#[test]
fn ranges() {
    let fixture = Fixture::new(&[]);
    let none = Repository::at(fixture.path()).range(None, None).unwrap_err().to_string();
    assert!(none.starts_with("git rev-parse") && none.contains("main^{commit}"), "{none}");
    fixture.odd_history();
    let all = commits(fixture.path(), None, None);
    let newest = commits(fixture.path(), None, Some(2));
    assert_eq!(newest.iter().map(|commit| &commit.id).collect::<Vec<_>>(), [&all[3].id, &all[4].id]);
    assert_eq!(commits(fixture.path(), Some("side"), None).len(), 2);

    let repository = Repository::at(fixture.path());
    assert_eq!(repository.range(None, None).unwrap().branch, "main");
    assert!(!repository.is_shallow().unwrap());
    fixture.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(repository.range(None, None).unwrap().branch, "HEAD");
    for missing in ["no-such-branch", "--all"] {
        assert!(repository.range(Some(missing), None).is_err(), "{missing}");
    }
    let empty = tempfile::tempdir().unwrap();
    let error = Repository::at(&empty.path().join("missing")).range(None, None).unwrap_err().to_string();
    assert!(error.contains("missing"), "{error}");
}

#[test]
fn a_walk_may_be_left_early() {
    let fixture = Fixture::new(&[]);
    fixture.odd_history();
    let repository = Repository::at(fixture.path());
    let range = repository.range(None, None).unwrap();
    let first = repository.commits(&range).unwrap().next().unwrap().unwrap();
    assert_eq!(repository.ids(&range).unwrap().next().unwrap().unwrap(), first.id);
}
