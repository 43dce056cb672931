#!/usr/bin/env bash
# Builds in release, and prints what submissions cost whose token is bound to them, so that no two have one and each is verified: appends of 64
# connections, by the algorithm that the tokens are signed with, in turns, each of them a new log. Beside them how many signatures of
# that algorithm one core verifies, and how many tokens as a whole.
#
#   benches/bound.sh [seconds a run, default 4] [runs, default 5]
set -euo pipefail

source "$(dirname "$0")/turns.sh"

origin=example.com/log
cat >"$work/issuer.toml" <<END
origin = "$origin"
[[issuer]]
url = "https://issuer.example.com"
audience = "https://log.example.com"
jwks_file = "$work/jwks.json"
[[issuer.rule]]
match = ["repository_id=123456", "ref=refs/heads/main"]
roles = ["append"]
END
count=$(((seconds + 2) * 20000))

for _ in $(seq "$runs"); do
    for algorithm in EdDSA ES256 RS256; do
        "$bin/issuer" --jwks "$work/jwks.json" --algorithm "$algorithm" --bound "$count" --origin "$origin" \
            --requests "$work/requests" >>"$work/$algorithm.rates"
        start_daemon --config "$work/issuer.toml"
        load_it "$algorithm" --requests "$work/requests"
    done
done
cat <<END
Machine: $(machine "$load"). Medians of $runs runs of $seconds s, in turn.

| token | appends/s | p50 / p99, ms | CPU of the daemon, us an append | signatures alone, /s a core | tokens as a whole, /s a core |
| --- | --- | --- | --- | --- | --- |
END
for algorithm in EdDSA ES256 RS256; do
    middle() { cut -d' ' -f"$1" "$work/$algorithm.rates" | sort -n | sed -n "$(((runs + 1) / 2))p"; }
    echo "$(row "$algorithm" "bound, $algorithm") $(middle 1) | $(middle 2) |"
done
