//! TLS of one listener, as its files have it now. Every handshake looks whether the files are others than were read, and reads them
//! again where they are: a renewed certificate is shown from the next handshake on, and open connections go on as they are.
//!
//! The look is a system call a file. What can't be served with (half of a pair, half of a file) changes nothing: it is logged, once,
//! and what was there before goes on until the files change again.

use crate::files::FileIdentity;
use crate::http::listener::TlsFiles;
use crate::http::tls::configuration::Configuration;
use crate::http::tls::error::TlsError;
use crate::http::tls::pem;
use provlog_core::time::rfc3339;
use provlog_evidence::svid::ServerCertificate;
use rustls::ServerConfig;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// TLS of one listener.
pub struct Tls {
    files: TlsFiles,
    material: RwLock<Material>,
}

/// Certificate, key and client CA: which files there were; none where none could be looked at.
type Seen = [Option<FileIdentity>; 3];

/// What came of the last look at them.
struct Material {
    /// The files that were there. Nothing where the system refused to read them, which is then tried again.
    seen: Option<Seen>,
    /// What works.
    configuration: Configuration,
    /// Why the files that are there don't, as it was logged.
    told: Option<String>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] says why nobody can be served with them.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = Some(look(&files));
        let configuration = Configuration::read(&files, now_ms())?;
        Ok(Self { files, material: Material { seen, configuration, told: None }.into() })
    }

    /// When the certificate that is shown now ends, in seconds since the Unix epoch.
    #[must_use]
    pub fn not_after_s(&self) -> u64 {
        let material = self.material.read().unwrap_or_else(PoisonError::into_inner);
        material.configuration.certificate.window.to_ms / 1_000
    }

    /// What a handshake is made with that begins now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        let now = look(&self.files);
        let material = self.material.read().unwrap_or_else(PoisonError::into_inner);
        if material.seen == Some(now) {
            return Arc::clone(&material.configuration.server);
        }
        drop(material);
        self.look_again()
    }

    fn look_again(&self) -> Arc<ServerConfig> {
        let mut material = self.material.write().unwrap_or_else(PoisonError::into_inner);
        // Before they are read: what takes their place meanwhile is then found by the next look.
        let now = look(&self.files);
        // Unless somebody else was quicker.
        if material.seen != Some(now) {
            material.renew(now, Configuration::read(&self.files, now_ms()), &self.files);
        }
        Arc::clone(&material.configuration.server)
    }
}

impl Material {
    fn renew(&mut self, now: Seen, read: Result<Configuration, TlsError>, files: &TlsFiles) {
        let file = files.certificate.display();
        match read {
            Ok(configuration) => {
                tracing::info!(%file, certificate = told(&configuration.certificate), "TLS was read anew");
                *self = Self { seen: Some(now), configuration, told: None };
            }
            Err(error) => {
                self.seen = (!pem::may_pass(&error)).then_some(now);
                let why = error.to_string();
                if self.told.as_ref() != Some(&why) {
                    let shown = told(&self.configuration.certificate);
                    tracing::error!(%error, shown, "TLS could not be read anew: it stays as it was");
                }
                self.told = Some(why);
            }
        }
    }
}

/// Nothing of a key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Whether a listener could serve with these files now, as it would when it starts: whom the certificate is for, and until when.
///
/// # Errors
/// [`TlsError`] says why not.
pub fn check(files: &TlsFiles) -> Result<String, TlsError> {
    Ok(told(&Configuration::read(files, now_ms())?.certificate))
}

fn told(certificate: &ServerCertificate) -> String {
    let names = if certificate.names.is_empty() { "no name".into() } else { certificate.names.join(", ") };
    format!("for {names} until {}", rfc3339(certificate.window.to_ms))
}

fn look(files: &TlsFiles) -> Seen {
    let at = |path| FileIdentity::at(path).ok();
    [at(&files.certificate), at(&files.key), files.client_ca.as_deref().and_then(at)]
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_check_says_whom_the_certificate_is_for_and_until_when() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = TlsFiles { certificate: path("certificate"), key: path("key"), client_ca: None };
        let put = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.not_after = date_time_ymd(2100, 1, 1);
            let key = KeyPair::generate().unwrap();
            fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
            fs::write(&files.key, key.serialize_pem()).unwrap();
            fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        };
        put(&["192.0.2.7", "log.example"]);
        assert_eq!(check(&files).unwrap(), "for log.example, 192.0.2.7 until 2100-01-01T00:00:00.000Z");
        assert_eq!(Tls::open(files.clone()).unwrap().not_after_s(), 4_102_444_800);
        put(&[]);
        assert_eq!(check(&files).unwrap(), "for no name until 2100-01-01T00:00:00.000Z");
        fs::remove_file(&files.key).unwrap();
        assert!(check(&files).unwrap_err().to_string().contains("key: "));
    }
}
