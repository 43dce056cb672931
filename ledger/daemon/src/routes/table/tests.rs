//! Every row of the table, and everybody who may ask.

use super::*;
use crate::access::date::Expiry;
use crate::access::file::TokensFile;
use crate::access::peers::{Peer, Peers};
use crate::access::rates::{Account, Rates};
use crate::access::role::Role;
use crate::access::secret::Secret;
use crate::access::tokens::Token;
use crate::access::tokens::tests::token;
use crate::access::workloads::IssuerRules;
use crate::access::workloads::tests::rule;
use crate::http::codes::{
    AUTHORIZATION_MALFORMED, BUSY_READS, CALLER_MISSING, CONTENT_TYPE_UNSUPPORTED, Code, INTERNAL,
    RATE_CALLER, RATE_TOTAL, ROLE_DENIED, SUBMITTED_TOO_LARGE, TOKEN_AUDIENCE, TOKEN_EXPIRED,
    TOKEN_MALFORMED, TOKEN_REVOKED, TOKEN_RULE, TOKEN_SIGNATURE, TOKEN_UNKNOWN,
};
use crate::http::remote::Remote;
use crate::identity::issuer::{Issuer, KeySource};
use crate::log::async_log::PLACES;
use crate::operate::live::LiveSettings;
use crate::routes::app::tests::temporary;
use axum::body::Body;
use axum::http::header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Request, Response, StatusCode};
use clap::ValueEnum;
use provlog_core::cbor::Value;
use provlog_evidence::jwt;
use rustix::process::geteuid;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::task::{Context, Waker};
use tower_service::Service;

async fn ask(router: &Router, method: &Method, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    router.clone().call(request).await.unwrap()
}

/// A path of this row's that there is.
fn path(row: &str) -> String {
    let path = row.replace("{index}", "0").replace("{kind}", "promotion");
    path.replace("{*path}", "0/000.p/1").replace("consistency", "consistency?old=1&new=1")
}

#[tokio::test]
async fn every_row_answers_its_method_and_no_other() {
    let (_folder, app) = temporary();
    let router = router(app);
    for row in rows() {
        let path = path(row.path);
        let answer = ask(&router, &row.method, &path).await;
        let (expected, allowed) = match row.method {
            Method::POST => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "POST"),
            _ => (StatusCode::OK, "GET,HEAD"),
        };
        assert_eq!(answer.status(), expected, "{path}");
        for method in [Method::POST, Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
            if method != row.method {
                let answer = ask(&router, &method, &path).await;
                assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                assert_eq!(answer.headers()[ALLOW], allowed, "{method} {path}");
                assert_eq!(answer.extensions().get::<&Code>(), Some(&&METHOD_NOT_ALLOWED));
            }
        }
    }
    for row in rows() {
        assert_eq!(template(path(row.path).split('?').next().unwrap()), Some(row.path));
    }
    assert_eq!((template("/v1/nothing"), template("/v1/entries/1/x"), template("/")), (None, None, None));
    let unknown = ask(&router, &Method::GET, "/v1/nothing").await;
    assert_eq!(unknown.extensions().get::<&Code>(), Some(&&ROUTE_UNKNOWN));
}

/// Who may ask for what, written down a second time.
const WHO: [(&str, &str, &[Role]); 15] = {
    use Role::{Admin, Append, Audit, Read};
    const READERS: &[Role] = &[Read, Audit, Admin];
    [
        ("POST", "/v1/entries", &[Append]),
        ("POST", "/v1/entries/batch", &[Append]),
        ("GET", "/v1/entries/{index}", READERS),
        ("GET", "/v1/entries/{index}/receipt", READERS),
        ("GET", "/v1/entries/{index}/proof", &[]),
        ("GET", "/v1/records", READERS),
        ("GET", "/v1/consistency", &[]),
        ("GET", "/v1/log", &[]),
        ("GET", "/v1/schema/{kind}", &[]),
        ("GET", "/v1/openapi.json", &[]),
        ("GET", "/checkpoint", &[]),
        ("GET", "/tile/{*path}", &[]),
        ("GET", "/healthz", &[]),
        ("GET", "/readyz", &[]),
        ("GET", "/metrics", READERS),
    ]
};

