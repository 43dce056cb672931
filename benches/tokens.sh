#!/usr/bin/env bash
# Builds in release, and prints what a caller costs: appends of 64 connections to a log without tokens and to one with, in turns, each
# of them a new log. Beside medians of rate and latency it says how much CPU time the daemon took for an append, all runs
# together: whatever else runs on the machine moves that least.
#
#   benches/tokens.sh [seconds a run, default 4] [runs, default 5]
set -euo pipefail

source "$(dirname "$0")/turns.sh"

for _ in $(seq "$runs"); do
    start_daemon
    load_it plain
    start_daemon
    create_token
    load_it tokens --token-file "$work/token"
done
cat <<END
Machine: $(machine "$load"). Medians of $runs runs of $seconds s, in turn.

| log | appends/s | p50 / p99, ms | CPU of the daemon, us an append |
| --- | --- | --- | --- |
END
row plain "without tokens"
row tokens "with tokens"
