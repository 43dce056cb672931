//! A job of GitHub: an issuer that gives it a token for whatever audience it asks for, and `provlog` as the job runs it.

use crate::oidc::issuer::{Conduct, Issuer, Reply, well};
use crate::oidc::site::Site;
use crate::oidc::token::{Draft, published};
use crate::support::{PATIENCE, alone, program};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

/// Where jobs are told to ask.
pub const PATH: &str = "/idtoken?api-version=2.0";

/// What they have to show there.
pub const REQUEST_TOKEN: &str = "request-token-of-the-job";

/// An issuer that is also asked for tokens, and the log that takes them.
pub struct Jobs {
    pub site: Site,
    pub issuer: Issuer,
    /// What was given, in its order.
    given: Arc<Mutex<Vec<String>>>,
}

impl Jobs {
    pub fn new() -> Self {
        let (site, issuer) = Site::with_issuer();
        let jobs = Self { site, issuer, given: Arc::default() };
        jobs.run_as(|draft| draft);
        jobs
    }

    /// From now on the jobs are others, by what their tokens say.
    pub fn run_as(&self, change: impl Fn(Draft) -> Draft + Send + 'static) {
        let (url, given) = (self.issuer.url.clone(), Arc::clone(&self.given));
        let others = well(&url, &published());
        let conduct: Conduct = Box::new(move |path| match path.strip_prefix(&format!("{PATH}&audience=")) {
            Some(audience) => {
                let audience = audience.replace("%2F", "/").replace("%3A", ":");
                let token = change(Draft::of(&url).claim("aud", audience)).sign();
                given.lock().unwrap().push(token.clone());
                Reply::Json(serde_json::json!({"count": 1, "value": token}).to_string())
            }
            None => others(path),
        });
        self.issuer.behave(conduct);
    }

    /// The tokens that jobs were given.
    pub fn given(&self) -> Vec<String> {
        self.given.lock().unwrap().clone()
    }

    /// What a job runs in this folder, to whatever is at this URL.
    pub fn command(&self, folder: &Path, url: &str, arguments: &[&str]) -> Command {
        let mut command = alone(Command::new(program("provlog")), folder, arguments);
        command
            .env("PROVLOG_URL", url)
            .env("PROVLOG_TRUST", self.site.path("data/trust.tlog-policy"))
            .env("PROVLOG_IDENTITY", "github")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}{PATH}", self.issuer.url))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
            .env("SSL_CERT_FILE", self.site.path("ca.pem"));
        command
    }

    /// The same in the site's folder, to its daemon.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(self.site.folder.path(), &self.site.daemon.url, arguments).output().unwrap()
    }

    /// What is pending in a folder.
    pub fn pending(folder: &Path) -> Vec<PathBuf> {
        let found = std::fs::read_dir(folder.join(".provlog/receipts")).into_iter().flatten();
        let found = found.map(|item| item.unwrap().path());
        found.filter(|path| path.extension().is_some_and(|extension| extension == "pending")).collect()
    }

    /// Something between a job and the log that hands one request on, and loses the answer. No other attempt would do better.
    pub fn swallowing(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (url, log) =
            (format!("http://{}", listener.local_addr().unwrap()), self.site.daemon.address.clone());
        thread::spawn(move || {
            let mut client = listener.accept().unwrap().0;
            let mut daemon = TcpStream::connect(log).unwrap();
            daemon.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut onward = (client.try_clone().unwrap(), daemon.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut onward.0, &mut onward.1));
            daemon.read_exact(&mut [0]).unwrap();
            client.write_all(b"HTTP/1.1 500 Lost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        });
        url
    }
}
