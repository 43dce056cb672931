use super::*;
use crate::testing::OneLog;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(contents: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, text) in contents {
            fs::create_dir_all(tree.at(path).parent().unwrap()).unwrap();
            fs::write(tree.at(path), text).unwrap();
        }
        tree
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn settings(&self, here: &str, given: Option<&str>) -> Result<Settings, SettingsError> {
        Settings::of_folders(&Folders::around(&self.at(here), Some(&self.at("home"))), given)
    }

    /// Which trust file counts here, and which address.
    fn chosen(&self, here: &str, given: Option<&str>) -> Result<(Option<PathBuf>, String), SettingsError> {
        let args = TrustArgs { trust: None, fingerprint: given.map(String::from) };
        let settings = self.settings(here, given)?;
        let file = args.find(&settings)?;
        let path = file.map(|file| file.path.strip_prefix(self.0.path()).unwrap().to_path_buf());
        Ok((path, settings.place(None, TlsFiles::default(), None).url.into()))
    }
}

fn log(seed: u8) -> (String, String) {
    let log = OneLog::with_seed([seed; 32]);
    (log.trust_text(), log.fingerprint())
}

/// Key by key, where the repository's trust file is of a log whose fingerprint is given or known.
#[test]
fn a_repository_counts_once_its_log_is_known_and_the_nearest_wins() {
    let ((trust, fingerprint), (other, _)) = (log(1), log(2));
    let tree = Tree::new(&[
        ("home/.provlog/config.toml", "url = \"http://home\"\ntrust = \"own\""),
        ("home/.provlog/own", &other),
        ("repo/.git/HEAD", ""),
        ("repo/.provlog/trust", &trust),
        ("repo/.provlog/config.toml", "url = \"http://repository\""),
        ("repo/deep/er/file", ""),
    ]);
    let own = (Some(PathBuf::from("home/.provlog/own")), "http://home".to_string());
    let repository = (Some(PathBuf::from("repo/.provlog/trust")), "http://repository".to_string());
    assert_eq!(tree.chosen("repo/deep/er", None).unwrap(), own);
    assert_eq!(tree.chosen("repo/deep/er", Some(&fingerprint)).unwrap(), repository);
    known::add(&tree.at("home/.provlog"), &fingerprint).unwrap();
    assert_eq!(tree.chosen("repo/deep/er", None).unwrap(), repository);
    let settings = tree.settings("repo/deep/er", None).unwrap();
    assert_eq!(settings.place(Some("http://flag"), TlsFiles::default(), None).url, "http://flag");
    // Of the same log, the user's own file decides: it may demand witnesses.
    fs::write(tree.at("home/.provlog/own"), &trust).unwrap();
    assert_eq!(tree.chosen("repo", None).unwrap().0, own.0);
}

#[test]
fn a_repository_never_counts_by_itself() {
    let ((trust, fingerprint), (_, other)) = (log(1), log(2));
    let repository = [("repo/.git/HEAD", ""), ("repo/.provlog/trust", trust.as_str())];
    let config = ("repo/.provlog/config.toml", "url = \"http://repository\"\ntrust = \"trust\"");
    for more in [vec![], vec![config], vec![("home/.provlog/trust.example", "")]] {
        let tree = Tree::new(&[&repository[..], &more].concat());
        for given in [None, Some(other.as_str())] {
            let error = tree.chosen("repo", given).unwrap_err();
            assert!(matches!(error, SettingsError::NotKnown(_)), "{error}");
            let text = error.to_string();
            assert!(text.contains("provlog trust add") && text.contains("PROVLOG_FINGERPRINT"), "{text}");
            assert!(text.contains(&fingerprint) && text.contains(given.unwrap_or("")), "{text}");
        }
        assert_eq!(tree.chosen("repo", Some(&fingerprint)).unwrap().0, Some("repo/.provlog/trust".into()));
    }
    // An address alone, with nothing that proves which log is meant.
    let tree =
        Tree::new(&[("repo/.git/HEAD", ""), ("repo/.provlog/config.toml", "url = \"http://elsewhere\"")]);
    assert_eq!(tree.chosen("repo", None).unwrap(), (None, URL.into()));
    let args = TrustArgs { trust: None, fingerprint: None };
    let settings = tree.settings("repo", None).unwrap();
    assert!(args.unheeded(&settings, true).unwrap().contains("the url in"));
    assert_eq!(args.unheeded(&settings, false), None);
}

/// What others may write is no more the user's own than a repository.
#[test]
fn a_home_that_others_can_write_does_not_count_by_itself() {
    let (trust, fingerprint) = log(1);
    for shared in [".provlog", ".provlog/trust", ".provlog/fingerprints"] {
        let tree =
            Tree::new(&[("home/.provlog/trust", &trust), ("home/.provlog/fingerprints", &fingerprint)]);
        assert_eq!(tree.chosen("", None).unwrap().0, Some("home/.provlog/trust".into()));
        let path = tree.at("home").join(shared);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o002)).unwrap();
        let error = tree.chosen("", None).unwrap_err();
        assert!(matches!(error, SettingsError::NotKnown(_)), "{shared}: {error}");
        assert!(tree.chosen("", Some(&fingerprint)).is_ok());
    }
}

#[test]
fn a_fingerprint_that_is_given_is_demanded_of_every_trust_file() {
    let ((trust, _), (_, other)) = (log(1), log(2));
    let tree = Tree::new(&[("home/.provlog/trust", &trust)]);
    for given in [Some(tree.at("home/.provlog/trust")), None] {
        let args = TrustArgs { trust: given, fingerprint: Some(other.clone()) };
        let error = args.find(&tree.settings("", Some(&other)).unwrap()).unwrap_err();
        assert!(matches!(error, SettingsError::Fingerprint { .. }), "{error}");
    }
}

