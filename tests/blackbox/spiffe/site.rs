//! A log with trust domains, whose listener asks its clients for X.509-SVIDs, and clients that show whatever they are told to.

use super::made::own_bundle;
use crate::oidc::token::{AUDIENCE, ORIGIN};
use crate::support::{Daemon, Response, folder, signal};
use crate::tls::site::{Authority, Secured, append, connect, put, read_all};
use crate::vectors::keys::Key;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::{self, sign::any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Rules of the trust domains here.
pub const RULES: &str = r#"
[[trust_domain.rule]]
match = ["sub=spiffe://DOMAIN/ci/*"]
roles = ["append"]

[[trust_domain.rule]]
match = ["sub=spiffe://DOMAIN/auditor"]
roles = ["read"]
"#;

/// A trust domain with a bundle in this file.
pub fn table(domain: &str, bundle: &Path) -> String {
    let bundle = bundle.display();
    let own = format!("name = \"{domain}\"\nbundle_file = \"{bundle}\"\naudience = \"{AUDIENCE}\"\n");
    format!("[[trust_domain]]\n{own}{}", RULES.replace("DOMAIN", domain))
}

/// A log that asks for SVIDs, and a folder with its files.
pub struct Site {
    pub folder: TempDir,
    pub authority: Authority,
    pub daemon: Daemon,
}

/// What a client shows.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Site {
    /// With one trust domain, example.org, whose bundle is in `bundle.json`.
    pub fn new() -> Self {
        Self::with(|folder| table("example.org", &folder.join("bundle.json")))
    }

    /// With these tables of trust domains, which may name files that lie in the folder.
    pub fn with(tables: impl FnOnce(&Path) -> String) -> Self {
        let (folder, authority) = (folder(), Authority::new("CA of the log"));
        let path = |name: &str| folder.path().join(name);
        put(&path("bundle.json"), &own_bundle());
        let identity = authority.server(&["localhost", "127.0.0.1"]);
        put(&path("server.pem"), &identity.certificate);
        put(&path("server.key"), &identity.key);
        let tables = tables(folder.path());
        settings(folder.path(), &tables);
        let mut command = Daemon::command(
            &path("data"),
            &["--config", path("f.toml").to_str().unwrap(), "--tls-client-svids"],
        );
        command.args(crate::tls::site::arguments(folder.path()));
        command.stderr(fs::File::create(path("log")).unwrap());
        let daemon = Daemon::spawn(command);
        Self { folder, authority, daemon }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn logged(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Puts other tables in the settings, and has them read.
    pub fn reload(&self, tables: &str) {
        settings(self.folder.path(), tables);
        signal("-HUP", self.daemon.id());
    }

    /// What a client is configured with that shows these certificates under this key, or none.
    pub fn client(
        &self,
        shown: Option<(&[Vec<u8>], &Key)>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let Some((chain, key)) = shown else { return builder.with_no_client_auth().into() };
        let (Key::P256(pkcs8) | Key::P384(pkcs8)) = key else { panic!("a key of a client here") };
        let key = any_supported_type(&PrivatePkcs8KeyDer::from(pkcs8.clone()).into()).unwrap();
        let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        builder.with_client_cert_resolver(Arc::new(Shows(CertifiedKey::new(chain, key).into()))).into()
    }

    /// A connection on which these certificates are shown.
    pub fn connect(&self, shown: Option<(&[Vec<u8>], &Key)>) -> io::Result<Secured> {
        connect(&self.daemon.address, "localhost", self.client(shown, rustls::ALL_VERSIONS))
    }

    /// An append of whoever shows this, on a connection of its own.
    pub fn append(&self, subject: &str, shown: Option<(&[Vec<u8>], &Key)>) -> io::Result<Response> {
        let mut stream = self.connect(shown)?;
        stream.write_all(&append(subject))?;
        Ok(Response::parse(&read_all(&mut stream)?).unwrap())
    }

    /// Any request without a body, of whoever shows this.
    pub fn ask(&self, path: &str, more: &str, shown: Option<(&[Vec<u8>], &Key)>) -> Response {
        let mut stream = self.connect(shown).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        Response::parse(&read_all(&mut stream).unwrap()).unwrap()
    }

    pub fn size(&self) -> u64 {
        self.ask("/v1/log", "", None).expect(200).json()["size"].as_u64().unwrap()
    }
}

/// One more request on an open connection.
pub fn ask_again(stream: &mut Secured, path: &str) -> Response {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let text = String::from_utf8(head.clone()).unwrap().to_ascii_lowercase();
    let length =
        text.split("content-length: ").nth(1).map(|rest| rest.split('\r').next().unwrap().parse().unwrap());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    head.extend(body);
    Response::parse(&head).unwrap()
}

fn settings(folder: &Path, tables: &str) {
    let text = format!("origin = \"{ORIGIN}\"\nlog_filter = \"trace\"\n{tables}");
    fs::write(folder.join("f.toml"), text).unwrap();
}
