//! Issuers that are down, that change their keys, and that answer otherwise than they should: whom the log lets in meanwhile, and how
//! often it asks.

use super::issuer::{Conduct, DISCOVERY, Issuer, KEYS, Reply, discovery, jwks};
use super::site::{RULES, Site, code, table};
use super::token::{AUDIENCE, Draft, OTHER, published};
use crate::support::{PATIENCE, Response, until_says};
use crate::tls::site::{put, until};
use crate::vectors::keys::{ED25519, P256, b64};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Tokens of keys that nobody has, sent one after the other.
const UNKNOWN: usize = 200;

/// Fewer than these an issuer is asked for them: what an attacker could make it do is bounded, however long the test takes.
const ASKED_MAX: usize = 24;

/// Refused since nobody can know now whose the token is.
fn later(answer: Response) -> Response {
    let answer = answer.expect(503);
    assert_eq!(code(&answer), "issuer.keys");
    assert!(answer.header("retry-after").is_some(), "{}", answer.text());
    answer
}

#[test]
fn an_issuer_that_is_down_at_the_start_keeps_its_own_workloads_waiting() {
    let (mut down, up) = (Issuer::new(&published()), Issuer::new(&published()));
    down.down();
    let site = Site::with(|folder| {
        let tables = [&down, &up].into_iter().zip(["a.pem", "b.pem"]).map(|(issuer, name)| {
            fs::write(folder.join(name), &issuer.ca).unwrap();
            table(issuer, &folder.join(name)) + RULES
        });
        tables.collect()
    });
    site.until_known(&[&up]);
    let token = Draft::of(&down.url).sign();
    let refused = later(site.append("a", &token));
    assert!(refused.text().contains(&down.url), "{}", refused.text());
    site.append("b", &Draft::of(&up.url).sign()).expect(201);
    site.daemon.get("/healthz").expect(200);
    until_says(&site.path("log"), "can't be had");
    down.up();
    until("it is up, and asked again", || match site.append("c", &token) {
        answer if answer.status == 201 => true,
        answer => later(answer).status == 201,
    });
    site.says_nothing_of(&[token]);
}

#[test]
fn an_outage_keeps_nobody_out_whose_key_is_known() {
    let (site, mut issuer) = Site::with_issuer();
    let old = Draft::of(&issuer.url).sign();
    site.append("a", &old).expect(201);
    issuer.down();
    site.append("b", &old).expect(201);
    site.append("c", &Draft::of(&issuer.url).sign()).expect(201);
    site.append("d", &Draft::of(&issuer.url).by("ed", &ED25519).sign()).expect(201);
    let unknown = site.append("e", &Draft::of(&issuer.url).head("kid", "new").sign());
    assert!(matches!(unknown.status, 401 | 503), "{}", unknown.text());
    until_says(&site.path("log"), "can't be had");
    // What is broken at the issuer's takes away nothing of what is known.
    issuer.behave(Box::new(|_| Reply::Json("{}".into())));
    issuer.up();
    let unknown = site.append("e", &Draft::of(&issuer.url).head("kid", "newer").sign());
    assert!(matches!(unknown.status, 401 | 503), "{}", unknown.text());
    site.append("f", &Draft::of(&issuer.url).sign()).expect(201);
    // Nor is it kept: a daemon that starts now knows no key.
    issuer.down();
    let site = site.restarted();
    later(site.append("g", &old));
}

#[test]
fn a_new_key_is_taken_at_once_and_one_that_is_gone_vouches_for_nobody() {
    let issuer = Issuer::new(&[P256.jwk_json("old")]);
    let site = Site::of(&issuer);
    site.until_known(&[&issuer]);
    let old = Draft::of(&issuer.url).by("old", &P256).sign();
    site.append("a", &old).expect(201);
    assert_eq!(issuer.asked(), [DISCOVERY, KEYS]);

    // Both hold while both are published.
    issuer.publish(&[P256.jwk_json("old"), ED25519.jwk_json("new")]);
    site.append("b", &Draft::of(&issuer.url).by("new", &ED25519).sign()).expect(201);
    site.append("c", &old).expect(201);
    assert_eq!(issuer.asked().len(), 4, "once more, for the key that was new");

    issuer.publish(&[ED25519.jwk_json("new"), OTHER.jwk_json("newer")]);
    site.append("d", &Draft::of(&issuer.url).by("newer", &OTHER).sign()).expect(201);
    let refused = site.append("e", &old).expect(401);
    assert_eq!(code(&refused), "token.key", "it was verified once, and isn't any longer");
    let fresh = Draft::of(&issuer.url).by("old", &P256).sign();
    assert_eq!(code(&site.append("e", &fresh).expect(401)), "token.key");
    site.says_nothing_of(&[old, fresh]);
}

