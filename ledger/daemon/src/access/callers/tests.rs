//! Who is let in, and who is not.

use super::*;
use crate::access::date::Expiry;
use crate::access::peers::Peer;
use crate::access::role::Role;
use crate::access::secret::Secret;
use crate::access::tokens::tests::token;
use crate::access::workloads::tests::{URL, issuer, recognised, rule};
use crate::http::codes::{Code, ISSUER_KEYS, ROLE_DENIED, TOKEN_ISSUER};
use crate::identity::issuer::{Issuer, KeySource};
use axum::http::HeaderValue;
use provlog_evidence::jwt;
use provlog_evidence::spiffe::TrustDomain;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn fixture() -> (TempDir, Callers) {
    fixture_with(false)
}

fn fixture_with(client_ca: bool) -> (TempDir, Callers) {
    let folder = tempfile::tempdir().unwrap();
    let callers = Callers::open(folder.path(), client_ca).unwrap();
    (folder, callers)
}

fn add(folder: &TempDir, name: &str, role: Role) -> Secret {
    let secret = Secret::draw().unwrap();
    let added = |tokens: &mut Tokens| tokens.add(token(&secret, name, &[role]));
    TokensFile::of(folder.path()).change(added).unwrap();
    secret
}

fn headers(values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
}

/// Users alone.
const fn of(peers: &Peers) -> Named<'_> {
    Named { peers, rules: &[] }
}

fn enter_with(callers: &Callers, headers: &HeaderMap) -> Result<Caller, Refused> {
    callers.enter(headers, &Remote::default(), of(&Peers::default()), None, Access::Append, || 0)
}

fn identified(entered: Result<Caller, Refused>) -> Result<String, &'static Code> {
    let entered = entered.map(|caller| caller.who().identity().into_owned());
    entered.map_err(|refused| refused.problem.code())
}

/// Who is let in to append, at second 0, or why nobody is.
fn enter(callers: &Callers, values: &[&str]) -> Result<String, &'static Code> {
    identified(enter_with(callers, &headers(values)))
}

fn with(secret: &Secret) -> String {
    format!("Bearer {}", secret.reveal())
}

#[test]
fn what_is_changed_holds_from_the_next_request_on() {
    let (folder, callers) = fixture();
    assert_eq!(enter(&callers, &["Bearer whatever"]).as_deref(), Ok("anonymous"));
    let first = add(&folder, "first", Role::Append);
    assert_eq!(enter(&callers, &[]), Err(&CALLER_MISSING));
    assert_eq!(enter(&callers, &[&with(&first)]).as_deref(), Ok("token:first"));
    let reads = add(&folder, "reads", Role::Read);
    assert_eq!(enter(&callers, &[&with(&reads)]), Err(&ROLE_DENIED));
    TokensFile::of(folder.path()).change(|tokens| tokens.revoke("first", 0)).unwrap();
    assert_eq!(enter(&callers, &[&with(&first)]), Err(&TOKEN_REVOKED));
}