/// Somebody who asks, by the headers that they send: the role of whoever is known, or what everybody else is answered.
struct Visitor {
    who: &'static str,
    headers: Vec<String>,
    standing: Result<Role, &'static Code>,
}

/// Everybody that a log with tokens may meet; makes those tokens.
fn visitors(data_dir: &Path) -> Vec<Visitor> {
    let file = TokensFile::of(data_dir);
    let make = |name: &str, role, change: fn(&mut Token)| {
        let secret = Secret::draw().unwrap();
        let mut token = token(&secret, name, &[role]);
        change(&mut token);
        file.change(|tokens| tokens.add(token)).unwrap();
        format!("Bearer {}", secret.reveal())
    };
    let append = make("append", Role::Append, |_| {});
    let ended = make("ended", Role::Append, |token| token.expires = Expiry::At(1));
    let revoked = make("revoked", Role::Append, |token| token.revoked_s = Some(1));
    let unknown = format!("Bearer {}", Secret::draw().unwrap().reveal());
    let wrong = format!("{}{}", &append[..20], "A".repeat(43));
    let nobody = |who, headers, code| Visitor { who, headers, standing: Err(code) };
    let known = |who, header, role| Visitor { who, headers: vec![header], standing: Ok(role) };
    vec![
        nobody("no token", vec![], &CALLER_MISSING),
        nobody("another scheme", vec!["Basic eDp5".into()], &AUTHORIZATION_MALFORMED),
        nobody("two headers", vec![append.clone(), append.clone()], &AUTHORIZATION_MALFORMED),
        nobody("unknown", vec![unknown], &TOKEN_UNKNOWN),
        nobody("wrong", vec![wrong], &TOKEN_UNKNOWN),
        nobody("ended", vec![ended], &TOKEN_EXPIRED),
        nobody("revoked", vec![revoked], &TOKEN_REVOKED),
        known("append", append, Role::Append),
        known("read", make("read", Role::Read, |_| {}), Role::Read),
        known("audit", make("audit", Role::Audit, |_| {}), Role::Audit),
        known("admin", make("admin", Role::Admin, |_| {}), Role::Admin),
    ]
}

/// What a row that takes these roles refuses a visitor with.
fn refusal(visitor: &Visitor, roles: &[Role]) -> Option<&'static Code> {
    match visitor.standing {
        _ if roles.is_empty() => None,
        Ok(role) => (!roles.contains(&role)).then_some(&ROLE_DENIED),
        Err(code) => Some(code),
    }
}

/// The roles of which the second table has a caller of this row have one.
fn who(row: &Row) -> &'static [Role] {
    let same = |(method, path, _): &&(&str, &str, _)| (row.method.as_str(), row.path) == (*method, *path);
    WHO.iter().find(same).expect("each row is in the table above").2
}

/// Asks as each method of a row, from there, and checks that it is refused so, or let in. Tells how often it asked.
async fn knock(
    router: &Router,
    row: &Row,
    headers: &[String],
    remote: &Arc<Remote>,
    refusal: Option<&'static Code>,
    place: &str,
) -> usize {
    let methods = if row.method == Method::GET { &[Method::GET, Method::HEAD][..] } else { &[Method::POST] };
    for method in methods {
        let mut request = Request::builder().method(method).uri(path(row.path)).extension(Arc::clone(remote));
        for header in headers {
            request = request.header(AUTHORIZATION, header);
        }
        let answer = router.clone().call(request.body(Body::empty()).unwrap()).await.unwrap();
        let place = format!("{method} {}, {place}", row.path);
        let code = answer.extensions().get::<&Code>().copied();
        match refusal {
            Some(refusal) => {
                assert_eq!((code, answer.status()), (Some(refusal), refusal.status), "{place}");
                assert!(answer.headers().contains_key(WWW_AUTHENTICATE), "{place}");
            }
            None if *method == Method::POST => {
                assert_eq!(code, Some(&CONTENT_TYPE_UNSUPPORTED), "{place}")
            }
            None => assert_eq!(answer.status(), StatusCode::OK, "{place}"),
        }
    }
    methods.len()
}

