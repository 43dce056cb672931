//! Submissions that are bound to a workload: by evidence that comes with them, or by their caller's token itself. What the log attests of
//! them and demands for them.

use crate::access::caller::{Caller, Who};
use crate::access::unrecognised;
use crate::http::codes::TOKEN_AUDIENCE;
use crate::http::problem::Problem;
use crate::identity::anchor::Anchor;
use crate::identity::recognised::{BoundEvidence, Recognised};
use crate::routes::app::App;
use crate::sets::Relied;
use provlog_core::Hash;
use provlog_core::cbor::{Map, Value};
use provlog_core::submission::{Evidence, Submission, SubmissionError};
use provlog_engine::{DedupKey, Terms};
use std::borrow::Cow;
use std::sync::Arc;

/// A submission's workload, whose evidence is of this submission alone, and the key that it was verified with.
pub(crate) struct BoundEntry {
    workload: Arc<Recognised>,
    submitted_digest: Hash,
    evidence: Value,
    relied: Relied,
}

/// Whether a submission is bound, if it is taken at all: then its keys may change before the log has it, and it has to be looked at again.
pub(crate) fn is_bound(caller: &Caller, submission: &Submission) -> bool {
    submission.evidence().is_some() || token_of(caller).is_some()
}

impl BoundEntry {
    /// What a submission with this digest is bound to; none where the caller alone says whose it is. The key that it was verified with is
    /// in its set then.
    ///
    /// # Errors
    /// What is wrong with the evidence, or with a token that is bound to another submission; whatever keeps the key out of its set.
    pub(crate) async fn of(
        app: &App,
        caller: &Caller,
        evidence: Option<&Evidence>,
        submitted_digest: Hash,
    ) -> Result<Option<Self>, Problem> {
        let by_header = token_of(caller);
        if let Some((_, bound)) = by_header.filter(|(_, bound)| bound.submitted_digest != submitted_digest) {
            return Err(other_submission(app, submitted_digest, bound.submitted_digest));
        }
        let workload = match (evidence, by_header) {
            (None, None) => return Ok(None),
            (None, Some((workload, _))) => Arc::clone(workload),
            (Some(evidence), _) => {
                let (issuers, now_ms) = (&app.issuers, app.token_ms());
                let proven = match evidence {
                    Evidence::Jwt { token } => issuers.prove(token, &submitted_digest, now_ms).await,
                    Evidence::X509Svid { chain, signature } => {
                        issuers.prove_signed(chain, signature, &submitted_digest, now_ms).await
                    }
                };
                proven.map_err(|error| unrecognised::problem_of_evidence(&error))?
            }
        };
        let Some(BoundEvidence { evidence, key, .. }) = workload.bound.as_ref() else { return Ok(None) };
        let relied = app.sets.rely(&app.log, key).await?;
        let (member, known_by, digest) = match key.anchor {
            Anchor::Key(thumbprint) => ("key", "thumbprint", thumbprint.0),
            Anchor::Ca(digest) => ("bundle", "ca", digest),
        };
        let more = [(member, relied.member.clone()), (known_by, Value::Bytes(digest.to_vec()))];
        let evidence = evidence.to_value();
        let brought = evidence.as_map().into_iter().flat_map(Map::iter);
        let evidence = Value::map(brought.map(|(name, value)| (name, value.clone())).chain(more));
        Ok(Some(Self { workload, submitted_digest, evidence, relied }))
    }

    /// Who the workload is, for ever.
    pub(crate) fn identity(&self) -> &str {
        &self.workload.identity
    }

    /// The attested claims, by their names.
    pub(crate) fn attested(&self) -> [(&'static str, Cow<'_, Value>); 2] {
        let workload = Cow::Borrowed(&self.workload.workload);
        [("workload", workload), ("workload_evidence", Cow::Borrowed(&self.evidence))]
    }

    /// What its entry takes and demands. One entry has this digest bound to it: the same workload's next request is a retry, and anybody
    /// else's is refused. `chosen` is the key of the client's choosing.
    pub(crate) fn terms(&self, app: &App, chosen: Option<DedupKey>) -> Terms {
        let digest = &self.submitted_digest.0;
        let own = app.log.dedup_key("bound-by", self.identity(), digest);
        let window = self.workload.proof.window;
        Terms {
            retries: chosen.into_iter().chain([own]).collect(),
            once: vec![app.log.dedup_key("bound-digest", "", digest)],
            unchanged: vec![self.relied.unchanged.clone()],
            windows: vec![window.from_ms..=window.to_ms],
            ..Terms::default()
        }
    }
}

/// The caller's token, where that is bound.
fn token_of(caller: &Caller) -> Option<(&Arc<Recognised>, &BoundEvidence)> {
    let Who::Workload(workload) = caller.who() else { return None };
    Some((&workload.recognised, workload.recognised.bound.as_ref()?))
}

