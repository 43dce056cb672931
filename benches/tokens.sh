#!/usr/bin/env bash
# Builds in release, and prints what a caller costs: appends of 64 connections to a log without tokens, to one with, and to one with an
# OIDC issuer (one token of it, so that it is verified once), in turns, each of them a new log. Beside medians of rate and latency it says how much CPU time the daemon took for an append, all runs
# together: whatever else runs on the machine moves that least.
#
#   benches/tokens.sh [seconds a run, default 4] [runs, default 5]
set -euo pipefail

source "$(dirname "$0")/turns.sh"

cat >"$work/issuer.toml" <<END
[[issuer]]
url = "https://issuer.example.com"
audience = "https://log.example.com"
jwks_file = "$work/jwks.json"
[[issuer.rule]]
match = ["repository_id=123456", "ref=refs/heads/main"]
roles = ["append"]
END
"$bin/issuer" --jwks "$work/jwks.json" >"$work/jwt"

for _ in $(seq "$runs"); do
    start_daemon
    load_it plain
    start_daemon
    create_token
    load_it tokens --token-file "$work/token"
    start_daemon --config "$work/issuer.toml"
    load_it issuer --token-file "$work/jwt"
done
cat <<END
Machine: $(machine "$load"). Medians of $runs runs of $seconds s, in turn.

| log | appends/s | p50 / p99, ms | CPU of the daemon, us an append |
| --- | --- | --- | --- |
END
row plain "without tokens"
row tokens "with tokens"
row issuer "with an issuer's token"
