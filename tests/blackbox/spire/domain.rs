//! A trust domain on loopback: SPIRE's server and agent, and one workload, which is whoever runs the test.

use crate::support::{folder, repository, stderr, stdout};
use crate::tls::site::{Authority, put, until};
use serde_json::Value;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use tempfile::TempDir;

pub const NAME: &str = "example.org";
pub const WORKLOAD: &str = "spiffe://example.org/ci/build";

/// The domain. It goes down with its test.
pub struct Domain {
    folder: TempDir,
    /// Where its bundle is fetched from, under the CA in `ca.pem`.
    pub endpoint: String,
    server: Child,
    agent: Child,
}

/// A certificate and its key, in files.
pub struct Svid {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Domain {
    /// Starts both, and waits until the agent has the workload's SVIDs.
    pub fn new() -> Self {
        let folder = folder();
        let [port, bundles] = [free_port(), free_port()];
        let authority = Authority::new("CA of a trust domain's endpoint");
        let endpoint = authority.server(&["127.0.0.1"]);
        put(&folder.path().join("ca.pem"), &authority.pem);
        put(&folder.path().join("endpoint.pem"), &endpoint.certificate);
        put(&folder.path().join("endpoint.key"), &endpoint.key);
        let place = folder.path().display().to_string();
        let server = format!(
            r#"server {{
    bind_address = "127.0.0.1"
    bind_port = "{port}"
    socket_path = "{place}/server.sock"
    trust_domain = "{NAME}"
    data_dir = "{place}/server"
    default_x509_svid_ttl = "10m"
    default_jwt_svid_ttl = "5m"
    federation {{
        bundle_endpoint {{
            address = "127.0.0.1"
            port = {bundles}
            profile "https_web" {{
                serving_cert_file {{
                    cert_file_path = "{place}/endpoint.pem"
                    key_file_path = "{place}/endpoint.key"
                    file_sync_interval = "1h"
                }}
            }}
        }}
    }}
}}
plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
            connection_string = "{place}/entries.sqlite3"
        }}
    }}
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
}}
"#
        );
        let agent = format!(
            r#"agent {{
    server_address = "127.0.0.1"
    server_port = "{port}"
    socket_path = "{place}/agent.sock"
    trust_bundle_path = "{place}/server-ca.pem"
    trust_domain = "{NAME}"
    data_dir = "{place}/agent"
}}
plugins {{
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
    WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"#
        );
        fs::write(folder.path().join("server.conf"), server).unwrap();
        fs::write(folder.path().join("agent.conf"), agent).unwrap();

        let server = start(folder.path(), "server", &[]);
        let ask = |arguments: &[&str]| ask(folder.path(), "server", arguments);
        until("the server serves", || ask(&["healthcheck"]).status.success());
        fs::write(folder.path().join("server-ca.pem"), ask(&["bundle", "show"]).stdout).unwrap();
        let said: Value =
            serde_json::from_slice(&ask(&["token", "generate", "-output", "json"]).stdout).unwrap();
        let token = said["value"].as_str().unwrap();
        let parent = format!("spiffe://{NAME}/spire/agent/join_token/{token}");
        let selector = format!("unix:uid:{}", fs::metadata(folder.path()).unwrap().uid());
        let entry = ["-parentID", &parent, "-spiffeID", WORKLOAD, "-selector", &selector];
        let entry = ask(&[&["entry", "create"], &entry[..]].concat());
        assert!(entry.status.success(), "{}{}", stdout(&entry), stderr(&entry));
        let agent = start(folder.path(), "agent", &["-joinToken", token]);
        let domain = Self { folder, endpoint: format!("https://127.0.0.1:{bundles}/"), server, agent };
        until("the agent has SVIDs", || domain.try_agent(&["api", "fetch", "x509"]).status.success());
        domain
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What SPIRE's server says when it is asked on its own socket.
    pub fn server(&self, arguments: &[&str]) -> String {
        let output = ask(self.folder.path(), "server", arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    fn try_agent(&self, arguments: &[&str]) -> Output {
        ask(self.folder.path(), "agent", arguments)
    }

    /// What SPIRE's agent says to the workload.
    fn agent(&self, arguments: &[&str]) -> String {
        let output = self.try_agent(arguments);
        assert!(output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    /// Puts the domain's bundle as it is now, in SPIFFE's JSON, in a file.
    pub fn publish(&self, file: &Path) {
        put(file, &self.server(&["bundle", "show", "-format", "spiffe"]));
    }

    /// A JWT-SVID for this audience.
    pub fn jwt(&self, audience: &str) -> String {
        let said = self.agent(&["api", "fetch", "jwt", "-output", "json", "-audience", audience]);
        let said: Value = serde_json::from_str(&said).unwrap();
        let svids = said[0]["svids"].as_array().unwrap();
        assert_eq!((svids.len(), svids[0]["spiffe_id"].as_str()), (1, Some(WORKLOAD)));
        svids[0]["svid"].as_str().unwrap().to_owned()
    }

    /// The X.509-SVID that the agent has now, in files of a folder of this name.
    pub fn x509(&self, name: &str) -> Svid {
        let to = self.path(name);
        fs::create_dir_all(&to).unwrap();
        self.agent(&["api", "fetch", "x509", "-write", to.to_str().unwrap()]);
        Svid { chain: to.join("svid.0.pem"), key: to.join("svid.0.key") }
    }

    /// From now on tokens and certificates are signed by other keys, and those before are in the bundle no more. Tells what the workload
    /// has then: a token for this audience, and a certificate in a folder of this name.
    pub fn rotate(&self, audience: &str, name: &str) -> (String, Svid) {
        let of = |svid: &Svid| fs::read(&svid.chain).unwrap();
        let (token, svid) = (self.jwt(audience), of(&self.x509(name)));
        let authority = |kind: &str, arguments: &[&str], member: &str| {
            let arguments = [&["localauthority", kind], arguments, &["-output", "json"]].concat();
            let said: Value = serde_json::from_str(&self.server(&arguments)).unwrap();
            said[member]["authority_id"].as_str().unwrap().to_owned()
        };
        let before = ["jwt", "x509"].map(|kind| {
            let before = authority(kind, &["show"], "active");
            let next = authority(kind, &["prepare"], "prepared_authority");
            authority(kind, &["activate", "-authorityID", &next], "activated_authority");
            // What it signed is replaced at once, and not when half of its time is over.
            authority(kind, &["taint", "-authorityID", &before], "tainted_authority");
            (kind, before)
        });
        until("the agent has a token by the new key", || self.jwt(audience) != token);
        until("the agent has a certificate of the new CA", || of(&self.x509(name)) != svid);
        for (kind, before) in before {
            authority(kind, &["revoke", "-authorityID", &before], "revoked_authority");
        }
        (self.jwt(audience), self.x509(name))
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        for child in [&mut self.agent, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port of loopback that nobody has.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program that `.ci/spire` builds.
pub fn built(name: &str) -> PathBuf {
    let path = repository().join("target/spire").join(name);
    assert!(path.exists(), "{} is not built: run .ci/spire", path.display());
    path
}

/// SPIRE's server or agent.
fn spire(name: &str) -> Command {
    Command::new(built(&format!("spire-{name}")))
}

/// Starts one of the two with its settings in a folder, where it logs, too.
fn start(folder: &Path, name: &str, arguments: &[&str]) -> Child {
    let log = File::create(folder.join(format!("{name}.log"))).unwrap();
    spire(name)
        .args(["run", "-config", &format!("{name}.conf")])
        .args(arguments)
        .current_dir(folder)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Asks one of the two over its socket.
fn ask(folder: &Path, name: &str, arguments: &[&str]) -> Output {
    let socket = folder.join(format!("{name}.sock"));
    spire(name).args(arguments).arg("-socketPath").arg(socket).output().unwrap()
}
