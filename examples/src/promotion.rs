//! What a commit says, as a `promotion` for the log.
//!
//! Everything here is asserted by whoever wrote the history, and what the history doesn't tell is an explicit absence: no
//! prompt hash, policy, intent, session, context or human involvement is made up, and the outcome is `observed`.

use crate::assistants::{Assistance, by_identity, by_trailer, is_bot};
use crate::git::{Commit, Trailer};
use crate::identity::Identity;
use provlog_core::Hash;
use provlog_core::hex;
use provlog_core::json::Json;
use provlog_core::limits::{CLAIMS_MAX, OCCURRED_AHEAD_MS_MAX, SALT_BYTES};
use provlog_core::submission::{Submission, SubmissionError};

/// Longest string that is taken over from a history, in bytes; a longer one is cut and ends in an ellipsis.
const TEXT_BYTES_MAX: usize = 1024;

/// Largest list that is taken over, in bytes of JSON, which is never shorter than CBOR by more than a few bytes. Six lists
/// (authors, approvals, models, agents, tools, reasons) are 36 KiB, so that with some 6 KiB for the rest a record stays
/// below its 48,000 bytes and each claim below its 16 KiB. What doesn't fit is counted in the decision's reasons.
const LIST_BYTES_MAX: usize = 6 * 1024;

/// Trailers by which a history says that somebody agreed.
const REVIEW_TRAILERS: [&str; 3] = ["Reviewed-by", "Acked-by", "Approved-by"];

/// Why a commit doesn't become a promotion.
#[derive(Debug, thiserror::Error)]
pub enum PromotionError {
    /// The claim table refuses it.
    #[error("commit {commit}: {error}")]
    Submission {
        /// The commit's id.
        commit: String,
        /// What is refused.
        error: SubmissionError,
    },
    /// The system has no randomness for salts.
    #[error("no random bytes for salts: {0}")]
    Random(getrandom::Error),
}

/// A commit's promotion to `environment`: salted, and under a key made of its claims, so that sending it again, from the
/// same process or another run, gives the entry that is there already.
///
/// `now_ms` is the present: a committer's time further ahead of it than a log takes is left out, and a reason says so.
///
/// # Errors
/// [`PromotionError`]; no commit that git accepts is known to cause one.
pub fn promotion(commit: &Commit, environment: &str, now_ms: u64) -> Result<Submission, PromotionError> {
    let mut salts = [0; CLAIMS_MAX * SALT_BYTES];
    getrandom::fill(&mut salts).map_err(PromotionError::Random)?;
    let (salts, _) = salts.as_chunks::<SALT_BYTES>();
    let mut salts = salts.iter();
    let claims = claims(commit, environment, now_ms);
    let key = format!("git-history/{}", Hash::plain(claims.to_string().as_bytes()).to_hex());
    Submission::from_json(object([("kind", "promotion".into()), ("claims", claims)]))
        // There are as many salts as a section may have claims; a salt of zeros would be refused.
        .and_then(|submission| submission.with_salts(|| salts.next().copied().unwrap_or_default()))
        .and_then(|submission| submission.with_idempotency_key(&key))
        .map_err(|error| PromotionError::Submission { commit: commit.id.clone(), error })
}

/// The claims of a commit's promotion.
fn claims(commit: &Commit, environment: &str, now_ms: u64) -> Json {
    let mut lists = Lists { reasons: vec![Json::from("taken from git history: no policy was asked")] };
    let authors = authors(commit);
    let assistance = assistance(commit);
    let mut claims = vec![
        ("subject", subject(commit)),
        ("model", one_or_many(lists.fitted("models", assistance.iter().map(model)))),
        ("agent", one_or_many(lists.fitted("agents", assistance.iter().map(agent)))),
        ("approvals", lists.approvals(commit, &authors)),
        ("environment", text(environment)),
    ];
    for absent_claim in ["prompt_hash", "policy", "intent", "session", "context", "human_involvement"] {
        claims.push((absent_claim, absent()));
    }
    let tools = assistance.iter().flat_map(|assistance| &assistance.tools);
    let tools = lists.fitted("tools", tools.map(|tool| object([("name", text(tool))])));
    if !tools.is_empty() {
        claims.push(("tools", Json::Array(tools)));
    }
    let principals = lists.fitted("authors", authors.iter().filter_map(principal));
    if !principals.is_empty() {
        claims.push(("authors", Json::Array(principals)));
    }
    match commit.committed_at_ms.map(|ms| (ms, i64::try_from(ms))) {
        Some((ms, Ok(integer))) if ms <= now_ms.saturating_add(OCCURRED_AHEAD_MS_MAX) => {
            claims.push(("occurred_at_ms", Json::Integer(integer)));
        }
        Some(_) => lists.reasons.push("the committer's time lies in the future and is left out".into()),
        None => {}
    }
    claims.push(("decision", lists.decision()));
    object(claims)
}