/// However many tokens an attacker makes up, the issuer is asked a few times, and nobody else waits for it.
#[test]
fn tokens_of_unknown_keys_make_the_daemon_ask_a_few_times() {
    let (site, issuer) = Site::with_issuer();
    let good = Draft::of(&issuer.url).sign();
    site.append("a", &good).expect(201);
    thread::scope(|scope| {
        for part in 0..4 {
            let (site, issuer) = (&site, &issuer);
            scope.spawn(move || {
                for number in (part..UNKNOWN).step_by(4) {
                    let kid = b64(format!("unknown {number}").as_bytes());
                    let token = Draft::of(&issuer.url).head("kid", kid).sign();
                    let refused = site.append("b", &token);
                    assert!(matches!(refused.status, 401 | 503), "{}", refused.text());
                    assert!(matches!(&*code(&refused), "token.key" | "issuer.keys"), "{}", refused.text());
                }
            });
        }
    });
    let asked = issuer.asked().len();
    assert!((3..ASKED_MAX).contains(&asked), "{UNKNOWN} tokens made it ask {asked} times");
    site.append("c", &good).expect(201);
    // Those of issuers that aren't configured make it ask nobody.
    let before = issuer.asked().len();
    let elsewhere = Issuer::new(&published());
    for _ in 0..10 {
        let token = Draft::of(&elsewhere.url).sign();
        assert_eq!(code(&site.append("d", &token).expect(401)), "token.issuer");
    }
    assert_eq!(elsewhere.asked(), [""; 0]);
    assert_eq!(issuer.asked().len(), before);
}

/// What an issuer does, given its URL and that of another one, and what the daemon's log says of it.
type Row = (&'static str, fn(&str, &str) -> Conduct, &'static str);

fn says(bytes: &'static str) -> Conduct {
    Box::new(move |_| Reply::Bytes(bytes.into()))
}

/// Discovery as it should be, and such keys.
fn keys_are(url: &str, keys: impl Fn() -> Reply + Send + 'static) -> Conduct {
    let document = discovery(url, &format!("{url}{KEYS}"));
    Box::new(move |path| if path == DISCOVERY { Reply::Json(document.clone()) } else { keys() })
}

/// A discovery document for all that is asked.
fn leads(issuer: &str, jwks_uri: &str) -> Conduct {
    let document = discovery(issuer, jwks_uri);
    Box::new(move |_| Reply::Json(document.clone()))
}

