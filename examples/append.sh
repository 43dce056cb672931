#!/bin/sh
# Appends two entries about a built file to a running log, keeps their receipts beside it, and verifies both.
#
#   PROVLOG_TRUST=provlog-data/trust.tlog-policy examples/append.sh FILE [ENVIRONMENT]
#
# Run it in a git repository, HEAD being what FILE was built from. PROVLOG_URL says where the log is, PROVLOG which
# provlog to run. Running it again is safe: the same file gives the same two entries. The receipts of a changed file take the
# place of the earlier ones.
set -eu

file=${1:?usage: append.sh FILE [ENVIRONMENT]}
environment=${2:-staging}
url=${PROVLOG_URL:-http://127.0.0.1:4180}
provlog=${PROVLOG:-provlog}
: "${PROVLOG_TRUST:?set it to the trust file of the log}"
digest=$(sha256sum <"$file" | cut -d ' ' -f 1)
commit=$(git rev-parse HEAD)

# With nothing but curl: that this file was built. The log makes the salts; the key makes a retry safe.
curl -sSf --retry 5 --retry-connrefused -o "$file.built.tlog-proof" \
    -H 'Content-Type: application/json' -H 'Accept: text/plain' -H "Idempotency-Key: built-$commit-$digest" \
    --data @- "$url/v1/entries" <<JSON
{"kind": "event", "claims": {
  "type": "https://example.com/events/built",
  "subject": [{"digest": {"sha256": "$digest"}}, {"digest": {"gitCommit": "$commit"}}]
}}
JSON

# With provlog: that it goes to an environment. It salts and keeps the submission before it sends it, tries again while
# the log is away, and verifies the receipt. Replace each absence by what your pipeline knows.
"$provlog" append --url "$url" --kind promotion --artifact "$file" --commit HEAD \
    --model absent:not_recorded --prompt-hash absent:not_recorded --approvals absent:not_recorded \
    --policy absent:not_recorded --environment "$environment" --decision observed \
    --idempotency-key "promoted-$commit-$digest-$environment" --output "$file.promoted.tlog-proof" --force >/dev/null

# Neither asks the log: this works as well next year, on another machine, with the receipts and the trust file alone.
"$provlog" verify "$file.built.tlog-proof" "$file.promoted.tlog-proof" --artifact "$file"
