//! A certificate authority of a test's own.

use super::door::Door;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::ops::Range;
use std::sync::Arc;

/// Years that hold now.
pub(crate) const NOW: Range<i32> = 2020..4000;

/// Issues certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// One that signs its own certificate.
    pub(crate) fn new(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(of_ca(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// One whose certificate this one signs.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(of_ca(name), KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// TLS with a certificate for a name or an IP address, which holds from the start of the first year to that of the last. What
    /// this authority's own certificate leads over is sent with it.
    pub(crate) fn door(&self, name: &str, years: Range<i32>) -> Door {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_string()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Self::tls(vec![certificate.der().clone(), self.0.der().clone()], &key)
    }

    /// TLS with this authority's own certificate, which is none of a server.
    pub(crate) fn own_door(&self) -> Door {
        Self::tls(vec![self.0.der().clone()], self.0.key())
    }

    fn tls(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Door {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into());
        Door::Tls(Arc::new(config.unwrap()))
    }
}

fn of_ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
