# For the scripts beside it: builds, makes a folder to work in, and starts and ends the daemon that they measure. Whatever was
# started or made ends with the script.
#
# PROVLOG_BIN is the folder of the provlogd to measure (default: this tree's is built). BENCH_DIR is where the folder is made
# (default: the target folder).
root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
bin=$target/release
daemon_bin=${PROVLOG_BIN:-$bin}

(cd "$root" && cargo build --release --quiet -p provlog-benches)
[[ -n ${PROVLOG_BIN:-} ]] || (cd "$root" && cargo build --release --quiet -p provlogd)
work=$(mktemp -d "${BENCH_DIR:-$target}/bench.XXXXXX")
source "$root/benches/machine.sh"
daemon_pid=''

stop_daemon() {
    if [[ -n $daemon_pid ]]; then
        kill "$daemon_pid" 2>/dev/null || true
        wait "$daemon_pid" 2>/dev/null || true
        daemon_pid=''
    fi
}

end() { # exit code
    if [[ $1 -ne 0 && -s $work/daemon ]]; then
        tail -5 "$work/daemon" >&2
    fi
    stop_daemon
    rm -rf "$work"
}
trap 'end $?' EXIT
trap 'exit 130' INT TERM

start_daemon() {
    : >"$work/daemon"
    "$daemon_bin/provlogd" --data-dir "$work/data" --listen 127.0.0.1:0 --log-filter error >"$work/daemon" 2>&1 &
    daemon_pid=$!
    for _ in $(seq 200); do
        url=$(grep -om1 'http://127\.0\.0\.1:[0-9]*' "$work/daemon" || true)
        [[ -n $url ]] && break
        kill -0 "$daemon_pid" 2>/dev/null || break
        sleep 0.05
    done
    [[ -n $url ]] || exit 1
    wait_until_quiet
}

# Until what it makes at its start, and from what was appended, is made.
wait_until_quiet() {
    local before='' now
    for _ in $(seq 120); do
        now=$(awk '{ print $14 + $15 }' "/proc/$daemon_pid/stat")
        [[ $now == "$before" ]] && return
        before=$now
        sleep 0.5
    done
    echo "the daemon doesn't come to rest" >&2
    exit 1
}
