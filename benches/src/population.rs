//! A log's entries as some hundred pipelines would have appended them: what exports, audits and packages are measured on.
//!
//! Seed and number of a change fix everything it claims, but for the references of its promotions: the leaf hashes in
//! them are the log's answers. Every name in it is made up.

use crate::workload::mix;
use provlog_core::Hash;
use serde::Deserialize;
use serde_json::{Value, json};

/// Pipelines, each with an identity and a repository of its own.
const WORKLOADS: u64 = 300;

/// Artifacts that a pipeline builds: 6,000 names of subjects, each change giving one of them a new digest.
const ARTIFACTS: u64 = 20;

/// People who take part.
const PEOPLE: u64 = 150;

/// Changes between two versions of the policy, which its workload publishes.
const CHANGES_A_POLICY: u64 = 1_000;

/// When the first change was made, in milliseconds since the Unix epoch: 2026-01-01.
const START_MS: u64 = 1_767_225_600_000;

/// Half a second between two changes of some five entries: a hundred million entries take four months.
const CHANGE_EVERY_MS: u64 = 500;

const MODELS: [(&str, &str, &str); 4] = [
    ("example", "example-coder", "2026-05-01"),
    ("example", "example-coder-small", "2026-03-15"),
    ("example-labs", "draft-3", "3.2.1"),
    ("self-hosted", "house-model", "41"),
];
const AGENTS: [(&str, &str); 3] =
    [("example-agent", "1.4.0"), ("review-bot", "0.9.2"), ("migrator", "2.0.1")];
const PURPOSES: [&str; 4] = [
    "fix a defect that users reported",
    "move to the new version of a dependency",
    "add the endpoint that the ticket asks for",
    "rename without a change of behaviour",
];

/// An entry that another one refers to, as the log answers it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Appended {
    /// The entry's index.
    pub index: u64,
    /// Its leaf hash, in hex.
    pub leaf_hash: String,
}

impl Appended {
    fn reference(&self) -> Value {
        json!({"index": self.index, "leaf_hash": self.leaf_hash})
    }
}

/// One change on its way from a model to production: about five entries.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    seed: u64,
    number: u64,
}

impl Change {
    /// Change `number` of the population of this seed.
    #[must_use]
    pub const fn new(seed: u64, number: u64) -> Self {
        Self { seed, number }
    }

    /// What comes first: the generation, and what scanners and others say of it.
    #[must_use]
    pub fn beginnings(&self) -> Vec<Value> {
        let mut entries = vec![self.generation()];
        if self.one_in(3, "unscanned") {
            entries.push(self.event());
        } else {
            entries.push(self.scan("example-sast", "8.1.0", "sast"));
            if self.one_in(4, "licences") {
                entries.push(self.scan("example-licences", "2.3.0", "licences"));
            }
        }
        if self.number.is_multiple_of(CHANGES_A_POLICY) {
            entries.push(json!({"kind": "policy", "claims": {
                "policy": self.policy(),
                "policy_text": format!("version {}: production wants two approvals\n", self.policy_version()),
                "workload": self.workload(),
            }}));
        }
        entries
    }

    /// The approvals: none of what goes no further than a test environment.
    #[must_use]
    pub fn approvals(&self) -> Vec<Value> {
        let approvals = (0..self.pick(3, "approvals")).map(|nth| {
            let approved_at_ms = self.occurred_at_ms() + 60_000 * (nth + 1);
            json!({"kind": "approval", "claims": {
                "subject": self.subject(),
                "approval": {
                    "approver": self.person(nth + 1),
                    "method": "pull-request-review",
                    "approved_at_ms": approved_at_ms,
                },
                "intent": self.intent(),
                "policy": self.policy(),
                "workload": self.workload(),
            }})
        });
        approvals.collect()
    }

