//! Sending a pending submission until it is logged, and keeping its receipt once that is verified.
//!
//! A receipt is verified against the trust file and the values that were sent before it counts: the log's word alone
//! never does. The pending file goes when the receipt is kept, or when the log has refused the submission for good.

use super::caller::Caller;
use super::pending::{NAME_HEX, Pending};
use super::prover::{Proof, Proven, Prover};
use crate::local::files::{self, WriteError};
use crate::local::settings::TrustFile;
use crate::local::settings::token::Token;
use crate::log::client::Client;
use crate::log::posted::{BoundBy, Posted};
use crate::log::retry::{Retry, until_answered};
use crate::proof::receipt::{RECEIPT_EXTENSION, believe, with_place, with_place_of};
use crate::proof::submitting::AttestedBy;
use crate::show::failure::Failure;
use crate::show::page;
use provlog_core::cbor::{Map, Value};
use provlog_core::claims::{DIGEST, Type};
use provlog_core::expectation::Expectation;
use provlog_core::hex;
use provlog_core::json::Json;
use provlog_core::limits::RECEIPT_BYTES_MAX;
use provlog_core::submission::{Evidence, Submission, same_values};
use provlog_core::verify::ReceiptReport;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one request may take; a log answers in milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a submission isn't sent that is proven twice: which of the two is meant is the user's to say.
pub(crate) const TWO_PROOFS: &str =
    "--identity: the request has a member `evidence` of its own; leave one of them out";

/// A receipt that was verified.
#[derive(Debug)]
pub(crate) struct Logged {
    /// Its bytes, as the log sent them.
    pub(crate) receipt: Vec<u8>,
    index: u64,
    /// Id of the key of the log that it is of.
    key_id: [u8; 4],
}

/// A log to append to: where it is, and what to believe of it.
#[derive(Debug)]
pub(crate) struct Submitter {
    pub(crate) client: Client,
    /// What proves the workload that entries are bound to, where they are to be.
    pub(crate) prover: Option<Prover>,
    /// Its key.
    pub(crate) trust: TrustFile,
    /// How long to go on trying.
    pub(crate) timeout: Duration,
}

impl Submitter {
    /// Gets the submission logged, and its receipt verified. The pending file stays, unless the log has refused it for good.
    pub(crate) fn submit(&self, pending: &Pending) -> Result<Logged, Failure> {
        let origin = self.trust.trust.log().name();
        if pending.origin != origin {
            let (expected, got) = (pending.origin.clone(), origin.into());
            return Err(Failure::OtherLog { path: pending.path.clone(), expected, got });
        }
        if self.has_other_proof(&pending.submission) {
            return Err(Failure::Usage(format!("{}: {TWO_PROOFS}", pending.path.display())));
        }
        if let Some(told) = pending.caller.change(&self.caller()) {
            page::say(&format!("{}: {told}", pending.path.display()));
        }
        let mut retry = Retry::within(self.timeout);
        let prove = |prover: &Prover| prover.prove(origin, pending, &mut retry);
        let proven = self.prover.as_ref().map(prove).transpose().map_err(|failure| pending.kept(failure))?;
        let receipt = match self.send(pending, proven.as_ref(), &mut retry) {
            Ok(receipt) => receipt,
            Err(failure) if is_final(&failure) => {
                files::remove(&pending.path)?;
                return Err(failure);
            }
            Err(failure) => return Err(pending.kept(failure)),
        };
        let report = self.check(&receipt, pending).map_err(|failure| pending.kept(failure))?;
        if let Some(Proven { by, proof }) = &proven {
            let bound_by = by.is_attested(&report, &proof.evidence());
            if bound_by.map_err(|failure| pending.kept(failure))? == AttestedBy::Earlier {
                page::say(&format!(
                    "entry {} was there already, bound by what this workload sent earlier; its other claims are of that run",
                    report.index
                ));
            }
        }
        Ok(Logged { receipt, index: report.index, key_id: self.trust.trust.log().id() })
    }

