#!/usr/bin/env bash
# Builds in release, and prints what TLS costs: appends of 64 connections that are kept, in clear text, over TLS, and over TLS with a
# token, in turns, each of them to a new log. Beside medians of rate and latency it says how much CPU time the daemon took for an append,
# all runs together, handshakes too: whatever else runs on the machine moves that least. Needs openssl.
#
#   benches/tls.sh [seconds a run, default 4] [runs, default 5]
set -euo pipefail

seconds=${1:-4}
runs=${2:-5}
source "$(dirname "$0")/daemon.sh"
make_certificates

load_it() { # side, arguments of hammer
    local side=$1 ticks
    shift
    ticks=$(cpu_ticks)
    "$bin/hammer" --url "$url" --connections 64 --seconds "$seconds" --json --data-dir "$work" "$@" >>"$work/$side"
    echo "$(($(cpu_ticks) - ticks)) $(entries)" >>"$work/$side.cpu"
    stop_daemon
    rm -rf "$work/data"
}

ratio() { # side, the side that it is compared with
    local rates=() side
    for side in "$1" "$2"; do
        rates+=("$(field requests_per_s "$(median "$work/$side")")")
    done
    awk -v one="${rates[0]}" -v other="${rates[1]}" 'BEGIN { printf "%.2f", one / other }'
}

load=$(cut -d' ' -f1 /proc/loadavg)
for _ in $(seq "$runs"); do
    start_daemon
    load_it clear
    start_daemon "${tls[@]}"
    load_it tls --tls-ca "$work/ca.pem"
    start_daemon "${tls[@]}"
    create_token
    load_it tokens --tls-ca "$work/ca.pem" --token-file "$work/token"
done
cat <<END
Machine: $(machine "$load"). Medians of $runs runs of $seconds s, in turn.

| connection | appends/s | p50 / p99, ms | CPU of the daemon, us an append | rate | target |
| --- | --- | --- | --- | --- | --- |
END
echo "$(row clear "clear text") - | - |"
echo "$(row tls "TLS") $(ratio tls clear) of clear text | 0.75 |"
echo "$(row tokens "TLS, with tokens") $(ratio tokens tls) of TLS | 0.95 |"
