//! The agent that asks a log: over TCP, TLS or a Unix socket, through a proxy or not.

use super::identity;
use super::roots;
use super::unix::{NoNames, UnixConnector};
use super::url::{LogUrl, UrlError, Way};
use super::whole::WholeConnector;
use crate::local::settings::tls::IdentityFiles;
use std::path::Path;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, RustlsConnector, TcpConnector};
use ureq::{Agent, Proxy, ProxyProtocol};

/// How long one request may take where the caller sets no time.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// An agent for one log, which goes through `proxy`. Nothing is asked yet; roots are read where TLS will be spoken, to the log or to
/// the proxy.
pub(super) fn agent(
    url: &LogUrl,
    ca: Option<&Path>,
    identity: Option<&IdentityFiles>,
    proxy: Option<Proxy>,
) -> Result<Agent, UrlError> {
    let to_proxy = proxy.as_ref().is_some_and(|proxy| proxy.protocol() == ProxyProtocol::Https);
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(REQUEST_TIMEOUT))
        .user_agent(concat!("provlog/", env!("CARGO_PKG_VERSION")))
        .proxy(proxy);
    if to_proxy || matches!(url.way, Way::Tls(_)) {
        let identity = identity.map(identity::read).transpose()?;
        config = config.tls_config(roots::tls(ca, identity)?);
    }
    let config = config.build();
    Ok(match &url.way {
        Way::Unix(path) => {
            Agent::with_parts(config, UnixConnector(path.clone()).chain(WholeConnector), NoNames)
        }
        Way::Clear(_) | Way::Tls(_) => over_tcp(config),
    })
}

fn over_tcp(config: Config) -> Agent {
    let chain =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(RustlsConnector::default())
            .chain(WholeConnector);
    Agent::with_parts(config, chain, DefaultResolver::default())
}

/// The environment's proxy, unless the log is on this machine, which a proxy would look for on its own, or named by `NO_PROXY`.
pub(super) fn proxy(url: &LogUrl) -> Result<Option<Proxy>, UrlError> {
    let uri: &Uri = match &url.way {
        Way::Clear(uri) | Way::Tls(uri) if !url.is_here() => uri,
        Way::Clear(_) | Way::Tls(_) | Way::Unix(_) => return Ok(None),
    };
    match Proxy::try_from_env().filter(|proxy| !proxy.is_no_proxy(uri)) {
        // ureq would go past it.
        Some(proxy) if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
            Err(UrlError::Proxy(proxy.protocol()))
        }
        proxy => Ok(proxy),
    }
}
