//! Workloads of SPIFFE with certificate and key in files: what is read and signed, what isn't sent, and what authorises.

use super::forged::attested_svid;
use crate::local::settings::TrustFile;
use crate::local::settings::tls::IdentityFiles;
use crate::local::settings::token::Token;
use crate::local::settings::workload::{Method, WorkloadSource};
use crate::local::time::now_ms;
use crate::log::client::Client;
use crate::log::retry::Retry;
use crate::show::exit::Exit;
use crate::testing::{OneLog, Reply, serve};
use crate::verb::append::caller::Caller;
use crate::verb::append::pending::Pending;
use crate::verb::append::prover::Prover;
use crate::verb::append::submit::Submitter;
use provlog_core::record::SectionName;
use provlog_core::submission::{Evidence, Submission};
use provlog_evidence::svid::UnverifiedSvid;
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, CertifiedIssuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, SanType, SignatureAlgorithm, date_time_ymd,
};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const ID: &str = "spiffe://example.org/ci";
const DOMAIN: &str = "spiffe://example.org";

/// A folder with an SVID and its key.
struct Place(TempDir);

impl Place {
    /// An SVID that holds now, for an hour, with this kind of key.
    fn new(algorithm: &'static SignatureAlgorithm) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.issue(algorithm, |_| {});
        place
    }

    fn issue(&self, algorithm: &'static SignatureAlgorithm, change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let ca =
            CertifiedIssuer::self_signed(CertificateParams::default(), KeyPair::generate().unwrap()).unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(ID).unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let now = std::time::SystemTime::now();
        params.not_before = (now - Duration::from_secs(1800)).into();
        params.not_after = (now + Duration::from_secs(1800)).into();
        change(&mut params);
        self.write("svid.pem", &params.signed_by(&key, &ca).unwrap().pem(), 0o644);
        self.write("svid.key", &key.serialize_pem(), 0o600);
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn files(&self) -> IdentityFiles {
        let at = |name| self.0.path().join(name);
        IdentityFiles { certificate: at("svid.pem"), key: at("svid.key") }
    }

    fn prover(&self) -> Result<Prover, crate::show::failure::Failure> {
        Prover::new(WorkloadSource::Svid(self.files()), &mut Retry::within(Duration::ZERO))
    }
}

fn pending_in(folder: &Path, log: &OneLog) -> Pending {
    let digest = "ab".repeat(32);
    let text = format!(
        r#"{{"kind":"event","claims":{{"type":"t","subject":[{{"digest":{{"sha256":"{digest}"}}}}]}}}}"#
    );
    let wanted = Submission::parse(text.as_bytes()).unwrap();
    let caller = Caller::new(None, Some(Method::X509Svid));
    Pending::resume_or_create(folder, log.origin(), &caller, None, wanted, |_| Ok(())).unwrap()
}

fn submitter(log: &OneLog, url: &str, prover: Prover, token: Option<&str>) -> Submitter {
    let client = Client::new(url, None, None).unwrap().with_token(token.and_then(Token::parse)).unwrap();
    let trust = TrustFile::of(log.trust_text());
    Submitter { client, prover: Some(prover), trust, timeout: Duration::from_secs(30) }
}

#[test]
fn a_key_of_every_kind_signs_what_the_log_and_every_reader_verify() {
    for (token, algorithm) in [
        (None, &PKCS_ECDSA_P256_SHA256),
        (Some("plt_0123abcd_secret"), &PKCS_ECDSA_P384_SHA384),
        (None, &PKCS_ED25519),
        (None, &PKCS_RSA_SHA256),
    ] {
        let (place, home, log) = (Place::new(algorithm), tempfile::tempdir().unwrap(), OneLog::new());
        let pending = pending_in(home.path(), &log);
        let answering = log.clone();
        let server = serve(1, move |_, request| {
            let submission = Submission::parse(request.body.as_bytes()).unwrap();
            let kind = submission.kind().kind;
            let Some(Evidence::X509Svid { chain, signature }) = submission.evidence().cloned() else {
                panic!("no evidence: {}", request.body)
            };
            let section = submission.seal().unwrap();
            let digest = section.digest(SectionName::Submitted, kind);
            let now_ms = now_ms().unwrap();
            let read = UnverifiedSvid::parse(&chain).unwrap();
            read.signed(answering.origin(), &digest.0, &signature, now_ms).unwrap();
            let attested = attested_svid(ID, DOMAIN, &chain, &signature);
            Reply::new(201, answering.receipt_at(now_ms, kind, section, attested))
        });
        submitter(&log, &server.url, place.prover().unwrap(), token).submit(&pending).unwrap();
        let requests = server.finish();
        let bearer = token.map(|token| format!("Bearer {token}"));
        assert_eq!(requests[0].header("authorization"), bearer.as_deref());
    }
}

#[test]
fn what_is_no_svid_with_its_own_key_is_refused_before_anything_is_begun() {
    let place = Place::new(&PKCS_ED25519);
    let refused = |expected: &str| {
        let failure = place.prover().unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Usage, "{failure}");
        assert!(failure.to_string().contains(expected), "expected {expected:?}: {failure}");
    };
    fs::set_permissions(place.files().key, fs::Permissions::from_mode(0o644)).unwrap();
    refused("644");
    place.write("svid.key", &KeyPair::generate().unwrap().serialize_pem(), 0o600);
    refused("expected the private key of the first certificate");
    place.write("svid.key", "secret", 0o600);
    refused("expected a private key in PEM");
    fs::remove_file(place.files().key).unwrap();
    refused("--svid and --svid-key");
    place.issue(&PKCS_ED25519, |params| params.subject_alt_names.clear());
    refused("exactly one URI among its names, got 0");
    place.issue(&PKCS_ED25519, |params| params.not_after = date_time_ymd(3000, 1, 1));
    refused("expected it to hold for at most 604800 s");
}