/// Every row, every visitor, with tokens and without.
#[tokio::test]
async fn every_row_lets_in_whom_it_should_and_nobody_else() {
    let ((folder, app), elsewhere) = (temporary(), tempfile::tempdir().unwrap());
    let (router, nowhere) = (router(app), Arc::default());
    let (strangers, mut asked) = (visitors(elsewhere.path()), 0);
    // Before the log has tokens, everybody is a stranger to it, and let in.
    for configured in [false, true] {
        let own = if configured { visitors(&folder.path().join("data")) } else { Vec::new() };
        let visitors = if configured { &own } else { &strangers };
        for (row, visitor) in rows().iter().flat_map(|row| visitors.iter().map(move |visitor| (row, visitor)))
        {
            let place = format!("{}, tokens: {configured}", visitor.who);
            let refusal = refusal(visitor, who(row)).filter(|_| configured);
            asked += knock(&router, row, &visitor.headers, &nowhere, refusal, &place).await;
        }
    }
    assert_eq!(asked, (13 * 2 + 2) * 11 * 2, "every row and visitor, twice");

    // A token of another log is as unknown as any.
    for visitor in strangers.iter().filter(|visitor| visitor.headers.len() == 1 && visitor.standing.is_ok()) {
        let request = Request::get("/v1/records").header(AUTHORIZATION, &visitor.headers[0]);
        let answer = router.clone().call(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.extensions().get::<&Code>(), Some(&&TOKEN_UNKNOWN), "{}", visitor.who);
    }
}

/// Every row, and users over a Unix socket: the daemon's own, root, one for each role, and one that nobody named; whatever says
/// who may call.
#[tokio::test]
async fn every_row_lets_in_the_users_that_it_should_and_no_others() {
    let own = geteuid().as_raw();
    let named: Vec<(u32, Role)> = (own + 1..).zip(Role::value_variants().iter().copied()).collect();
    let peer = |(uid, role): &(u32, Role)| Peer {
        uid: *uid,
        roles: vec![*role],
        kinds: Vec::new(),
        environments: Vec::new(),
    };
    let mut asked = 0;
    for (tokens, peers) in [(false, false), (true, false), (false, true), (true, true)] {
        let (folder, app) = temporary();
        if tokens {
            visitors(&folder.path().join("data"));
        }
        if peers {
            let peers = Peers(named.iter().map(peer).collect());
            app.live.replace(LiveSettings { peers, ..LiveSettings::default() });
        }
        let router = router(app);
        let everything = Role::value_variants().to_vec();
        let mut users = vec![(own, everything.clone()), (0, everything), (own + 99, Vec::new())];
        users.extend(named.iter().map(|(uid, role)| (*uid, if peers { vec![*role] } else { Vec::new() })));
        for (row, (uid, roles)) in rows().iter().flat_map(|row| users.iter().map(move |user| (row, user))) {
            let remote = Arc::new(Remote { uid: Some(*uid), local: true, ..Remote::default() });
            let takes = who(row);
            let is_let_in =
                takes.is_empty() || !(tokens || peers) || roles.iter().any(|role| takes.contains(role));
            let refusal = (!is_let_in).then_some(&ROLE_DENIED);
            let place = format!("user {uid}, tokens: {tokens}, peers: {peers}");
            asked += knock(&router, row, &[], &remote, refusal, &place).await;
        }
    }
    assert_eq!(asked, (13 * 2 + 2) * 7 * 4, "every row and user, four times");
}

const ISSUER: &str = "https://issuer.example.com";