/// Users over a Unix socket, on a log with and without each thing that says who may call.
#[test]
fn a_process_is_known_by_its_user() {
    let named =
        |uid, roles: &[Role]| Peer { uid, roles: roles.into(), kinds: Vec::new(), environments: Vec::new() };
    let own = geteuid().as_raw();
    let [writes, reads, other] = [own + 1, own + 2, own + 3];
    let some = Peers(vec![named(writes, &[Role::Append]), named(reads, &[Role::Read])]);
    let from = |uid| Remote { uid: Some(uid), local: true, ..Remote::default() };
    for (tokens, peers, client_ca) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (false, false, true),
        (true, true, true),
    ] {
        let (folder, _) = fixture();
        let secret = tokens.then(|| add(&folder, "ci", Role::Append));
        let callers = Callers::open(folder.path(), client_ca).unwrap();
        let peers = if peers { some.clone() } else { Peers::default() };
        let enter = |headers: &HeaderMap, remote: &Remote| {
            identified(callers.enter(headers, remote, of(&peers), None, Access::Append, || 0))
        };
        let case = format!("tokens {tokens}, peers {peers:?}, client CA {client_ca}");
        let none = HeaderMap::new();
        let open = !tokens && peers.is_empty() && !client_ca;
        for (uid, named) in
            [(own, true), (0, true), (writes, !peers.is_empty()), (reads, false), (other, false)]
        {
            let expected = if named || open { Ok(format!("peer:{uid}")) } else { Err(&ROLE_DENIED) };
            assert_eq!(enter(&none, &from(uid)), expected, "{uid}, {case}");
        }
        // Over TCP, from a Unix socket's other end of which the kernel tells nothing, and from behind a proxy that has one.
        let unnamed = if open { Ok("anonymous".to_owned()) } else { Err(&CALLER_MISSING) };
        assert_eq!(enter(&none, &Remote::default()), unnamed, "{case}");
        assert_eq!(enter(&none, &Remote { local: true, ..Remote::default() }), unnamed, "{case}");
        for header in ["x-forwarded-for", "forwarded"] {
            let passed_on = HeaderMap::from_iter([(header.parse().unwrap(), HeaderValue::from_static("x"))]);
            for uid in [own, 0, writes, other] {
                assert_eq!(enter(&passed_on, &from(uid)), unnamed, "{header} {uid}, {case}");
            }
        }
        let certified = Remote { certified: true, ..Remote::default() };
        let named = tokens || !peers.is_empty();
        let shown = if named { Err(&CALLER_MISSING) } else { Ok("anonymous".to_owned()) };
        assert_eq!(enter(&none, &certified), shown, "{case}");
        // A token decides, of the daemon's own user too.
        if let Some(secret) = secret {
            assert_eq!(enter(&headers(&[&with(&secret)]), &from(other)).as_deref(), Ok("token:ci"), "{case}");
            assert_eq!(enter(&headers(&["Bearer x"]), &from(own)), Err(&TOKEN_UNKNOWN), "{case}");
        } else {
            assert!(enter(&headers(&["Bearer x"]), &from(own)).is_ok(), "{case}");
        }
    }
}

#[test]
fn who_is_let_in_is_told() {
    let (folder, callers) = fixture();
    let (none, root) = (
        Peers::default(),
        Peers(vec![Peer { uid: 0, roles: vec![Role::Read], kinds: vec![], environments: vec![] }]),
    );
    let told = |named| (callers.method(named).unwrap(), callers.told(named, 0));
    assert_eq!(told(of(&none)).0, "none");
    let (_other, certified) = fixture_with(true);
    assert_eq!(certified.method(of(&none)).unwrap(), "certificates");
    assert!(certified.told(of(&none), 0).starts_with("whoever shows a certificate of the client CA; "));
    assert_eq!(certified.method(of(&root)).unwrap(), "peers");
    let (method, words) = told(of(&root));
    assert_eq!(
        (&*method, &*words),
        ("peers", "no tokens; over Unix sockets 1 user who is named, this one, and root")
    );
    add(&folder, "ci", Role::Append);
    let (method, words) = told(of(&root));
    assert_eq!(method, "tokens, peers");
    assert!(words.starts_with("whoever has a token; of 1 token 1 holds; over Unix sockets"), "{words}");
}

#[test]
fn issuers_are_told_beside_the_rest() {
    let (folder, callers) = fixture();
    let rules = [IssuerRules { issuer: issuer(), rules: vec![rule(&["sub=*"], &[Role::Append])] }];
    let root = Peers(vec![Peer { uid: 0, roles: vec![Role::Read], kinds: vec![], environments: vec![] }]);
    let none = Peers::default();
    let told = |peers| {
        let named = Named { peers, rules: &rules };
        (callers.method(named).unwrap(), callers.told(named, 0))
    };
    let of_issuers = "by 1 rule whoever has a token of 1 issuer";
    assert_eq!(told(&none), ("oidc".into(), format!("no tokens; {of_issuers}")));
    assert_eq!(told(&root).0, "peers, oidc");
    add(&folder, "ci", Role::Append);
    assert_eq!(told(&none).0, "tokens, oidc");
    let (method, words) = told(&root);
    assert_eq!(method, "tokens, peers, oidc");
    assert!(words.contains(&format!("1 holds; {of_issuers}; over Unix sockets")), "{words}");
}

