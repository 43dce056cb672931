//! The one door that a request passes whose route asks for a caller.
//!
//! A handler that takes an [`Entered`], or a [`Caller`] out of one, can stand nowhere but behind it: its state has another type
//! than that of the router, and only the door makes one. Nothing of a body is read here, so whoever isn't let in, or comes too
//! often, is told so before having sent one. Here, too, whoever is refused behind the door is told of.

use crate::access::caller::{Caller, Refused, Who};
use crate::access::callers::{certificate_of_domain, token_of_issuer};
use crate::access::rates::{Account, Rates};
use crate::access::role::Access;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::http::remote::Remote;
use crate::identity::recognised::{Recognised, Unrecognised};
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

/// What a door asks of whoever comes to it.
#[derive(Clone, Copy)]
pub(crate) struct Door {
    pub(crate) access: Access,
    /// The path that lies behind it, as the table of routes has it.
    pub(crate) path: &'static str,
    /// Whether rates hold for it.
    pub(crate) is_counted: bool,
    /// Whether what lies behind it takes one submission, so that a token which is bound to that is enough.
    pub(crate) submits_one: bool,
}

/// A route whose handler answers nobody but callers who may pass this door.
pub(crate) fn behind_door<T: 'static>(
    door: Door,
    filter: MethodFilter,
    handler: impl Handler<T, Entered>,
) -> MethodRouter<Arc<App>> {
    let guarded = move |State(app): State<Arc<App>>, request: Request| {
        let handler = handler.clone();
        async move {
            let live = settings(&app, &request);
            let recognised = recognise(&app, &live, door, &request);
            let recognised = recognised.await;
            let workload = recognised.as_ref().and_then(|recognised| recognised.as_ref().ok()).cloned();
            let (mut response, who) = match enter(&app, &live, door, &request, recognised) {
                Ok((caller, payer)) => {
                    workload.iter().for_each(|workload| app.issuers.remember(workload));
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
                    RefusedRequest { code, path: door.path, who: who.as_ref() },
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

/// A route whose handler answers everybody, as often as the rates allow.
pub(crate) fn beside_door<T: 'static>(
    filter: MethodFilter,
    handler: impl Handler<T, Arc<App>>,
) -> MethodRouter<Arc<App>> {
    let counted = move |State(app): State<Arc<App>>, request: Request| {
        let handler = handler.clone();
        async move {
            match admit(&app, &request) {
                Ok(()) => handler.call(request, app).await,
                Err(problem) => problem.into_response(),
            }
        }
    };
    on(filter, counted)
}

/// Counts a request that asks for no caller, under where it came from: else one address could use up what all may ask together.
///
/// # Errors
/// 429 and 503 above the rates.
pub(crate) fn admit(app: &App, request: &Request) -> Result<(), Problem> {
    let live = settings(app, request);
    let admitted = app.limits.admit_caller(live.rates, || account(None, client(&live, request)));
    admitted.map(drop).map_err(|problem| unread(problem, request))
}

/// The settings that the request goes by, from its beginning to its end.
fn settings(app: &App, request: &Request) -> Arc<LiveSettings> {
    request.extensions().get().map_or_else(|| app.live.now(), Arc::clone)
}

/// Where a request came from.
fn client(live: &LiveSettings, request: &Request) -> Option<IpAddr> {
    let remote = request.extensions().get::<Arc<Remote>>()?;
    live.proxies.client(remote, request.headers())
}

/// Who a request's token is of, by the word of its issuer, where issuers are configured and it isn't one of the log's own; or who its
/// connection's certificate is of. What is waited for has nothing of the request but that: a body can't be looked at from two threads.
fn recognise(
    app: &Arc<App>,
    live: &LiveSettings,
    door: Door,
    request: &Request,
) -> impl Future<Output = Option<Result<Arc<Recognised>, Unrecognised>>> + Send + use<> {
    let headers = request.headers();
    let token = (!live.rules.is_empty()).then(|| token_of_issuer(headers)).flatten().map(String::from);
    let remote = request.extensions().get::<Arc<Remote>>();
    let shown = remote.and_then(|remote| certificate_of_domain(headers, remote, live.named()));
    let app = Arc::clone(app);
    async move {
        let now_ms = app.token_ms();
        match (token, shown) {
            (Some(token), _) if door.submits_one => {
                Some(app.issuers.recognise_submitter(&token, now_ms).await)
            }
            (Some(token), _) => Some(app.issuers.recognise(&token, now_ms).await),
            (None, Some(shown)) => Some(app.issuers.recognise_shown(&shown, now_ms).await),
            (None, None) => None,
        }
    }
}

/// Who asks, and what the request is counted under. Also whoever isn't let in is counted: by its name where it has one, else by where it
/// is, so that nobody can try out tokens faster than anybody may ask.
fn enter(
    app: &App,
    live: &LiveSettings,
    door: Door,
    request: &Request,
    recognised: Option<Result<Arc<Recognised>, Unrecognised>>,
) -> Result<(Caller, Payer), Refused> {
    let nowhere = Remote::default();
    let remote = request.extensions().get::<Arc<Remote>>().map_or(&nowhere, Arc::as_ref);
    let now_s = || app.token_ms() / 1_000;
    let entered = app.callers.enter(request.headers(), remote, live.named(), recognised, door.access, now_s);
    let who = match &entered {
        Ok(caller) => Some(caller.who()),
        Err(refused) => refused.who.as_ref(),
    };
    let rates = if door.is_counted { live.rates } else { Rates::default() };
    match app.limits.admit_caller(rates, || account(who, client(live, request))) {
        Ok(account) => entered.map(|caller| (caller, Payer { rates, account })),
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