/// Tokens of [`ISSUER`] that hold until the year 2100, each behind its subject, signed by a key that nobody has any more. The last
/// is for another audience.
const TOKENS_OF_ISSUER: &str = include_str!("tokens.txt");

/// Puts the issuer, with a rule for each role, into the settings; its key is in a file of this folder.
fn configure_issuer(app: &App, folder: &Path) {
    let jwks = folder.join("jwks");
    fs::write(&jwks, include_str!("issuer.jwks")).unwrap();
    let issuer = Issuer {
        name: jwt::Issuer::Oidc(ISSUER.into()),
        audience: Some("https://log.example.com".into()),
        keys: KeySource::File(jwks),
        ca: None,
    };
    let rules = Role::value_variants().iter().map(|role| rule(&[&format!("sub={role}")], &[*role])).collect();
    app.issuers.replace(vec![issuer.clone()]).unwrap();
    let rules = vec![IssuerRules { issuer, rules }];
    app.live.replace(LiveSettings { rules, ..LiveSettings::default() });
}

/// Every row, and workloads: one for each role, one that meets no rule, one for somebody else, and one that is none; beside tokens of
/// the log's own and without, over TCP and as the process of a user that may do everything.
#[tokio::test]
async fn every_row_lets_in_the_workloads_that_it_should_and_no_others() {
    let mut asked = 0;
    for with_tokens in [false, true] {
        let (folder, app) = temporary();
        let own = if with_tokens { visitors(&folder.path().join("data")) } else { Vec::new() };
        configure_issuer(&app, folder.path());
        let router = router(app);
        let mut workloads: Vec<Visitor> = TOKENS_OF_ISSUER
            .lines()
            .map(|line| {
                let (who, token) = line.split_once(' ').unwrap();
                let standing = match who {
                    "nobody" => Err(&TOKEN_RULE),
                    "elsewhere" => Err(&TOKEN_AUDIENCE),
                    role => Ok(Role::named(role).unwrap()),
                };
                Visitor { who, headers: vec![format!("Bearer {token}")], standing }
            })
            .collect();
        // What one token says, under the signature of another.
        let (said, _) = workloads[0].headers[0].rsplit_once('.').unwrap();
        let (_, signature) = workloads[1].headers[0].rsplit_once('.').unwrap();
        let forged = format!("{said}.{signature}");
        let nobody =
            |who, header: &str, code| Visitor { who, headers: vec![header.into()], standing: Err(code) };
        workloads.push(nobody("forged", &forged, &TOKEN_SIGNATURE));
        workloads.push(nobody("no token", "Bearer x", &TOKEN_MALFORMED));
        workloads.push(nobody("unknown", "Bearer plt_00000000_x", &TOKEN_UNKNOWN));
        let known: Vec<Visitor> = own.into_iter().filter(|visitor| visitor.standing.is_ok()).collect();
        let process = Remote { uid: Some(geteuid().as_raw()), local: true, ..Remote::default() };
        for remote in [Arc::default(), Arc::new(process)] {
            for (row, visitor) in rows()
                .iter()
                .flat_map(|row| workloads.iter().chain(&known).map(move |visitor| (row, visitor)))
            {
                let place = format!("{}, tokens: {with_tokens}, {remote:?}", visitor.who);
                let refusal = refusal(visitor, who(row));
                asked += knock(&router, row, &visitor.headers, &remote, refusal, &place).await;
            }
        }
    }
    assert_eq!(asked, (13 * 2 + 2) * (9 + 9 + 4) * 2, "every row and visitor, twice");
}