/// Whose token it is, and what it says, on a log with and without tokens of its own.
#[test]
fn a_workload_may_do_what_the_first_rule_grants_that_its_token_meets() {
    let own = geteuid().as_raw();
    let rules = [IssuerRules {
        issuer: issuer(),
        rules: vec![rule(&["ref=refs/heads/main"], &[Role::Append]), rule(&["ref=*"], &[Role::Read])],
    }];
    let of = |reference| Ok(Arc::new(recognised("job-1", &[("ref", reference)])));
    let other = |issuer| {
        let of = recognised("job-1", &[("ref", "refs/heads/main")]);
        (Ok(Arc::new(Recognised { issuer: Arc::new(issuer), ..of })), Err(&TOKEN_ISSUER))
    };
    let pinned = KeySource::File("/k".into());
    let unknown = Unrecognised::Issuer { got: "https://other.example".into() };
    let keys = Unrecognised::Keys { issuer: URL.into() };
    for with_tokens in [false, true] {
        let (folder, callers) = fixture();
        let secret = with_tokens.then(|| add(&folder, "ci", Role::Append));
        let peers = Peers::default();
        let enter = |value: &str, recognised, remote: &Remote| {
            let named = Named { peers: &peers, rules: &rules };
            callers.enter(&headers(&[value]), remote, named, recognised, Access::Append, || 0)
        };
        let identity = format!("oidc:{URL}#job-1");
        let peer = Remote { uid: Some(own), local: true, ..Remote::default() };
        // The token decides, of the daemon's own user too.
        for remote in [&Remote::default(), &peer] {
            for (came_of_it, expected) in [
                (of("refs/heads/main"), Ok(identity.clone())),
                (of("refs/heads/other"), Err(&ROLE_DENIED)),
                (Ok(recognised("job-1", &[]).into()), Err(&TOKEN_RULE)),
                other(Issuer { name: jwt::Issuer::Oidc("https://other.example".into()), ..issuer() }),
                // As it was configured before, or will be.
                other(Issuer { audience: Some("https://other.example".into()), ..issuer() }),
                other(Issuer { keys: pinned.clone(), ..issuer() }),
                other(Issuer { ca: Some("/c".into()), ..issuer() }),
                (Err(unknown.clone()), Err(&TOKEN_ISSUER)),
                (Err(keys.clone()), Err(&ISSUER_KEYS)),
            ] {
                let place = format!("{came_of_it:?}, tokens: {with_tokens}, {remote:?}");
                assert_eq!(identified(enter("Bearer a.b.c", Some(came_of_it), remote)), expected, "{place}");
            }
        }
        let refused = enter("Bearer a.b.c", Some(Ok(recognised("job-1", &[]).into())), &peer).unwrap_err();
        assert_eq!(refused.who, None, "nobody that the operator named");
        let told = refused.problem.to_json();
        assert!(told.contains(&identity), "it is told who it is: {told}");
        assert!(!told.contains("refs/heads"), "the rules aren't told");
        // What begins as the log's own tokens do is for no issuer to judge.
        let own_token = secret.map_or_else(|| "Bearer plt_0".into(), |secret| with(&secret));
        assert_eq!(token_of_issuer(&headers(&[&own_token])), None);
        assert_eq!(identified(enter("Bearer plt_0", None, &peer)), Err(&TOKEN_UNKNOWN));
        let expected = if with_tokens { Ok("token:ci".to_owned()) } else { Err(&TOKEN_UNKNOWN) };
        assert_eq!(identified(enter(&own_token, None, &peer)), expected);
        assert_eq!(identified(enter("Basic x", None, &peer)), Err(&AUTHORIZATION_MALFORMED));
        let named = Named { peers: &peers, rules: &rules };
        let without =
            |remote| identified(callers.enter(&HeaderMap::new(), remote, named, None, Access::Append, || 0));
        let nowhere = Remote::default();
        assert_eq!(without(&nowhere), Err(&CALLER_MISSING));
        assert_eq!(without(&peer), Ok(format!("peer:{own}")), "a user without a token is itself");
    }
}