#[test]
fn what_lies_outside_of_the_repository_does_not_count() {
    let (trust, fingerprint) = log(1);
    let tree = Tree::new(&[
        (".provlog/trust", &trust),
        ("repo/.git/HEAD", ""),
        ("repo/inner/file", ""),
        ("plain/inner/file", ""),
        ("plain/.provlog/trust", &trust),
    ]);
    let chosen = |here| tree.chosen(here, Some(&fingerprint)).unwrap().0;
    assert_eq!(chosen("repo/inner"), None);
    assert_eq!(chosen("plain/inner"), None);
    assert_eq!(chosen("plain"), Some("plain/.provlog/trust".into()));
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let tree = Tree::new(&[("home/.provlog/config.toml", "ulr = \"http://home\"")]);
    let error = tree.settings("", None).unwrap_err().to_string();
    assert!(error.contains("config.toml") && error.contains("unknown field `ulr`"), "{error}");
}

#[test]
fn without_a_word_the_trust_file_and_then_the_default_say_where_the_log_is() {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let trust = TrustFile::of(format!("log {key} http://trust\nquorum none\n"));
    let settings = Settings::default();
    let place = |url| LogPlace { url, tls: TlsFiles::default(), is_own: true };
    assert_eq!(settings.place(None, TlsFiles::default(), Some(&trust)), place("http://trust"));
    assert_eq!(settings.place(None, TlsFiles::default(), None), place(URL));
}

/// Whoever changes a repository may write its address and its CA, and the trust file's address too: the fingerprint covers none.
#[test]
fn an_address_of_the_repository_is_not_the_user_s_own() {
    let (trust, fingerprint) = log(1);
    let with_url = trust.replacen('\n', " https://elsewhere\n", 1);
    let (repository, home) = ("repo/.provlog/config.toml", "home/.provlog/config.toml");
    let tree = Tree::new(&[
        ("repo/.git/HEAD", ""),
        ("repo/.provlog/trust", &with_url),
        (home, "url = \"https://own\"\nca = \"own.pem\""),
        ("home/.provlog/fingerprints", &fingerprint),
    ]);
    let (own_ca, near_ca) = (tree.at("home/.provlog/own.pem"), tree.at("repo/.provlog/near.pem"));
    let given_ca = Path::new("given.pem");
    type Place<'a> = (&'a str, Option<&'a Path>, bool);
    let check = |given: Option<&str>, given_ca: Option<&Path>, (url, ca, is_own): Place<'_>| {
        let settings = tree.settings("repo", None).unwrap();
        let file = TrustArgs { trust: None, fingerprint: None }.find(&settings).unwrap();
        let files = |ca: Option<&Path>| TlsFiles { ca: ca.map(Into::into), identity: None };
        let place = settings.place(given, files(given_ca), file.as_ref());
        assert_eq!(place, LogPlace { url, tls: files(ca), is_own });
    };
    check(None, None, ("https://own", Some(&own_ca), true));
    fs::remove_file(tree.at(home)).unwrap();
    check(None, None, ("https://elsewhere", None, false));
    let named = TrustFile::of(with_url.clone());
    assert!(tree.settings("repo", None).unwrap().place(None, TlsFiles::default(), Some(&named)).is_own);
    fs::write(tree.at(repository), "url = \"https://near\"\nca = \"near.pem\"").unwrap();
    check(None, None, ("https://near", Some(&near_ca), false));
    check(None, Some(given_ca), ("https://near", Some(given_ca), false));
    // Whoever changes the repository would otherwise pass for the log that the user named.
    check(Some("https://near"), None, ("https://near", None, true));
    fs::write(tree.at(home), "url = \"https://own\"\nca = \"own.pem\"").unwrap();
    check(Some("https://given"), None, ("https://given", None, true));
    check(Some("https://own/"), None, ("https://own/", Some(&own_ca), true));
    check(Some("https://given"), Some(given_ca), ("https://given", Some(given_ca), true));
    fs::write(tree.at(home), "url = \"https://near\"\nca = \"own.pem\"").unwrap();
    check(None, None, ("https://near", Some(&own_ca), true));
}

#[test]
fn files_for_tls_stand_beside_their_url_and_a_client_s_certificate_is_the_user_s_own_word() {
    let (trust, fingerprint) = log(1);
    let identity = "client_cert = \"c\"\nclient_key = \"k\"";
    let with_url = format!("url = \"https://log\"\n{identity}");
    let tree = Tree::new(&[
        ("repo/.git/HEAD", ""),
        ("repo/.provlog/trust", &trust),
        ("home/.provlog/fingerprints", &fingerprint),
    ]);
    let write = |path: &str, text: &str| fs::write(tree.at(path).join(".provlog/config.toml"), text).unwrap();
    for (text, expected) in [
        ("ca = \"c\"", "expected `url` beside ca"),
        (identity, "expected `url` beside ca"),
        ("url = \"https://log\"\nclient_key = \"k\"", "together"),
    ] {
        write("home", text);
        let error = tree.settings("", None).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("config.toml"), "{error}");
    }
    write("home", &with_url);
    let settings = tree.settings("", None).unwrap();
    let at = |name: &str| tree.at("home/.provlog").join(name);
    let files = IdentityFiles { certificate: at("c"), key: at("k") };
    assert_eq!(settings.place(None, TlsFiles::default(), None).tls.identity, Some(files));
    assert_eq!(settings.place(Some("https://other"), TlsFiles::default(), None).tls, TlsFiles::default());
    write("repo", &with_url);
    let error = tree.settings("repo", None).unwrap_err().to_string();
    assert!(error.contains("home directory's .provlog alone"), "{error}");
}