/// What a workload submits, and what the log says of it.
#[tokio::test]
async fn a_workload_is_attested_as_its_token_has_it() {
    let (folder, app) = temporary();
    configure_issuer(&app, folder.path());
    let router = router(Arc::clone(&app));
    let token = TOKENS_OF_ISSUER.lines().next().unwrap().split_once(' ').unwrap().1;
    let append = |body: String| {
        let request = Request::post("/v1/entries")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {token}"));
        router.clone().call(request.body(Body::from(body)).unwrap())
    };
    let answer = append(include_str!("../../operate/first_entry.json").into()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let record = app.log.read(|reader| reader.record(1)).await.unwrap().unwrap();
    let workload = record.attested.value("workload").and_then(Value::as_map).unwrap();
    let text = |name: &str| workload.get(name).and_then(Value::as_text);
    assert_eq!((text("method"), text("id"), text("binding")), (Some("oidc"), Some("append"), Some("bearer")));
    let digest = workload.get("token_digest").and_then(Value::as_map).unwrap();
    let sha256 = digest.get("sha256").and_then(Value::as_bytes).unwrap();
    assert_eq!(sha256, provlog_core::Hash::plain(token.as_bytes()).0);
    let Some(Value::Integer(verified_at_ms)) = workload.get("verified_at_ms") else { panic!("{workload:?}") };
    assert!(u64::try_from(*verified_at_ms).unwrap() <= record.entry.time_ms.get());

    // As many claims of 15,000 bytes as are over the limit of workloads, and not over that of records.
    let long = format!("\"{}\"", "x".repeat(15_000));
    let large = format!(
        r#"{{"kind":"event","claims":{{"type":"t","subject":[{{"name":"a","digest":{{"sha256":"{}"}}}}],"x-a":{long},"x-b":{long}}}}}"#,
        "0".repeat(64)
    );
    let refused = append(large).await.unwrap();
    assert_eq!(refused.extensions().get::<&Code>(), Some(&&SUBMITTED_TOO_LARGE));
}

/// What is counted, of whom, and what isn't.
#[tokio::test]
async fn whoever_asks_too_often_is_told_to_wait() {
    let (folder, app) = temporary();
    let limit = |caller, total| {
        let rates = Rates { caller_per_s: NonZeroU32::new(caller), total_per_s: NonZeroU32::new(total) };
        app.live.replace(LiveSettings { rates, ..LiveSettings::default() });
    };
    let router = router(Arc::clone(&app));
    let from = |last: u8| Arc::new(Remote { address: Some([192, 0, 2, last].into()), ..Remote::default() });
    let code = |answer: Response<Body>| answer.extensions().get::<&Code>().copied();
    let send = |request: axum::http::request::Builder, body: &str| {
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let mut router = router.clone();
        async move { router.call(request).await.unwrap() }
    };
    let get = |last, path: &str| send(Request::get(path).extension(from(last)), "");
    limit(1, 0);
    // A batch is taken, and its lines are counted behind it: so many that no test is slow enough to see them paid.
    let line = include_str!("../../operate/first_entry.json").trim_end();
    let batch = format!("{line}\n").repeat(2_000);
    let headed = |last| {
        Request::post("/v1/entries/batch").extension(from(last)).header(CONTENT_TYPE, "application/x-ndjson")
    };
    let taken = send(headed(1), &batch).await;
    assert_eq!(taken.status(), StatusCode::OK);
    let refused = send(headed(1), &batch).await;
    let waits: u32 = refused.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&waits), "{waits}");
    assert_eq!(refused.headers()[CONNECTION], "close", "nobody reads its body");
    assert_eq!(code(refused), Some(&RATE_CALLER));
    assert_eq!(code(get(1, "/v1/records").await), Some(&RATE_CALLER), "whatever it asks for");
    assert_eq!(code(get(2, "/v1/records").await), None, "others aren't held to it");
    assert_eq!(code(get(1, "/checkpoint").await), Some(&RATE_CALLER), "also for what everybody may");
    assert_eq!(code(get(1, "/v1/nothing").await), Some(&RATE_CALLER), "and for what there isn't");
    assert_eq!(code(get(2, "/v1/nothing").await), Some(&RATE_CALLER), "this is its second");
    assert_eq!(code(get(5, "/v1/nothing").await), Some(&ROUTE_UNKNOWN));

    // Whoever tries out tokens is counted by where it is, and whoever has one by its name alone.
    let headers = visitors(&folder.path().join("data"));
    let with = |last, who: &str, path: &str| {
        let visitor = headers.iter().find(|visitor| visitor.who == who).unwrap();
        send(Request::get(path).extension(from(last)).header(AUTHORIZATION, &visitor.headers[0]), "")
    };
    assert_eq!(code(with(1, "unknown", "/v1/records").await), Some(&RATE_CALLER));
    assert_eq!(code(with(1, "read", "/v1/records").await), None);
    assert_eq!(code(with(3, "unknown", "/v1/records").await), Some(&TOKEN_UNKNOWN));

    limit(0, 1);
    for path in ["/checkpoint", "/v1/log", "/v1/records"] {
        app.limits.charge(app.live.now().rates, &Account::Rest, 1_000);
        let refused = get(4, path).await;
        assert!(refused.headers().contains_key(RETRY_AFTER), "{path}");
        assert_eq!(code(refused), Some(&RATE_TOTAL), "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(4, path).await.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(
        with(4, "read", "/metrics").await.status(),
        StatusCode::OK,
        "what tells of refusals isn't refused"
    );
    limit(0, 0);
    assert_eq!(code(get(4, "/checkpoint").await), None);
}

