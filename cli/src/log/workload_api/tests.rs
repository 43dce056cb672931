//! An agent that answers what it is told to: gRPC as far as two methods need it, which is HTTP/2 with a length before each message.

use super::Agent;
use crate::show::exit::Exit;
use crate::show::failure::Failure;
use provlog_evidence::signature::{PublicKey, Scheme};
use provlog_evidence::submission::submission_message;
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use std::io::Cursor;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::runtime::Builder;
use ureq::http::{HeaderMap, Response};

const ID: &str = "spiffe://example.org/ci";
const PATIENCE: Duration = Duration::from_secs(30);

/// gRPC's own codes.
const OK: &str = "0";
const PERMISSION_DENIED: &str = "7";
const UNAVAILABLE: &str = "14";

/// A field of protobuf that is bytes, text or a message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        encoded.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    encoded.push(u8::try_from(length).unwrap());
    encoded.extend_from_slice(bytes);
    encoded
}

/// Answers one request with this status, and this message where it is a success. Gives back the path, and what was asked.
fn agent(folder: &TempDir, status: &'static str, message: Vec<u8>) -> (Agent, JoinHandle<(String, Vec<u8>)>) {
    let path = folder.path().join("agent.sock");
    let address = format!("unix://{}", path.display());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let listener = {
        let _entered = runtime.enter();
        UnixListener::bind(&path).unwrap()
    };
    let serving = thread::spawn(move || {
        runtime.block_on(async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection =
                h2::server::Builder::new().handshake::<_, Cursor<Vec<u8>>>(stream).await.unwrap();
            let (request, mut answer) = connection.accept().await.unwrap().unwrap();
            let (head, mut body) = request.into_parts();
            assert_eq!(head.headers["workload.spiffe.io"], "true", "what keeps requests from being forged");
            let answered = tokio::spawn(async move {
                let mut asked = Vec::new();
                while let Some(part) = body.data().await {
                    let part = part.unwrap();
                    body.flow_control().release_capacity(part.len()).unwrap();
                    asked.extend_from_slice(&part);
                }
                let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                let mut stream = answer.send_response(head, false).unwrap();
                if status == OK {
                    let mut framed = vec![0];
                    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
                    framed.extend(message);
                    stream.send_data(Cursor::new(framed), false).unwrap();
                }
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", status.parse().unwrap());
                stream.send_trailers(trailers).unwrap();
                asked
            });
            // Until the client is gone: whatever is left is sent by this.
            while connection.accept().await.is_some_and(|more| more.is_ok()) {}
            (head.uri.path().to_owned(), answered.await.unwrap())
        })
    });
    (Agent::new(address).unwrap(), serving)
}

#[test]
fn a_token_is_asked_for_this_audience_alone() {
    let folder = tempfile::tempdir().unwrap();
    let answer = field(1, &[field(1, ID.as_bytes()), field(2, b"a.b.c")].concat());
    let (agent, serving) = agent(&folder, OK, answer);
    let token = agent.token("example.com/log:ab", PATIENCE).unwrap();
    assert_eq!(token.text(), "a.b.c");
    drop(agent);
    let (path, asked) = serving.join().unwrap();
    assert_eq!(path, "/SpiffeWorkloadAPI/FetchJWTSVID");
    assert_eq!(asked[5..], field(1, b"example.com/log:ab"));
}

#[test]
fn a_certificate_comes_with_the_key_that_signs() {
    let folder = tempfile::tempdir().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(ID).unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.is_ca = IsCa::ExplicitNoCa;
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(1800)).into();
    params.not_after = (now + Duration::from_secs(1800)).into();
    let certificate = params.signed_by(&key, &ca).unwrap();
    let svid = [
        field(1, ID.as_bytes()),
        field(2, certificate.der()),
        field(3, &key.serialize_der()),
        field(4, ca.der()),
    ];
    let (agent, serving) = agent(&folder, OK, field(1, &svid.concat()));
    let svid = agent.svid(PATIENCE).unwrap();
    assert_eq!(svid.chain().collect::<Vec<_>>(), [&certificate.der()[..]]);
    let message = submission_message("example.com/log", &[1; 32], certificate.der());
    let signature = svid.sign(&message).unwrap();
    let public = PublicKey::P256(key.public_key_raw().try_into().unwrap());
    assert!(public.verifies(Scheme::Es256Der, &message, &signature), "signed by its key");
    drop(agent);
    assert_eq!(serving.join().unwrap().0, "/SpiffeWorkloadAPI/FetchX509SVID");
}

#[test]
fn an_agent_that_gives_nothing_is_told_from_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let said = |failure: Failure| (Exit::of_failure(&failure), failure.to_string());
    for (status, expected, part) in [
        (PERMISSION_DENIED, Exit::Denied, "knows no workload that this process is"),
        (UNAVAILABLE, Exit::Unreachable, "the SPIFFE agent at unix://"),
    ] {
        let (agent, serving) = agent(&folder, status, Vec::new());
        let (exit, text) = said(agent.token("a:b", PATIENCE).unwrap_err());
        assert!(exit == expected && text.contains(part), "{exit:?}: {text}");
        drop(agent);
        serving.join().unwrap();
        std::fs::remove_file(folder.path().join("agent.sock")).unwrap();
    }
    let nobody = Agent::new(format!("unix://{}", folder.path().join("nobody").display())).unwrap();
    assert_eq!(said(nobody.token("a:b", PATIENCE).unwrap_err()).0, Exit::Unreachable);
    let form = Agent::new("nonsense".into()).unwrap();
    let (exit, text) = said(form.token("a:b", PATIENCE).unwrap_err());
    assert!(exit == Exit::Usage && text.contains("SPIFFE_ENDPOINT_SOCKET"), "{exit:?}: {text}");
}
