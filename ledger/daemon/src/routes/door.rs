//! The one door that a request passes whose route asks for a caller.
//!
//! A handler that takes an [`Entered`], or a [`Caller`] out of one, can stand nowhere but behind it: its state has another type
//! than that of the router, and only the door makes one. Nothing of a body is read here, so whoever isn't let in, or comes too
//! often, is told so before having sent one. Here, too, whoever is refused behind the door is told of.

use crate::access::caller::{Caller, Refused, Who};
use crate::access::rates::{Account, Rates};
use crate::access::role::Access;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::http::remote::Remote;
use crate::operate::live::LiveSettings;
use crate::refusals::RefusedRequest;
use crate::routes::app::App;
use axum::body::HttpBody;
use axum::extract::{FromRef, Request, State};
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use tracing::Level;

/// What a handler behind the door shares with all others, and who asks.
#[derive(Clone)]
pub(crate) struct Entered {
    app: Arc<App>,
    caller: Caller,
    payer: Payer,
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

/// What a request is counted under, for those that turn out to be many.
#[derive(Clone)]
pub(crate) struct Payer {
    rates: Rates,
    /// None where nothing is limited.
    account: Option<Account>,
}

impl FromRef<Entered> for Payer {
    fn from_ref(entered: &Entered) -> Self {
        entered.payer.clone()
    }
}

impl Payer {
    /// Counts `more` requests than the one that came. Their number is known only once they have been read, so they are taken, and
    /// whoever sent them waits the longer before the next one is.
    pub(crate) fn charge(&self, app: &App, more: usize) {
        if let Some(account) = &self.account {
            app.limits.charge(self.rates, account, more);
        }
    }
}

/// A route at this path whose handler answers nobody but callers with this access.
pub(crate) fn behind_door<T: 'static>(
    access: Access,
    filter: MethodFilter,
    path: &'static str,
    handler: impl Handler<T, Entered>,
) -> MethodRouter<Arc<App>> {
    let guarded = move |State(app): State<Arc<App>>, request: Request| {
        let handler = handler.clone();
        async move {
            let live = app.live.now();
            let (mut response, who) = match enter(&app, &live, access, &request) {
                Ok((caller, payer)) => {
                    let who = caller.who().clone();
                    app.metrics.called(Some(&who));
                    let entered = Entered { app: Arc::clone(&app), caller, payer };
                    (handler.call(request, entered).await, Some(who))
                }
                Err(Refused { problem, who }) => {
                    app.metrics.called(who.as_ref());
                    (unread(problem, &request).into_response(), who)
                }
            };
            if let Some(who) = who.as_ref().filter(|_| tracing::enabled!(Level::DEBUG)) {
                response.extensions_mut().insert(Identity(who.identity()));
            }
            if let Some(code) = response.extensions().get::<&'static Code>() {
                let has_entries = live.refusal_entries_per_minute > 0;
                app.refusals.note(
                    RefusedRequest { code, path, who: who.as_ref() },
                    has_entries,
                    app.now_ms(),
                );
            }
            response
        }
    };
    on(filter, guarded)
}

/// Who was let in, in an answer's extensions: there while requests are logged.
#[derive(Clone)]
pub(crate) struct Identity(pub(crate) Cow<'static, str>);

/// A route whose handler answers everybody, as often as the rate of all together allows.
pub(crate) fn beside_door<T: 'static>(
    filter: MethodFilter,
    handler: impl Handler<T, Arc<App>>,
) -> MethodRouter<Arc<App>> {
    let counted = move |State(app): State<Arc<App>>, request: Request| {
        let handler = handler.clone();
        async move {
            match app.limits.admit(app.live.now().rates) {
                Ok(()) => handler.call(request, app).await,
                Err(problem) => unread(problem, &request).into_response(),
            }
        }
    };
    on(filter, counted)
}

/// Who asks, and what the request is counted under. Also whoever isn't let in is counted: by its name where it has one, else by where it
/// is, so that nobody can try out tokens faster than anybody may ask.
fn enter(
    app: &App,
    live: &LiveSettings,
    access: Access,
    request: &Request,
) -> Result<(Caller, Payer), Refused> {
    let nowhere = Remote::default();
    let remote = request.extensions().get::<Arc<Remote>>().map_or(&nowhere, Arc::as_ref);
    let entered = app.callers.enter(request.headers(), remote, &live.peers, access, || app.now_s());
    let who = match &entered {
        Ok(caller) => Some(caller.who()),
        Err(refused) => refused.who.as_ref(),
    };
    match app.limits.admit_caller(live.rates, || account(who, live.proxies.client(remote, request.headers())))
    {
        Ok(account) => entered.map(|caller| (caller, Payer { rates: live.rates, account })),
        Err(problem) => Err(Refused { problem, who: who.cloned() }),
    }
}

fn account(who: Option<&Who>, address: Option<IpAddr>) -> Account {
    match who {
        None | Some(Who::Anonymous) => Account::of_address(address),
        Some(who) => Account::Known(who.identity().into()),
    }
}

/// A refusal of a request whose body nobody is going to read.
fn unread(problem: Problem, request: &Request) -> Problem {
    if request.body().is_end_stream() { problem } else { problem.closing() }
}