#[test]
fn one_that_does_not_hold_now_is_not_sent_and_its_renewal_goes_on() {
    let (place, home, log) = (Place::new(&PKCS_ED25519), tempfile::tempdir().unwrap(), OneLog::new());
    let pending = pending_in(home.path(), &log);
    for (from, to) in [((2020, 1, 1), (2020, 1, 2)), ((2999, 1, 1), (2999, 1, 2))] {
        place.issue(&PKCS_ED25519, |params| {
            params.not_before = date_time_ymd(from.0, from.1, from.2);
            params.not_after = date_time_ymd(to.0, to.1, to.2);
        });
        // Nobody listens there: it would be said.
        let submitter = submitter(&log, "http://127.0.0.1:1", place.prover().unwrap(), None);
        let failure = submitter.submit(&pending).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::Usage, "{failure}");
        let told = failure.to_string();
        assert!(
            told.contains("which wasn't sent: chain: expected one that holds") && told.contains("is kept in"),
            "{told}"
        );
        assert!(pending.path.exists());
    }
}

#[test]
fn a_receipt_of_another_workload_never_counts() {
    let (place, other) = (Place::new(&PKCS_ED25519), Place::new(&PKCS_ED25519));
    other.issue(&PKCS_ED25519, |params| {
        params.subject_alt_names =
            vec![SanType::URI(Ia5String::try_from("spiffe://example.org/other").unwrap())];
    });
    let (home, log) = (tempfile::tempdir().unwrap(), OneLog::new());
    let pending = pending_in(home.path(), &log);
    let digest = pending.submitted_digest;
    let proven =
        super::super::of_svid(&crate::log::svid::Svid::read(&other.files()).unwrap(), log.origin(), &digest);
    let Evidence::X509Svid { chain, signature } = proven.unwrap().proof.evidence() else { panic!("no SVID") };
    for (id, signature, expected) in [
        ("spiffe://example.org/other", signature.clone(), "workload-form: pass"),
        (ID, signature.clone(), "workload-form: fail"),
        ("spiffe://example.org/other", vec![0; 64], "workload-form: fail"),
    ] {
        let attested = attested_svid(id, DOMAIN, &chain, &signature);
        let kind = pending.submission.kind().kind;
        let receipt = log.receipt_at(now_ms().unwrap(), kind, pending.section.clone(), attested);
        let server = serve(1, move |_, _| Reply::new(201, receipt.clone()));
        let failure =
            submitter(&log, &server.url, place.prover().unwrap(), None).submit(&pending).unwrap_err();
        assert_eq!(Exit::of_failure(&failure), Exit::NotProven, "{failure}");
        let told = failure.to_string();
        assert!(
            told.contains(expected) && told.contains(&format!("expected x509-svid {ID} of {DOMAIN}")),
            "{told}"
        );
        assert!(pending.path.exists());
    }
}
