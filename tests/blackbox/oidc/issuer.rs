//! An issuer that the test made: HTTPS under a CA of its own, and answers as bad as they are asked to be.

use crate::support::PATIENCE;
use crate::tls::site::{Authority, until};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Where issuers are: an address that no daemon and no client of these tests has, so that an issuer that went down finds its port
/// again.
const HOST: &str = "127.0.0.2";

/// Where its keys are, by its own word.
pub const KEYS: &str = "/keys";
pub const DISCOVERY: &str = "/.well-known/openid-configuration";

/// What comes of a request.
pub enum Reply {
    /// This document.
    Json(String),
    /// These bytes, a head and a body.
    Bytes(String),
    /// Nothing, until the other side gives up.
    Never,
    /// A head, the start of a body, and nothing more until the other side gives up.
    Stuck,
    /// A body without an end.
    Endless,
}

/// What an issuer does when it is asked for a path.
pub type Conduct = Box<dyn Fn(&str) -> Reply + Send>;

/// What its threads share.
struct Shared {
    conduct: Mutex<Conduct>,
    asked: Mutex<Vec<String>>,
    ends: AtomicBool,
}

/// An issuer. It goes down with its test.
pub struct Issuer {
    /// As `iss` has it.
    pub url: String,
    /// Its CA, in PEM.
    pub ca: String,
    address: String,
    tls: Arc<ServerConfig>,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Issuer {
    /// One that publishes these keys, each a JWK, and does all well.
    pub fn new(keys: &[String]) -> Self {
        let authority = Authority::new("CA of an issuer");
        let identity = authority.server(&[HOST]);
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let tls =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap();
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let url = format!("https://{address}");
        let shared = Shared {
            conduct: Mutex::new(well(&url, keys)),
            asked: Mutex::default(),
            ends: AtomicBool::new(false),
        };
        let mut issuer =
            Self { url, ca: authority.pem, address, tls: tls.into(), shared: shared.into(), listening: None };
        issuer.listen(listener);
        issuer
    }

    /// From now on it publishes these keys, and does all well.
    pub fn publish(&self, keys: &[String]) {
        self.behave(well(&self.url, keys));
    }

    /// From now on it answers like this.
    pub fn behave(&self, conduct: Conduct) {
        *self.shared.conduct.lock().unwrap() = conduct;
    }

    /// The paths that it was asked for, in their order.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Refuses connections.
    pub fn down(&mut self) {
        self.stop();
        // A program that another test is just starting has the socket, too, until it runs.
        until("it is down", || TcpStream::connect(&self.address).is_err());
    }

    fn stop(&mut self) {
        let Some(listening) = self.listening.take() else { return };
        self.shared.ends.store(true, Ordering::SeqCst);
        // Whoever waits for a connection gets one.
        let _ = TcpStream::connect(&self.address);
        listening.join().unwrap();
    }

    /// Is there again, at the same address.
    pub fn up(&mut self) {
        let start = Instant::now();
        let listener = loop {
            match TcpListener::bind(&self.address) {
                Ok(listener) => break listener,
                Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
            }
            thread::yield_now();
        };
        self.shared.ends.store(false, Ordering::SeqCst);
        self.listen(listener);
    }

    fn listen(&mut self, listener: TcpListener) {
        let (shared, tls) = (Arc::clone(&self.shared), Arc::clone(&self.tls));
        self.listening = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.ends.load(Ordering::SeqCst) {
                    break;
                }
                let (shared, tls) = (Arc::clone(&shared), Arc::clone(&tls));
                // A connection that breaks is the other side's business.
                thread::spawn(move || stream.and_then(|stream| serve(stream, tls, &shared)));
            }
        }));
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What an issuer that publishes these keys does.
pub fn well(url: &str, keys: &[String]) -> Conduct {
    let (document, keys) = (discovery(url, &format!("{url}{KEYS}")), jwks(keys));
    Box::new(move |path| match path {
        DISCOVERY => Reply::Json(document.clone()),
        KEYS => Reply::Json(keys.clone()),
        _ => Reply::Bytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into()),
    })
}

/// What an issuer says of itself.
pub fn discovery(issuer: &str, jwks_uri: &str) -> String {
    serde_json::json!({
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
    .to_string()
}

/// A set of keys, each a JWK.
pub fn jwks(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// One request, and what comes of it.
fn serve(stream: TcpStream, tls: Arc<ServerConfig>, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let connection = ServerConnection::new(tls).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    // What was asked is known before it is answered: whoever has the answer finds the request among those that were counted.
    shared.asked.lock().unwrap().push(path.clone());
    let reply = (shared.conduct.lock().unwrap())(&path);
    match reply {
        Reply::Json(body) => {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )?;
        }
        Reply::Bytes(bytes) => stream.write_all(bytes.as_bytes())?,
        Reply::Never => return wait(&mut stream),
        Reply::Stuck => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{{"
            )?;
            stream.flush()?;
            return wait(&mut stream);
        }
        Reply::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b' '; 4096])?;
            }
        }
    }
    stream.conn.send_close_notify();
    stream.flush()
}

/// Until the other side gives up.
fn wait(stream: &mut impl Read) -> io::Result<()> {
    while stream.read(&mut [0])? > 0 {}
    Ok(())
}
