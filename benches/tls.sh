#!/usr/bin/env bash
# Builds in release, and prints what TLS costs: appends of 64 connections that are kept, in clear text, over TLS, and over TLS with a
# token, in turns, each of them to a new log. Beside medians of rate and latency it says how much CPU time the daemon took for an append,
# all runs together, handshakes too: whatever else runs on the machine moves that least. Needs openssl.
#
#   benches/tls.sh [seconds a run, default 4] [runs, default 5]
set -euo pipefail

source "$(dirname "$0")/turns.sh"
make_certificates

ratio() { # side, the side that it is compared with
    local rates=() side
    for side in "$1" "$2"; do
        rates+=("$(field requests_per_s "$(median "$work/$side")")")
    done
    awk -v one="${rates[0]}" -v other="${rates[1]}" 'BEGIN { printf "%.2f", one / other }'
}

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