#[test]
fn a_certificate_counts_where_trust_domains_are_named_and_nothing_in_the_head_says_who_it_is() {
    let domain = Issuer { name: jwt::Issuer::Spiffe(TrustDomain::parse("example.org").unwrap()), ..issuer() };
    let of_issuer = |issuer| IssuerRules { issuer, rules: vec![rule(&["sub=*"], &[Role::Append])] };
    let (one, both) = ([of_issuer(issuer())], [of_issuer(issuer()), of_issuer(domain)]);
    let peers = Peers::default();
    let shown = Arc::new(ShownChain::new([&b"certificate"[..]]));
    let remote = Remote { shown: Some(Arc::clone(&shown)), ..Remote::default() };
    let counts = |headers: &HeaderMap, remote: &Remote, rules: &[IssuerRules]| {
        certificate_of_domain(headers, remote, Named { peers: &peers, rules }).is_some()
    };
    let none = HeaderMap::new();
    assert!(counts(&none, &remote, &both));
    assert!(!counts(&none, &remote, &one) && !counts(&none, &remote, &[]), "nobody asked for it");
    assert!(!counts(&none, &Remote::default(), &both), "there is none");
    for value in ["Bearer a.b.c", "Bearer plt_0", "Basic x"] {
        assert!(!counts(&headers(&[value]), &remote, &both), "{value}");
    }
    for name in ["x-forwarded-for", "forwarded"] {
        let passed_on = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static("a"))]);
        assert!(!counts(&passed_on, &remote, &both), "{name}");
    }
    let (_folder, callers) = fixture();
    let named = Named { peers: &peers, rules: &both };
    assert_eq!(callers.method(named).unwrap(), "oidc, spiffe");
    let told = callers.told(named, 0);
    assert!(
        told.contains("whoever has a token of 1 issuer; by 1 rule whoever has an SVID of 1 trust domain"),
        "{told}"
    );
}

#[test]
fn a_token_of_an_issuer_is_whatever_is_none_of_the_log_s() {
    for (values, expected) in [
        (&["Bearer a.b.c"][..], Some("a.b.c")),
        (&["bearer x"], Some("x")),
        (&["Bearer PLT_0"], Some("PLT_0")),
        (&["Bearer plt_0"], None),
        (&["Bearer a.b.c", "Bearer a.b.c"], None),
        (&["Basic x"], None),
        (&["Bearer "], None),
        (&[], None),
    ] {
        assert_eq!(token_of_issuer(&headers(values)), expected, "{values:?}");
    }
}