fn redirect(to: String) -> Conduct {
    let answer = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    Box::new(move |_| Reply::Bytes(answer.clone()))
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("an error", |_, _| says("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}"), "expected the status 200, got 500"),
    ("nothing there", |_, _| says("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}"), "expected the status 200, got 404"),
    ("no answer", |_, _| Box::new(|_| Reply::Never), "no whole answer"),
    ("half an answer", |_, _| Box::new(|_| Reply::Stuck), "no whole answer"),
    ("an answer that is cut off", |_, _| says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "no whole answer"),
    ("no HTTP", |_, _| says("keys\r\n\r\n"), "no whole answer"),
    ("discovery without an end", |_, _| Box::new(|_| Reply::Endless), "expected at most"),
    ("keys without an end", |url, _| keys_are(url, || Reply::Endless), "/keys: expected at most"),
    ("keys above the limit", |url, _| keys_are(url, || Reply::Json(format!("{}{}", jwks(&published()), " ".repeat(262_144)))), "/keys: expected at most"),
    ("more keys than anybody has", |url, _| keys_are(url, || Reply::Json(jwks(&vec![P256.jwk_json("p256"); 257]))), "at most 256 keys"),
    ("a redirect to another host", |_, other| redirect(format!("{other}/evil")), "expected the status 200, got 302"),
    ("a redirect of keys", |url, other| {
        let answer = format!("HTTP/1.1 307 Go\r\nLocation: {other}/evil\r\nContent-Length: 0\r\n\r\n");
        keys_are(url, move || Reply::Bytes(answer.clone()))
    }, "expected the status 200, got 307"),
    ("a page", |_, _| Box::new(|_| Reply::Json("<html>".into())), "expected an OpenID provider's configuration"),
    ("no issuer", |_, _| Box::new(|_| Reply::Json("{}".into())), "has the text \"issuer\""),
    ("another issuer", |url, other| leads(other, &format!("{url}{KEYS}")), "expected the issuer"),
    ("a slash behind the issuer", |url, _| leads(&format!("{url}/"), &format!("{url}{KEYS}")), "expected the issuer"),
    ("keys on another port", |url, other| leads(url, &format!("{other}/evil")), "a jwks_uri that is https and on the issuer's own host and port"),
    ("keys on another host", |url, _| leads(url, &url.replace("127.0.0.2", "127.0.0.1")), "a jwks_uri that"),
    ("keys in clear", |url, _| leads(url, &format!("{}{KEYS}", url.replace("https", "http"))), "a jwks_uri that"),
    ("keys in a file", |url, _| leads(url, "file:///etc/passwd"), "a jwks_uri that"),
    ("no set of keys", |url, _| keys_are(url, || Reply::Json(r#"{"keys":{}}"#.into())), "expected a JWKS"),
    ("an empty set", |url, _| keys_are(url, || Reply::Json(jwks(&[]))), "got none among 0"),
    ("symmetric keys", |url, _| keys_are(url, || Reply::Json(jwks(&[r#"{"kty":"oct","k":"AAAA","kid":"p256"}"#.into()]))), "key 0: k"),
    ("keys for encryption alone", |url, _| keys_are(url, || Reply::Json(jwks(&[P256.jwk_json("p256").replacen('{', r#"{"use":"enc","#, 1)]))), "use: expected sig"),
    ("a private key", |url, _| keys_are(url, || Reply::Json(jwks(&[P256.jwk_json("p256").replacen('{', r#"{"d":"AAAA","#, 1)]))), "key 0: d"),
];

#[test]
fn what_an_issuer_does_otherwise_is_told_in_the_log_and_lets_nobody_in() {
    let target = Issuer::new(&published());
    let issuers: Vec<Issuer> = ROWS.iter().map(|_| Issuer::new(&published())).collect();
    for (issuer, (_, conduct, _)) in issuers.iter().zip(ROWS) {
        issuer.behave(conduct(&issuer.url, &target.url));
    }
    // One more does all well, under a CA that nobody named.
    let strange = Issuer::new(&published());
    let site = Site::with(|folder| {
        let mut tables = String::new();
        for (number, issuer) in issuers.iter().chain([&strange]).enumerate() {
            let ca = folder.join(format!("{number}.pem"));
            let known = if issuer.url == strange.url { &target.ca } else { &issuer.ca };
            fs::write(&ca, known).unwrap();
            tables += &(table(issuer, &ca) + RULES);
        }
        tables
    });
    let tokens: Vec<String> =
        issuers.iter().chain([&strange]).map(|issuer| Draft::of(&issuer.url).sign()).collect();
    // All at once, since some of them take as long as the daemon waits.
    thread::scope(|scope| {
        for token in &tokens {
            let site = &site;
            scope.spawn(move || later(site.append("a", token)));
        }
    });
    // A fetch may be given up a moment after whoever waited for it.
    let start = Instant::now();
    let silent = |logged: &str| -> Vec<(&str, &str)> {
        let told = |url: &str, reason: &str| {
            let is_of = |line: &str| line.contains(url) && line.contains(reason);
            logged.lines().any(|line| is_of(line) && (line.contains("ERROR") || line.contains("WARN")))
        };
        let rows = issuers.iter().zip(ROWS).map(|(issuer, row)| (issuer, row.0, row.2));
        let rows = rows.chain([(&strange, "another CA", "certificate")]);
        let silent = rows.filter(|(issuer, _, reason)| !told(&issuer.url, reason));
        silent.map(|(_, name, reason)| (name, reason)).collect()
    };
    loop {
        let logged = site.logged();
        let silent = silent(&logged);
        if silent.is_empty() {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{silent:#?}\n{logged}");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(target.asked(), [""; 0], "nobody is led anywhere");
    site.says_nothing_of(&tokens);
    assert_eq!(site.size(), 1);

    issuers.iter().for_each(|issuer| issuer.publish(&published()));
    let site = site.restarted();
    site.until_known(&issuers.iter().collect::<Vec<_>>());
    for (token, (name, ..)) in tokens.iter().zip(ROWS) {
        assert_eq!(site.append("b", token).status, 201, "{name}: now it does well");
    }
}

/// A file holds as it is now. One that may be half written takes nothing away; one without keys, and one that is gone, take all.
#[test]
fn keys_in_a_file_hold_from_the_next_token_on() {
    const URL: &str = "https://issuer.example.com";
    let site = Site::with(|folder| {
        let file = folder.join("jwks.json");
        format!("[[issuer]]\nurl = \"{URL}\"\naudience = \"{AUDIENCE}\"\njwks_file = {file:?}\n{RULES}")
    });
    let file = site.path("jwks.json");
    let (one, other) = (Draft::of(URL).by("a", &ED25519).sign(), Draft::of(URL).by("b", &OTHER).sign());
    later(site.append("a", &one));
    put(&file, &jwks(&[ED25519.jwk_json("a")]));
    site.append("b", &one).expect(201);
    for bad in ["", "{", &jwks(&[ED25519.jwk_json("a").replacen('{', r#"{"d":"AAAA","#, 1)])] {
        put(&file, bad);
        site.append("c", &one).expect(201);
    }
    put(&file, &jwks(&[]));
    later(site.append("d", &one));
    put(&file, &jwks(&[ED25519.jwk_json("a")]));
    site.append("d", &one).expect(201);
    fs::remove_file(&file).unwrap();
    later(site.append("d", &one));
    put(&file, &jwks(&[OTHER.jwk_json("b")]));
    site.append("e", &other).expect(201);
    assert_eq!(code(&site.append("f", &one).expect(401)), "token.key");
    site.says_nothing_of(&[one, other]);
}