fn other_submission(app: &App, expected: Hash, got: Hash) -> Problem {
    let audience = |digest| format!("{}:{digest}", app.log.verifier().name());
    let (expected, got) = (audience(expected), audience(got));
    let detail =
        format!("the token is bound to another submission: expected the audience {expected}, got {got}");
    Problem::new(&TOKEN_AUDIENCE, detail).expected(expected, got)
}

/// Refuses what can't be bound: nobody knows its digest before the log has drawn its salts.
///
/// # Errors
/// 400 `evidence.salts`.
pub(crate) fn check_salts(caller: &Caller, submission: &Submission) -> Result<(), Problem> {
    if token_of(caller).is_some() && !submission.has_salts() {
        return Err(SubmissionError::EvidenceWithoutSalts.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::codes::{STATE_CHANGED, SUBMISSION_BOUND, TIME_WINDOW};
    use crate::identity::issuer::{Issuer, KeySource};
    use crate::identity::signing::{NOW_MS, Signer, jwks};
    use crate::identity::trusted::tests::first_of;
    use crate::routes::app::tests::{anybody, temporary_by};
    use crate::routes::append::prepare;
    use provlog_core::record::{Section, SectionName};
    use provlog_engine::Clock;
    use provlog_evidence::jwt;
    use std::fs;
    use std::sync::atomic::{AtomicI64, Ordering};
    use tempfile::TempDir;

    const ISSUER: &str = "https://issuer.example.com";
    const ORIGIN: &str = "example.com/log";

    /// Stands still until it is moved.
    #[derive(Debug)]
    struct StillClock(AtomicI64);

    impl StillClock {
        fn pass(&self, by_ms: i64) {
            self.0.fetch_add(by_ms, Ordering::Relaxed);
        }
    }

    impl Clock for StillClock {
        fn wall_ms(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }

        fn boot_ms(&self) -> i64 {
            self.wall_ms()
        }
    }

    /// A log at [`NOW_MS`] that goes by these keys of one issuer.
    fn log(signers: &[&Signer]) -> (TempDir, Arc<StillClock>, Arc<App>) {
        let clock = Arc::new(StillClock(AtomicI64::new(NOW_MS.try_into().unwrap())));
        let (folder, app) = temporary_by(Arc::clone(&clock) as _);
        let path = folder.path().join("keys.json");
        fs::write(&path, jwks(signers)).unwrap();
        let (name, keys) = (jwt::Issuer::Oidc(ISSUER.into()), KeySource::File(path));
        app.issuers.replace(vec![Issuer { name, audience: None, keys, ca: None }]).unwrap();
        (folder, clock, app)
    }

    /// The example that a daemon prints, under salts of its own, with a token of this signer's for it.
    fn submission(signer: &Signer, sub: &str) -> Submission {
        let example = Submission::parse(include_bytes!("../operate/first_entry.json")).unwrap();
        let kind = example.kind().kind;
        let mut salts = 1..;
        let salted = example.with_salts(|| [salts.next().unwrap(); 16]).unwrap();
        let section: Section = salted.clone().seal().unwrap();
        let digest = section.digest(SectionName::Submitted, kind);
        let token = signer.token(ISSUER, sub, &format!("{ORIGIN}:{digest}"));
        salted.with_evidence(Evidence::Jwt { token }).unwrap()
    }

    /// What is prepared at one time, and refused at another.
    #[tokio::test]
    async fn what_no_longer_holds_when_the_log_takes_it_is_no_entry() {
        let (one, other) = (Signer::new("one"), Signer::new("other"));
        let (_folder, clock, app) = log(&[&one, &other]);
        let prepared =
            async |sub: &str| prepare(&app, &anybody(&app), submission(&one, sub), None).await.unwrap().0;
        let refusal = async |prepared| app.log.append(prepared).await.unwrap_err().code();
        let (early, late, changed) = (prepared("a").await, prepared("a").await, prepared("a").await);
        // The set has another key behind what this one says is its newest change.
        let second = first_of(ISSUER, &[&other, &one]);
        app.sets.rely(&app.log, &second).await.unwrap();
        assert_eq!(refusal(changed).await, &STATE_CHANGED);
        assert_eq!(refusal(early).await, &STATE_CHANGED);

        let anew = prepared("a").await;
        let somebody_else = prepared("b").await;
        // The token holds for ten minutes, and one more.
        clock.pass(660_000);
        let in_time = prepared("a").await;
        clock.pass(1);
        assert_eq!(refusal(anew).await, &TIME_WINDOW);
        assert_eq!(refusal(late).await, &STATE_CHANGED, "whichever is looked at first");
        clock.pass(-1);
        app.log.append(in_time).await.unwrap();
        assert_eq!(refusal(somebody_else).await, &SUBMISSION_BOUND);
        assert_eq!(app.log.committed().checkpoint.size, 4, "genesis, two keys, one entry");
    }
}