#[tokio::test]
async fn nothing_waits_for_a_disk_but_what_is_read_from_it() {
    let (_folder, app) = temporary();
    let router = router(Arc::clone(&app));
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let begun = Arc::new(AtomicUsize::new(0));
    let hang = || {
        let (begun, released) = (Arc::clone(&begun), Arc::clone(&released));
        app.log.read(move |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            released.lock().unwrap().recv().unwrap_err()
        })
    };
    let mut context = Context::from_waker(Waker::noop());
    // The first take every turn of the pool, and those behind them every place.
    let mut held: Vec<_> = (0..PLACES).map(|_| Box::pin(hang())).collect();
    assert!(held.iter_mut().all(|read| read.as_mut().poll(&mut context).is_pending()));

    for path in ["/healthz", "/readyz", "/checkpoint", "/v1/log", "/metrics"] {
        assert_eq!(ask(&router, &Method::GET, path).await.status(), StatusCode::OK, "{path}");
    }
    let append = || {
        let body = Body::from(include_str!("../../operate/first_entry.json"));
        let request = Request::post("/v1/entries").header(CONTENT_TYPE, "application/json");
        router.clone().call(request.body(body).unwrap())
    };
    assert_eq!(append().await.unwrap().status(), StatusCode::CREATED);

    // What is in memory needs no place; a search may go through all of the log.
    for path in ["/v1/entries/0", "/v1/entries/0/receipt", "/tile/entries/000.p/1"] {
        assert_eq!(ask(&router, &Method::GET, path).await.status(), StatusCode::OK, "{path}");
    }
    let search = "/v1/records?from=1";
    let refused = ask(&router, &Method::GET, search).await;
    assert_eq!(refused.extensions().get::<&Code>(), Some(&&BUSY_READS));
    assert_eq!(refused.headers()[RETRY_AFTER], "1");
    // A request that is given up keeps its place until its turn, so that nobody can make the line endless.
    drop((held.pop(), held.swap_remove(0)));
    let refused = ask(&router, &Method::GET, search).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(release);
    for read in held {
        read.await.unwrap();
    }
    assert_eq!(ask(&router, &Method::GET, search).await.status(), StatusCode::OK);
    // Of the two, one was being read, and nobody read the other.
    assert_eq!(begun.load(Ordering::Relaxed), PLACES - 1);
}

#[tokio::test]
async fn a_read_that_panics_takes_no_other_one_with_it() {
    let (_folder, app) = temporary();
    for _ in 0..100 {
        let problem = app.log.read(|_| panic!("on purpose, in a test")).await.map(drop::<()>).unwrap_err();
        assert_eq!(problem.code(), &INTERNAL);
    }
    assert!(app.log.read(|reader| reader.entry(0).is_ok()).await.unwrap());
}
