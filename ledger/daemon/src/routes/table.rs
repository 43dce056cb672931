//! The one table of what is served: who may ask, method, path, handler, description (SPEC.md section 10).

use crate::access::role::{Access, listed};
use crate::http::codes::{METHOD_NOT_ALLOWED, ROUTE_UNKNOWN};
use crate::http::problem::Problem;
use crate::routes::app::App;
use crate::routes::door::{Entered, behind_door};
use crate::routes::openapi::description::Description;
use crate::routes::openapi::document::{Route, document};
use crate::routes::openapi::operations;
use crate::routes::{append, batch, entries, operation, records, tree};
use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::routing::{MethodFilter, MethodRouter, on};
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

struct Row {
    method: Method,
    path: &'static str,
    /// What it asks of its caller; none where it asks for no caller at all.
    access: Option<Access>,
    handler: MethodRouter<Arc<App>>,
    description: &'static Description,
}

/// `GET` answers `HEAD` too.
fn rows() -> [Row; 15] {
    use Access::{Append, Read};
    [
        guarded(Append, Method::POST, "/v1/entries", append::append, &operations::APPEND),
        guarded(Append, Method::POST, "/v1/entries/batch", batch::append, &operations::BATCH),
        guarded(Read, Method::GET, "/v1/entries/{index}", entries::entry, &operations::ENTRY),
        guarded(Read, Method::GET, "/v1/entries/{index}/receipt", entries::receipt, &operations::RECEIPT),
        open(Method::GET, "/v1/entries/{index}/proof", entries::inclusion, &operations::INCLUSION),
        guarded(Read, Method::GET, "/v1/records", records::records, &operations::RECORDS),
        open(Method::GET, "/v1/consistency", tree::consistency, &operations::CONSISTENCY),
        open(Method::GET, "/v1/log", operation::about, &operations::LOG),
        open(Method::GET, "/v1/schema/{kind}", operation::kind_schema, &operations::KIND),
        open(Method::GET, "/v1/openapi.json", operation::openapi, &operations::DOCUMENT),
        open(Method::GET, "/checkpoint", tree::checkpoint, &operations::CHECKPOINT),
        open(Method::GET, "/tile/{*path}", tree::tile, &operations::TILE),
        open(Method::GET, "/healthz", operation::healthz, &operations::HEALTHZ),
        open(Method::GET, "/readyz", operation::readyz, &operations::READYZ),
        guarded(Read, Method::GET, "/metrics", operation::metrics, &operations::METRICS),
    ]
}

/// A route for callers alone. There is no row without a word on who may ask, and none without a description.
fn guarded<T: 'static>(
    access: Access,
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Entered>,
    description: &'static Description,
) -> Row {
    let handler = behind_door(access, filter(&method), handler);
    Row { method, path, access: Some(access), handler, description }
}

/// A route for everybody.
fn open<T: 'static>(
    method: Method,
    path: &'static str,
    handler: impl Handler<T, Arc<App>>,
    description: &'static Description,
) -> Row {
    let handler = on(filter(&method), handler);
    Row { method, path, access: None, handler, description }
}

fn filter(method: &Method) -> MethodFilter {
    if *method == Method::POST { MethodFilter::POST } else { MethodFilter::GET }
}

/// Who may ask for what, as Markdown, as it stands in `SPEC.md`.
#[must_use]
pub fn access_markdown() -> String {
    let mut text = String::from("| request | who may ask |\n| --- | --- |\n");
    for row in rows() {
        let who = row.access.map_or_else(|| "everybody".into(), |access| listed(access.roles()));
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "| `{} {}` | {who} |", row.method, row.path);
    }
    text
}

/// The OpenAPI document of all routes, as it stands in `docs/openapi.json`.
///
/// # Errors
/// None, as long as the schemas that are checked in are JSON.
pub fn openapi_json() -> serde_json::Result<String> {
    let rows = rows();
    document(rows.iter().map(|Row { method, path, access, description, .. }| Route {
        method,
        path,
        access: *access,
        description,
    }))
}

/// The path of the row that a request's path belongs to, as it stands in the table.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    static PATHS: LazyLock<[&str; 15]> = LazyLock::new(|| rows().map(|row| row.path));
    PATHS.iter().copied().find(|row| {
        let (mut row, mut path) = (row.split('/'), path.split('/'));
        loop {
            match (row.next(), path.next()) {
                (None, None) => return true,
                (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
                (Some(part), Some(got)) if part == got || part.starts_with('{') => {}
                _ => return false,
            }
        }
    })
}

