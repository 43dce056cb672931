//! What comes over TLS from a server of the test's own, and what doesn't.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use tempfile::TempDir;

/// A CA, and its certificate in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca")
    }

    /// Answers one request with these bytes, then ends the connection or, where there are none, holds it. Says where, and gives the
    /// request.
    fn serve(&self, answer: &str) -> (String, thread::JoinHandle<String>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_string()]).unwrap();
        let chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into());
        let session = ServerConnection::new(Arc::new(config.unwrap())).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/keys", listener.local_addr().unwrap());
        let answer = answer.to_string();
        let serving = thread::spawn(move || {
            let mut reader = BufReader::new(StreamOwned::new(session, listener.accept().unwrap().0));
            let mut request = String::new();
            // Whoever doesn't believe the certificate sends nothing.
            while !request.ends_with("\r\n\r\n") {
                match reader.read_line(&mut request) {
                    Ok(read) if read > 0 => {}
                    _ => return request,
                }
            }
            // Nor need anybody read all of it.
            if answer.is_empty() {
                let _ = reader.read_line(&mut String::new());
            } else if reader.get_mut().write_all(answer.as_bytes()).is_ok() {
                reader.get_mut().conn.send_close_notify();
                let _ = reader.get_mut().flush();
            }
            request
        });
        (url, serving)
    }
}

fn get(url: &str, ca: &Path, bytes_max: usize, within: Duration) -> Result<Vec<u8>, FetchError> {
    Https { proxy: Ok(None), connect_within: PATIENCE }.get(url, Some(ca), bytes_max, Instant::now() + within)
}

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_whole_answer_is_taken_and_anything_else_is_refused() {
    let authority = Authority::new();
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkeys", Ok(())),
        (
            "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ntransfer-encoding: chunked\r\n\r\n4\r\nkeys\r\n0\r\n\r\n",
            Ok(()),
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nkeys!", Err("expected at most 4 bytes, got more")),
        ("HTTP/1.1 200 OK\r\n\r\nkeys and keys", Err("expected at most 4 bytes, got more")),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkey", Err("no whole answer")),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nke", Err("no whole answer")),
        (
            "HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n",
            Err("the status 200, got 302"),
        ),
        ("HTTP/1.1 500 No\r\ncontent-length: 4\r\n\r\nkeys", Err("the status 200, got 500")),
        ("HTTP/1.1 204 No\r\n\r\n", Err("the status 200, got 204")),
        ("keys", Err("no whole answer")),
    ] {
        let (url, serving) = authority.serve(answer);
        match (get(&url, &authority.file(), 4, PATIENCE), expected) {
            (Ok(body), Ok(())) => assert_eq!(body, b"keys"),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{answer:?}: {error}");
                assert!(error.to_string().contains(&url), "{error}");
            }
            (got, _) => panic!("{answer:?}: {got:?}"),
        }
        let request = serving.join().unwrap().to_lowercase();
        assert!(request.starts_with("get /keys http/1.1\r\n"), "{request}");
        assert!(request.contains(concat!("user-agent: provlogd/", env!("CARGO_PKG_VERSION"))), "{request}");
        assert!(!request.contains("encoding") && !request.contains("cookie"), "{request}");
    }
}

#[test]
fn an_answer_that_never_comes_is_waited_for_no_longer_than_that() {
    let authority = Authority::new();
    let (url, serving) = authority.serve("");
    let error = get(&url, &authority.file(), 4, Duration::from_millis(200)).unwrap_err();
    assert!(
        matches!(&error, FetchError::Unanswered { problem, .. } if problem.contains("timeout")),
        "{error}"
    );
    serving.join().unwrap();
}

#[test]
fn only_the_issuer_s_own_roots_are_believed_and_only_where_nobody_else_writes_them() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (url, serving) = authority.serve("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkeys");
    let error = get(&url, &other.file(), 4, PATIENCE).unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(serving.join().unwrap(), "", "nothing was asked");

    fs::set_permissions(authority.file(), Permissions::from_mode(0o664)).unwrap();
    let error = get("https://127.0.0.1:1/", &authority.file(), 4, PATIENCE).unwrap_err().to_string();
    assert!(error.contains("its permissions are 664; expected none to write"), "{error}");

    for (text, expected) in [("", "expected certificates in PEM"), (PEM_OF_NOTHING, "in certificate 1")] {
        fs::write(other.file(), text).unwrap();
        let error = get("https://127.0.0.1:1/", &other.file(), 4, PATIENCE).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

const PEM_OF_NOTHING: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

#[test]
fn nothing_is_asked_in_clear_text() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let authority = Authority::new();
    assert!(matches!(get(&url, &authority.file(), 4, PATIENCE), Err(FetchError::Unanswered { .. })));
    assert!(listener.accept().is_err(), "nobody connected");
}

#[test]
fn a_proxy_is_asked_for_a_way_and_one_of_another_kind_is_refused() {
    let authority = Authority::new();
    let by = |url: &str| {
        let https = Https { proxy: Ok(Some(Proxy::new(url).unwrap())), connect_within: PATIENCE };
        https.get("https://issuer.invalid/keys", Some(&authority.file()), 4, Instant::now() + PATIENCE)
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let proxy = thread::spawn(move || {
        let mut line = String::new();
        BufReader::new(listener.accept().unwrap().0).read_line(&mut line).unwrap();
        line
    });
    assert!(matches!(by(&url), Err(FetchError::Unanswered { .. })));
    assert_eq!(proxy.join().unwrap(), "CONNECT issuer.invalid:443 HTTP/1.1\r\n");
    assert!(matches!(by("socks5://127.0.0.1:1"), Err(FetchError::Proxy)));
}

#[test]
fn nothing_is_fetched_past_a_proxy_whose_variable_names_none() {
    for (variables, expected) in [
        (&[][..], None),
        (&[("HTTPS_PROXY", "http://a:1"), ("HTTP_PROXY", "http://a b")], None),
        (&[("ALL_PROXY", ""), ("https_proxy", "a:1")], None),
        (&[("ALL_PROXY", "http://a b"), ("HTTPS_PROXY", "http://a:1")], Some("ALL_PROXY")),
        (&[("https_proxy", "gopher://a:1")], Some("https_proxy")),
    ] {
        let value = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        };
        assert_eq!(unusable_proxy(value), expected, "{variables:?}");
    }
    let https = Https { proxy: Err("ALL_PROXY"), connect_within: PATIENCE };
    let error = https.get("https://issuer.invalid/keys", None, 4, Instant::now() + PATIENCE).unwrap_err();
    assert!(matches!(error, FetchError::ProxyVariable { variable: "ALL_PROXY" }), "{error}");
}
