#!/usr/bin/env bash
# Builds in release, starts a daemon and null servers in a folder of its own, loads them in turn, and prints a table
# in Markdown: medians of the runs. Ends everything that it started, however it ends.
#
#   benches/run.sh [seconds a run, default 4] [runs a row, default 3]
#
# BENCH_DIR is the folder to work in (default: the target folder); it has to lie on the disk to be measured, so not on
# a tmpfs. With the defaults it takes about seven minutes after the build.
set -euo pipefail
source "$(dirname "$0")/machine.sh"

seconds=${1:-4}
runs=${2:-3}
root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
bin=$target/release

(cd "$root" && cargo build --release --quiet -p provlogd -p provlog-benches)
work=$(mktemp -d "${BENCH_DIR:-$target}/bench.XXXXXX")
daemon_pid='' null_pid='' failed=0

stop() { # pid
    if [[ -n $1 ]]; then
        kill "$1" 2>/dev/null || true
        wait "$1" 2>/dev/null || true
    fi
}
end() { # exit code
    if [[ $1 -ne 0 && -n $daemon_pid ]] && ! kill -0 "$daemon_pid" 2>/dev/null; then
        echo "the daemon is gone; it said:" >&2
        tail -5 "$work/daemon" >&2
    fi
    stop "$null_pid"
    stop "$daemon_pid"
    rm -rf "$work"
}
trap 'end $?' EXIT
trap 'exit 130' INT TERM
# A thousand connections and more at both ends.
ulimit -n 4096 2>/dev/null || true

wait_for_url() { # pid, file that the URL is printed to; sets $url
    for _ in $(seq 200); do
        url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$2" || true)
        [[ -n $url ]] && return
        kill -0 "$1" 2>/dev/null || break
        sleep 0.05
    done
    echo "no server came up; it said:" >&2
    cat "$2" >&2
    exit 1
}

start_daemon() {
    "$bin/provlogd" --data-dir "$work/data" --listen 127.0.0.1:0 --log-filter warn >"$work/daemon" 2>&1 &
    daemon_pid=$!
    wait_for_url "$daemon_pid" "$work/daemon"
    daemon_url=$url
}

start_null() { # bytes of an answer
    # Here and not by the redirection, which comes when it comes: the last one's URL must be gone before it is looked for.
    : >"$work/null"
    "$bin/null-server" --body-bytes "$1" >"$work/null" 2>&1 &
    null_pid=$!
    wait_for_url "$null_pid" "$work/null"
}

ratio() { # a, b
    awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'
}

row() { # what, target, rate field, then hammer's options
    local what=$1 goal=$2 rate=$3 size probe daemon null
    shift 3
    size=(--size "$log_size")
    probe=$("$bin/hammer" --url "$daemon_url" --seconds 1 --warmup 0 --json "${size[@]}" "$@")
    start_null "$(field answer_bytes "$probe")"
    : >"$work/daemon.rows" >"$work/null.rows"
    # In turn, so that whatever else the machine does falls on both.
    for _ in $(seq "$runs"); do
        "$bin/hammer" --url "$url" --seconds "$seconds" --warmup 1 --json "${size[@]}" "$@" >>"$work/null.rows"
        "$bin/hammer" --url "$daemon_url" --seconds "$seconds" --warmup 1 --json "${size[@]}" \
            --trust "$work/data/trust.tlog-policy" --data-dir "$work" "$@" >>"$work/daemon.rows"
    done
    stop "$null_pid"
    null_pid=''
    if grep -qvE '"errors":\{\},.*"lost":0,.*"unanswered":0' "$work/daemon.rows"; then
        echo "answers that were no success, or none at all: $what" >&2
        grep -oE '"(errors|lost|unanswered)":[^,]*' "$work/daemon.rows" | sort | uniq -c >&2
        failed=1
    fi
    daemon=$(median "$work/daemon.rows") null=$(median "$work/null.rows")
    printf '| %s | %s | %s / %s / %s / %s | %s | %s us | %s, p99 %s ms | %s | %s |\n' "$what" \
        "$(field "$rate" "$daemon")" "$(field p50_ms "$daemon")" "$(field p90_ms "$daemon")" \
        "$(field p99_ms "$daemon")" "$(field p99_9_ms "$daemon")" "$(field receipts_verified "$daemon" | sed s/null/-/)" \
        "$(field hammer_cpu_us_per_request "$daemon")" "$(field "$rate" "$null")" "$(field p99_ms "$null")" \
        "$(ratios "$rate" "$daemon" "$null")" "$goal"
}

