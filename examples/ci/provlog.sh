#!/bin/sh
# One entry in a log from a CI job: the log's key is taken by its fingerprint, the entry appended, its receipt verified, and put where
# the job's artifacts are.
#
# action.yml runs this on GitHub, and gitlab.yml has it in itself. All that it is told comes in variables, so that no text of a
# branch, a title or a commit is ever a part of a command:
#
#   PROVLOG_URL          where the log is
#   PROVLOG_FINGERPRINT  fingerprint of the log's key, from whoever operates the log
#   PROVLOG_TRUST        the log's trust file, where the key has to be that one; without it the log is asked, and has to be up
#   PROVLOG_ENTRY        the entry, in a file as `provlog append --json` takes it; or
#   PROVLOG_ARGUMENTS    arguments of `provlog append` that say what it is, one a line, such as --kind=event
#   PROVLOG_ARTIFACT     file that the entry has to be about; without it
#   PROVLOG_COMMIT       commit that it has to be about; unless PROVLOG_ENTRY says what it is about, both become its subjects
#   PROVLOG_EXPECT       more arguments of `provlog verify`, one a line, such as --require-outcome=allow
#   PROVLOG_IDENTITY     github: the job proves itself with a token for this entry alone
#   PROVLOG_TOKEN        else, or beside it, the token to ask the log with
#   PROVLOG_EVIDENCE     redact: the receipt leaves the machine without that token, and verifies all the same; or keep
#   PROVLOG_AFTER        in a job of workflow_run, the event of the run before it
#   PROVLOG_NAME         name of the receipt, and a part of the entry's key: a run with several entries has a name for each
#   PROVLOG_FOLDER       where to work; what is in its folder `upload`, which is emptied first, may leave the machine
#   PROVLOG              the program, or PROVLOG_DOWNLOAD and PROVLOG_SHA256: where it is fetched from, and what it has to be
set -eu
umask 077
export LC_ALL=C

# What a log or a claim says is printed below: to the runner none of it is a command.
if [ -n "${GITHUB_ACTIONS:-}" ]; then
    exec 2>&1
    resume=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    echo "::stop-commands::$resume"
    trap 'echo "::$resume::"' EXIT
fi

# One that can't be a file's is refused below, as soon as there is a page to say so on.
name=${PROVLOG_NAME:-provlog}
case $name in
    .* | *[!A-Za-z0-9._-]*)
        named=no
        name=provlog
        ;;
    *) named=yes ;;
esac
folder=${PROVLOG_FOLDER:-${RUNNER_TEMP:-.}/provlog-$name}
upload=$folder/upload
work=$folder/.work
receipt=$work/$name.tlog-proof
said=$work/said
verdict=$work/verdict
# What an earlier job left here, or made others believe that it did, is nothing of this one: GitLab hands files on from job to job.
if [ -L "${folder%/}" ]; then
    rm "${folder%/}"
fi
rm -rf "$upload" "$work"
mkdir -p "$upload" "$work"
summary=${GITHUB_STEP_SUMMARY:-$upload/$name.md}

# Ends the job. Its page shows what was said as it was: to Markdown a line that is indented by four is code, whatever is in it.
fail() {
    {
        printf '### ✗ provlog: %s (exit code %s)\n\n' "$2" "$1"
        tr -d '\r' <"$said" | sed 's/^/    /'
        printf '\n'
    } >>"$summary"
    exit "$1"
}

refuse() {
    printf '%s\n' "$1" >"$said"
    cat "$said" >&2
    fail 2 'nothing was sent'
}

# Runs a command; what it means when that fails comes first.
step() {
    means=$1
    shift
    status=0
    "$@" 2>"$said" || status=$?
    cat "$said" >&2
    [ "$status" -eq 0 ] || fail "$status" "$means"
}

