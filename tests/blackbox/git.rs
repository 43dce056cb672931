//! What `--commit` takes from a repository: the object that is stored, of the type that it is said to be, and nothing that
//! the repository, the user's settings or a remote could put in its place.

use crate::support::{Daemon, folder, have, program, provlog, stderr, stdout};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A log, and a repository `r` beside it with the commits `one` and `two`.
struct Scene {
    root: TempDir,
    daemon: Daemon,
    trust: PathBuf,
}

impl Scene {
    /// `None` where there is no git, or none that has an option.
    fn new() -> Option<Self> {
        if !have("git", &["--version"], "git") {
            return None;
        }
        let root = folder();
        let data = root.path().join("data");
        let daemon = Daemon::start(&data);
        let trust = daemon.trust(&data);
        let scene = Self { root, daemon, trust };
        fs::create_dir(scene.at("r")).unwrap();
        scene.git(&["init", "-q", "-b", "main"]);
        for text in ["one", "two"] {
            fs::write(scene.at("r/file"), text).unwrap();
            scene.git(&["add", "file"]);
            scene.git(&["commit", "-q", "-m", text]);
        }
        Some(scene)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let identity =
            ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"];
        let output = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(self.at("r"))
            .env("HOME", self.root.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output).trim().into()
    }

    /// Appends an event about a revision of the repository in `folder`.
    fn append(&self, folder: &str, revision: &str, environment: &[(&str, &str)]) -> Output {
        let output = self.at("receipt.tlog-proof");
        let _ = fs::remove_file(&output);
        let mut command = Command::new(program("provlog"));
        command.args(["append", "--kind", "event", "--type", "https://example.com/t", "--commit", revision]);
        command.args(["--url", &self.daemon.url, "--trust"]).arg(&self.trust).arg("-o").arg(output);
        command.current_dir(self.at(folder)).env("HOME", self.root.path());
        command.envs(environment.iter().copied()).output().unwrap()
    }

    /// The digest of what was appended last.
    fn digest(&self) -> serde_json::Value {
        let receipt = self.at("receipt.tlog-proof");
        let output = provlog(self.root.path(), &["inspect", "--json", receipt.to_str().unwrap()]);
        let text = stdout(&output);
        let start = text.find("\"digest\"").unwrap_or_else(|| panic!("no digest in {text}"));
        let end = text[start..].find('}').unwrap();
        let digest = format!("{{{}}}}}", &text[start..start + end]);
        serde_json::from_str::<serde_json::Value>(&digest).unwrap()["digest"].clone()
    }

    /// Appends, and demands the commit's own id and tree in the record.
    fn expect(&self, folder: &str, revision: &str, environment: &[(&str, &str)]) -> String {
        let (commit, tree) = (self.stored("HEAD"), self.stored("HEAD^{tree}"));
        let output = self.append(folder, revision, environment);
        assert_eq!(output.status.code(), Some(0), "{revision}: {}", stderr(&output));
        assert_eq!(
            self.digest(),
            serde_json::json!({"gitCommit": commit, "gitTree": tree}),
            "{revision} in {folder}, {environment:?}"
        );
        stderr(&output)
    }

    fn stored(&self, revision: &str) -> String {
        self.git(&["--no-replace-objects", "rev-parse", revision])
    }

    fn refused(&self, revision: &str, said: &str) {
        let output = self.append("r", revision, &[]);
        assert_eq!(output.status.code(), Some(2), "{revision}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "expected {said:?} in {}", stderr(&output));
    }
}

#[test]
fn a_replaced_or_grafted_commit_is_logged_as_it_is_stored() {
    let Some(scene) = Scene::new() else { return };
    let older = scene.git(&["rev-parse", "HEAD^"]);
    scene.git(&["replace", "HEAD", &older]);
    for revision in ["HEAD", &scene.stored("HEAD")] {
        let said = scene.expect("r", revision, &[]);
        assert!(said.contains("git replace"), "what is shown otherwise is said aloud: {said}");
    }
    scene.git(&["replace", "-d", &scene.stored("HEAD")]);
    fs::create_dir_all(scene.at("r/.git/info")).unwrap();
    fs::write(scene.at("r/.git/info/grafts"), format!("{}\n", scene.stored("HEAD"))).unwrap();
    let said = scene.expect("r", "HEAD", &[]);
    assert!(said.contains("grafts"), "{said}");
    let output = scene.append("r", "HEAD^", &[]);
    assert_eq!(output.status.code(), Some(0), "the parent that a graft takes away: {}", stderr(&output));
}

#[test]
fn only_commits_are_taken_for_commits() {
    let Some(scene) = Scene::new() else { return };
    scene.git(&["tag", "-a", "v1", "-m", "v1"]);
    scene.git(&["tag", "-a", "v2", "-m", "v2", "v1"]);
    scene.git(&["tag", "-a", "of-tree", "-m", "t", "HEAD^{tree}"]);
    for tag in ["v1", "v2"] {
        for revision in [tag, &scene.git(&["rev-parse", tag])] {
            scene.expect("r", revision, &[]);
            let receipt = scene.at("receipt.tlog-proof");
            let trust = scene.trust.to_str().unwrap();
            let arguments = ["verify", receipt.to_str().unwrap(), "--trust", trust, "--commit", revision];
            let output = provlog(&scene.at("r"), &arguments);
            assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        }
    }
    scene.refused("HEAD:file", "got a blob");
    scene.refused(&scene.git(&["rev-parse", "HEAD:file"]), "got a blob");
    scene.refused(&scene.git(&["rev-parse", "HEAD^{tree}"]), "got a tree");
    scene.refused("of-tree", "got a tag of a tree");
    scene.refused(&scene.git(&["rev-parse", "of-tree"]), "got a tag of a tree");
}

#[test]
fn what_git_can_not_look_up_is_said_not_to_be_checked() {
    let Some(scene) = Scene::new() else { return };
    let elsewhere = "0123456789abcdef0123456789abcdef01234567";
    for (folder, path) in [("r", None), ("data", None), ("r", Some("/nonexistent"))] {
        let environment: Vec<_> = path.map(|path| ("PATH", path)).into_iter().collect();
        let output = scene.append(folder, elsewhere, &environment);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains("not checked to be a commit"), "{folder}: {}", stderr(&output));
        assert_eq!(scene.digest(), serde_json::json!({"gitCommit": elsewhere}));
    }
}

