//! TLS of one listener, as its files have it now. Every handshake looks whether the files are others than were read, and reads them
//! again where they are: a renewed certificate is shown from the next handshake on, and open connections go on as they are.
//!
//! The look is a system call a file. What can't be served with (half of a pair, half of a file) changes nothing: it is logged, once,
//! and what was there before goes on until the files change again. Files that are there and can't be read are tried again, but not
//! by every handshake.

use crate::files::FileIdentity;
use crate::http::listener::TlsFiles;
use crate::http::tls::configuration::{Configuration, unwanted};
use crate::http::tls::error::TlsError;
use crate::http::tls::pem;
use provlog_core::time::rfc3339;
use provlog_evidence::svid::ServerCertificate;
use rustls::ServerConfig;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Files that couldn't be read are read again no sooner.
const TRIED_AGAIN: Duration = Duration::from_secs(1);

/// TLS of one listener.
pub struct Tls {
    files: TlsFiles,
    material: RwLock<Material>,
    /// Held by who reads them anew. Handshakes that begin meanwhile are made with what is there.
    reading: Mutex<()>,
}

/// Certificate, key and client CA: which files there were; none where none could be looked at.
type Seen = [Option<FileIdentity>; 3];

/// What came of the last look at them.
struct Material {
    /// The files that were there.
    seen: Seen,
    /// When the system refused to read them, which may pass without another file.
    refused: Option<Instant>,
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
        let seen = look(&files);
        let configuration = Configuration::read(&files, now_ms())?;
        let material = Material { seen, refused: None, configuration, told: None }.into();
        Ok(Self { files, material, reading: Mutex::default() })
    }

    /// When the certificate that a handshake now would show ends, in seconds since the Unix epoch. It looks at the files as a
    /// handshake does: so what is wrong with them is logged though nobody connects.
    #[must_use]
    pub fn not_after_s(&self) -> u64 {
        self.renew(Instant::now());
        let material = self.material.read().unwrap_or_else(PoisonError::into_inner);
        material.configuration.certificate.window.to_ms / 1_000
    }

    /// Whether clients are asked for an X.509-SVID, which nobody verified when a handshake ends.
    pub(crate) const fn asks_for_svids(&self) -> bool {
        self.files.client_svids
    }

    /// What a handshake is made with that begins now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.renew(Instant::now());
        let material = self.material.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&material.configuration.server)
    }

    /// Reads the files again where that is due, and holds up nobody else meanwhile.
    fn renew(&self, when: Instant) {
        if self.holds(&look(&self.files), when) {
            return;
        }
        let _reading = match self.reading.try_lock() {
            Err(TryLockError::WouldBlock) => return,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Ok(held) => held,
        };
        // Before they are read: what takes their place meanwhile is then found by the next look.
        let now = look(&self.files);
        // Unless somebody else was quicker.
        if !self.holds(&now, when) {
            let read = Configuration::read(&self.files, now_ms());
            let mut material = self.material.write().unwrap_or_else(PoisonError::into_inner);
            material.renew(now, when, read, &self.files);
        }
    }

    fn holds(&self, now: &Seen, when: Instant) -> bool {
        let material = self.material.read().unwrap_or_else(PoisonError::into_inner);
        material.seen == *now
            && material.refused.is_none_or(|refused| when.duration_since(refused) < TRIED_AGAIN)
    }
}

impl Material {
    fn renew(&mut self, now: Seen, when: Instant, read: Result<Configuration, TlsError>, files: &TlsFiles) {
        let file = files.certificate.display();
        match read {
            Ok(configuration) => {
                tracing::info!(%file, certificate = told(&configuration.certificate), "TLS was read anew");
                *self = Self { seen: now, refused: None, configuration, told: None };
            }
            Err(error) => {
                self.seen = now;
                self.refused = pem::may_pass(&error).then_some(when);
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
    let warning = unwanted(certificate)
        .map(|reason| format!("; warning: it {reason}, and clients such as provlog will not take it"));
    format!("for {names} until {}{}", rfc3339(certificate.window.to_ms), warning.unwrap_or_default())
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
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_check_says_whom_the_certificate_is_for_and_until_when() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = TlsFiles {
            certificate: path("certificate"),
            key: path("key"),
            client_ca: None,
            client_svids: false,
        };
        let put = |names: &[&str], year| {
            let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.not_after = date_time_ymd(year, 1, 1);
            let key = KeyPair::generate().unwrap();
            fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
            fs::write(&files.key, key.serialize_pem()).unwrap();
            fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        };
        put(&["192.0.2.7", "log.example"], 2100);
        assert_eq!(check(&files).unwrap(), "for log.example, 192.0.2.7 until 2100-01-01T00:00:00.000Z");
        let tls = Tls::open(files.clone()).unwrap();
        assert_eq!(tls.not_after_s(), 4_102_444_800);
        fs::remove_file(&files.key).unwrap();
        symlink(&files.key, &files.key).unwrap();
        for _ in 0..2 {
            assert_eq!(tls.not_after_s(), 4_102_444_800, "what can't be read changes nothing");
        }
        fs::remove_file(&files.key).unwrap();
        put(&[], 2101);
        assert_eq!(tls.not_after_s(), 4_133_980_800, "though nobody connects");
        put(&[], 2100);
        let told = check(&files).unwrap();
        assert!(
            told.starts_with("for no name until 2100-01-01T00:00:00.000Z; warning: it has no name"),
            "{told}"
        );
        fs::remove_file(&files.key).unwrap();
        assert!(check(&files).unwrap_err().to_string().contains("key: "));
    }

    /// Each handshake would read them, were there no pause.
    #[test]
    fn what_the_system_refuses_to_read_is_read_again_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = TlsFiles {
            certificate: path("certificate"),
            key: path("key"),
            client_ca: None,
            client_svids: false,
        };
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["log.example".into()]).unwrap().self_signed(&key).unwrap();
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        let (tls, start) = (Tls::open(files.clone()).unwrap(), Instant::now());
        fs::remove_file(&files.key).unwrap();
        symlink(&files.key, &files.key).unwrap();
        for (after_ms, read_after_ms) in [(0, 0), (999, 0), (1_000, 1_000), (1_999, 1_000), (2_000, 2_000)] {
            tls.renew(start + Duration::from_millis(after_ms));
            let read = start + Duration::from_millis(read_after_ms);
            assert_eq!(tls.material.read().unwrap().refused, Some(read), "{after_ms}");
        }
    }
}
