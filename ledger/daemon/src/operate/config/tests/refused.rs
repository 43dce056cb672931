//! What is refused, and by which words.

use super::workloads::{PLAIN, domain, issuer, preset};
use super::{of_file, resolve};
use std::fs;
use tempfile::TempDir;

/// Each with what it is told: where, what was expected, what was got.
#[test]
fn what_is_refused_in_the_file_is_named_with_line_and_column() {
    let cases: &[(&str, &str)] = &[
        ("lisen = \"x\"\n", "f:1:1: lisen: unknown key; expected one of data_dir, must_exist"),
        ("zz = 1\naa = 2\n", "f:1:1: zz: unknown key"),
        ("listen = \"x\n", "f:1:12: expected TOML: invalid basic string"),
        ("a = 1\na = 2\n", "f:2:1: expected TOML: "),
        ("# ä\nü = 1", "expected TOML"),
        (
            "\nlisten = \"localhost:80\"\n",
            "f:2:10: listen: expected an IP address with a port, or unix: and an absolute path, got \"localhost:80\"",
        ),
        ("listen = 4180", "f:1:10: listen: expected a string, got 4180"),
        ("listen = \"\"", "f:1:10: listen: expected a string with something in it, got \"\""),
        (
            "listen = \"0.0.0.0:4180\"",
            "f:1:10: listen: other machines reach 0.0.0.0:4180, and it is without TLS",
        ),
        ("listen = \"192.0.2.1:4180\"", "set allow_clear_text = true (--allow-clear-text)"),
        ("must_exist = \"yes\"", "f:1:14: must_exist: expected true or false, got a string"),
        ("must_exist = 1", "f:1:14: must_exist: expected true or false, got 1"),
        ("  connections_max = 0", "f:1:21: connections_max: expected at least 1, got 0"),
        ("connections_max = -3", "connections_max: expected at least 1, got -3"),
        ("connections_max = 65537", "connections_max: expected at most 65536, got 65537"),
        ("connections_max = 1.5", "connections_max: expected a whole number, got 1.5"),
        ("connections_max = \"5\"", "connections_max: expected a whole number, got a string"),
        (
            "connections_max = 99999999999999999999",
            "connections_max: expected at most 65536, got 99999999999999999999",
        ),
        ("body_bytes_max = 1024", "body_bytes_max: expected at least 50331648, got 1024"),
        ("header_timeout_ms = 0", "f:1:21: header_timeout_ms: expected at least 1, got 0"),
        ("body_timeout_ms = 0", "body_timeout_ms: expected at least 1, got 0"),
        ("write_timeout_ms = 0", "write_timeout_ms: expected at least 1, got 0"),
        ("handshake_timeout_ms = 0", "handshake_timeout_ms: expected at least 1, got 0"),
        ("handshakes_max = 0", "handshakes_max: expected at least 1, got 0"),
        ("caller_rate_per_s = 1000001", "caller_rate_per_s: expected at most 1000000, got 1000001"),
        ("total_rate_per_s = -1", "total_rate_per_s: expected at least 0, got -1"),
        (
            "refusal_entries_per_minute = [1]",
            "refusal_entries_per_minute: expected a whole number, got an array",
        ),
        ("origin = \"two words\"", "f:1:10: origin: expected 1 to"),
        ("log_filter = \"provlogd=\\\"\"", "f:1:14: log_filter: expected a level"),
        ("log_format = \"xml\"", "f:1:14: log_format: expected text or json, got \"xml\""),
        ("hosts = \"a.example\"", "f:1:9: hosts: expected an array of strings, got a string"),
        (
            "hosts = [\n  \"a.example\",\n  \"b.example:443\",\n]",
            "f:3:3: hosts: expected a DNS name such as log.example.com, without a port, got \"b.example:443\"",
        ),
        ("hosts = [\"a\", 7]", "f:1:15: hosts: expected an array of strings, got 7 in it"),
        ("hosts = [\"192.0.2.1\"]", "hosts: expected a DNS name"),
        (
            "trusted_proxies = [\"10.0.0.0/8\"]",
            "f:1:20: trusted_proxies: expected an IP address, got \"10.0.0.0/8\"",
        ),
        ("tls_certificate = \"c\"", "f:1:19: tls_certificate: expected tls_key beside it, got none"),
        ("tls_key = \"k\"", "f:1:11: tls_key: expected tls_certificate beside it, got none"),
        ("tls_client_ca = \"k\"", "tls_client_ca: expected tls_certificate beside it"),
        ("tls_client_svids = true", "f:1:20: tls_client_svids: expected tls_certificate beside it"),
        ("tls_client_svids = \"yes\"", "f:1:20: tls_client_svids: expected true or false, got a string"),
        (
            "listen = \"unix:/s\"\ntls_client_svids = true",
            "f:2:20: tls_client_svids: expected no TLS on a Unix socket",
        ),
        (
            "tls_certificate = \"c\"\ntls_key = \"k\"\ntls_client_ca = \"a\"\ntls_client_svids = true",
            "f:4:20: tls_client_svids: expected no tls_client_ca beside it, got both",
        ),
        (
            "tls_key = \"-----BEGIN PRIVATE KEY-----\"",
            "tls_key: expected the path of a file, got something else; a secret",
        ),
        ("log_key = \"PRIVATE+KEY+x\"", "log_key: expected the path of a file, got something else"),
        (
            "log_key = \"credential:a/b\"",
            "log_key: expected credential: and the name of a credential, without a slash",
        ),
        ("log_key = \"credential:\"", "got \"credential:\""),
        (
            "listen = \"unix:/s\"\ntls_certificate = \"c\"\ntls_key = \"k\"",
            "f:2:19: tls_certificate: expected no TLS on a Unix socket",
        ),
        ("listener = []", "f:1:12: listener: expected at least one [[listener]], got none"),
        ("listener = 1", "f:1:12: listener: expected tables, each under a head [[listener]], got 1"),
        ("listener = [1]", "f:1:13: listener: expected tables"),
        (
            "[listener]\nlisten = \"127.0.0.1:1\"",
            "f:1:1: listener: expected tables, each under a head [[listener]], got a table",
        ),
        ("[[listener]]\n", "f:1:1: listener: expected the key listen in this table, got none"),
        (
            "[[listener]]\nlisten = \"127.0.0.1:1\"\nhosts = []",
            "f:3:1: hosts: unknown key; expected one of listen, tls_certificate, tls_key, tls_client_ca",
        ),
        (
            "[[listener]]\nlisten = \"127.0.0.1:1\"\n[[listener]]\nlisten = \"127.0.0.1:1\"",
            "f:4:10: listen: expected another address than the other listeners have, got 127.0.0.1:1",
        ),
        ("[[listener]]\nlisten = \"[::]:1\"", "f:2:10: listen: other machines reach [::]:1"),
        (
            "tls_certificate = \"c\"\n[[listener]]\nlisten = \"127.0.0.1:1\"",
            "f:1:19: tls_certificate: it is for the listener of the setting listen, got none",
        ),
        ("[[peer]]\nroles = [\"read\"]", "f:1:1: peer: expected the key uid in this table, got none"),
        ("[[peer]]\nuid = 1", "f:1:1: peer: expected the key roles in this table, got none"),
        ("[[peer]]\nuid = \"root\"\nroles = [\"read\"]", "f:2:7: uid: expected a whole number, got a string"),
        ("[[peer]]\nuid = 4294967296\nroles = [\"read\"]", "f:2:7: uid: expected at most 4294967295"),
        ("[[peer]]\nuid = 1\nroles = []", "f:3:9: roles: expected at least one role, got none"),
        (
            "[[peer]]\nuid = 1\nroles = [\"read\", \"root\"]",
            "f:3:18: roles: expected append, read, audit or admin, got \"root\"",
        ),
        (
            "[[peer]]\nuid = 1\nrole = [\"read\"]",
            "f:3:1: role: unknown key; expected one of uid, roles, kinds, environments",
        ),
        (
            "[[peer]]\nuid = 1\nroles = [\"append\"]\nkinds = [\"genesis\"]",
            "f:4:10: kinds: expected one of generation, scan",
        ),
        ("[[peer]]\nuid = 1\nroles = [\"append\"]\nkinds = []", "f:4:9: kinds: expected 1 to 16, got 0"),
        (
            "[[peer]]\nuid = 1\nroles = [\"append\"]\nenvironments = [\"A\"]",
            "f:4:17: environments: expected 1 to 63 of a-z 0-9 . _ -, the first a letter or digit, got \"A\"",
        ),
        (
            "[[peer]]\nuid = 1\nroles = [\"read\"]\nkinds = [\"scan\"]",
            "f:4:9: kinds: expected role append beside it, since it restricts what that appends, got roles read",
        ),
        (
            "[[peer]]\nuid = 1\nroles = [\"read\"]\n[[peer]]\nuid = 1\nroles = [\"audit\"]",
            "f:5:7: uid: expected one [[peer]] for a user, got a second one for 1",
        ),
    ];
    let rule = "match = [\"sub=a\"]\nroles = [\"read\"]";
    let of_issuers: Vec<(String, &str)> = vec![
        ("issuer = 1".into(), "f:1:10: issuer: expected tables, each under a head [[issuer]], got 1"),
        (issuer("", rule), "f:1:1: issuer: expected the key url in this table, got none"),
        (
            issuer("url = \"https://a.example\"", rule),
            "f:1:1: issuer: expected the key audience in this table, got none",
        ),
        (
            issuer("url = \"http://a.example\"\naudience = \"a\"", rule),
            "f:2:7: url: expected an https:// URL of at most 512 bytes, without user info, query and fragment",
        ),
        (
            issuer("url = \"https://u:PRIVATE@a.example\"\naudience = \"a\"", rule),
            "f:2:7: url: expected an https:// URL",
        ),
        (
            issuer("url = \"https://a.example\"\naudience = 1", rule),
            "f:3:12: audience: expected a string, got 1",
        ),
        (
            issuer(&format!("{PLAIN}\njwks = 1"), rule),
            "f:4:1: jwks: unknown key; expected one of url, preset, audience, jwks_url, jwks_file, ca, rule",
        ),
        (
            issuer(&preset("gitea"), rule),
            "f:4:10: preset: expected github, gitlab, kubernetes or generic, got \"gitea\"",
        ),
        (
            issuer(&preset("github"), rule),
            "f:4:10: preset: expected another preset than github for an issuer that isn't https://token.actions.githubusercontent.com, got \"https://a.example\"",
        ),
        (
            issuer("url = \"https://token.actions.githubusercontent.com/e\"\naudience = \"a\"", rule),
            "f:2:7: url: expected preset = \"github\" for GitHub's issuer, got another one",
        ),
        (
            issuer("url = \"https://gitlab.com\"\naudience = \"a\"\npreset = \"generic\"", rule),
            "f:4:10: preset: expected preset = \"gitlab\" for https://gitlab.com, got another one",
        ),
        (
            issuer(&format!("{PLAIN}\njwks_url = \"https://a.example/?key=x\""), rule),
            "f:4:12: jwks_url: expected an https:// URL of at most 512 bytes, without user info, query and fragment",
        ),
        (
            issuer(&format!("{PLAIN}\njwks_file = \"f\"\njwks_url = \"https://a.example/k\""), rule),
            "f:5:12: jwks_url: expected no jwks_url beside jwks_file",
        ),
        (
            issuer(&format!("{PLAIN}\njwks_file = \"f\"\nca = \"c\""), rule),
            "f:5:6: ca: expected no ca beside jwks_file",
        ),
        (
            issuer(&format!("{PLAIN}\nca = \"-----BEGIN CERTIFICATE-----\""), rule),
            "f:4:6: ca: expected the path of a file, got something else",
        ),
        (format!("[[issuer]]\n{PLAIN}"), "f:1:1: issuer: expected the key rule in this table, got none"),
        (
            format!("[[issuer]]\n{PLAIN}\nrule = []"),
            "f:1:1: issuer: expected the key rule in this table, got none",
        ),
        (
            format!("[[issuer]]\n{PLAIN}\nrule = 7"),
            "f:4:8: rule: expected tables, each under a head [[issuer.rule]], got 7",
        ),
        (issuer(PLAIN, "roles = [\"read\"]"), "f:4:1: rule: expected the key match in this table, got none"),
        (issuer(PLAIN, "match = []\nroles = [\"read\"]"), "f:5:9: match: expected 1 to 64, got 0"),
        (issuer(PLAIN, "match = [\"sub=a\"]"), "f:4:1: rule: expected the key roles in this table, got none"),
        (
            issuer(PLAIN, "match = [\"sub=a\", \"sub\"]\nroles = [\"read\"]"),
            "f:5:19: match: expected NAME=VALUE, got \"sub\"",
        ),
        (
            issuer(PLAIN, "match = [\"email=a\"]\nroles = [\"read\"]"),
            "f:5:10: match: expected one of sub, actor, actor_id, ",
        ),
        (
            issuer(PLAIN, "match = [\"Sub=a\"]\nroles = [\"read\"]"),
            "kubernetes.io/serviceaccount/uid before the =, got \"Sub\"",
        ),
        (
            issuer(PLAIN, "match = [\"ref=refs/*/main\"]\nroles = [\"read\"]"),
            "f:5:10: match: expected a * at the end of the value alone, got \"ref=refs/*/main\"",
        ),
        (
            issuer(PLAIN, "match = [\"ref=a**\"]\nroles = [\"read\"]"),
            "expected a * at the end of the value alone",
        ),
        (
            issuer(PLAIN, &format!("{rule}\nuid = 7")),
            "f:7:1: uid: unknown key; expected one of match, roles, kinds, environments",
        ),
        (
            issuer(PLAIN, &format!("{rule}\nkinds = [\"scan\"]")),
            "f:7:9: kinds: expected role append beside it",
        ),
        (
            issuer(PLAIN, rule).repeat(2),
            "f:8:7: url: expected one [[issuer]] of a url, got a second one of https://a.example",
        ),
        (
            format!("{}{}", issuer(PLAIN, rule), format!("[[issuer.rule]]\n{rule}\n").repeat(64)),
            "rule: expected at most 64, got 65",
        ),
        (
            (0..33)
                .map(|number| issuer(&PLAIN.replace("a.example", &format!("a{number}.example")), rule))
                .collect(),
            "issuer: expected at most 32, got 33",
        ),
    ];
    let rule = "match = [\"sub=spiffe://a.example/b\"]\nroles = [\"read\"]";
    let named = "name = \"a.example\"";
    let plain = &*format!("{named}\nbundle_file = \"b\"");
    let matches = |value: &str| domain(plain, &format!("match = [\"{value}\"]\nroles = [\"read\"]"));
    let of_domains: Vec<(String, &str)> = vec![
        (
            "trust_domain = 1".into(),
            "f:1:16: trust_domain: expected tables, each under a head [[trust_domain]], got 1",
        ),
        (domain("", rule), "f:1:1: trust_domain: expected the key name in this table, got none"),
        (domain(named, rule), "f:1:1: trust_domain: expected the key bundle_file in this table, got none"),
        (
            domain("name = \"spiffe://a.example\"\nbundle_file = \"b\"", rule),
            "f:2:8: name: trust domain: expected 1 to 255 of a-z 0-9 . - _, got \"spiffe://a.example\"",
        ),
        (domain("name = \"A.example\"\nbundle_file = \"b\"", rule), "f:2:8: name: trust domain: expected"),
        (
            domain(&format!("{plain}\nbundle_url = \"https://a.example\""), rule),
            "f:4:14: bundle_url: expected no bundle_url beside bundle_file, got both",
        ),
        (domain(&format!("{plain}\nca = \"c\""), rule), "f:4:6: ca: expected no ca beside bundle_file"),
        (
            domain(&format!("{named}\nbundle_url = \"http://a.example\""), rule),
            "f:3:14: bundle_url: expected an https:// URL",
        ),
        (
            domain(&format!("{plain}\njwks_file = \"b\""), rule),
            "f:4:1: jwks_file: unknown key; expected one of name, bundle_file, bundle_url, ca, audience, rule",
        ),
        (
            format!("[[trust_domain]]\n{plain}"),
            "f:1:1: trust_domain: expected the key rule in this table, got none",
        ),
        (matches("ref=main"), "f:5:10: match: expected sub= and a SPIFFE ID of spiffe://a.example, got ref="),
        (
            matches("sub=spiffe://a.example"),
            "f:5:10: match: expected a SPIFFE ID below spiffe://a.example/, got \"spiffe://a.example\"",
        ),
        (matches("sub=*"), "expected a SPIFFE ID below spiffe://a.example/, got \"\""),
        (matches("sub=spiffe://a.example*"), "expected a SPIFFE ID below spiffe://a.example/"),
        (matches("sub=spiffe://a.example.org/b"), "expected a SPIFFE ID below spiffe://a.example/"),
        (matches("sub=spiffe://b.example/*"), "expected a SPIFFE ID below spiffe://a.example/"),
        (matches("sub=spiffe://a.example/b/../c"), "expected a SPIFFE ID below spiffe://a.example/"),
        (
            domain(plain, rule).repeat(2),
            "f:8:8: name: expected one [[trust_domain]] of a name, got a second one of spiffe://a.example",
        ),
        (
            (0..33).map(|at| domain(plain, rule).replace("a.example", &format!("a{at}.example"))).collect(),
            "trust_domain: expected at most 32, got 33",
        ),
    ];
    let of_tables = of_issuers.iter().chain(&of_domains).map(|(text, expected)| (&**text, *expected));
    for (text, expected) in cases.iter().copied().chain(of_tables) {
        let error = of_file(text, &[]).unwrap_err();
        assert!(error.contains(expected), "{text}\nexpected {expected}\ngot      {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(!error.contains("BEGIN") && !error.contains("PRIVATE"), "{error}");
    }
}

#[test]
fn what_is_refused_on_the_command_line_is_named_by_its_flag() {
    let cases: &[(&[&str], &str)] = &[
        (&["--config", "no-such-file.toml"], "configuration no-such-file.toml: "),
        (&["--listen", "0.0.0.0:4180"], "--listen: other machines reach 0.0.0.0:4180"),
        (&["--listen", "localhost"], "--listen: expected an IP address with a port"),
        (&["--must-exist=1"], "--must-exist: expected true or false, got \"1\""),
        (&["--origin", "two words"], "--origin: expected 1 to"),
        (&["--connections-max", "many"], "--connections-max: expected a whole number, got \"many\""),
        (&["--connections-max", "18446744073709551615"], "--connections-max: expected at most 65536"),
        (
            &["--hosts", "a,,b"],
            "--hosts: expected a DNS name such as log.example.com, without a port, got \"\"",
        ),
        (&["--tls-key", "k"], "--tls-key: expected tls_certificate beside it"),
        (&["--log-filter", "provlogd=\""], "--log-filter: expected a level"),
    ];
    for (arguments, expected) in cases {
        let error = resolve(arguments).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn a_file_that_is_no_text_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("f");
    fs::write(&file, b"\xff").unwrap();
    let error = resolve(&["--config", file.to_str().unwrap()]).unwrap_err().to_string();
    assert!(error.contains("/f: ") && error.contains("UTF-8"), "{error}");
}
