//! A log that takes the workloads of a SPIRE: their tokens in clear text on loopback, their certificates with TLS.

use super::domain::{Domain, NAME, Svid, WORKLOAD, built, free_port};
use crate::bound::submission::Salted;
use crate::oidc::site::{Site, code};
use crate::oidc::token::{AUDIENCE, ORIGIN};
use crate::support::{alone, program, promotion, stderr, stdout};
use crate::tls::site::{Authority, put};
use provlog_core::{Hash, hex};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Log {
    pub site: Site,
    /// Where it asks for certificates.
    url: String,
}

/// A log that fetches this domain's bundle from its endpoint.
pub fn fetching(domain: &Domain) -> Site {
    let (url, ca) = (&domain.endpoint, domain.path("ca.pem"));
    Site::with(|_| table(&format!("bundle_url = \"{url}\"\nca = \"{}\"", ca.display())))
}

/// The domain in a log's settings, with where its bundle is.
fn table(bundle: &str) -> String {
    format!(
        r#"[[trust_domain]]
name = "{NAME}"
{bundle}
audience = "{AUDIENCE}"
[[trust_domain.rule]]
match = ["sub=spiffe://{NAME}/ci/*"]
roles = ["append", "read"]
"#
    )
}

impl Log {
    /// With this domain's bundle as it is now.
    pub fn of(domain: &Domain) -> Self {
        let authority = Authority::new("CA of a test");
        let identity = authority.server(&["127.0.0.1"]);
        let address = format!("127.0.0.1:{}", free_port());
        let site = Site::with(|folder| {
            domain.publish(&folder.join("bundle.json"));
            put(&folder.join("ca.pem"), &authority.pem);
            put(&folder.join("server.pem"), &identity.certificate);
            put(&folder.join("server.key"), &identity.key);
            let place = folder.display();
            let domain = table(&format!("bundle_file = \"{place}/bundle.json\""));
            format!(
                r#"{domain}[[listener]]
listen = "{address}"
tls_certificate = "{place}/server.pem"
tls_key = "{place}/server.key"
tls_client_svids = true
"#
            )
        });
        Self { site, url: format!("https://{address}") }
    }

    /// The file of the bundle.
    pub fn bundle(&self) -> PathBuf {
        self.site.path("bundle.json")
    }

    /// An entry of whoever has a token.
    pub fn append_as_bearer(&self, token: &str) {
        let answer = self.site.append("a", token).expect(201).json();
        self.demand(&answer["index"], token, ["jwt-svid", "bearer"]);
    }

    /// An entry of whoever shows a certificate.
    pub fn append_over_tls(&self, svid: &Svid) {
        let (status, answer) = self.post(svid);
        assert_eq!(status, "201", "{answer}");
        let path = format!("/v1/entries/{}", answer["index"]);
        let (status, entry) = self.curl(svid, &path, &[]);
        assert_eq!(status, "200", "{entry}");
        demand_of(&entry, ["x509-svid", "bearer"]);
    }

    pub fn refuse_over_tls(&self, svid: &Svid) {
        let (status, answer) = self.post(svid);
        assert_eq!((&*status, &answer["code"]), ("401", &json!("caller.certificate")), "{answer}");
    }

    /// An entry that a token is for, and nothing else; the name of its receipt.
    pub fn append_bound(&self, domain: &Domain, name: &str) -> String {
        let submission = Salted::new(name);
        let token = domain.jwt(&submission.audience());
        let other = self.site.submit(&Salted::new("another").json, &token).expect(401);
        assert_eq!(code(&other), "token.audience");
        let answer = self.site.submit(&submission.json, &token).expect(201).json();
        self.site.says_nothing_of(&[token]);
        self.keep(name, &answer, &domain.jwt(AUDIENCE), "jwt-svid")
    }

