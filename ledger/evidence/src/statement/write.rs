//! The one text of what a statement says.

use super::fields::Fields;
use super::words::encode;
use crate::subject::Subject;
use provlog_core::hex;
use provlog_core::time::rfc3339_s;
use std::collections::BTreeSet;

/// The first line.
pub const VERSION: &str = "provlog-approval/v1";

/// Where there is none.
pub(super) const NONE: &str = "-";

pub(super) fn text(fields: &Fields) -> String {
    let mut lines = vec![VERSION.to_owned()];
    let mut push = |name: &str, value: &str| lines.push(format!("{name}: {value}"));
    push("action", fields.action.name());
    push("log", &fields.log);
    push("environment", &fields.environment);
    // By the bytes that are read, which tokens put in another order than the names that they stand for.
    sorted(fields.subjects.iter().map(subject)).iter().for_each(|line| push("subject", line));
    if let Some(intent) = &fields.intent {
        push("intent", &format!("{} {}", encode(&intent.id), intent.purpose));
        let line = |(key, values): (&String, &BTreeSet<String>)| {
            format!("{}={}", encode(key), sorted(values.iter().map(|value| encode(value))).join(","))
        };
        sorted(intent.scope.iter().map(line)).iter().for_each(|line| push("scope", line));
    }
    if let Some(reason) = &fields.reason {
        push("reason", reason);
    }
    let (name, version) = (encode(&fields.policy.name), encode(&fields.policy.version));
    push("policy", &format!("{name}@{version} sha256:{}", hex::encode(&fields.policy.sha256)));
    push("requester", fields.requester.as_deref().map(encode).as_deref().unwrap_or(NONE));
    push("nonce", &hex::encode(&fields.nonce));
    push("expires", &rfc3339_s(fields.expires_s));
    lines.push(String::new());
    lines.join("\n")
}

fn subject(subject: &Subject) -> String {
    let uri = subject.uri().map_or_else(|| NONE.into(), encode);
    let name = subject.name().map(|name| format!(" {name}")).unwrap_or_default();
    format!("{subject} {uri}{name}")
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort_unstable();
    lines
}
