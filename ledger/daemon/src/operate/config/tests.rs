use super::command_line::CommandLine;
use super::defaults::default_file;
use super::resolve::{Config, WithoutLog};
use super::table::{SETTINGS, Unset};
use crate::access::peers::Peer;
use crate::access::role::Role;
use crate::access::workloads::{Match, Pattern, Rule};
use crate::http::listener::{Address, Listener, TlsFiles};
use crate::identity::issuer::KeySource;
use crate::operate::config::ConfigError;
use crate::operate::logs::LogFormat;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

fn resolve(arguments: &[&str]) -> Result<Config, ConfigError> {
    CommandLine::read([&["provlogd"], arguments].concat()).unwrap().resolve()
}

/// Resolves a file of this text, which is called `f`, with these flags.
fn of_file(text: &str, flags: &[&str]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    fs::write(&file, text).unwrap();
    let config = resolve(&[&["--config", file.to_str().unwrap()], flags].concat());
    config.map_err(|error| error.to_string().replace(file.to_str().unwrap(), "f"))
}

fn told(config: &Config) -> Vec<(&'static str, String)> {
    config.told.iter().map(|told| (told.key, told.value.clone())).collect()
}

/// The table is what the settings are read by: each is read once, and each is a flag, a variable, and in the help.
#[test]
fn every_setting_is_read_and_told() {
    let config = resolve(&[]).unwrap();
    let mut read: Vec<&str> = config.told.iter().map(|told| told.key).collect();
    let mut table: Vec<&str> = SETTINGS
        .iter()
        .map(|setting| setting.key)
        .chain(["listener", "peer", "issuer", "trust_domain"])
        .collect();
    read.sort_unstable();
    table.sort_unstable();
    assert_eq!(read, table);
    let help = CommandLine::read(["provlogd", "--help"]).unwrap_err().to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in SETTINGS {
        assert!(
            help.contains(&format!("--{} ", setting.flag()))
                || help.contains(&format!("--{}[", setting.flag()))
        );
        assert!(help.contains(&format!("[env: {}", setting.variable())), "{}", setting.key);
        assert!(help.contains(&format!("[default: {}", setting.default_in_words())), "{}", setting.key);
    }
}