    /// Whether the submission has evidence of its own, whose place the workload's would take.
    pub(crate) fn has_other_proof(&self, submission: &Submission) -> bool {
        self.prover.is_some() && submission.evidence().is_some()
    }

    /// As whom it submits.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(self.client.token_id(), self.prover.as_ref().map(Prover::method))
    }

    /// Whether the receipt may be written here: where nothing is, or an earlier receipt of this submission.
    pub(crate) fn has_place(&self, output: &Path, pending: &Pending, force: bool) -> Result<(), WriteError> {
        let is_of = |there: &[u8]| self.check(there, pending).is_ok();
        with_place_of(&is_of, force, |over| files::may_write(output, over))
    }

    fn send(
        &self,
        pending: &Pending,
        proven: Option<&Proven>,
        retry: &mut Retry,
    ) -> Result<Vec<u8>, Failure> {
        let submission = pending.submission.clone();
        let (submission, bound_by) = match proven.map(|proven| &proven.proof) {
            None => (submission, BoundBy::Nothing),
            // What binds the entry needs no other word beside it.
            Some(Proof::Token(token)) if !self.client.has_token() => (submission, BoundBy::Header(token)),
            Some(proof) => (submission.with_evidence(proof.evidence())?, BoundBy::Evidence),
        };
        let body = body_of(&submission);
        let idempotency_key = submission.idempotency_key().unwrap_or_default();
        let token = match submission.evidence() {
            Some(Evidence::Jwt { token }) => Token::parse(token),
            Some(Evidence::X509Svid { .. }) | None => None,
        };
        let posted = Posted { body: &body, idempotency_key, bound_by, token: token.as_ref() };
        until_answered(retry, |retry| {
            self.client.append(&posted, RECEIPT_BYTES_MAX, retry.left().min(ATTEMPT_TIMEOUT))
        })
    }

    /// What the receipt proves, if that is that what was sent is logged.
    fn check(&self, receipt: &[u8], pending: &Pending) -> Result<ReceiptReport, Failure> {
        let digest = Expectation::Submission(pending.submitted_digest);
        // Under a key that the user named the entry may be an earlier machine's, with other salts: then values count.
        let expectations = if pending.key_named { &[][..] } else { std::slice::from_ref(&digest) };
        let report = believe(receipt, &self.trust.trust, expectations)?;
        if has_values_of(&report, pending) { Ok(report) } else { Err(Failure::OtherValues) }
    }
}

impl Logged {
    /// Keeps the receipt beside the pending file, under the name that the user chose or one of its own, and removes
    /// the pending file.
    pub(crate) fn keep(&self, pending: &Pending, force: bool) -> Result<PathBuf, Failure> {
        let name = pending.output.clone().unwrap_or_else(|| self.default_name(pending));
        let path = files::folder_of(&pending.path).join(name);
        let written = with_place(&self.receipt, force, |over| files::write(&path, &self.receipt, over));
        written.map_err(|error| pending.kept(error))?;
        files::remove(&pending.path)?;
        Ok(path)
    }

    /// `<first subject digest, 16 hex>-<key id, 8 hex>-<index>.tlog-proof`; the submission's digest where there is no subject.
    /// The key is the log's: entries of two logs may have equal subjects and indices.
    fn default_name(&self, pending: &Pending) -> String {
        let subject = pending.section.value("subject").and_then(Value::as_array).and_then(<[Value]>::first);
        let digest = subject.and_then(Value::as_map).and_then(|subject| subject.get("digest")?.as_map());
        let digest = digest.and_then(first_digest).unwrap_or(&pending.submitted_digest.0);
        let subject: String = hex::encode(digest).chars().take(NAME_HEX).collect();
        format!("{subject}-{}-{}.{RECEIPT_EXTENSION}", hex::encode(&self.key_id), self.index)
    }
}

/// The request's body: the key is a header.
fn body_of(submission: &Submission) -> String {
    let json = match submission.to_json() {
        Json::Object(mut members) => {
            members.retain(|(name, _)| name != "idempotency_key");
            Json::Object(members)
        }
        other => other,
    };
    json.to_string()
}

