//! A daemon with TLS, certificates of a CA that the test made, and clients that send exactly the bytes they are told to.

use crate::support::{Daemon, Response, folder, promotion};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Longest that a test waits for an answer, before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A connection with TLS.
pub type Secured = StreamOwned<ClientConnection, TcpStream>;

/// A CA, for one test. Clients find a CA by its name: two that are to be told apart need two.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server's certificate for these names.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, |_| {})
    }

    pub fn client(&self) -> Identity {
        self.sign(&["client.example"], ExtendedKeyUsagePurpose::ClientAuth, |_| {})
    }

    pub fn sign(
        &self,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![purpose];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    /// What a client of this CA's servers is configured with.
    pub fn trusting(&self, client: Option<&Identity>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let certificate = CertificateDer::from_pem_slice(client.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        Arc::new(config)
    }
}

/// Puts a file in its place as tools that renew certificates do: whole, by a rename.
pub fn put(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(draft, path).unwrap();
}

/// A daemon with TLS, and a folder with its files.
pub struct Site {
    pub folder: TempDir,
    pub authority: Authority,
    pub daemon: Daemon,
}

impl Site {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With these arguments beside those of TLS. What it logs, of handshakes all, is in the folder's `log`.
    pub fn with(arguments: &[&str]) -> Self {
        let (folder, authority) = (folder(), Authority::new("CA of a test"));
        let identity = authority.server(&["localhost", "127.0.0.1", "log.example"]);
        put(&folder.path().join("server.pem"), &identity.certificate);
        put(&folder.path().join("server.key"), &identity.key);
        put(&folder.path().join("ca.pem"), &authority.pem);
        let daemon = start(folder.path(), arguments);
        Self { folder, authority, daemon }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Connects under this name, or without one, and shakes hands.
    pub fn connect(&self, name: &str) -> io::Result<Secured> {
        connect(&self.daemon.address, name, self.authority.trusting(None))
    }

    /// Sends `bytes`, and reads what comes back until the daemon says that nothing more does.
    pub fn exchange(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = self.connect("localhost")?;
        stream.write_all(bytes)?;
        read_all(&mut stream)
    }

    pub fn get(&self, path: &str) -> Response {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Response::parse(&self.exchange(head.as_bytes()).unwrap()).unwrap()
    }

    pub fn append(&self, subject: &str) -> Response {
        Response::parse(&self.exchange(&append(subject)).unwrap()).unwrap()
    }

    /// How often handshakes failed for this reason.
    pub fn failures(&self, reason: &str) -> u64 {
        self.failures_if_let_in(reason).unwrap()
    }

    /// The same; an error where this connection is one too many.
    pub fn failures_if_let_in(&self, reason: &str) -> io::Result<u64> {
        let head = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let metrics = Response::parse(&self.exchange(head)?).unwrap().expect(200);
        let line = format!("provlog_tls_handshake_failures_total{{reason=\"{reason}\"}} ");
        let count = metrics.text().lines().find_map(|found| found.strip_prefix(&line));
        Ok(count.map_or(0, |count| count.parse().unwrap()))
    }

    /// Waits until they did as often as this.
    pub fn until_failures(&self, reason: &str, count: u64) {
        until(&format!("{count} handshakes fail: {reason}"), || self.failures(reason) == count);
    }
}

/// The command that serves with the TLS files of a folder.
pub fn arguments(folder: &Path) -> Vec<String> {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    vec!["--tls-certificate".into(), path("server.pem"), "--tls-key".into(), path("server.key")]
}

fn start(folder: &Path, more: &[&str]) -> Daemon {
    let tls = arguments(folder);
    let mut arguments: Vec<&str> = tls.iter().map(String::as_str).collect();
    arguments.extend(["--log-filter", "info,provlogd::http=debug"]);
    arguments.extend(more);
    let daemon = Daemon::start_logging(&folder.join("data"), &arguments, &folder.join("log"));
    assert!(daemon.url.starts_with("https://127.0.0.1:"), "{}", daemon.url);
    daemon
}

/// Connects and shakes hands. An IP address as the name sends none.
pub fn connect(address: &str, name: &str, config: Arc<ClientConfig>) -> io::Result<Secured> {
    let tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(client, tcp);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Everything until the other side's close_notify; an error where the connection ends without one.
pub fn read_all(stream: &mut Secured) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// A whole request that appends.
pub fn append(subject: &str) -> Vec<u8> {
    let body = promotion(subject).to_string();
    let head =
        "POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close";
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !reached() {
        assert!(start.elapsed() < PATIENCE, "{what} in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
