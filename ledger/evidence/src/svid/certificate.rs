//! What a certificate says of itself: what webpki checks isn't looked at here, what it doesn't tell is.

use super::der::{
    BIT_STRING, DerError, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, bytes_of_bits, default_false, time_s,
    unsigned,
};
use crate::signature::PublicKey;
use crate::window::Window;

/// Most extensions of a certificate: twice as many as RFC 5280 has.
const EXTENSIONS_MAX: usize = 32;

/// Explicit tags of `TBSCertificate`.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// `dNSName` among general names.
const DNS_NAME: u8 = 0x82;
/// `uniformResourceIdentifier` among general names.
const URI: u8 = 0x86;
/// `iPAddress` among general names.
const IP_ADDRESS: u8 = 0x87;

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// `id-kp-clientAuth`.
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PARAMETERS: &[u8] = &[0x05, 0x00];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256_PARAMETERS: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384_PARAMETERS: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Why a certificate can't be taken, whosever it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate.
    #[error(transparent)]
    Der(#[from] DerError),
    /// Of two, each reader could take another one (RFC 5280 section 4.2).
    #[error("expected at most {EXTENSIONS_MAX} extensions, none twice")]
    Extensions,
    /// Limits on names, which aren't matched here.
    #[error("expected no name constraints")]
    NameConstraints,
    /// Something that must not be passed over.
    #[error(
        "expected no critical extension but basic constraints, key usage, extended key usage and alternative names"
    )]
    Critical,
}

/// A certificate, read and not verified.
pub(super) struct Certificate<'a> {
    /// From `notBefore` to `notAfter`, without skew.
    pub(super) window: Window,
    /// The content of `issuer`.
    pub(super) issuer: &'a [u8],
    /// The content of `subject`.
    pub(super) subject: &'a [u8],
    /// The content of `subjectPublicKeyInfo`.
    pub(super) spki: &'a [u8],
    /// Whether basic constraints say so.
    pub(super) is_ca: bool,
    /// How many CAs there may be between it and a workload, if it says.
    path_length: Option<u8>,
    /// What its key may be used for, if it says.
    pub(super) key_usage: Option<KeyUsage>,
    /// Whether extended key usage, if it is there, has `clientAuth`.
    pub(super) is_for_clients: Option<bool>,
    /// The URIs among its subject alternative names.
    pub(super) uris: Vec<&'a [u8]>,
    /// The DNS names among them.
    pub(super) dns_names: Vec<&'a [u8]>,
    /// The IP addresses among them, as 4 or 16 bytes where they are some.
    pub(super) ip_addresses: Vec<&'a [u8]>,
}

/// RFC 5280 section 4.2.1.3.
pub(super) struct KeyUsage {
    pub(super) is_critical: bool,
    bits: u8,
}

impl KeyUsage {
    pub(super) const fn digital_signature(&self) -> bool {
        self.bits & 0x80 != 0
    }

    pub(super) const fn key_cert_sign(&self) -> bool {
        self.bits & 0x04 != 0
    }

    pub(super) const fn crl_sign(&self) -> bool {
        self.bits & 0x02 != 0
    }
}