fn subject(commit: &Commit) -> Json {
    let commit_digest = [("gitCommit", commit.id.as_str().into()), ("gitTree", commit.tree.as_str().into())];
    let patch_digest = [("sha256", Json::String(hex::encode(&commit.patch_sha256)))];
    Json::Array(vec![
        object([("name", "commit".into()), ("digest", object(commit_digest))]),
        object([("name", "patch".into()), ("digest", object(patch_digest))]),
    ])
}

/// Author, committer and co-authors, each once. None of them approves anything by being one.
fn authors(commit: &Commit) -> Vec<Identity> {
    let co_authors = commit.trailers.iter().filter(|trailer| trailer.is("Co-authored-by"));
    let co_authors = co_authors.map(|trailer| Identity::parse(&trailer.value));
    let mut authors: Vec<Identity> = Vec::new();
    for identity in [commit.author.clone(), commit.committer.clone()].into_iter().chain(co_authors) {
        if !authors.iter().any(|author| author.is_same(&identity)) {
            authors.push(identity);
        }
    }
    authors
}

/// What author and trailers say of models, each once.
fn assistance(commit: &Commit) -> Vec<Assistance> {
    let mut found: Vec<Assistance> = Vec::new();
    for assistance in
        by_identity(&commit.author).into_iter().chain(commit.trailers.iter().filter_map(by_trailer))
    {
        if !found.contains(&assistance) {
            found.push(assistance);
        }
    }
    found
}

fn model(assistance: &Assistance) -> Json {
    object([
        ("provider", assistance.provider.map_or_else(absent, Json::from)),
        ("name", text(&assistance.model)),
        ("version", assistance.version.as_deref().map_or_else(absent, text)),
    ])
}

fn agent(assistance: &Assistance) -> Json {
    object([("name", text(&assistance.agent))])
}

fn approval(trailer: &Trailer, approver: Json) -> Json {
    object([
        ("approver", approver),
        ("method", "git-trailer".into()),
        ("statement", text(&format!("{}: {}", trailer.key, trailer.value))),
    ])
}

/// Lists that are kept to their size, and the reasons that tell what was left out.
struct Lists {
    reasons: Vec<Json>,
}

impl Lists {
    /// The first items that fit, without repetitions.
    fn fitted(&mut self, what: &str, items: impl Iterator<Item = Json>) -> Vec<Json> {
        let (mut kept, mut bytes, mut left_out) = (Vec::new(), 0, 0_usize);
        for item in items {
            bytes += item.to_string().len();
            if bytes > LIST_BYTES_MAX {
                left_out += 1;
            } else if !kept.contains(&item) {
                kept.push(item);
            }
        }
        if left_out > 0 {
            let reason =
                format!("{left_out} more {what} in the commit are left out: at most {LIST_BYTES_MAX} bytes");
            self.reasons.push(Json::String(reason));
        }
        kept
    }

    /// Review trailers of others than the authors; what authors say of their own change goes into the reasons.
    fn approvals(&mut self, commit: &Commit, authors: &[Identity]) -> Json {
        let mut own = 0_usize;
        let mut approvals = Vec::new();
        let is_review = |trailer: &&Trailer| REVIEW_TRAILERS.iter().any(|key| trailer.is(key));
        for trailer in commit.trailers.iter().filter(is_review) {
            let identity = Identity::parse(&trailer.value);
            let Some(approver) = principal(&identity) else { continue };
            if authors.iter().any(|author| author.is_same(&identity)) {
                own += 1;
            } else {
                approvals.push(approval(trailer, approver));
            }
        }
        if own > 0 {
            let reason = format!("{own} review trailers name an author of the change and are no approval");
            self.reasons.push(Json::String(reason));
        }
        let approvals = self.fitted("approvals", approvals.into_iter());
        if approvals.is_empty() { absent() } else { Json::Array(approvals) }
    }

    fn decision(self) -> Json {
        object([("outcome", "observed".into()), ("reasons", Json::Array(self.reasons))])
    }
}

/// A list of one stands as the one itself; an empty one is an absence.
fn one_or_many(mut items: Vec<Json>) -> Json {
    match items.len() {
        0 => absent(),
        1 => items.swap_remove(0),
        _ => Json::Array(items),
    }
}

/// The history doesn't tell.
fn absent() -> Json {
    object([("absent", "not_recorded".into())])
}

