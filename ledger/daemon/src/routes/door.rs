//! The one door that a request passes whose route asks for a caller.
//!
//! A handler that takes an [`Entered`], or a [`Caller`] out of one, can stand nowhere but behind it: its state has another type
//! than that of the router, and only the door makes one. Nothing of a body is read here, so whoever isn't let in is told so before
//! having sent one.

use crate::access::caller::Caller;
use crate::access::role::Access;
use crate::http::problem::Problem;
use crate::routes::app::App;
use axum::body::HttpBody;
use axum::extract::{FromRef, Request, State};
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::borrow::Cow;
use std::sync::Arc;
use tracing::Level;

/// What a handler behind the door shares with all others, and who asks.
#[derive(Clone)]
pub(crate) struct Entered {
    app: Arc<App>,
    caller: Caller,
}

impl FromRef<Entered> for Arc<App> {
    fn from_ref(entered: &Entered) -> Self {
        Arc::clone(&entered.app)
    }
}

impl FromRef<Entered> for Caller {
    fn from_ref(entered: &Entered) -> Self {
        entered.caller.clone()
    }
}

/// A route whose handler answers nobody but callers with this access.
pub(crate) fn behind_door<T: 'static>(
    access: Access,
    filter: MethodFilter,
    handler: impl Handler<T, Entered>,
) -> MethodRouter<Arc<App>> {
    let guarded = move |State(app): State<Arc<App>>, request: Request| {
        let handler = handler.clone();
        async move {
            match enter(&app, access, &request) {
                Ok(caller) if tracing::enabled!(Level::DEBUG) => {
                    let identity = caller.identity();
                    let mut response = handler.call(request, Entered { app, caller }).await;
                    response.extensions_mut().insert(Identity(identity));
                    response
                }
                Ok(caller) => handler.call(request, Entered { app, caller }).await,
                Err(problem) => problem.into_response(),
            }
        }
    };
    on(filter, guarded)
}

/// Who was let in, in an answer's extensions: there while requests are logged.
#[derive(Clone)]
pub(crate) struct Identity(pub(crate) Cow<'static, str>);

fn enter(app: &App, access: Access, request: &Request) -> Result<Caller, Problem> {
    app.callers.enter(request.headers(), access, || app.now_s()).map_err(|problem| {
        // Nobody is going to read the body.
        if request.body().is_end_stream() { problem } else { problem.closing() }
    })
}
