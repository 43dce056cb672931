//! Settings: what holds where, and from where.

mod refused;
mod workloads;

use crate::access::peers::Peer;
use crate::access::role::Role;
use crate::http::listener::{Address, Listener, TlsFiles};
use crate::operate::config::ConfigError;
use crate::operate::config::command_line::CommandLine;
use crate::operate::config::defaults::default_file;
use crate::operate::config::resolve::{Config, WithoutLog};
use crate::operate::config::table::{SETTINGS, Unset};
use crate::operate::logs::LogFormat;
use std::fs;
use std::path::Path;
use std::time::Duration;

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