if [ "$named" = no ]; then
    refuse 'the name of a receipt has letters, digits, dots, hyphens and underscores, and no dot at its start'
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    echo "upload=$upload" >>"$GITHUB_OUTPUT"
fi

# An attempt is an entry of its own: what it found out may be something else than what the one before did. The same attempt finds its
# entry again, from another machine, too.
if [ -n "${GITHUB_ACTIONS:-}" ]; then
    key=github/$GITHUB_REPOSITORY_ID/$GITHUB_RUN_ID/$GITHUB_RUN_ATTEMPT/$name
    case ${GITHUB_EVENT_NAME:-} in
        pull_request_target | issue_comment | issues)
            refuse "this is a job of $GITHUB_EVENT_NAME: it has the rights of the repository, and works on what a stranger sent"
            ;;
        workflow_run)
            case ${PROVLOG_AFTER:-} in
                push | create | release | schedule | workflow_dispatch) ;;
                *) refuse "this is a job of workflow_run after ${PROVLOG_AFTER:-an unknown event}: what a stranger sent may have started it" ;;
            esac
            ;;
    esac
    if [ "${PROVLOG_IDENTITY:-}" = github ] && [ -z "${ACTIONS_ID_TOKEN_REQUEST_TOKEN:-}" ]; then
        refuse 'this job gets no token that proves it: it needs permissions: id-token: write, which no pull request of a fork has'
    fi
elif [ -n "${GITLAB_CI:-}" ]; then
    key=gitlab/$CI_PROJECT_ID/$CI_PIPELINE_ID/$CI_JOB_ID/$name
else
    refuse 'this is no job of GitHub or GitLab: run provlog append'
fi
if [ -z "${PROVLOG_URL:-}" ] || [ -z "${PROVLOG_FINGERPRINT:-}" ]; then
    refuse 'where the log is, or the fingerprint of its key, is missing'
fi
case ${PROVLOG_EVIDENCE:-redact} in
    redact | keep) ;;
    *) refuse 'the evidence is to be redacted, or kept: expected redact or keep' ;;
esac

# Arguments say what the entry is: which log it is for, whom that is believed to be, and who asks are no matter of theirs.
while IFS= read -r line; do
    case $line in
        --url | --url=* | --ca | --ca=* | --client-* | --token-file* | --trust | --trust=* | --fingerprint* | --identity* | --svid* | \
            --idempotency-key* | --output* | --force* | -[!-]*)
            refuse "arguments say what the entry is: they have no ${line%%=*}"
            ;;
    esac
done <<LINES
${PROVLOG_ARGUMENTS:-}
LINES

while IFS= read -r line; do
    case $line in
        --json | --markdown) refuse "the verdict is in the form of the job's log, which shows no claims: expect can't have $line" ;;
    esac
done <<LINES
${PROVLOG_EXPECT:-}
LINES

provlog=${PROVLOG:-provlog}
if [ -n "${PROVLOG_DOWNLOAD:-}" ]; then
    [ -n "${PROVLOG_SHA256:-}" ] || refuse 'a program that is downloaded needs its SHA-256'
    provlog=$work/provlog
    step 'the program was not downloaded' \
        curl -sSfL --proto =https --retry 3 --max-time 300 --output "$provlog.new" "$PROVLOG_DOWNLOAD"
    printf '%s  %s\n' "$PROVLOG_SHA256" "$provlog.new" >"$work/sums"
    step 'another program was downloaded than was meant' sha256sum -c "$work/sums"
    chmod 700 "$provlog.new"
    mv "$provlog.new" "$provlog"
fi

# The key is pinned: nothing that another one signed is taken for an entry of this log. That the address is the log's is TLS's word
# alone.
trust=${PROVLOG_TRUST:-}
if [ -z "$trust" ]; then
    trust=$work/trust
    rm -f "$trust"
    # In a home of its own: what this machine believes after the job is what it believed before.
    step 'the key of the log was not taken' env HOME="$work" "$provlog" trust fetch --url "$PROVLOG_URL" \
        --fingerprint "$PROVLOG_FINGERPRINT" --output "$trust"
