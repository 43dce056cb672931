//! What the operator may change while the daemon runs: all of it at once, by one swap.

use crate::access::callers::Named;
use crate::access::peers::Peers;
use crate::access::rates::Rates;
use crate::access::workloads::IssuerRules;
use crate::http::forwarded::Proxies;
use crate::http::host::Hosts;
use crate::identity::issuer::Issuer;
use std::sync::{Arc, PoisonError, RwLock};

/// Settings that hold from the next request on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LiveSettings {
    /// Names that requests may give the daemon.
    pub(crate) hosts: Hosts,
    /// Who is believed about where requests come from.
    pub(crate) proxies: Proxies,
    /// Callers over Unix sockets.
    pub(crate) peers: Peers,
    /// What the workloads of each may do.
    pub(crate) rules: Vec<IssuerRules>,
    /// Requests a second.
    pub(crate) rates: Rates,
    /// `refusal` entries a minute; none where it is 0.
    pub(crate) refusal_entries_per_minute: u32,
}

impl LiveSettings {
    /// Whom they name beside tokens.
    pub(crate) fn named(&self) -> Named<'_> {
        Named { peers: &self.peers, rules: &self.rules }
    }

    /// Whose tokens are taken.
    pub(crate) fn issuers(&self) -> Vec<Issuer> {
        self.rules.iter().map(|of_issuer| of_issuer.issuer.clone()).collect()
    }
}

/// The settings that hold now. A request looks once, and goes by what it saw.
#[derive(Debug, Default)]
pub(crate) struct Live(RwLock<Arc<LiveSettings>>);

impl Live {
    pub(crate) fn new(settings: LiveSettings) -> Self {
        Self(RwLock::new(settings.into()))
    }

    /// What holds now.
    pub(crate) fn now(&self) -> Arc<LiveSettings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in their place.
    pub(crate) fn replace(&self, settings: LiveSettings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = settings.into();
    }
}