fn has_values_of(report: &ReceiptReport, pending: &Pending) -> bool {
    report.record.as_ref().is_some_and(|record| {
        record.entry.kind == pending.submission.kind().kind
            && same_values(&pending.section, &record.submitted)
    })
}

/// The digest whose algorithm comes first in the claim table, so a commit's name is not that of its tree.
fn first_digest(digest: &Map) -> Option<&[u8]> {
    let Type::Named(_, algorithms) = &DIGEST else { return None };
    algorithms.fields()?.iter().find_map(|field| digest.get(field.name)?.as_bytes())
}

/// Whether the log has looked at this submission and will never take it: then the pending file, often the only copy of the
/// record, has no use any more. Whatever else answers on the way to a log is no word of the log's.
fn is_final(failure: &Failure) -> bool {
    matches!(failure, Failure::Answer { code: Some(code), .. } if FINAL.contains(&code.as_str()))
}

/// Codes of problems that lie in the submission itself. Not among them is what passes: with time, such as `claim.ahead`, or
/// `reference.missing` where an entry is still to come; with newer evidence, such as `state.changed` and `time.window`; with a
/// later version of the log, such as `kind.unknown`; with another token, such as `kind.denied`, `submission.bound` or `submitted.too-large`; with another way to the log, such as
/// `body.incomplete`, because what this program sends is well formed.
const FINAL: [&str; 21] = [
    "claim.missing",
    "claim.missing-field",
    "claim.name",
    "claim.too-deep",
    "claim.too-large",
    "claim.twice",
    "claim.type",
    "claims.too-many",
    "idempotency-key.conflict",
    "key.taken",
    "kind.log-only",
    "record.malformed",
    "record.too-large",
    "reference.kind",
    "reference.other",
    "salt.form",
    "salt.missing",
    "salt.repeated",
    "salt.unknown",
    "salt.zero",
    "body.too-large",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::exit::Exit;
    use crate::testing::{OneLog, Reply, Request, serve};
    use provlog_core::record::Section;
    use std::fs;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn request(key: Option<&str>) -> Submission {
        let tree = "f".repeat(40);
        let text = format!(
            r#"{{"kind":"event","claims":{{"type":"t","subject":[{{"digest":{{"gitTree":"{tree}","gitCommit":"{COMMIT}"}}}}]}}}}"#
        );
        let submission = Submission::parse(text.as_bytes()).unwrap();
        key.map_or(submission.clone(), |key| submission.with_idempotency_key(key).unwrap())
    }

    fn pending_in(folder: &tempfile::TempDir, log: &OneLog, wanted: Submission) -> Pending {
        Pending::resume_or_create(folder.path(), log.origin(), &Caller::default(), None, wanted, |_| Ok(()))
            .unwrap()
    }

    fn log_at(url: &str, log: &OneLog, timeout: Duration) -> Submitter {
        let trust = TrustFile::of(log.trust_text());
        Submitter { client: Client::new(url, None, None).unwrap(), prover: None, trust, timeout }
    }

    /// Answers as a log does: with a receipt for exactly what came.
    fn receipt_for(log: &OneLog, request: &Request) -> Reply {
        let submission = Submission::parse(request.body.as_bytes()).unwrap();
        let kind = submission.kind().kind;
        Reply::new(201, log.receipt(kind, submission.seal().unwrap()))
    }

    #[test]
    fn a_log_that_says_later_is_asked_again_with_the_same_salts_and_key() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let pending = pending_in(&home, &log, request(None));
        let answering = log.clone();
        let server = serve(4, move |number, request| match number {
            0 => Reply::new(503, "{\"code\":\"rate.total\",\"detail\":\"later\"}"),
            1 => Reply::new(429, "{\"code\":\"rate.caller\",\"detail\":\"later\"}"),
            2 => Reply::Cut(Vec::new()),
            _ => receipt_for(&answering, request),
        });
        let logged = log_at(&server.url, &log, Duration::from_secs(30)).submit(&pending).unwrap();
        let requests = server.finish();
        assert_eq!(requests.len(), 4);
        assert!(requests.iter().all(|request| request.body == requests[0].body));
        let key = pending.submission.idempotency_key().unwrap();
        assert!(requests.iter().all(|request| request.header("idempotency-key") == Some(key)));
        let vkey = log.vkey();
        let key_id = vkey.split('+').nth(1).unwrap();
        let path = logged.keep(&pending, false).unwrap();
        assert_eq!(
            path.file_name().unwrap().to_str(),
            Some(&*format!("0123456789abcdef-{key_id}-1.tlog-proof"))
        );
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "the pending file is gone");
    }

    #[test]
    fn a_receipt_whose_place_was_taken_meanwhile_leaves_the_submission() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let mut pending = pending_in(&home, &log, request(None));
        pending.output = Some("output".into());
        let answering = log.clone();
        let server = serve(1, move |_, request| receipt_for(&answering, request));
        let logged = log_at(&server.url, &log, Duration::from_secs(30)).submit(&pending).unwrap();
        let output = home.path().join("output");
        fs::write(&output, "another's").unwrap();
        let failure = logged.keep(&pending, false).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Usage, "{failure}");
        assert!(pending.path.exists() && failure.to_string().contains("is kept in"), "{failure}");
        assert_eq!(fs::read_to_string(&output).unwrap(), "another's");
        logged.keep(&pending, true).unwrap();
        assert_eq!(fs::read(&output).unwrap(), logged.receipt);
        assert!(!pending.path.exists());
    }

    #[test]
    fn without_an_answer_the_submission_is_kept() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let pending = pending_in(&home, &log, request(None));
        let server = serve(1, |_, _| Reply::new(503, ""));
        let failure = log_at(&server.url, &log, Duration::ZERO).submit(&pending).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Unreachable, "{failure}");
        assert!(failure.to_string().contains("provlog flush"), "{failure}");
        assert!(pending.path.exists());
    }

    #[test]
    fn a_refusal_ends_it() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let pending = pending_in(&home, &log, request(None));
        let server = serve(1, |_, _| Reply::problem(400, "claim.type"));
        let failure = log_at(&server.url, &log, Duration::from_secs(30)).submit(&pending).unwrap_err();
        assert_eq!(server.finish().len(), 1);
        assert_eq!(Exit::of_failure(&failure), Exit::Malformed);
        assert!(!pending.path.exists());
    }

    #[test]
    fn what_passes_and_what_is_no_log_s_word_ends_nothing() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let pending = pending_in(&home, &log, request(None));
        let answers = |number: usize| match number {
            0 => Reply::new(422, r#"{"code":"claim.type","detail":"no"}"#),
            1 => Reply::new(413, "<html>413, says an ingress</html>"),
            2 => Reply::problem(400, "claim.ahead"),
            3 => Reply::problem(400, "kind.not-accepted"),
            4 => Reply::problem(400, "of-a-later-version"),
            _ => Reply::problem(404, "route.unknown"),
        };
        let server = serve(6, move |number, _| answers(number));
        for number in 0..6 {
            let failure = log_at(&server.url, &log, Duration::ZERO).submit(&pending).unwrap_err();
            assert!(matches!(failure, Failure::Pending { .. }), "{number}: {failure}");
            assert!(failure.to_string().contains("is kept in"), "{number}: {failure}");
            assert!(pending.path.exists(), "{number}");
        }
    }

    /// A code that is added to the table has to be judged here.
    #[test]
    fn every_code_of_a_refused_append_is_final_or_known_to_pass() {
        const PASS: [&str; 50] = [
            "authorization.malformed",
            "batch.empty",
            "batch.too-many",
            "body.incomplete",
            "caller.certificate",
            "caller.missing",
            "cbor.malformed",
            "claim.ahead",
            "claim.form",
            "claim.hidden",
            "claim.unknown",
            "claim.unknown-field",
            "content-encoding.unsupported",
            "content-type.unsupported",
            "environment.denied",
            "evidence.certificate",
            "evidence.form",
            "evidence.salts",
            "header.malformed",
            "host.missing",
            "idempotency-key.form",
            "idempotency-key.twice",
            "json.malformed",
            "kind.denied",
            "kind.not-accepted",
            "kind.unknown",
            "parameter.malformed",
            "rate.caller",
            "rate.total",
            "reference.missing",
            "role.denied",
            "state.changed",
            "submission.bound",
            "submission.form",
            "submission.unknown-member",
            "submitted.too-large",
            "time.window",
            "tls.missing",
            "token.algorithm",
            "token.audience",
            "token.expired",
            "token.issuer",
            "token.key",
            "token.malformed",
            "token.revoked",
            "token.rule",
            "token.signature",
            "token.time",
            "token.unknown",
            "token.workload",
        ];
        let spec = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../SPEC.md")).unwrap();
        let rows = spec.lines().filter_map(|line| {
            let [status, code] = line.strip_prefix("| ")?.splitn(3, " | ").take(2).collect::<Vec<_>>()[..]
            else {
                return None;
            };
            Some((status.parse::<u16>().ok()?, code.strip_prefix('`')?.strip_suffix('`')?))
        });
        let refusals: Vec<&str> = rows
            .filter(|(status, code)| {
                matches!(status, 400 | 401 | 403 | 409 | 413 | 415 | 429) || *code == "rate.total"
            })
            .map(|(_, code)| code)
            .collect();
        let judged = [&FINAL[..], &PASS].concat();
        for code in &refusals {
            assert!(judged.contains(code), "{code}: is it final?");
        }
        assert_eq!(refusals.len(), judged.len(), "a code is there twice, or in no table");
    }

    #[test]
    fn receipts_of_anything_else_are_refused() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let kind = request(None).kind().kind;
        let other =
            Pending::resume_or_create(home.path(), "o", &Caller::default(), None, request(None), |_| Ok(()))
                .unwrap()
                .section;
        let garbage = b"c2sp.org/tlog-proof@v1\n".to_vec();
        let foreign = OneLog::with_seed([8; 32]).receipt(kind, Section::default());
        let cases = [
            (garbage, Exit::Malformed),
            (foreign, Exit::Untrusted),
            (log.receipt(kind, other), Exit::NotProven),
            (log.receipt(kind, Section::default()), Exit::NotProven),
        ];
        for (receipt, exit) in cases {
            let pending = pending_in(&home, &log, request(None));
            let server = serve(1, move |_, _| Reply::new(201, receipt.clone()));
            let failure = log_at(&server.url, &log, Duration::from_secs(30)).submit(&pending).unwrap_err();
            assert_eq!(Exit::of_failure(&failure), exit, "{failure}");
            assert!(pending.path.exists(), "whether it is logged is not known");
        }
    }

    #[test]
    fn under_a_named_key_an_entry_of_other_salts_but_equal_values_will_do() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let pending = pending_in(&home, &log, request(Some("job-7")));
        let elsewhere = tempfile::tempdir().unwrap();
        let earlier = pending_in(&elsewhere, &log, request(Some("job-7")));
        assert_ne!(earlier.submitted_digest, pending.submitted_digest);
        let kind = request(None).kind().kind;
        let receipt = log.receipt(kind, earlier.section);
        let server = serve(1, move |_, _| Reply::new(200, receipt.clone()));
        log_at(&server.url, &log, Duration::from_secs(30)).submit(&pending).unwrap();

        let receipt = log.receipt(kind, Section::default());
        let server = serve(1, move |_, _| Reply::new(200, receipt.clone()));
        let failure = log_at(&server.url, &log, Duration::from_secs(30)).submit(&pending).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::NotProven, "{failure}");
    }

    #[test]
    fn a_submission_for_another_log_is_not_sent() {
        let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
        let pending = Pending::resume_or_create(
            home.path(),
            "example.com/other",
            &Caller::default(),
            None,
            request(None),
            |_| Ok(()),
        )
        .unwrap();
        let failure = log_at("http://127.0.0.1:1", &log, Duration::ZERO).submit(&pending).unwrap_err();
        assert!(matches!(failure, Failure::OtherLog { .. }), "{failure}");
    }
}