    /// An entry that a certificate's key signed, and a token let in; the name of its receipt.
    pub fn append_signed(&self, token: &str, svid: &Svid, name: &str) -> String {
        let submission = Salted::new(name);
        let chain: Vec<_> = CertificateDer::pem_file_iter(&svid.chain).unwrap().map(Result::unwrap).collect();
        let certificate = Hash::plain(&chain[0]).to_hex();
        let text = self.site.path("signed");
        fs::write(&text, format!("provlog-submission/v1\n{ORIGIN}\n{}\n{certificate}\n", submission.digest))
            .unwrap();
        let mut openssl = Command::new("openssl");
        let signed = openssl.args(["dgst", "-sha256", "-sign"]).args([&svid.key, &text]).output().unwrap();
        assert!(signed.status.success(), "{}", stderr(&signed));
        let mut json = submission.json.clone();
        json["evidence"] = json!({
            "format": "x509-svid",
            "chain": chain.iter().map(|der| hex::encode(der)).collect::<Vec<_>>(),
            "signature": hex::encode(&signed.stdout),
        });
        let answer = self.site.submit(&json, token).expect(201).json();
        self.keep(name, &answer, token, "x509-svid")
    }

    /// An entry of `provlog append`, which has the certificate and its key and no other secret; the name of its receipt.
    pub fn append_by_command(&self, svid: &Svid, name: &str) -> String {
        let [chain, key] = [&svid.chain, &svid.key].map(|path| path.to_str().unwrap());
        let own = ["x509-svid", "--svid", chain, "--svid-key", key, "--url", &self.url];
        self.command(Command::new(program("provlog")), name, &own)
    }

    /// As [`Log::append_by_command`], with what the agent gives, by each method.
    pub fn append_by_agent(&self, domain: &Domain, name: &str) -> [String; 2] {
        [("jwt-svid", &self.site.daemon.url), ("x509-svid", &self.url)].map(|(method, url)| {
            let mut command = Command::new(built("provlog"));
            command.env("SPIFFE_ENDPOINT_SOCKET", format!("unix:{}", domain.path("agent.sock").display()));
            self.command(command, &format!("{name}-{method}"), &[method, "--url", url])
        })
    }

    fn command(&self, command: Command, name: &str, identity: &[&str]) -> String {
        let (request, receipt) = (format!("{name}.json"), format!("{name}.tlog-proof"));
        fs::write(self.site.path(&request), promotion(name).to_string()).unwrap();
        let trust = self.site.path("data/trust.tlog-policy");
        let more = ["--ca", "ca.pem", "--trust", trust.to_str().unwrap(), "--json", &request, "-o", &receipt];
        let arguments = [&["append", "--identity"], identity, &more].concat();
        let output = alone(command, self.site.folder.path(), &arguments).output().unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        receipt
    }

    /// How a receipt's check that it is bound ends with the bundle in a file, and the exit code.
    pub fn verify(&self, receipt: &str, bundle: &Path) -> (String, Option<i32>) {
        self.site.is_bound(receipt, &["--bundle", &format!("{NAME}={}", bundle.display())])
    }

    fn keep(&self, name: &str, answer: &Value, reader: &str, method: &str) -> String {
        self.demand(&answer["index"], reader, [method, "statement"]);
        let file = format!("{name}.tlog-proof");
        fs::write(self.site.path(&file), answer["receipt"].as_str().unwrap()).unwrap();
        file
    }

    fn demand(&self, index: &Value, reader: &str, said: [&str; 2]) {
        let entry = self.site.get(&format!("/v1/entries/{index}"), reader).expect(200).json();
        demand_of(&entry, said);
    }

    fn post(&self, svid: &Svid) -> (String, Value) {
        let body = promotion("over TLS").to_string();
        self.curl(svid, "/v1/entries", &["--header", "Content-Type: application/json", "--data", &body])
    }

    /// The status and the document that curl, which shows this certificate, is answered with.
    fn curl(&self, svid: &Svid, path: &str, arguments: &[&str]) -> (String, Value) {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}", "--cacert"])
            .arg(self.site.path("ca.pem"))
            .arg("--cert")
            .arg(&svid.chain)
            .arg("--key")
            .arg(&svid.key)
            .args(arguments)
            .arg(format!("{}{path}", self.url))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let said = stdout(&output);
        let (document, status) = said.rsplit_once('\n').unwrap();
        (status.to_owned(), serde_json::from_str(document).unwrap())
    }
}

/// The workload that is attested is this domain's, known by this method and bound like this.
fn demand_of(entry: &Value, said: [&str; 2]) {
    let workload = &entry["attested"]["workload"];
    let members = ["method", "binding", "id", "issuer"].map(|name| workload[name].as_str());
    let issuer = format!("spiffe://{NAME}");
    assert_eq!(members, [said[0], said[1], WORKLOAD, &issuer].map(Some), "{workload}");
}
