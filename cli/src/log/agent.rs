//! The agent that asks a log: over TCP, TLS or a Unix socket, through a proxy or not.

use super::identity::Identity;
use super::roots;
use super::unix::{NoNames, UnixConnector};
use super::url::{LogUrl, UrlError, Way};
use super::whole::WholeConnector;
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
    identity: Option<&Identity>,
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
        let shown = identity.map(|identity| identity.shown.clone());
        config = config.tls_config(roots::tls(ca, shown)?);
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
    match of_variables(uri, |name| std::env::var(name).ok())? {
        // ureq would go past it.
        Some(proxy) if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
            Err(UrlError::Proxy(proxy.protocol()))
        }
        proxy => Ok(proxy),
    }
}

/// The proxy that the variables name for this scheme, as curl reads them. ureq has no difference between schemes, and takes what it can't
/// read for none.
fn of_variables(uri: &Uri, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, UrlError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let names: &[&str] = match uri.scheme_str() {
        Some("https") => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        // Whoever asks a CGI program something sets HTTP_PROXY by a header.
        _ if set("REQUEST_METHOD").is_some() => &["http_proxy", "all_proxy", "ALL_PROXY"],
        _ => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let Some((name, value)) = names.iter().find_map(|&name| Some((name, set(name)?))) else {
        return Ok(None);
    };
    let excepted = set("no_proxy").or_else(|| set("NO_PROXY")).unwrap_or_default();
    let among = excepted
        .split(',')
        .fold(Proxy::builder(ProxyProtocol::Http).host("localhost"), |all, one| all.no_proxy(one.trim()));
    if !excepted.is_empty() && among.build().is_ok_and(|among| among.is_no_proxy(uri)) {
        return Ok(None);
    }
    Proxy::new(&value).map(Some).map_err(|_| UrlError::ProxyForm(name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_has_its_variables_and_what_is_no_proxy_is_refused_by_name() {
        let all = [("HTTPS_PROXY", "http://s"), ("HTTP_PROXY", "http://c"), ("ALL_PROXY", "http://a")];
        let cgi = [("HTTP_PROXY", "http://c"), ("REQUEST_METHOD", "GET")];
        let except = |names| [("ALL_PROXY", "http://a"), ("NO_PROXY", names)];
        let host = |url: &str, variables: &[(&str, &str)]| {
            let get = |name: &str| Some(variables.iter().find(|(key, _)| *key == name)?.1.to_string());
            of_variables(&url.parse().unwrap(), get).map(|proxy| proxy.map(|proxy| proxy.host().to_string()))
        };
        for (url, variables, expected) in [
            ("https://log.example.com", &all[..], Some("s")),
            ("http://log.example.com", &all[..], Some("c")),
            ("https://log.example.com", &all[1..2], None),
            ("http://log.example.com", &all[..1], None),
            ("https://log.example.com", &all[1..], Some("a")),
            ("http://log.example.com", &cgi, None),
            ("https://log.example.com", &except("other, log.example.com"), None),
            ("https://log.example.com", &except(".example.com"), None),
            ("https://log.example.com", &except("other"), Some("a")),
        ] {
            assert_eq!(host(url, variables).unwrap().as_deref(), expected, "{url} {variables:?}");
        }
        for bad in ["::bad", "http://", "ftp://me:secret@proxy", "http://me:secret @proxy"] {
            let text = host("https://log.example.com", &[("HTTPS_PROXY", bad)]).unwrap_err().to_string();
            assert!(text.contains("HTTPS_PROXY") && !text.contains("secret"), "{bad}: {text}");
        }
    }
}
