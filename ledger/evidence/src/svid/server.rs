//! What a server's certificate says of itself, for whoever serves with it: nothing of it is verified here, and nobody is believed
//! by it.

use super::certificate::{Certificate, CertificateError};
use crate::window::Window;
use std::net::IpAddr;

/// A server's certificate, read and not verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerCertificate {
    /// From `notBefore` to `notAfter` (RFC 5280 section 4.1.2.5), in milliseconds since the Unix epoch.
    pub window: Window,
    /// The DNS names and the IP addresses among its subject alternative names, in the order of each (RFC 5280 section 4.2.1.6).
    /// What isn't visible ASCII, or no address, is left out. None where the certificate names its server by its subject alone,
    /// which clients of today don't take.
    pub names: Vec<String>,
    /// Whether it is a CA's own (RFC 5280 section 4.2.1.9), which many clients take of no server.
    pub is_ca: bool,
}

impl ServerCertificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`CertificateError`] for what isn't a certificate of version 3, or one that no client could judge.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::parse(der)?;
        let dns_names = certificate.dns_names.iter().filter(|name| name.iter().all(u8::is_ascii_graphic));
        let mut names: Vec<String> =
            dns_names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        names.extend(certificate.ip_addresses.iter().copied().filter_map(ip_address));
        Ok(Self { window: certificate.window, names, is_ca: certificate.is_ca })
    }
}

fn ip_address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| sixteen()).ok().map(|address| address.to_string())
}