#[test]
fn the_default_file_says_what_holds_without_one() {
    let (text, defaults) = (default_file(), resolve(&[]).unwrap());
    assert_eq!(told(&of_file(&text, &[]).unwrap()), told(&defaults));
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
    for setting in SETTINGS {
        assert_eq!(
            text.lines().filter(|line| line.starts_with(&format!("#{} =", setting.key))).count().min(1),
            1
        );
    }
    // What it shows of each setting that has a default is the default.
    let shown = |line: &&str| {
        let key = line.trim_start_matches('#').split(' ').next().unwrap();
        SETTINGS.iter().any(|setting| setting.key == key && matches!(setting.unset, Unset::Is(_)))
    };
    let settings = text.split("#[[").next().unwrap().lines();
    let set: String = settings.filter(shown).map(|line| format!("{}\n", &line[1..])).collect();
    assert_eq!(told(&of_file(&set, &[]).unwrap()), told(&defaults));
    // And everything that it shows is a value that can be had.
    let all: String = text
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| line.trim_start_matches('#'))
        .filter(|line| !line.contains("credential:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let refusal = of_file(&all, &[]).unwrap_err();
    assert!(refusal.contains("expected another address than the other listeners have"), "{refusal}");
    assert!(of_file(&all.replacen("127.0.0.1:4180", "127.0.0.1:4181", 1), &[]).is_ok());
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let text = "listen = \"[::1]:0\"\ndata_dir = \"/srv/log\"\nheader_timeout_ms = 5\nbody_timeout_ms = 0x10\nhosts = [\"A.example\"]\n";
    let config = of_file(text, &["--data-dir", "/srv/other", "--accept-clock", "--log-format=json"]).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/other"));
    assert_eq!(config.listeners, [Listener { address: "[::1]:0".parse().unwrap(), tls: None }]);
    assert_eq!(config.server.header_timeout, Duration::from_millis(5));
    assert_eq!(config.body_timeout, Duration::from_millis(16));
    assert_eq!(config.server.write_timeout, Duration::from_millis(30_000));
    assert_eq!(config.log_format, LogFormat::Json);
    assert!(config.accept_clock && config.live.hosts.0 == ["a.example"]);
    let config =
        of_file(text, &["--hosts", "b.example, c.example", "--trusted-proxies", "192.0.2.1,::1"]).unwrap();
    assert_eq!(config.live.hosts.0, ["b.example", "c.example"]);
    assert_eq!(config.live.proxies.0.len(), 2);
}

#[test]
fn a_log_is_made_by_a_start_only_where_the_folder_was_named_by_hand_or_not_at_all() {
    let (named, other, must) =
        ("data_dir = \"/srv/log\"\n", "log_filter = \"warn\"\n", "must_exist = true\n");
    let makes = |text: &str, flags: &[&str]| of_file(text, flags).unwrap().without_log == WithoutLog::Make;
    for (text, flags) in [
        ("", &[][..]),
        ("", &["--data-dir", "a"]),
        (named, &["--data-dir", "a"]),
        (other, &[]),
        (must, &["--must-exist=false"]),
        ("", &["init", "--data-dir", "a"]),
    ] {
        assert!(makes(text, flags), "{text} {flags:?}");
    }
    for (text, flags) in [
        (named, &[][..]),
        (must, &[]),
        ("", &["--must-exist"]),
        ("", &["--data-dir", "a", "--must-exist"]),
        (must, &["--data-dir", "a"]),
    ] {
        assert!(!makes(text, flags), "{text} {flags:?}");
    }
}

#[test]
fn listeners_are_those_of_the_settings_and_of_the_tables() {
    let listeners = |text: &str, flags: &[&str]| of_file(text, flags).unwrap().listeners;
    let plain = |address: &str| Listener { address: address.parse().unwrap(), tls: None };
    let tls = |address: &str, client_ca: Option<&str>| Listener {
        address: address.parse().unwrap(),
        tls: Some(TlsFiles {
            certificate: "c".into(),
            key: "k".into(),
            client_ca: client_ca.map(Into::into),
            client_svids: false,
        }),
    };
    assert_eq!(listeners("", &[]), [plain("127.0.0.1:4180")]);
    let table = "[[listener]]\nlisten = \"unix:/run/p\"\n[[listener]]\nlisten = \"0.0.0.0:443\"\ntls_certificate = \"c\"\ntls_key = \"k\"\ntls_client_ca = \"a\"\n";
    assert_eq!(listeners(table, &[]), [plain("unix:/run/p"), tls("0.0.0.0:443", Some("a"))]);
    let with_flags = ["--listen", "0.0.0.0:1", "--tls-certificate", "c", "--tls-key", "k"];
    assert_eq!(
        listeners(table, &with_flags),
        [tls("0.0.0.0:1", None), plain("unix:/run/p"), tls("0.0.0.0:443", Some("a"))]
    );
    let asks = |text: &str, flags: &[&str]| -> Vec<bool> {
        listeners(text, flags).into_iter().filter_map(|it| it.tls).map(|tls| tls.client_svids).collect()
    };
    let two = "[[listener]]\nlisten = \"127.0.0.1:1\"\ntls_certificate = \"c\"\ntls_key = \"k\"\ntls_client_svids = true\n";
    assert_eq!(asks(two, &with_flags), [false, true]);
    assert_eq!(asks("", &[&with_flags[..], &["--tls-client-svids"]].concat()), [true]);
    assert_eq!(listeners("tls_client_svids = false\nlisten = \"unix:/s\"", &[]).len(), 1);
    assert_eq!(listeners("allow_clear_text = true\nlisten = \"[::]:80\"", &[]), [plain("[::]:80")]);
    let free = "[[listener]]\nlisten = \"127.0.0.1:0\"\n";
    assert_eq!(listeners(&free.repeat(2), &[]).len(), 2, "each takes a port of its own");
    assert!(matches!(
        &listeners("", &["--listen", "unix:/s"])[..],
        [Listener { address: Address::Unix(_), .. }]
    ));
}

#[test]
fn peers_are_users_with_roles() {
    let text = "[[peer]]\nuid = 7\nroles = [\"read\", \"append\", \"read\"]\nkinds = [\"scan\"]\nenvironments = [\"staging\"]\n[[peer]]\nuid = 0\nroles = [\"admin\"]\n";
    let expected = [
        Peer {
            uid: 7,
            roles: vec![Role::Append, Role::Read],
            kinds: vec!["scan".into()],
            environments: vec!["staging".into()],
        },
        Peer { uid: 0, roles: vec![Role::Admin], kinds: vec![], environments: vec![] },
    ];
    assert_eq!(of_file(text, &[]).unwrap().live.peers.0, expected);
}

/// A file with one issuer: these lines of its own, and a rule with these.
fn issuer(own: &str, rule: &str) -> String {
    format!("[[issuer]]\n{own}\n[[issuer.rule]]\n{rule}\n")
}

const GITHUB: &str =
    "url = \"https://token.actions.githubusercontent.com\"\npreset = \"github\"\naudience = \"a\"";
const PLAIN: &str = "url = \"https://a.example\"\naudience = \"a\"";

/// The line of an issuer that has this preset.
fn preset(name: &str) -> String {
    format!("{PLAIN}\npreset = \"{name}\"")
}

/// A file with one trust domain: these lines of its own, and a rule with these.
fn domain(own: &str, rule: &str) -> String {
    format!("[[trust_domain]]\n{own}\n[[trust_domain.rule]]\n{rule}\n")
}

#[test]
fn trust_domains_have_a_bundle_somewhere_and_rules_of_spiffe_ids() {
    let one = domain(
        "name = \"example.org\"\nbundle_file = \"/b\"\naudience = \"a\"",
        "match = [\"sub=spiffe://example.org/ci/*\", \"sub=spiffe://example.org/deploy\"]\nroles = [\"append\"]\nkinds = [\"scan\"]",
    );
    let two = domain(
        "name = \"other.example\"\nbundle_url = \"https://o.example:8443/\"\nca = \"/c\"",
        "match = [\"sub=spiffe://other.example/*\"]\nroles = [\"read\"]",
    );
    let plain = issuer(PLAIN, "match = [\"sub=a*\"]\nroles = [\"read\"]");
    let config = of_file(&format!("{two}{one}{plain}"), &[]).unwrap();
    let issuers = config.live.issuers();
    let told: Vec<_> =
        issuers.iter().map(|it| (it.name.to_string(), it.audience.as_deref(), &it.keys)).collect();
    assert_eq!(
        told,
        [
            ("https://a.example".into(), Some("a"), &KeySource::Discovery),
            ("spiffe://other.example".into(), None, &KeySource::Url("https://o.example:8443/".into())),
            ("spiffe://example.org".into(), Some("a"), &KeySource::File("/b".into())),
        ]
    );
    assert_eq!(issuers[1].ca.as_deref(), Some(Path::new("/c")));
    let [rule] = &config.live.rules[2].rules[..] else { panic!("one rule") };
    let values = vec![
        Pattern::StartsWith("spiffe://example.org/ci/".into()),
        Pattern::Is("spiffe://example.org/deploy".into()),
    ];
    assert_eq!(rule.matches, [Match { claim: "sub".into(), values }]);
    assert!(rule.excludes.is_empty() && rule.kinds == ["scan"]);
}

#[test]
fn issuers_have_keys_somewhere_and_rules_in_their_order() {
    let one = issuer(
        &format!("{GITHUB}\njwks_url = \"https://b.example/jwks\"\nca = \"/c\""),
        "match = [\"ref=refs/heads/main\", \"repository_id=1\", \"ref=refs/tags/v*\"]\nroles = [\"append\"]\nkinds = [\"scan\"]\nenvironments = [\"staging\"]\n[[issuer.rule]]\nmatch = [\"repository_owner_id=2\", \"event_name=push\"]\nroles = [\"read\", \"audit\"]",
    );
    let two = issuer(PLAIN, "match = [\"sub=a*\"]\nroles = [\"read\"]");
    let three = issuer(
        "url = \"https://kubernetes.default.svc\"\naudience = \"a\"\npreset = \"kubernetes\"\njwks_file = \"/k\"",
        "match = [\"kubernetes.io/namespace=ci\", \"kubernetes.io/serviceaccount/name=deployer\"]\nroles = [\"append\"]",
    );
    let config = of_file(&format!("{one}{two}{three}"), &[]).unwrap();
    let issuers = config.live.issuers();
    let keys: Vec<&KeySource> = issuers.iter().map(|issuer| &issuer.keys).collect();
    assert_eq!(
        keys,
        [
            &KeySource::Url("https://b.example/jwks".into()),
            &KeySource::Discovery,
            &KeySource::File("/k".into())
        ]
    );
    let urls: Vec<String> = issuers.iter().map(|issuer| issuer.name.to_string()).collect();
    assert_eq!(
        urls,
        [
            "https://token.actions.githubusercontent.com",
            "https://a.example",
            "https://kubernetes.default.svc"
        ]
    );
    assert_eq!(issuers[0].ca.as_deref(), Some(Path::new("/c")));
    let is = |text: &str| Pattern::Is(text.into());
    let demand = |claim: &str, values: &[Pattern]| Match { claim: claim.into(), values: values.into() };
    let expected = [
        Rule {
            matches: vec![
                demand("ref", &[is("refs/heads/main"), Pattern::StartsWith("refs/tags/v".into())]),
                demand("repository_id", &[is("1")]),
            ],
            excludes: vec![demand("event_name", &[is("pull_request"), is("pull_request_target")])],
            roles: vec![Role::Append],
            kinds: vec!["scan".into()],
            environments: vec!["staging".into()],
        },
        Rule {
            matches: vec![demand("repository_owner_id", &[is("2")]), demand("event_name", &[is("push")])],
            excludes: vec![],
            roles: vec![Role::Read, Role::Audit],
            kinds: vec![],
            environments: vec![],
        },
    ];
    assert_eq!(config.live.rules[0].rules, expected);
    assert!(config.live.rules[1].rules[0].excludes.is_empty());
    let told = told(&config);
    let (_, told) = told.iter().find(|(key, _)| *key == "issuer").unwrap();
    assert!(told.contains("rule = [{ match = [\"ref=refs/heads/main\", "), "{told}");
}

/// Each preset, and rules that don't say whose workloads they are for.
#[test]
fn a_rule_names_what_is_never_given_again() {
    let refused = |own: &str, words: &[&str], expected: &str| {
        let error = of_file(&issuer(own, &format!("match = {words:?}\nroles = [\"read\"]")), &[]);
        match (error, expected) {
            (Ok(_), "") => {}
            (Err(error), _) if !expected.is_empty() => assert!(error.contains(expected), "{error}"),
            (other, _) => panic!("{own} {words:?}: {:?}", other.map(drop)),
        }
    };
    let github = "match: expected repository_id or repository_owner_id among the names, without a *, got ";
    let digits = "match: expected repository_id= and all digits of a number, got ";
    for (words, expected) in [
        (&["repository_id=1"][..], ""),
        (&["repository_owner_id=1", "repository=a/b"], ""),
        (&["repository_id=1", "repository_id=2", "event_name=pull_request"], ""),
        (&["repository=a/b"], github),
        (&["sub=repo:a/b"], github),
        (&["repository_id=1*"], digits),
        (&["repository_id=1", "repository_id=*"], digits),
        (&["repository_id="], digits),
        (&["repository_id=a/b"], digits),
        (&["repository_id=1", "repository_owner_id=x"], "expected repository_owner_id= and all digits"),
        (&["repository_id=1", "event_name=*"], "expected event_name= and an event without a *, got \"*\""),
        (&["repository_id=1", "event_name=push", "event_name=pull*"], "without a *, got \"pull*\""),
    ] {
        refused(GITHUB, words, expected);
    }
    for (words, expected) in [
        (&["project_id=1"][..], ""),
        (&["namespace_id=1", "ref_protected=true"], ""),
        (&["project_path=a/b"], "expected project_id or namespace_id among the names"),
        (&["project_id=a/b"], "expected project_id= and all digits"),
        // A number of another issuer's is a text like others.
        (&["project_id=1", "repository_id=*"], ""),
        (&["project_id=1", "event_name=*"], ""),
    ] {
        refused(&preset("gitlab"), words, expected);
    }
    let (space, account) = ("kubernetes.io/namespace=ci", "kubernetes.io/serviceaccount/name=d");
    for (words, is_taken) in [
        (&[space, account][..], true),
        (&["sub=system:serviceaccount:ci:d"], true),
        (&["sub=system:serviceaccount:ci:d", "kubernetes.io/namespace=*"], true),
        (&[space], false),
        (&[account], false),
        (&[space, "kubernetes.io/serviceaccount/name=*"], false),
        (&["kubernetes.io/namespace=*", account], false),
        (&["sub=system:*"], false),
    ] {
        let expected =
            "expected kubernetes.io/namespace and kubernetes.io/serviceaccount/name, or sub, among";
        refused(&preset("kubernetes"), words, if is_taken { "" } else { expected });
    }
    let whatever = "match: expected a name whose every value has more than a *";
    for (words, expected) in [
        (&["sub=a*"][..], ""),
        (&["sub=*", "ref=a"], ""),
        (&["ref="], ""),
        (&["sub=*"], whatever),
        (&["sub=*", "ref=*"], whatever),
        (&["sub=a", "sub=*"], whatever),
    ] {
        refused(PLAIN, words, expected);
    }
}

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
