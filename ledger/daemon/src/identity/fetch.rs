//! What is fetched, and how: the daemon's only outgoing traffic.
//!
//! `https` alone, TLS 1.2 and 1.3 with AWS-LC, verified by the issuer's own roots or the system's; GET, without cookies, redirects and
//! compression. The environment's proxy is used, which is the first that is set of `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY`, but not
//! for hosts of `NO_PROXY`: it is asked to connect to the issuer, and sees no more than its name. Where it names no proxy that can be
//! spoken to nothing is fetched, since that would go past it.

use crate::http::tls::pem;
use crate::identity::error::FetchError;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use std::env;
use std::ffi::OsString;
use std::fmt::Debug;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy, ProxyProtocol};

/// How long it may take to get an issuer's keys, in one request or two.
pub(super) const FETCH_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a connection may take to be there, TLS included.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// What keys take of the world: the time, and what lies at an address.
pub(super) trait Outside: Debug + Send + Sync {
    /// The time, for pauses and ages.
    fn now(&self) -> Instant;

    /// The time in seconds since the Unix epoch, to be told.
    fn now_s(&self) -> u64;

    /// What lies at an `https` address, waiting for it no longer than until then.
    ///
    /// # Errors
    /// [`FetchError`] says why nothing came, or not all of it.
    fn get(
        &self,
        url: &str,
        ca: Option<&Path>,
        bytes_max: usize,
        until: Instant,
    ) -> Result<Vec<u8>, FetchError>;
}

/// The world as it is.
#[derive(Debug)]
pub(super) struct Https {
    /// Or the variable that names none.
    proxy: Result<Option<Proxy>, &'static str>,
    /// How long a connection may take to be there.
    connect_within: Duration,
}

/// Variables that name the environment's proxy, as ureq looks for them.
const PROXY_VARIABLES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

impl Https {
    /// By way of the environment's proxy, where there is one.
    pub(super) fn of_environment() -> Self {
        let unusable = unusable_proxy(|name| env::var_os(name));
        let proxy = unusable.map_or_else(|| Ok(Proxy::try_from_env()), Err);
        Self { proxy, connect_within: CONNECT_TIME_MAX }
    }

    /// An agent for one request. Roots are read for each, so that a renewed file of them holds from the next fetch on.
    fn agent(&self, ca: Option<&Path>, within: Duration) -> Result<Agent, FetchError> {
        let spoken = |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        let proxy = match &self.proxy {
            Err(variable) => return Err(FetchError::ProxyVariable { variable }),
            // ureq would go past it.
            Ok(Some(proxy)) if !spoken(proxy) => return Err(FetchError::Proxy),
            Ok(proxy) => proxy.clone(),
        };
        let config = Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(within))
            .timeout_connect(Some(self.connect_within.min(within)))
            .user_agent(concat!("provlogd/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            // None is named, which is how none is asked for.
            .accept_encoding("")
            .proxy(proxy)
            .tls_config(tls(ca)?);
        Ok(config.build().into())
    }
}

/// The first variable that is set, where its value is no proxy's address: ureq would pass over it.
fn unusable_proxy(value: impl Fn(&str) -> Option<OsString>) -> Option<&'static str> {
    let set = |name| value(name).filter(|value| !value.is_empty()).map(|value| (name, value));
    let (name, value) = PROXY_VARIABLES.into_iter().find_map(set)?;
    let is_usable = value.to_str().is_some_and(|value| Proxy::new(value).is_ok());
    (!is_usable).then_some(name)
}

impl Outside for Https {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn now_s(&self) -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn get(
        &self,
        url: &str,
        ca: Option<&Path>,
        bytes_max: usize,
        until: Instant,
    ) -> Result<Vec<u8>, FetchError> {
        let unanswered = |problem| FetchError::Unanswered { url: url.into(), problem };
        let agent = self.agent(ca, until.saturating_duration_since(Instant::now()))?;
        let response = agent.get(url).call().map_err(|error| unanswered(error.to_string()))?;
        if response.status() != 200 {
            return Err(FetchError::Status { url: url.into(), got: response.status().as_u16() });
        }
        let most = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        let (mut body, mut reader) = (Vec::new(), response.into_body().into_reader().take(most));
        reader.read_to_end(&mut body).map_err(|error| unanswered(error.to_string()))?;
        if body.len() > bytes_max {
            return Err(FetchError::Large { url: url.into(), most: bytes_max });
        }
        Ok(body)
    }
}

fn tls(ca: Option<&Path>) -> Result<TlsConfig, FetchError> {
    let roots = ca.map_or_else(of_system, of_file)?;
    let roots = roots.iter().map(|root| Certificate::from_der(root).to_owned());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build())
}

/// All of a file's certificates: ureq would pass over one that is no root, and say nothing.
///
/// # Errors
/// [`FetchError`] says what is wrong with the file.
pub(super) fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, FetchError> {
    let roots = pem::cas(path)?;
    for (nth, root) in roots.iter().enumerate() {
        let added = RootCertStore::empty().add(root.clone());
        added.map_err(|error| FetchError::Root {
            path: path.into(),
            problem: format!("{error} in certificate {}", nth + 1),
        })?;
    }
    Ok(roots)
}

/// The system's, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Some that can't be read leave the others.
fn of_system() -> Result<Vec<CertificateDer<'static>>, FetchError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let problem = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(FetchError::NoRoots { problem });
    }
    Ok(found.certs)
}

#[cfg(test)]
mod tests;
