//! Text of strangers in a job: on its page it is text, in its log it is no command to the runner, and in a command it is one argument.

use super::job::{Job, Ran};
use crate::identity::endpoint::Jobs;
use crate::support::promotion;
use serde_json::json;
use std::fs;

/// What would be a row, a tag, a link, a fence or a command, if anything took it for that.
const HOSTILE: &str = "a | b\n| ✓ pass | `root` |\n```\n<img src=https://example.com/x.png onerror=alert(1)> [click](https://example.com) \
                       ##[set-output name=receipt]/etc/passwd\n::set-output name=receipt::/etc/passwd\r::warning::x $(touch pwned) `touch pwned`";

/// Demands that nothing on the page is more than text, whatever it is made of.
fn only_text(page: &str) {
    assert!(!page.contains('\r'), "{page}");
    for line in page.lines().filter(|line| !line.starts_with("    ")) {
        let signs = line.replace("<code>", "").replace("</code>", "");
        assert!(!signs.contains(['<', '>', '`', '[', '$']), "{line:?} in {page}");
        let ours = ["", "### ", "<code>", "| ", "- ", "The key", "✗ <code>"];
        assert!(
            ours.iter().any(|start| if start.is_empty() { line.is_empty() } else { line.starts_with(start) }),
            "{line:?}"
        );
        let cells = if line.starts_with("| ") { 4 } else { 0 };
        assert_eq!(line.matches('|').count(), cells, "{line:?} in {page}");
    }
}

/// Demands that the runner takes no line of a job's log for a command.
fn no_command(ran: &Ran) {
    let lines: Vec<&str> = ran.said.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").expect("commands are stopped first");
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert_eq!(lines.last(), Some(&&*format!("::{token}::")), "and taken again at last");
    assert_eq!(ran.said.matches(token).count(), 2);
}

#[test]
fn claims_of_strangers_are_text_on_the_page() {
    let jobs = Jobs::new();
    jobs.run_as(|draft| draft.claim("sub", HOSTILE.replace(['\n', '\r'], " ")));
    let mut entry = promotion("app");
    entry["claims"]["operator"] = json!({"id": HOSTILE, "kind": "human"});
    for (expected, code) in
        [(HOSTILE.replace(['\n', '\r'], " "), 3), ("production".into(), 3), (String::new(), 0)]
    {
        let expect = if expected.is_empty() {
            String::new()
        } else {
            format!("--expect=submitted.operator.id={expected}")
        };
        let inputs = [("entry", "entry.json"), ("arguments", ""), ("expect", &expect)];
        let job = Job::github(&jobs, &inputs);
        fs::write(job.path("entry.json"), entry.to_string()).unwrap();
        let ran = job.run().expect(code, "<code>workload-form</code>");
        assert_eq!(
            ran.page.contains("&#60;img src&#61;"),
            code != 0,
            "what was compared is shown: {}",
            ran.page
        );
        only_text(&ran.page);
        no_command(&ran);
        assert_eq!(ran.outputs.contains_key("receipt"), code == 0, "{:?}", ran.outputs);
        assert!(ran.outputs.get("receipt").is_none_or(|path| path.ends_with("/upload/provlog.tlog-proof")));
        assert!(!job.path("pwned").exists());
    }
}

#[test]
fn what_is_wrong_with_strangers_text_is_shown_as_it_is() {
    let jobs = Jobs::new();
    let arguments = format!("--kind=event\n--type=https://example.com/e\n{}", HOSTILE.replace('\n', " "));
    let job = Job::github(&jobs, &[("arguments", &arguments)]);
    let ran = job.run().expect(2, "the entry was not appended");
    assert!(ran.page.contains("\n    ") && ran.page.contains("<img src"), "{}", ran.page);
    only_text(&ran.page);
    no_command(&ran);
    assert!(!job.path("pwned").exists());

    // A log's own words, too.
    jobs.run_as(|draft| draft.claim("repository_id", "9").claim("sub", HOSTILE.replace(['\n', '\r'], " ")));
    let ran = Job::github(&jobs, &[]).run().expect(4, "the entry was not appended");
    only_text(&ran.page);
    no_command(&ran);
    assert_eq!(jobs.site.size(), 1);
}