/// The `principal` of the claim table: kind `bot` or `unknown`, never `human`, as git proves nobody's identity. `None`
/// when both name and address are empty.
fn principal(identity: &Identity) -> Option<Json> {
    let id = identity.id()?;
    let mut members = vec![("id", text(id))];
    if !identity.name.is_empty() && identity.name != id {
        members.push(("name", text(&identity.name)));
    }
    members.push(("kind", Json::from(if is_bot(identity) { "bot" } else { "unknown" })));
    Some(object(members))
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// A string for a claim: not longer than [`TEXT_BYTES_MAX`].
fn text(text: &str) -> Json {
    if text.len() <= TEXT_BYTES_MAX {
        return text.into();
    }
    let ellipsis = "\u{2026}";
    let end = text.floor_char_boundary(TEXT_BYTES_MAX - ellipsis.len());
    Json::String(format!("{}{ellipsis}", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlog_core::submission::Submission;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn commit(trailers: &[(&str, &str)]) -> Commit {
        let trailers =
            trailers.iter().map(|(key, value)| Trailer { key: (*key).into(), value: (*value).into() });
        Commit {
            id: "0123456789abcdef0123456789abcdef01234567".into(),
            tree: "76543210fedcba9876543210fedcba9876543210".into(),
            author: Identity::parse("Alice <alice@example.com>"),
            committer: Identity::parse("Bob <bob@example.com>"),
            committed_at_ms: Some(1_700_000_000_000),
            trailers: trailers.collect(),
            patch_sha256: [7; 32],
        }
    }

    fn claims_of(commit: &Commit) -> Json {
        let submission: Submission = promotion(commit, "main", NOW_MS).unwrap();
        let sealed = submission.clone().seal().unwrap();
        assert!(sealed.to_bytes().len() < 47_000, "{}", sealed.to_bytes().len());
        submission.to_json().get("claims").unwrap().clone()
    }

    fn shown(claims: &Json, claim: &str) -> String {
        claims.get(claim).map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn what_history_does_not_tell_is_absent() {
        let claims = claims_of(&commit(&[]));
        let absences = [
            "model",
            "agent",
            "approvals",
            "prompt_hash",
            "policy",
            "intent",
            "session",
            "context",
            "human_involvement",
        ];
        for absence in absences {
            assert_eq!(shown(&claims, absence), r#"{"absent":"not_recorded"}"#, "{absence}");
        }
        assert_eq!(claims.get("tools"), None);
        assert!(shown(&claims, "decision").contains(r#""outcome":"observed""#));
        assert_eq!(shown(&claims, "occurred_at_ms"), "1700000000000");
        assert!(shown(&claims, "subject").contains(&"07".repeat(32)));
    }

    #[test]
    fn reviewers_approve_and_authors_do_not() {
        let claims = claims_of(&commit(&[
            ("Reviewed-by", "Carol <carol@example.com>"),
            ("acked-by", "dave"),
            ("Approved-by", "Checker <checker-bot@example.com>"),
            ("Reviewed-by", "Alice <Alice@example.com>"),
            ("Acked-by", "Bob <bob@example.com>"),
            ("Reviewed-by", ""),
            ("Signed-off-by", "Erin <erin@example.com>"),
        ]));
        let approvals = shown(&claims, "approvals");
        assert_eq!(approvals.matches("git-trailer").count(), 3, "{approvals}");
        assert_eq!(approvals.matches(r#""kind":"unknown""#).count(), 2, "{approvals}");
        assert_eq!(approvals.matches(r#""kind":"bot""#).count(), 1, "{approvals}");
        assert!(
            !approvals.contains("alice") && !approvals.contains("bob") && !approvals.contains("erin"),
            "{approvals}"
        );
        assert!(shown(&claims, "decision").contains("2 review trailers name an author"));
    }

    #[test]
    fn assistants_become_models_and_co_authors_authors() {
        let claims = claims_of(&commit(&[
            ("Co-authored-by", "Claude <noreply@anthropic.com>"),
            ("Co-authored-by", "Claude <noreply@anthropic.com>"),
            ("Co-authored-by", "Carol <carol@example.com>"),
            ("Assisted-by", "some-agent:model-2 sparse"),
        ]));
        let model = claims.get("model").unwrap();
        assert!(matches!(model, Json::Array(models) if models.len() == 2), "{model}");
        assert_eq!(shown(&claims, "tools"), r#"[{"name":"sparse"}]"#);
        let authors = shown(&claims, "authors");
        assert_eq!(authors.matches("\"id\"").count(), 4, "{authors}");
        assert_eq!(authors.matches(r#""kind":"bot""#).count(), 1, "{authors}");
    }

    #[test]
    fn a_commit_of_any_size_and_time_fits() {
        let long = "ü".repeat(5000);
        let names: Vec<String> =
            (0..500).map(|number| format!("{number} {long} <{number}@example.com>")).collect();
        let trailers = names.iter().flat_map(|name| {
            [("Reviewed-by", name.as_str()), ("Co-authored-by", name.as_str()), ("Assisted-by", "a:b c")]
        });
        let mut commit = commit(&trailers.collect::<Vec<_>>());
        commit.committed_at_ms = Some(u64::MAX);
        commit.author = Identity::default();
        let claims = claims_of(&commit);
        let decision = shown(&claims, "decision");
        assert!(decision.contains("more authors") && decision.contains("lies in the future"), "{decision}");
        assert_eq!(claims.get("occurred_at_ms"), None);
    }

    #[test]
    fn the_same_claims_have_the_same_key_under_other_salts() {
        let promote = |environment| promotion(&commit(&[]), environment, NOW_MS).unwrap();
        let (first, again, other) = (promote("main"), promote("main"), promote("staging"));
        assert_eq!(first.idempotency_key(), again.idempotency_key());
        assert_ne!(first.seal().unwrap(), again.seal().unwrap());
        assert_ne!(promote("main").idempotency_key(), other.idempotency_key());
    }
}
