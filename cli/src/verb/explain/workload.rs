//! Which workload submitted an entry, and how that was shown.

use super::words::quoted;
use crate::proof::workload::{Shown, attested};
use provlog_core::Record;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{KindWriter, kind_spec};

/// Claims of tokens that are told, and what each is called.
const TOLD: [(&str, &str); 24] = [
    ("repository", "repository"),
    ("project_path", "project"),
    ("ref", "ref"),
    ("sha", "commit"),
    ("environment", "environment"),
    ("workflow_ref", "workflow"),
    ("job_workflow_ref", "workflow of the job"),
    ("ci_config_ref_uri", "pipeline's file"),
    ("event_name", "event"),
    ("pipeline_source", "event"),
    ("run_id", "run"),
    ("run_attempt", "attempt"),
    ("pipeline_id", "pipeline"),
    ("job_id", "job"),
    ("actor", "started by"),
    ("actor_id", "id of who started it"),
    ("user_login", "started by"),
    ("user_id", "id of who started it"),
    ("runner_environment", "runner"),
    ("kubernetes.io/namespace", "namespace"),
    ("kubernetes.io/serviceaccount/name", "service account"),
    ("kubernetes.io/pod/name", "pod"),
    ("kubernetes.io/node/name", "node"),
    ("kubernetes.io/pod/uid", "uid of the pod"),
];

const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// Which workload it is, as the attested claim has it.
pub(super) fn who(record: &Record, shown: Shown) -> Vec<String> {
    let Some(workload) = attested(record) else {
        let unknown = match shown {
            Shown::Unattested => "The log attests no workload.",
            _ => "Which workload submitted it is not disclosed here.",
        };
        return vec![unknown.into()];
    };
    let text = |name| workload.get(name).and_then(Value::as_text);
    match shown {
        Shown::Nobody => return vec!["The log let in whoever asked, and asked for no proof.".into()],
        Shown::Log => return vec!["None: the log wrote this entry of its own accord.".into()],
        _ => {}
    }
    // What a signature doesn't cover, the log says.
    let by = if shown == Shown::Bound { "as its issuer describes it" } else { "as the log attests it" };
    let mut lines = vec![match shown {
        Shown::Bound => format!("{}.", in_short(record)),
        _ => format!("{}, by the log's word.", in_short(record)),
    }];
    let github =
        text("issuer").is_some_and(|issuer| issuer == GITHUB || issuer.starts_with(&format!("{GITHUB}/")));
    if let Some(claims) = workload.get("claims").and_then(Value::as_map) {
        let told: Vec<String> = TOLD
            .into_iter()
            .filter_map(|(name, label)| Some(format!("{label} {}", quoted(claims.get(name)?.as_text()?))))
            .collect();
        let what = if github { "The GitHub Actions job" } else { "The job" };
        if !told.is_empty() {
            lines.push(format!("{what}, {by}: {}.", told.join(", ")));
        }
        if let Some(more) = more(claims) {
            lines.push(more);
        }
    }
    lines
}

fn more(claims: &Map) -> Option<String> {
    let others = claims.iter().filter(|(name, _)| !TOLD.iter().any(|(told, _)| told == name)).count();
    (others > 0).then(|| format!("What else it says of it, {others} in number, `provlog inspect` shows."))
}

/// Who submitted an entry, and how that was shown, in one line.
pub(super) fn in_line(record: &Record, shown: Shown) -> String {
    match shown {
        Shown::Nobody | Shown::Log | Shown::Unattested => shown.in_words().into(),
        _ => format!("{}: {}", in_short(record), shown.in_words()),
    }
}

/// The workload that stands in a record: its id and its issuer.
pub(super) fn in_short(record: &Record) -> String {
    let Some(workload) = attested(record) else { return "a workload that is not here".into() };
    let text = |name| workload.get(name).and_then(Value::as_text);
    let issuer = text("issuer").map(|issuer| format!(" of the issuer {}", quoted(issuer)));
    let issuer = issuer.unwrap_or_default();
    match (text("method"), text("id")) {
        (Some("static-token"), Some(name)) => format!("the log's token {}", quoted(name)),
        (Some("peer"), Some(uid)) => format!("user {} of the log's machine", quoted(uid)),
        (_, Some(id)) => format!("{}{issuer}", quoted(id)),
        (_, None) => format!("a workload without an id{issuer}"),
    }
}

/// How that was shown. Nothing but a check that passed is told as proven.
pub(super) fn how(record: &Record, shown: Shown) -> Vec<String> {
    let method = attested(record).and_then(|workload| workload.get("method")).and_then(Value::as_text);
    let is_svid = method == Some("x509-svid");
    let told: &[&str] = match shown {
        Shown::Bound if is_svid => &[
            "Bound to this entry: it is signed with the key of the workload's certificate, which leads to a CA that you gave.",
            "Somebody who could act as this workload meant exactly these submitted claims, for this log, and the log's time lies \
             within the certificate's. It shows nothing of when within it, of how often, or of what else the log attests.",
        ],
        Shown::Bound => &[
            "Bound to this entry: its token is for exactly these submitted claims in this log, and is signed under a key of the \
             issuer that you gave.",
            "Somebody who could act as this workload meant them, and the log's time lies within the token's. It shows nothing of \
             when within it, of how often, or of what else the log attests.",
        ],
        Shown::Vouched if is_svid => &[
            "A certificate and a signature over these submitted claims fit this entry, but the CA was not given: that it is the \
             workload's is vouched for by the log alone. `--bundle DOMAIN=FILE` has it checked.",
        ],
        Shown::Vouched => &[
            "A token for these submitted claims fits this entry, but the issuer's key was not given: that the issuer made it is \
             vouched for by the log alone. `--issuer-keys ISSUER=FILE`, or `--bundle DOMAIN=FILE`, has it checked.",
        ],
        Shown::Bearer if is_svid => &[
            "By a certificate of its connection to the log, by the log's word alone: nothing ties it to this entry.",
        ],
        Shown::Bearer => &[
            "By a bearer token, by the log's word alone: whoever held that token could submit this, and nothing ties it to this \
             entry.",
        ],
        Shown::StaticToken => &[
            "By a token that the log gave out, by the log's word alone: whoever held it could submit this, and nothing ties it to \
             this entry.",
        ],
        Shown::Peer => &[
            "By a socket of the log's machine, by the log's word alone: a process of that user submitted it, and the machine may \
             have given the number to somebody else since.",
        ],
        Shown::Nobody => &["By nothing: nobody had to say who it is."],
        Shown::Log => &["By the log's word alone."],
        Shown::Hidden => &[
            "By the log's word alone: the workload, or the evidence for it, is not disclosed here, and nothing of it was checked.",
        ],
        Shown::Unattested if writes_itself(record) => {
            &["By the log's word alone: only a log writes entries of this kind."]
        }
        Shown::Unattested => &["By nothing: nobody attests who submitted it."],
        Shown::Unknown => {
            &["By the log's word alone, in a form that this version doesn't know: nothing of it was checked."]
        }
        Shown::Refuted => &["By nothing: the evidence doesn't hold."],
    };
    told.iter().map(ToString::to_string).collect()
}

/// Whether entries of this kind have no submitter.
pub(super) fn writes_itself(record: &Record) -> bool {
    kind_spec(record.entry.kind).is_some_and(|spec| spec.writer == KindWriter::Log)
}