fi

if [ -n "${PROVLOG_ENTRY:-}" ]; then
    set -- "--json=$PROVLOG_ENTRY"
else
    set --
    while IFS= read -r line; do
        [ -z "$line" ] || set -- "$@" "$line"
    done <<LINES
${PROVLOG_ARGUMENTS:-}
LINES
    [ -z "${PROVLOG_ARTIFACT:-}" ] || set -- "$@" "--artifact=$PROVLOG_ARTIFACT"
    [ -z "${PROVLOG_COMMIT:-}" ] || set -- "$@" "--commit=$PROVLOG_COMMIT"
fi
[ -z "${PROVLOG_IDENTITY:-}" ] || set -- "$@" "--identity=$PROVLOG_IDENTITY"
status=0
"$provlog" append --url "$PROVLOG_URL" --trust "$trust" --fingerprint "$PROVLOG_FINGERPRINT" --idempotency-key "$key" \
    --output "$receipt" "$@" 2>"$said" || status=$?
cat "$said" >&2
if [ "$status" -ne 0 ]; then
    # What isn't appended now can be later: it leaves the machine as it was to be sent, unless a token is in it.
    for pending in "$work"/*.pending; do
        [ -f "$pending" ] || continue
        # An entry in JSON may bring evidence of its own.
        if grep -q '"evidence" *:' "$pending"; then
            echo "$pending has evidence in it, and stays here" | tee -a "$said" >&2
        else
            cp "$pending" "$upload"
        fi
    done
    fail "$status" 'the entry was not appended'
fi

rm -f "$upload"/*.pending

if [ -n "${PROVLOG_ARTIFACT:-}" ]; then
    set -- "--artifact=$PROVLOG_ARTIFACT"
elif [ -n "${PROVLOG_COMMIT:-}" ]; then
    set -- "--commit=$PROVLOG_COMMIT"
else
    set --
fi
while IFS= read -r line; do
    [ -z "$line" ] || set -- "$@" "$line"
done <<LINES
${PROVLOG_EXPECT:-}
LINES
verify() {
    of=$1
    shift
    "$provlog" verify "$of" --trust "$trust" --fingerprint "$PROVLOG_FINGERPRINT" --require-subject "$@"
}
verify "$receipt" "$@" --markdown >>"$summary" 2>/dev/null || :
# Whoever may see a job's log may be others than those who may read the entry: of claims it shows what was compared, as the page does.
# A claim's line is indented by two, and goes on in lines that are indented by more.
judged() {
    judged=0
    verify "$@" >"$verdict" || judged=$?
    awk '/^[^ ]/ { shown = 1 } /^  [^ ]/ { shown = 0 } shown' "$verdict"
    return "$judged"
}
step 'the receipt is not what it has to be' judged "$receipt" "$@"

# However the token came to be in it, and whatever was expected above.
step 'the receipt does not verify' "$provlog" verify "$receipt" --trust "$trust" --fingerprint "$PROVLOG_FINGERPRINT" >"$verdict"
leaves=$upload/$name.tlog-proof
if [ "${PROVLOG_EVIDENCE:-redact}" = redact ] && grep -q '^  attested\.workload_evidence = ' "$verdict"; then
    step 'the token was not hidden' "$provlog" redact "$receipt" --hide attested.workload_evidence --force --output "$leaves"
    step 'the receipt does not verify without the token' "$provlog" verify "$leaves" --trust "$trust" \
        --fingerprint "$PROVLOG_FINGERPRINT" >/dev/null
else
    cp "$receipt" "$leaves"
fi
# Beside it whoever has the fingerprint needs nothing else.
cp "$trust" "$upload/$name.tlog-policy"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    echo "receipt=$leaves" >>"$GITHUB_OUTPUT"
fi
