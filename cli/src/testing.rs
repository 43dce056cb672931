//! For tests: a log of two entries made with core's own types, and a server that answers what it is told to.

use provlog_core::checkpoint::Checkpoint;
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::note::LogSigner;
use provlog_core::receipt::Receipt;
use provlog_core::record::{Record, Section, SectionName};
use provlog_core::tree::{Extension, Frontier};
use provlog_core::trust::Trust;
use provlog_core::{Hash, Kind};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// Signs receipts for whatever it is given.
#[derive(Clone)]
pub(crate) struct OneLog {
    signer: LogSigner,
}

impl OneLog {
    pub(crate) fn new() -> Self {
        Self::with_seed([7; 32])
    }

    pub(crate) fn with_seed(seed: [u8; 32]) -> Self {
        Self { signer: LogSigner::from_seed("example.com/log", &seed).unwrap() }
    }

    pub(crate) fn origin(&self) -> &str {
        self.signer.verifier().name()
    }

    pub(crate) fn vkey(&self) -> String {
        self.signer.verifier().to_string()
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.signer.verifier().fingerprint()
    }

    pub(crate) fn trust_text(&self) -> String {
        Trust::text_for(self.signer.verifier(), None)
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::parse(self.trust_text().as_bytes()).unwrap()
    }

    /// The receipt of an entry at index 1, after a leaf that is always the same.
    pub(crate) fn receipt(&self, kind: Kind, submitted: Section) -> Vec<u8> {
        let attested = Section::default();
        let entry = Entry {
            kind,
            time_ms: TimeMs::new(1_790_000_000_000).unwrap(),
            submitted_digest: submitted.digest(SectionName::Submitted, kind),
            attested_digest: attested.digest(SectionName::Attested, kind),
        };
        let tree = Extension::new(&Frontier::new(), &[Hash::leaf(b"first"), entry.leaf_hash()]);
        let receipt = Receipt {
            record: Record { entry, submitted, attested }.to_bytes(),
            index: 1,
            proof: tree.inclusion_proof(1).unwrap(),
            checkpoint: self.checkpoint(tree.after()),
        };
        receipt.to_text().into_bytes()
    }

    /// The signed checkpoint of a tree.
    pub(crate) fn checkpoint(&self, tree: &Frontier) -> String {
        let origin = self.origin().into();
        Checkpoint { origin, size: tree.size(), root: tree.root() }.sign(&self.signer)
    }
}

/// One request, as it came.
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut next = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_string()
        };
        let line = next();
        let headers: Vec<(String, String)> = std::iter::repeat_with(next)
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_once(": ").map(|(a, b)| (a.to_ascii_lowercase(), b.to_string())).unwrap())
            .collect();
        let mut request = Self { line, headers, body: String::new() };
        let length: u64 = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        reader.take(length).read_to_string(&mut request.body).unwrap();
        request
    }
}

/// What the server does with a request.
pub(crate) struct Reply(Option<Answer>);

struct Answer {
    status: u16,
    media_type: &'static str,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self(Some(Answer { status, media_type: "text/plain", body: body.into() }))
    }

    /// A problem document with this code, as a log answers it.
    pub(crate) fn problem(status: u16, code: &str) -> Self {
        let body = format!(
            r#"{{"type":"urn:provlog:problem:{code}","status":{status},"code":"{code}","detail":"no"}}"#
        );
        Self(Some(Answer { status, media_type: "application/problem+json", body: body.into() }))
    }

    /// Closes the connection without an answer.
    pub(crate) const fn hang_up() -> Self {
        Self(None)
    }

    fn write(self, mut stream: TcpStream) {
        if let Some(Answer { status, media_type, body }) = self.0 {
            let head = format!(
                "HTTP/1.1 {status} s\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // The client may have hung up, as a test of its patience makes it do.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    }
}

/// A server on loopback that answers a given number of requests.
pub(crate) struct Server {
    pub(crate) url: String,
    thread: JoinHandle<Vec<Request>>,
}

impl Server {
    /// What was asked, once all of it was.
    pub(crate) fn finish(self) -> Vec<Request> {
        self.thread.join().unwrap()
    }
}

/// Starts one.
pub(crate) fn serve(
    count: usize,
    mut answer: impl FnMut(usize, &Request) -> Reply + Send + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let mut requests = Vec::new();
        for stream in listener.incoming().take(count) {
            let stream = stream.unwrap();
            let request = Request::read(&stream);
            answer(requests.len(), &request).write(stream);
            requests.push(request);
        }
        requests
    });
    Server { url, thread }
}
