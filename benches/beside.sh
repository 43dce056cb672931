#!/usr/bin/env bash
# Builds in release, starts a daemon in a folder of its own, and prints a table in Markdown: its durable appends, each answered
# with a receipt, beside those of any other server that appends what is POSTed to it. They take turns at each number of
# connections, with the same client and the same bodies, so the ratio means something on any machine. What the other server
# promises by its answer is not looked into: say that beside the figures.
#
#   benches/beside.sh URL [path, default /add] [seconds a run, default 4] [runs a row, default 3] [connections, default 1 64 256 1024]
#
# With CHART=FILE it also draws latency against throughput of both as an SVG. PROVLOG_BIN is the folder of the provlogd to
# measure (default: this tree's is built); BENCH_DIR is the folder to work in (default: the target folder), on the disk that
# the other server writes to.
set -euo pipefail

other=${1:?the URL of the other server, as in http://127.0.0.1:2024}
path=${2:-/add}
seconds=${3:-4}
runs=${4:-3}
connections=${5:-1 64 256 1024}
source "$(dirname "$0")/daemon.sh"
# A thousand connections and more at both ends.
ulimit -n 4096 2>/dev/null || true

cells() { # line of JSON
    local failed
    failed=$(sed -E 's/.*"errors":(\{[^}]*\}).*/\1/' <<<"$1")
    printf '%s/s, %s / %s ms' "$(field requests_per_s "$1")" "$(field p50_ms "$1")" "$(field p99_ms "$1")"
    [[ $failed == '{}' ]] || printf ', refused %s' "$failed"
}

load=$(cut -d' ' -f1 /proc/loadavg)
start_daemon
cat <<END
Machine: $(machine "$load"). Medians of $runs runs of $seconds s, in turn.

| connections | provlogd: rate, p50 / p99 | $other$path: rate, p50 / p99 | provlogd is |
| --- | --- | --- | --- |
END
for count in $connections; do
    : >"$work/own" >"$work/others"
    for _ in $(seq "$runs"); do
        "$bin/hammer" --url "$url" --connections "$count" --seconds "$seconds" --json \
            --trust "$work/data/trust.tlog-policy" --data-dir "$work" >>"$work/own"
        "$bin/hammer" --url "$other" --path "$path" --connections "$count" --seconds "$seconds" --json \
            --data-dir "$work" >>"$work/others"
    done
    own=$(median "$work/own") others=$(median "$work/others")
    echo "$own" >>"$work/own.line"
    echo "$others" >>"$work/others.line"
    ratio=$(awk -v a="$(field requests_per_s "$own")" -v b="$(field requests_per_s "$others")" \
        'BEGIN { if (b > 0) printf "%.2fx", a / b; else printf "-" }')
    echo "| $count | $(cells "$own") | $(cells "$others") | $ratio |"
done
if [[ -n ${CHART:-} ]]; then
    "$bin/chart" --output "$CHART" "provlogd=$work/own.line" "$other$path=$work/others.line"
fi
