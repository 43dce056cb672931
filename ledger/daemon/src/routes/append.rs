//! `POST /v1/entries`: one submission in, its receipt out.
//!
//! All the work on a submission's bytes is done here, on the worker that read them: parsing, salting, hashing, and
//! checking the receipt. The engine only orders, writes and signs.

use crate::access::caller::{Caller, Who};
use crate::http::answer::{NO_STORE, answer, to_json};
use crate::http::body::{Content, Received, busy};
use crate::http::codes::{
    IDEMPOTENCY_KEY_CONFLICT, IDEMPOTENCY_KEY_TWICE, INTERNAL, STATE_CHANGED, SUBMITTED_TOO_LARGE,
};
use crate::http::problem::Problem;
use crate::http::request::{self, CBOR, JSON, TEXT, TEXT_UTF8};
use crate::log::async_log::AsyncLog;
use crate::log::receipts::{self, Proven, Stored};
use crate::log::salts;
use crate::operate::metrics::Metrics;
use crate::routes::app::App;
use crate::routes::bound::{self, BoundEntry};
use crate::routes::references::{self, Referred};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{LOCATION, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use provlog_core::encoded::{EncodedSection, SealError, Sealed};
use provlog_core::record::{Record, Salt, Section, SectionName};
use provlog_core::submission::{Submission, SubmissionError, same_values};
use provlog_core::{Entry, Kind};
use provlog_engine::{Appended, Committed, DedupKey, Outcome, Reader, Terms};
use serde::Serialize;
use std::fmt::Display;
use std::sync::Arc;

/// Largest submitted section of a workload's, in bytes: so what a log attests of evidence always fits beside it (SPEC.md, section
/// 12.8).
const SUBMITTED_BYTES_MAX: usize = 28_000;

/// How often a submission that is bound to a workload is sealed, while the sets of keys that it relies on go on changing.
pub(crate) const ATTEMPTS_MAX: usize = 3;

/// Answers with the entry's index and receipt.
///
/// # Errors
/// A problem for whatever is wrong with the request, and for whatever keeps the log from taking it.
pub(crate) async fn append(
    State(app): State<Arc<App>>,
    State(caller): State<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let media_type = request::content_type(&head.headers, &[JSON, CBOR])?;
    request::query(&head.uri, [])?;
    let key = request::idempotency_key(&head.headers)?;
    let answer_type = request::accepted(&head.headers, &[JSON, TEXT]);
    let Received { bytes, mut share } = app.bodies.read(body, Content::Submission).await?;

    let parse = if media_type == CBOR { Submission::parse_cbor } else { Submission::parse };
    let mut submission = parse(&bytes)?;
    if let Some(key) = key {
        submission = under_key(submission, key)?;
    }
    let again = bound::is_bound(&caller, &submission).then(|| submission.clone());
    let (mut prepared, mut draft) = prepare(&app, &caller, submission, None).await?;
    if !share.grow(draft.bytes()) {
        return Err(busy());
    }
    drop(bytes);
    share.keep(draft.bytes());
    let referred = draft.take_referred().into_iter().map(|to| (None, to)).collect();
    references::check(&app.log, referred).await?;
    let mut attempts = 1;
    let Appended { outcome, committed } = loop {
        match (app.log.append(prepared).await, &again) {
            (Err(problem), Some(submission))
                if problem.code() == &STATE_CHANGED && attempts < ATTEMPTS_MAX =>
            {
                attempts += 1;
                (prepared, draft) = prepare(&app, &caller, submission.clone(), None).await?;
            }
            (appended, _) => break appended?,
        }
    };
    drop(share);
    let proven = match outcome {
        Outcome::New { index, entry } => draft.settle_new(index, &entry, &committed, &app.metrics)?,
        Outcome::Duplicate { index } => {
            let metrics = Arc::clone(&app.metrics);
            let settle = move |reader: &Reader| draft.settle_duplicate(index, &committed, reader, &metrics);
            app.log.read(settle).await??
        }
    };
    respond(proven, outcome.is_duplicate(), answer_type)
}

fn under_key(submission: Submission, key: &str) -> Result<Submission, Problem> {
    match submission.idempotency_key() {
        Some(own) if own != key => {
            let detail = format!(
                "idempotency key: the header has {key:?}, the body {own:?}; expected one, or the same"
            );
            Err(Problem::new(&IDEMPOTENCY_KEY_TWICE, detail).expected(key, own))
        }
        _ => Ok(submission.with_idempotency_key(key)?),
    }
}

/// What stays here of a submission while the log has it: all of its record but index and time.
#[derive(Debug)]
pub(crate) struct Draft {
    sealed: Arc<Sealed>,
    /// The dedup key, where it is of the client's choosing, so that it may have been used for something else.
    chosen_key: Option<DedupKey>,
    /// What it refers to in this log, until that was looked up.
    referred: Vec<Referred>,
    /// Whether a workload bound itself to it.
    is_bound: bool,
}

/// Salts, attests and seals a submission of `caller`'s. `batch_line` is the key of a batch and the line in it, for a line without a
/// key of its own.
///
/// # Errors
/// What the claim table can't see: what the caller may not append, a time ahead of the clock, evidence that proves nothing, and the
/// limits of sections and records.
pub(crate) async fn prepare(
    app: &App,
    caller: &Caller,
    submission: Submission,
    batch_line: Option<(&str, usize)>,
) -> Result<(provlog_engine::Submission, Draft), Problem> {
    caller.check_append(submission.kind(), submission.claims())?;
    submission.check_occurred_at(app.now_ms())?;
    bound::check_salts(caller, &submission)?;
    let referred = references::in_claims(submission.claims(), app.log.verifier().name());
    // No key holds a newline, so no two pairs spell the same.
    let key = submission.idempotency_key().map(|key| ("idempotency-key", key.to_owned()));
    let key = key.or_else(|| batch_line.map(|(key, line)| ("batch-line", format!("{key}\n{line}"))));
    let (has_salts, is_bound) = (submission.has_salts(), bound::is_bound(caller, &submission));
    let (kind, evidence) = (submission.kind().kind, submission.evidence().cloned());
    let mut submitted = encode(submission)?;
    let bound = match is_bound {
        true => BoundEntry::of(app, caller, evidence.as_ref(), submitted.digest().map_err(sealing)?).await?,
        false => None,
    };
    let sealed = Arc::new(seal(kind, &submitted, caller, bound.as_ref())?);
    if bound.is_some() || matches!(caller.who(), Who::Workload(_)) {
        check_submitted(&sealed)?;
    }
    let (chosen, terms) = match &bound {
        Some(bound) => {
            // An entry that nothing is bound to is never the answer to what is.
            let what = |what| format!("bound-{what}");
            let chosen =
                key.map(|(what_of, key)| app.log.dedup_key(&what(what_of), bound.identity(), key.as_bytes()));
            (chosen, bound.terms(app, chosen))
        }
        None => {
            let identity = caller.who().identity();
            let chosen = key.map(|(what, key)| app.log.dedup_key(what, &identity, key.as_bytes()));
            let key = chosen.or_else(|| has_salts.then(|| digest_key(&app.log, &identity, &sealed)));
            (chosen, Terms { retries: key.into_iter().collect(), ..Terms::default() })
        }
    };
    let prepared = provlog_engine::Submission { sealed: Arc::clone(&sealed), terms };
    Ok((prepared, Draft { sealed, chosen_key: chosen, referred, is_bound }))
}

/// Whether what is submitted leaves room for all that may be attested beside it.
fn check_submitted(sealed: &Sealed) -> Result<(), Problem> {
    let got = sealed.section(SectionName::Submitted).len();
    if got <= SUBMITTED_BYTES_MAX {
        return Ok(());
    }
    let expected = format!("at most {SUBMITTED_BYTES_MAX} bytes of submitted claims");
    let detail = format!("expected {expected} of a workload, got {got}");
    let problem = Problem::new(&SUBMITTED_TOO_LARGE, detail).expected(expected, got.to_string());
    Err(problem.limit(SUBMITTED_BYTES_MAX, got))
}

/// Salts that the client drew are its own for ever, so its digest is. Of another caller it is another entry: this one's receipt says
/// who submitted it.
fn digest_key(log: &AsyncLog, identity: &str, sealed: &Sealed) -> DedupKey {
    log.dedup_key("submitted-digest", identity, &sealed.digest(SectionName::Submitted).0)
}

/// The submitted section, under salts of the client's or of the log's.
fn encode(submission: Submission) -> Result<EncodedSection, Problem> {
    let drawn = if submission.has_salts() { 0 } else { submission.claims().len() };
    let mut salts = draw(drawn)?.into_iter();
    // Were there ever too few, a salt of zeros would be refused when the claims are sealed.
    Ok(submission.with_salts(|| salts.next().unwrap_or_default())?.encode()?)
}

fn seal(
    kind: Kind,
    submitted: &EncodedSection,
    caller: &Caller,
    bound: Option<&BoundEntry>,
) -> Result<Sealed, Problem> {
    let claims = match bound {
        Some(bound) => bound.attested().to_vec(),
        None => vec![("workload", caller.who().workload())],
    };
    let salts = draw(claims.len())?;
    let salted = claims.iter().zip(&salts).map(|((name, value), salt)| (*name, salt, &**value));
    let attested = EncodedSection::of_claims(kind, salted).map_err(SubmissionError::from)?;
    Sealed::of_encoded(submitted, &attested).map_err(sealing)
}

fn draw(count: usize) -> Result<Vec<Salt>, Problem> {
    let no_salts = |error| Problem::new(&INTERNAL, format!("the system has no randomness to give: {error}"));
    salts::draw(count).map_err(no_salts)
}

fn sealing(error: SealError) -> Problem {
    match error {
        SealError::Size(error) => SubmissionError::from(error).into(),
        broken => Problem::new(&INTERNAL, broken.to_string()),
    }
}

impl Draft {
    /// What it refers to in this log.
    pub(crate) fn take_referred(&mut self) -> Vec<Referred> {
        std::mem::take(&mut self.referred)
    }

    /// Whether a workload bound itself to it, by a key that its issuer may change before the log has it.
    pub(crate) const fn is_bound(&self) -> bool {
        self.is_bound
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.sealed.bytes()
    }

    /// Its dedup key, where that is of the client's choosing: such a key may have been used for something else.
    pub(crate) const fn chosen_key(&self) -> Option<DedupKey> {
        self.chosen_key
    }

    /// The receipt for the new entry that it became.
    ///
    /// # Errors
    /// As [`receipts::of_new`].
    pub(crate) fn settle_new(
        &self,
        index: u64,
        entry: &Entry,
        committed: &Committed,
        metrics: &Metrics,
    ) -> Result<Proven, Problem> {
        receipts::of_new(&self.sealed, entry, index, committed, metrics)
    }

    /// The receipt for the entry that was there already. Counts a retry that is one.
    ///
    /// # Errors
    /// 409 when the client's key was used for other values; as [`Stored::prove`].
    pub(crate) fn settle_duplicate(
        &self,
        index: u64,
        committed: &Committed,
        reader: &Reader,
        metrics: &Metrics,
    ) -> Result<Proven, Problem> {
        if self.chosen_key.is_some() {
            self.check_same(&reader.record(index)?, format_args!("entry {index}"))?;
        }
        metrics.retried();
        Stored::read(index, committed, reader)?.prove(committed, metrics)
    }

    /// Checks that it says what the first use of its key says, which is in the log; `place` is where.
    ///
    /// # Errors
    /// 409 when it doesn't.
    pub(crate) fn check_same(&self, first: &Record, place: impl Display) -> Result<(), Problem> {
        self.check_same_as(first.entry.kind, &first.submitted, place)
    }

    /// As [`Draft::check_same`], where the first use is another line of the same batch.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn check_same_draft(&self, first: &Self, place: impl Display) -> Result<(), Problem> {
        self.check_same_as(first.sealed.kind(), &first.submitted()?, place)
    }

    fn check_same_as(&self, kind: Kind, first: &Section, place: impl Display) -> Result<(), Problem> {
        if self.sealed.kind() == kind && same_values(&self.submitted()?, first) {
            return Ok(());
        }
        let detail = format!(
            "the idempotency key was used for {place}, which has another kind or other values; expected the same ones, or another key"
        );
        Err(Problem::new(&IDEMPOTENCY_KEY_CONFLICT, detail))
    }

    fn submitted(&self) -> Result<Section, Problem> {
        self.sealed.submitted().map_err(|error| Problem::new(&INTERNAL, error.to_string()))
    }
}