/// Answers the rows of the table, and refuses everything else.
pub(crate) fn router(app: Arc<App>) -> Router {
    rows()
        .into_iter()
        .fold(Router::new(), |router, row| router.route(row.path, row.handler))
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

async fn unknown_route(uri: Uri) -> Problem {
    Problem::new(&ROUTE_UNKNOWN, format!("nothing is served at {}", uri.path()))
}

/// The router adds the methods that are allowed, as `Allow`.
async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(&METHOD_NOT_ALLOWED, format!("{} does not take {method}; see Allow", uri.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::date::Expiry;
    use crate::access::file::TokensFile;
    use crate::access::role::Role;
    use crate::access::secret::Secret;
    use crate::access::tokens::Token;
    use crate::access::tokens::tests::token;
    use crate::http::codes::{
        AUTHORIZATION_MALFORMED, BUSY_READS, CALLER_MISSING, CONTENT_TYPE_UNSUPPORTED, Code, INTERNAL,
        ROLE_DENIED, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_UNKNOWN,
    };
    use crate::log::async_log::PLACES;
    use crate::routes::app::tests::temporary;
    use axum::body::Body;
    use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
    use axum::http::{Request, Response, StatusCode};
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

    /// Every row, every visitor, with tokens and without.
    #[tokio::test]
    async fn every_row_lets_in_whom_it_should_and_nobody_else() {
        let ((folder, app), elsewhere) = (temporary(), tempfile::tempdir().unwrap());
        let router = router(app);
        let (strangers, mut asked) = (visitors(elsewhere.path()), 0);
        // Before the log has tokens, everybody is a stranger to it, and let in.
        for configured in [false, true] {
            let own = if configured { visitors(&folder.path().join("data")) } else { Vec::new() };
            let visitors = if configured { &own } else { &strangers };
            for (row, visitor) in
                rows().iter().flat_map(|row| visitors.iter().map(move |visitor| (row, visitor)))
            {
                let same = |(method, path, _): &&(&str, &str, _)| {
                    (row.method.as_str(), row.path) == (*method, *path)
                };
                let (_, _, roles) = WHO.iter().find(same).expect("each row is in the table above");
                let methods = if row.method == Method::GET {
                    vec![Method::GET, Method::HEAD]
                } else {
                    vec![Method::POST]
                };
                for method in methods {
                    let mut request = Request::builder().method(&method).uri(path(row.path));
                    for header in &visitor.headers {
                        request = request.header(AUTHORIZATION, header);
                    }
                    let answer = router.clone().call(request.body(Body::empty()).unwrap()).await.unwrap();
                    let place = format!("{method} {}, {}, tokens: {configured}", row.path, visitor.who);
                    let code = answer.extensions().get::<&Code>().copied();
                    match refusal(visitor, roles).filter(|_| configured) {
                        Some(refusal) => {
                            assert_eq!((code, answer.status()), (Some(refusal), refusal.status), "{place}");
                            assert!(answer.headers().contains_key(WWW_AUTHENTICATE), "{place}");
                        }
                        None if method == Method::POST => {
                            assert_eq!(code, Some(&CONTENT_TYPE_UNSUPPORTED), "{place}")
                        }
                        None => assert_eq!(answer.status(), StatusCode::OK, "{place}"),
                    }
                    asked += 1;
                }
            }
        }
        assert_eq!(asked, (13 * 2 + 2) * 11 * 2, "every row and visitor, twice");

        // A token of another log is as unknown as any.
        for visitor in
            strangers.iter().filter(|visitor| visitor.headers.len() == 1 && visitor.standing.is_ok())
        {
            let request = Request::get("/v1/records").header(AUTHORIZATION, &visitor.headers[0]);
            let answer = router.clone().call(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.extensions().get::<&Code>(), Some(&&TOKEN_UNKNOWN), "{}", visitor.who);
        }
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
            let body = Body::from(include_str!("../operate/first_entry.json"));
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
            let problem =
                app.log.read(|_| panic!("on purpose, in a test")).await.map(drop::<()>).unwrap_err();
            assert_eq!(problem.code(), &INTERNAL);
        }
        assert!(app.log.read(|reader| reader.entry(0).is_ok()).await.unwrap());
    }
}
