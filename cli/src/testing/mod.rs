//! For tests: a log of two entries made with core's own types, and a server that answers what it is told to.

pub(crate) mod authority;
pub(crate) mod door;

use door::Door;
use provlog_core::checkpoint::Checkpoint;
use provlog_core::entry::{Entry, TimeMs};
use provlog_core::note::LogSigner;
use provlog_core::receipt::Receipt;
use provlog_core::record::{Record, Section, SectionName};
use provlog_core::tree::{Extension, Frontier};
use provlog_core::trust::Trust;
use provlog_core::{Hash, Kind};
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::thread::{self, JoinHandle};

/// When its entries are logged, unless a test says otherwise.
const TIME_MS: u64 = 1_790_000_000_000;

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
        self.receipt_attesting(kind, submitted, Section::default())
    }

    /// The same, of an entry to which this is attested.
    pub(crate) fn receipt_attesting(&self, kind: Kind, submitted: Section, attested: Section) -> Vec<u8> {
        self.receipt_at(TIME_MS, kind, submitted, attested)
    }

    /// The same, with another time.
    pub(crate) fn receipt_at(
        &self,
        time_ms: u64,
        kind: Kind,
        submitted: Section,
        attested: Section,
    ) -> Vec<u8> {
        let entry = Entry {
            kind,
            time_ms: TimeMs::new(time_ms).unwrap(),
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

    /// Fails where nothing whole comes, as of a client that doesn't believe the server's certificate.
    fn read(stream: impl Read) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut next = || -> io::Result<String> {
            let mut line = String::new();
            match reader.read_line(&mut line)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(line.trim_end().to_string()),
            }
        };
        let mut request = Self { line: next()?, headers: Vec::new(), body: String::new() };
        loop {
            let line = next()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            request.headers.push((name.to_ascii_lowercase(), value.to_string()));
        }
        let length: u64 = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        reader.take(length).read_to_string(&mut request.body)?;
        Ok(request)
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// Answers it.
    Answer { status: u16, media_type: &'static str, body: Vec<u8> },
    /// Sends these bytes, and breaks off without a word of the end.
    Cut(Vec<u8>),
    /// Says nothing, until the client is gone.
    Silence,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, media_type: "text/plain", body: body.into() }
    }

    /// A problem document with this code, as a log answers it.
    pub(crate) fn problem(status: u16, code: &str) -> Self {
        let body = format!(
            r#"{{"type":"urn:provlog:problem:{code}","status":{status},"code":"{code}","detail":"no"}}"#
        );
        Self::Answer { status, media_type: "application/problem+json", body: body.into() }
    }

    /// The client may have hung up, as a test of its patience makes it do.
    fn write(self, stream: &mut door::Connection) -> io::Result<()> {
        match self {
            Self::Answer { status, media_type, body } => {
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} s\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                )?;
                stream.write_all(&body)?;
                stream.say_end()
            }
            Self::Cut(bytes) => stream.write_all(&bytes),
            Self::Silence => stream.read_to_end(&mut Vec::new()).map(drop),
        }
    }
}

/// A server that answers a given number of connections, with a request each.
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

/// Starts one in clear, on loopback.
pub(crate) fn serve(count: usize, answer: impl FnMut(usize, &Request) -> Reply + Send + 'static) -> Server {
    serve_at(&Door::Tcp, count, answer)
}

/// Starts one.
pub(crate) fn serve_at(
    door: &Door,
    count: usize,
    mut answer: impl FnMut(usize, &Request) -> Reply + Send + 'static,
) -> Server {
    let listener = door.open();
    let url = listener.url();
    let thread = thread::spawn(move || {
        let mut requests = Vec::new();
        for _ in 0..count {
            let mut stream = listener.accept();
            let Ok(request) = Request::read(&mut stream) else { continue };
            let _ = answer(requests.len(), &request).write(&mut stream);
            requests.push(request);
        }
        requests
    });
    Server { url, thread }
}
