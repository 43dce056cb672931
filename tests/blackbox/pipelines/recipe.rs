//! The files of `examples`, as far as a CI system reads them: what a step runs, and which variables it has.

use crate::support::repository;
use std::collections::BTreeMap;
use std::fs;

/// Variables, or inputs, by their names.
pub type Named = BTreeMap<String, String>;

/// A file of the repository.
pub fn text(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// `examples/ci/action.yml`.
pub struct Action {
    /// Inputs with their defaults; none has to be given.
    pub inputs: BTreeMap<String, Option<String>>,
    /// Which variable has which input.
    pub variables: Named,
    /// What its step runs.
    pub run: String,
}

impl Action {
    pub fn read() -> Self {
        let text = text("examples/ci/action.yml");
        let (_, inputs) = text.split_once("\ninputs:\n").unwrap();
        let (inputs, rest) = inputs.split_once("\noutputs:\n").unwrap();
        let (mut named, mut last) = (BTreeMap::new(), String::new());
        for line in inputs.lines() {
            if let Some(value) = line.strip_prefix("    default: ") {
                named.insert(last.clone(), Some(value.trim_matches('\'').to_owned()));
            } else if let Some(name) = line.strip_suffix(':') {
                last = name.trim().into();
                named.insert(last.clone(), None);
            }
        }
        let variables = rest.lines().filter_map(|line| {
            let (name, input) = line.strip_prefix("        ")?.split_once(": ${{ inputs.")?;
            name.starts_with("PROVLOG").then(|| (name.into(), input.strip_suffix(" }}").unwrap().into()))
        });
        let run = rest.lines().find_map(|line| line.strip_prefix("      run: ")).unwrap();
        Self { variables: variables.collect(), run: run.into(), inputs: named }
    }

    /// The variables of its step where these inputs are given.
    pub fn variables(&self, with: &Named, sha: &str) -> Named {
        for name in with.keys() {
            assert!(self.inputs.contains_key(name), "the action has no input {name}");
        }
        let value = |input: &String| {
            let default = || self.inputs[input].clone().unwrap_or_else(|| panic!("{input} has to be given"));
            let value = with.get(input).cloned().unwrap_or_else(default);
            value.replace("${{ github.sha }}", sha)
        };
        self.variables.iter().map(|(name, input)| (name.clone(), value(input))).collect()
    }
}

/// What `examples/github-actions.yml` gives the action.
pub fn inputs_of_example() -> Named {
    let text = text("examples/github-actions.yml");
    let (_, step) = text.split_once("      - uses: OWNER/provlog/examples/ci@REF\n        with:\n").unwrap();
    let mut inputs = Named::new();
    let mut last = String::new();
    for line in step.lines().map_while(|line| line.strip_prefix("          ")) {
        if let Some(more) = line.strip_prefix("  ") {
            let value = inputs.get_mut(&last).unwrap();
            *value = format!("{}{more}\n", value.trim_start_matches('|'));
        } else {
            let (name, value) = line.split_once(": ").unwrap();
            last = name.into();
            inputs.insert(last.clone(), value.into());
        }
    }
    inputs
}

/// The variables of `examples/gitlab-ci.yml`, over those of the job that it extends.
pub fn variables_of_example() -> Named {
    let (included, example) = (text("examples/ci/gitlab.yml"), text("examples/gitlab-ci.yml"));
    let lines = included.lines().chain(example.lines()).filter_map(|line| line.strip_prefix("    PROVLOG_"));
    let variables = lines.filter_map(|line| line.split_once(": "));
    let plain = |value: &str| match value.strip_prefix('"') {
        Some(_) => serde_json::from_str(value).unwrap(),
        None => value.to_owned(),
    };
    variables.map(|(name, value)| (format!("PROVLOG_{name}"), plain(value))).collect()
}

/// The script in `examples/ci/gitlab.yml`.
pub fn script_of_gitlab() -> String {
    let (_, script, _) = parts_of_gitlab(&text("examples/ci/gitlab.yml"));
    script
}

/// A text like that of `examples/ci/gitlab.yml`: what is before the script, the script, and what is after it.
pub fn parts_of_gitlab(text: &str) -> (String, String, String) {
    let (before, rest) = text.split_once("    - |\n").unwrap();
    let (script, after) = rest.split_once("  artifacts:\n").unwrap();
    let script =
        script.lines().map(|line| format!("{}\n", line.strip_prefix("      ").unwrap_or_default())).collect();
    (format!("{before}    - |\n"), script, format!("  artifacts:\n{after}"))
}
