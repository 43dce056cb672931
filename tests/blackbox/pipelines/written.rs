//! What is written: GitLab's file has the script, the lines that users write are ten and are those of the docs, and nothing from outside
//! is put together to a command.

use super::recipe::{Action, parts_of_gitlab, text};
use crate::support::{blessing, repository};
use std::fs;

/// Lines that a user writes for a recipe.
const LINES_MOST: usize = 10;

#[test]
fn gitlab_runs_the_script() {
    let path = "examples/ci/gitlab.yml";
    let (before, within, after) = parts_of_gitlab(&text(path));
    let script = text("examples/ci/provlog.sh");
    if blessing() {
        let indented =
            script.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("      {line}\n") });
        let indented: String = indented.collect();
        fs::write(repository().join(path), before + &indented + &after).unwrap();
    } else {
        assert!(
            within == script,
            "{path} has another script than provlog.sh: PROVLOG_BLESS=1 writes it anew"
        );
    }
    // GitLab puts inputs and variables of its own in the place of these.
    assert!(!script.contains("$[["), "{script}");
}

#[test]
fn users_write_ten_lines_and_the_docs_have_them() {
    let docs = text("docs/operations.md");
    let (_, section) = docs.split_once("\n## In CI\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section.split("```\n").skip(1).step_by(2).collect();
    let examples = ["examples/github-actions.yml", "examples/gitlab-ci.yml"].map(text);
    assert_eq!(blocks.len(), examples.len());
    for (block, example) in blocks.into_iter().zip(examples) {
        let parts: Vec<&str> = block.split("    ...\n").collect();
        let lines: usize = parts.iter().map(|part| part.lines().count()).sum();
        assert!(lines <= LINES_MOST, "{lines} lines: {block}");
        assert!(parts.iter().all(|part| example.contains(part)), "{block} is not in {example}");
    }
}

/// What a user of GitLab needs beside those lines, and can't see from them.
#[test]
fn the_docs_say_where_gitlab_s_page_is_and_what_its_job_needs() {
    let docs = text("docs/operations.md");
    let (_, section) = docs.split_once("\n## In CI\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    for said in
        ["`provlog.md`", "`include: remote:`", "`integrity`", "  image: IMAGE\n", "  dependencies: [build]\n"]
    {
        assert!(section.contains(said), "{said} isn't in {section}");
    }
}

#[test]
fn nothing_from_outside_is_put_together_to_a_command() {
    let action = Action::read();
    assert_eq!(action.run, r#"sh "$GITHUB_ACTION_PATH/provlog.sh""#);
    let mut given: Vec<&String> = action.variables.values().collect();
    given.sort();
    assert!(given.into_iter().eq(action.inputs.keys()), "each input is a variable, once");
    let script = text("examples/ci/provlog.sh");
    let (comment, commands) = script.split_once("set -eu\n").unwrap();
    for name in action.variables.keys().filter(|name| *name != "PROVLOG_CA") {
        assert!(comment.contains(name) && commands.contains(name), "{name} is told and read");
    }
    let after = "\n        PROVLOG_AFTER: ${{ github.event.workflow_run.event }}\n";
    assert!(text("examples/ci/action.yml").contains(after) && commands.contains("${PROVLOG_AFTER:-}"));
    assert!(!commands.contains("eval"), "{script}");

    for path in ["examples/ci/action.yml", "examples/github-actions.yml"] {
        let text = text(path);
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let runs = line.trim_start().trim_start_matches("- ").starts_with("run:");
            assert!(!(runs && line.contains("${{")), "{path}: {line}");
            assert!(!line.contains("pull_request_target") && !line.contains("secrets."), "{path}: {line}");
            let Some((_, used)) = line.split_once("uses: ") else { continue };
            let (_, pinned) = used.split_once('@').unwrap();
            let commit = pinned.split(' ').next().unwrap();
            let is_whole = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_whole || used == "OWNER/provlog/examples/ci@REF", "{path}: {line}");
        }
        assert_eq!(text.matches("run: |").count(), 0, "{path}");
    }
}
