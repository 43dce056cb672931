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

start_daemon() { # more arguments of provlogd
    : >"$work/daemon"
    "$daemon_bin/provlogd" --data-dir "$work/data" --listen 127.0.0.1:0 --log-filter error "$@" >"$work/daemon" 2>&1 &
    daemon_pid=$!
    for _ in $(seq 200); do
        url=$(grep -Eom1 'https?://127\.0\.0\.1:[0-9]+' "$work/daemon" || true)
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
        now=$(cpu_ticks)
        [[ $now == "$before" ]] && return
        before=$now
        sleep 0.5
    done
    echo "the daemon doesn't come to rest" >&2
    exit 1
}

# A CA of its own, $work/ca.pem, and a certificate by it for 127.0.0.1; $tls is what has the daemon speak TLS with it.
make_certificates() {
    local request=(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc)
    "${request[@]}" -x509 -days 2 -subj '/CN=CA of a bench' -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
    "${request[@]}" -subj '/CN=bench' -keyout "$work/server.key" -out "$work/server.csr" 2>/dev/null
    openssl x509 -req -days 2 -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
        -extfile <(printf 'subjectAltName = IP:127.0.0.1\nbasicConstraints = CA:FALSE\n') -out "$work/server.pem" 2>/dev/null
    chmod 600 "$work/server.key"
    tls=(--tls-certificate "$work/server.pem" --tls-key "$work/server.key")
}

create_token() { # into $work/token
    "$daemon_bin/provlogd" token create --name bench --role append --expires never --data-dir "$work/data" \
        >"$work/token" 2>/dev/null
}

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$daemon_pid/stat"; }

# How many the log has.
entries() {
    local ca=()
    [[ $url != https://* ]] || ca=(--cacert "$work/ca.pem")
    curl -sSf "${ca[@]}" "$url/v1/log" | sed -E 's/.*"size":([0-9]+).*/\1/'
}

row() { # side, what it is called: its medians, and the CPU of all its runs
    local line cpu
    line=$(median "$work/$1")
    cpu=$(awk -v hz="$(getconf CLK_TCK)" '{ ticks += $1; entries += $2 } END { printf "%.1f", ticks / hz * 1e6 / entries }' "$work/$1.cpu")
    echo "| $2 | $(field requests_per_s "$line") | $(field p50_ms "$line") / $(field p99_ms "$line") | $cpu |"
}
