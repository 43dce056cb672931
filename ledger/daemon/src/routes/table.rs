//! The one table of what is served: method, path, handler (SPEC.md section 10).

use crate::http::problem::{METHOD_NOT_ALLOWED, Problem, ROUTE_UNKNOWN};
use crate::routes::app::App;
use crate::routes::{append, batch, entries, operation, records, tree};
use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, Uri};
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;

struct Row {
    #[cfg_attr(not(test), expect(dead_code, reason = "the handler was made with it; tests ask by it"))]
    method: Method,
    path: &'static str,
    handler: MethodRouter<Arc<App>>,
}

/// `GET` answers `HEAD` too.
fn rows() -> [Row; 14] {
    [
        row(Method::POST, "/v1/entries", append::append),
        row(Method::POST, "/v1/entries/batch", batch::append),
        row(Method::GET, "/v1/entries/{index}", entries::entry),
        row(Method::GET, "/v1/entries/{index}/receipt", entries::receipt),
        row(Method::GET, "/v1/entries/{index}/proof", entries::inclusion),
        row(Method::GET, "/v1/records", records::records),
        row(Method::GET, "/v1/consistency", tree::consistency),
        row(Method::GET, "/v1/log", operation::about),
        row(Method::GET, "/v1/schema/{kind}", operation::kind_schema),
        row(Method::GET, "/checkpoint", tree::checkpoint),
        row(Method::GET, "/tile/{*path}", tree::tile),
        row(Method::GET, "/healthz", operation::healthz),
        row(Method::GET, "/readyz", operation::readyz),
        row(Method::GET, "/metrics", operation::metrics),
    ]
}

fn row<T: 'static>(method: Method, path: &'static str, handler: impl Handler<T, Arc<App>>) -> Row {
    let filter = if method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
    Row { method, path, handler: on(filter, handler) }
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
    use crate::http::problem::{BUSY_READS, Code, INTERNAL};
    use crate::log::async_log::PLACES;
    use crate::routes::app::tests::temporary;
    use axum::body::Body;
    use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
    use axum::http::{Request, Response, StatusCode};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};
    use std::task::{Context, Waker};
    use tower_service::Service;

    async fn ask(router: &Router, method: &Method, path: &str) -> Response<Body> {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        router.clone().call(request).await.unwrap()
    }

    #[tokio::test]
    async fn every_row_answers_its_method_and_no_other() {
        let (_folder, app) = temporary();
        let router = router(app);
        for row in rows() {
            let path = row.path.replace("{index}", "0").replace("{kind}", "promotion");
            let path = path.replace("{*path}", "0/000.p/1").replace("consistency", "consistency?old=1&new=1");
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
        let unknown = ask(&router, &Method::GET, "/v1/nothing").await;
        assert_eq!(unknown.extensions().get::<&Code>(), Some(&&ROUTE_UNKNOWN));
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