#[test]
fn settings_and_remotes_change_nothing_and_run_nothing() {
    let Some(scene) = Scene::new() else { return };
    let ran = scene.at("ran");
    let spy = scene.at("spy");
    fs::write(&spy, format!("#!/bin/sh\necho \"$0 $*\" >> {}\nexit 1\n", ran.display())).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&spy).status().unwrap().success());
    let spy = spy.to_str().unwrap();
    // Nonsense that ends every git that reads it, and programs that git would start.
    let config = scene.at("config");
    fs::write(&config, "[core]\n\tabbrev = nonsense\n\trepositoryformatversion = 99\n").unwrap();
    let config = config.to_str().unwrap();
    for environment in [
        vec![("GIT_CONFIG_GLOBAL", config)],
        vec![("GIT_CONFIG_SYSTEM", config)],
        vec![
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.abbrev"),
            ("GIT_CONFIG_VALUE_0", "nonsense"),
        ],
        vec![("GIT_PAGER", spy), ("PAGER", spy), ("GIT_SSH", spy), ("GIT_ASKPASS", spy)],
    ] {
        scene.expect("r", "HEAD", &environment);
    }
    for key in ["core.pager", "core.fsmonitor", "core.sshCommand", "core.gitProxy"] {
        scene.git(&["config", key, spy]);
    }
    scene.expect("r", "HEAD", &[]);
    assert!(!ran.exists(), "{}", fs::read_to_string(&ran).unwrap());
}

/// A partial clone whose remote would hand over the trees, and a shallow one.
#[test]
fn nothing_is_fetched_and_a_shallow_clone_is_said_to_be_one() {
    let Some(scene) = Scene::new() else { return };
    scene.git(&["config", "uploadpack.allowFilter", "true"]);
    let remote = format!("file://{}", scene.at("r").display());
    let partial = scene.at("partial");
    scene.git(&["clone", "-q", "--filter=tree:0", "--no-checkout", &remote, partial.to_str().unwrap()]);
    let objects = || {
        let output =
            Command::new("git").args(["count-objects", "-v"]).current_dir(&partial).output().unwrap();
        stdout(&output)
    };
    let before = objects();
    scene.expect("partial", "HEAD", &[]);
    assert_eq!(objects(), before, "no tree was fetched");
    let shallow = scene.at("shallow");
    scene.git(&["clone", "-q", "--depth", "1", &remote, shallow.to_str().unwrap()]);
    let said = scene.expect("shallow", "HEAD", &[]);
    assert!(said.contains("shallow"), "{said}");
    let output = scene.append("shallow", "HEAD^", &[]);
    assert_eq!(output.status.code(), Some(6));
    assert!(stderr(&output).contains("git fetch --unshallow"), "{}", stderr(&output));
}

/// Git refuses the repository of somebody else, unless the user's or the system's settings name it.
#[test]
fn whose_repository_may_be_read_stays_the_user_s_to_say() {
    let Some(scene) = Scene::new() else { return };
    let foreign = [("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")];
    let output = scene.append("r", "HEAD", &foreign);
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    assert!(stderr(&output).contains("safe.directory"), "{}", stderr(&output));
    let config = format!("[safe]\n\tdirectory = {}\n", scene.at("r").canonicalize().unwrap().display());
    fs::write(scene.at(".gitconfig"), config).unwrap();
    scene.expect("r", "HEAD", &foreign);
}