ratios() { # rate field, line of the daemon, line of the null server
    printf '%s of null' "$(ratio "$(field "$1" "$2")" "$(field "$1" "$3")")"
    if [[ $1 == entries_per_s ]]; then
        printf ', %s of %s' "$(ratio "$(field "$1" "$2")" "$(field "${leaves}_per_s_all_cores" "$bare")")" "${leaves/_/ }"
    else
        printf ', p99 %sx' "$(ratio "$(field p99_ms "$2")" "$(field p99_ms "$3")")"
    fi
}

start_daemon
bare=$("$bin/bare-rates" --dir "$work" --seconds 2)
sync_us=$(field fdatasync_p50_us "$bare")
tr -d '"' <<END
Machine: $(field cores "$bare") cores of $(field cpu "$bare"), $(field memory "$bare"), Linux $(field kernel "$bare"), $(field filesystem "$bare"); load average at the start $(cut -d' ' -f1 /proc/loadavg). Medians of $runs runs of $seconds s.

- fdatasync of a 4 KiB append: $(field fdatasync_per_s "$bare")/s, p50 $sync_us us, p99 $(field fdatasync_p99_us "$bare") us
- submissions to leaves in one process: $(field leaves_per_s_all_cores "$bare")/s on all cores, $(field leaves_per_s_one_thread "$bare")/s on one
- the same in CBOR: $(field cbor_leaves_per_s_all_cores "$bare")/s on all cores, $(field cbor_leaves_per_s_one_thread "$bare")/s on one

| what | per second | p50 / p90 / p99 / p99.9 ms | receipts verified | hammer's CPU | null server | ratio | target |
| --- | --- | --- | --- | --- | --- | --- | --- |
END
log_size=0
one_client_ms=$(awk -v us="$sync_us" 'BEGIN { printf "%.2f", 2 * us / 1000 + 0.2 }')
row '1 client' "p50 <= 0.5 ms; aim 2 fdatasync + 0.2 ms = $one_client_ms ms" requests_per_s --connections 1
row '64 clients' '-' requests_per_s --connections 64
row '256 clients' '30,000/s, p50 <= 9, p99 <= 25 ms; aim 0.40 of null' requests_per_s --connections 256
row '1,024 clients' '28,000/s, p99 <= 2x null' requests_per_s --connections 1024
row '256 clients, in CBOR' '-' requests_per_s --connections 256 --body cbor
# Which limit of bare-rates the rate of batches is held against.
leaves=leaves
row 'entries in batches of 1,000, 4 clients' '-' entries_per_s --mode batch --connections 4 --verify-every 20
row 'the same without receipts' '120,000/s; aim 0.6 of leaves' entries_per_s \
    --mode batch --connections 4 --no-receipts
leaves=cbor_leaves
row 'entries in CBOR batches of 1,000, 4 clients' '-' entries_per_s \
    --mode batch --body cbor --connections 4 --verify-every 20
row 'the same without receipts' '180,000/s; aim 0.6 of cbor leaves' entries_per_s \
    --mode batch --body cbor --connections 4 --no-receipts
# What the appends above made; the null server has no checkpoint to ask.
log_size=$(curl -sf "$daemon_url/checkpoint" | sed -n 2p)
row 'checkpoint, 32 clients' '-' requests_per_s --mode checkpoint --connections 32
row 'full hash tiles, 32 clients' '60,000/s; aim 0.8 of null' requests_per_s --mode tile --connections 32
row "inclusion proofs of $log_size entries, 64 clients" '40,000/s at 10 million; aim 0.8 of null' requests_per_s \
    --mode proof --connections 64
row 'receipts of those, 64 clients' '25,000/s; aim 0.8 of null' requests_per_s --mode receipt --connections 64
for mode in checkpoint tile bundle; do
    row "$mode with If-None-Match, 32 clients" '0.9 of null' requests_per_s \
        --mode "$mode" --connections 32 --if-none-match '*'
done
exit "$failed"