impl<'a> Certificate<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, CertificateError> {
        let mut outer = Reader::whole(der, SEQUENCE, "Certificate")?;
        let mut tbs = Reader::new(outer.expect(SEQUENCE, "tbsCertificate")?);
        let signed_with = outer.expect(SEQUENCE, "signatureAlgorithm")?;
        bytes_of_bits(&mut outer, "signatureValue")?;
        outer.end("Certificate")?;

        let version = Reader::whole(tbs.expect(VERSION, "version")?, INTEGER, "version")?;
        if !matches!(version.rest(), [2]) {
            return Err(DerError("version of 3").into());
        }
        tbs.expect(INTEGER, "serialNumber")?;
        if tbs.expect(SEQUENCE, "signature")? != signed_with {
            return Err(DerError("signature algorithm that is the same in both places").into());
        }
        let issuer = tbs.expect(SEQUENCE, "issuer")?;
        let mut validity = Reader::new(tbs.expect(SEQUENCE, "validity")?);
        let (from_s, to_s) = (time_s(&mut validity, "notBefore")?, time_s(&mut validity, "notAfter")?);
        validity.end("validity")?;
        let subject = tbs.expect(SEQUENCE, "subject")?;
        let spki = tbs.expect(SEQUENCE, "subjectPublicKeyInfo")?;
        let window = Window { from_ms: from_s * 1000, to_ms: to_s * 1000 };
        let mut certificate = Self {
            window,
            issuer,
            subject,
            spki,
            is_ca: false,
            path_length: None,
            key_usage: None,
            is_for_clients: None,
            uris: Vec::new(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
        };
        if let Some(explicit) = tbs.optional(EXTENSIONS, "extensions")? {
            certificate.read_extensions(Reader::whole(explicit, SEQUENCE, "extensions")?)?;
        }
        tbs.end("tbsCertificate")?;
        Ok(certificate)
    }

    fn read_extensions(&mut self, mut extensions: Reader<'a>) -> Result<(), CertificateError> {
        let mut seen: Vec<&[u8]> = Vec::new();
        while !extensions.is_at_end() {
            let mut extension = Reader::new(extensions.expect(SEQUENCE, "extension")?);
            let id = extension.expect(OID, "extnID")?;
            let is_critical = default_false(&mut extension, "critical")?;
            let value = extension.expect(OCTET_STRING, "extnValue")?;
            extension.end("extension")?;
            if seen.contains(&id) || seen.len() >= EXTENSIONS_MAX {
                return Err(CertificateError::Extensions);
            }
            seen.push(id);
            match id {
                KEY_USAGE => self.key_usage = Some(KeyUsage { is_critical, bits: key_usage_bits(value)? }),
                BASIC_CONSTRAINTS => self.read_basic_constraints(value)?,
                EXTENDED_KEY_USAGE => {
                    let mut purposes = Reader::whole(value, SEQUENCE, "extKeyUsage")?;
                    let mut is_for_clients = false;
                    while !purposes.is_at_end() {
                        is_for_clients |= purposes.expect(OID, "extKeyUsage")? == CLIENT_AUTH;
                    }
                    self.is_for_clients = Some(is_for_clients);
                }
                SUBJECT_ALT_NAME => {
                    let mut names = Reader::whole(value, SEQUENCE, "subjectAltName")?;
                    while !names.is_at_end() {
                        let (tag, name) = names.next("subjectAltName")?;
                        match tag {
                            URI => self.uris.push(name),
                            DNS_NAME => self.dns_names.push(name),
                            IP_ADDRESS => self.ip_addresses.push(name),
                            _ => {}
                        }
                    }
                }
                NAME_CONSTRAINTS => return Err(CertificateError::NameConstraints),
                _ if is_critical => return Err(CertificateError::Critical),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_basic_constraints(&mut self, value: &'a [u8]) -> Result<(), DerError> {
        let mut constraints = Reader::whole(value, SEQUENCE, "basicConstraints")?;
        self.is_ca = default_false(&mut constraints, "cA")?;
        self.path_length = match constraints.optional(INTEGER, "pathLenConstraint")? {
            None => None,
            Some([length @ 0..=0x7f] | [0, length @ 0x80..=0xff]) => Some(*length),
            Some(_) => return Err(DerError("pathLenConstraint of 0 to 255")),
        };
        constraints.end("basicConstraints")
    }

    /// Whether it may stand above as many CAs as that. All are counted, also such as have its own name.
    pub(super) fn allows_below(&self, cas: usize) -> bool {
        self.path_length.is_none_or(|length| cas <= usize::from(length))
    }

    /// Whether it is a CA's.
    pub(super) fn may_sign_others(&self) -> bool {
        self.is_ca && self.key_usage.as_ref().is_some_and(KeyUsage::key_cert_sign)
    }

    /// The key that it certifies; of a type, or with parameters, that aren't taken it is none.
    pub(super) fn public_key(&self) -> Result<PublicKey, DerError> {
        const NAME: &str = "key of RSA, P-256, P-384 or Ed25519";
        let mut spki = Reader::new(self.spki);
        let mut algorithm = Reader::new(spki.expect(SEQUENCE, "algorithm")?);
        let id = algorithm.expect(OID, "algorithm")?;
        let bytes = bytes_of_bits(&mut spki, "subjectPublicKey")?;
        spki.end("subjectPublicKeyInfo")?;
        let none = |_| DerError(NAME);
        match (id, algorithm.rest()) {
            (EC, P256_PARAMETERS) => Ok(PublicKey::P256(bytes.try_into().map_err(none)?)),
            (EC, P384_PARAMETERS) => Ok(PublicKey::P384(bytes.try_into().map_err(none)?)),
            (ED25519, []) => Ok(PublicKey::Ed25519(bytes.try_into().map_err(none)?)),
            (RSA, RSA_PARAMETERS) => {
                let mut key = Reader::whole(bytes, SEQUENCE, "RSAPublicKey")?;
                let (n, e) = (unsigned(&mut key, "modulus")?, unsigned(&mut key, "publicExponent")?);
                key.end("RSAPublicKey")?;
                Ok(PublicKey::Rsa { n: n.into(), e: e.into() })
            }
            _ => Err(DerError(NAME)),
        }
    }
}

/// The first eight bits, where all are that are looked at; `decipherOnly` alone is in a second byte. Trailing zero bits are
/// left out in DER, and at least one bit is set.
fn key_usage_bits(value: &[u8]) -> Result<u8, DerError> {
    let bits = Reader::whole(value, BIT_STRING, "keyUsage")?;
    match *bits.rest() {
        [unused, bits] if unused < 8 && bits != 0 && bits.trailing_zeros() == u32::from(unused) => Ok(bits),
        [7, bits, 0x80] => Ok(bits),
        _ => Err(DerError("keyUsage")),
    }
}