#[derive(Serialize)]
struct AppendAnswer<'a> {
    index: u64,
    leaf_hash: String,
    submitted_digest: String,
    time_ms: u64,
    tree_size: u64,
    duplicate: bool,
    receipt: &'a str,
}

fn respond(proven: Proven, duplicate: bool, answer_type: &'static str) -> Result<Response, Problem> {
    let location = format!("/v1/entries/{}", proven.index);
    let (media_type, body) = if answer_type == TEXT {
        (TEXT_UTF8, Body::from(proven.receipt))
    } else {
        let json = AppendAnswer {
            index: proven.index,
            leaf_hash: proven.leaf_hash.to_hex(),
            submitted_digest: proven.entry.submitted_digest.to_hex(),
            time_ms: proven.entry.time_ms.get(),
            tree_size: proven.tree_size,
            duplicate,
            receipt: &proven.receipt,
        };
        (JSON, Body::from(to_json(&json)?))
    };
    let mut response = answer(body, media_type, NO_STORE);
    *response.status_mut() = if duplicate { StatusCode::OK } else { StatusCode::CREATED };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept"));
    let location = HeaderValue::try_from(location);
    headers.insert(LOCATION, location.map_err(|error| Problem::new(&INTERNAL, error.to_string()))?);
    Ok(response)
}
