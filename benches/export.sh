#!/usr/bin/env bash
# Builds in release, fills a log with entries as pipelines append them, exports all of it as a folder and as a ZIP,
# verifies both, and receipts, audits the log, and prints tables in Markdown. Ends everything that it started, however it ends.
#
#   benches/export.sh [entries, default 1000000] [runs a row, default 3]
#
# BENCH_DIR is the folder to work in (default: the target folder): some 6 KB an entry. It needs GNU time.
set -euo pipefail

entries=${1:-1000000}
runs=${2:-3}
receipts=2000
root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
bin=$target/release
gnu_time=$(type -P time) || {
    echo "GNU time is needed, which tells the peak of a program's memory" >&2
    exit 2
}

(cd "$root" && cargo build --release --quiet -p provlogd -p provlog -p provlog-benches)
work=$(mktemp -d "${BENCH_DIR:-$target}/bench.XXXXXX")
daemon_pid=''

end() { # exit code
    if [[ $1 -ne 0 && -s $work/said ]]; then
        tail -20 "$work/said" >&2
    fi
    if [[ -n $daemon_pid ]]; then
        kill "$daemon_pid" 2>/dev/null || true
        wait "$daemon_pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap 'end $?' EXIT
trap 'exit 130' INT TERM

start_daemon() {
    "$bin/provlogd" --data-dir "$work/data" --listen 127.0.0.1:0 --log-filter warn >"$work/daemon" 2>&1 &
    daemon_pid=$!
    for _ in $(seq 200); do
        url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$work/daemon" || true)
        [[ -n $url ]] && return
        kill -0 "$daemon_pid" 2>/dev/null || break
        sleep 0.05
    done
    cat "$work/daemon" >&2
    exit 1
}

daemon_cpu_s() { # user and system time of the daemon so far
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f", ($14 + $15) / hz }' "/proc/$daemon_pid/stat"
}

calc() { # awk expression
    awk "BEGIN { printf $1 }"
}

# Runs provlog so many times, each after `rm -rf` of what it makes, and prints the row of the run in the middle.
row() { # what, unit, count, goal, what the command makes or '', then the command
    local what=$1 unit=$2 count=$3 goal=$4 makes=$5 before
    shift 5
    : >"$work/runs"
    for _ in $(seq "$runs"); do
        [[ -z $makes ]] || rm -rf "$makes"
        before=$(daemon_cpu_s)
        "$gnu_time" -o "$work/time" -f '%e %U %S %M' "$bin/provlog" "$@" >"$work/said" 2>&1
        echo "$(cat "$work/time") $before $(daemon_cpu_s)" >>"$work/runs"
    done
    sort -n "$work/runs" | sed -n "$(((runs + 1) / 2))p" | awk -v what="$what" -v unit="$unit" -v count="$count" \
        -v goal="$goal" '{ printf "| %s | %.2f s | %d %s/s | %.2f s | %.2f s | %.0f MB | %s |\n",
            what, $1, count / $1, unit, $2 + $3, $6 - $5, $4 / 1024, goal }'
}

bytes_per_entry() { # file
    calc "\"%.1f\", $(stat -c %s "$1") / $count"
}

start_daemon
load=$(cut -d' ' -f1 /proc/loadavg)
populated=$("$bin/populate" --url "$url" --entries "$entries")
trust=$work/data/trust.tlog-policy
# The log's own first entry comes on top.
count=$(curl -sf "$url/checkpoint" | sed -n 2p)
[[ $receipts -le $count ]] || receipts=$count
log=(--url "$url" --trust "$trust")

cat <<END
Machine: $(nproc) cores of $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(grep -m1 MemTotal /proc/meminfo | tr -s ' ' | cut -d' ' -f2-), Linux $(uname -r); load average at the start $load. Medians of $runs runs.

- The log: $count entries, $(calc "\"%.0f\", $entries / $(sed -E 's/.*"seconds":([0-9.]*).*/\1/' <<<"$populated")") a second as they were appended; $(sed -E 's/.*"kinds":\{([^}]*)\}.*/\1/; s/"//g; s/,/, /g; s/:/ /g' <<<"$populated")

| what | time | rate | CPU of provlog | CPU of provlogd | peak memory of provlog | target |
| --- | --- | --- | --- | --- | --- | --- |
END
row 'export to a folder' records "$count" '100,000/s' "$work/package" export "${log[@]}" -o "$work/package"
row 'verify the folder' records "$count" '<= 10 s' '' verify --trust "$trust" "$work/package"
row 'export to a ZIP' records "$count" '-' "$work/package.zip" export "${log[@]}" -o "$work/package.zip"
row 'verify the ZIP' records "$count" '<= 10 s' '' verify --trust "$trust" "$work/package.zip"
mkdir "$work/receipts"
step=$((count / receipts))
curl -sf -o "$work/receipts/#1.tlog-proof" "$url/v1/entries/[0-$((step * (receipts - 1))):$step]/receipt"
row 'verify receipts of one checkpoint' receipts "$receipts" '-' '' verify --trust "$trust" "$work/receipts"
row 'audit, without records' entries "$count" '-' "$work/mirror" audit "${log[@]}" --records=never "$work/mirror"
row 'audit again, all of it fetched anew' entries "$count" '-' '' audit "${log[@]}" --records=never --full "$work/mirror"

cat <<END

Peak memory of provlogd through all of it: $(awk '/VmHWM/ { printf "%.0f MB", $2 / 1024 }' "/proc/$daemon_pid/status").

| bytes an entry | |
| --- | --- |
END
for name in records.cbor proof.bin records.jsonl records.csv report.html; do
    echo "| \`$name\` | $(bytes_per_entry "$work/package/$name") |"
done
echo "| the package, as a folder | $(calc "\"%.1f\", $(du -sb --apparent-size "$work/package" | cut -f1) / $count") |"
echo "| the package, as a ZIP | $(bytes_per_entry "$work/package.zip") |"
receipt_bytes=$(cat "$work"/receipts/* | wc -c)
echo "| receipts, one an entry (mean of $receipts) | $(calc "\"%.1f\", $receipt_bytes / $receipts") |"