    /// The promotions, which refer to what the log has of the change.
    #[must_use]
    pub fn promotions(&self, generation: &Appended, approvals: &[Appended]) -> Vec<Value> {
        let environments: &[&str] = match approvals.len() {
            0 => &["test"],
            1 => &["test", "staging"],
            _ => &["test", "staging", "production"],
        };
        let references: Vec<Value> = approvals.iter().map(Appended::reference).collect();
        let promotions = environments.iter().map(|environment| {
            let denied = self.one_in(20, environment);
            let decision = if denied {
                json!({"outcome": "deny", "reasons": ["a scan failed"]})
            } else {
                json!({"outcome": "allow", "reasons": ["all checks passed"]})
            };
            json!({"kind": "promotion", "claims": {
                "subject": self.subject(),
                "model": self.model(),
                "prompt_hash": self.prompt_hash(),
                "agent": self.agent(),
                "session": self.session(),
                "generations": [generation.reference()],
                "approvals": references,
                "policy": self.policy(),
                "environment": environment,
                "decision": decision,
                "human_involvement": self.human_involvement(),
                "run": self.run(),
                "workload": self.workload(),
            }})
        });
        promotions.collect()
    }

    fn generation(&self) -> Value {
        let context = if self.one_in(5, "context withheld") {
            json!({"absent": "withheld"})
        } else {
            let file = |nth| {
                let name = format!("src/module_{:03}.rs", self.pick(400, &format!("file {nth}")));
                json!({"name": name, "digest": self.digest(&format!("file {nth}"))})
            };
            (0..=self.pick(3, "files")).map(file).collect()
        };
        let correlation = if self.one_in(4, "untraced") {
            json!({"absent": "not_applicable"})
        } else {
            json!({"trace_id": &self.hex("trace")[..32], "change": format!("C-{}", self.number)})
        };
        json!({"kind": "generation", "claims": {
            "subject": self.subject(),
            "model": self.model(),
            "prompt_hash": self.prompt_hash(),
            "agent": self.agent(),
            "session": self.session(),
            "context": context,
            "human_involvement": self.human_involvement(),
            "correlation": correlation,
            "tools": [{"name": "cargo", "version": "1.95.0"}, {"name": "git"}],
            "intent": self.intent(),
            "occurred_at_ms": self.occurred_at_ms(),
            "workload": self.workload(),
        }})
    }

    fn scan(&self, tool: &str, version: &str, what: &str) -> Value {
        let verdict = if self.one_in(20, what) { "fail" } else { "pass" };
        json!({"kind": "scan", "claims": {
            "subject": self.subject(),
            "scan": {
                "tool": {"name": tool, "version": version},
                "target": self.digest("artifact"),
                "verdict": verdict,
                "counts": {"high": 0, "medium": self.pick(3, what), "low": self.pick(12, what)},
                "report_digest": self.digest(what),
            },
            "workload": self.workload(),
        }})
    }

    fn event(&self) -> Value {
        json!({"kind": "event", "claims": {
            "type": "https://ci.example.com/events/build-finished",
            "subject": self.subject(),
            "x-duration_ms": 20_000 + self.pick(300_000, "duration"),
            "run": self.run(),
            "workload": self.workload(),
        }})
    }

    fn subject(&self) -> Value {
        let name =
            format!("service-{:03}/part-{:02}.tar.gz", self.repository(), self.pick(ARTIFACTS, "part"));
        json!([{"name": name, "digest": self.digest("artifact")}])
    }

    fn model(&self) -> Value {
        let (provider, name, version) = self.one_of(&MODELS, "model");
        if self.one_in(10, "version unknown") {
            return json!({"provider": provider, "name": name, "version": {"absent": "not_recorded"}});
        }
        json!({"provider": provider, "name": name, "version": version})
    }

    fn prompt_hash(&self) -> Value {
        if self.one_in(25, "prompt withheld") { json!({"absent": "withheld"}) } else { self.digest("prompt") }
    }

    fn agent(&self) -> Value {
        let (name, version) = self.one_of(&AGENTS, "agent");
        json!({"name": name, "version": version})
    }

    fn session(&self) -> Value {
        json!({"id": format!("session-{}", &self.hex("session")[..16])})
    }

    fn human_involvement(&self) -> Value {
        match self.pick(10, "involvement") {
            0 => json!({"absent": "not_recorded"}),
            1..4 => json!({"level": "none"}),
            _ => json!({"level": "reviewed", "by": [self.person(0)]}),
        }
    }

