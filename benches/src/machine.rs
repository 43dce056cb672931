//! What a figure was measured on: figures without it can't be compared.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Cores, CPU, kernel, memory, and the filesystem that holds `directory`; `unknown` where the system doesn't tell.
#[must_use]
pub fn facts(directory: &Path) -> Value {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    json!({
        "cores": cores,
        "cpu": field("/proc/cpuinfo", "model name"),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(|_| unknown(), |text| text.trim().into()),
        "memory": field("/proc/meminfo", "MemTotal"),
        "filesystem": filesystem(directory).unwrap_or_else(unknown),
    })
}

/// The facts as one line for people.
#[must_use]
pub fn line(facts: &Value) -> String {
    let fact = |name: &str| facts[name].to_string().trim_matches('"').to_string();
    let (cores, cpu, kernel) = (fact("cores"), fact("cpu"), fact("kernel"));
    format!("{cores} cores of {cpu}, {} memory, Linux {kernel}, {}", fact("memory"), fact("filesystem"))
}

fn unknown() -> String {
    "unknown".into()
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.trim() == name));
    value.map_or_else(unknown, |(_, value)| value.trim().into())
}

/// Type and device of the mount that holds `directory`: the longest mount point that is a prefix of its real path.
fn filesystem(directory: &Path) -> Option<String> {
    let directory = fs::canonicalize(directory).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let (mount, device) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?;
        let mut device = device.split(' ');
        let (kind, source) = (device.next()?, device.next()?);
        directory.starts_with(point).then(|| (point.len(), format!("{kind} on {source}")))
    });
    // Of two mounts on one point the later one is seen.
    mounts.max_by_key(|(length, _)| *length).map(|(_, name)| name)
}