#[test]
fn a_header_is_one_scheme_and_one_token() {
    let (folder, callers) = fixture();
    let secret = add(&folder, "ci", Role::Append);
    let (right, text) = (with(&secret), secret.reveal());
    for fine in [right.clone(), format!("bearer {text}"), format!("BEARER {text}")] {
        assert_eq!(enter(&callers, &[&fine]).as_deref(), Ok("token:ci"), "{fine}");
    }
    let malformed: [&[&str]; 9] = [
        &[&right, &right],
        &[&right, "Basic x"],
        &[""],
        &["Bearer"],
        &["Bearer "],
        &[text],
        &[&format!("Basic {text}")],
        &[&format!("Bearer  {text}")],
        &[&format!("Bearer {text}, {text}")],
    ];
    for values in malformed {
        assert_eq!(enter(&callers, values), Err(&AUTHORIZATION_MALFORMED), "{values:?}");
    }
    let mut bytes = HeaderMap::new();
    bytes.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap());
    let refused = enter_with(&callers, &bytes).unwrap_err().problem;
    assert_eq!(refused.code(), &AUTHORIZATION_MALFORMED);
    for other in
        ["Bearer x", &with(&Secret::draw().unwrap()), &right[..right.len() - 1], &format!("{right}=")]
    {
        assert_eq!(enter(&callers, &[other]), Err(&TOKEN_UNKNOWN), "{other}");
    }
    for values in malformed {
        let refused = enter_with(&callers, &headers(values)).unwrap_err();
        assert!(!refused.problem.to_json().contains(text), "no token is told");
    }
}

#[test]
fn a_token_ends_by_the_clock() {
    let (folder, callers) = fixture();
    let secret = Secret::draw().unwrap();
    let token = Token { expires: Expiry::At(1_000), ..token(&secret, "ci", &[Role::Append]) };
    TokensFile::of(folder.path()).change(|tokens| tokens.add(token)).unwrap();
    let (headers, none) = (headers(&[&with(&secret)]), Peers::default());
    let at = |now_s| callers.enter(&headers, &Remote::default(), of(&none), None, Access::Append, || now_s);
    assert!(at(999).is_ok());
    let ended = at(1_000).unwrap_err();
    assert_eq!(ended.problem.code(), &TOKEN_EXPIRED);
    assert_eq!(ended.who.unwrap().identity(), "token:ci", "it is known who that was");
    assert_eq!(callers.told(of(&none), 999), "whoever has a token; of 1 token 1 holds");
    assert_eq!(callers.told(of(&none), 1_000), "whoever has a token; of 1 token 0 holds");
}

#[test]
fn while_the_tokens_are_not_known_nobody_is_let_in() {
    let (folder, callers) = fixture();
    let secret = add(&folder, "ci", Role::Append);
    let right = with(&secret);
    let (path, aside) = (folder.path().join("tokens"), folder.path().join("aside"));
    let expect_known = || assert_eq!(enter(&callers, &[&right]).as_deref(), Ok("token:ci"));
    let expect_unknown = || {
        for values in [&[][..], &[&*right], &["Basic x"]] {
            assert_eq!(enter(&callers, values), Err(&CALLERS_UNKNOWN));
        }
        assert_eq!(callers.method(of(&Peers::default())).unwrap_err().code(), &CALLERS_UNKNOWN);
    };
    expect_known();
    let allow = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o644);
    expect_unknown();
    allow(0o600);
    expect_known();

    let text = fs::read_to_string(&path).unwrap();
    for damaged in ["", "version = 1\n", &text[..text.len() / 2], &text.replace("version = 1", "version = 2")]
    {
        fs::write(&path, damaged).unwrap();
        if damaged == "version = 1\n" {
            assert_eq!(enter(&callers, &[&right]), Err(&TOKEN_UNKNOWN), "no tokens are not: everybody");
        } else {
            expect_unknown();
        }
    }
    fs::write(&path, &text).unwrap();
    expect_known();

    fs::rename(&path, &aside).unwrap();
    expect_unknown();
    fs::remove_file(folder.path().join("tokens.lock")).unwrap();
    expect_unknown();
    fs::rename(&aside, &path).unwrap();
    expect_known();

    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    expect_unknown();
    fs::remove_dir(&path).unwrap();
    expect_unknown();
}

#[test]
fn a_start_without_the_tokens_that_were_there_is_refused() {
    let (folder, _) = fixture();
    add(&folder, "ci", Role::Append);
    fs::remove_file(folder.path().join("tokens")).unwrap();
    assert!(matches!(Callers::open(folder.path(), false), Err(TokensError::Gone { .. })));
}