    fn intent(&self) -> Value {
        if self.one_in(10, "undeclared") {
            return json!({"absent": "not_recorded"});
        }
        json!({
            "id": format!("intent-{}", &self.hex("intent")[..12]),
            "purpose": self.one_of(&PURPOSES, "purpose"),
            "ticket": format!("OPS-{}", self.number / 3),
        })
    }

    fn policy(&self) -> Value {
        let version = self.policy_version();
        let digest = Hash::plain(format!("policy {version} {}", self.seed).as_bytes()).to_hex();
        json!({"name": "release", "version": version.to_string(), "digest": {"sha256": digest}})
    }

    fn workload(&self) -> Value {
        let repository = format!("example/service-{:03}", self.repository());
        json!({
            "method": "oidc",
            "id": format!("repo:{repository}:ref:refs/heads/main"),
            "issuer": "https://ci.example.com",
        })
    }

    fn run(&self) -> Value {
        json!({"id": (1_000_000 + self.number).to_string(), "attempt": 1 + self.pick(2, "attempt")})
    }

    fn person(&self, role: u64) -> Value {
        let person = self.pick(PEOPLE, &format!("person {role}"));
        json!({"id": format!("person-{person:03}@example.com"), "kind": "human"})
    }

    fn repository(&self) -> u64 {
        self.pick(WORKLOADS, "repository")
    }

    const fn policy_version(&self) -> u64 {
        1 + self.number / CHANGES_A_POLICY
    }

    const fn occurred_at_ms(&self) -> u64 {
        START_MS + CHANGE_EVERY_MS * self.number
    }

    fn digest(&self, what: &str) -> Value {
        json!({"sha256": self.hex(what)})
    }

    /// 64 hex digits of this change's own for `what`.
    fn hex(&self, what: &str) -> String {
        Hash::plain(format!("{what} {} {}", self.number, self.seed).as_bytes()).to_hex()
    }

    fn one_in(&self, times: u64, what: &str) -> bool {
        self.pick(times, what) == 0
    }

    fn one_of<T: Copy>(&self, choices: &[T], what: &str) -> T {
        let length = u64::try_from(choices.len()).unwrap_or(1);
        choices[usize::try_from(self.pick(length, what)).unwrap_or(0)]
    }

    /// A number below `end`: the same for the same change and `what`.
    fn pick(&self, end: u64, what: &str) -> u64 {
        let what = what.bytes().fold(self.seed, |sum, byte| mix(sum ^ u64::from(byte)));
        mix(what ^ mix(self.number)) % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf::{Salts, seal};
    use std::collections::BTreeSet;

    fn appended(count: usize) -> Vec<Appended> {
        (0..4).map(|index| Appended { index, leaf_hash: "ab".repeat(32) }).take(count).collect()
    }

    fn entries(seed: u64, number: u64) -> Vec<Value> {
        let change = Change::new(seed, number);
        let (mut entries, approvals) = (change.beginnings(), change.approvals());
        let references = appended(1 + approvals.len());
        entries.extend(approvals);
        entries.extend(change.promotions(&references[0], &references[1..]));
        entries
    }

    #[test]
    fn every_entry_is_one_that_the_log_takes_and_all_accepted_kinds_are_there() {
        let mut kinds = BTreeSet::new();
        for number in 0..300 {
            for entry in entries(7, number) {
                let sealed = seal(entry.to_string().as_bytes(), &mut Salts::default());
                kinds.insert(sealed.unwrap_or_else(|error| panic!("{entry}: {error}")).kind());
            }
        }
        let accepted = provlog_core::claims::KINDS.iter().filter(|kind| kind.accepted);
        assert_eq!(kinds, accepted.map(|kind| kind.kind).collect());
    }

    /// A log refuses what is said to have happened after now.
    #[test]
    fn as_many_changes_as_anybody_appends_happened_before_now() {
        let last = Change::new(1, 20_000_000);
        let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        assert!(u128::from(last.occurred_at_ms()) < now_ms);
    }

    #[test]
    fn the_seed_fixes_a_population() {
        assert_eq!(entries(7, 5), entries(7, 5));
        assert_ne!(entries(7, 5), entries(8, 5));
        assert_ne!(entries(7, 5), entries(7, 6));
    }
}
