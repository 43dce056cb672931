#!/usr/bin/env bash
# Builds in release, fills a log, and prints how long /healthz takes as a table in Markdown: of an idle daemon, while 64
# clients read records and inclusion proofs, and while damaged records are read beside them. Ends everything that it started,
# however it ends.
#
#   benches/health.sh [seconds a run, default 10] [runs a row, default 3] [entries, default 500000]
#
# PROVLOG_BIN is the folder of the provlogd to measure (default: this tree's is built), so that two versions can be
# compared in one window. BENCH_DIR is the folder to work in (default: the target folder).
set -euo pipefail

seconds=${1:-10}
runs=${2:-3}
entries=${3:-500000}
readers=64
damaged_max=4
source "$(dirname "$0")/daemon.sh"

number() { # file, offset, bytes: a big-endian integer
    od -An -v --endian=big -tu"$3" -j"$2" -N"$3" "$1" | tr -d ' '
}

# Flips a bit in what the first record of a segment's last frame says, and prints the record's index: whoever looks for the
# damage reads all of the segment. A segment's header has 4,096 bytes, a frame's 100; 80 and 32 bytes for each record and two
# lengths lie before the first record's submitted section.
damage() { # segment
    local frame=4096 next=4096 at
    while [[ $(dd if="$1" bs=1 skip="$next" count=4 status=none | tr -d '\0') == PLF1 ]]; do
        frame=$next
        next=$((frame + $(number "$1" $((frame + 4)) 4)))
    done
    at=$((frame + 100 + $(number "$1" $((frame + 16)) 4) * 112 + 8 + 40))
    printf "\\x$(printf %02x $(($(number "$1" $at 1) ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
    number "$1" $((frame + 8)) 8
}

row() { # what, then options of health
    local what=$1
    shift
    for _ in $(seq "$runs"); do
        # A daemon remembers which segments are damaged, so each run has its own.
        start_daemon
        "$bin/health" --url "$url" --seconds "$seconds" --what "$what" "$@"
        stop_daemon
    done
}

start_daemon
load=$(cut -d' ' -f1 /proc/loadavg)
"$bin/populate" --url "$url" --entries "$entries" >/dev/null
wait_until_quiet
size=$(curl -sf "$url/checkpoint" | sed -n 2p)
stop_daemon
mapfile -t segments < <(find "$work/data/journal" -name '*.seg' | sort)
sealed=("${segments[@]:0:${#segments[@]}-1}")
if [[ ${#sealed[@]} -eq 0 ]]; then
    echo "a log of $size entries has no sealed segment to damage" >&2
    exit 2
fi

cat <<END
Machine: $(machine "$load"). $size entries in ${#segments[@]} segments; $runs runs of $seconds s, all shown.

| what | /healthz p50 / p99 / max ms | asked | reads | damaged records |
| --- | --- | --- | --- | --- |
END
row idle
row "$readers clients read" --readers "$readers" --size "$size"
damaged=()
for segment in "${sealed[@]:0:damaged_max}"; do
    damaged+=(--damaged "$(damage "$segment")")
done
row 'damaged records alone' "${damaged[@]}"
row "$readers clients and damaged records" --readers "$readers" --size "$size" "${damaged[@]}"
