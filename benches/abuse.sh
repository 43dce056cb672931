#!/usr/bin/env bash
# Builds in release, fills a log, and prints a table in Markdown: how long honest appends take beside each kind of client that
# means no good, how many are refused, and what the daemon holds meanwhile. Ends everything that it started, however it ends.
#
#   benches/abuse.sh [seconds a row, default 10] [entries, default 300000] [kinds, default all]
#
# With TLS=1 all of it is done over TLS, and what is done to TLS itself comes first: that needs openssl.
#
# PROVLOG_BIN is the folder of the provlogd to measure (default: this tree's is built), so that two versions can be
# compared in one window. BENCH_DIR is the folder to work in (default: the target folder).
set -euo pipefail

seconds=${1:-10}
entries=${2:-300000}
of_tls=''
[[ -z ${TLS:-} ]] || of_tls='half-handshakes handshakes renegotiations key-updates garbage'
kinds=${3:-none $of_tls gone unread mirrors stuck-bodies slow-answers slow-heads slow-bodies idle junk}
source "$(dirname "$0")/daemon.sh"
tls=()
authority=()
if [[ -n ${TLS:-} ]]; then
    make_certificates
    authority=(--tls-ca "$work/ca.pem")
fi

load=$(cut -d' ' -f1 /proc/loadavg)
start_daemon
"$bin/populate" --url "$url" --entries "$entries" >/dev/null
stop_daemon
cat <<END
Machine: $(machine "$load"). $entries entries${TLS:+, over TLS}; $seconds s a row, each with a daemon of its own.

| abuse, clients | honest appends | p50 / p99 / max ms | | memory | descriptors | CPU | all let go after |
| --- | --- | --- | --- | --- | --- | --- | --- |
END
for kind in $kinds; do
    start_daemon "${tls[@]}"
    "$bin/abuse" --url "$url" "${authority[@]}" --pid "$daemon_pid" --abuse "$kind" --seconds "$seconds"
    stop_daemon
done
