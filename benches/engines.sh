#!/usr/bin/env bash
# Builds in release, and prints a table in Markdown: provlog's journal beside stores that others wrote, on one workload.
# 400-byte entries with three keys of 32 bytes, in durable groups; each engine in a process and a folder of its own.
#
#   benches/engines.sh [seconds an engine, default 10] [entries a group, default 256] [engines, default all]
#
# BENCH_DIR is the folder to work in (default: the target folder); it has to lie on the disk to be measured. The crate is a
# workspace of its own, so that nothing that it compares with is in provlog's lock file. It needs a C compiler, for SQLite.
set -euo pipefail

seconds=${1:-10}
group=${2:-256}
engines=${3:-file provlog fjall redb sqlite sled}
root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

cargo build --release --quiet --locked --manifest-path "$root/benches/engines/Cargo.toml" --target-dir "$target/engines"
work=$(mktemp -d "${BENCH_DIR:-$target}/bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
source "$root/benches/machine.sh"

cat <<END
Machine: $(machine "$(cut -d' ' -f1 /proc/loadavg)"). Groups of $group entries; $seconds s an engine.

| engine | entries/s | a group: p50 / p99 / max ms | bytes on disk an entry | peak memory |
| --- | --- | --- | --- | --- |
END
for engine in $engines; do
    "$target/engines/release/provlog-engines" --engine "$engine" --dir "$work/$engine" --seconds "$seconds" \
        --group "$group"
    rm -rf "${work:?}/$engine"
done
