//! The path from a workload's certificate to one CA, as webpki verifies it.

use super::bundle::Ca;
use super::certificate::Certificate;
use crate::signature::{PublicKey, Scheme};
use pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use std::time::Duration;
use webpki::{
    EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath,
    anchor_from_trusted_cert, aws_lc_rs,
};

/// How certificates of a path may be signed. There is no SHA-1 in webpki.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    aws_lc_rs::ECDSA_P256_SHA256,
    aws_lc_rs::ECDSA_P256_SHA384,
    aws_lc_rs::ECDSA_P384_SHA256,
    aws_lc_rs::ECDSA_P384_SHA384,
    aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
    aws_lc_rs::RSA_PKCS1_2048_8192_SHA384,
    aws_lc_rs::RSA_PKCS1_2048_8192_SHA512,
    &StrictEd25519,
];

/// Whether the chain, in its order and all of it, leads to this CA; else why not.
pub(super) fn check(chain: &[&[u8]], ca: &Ca, at_ms: u64) -> Result<(), String> {
    let certificate = Certificate::parse(ca.der()).map_err(|error| error.to_string())?;
    // Also under another certificate: a CA that is renewed keeps its name and key.
    let is_the_ca = |der: &&[u8]| {
        let one = Certificate::parse(der);
        one.is_ok_and(|one| (one.subject, one.spki) == (certificate.subject, certificate.spki))
    };
    if chain.iter().any(is_the_ca) {
        return Err("one that is in the chain itself".into());
    }
    if !certificate.allows_below(chain.len().saturating_sub(1)) {
        return Err("one whose path length is smaller than the chain".into());
    }
    verify(chain, ca, at_ms).map_err(|error| format!("{error:?}"))
}

fn verify(chain: &[&[u8]], ca: &Ca, at_ms: u64) -> Result<(), Error> {
    let ca = CertificateDer::from(ca.der());
    let anchors = [anchor_from_trusted_cert(&ca)?];
    let mut chain = chain.iter().map(|der| CertificateDer::from(*der));
    let leaf = chain.next().ok_or(Error::UnknownIssuer)?;
    let intermediates: Vec<CertificateDer<'_>> = chain.collect();
    let in_order = |path: &VerifiedPath<'_>| {
        let used = path.intermediate_certificates().map(|certificate| certificate.der());
        if used.eq(intermediates.iter().cloned()) { Ok(()) } else { Err(Error::UnknownIssuer) }
    };
    let at = UnixTime::since_unix_epoch(Duration::from_millis(at_ms));
    let leaf = EndEntityCert::try_from(&leaf)?;
    leaf.verify_for_usage(ALGORITHMS, &anchors, &intermediates, at, AnyPurpose, None, Some(&in_order))?;
    Ok(())
}

/// What a workload's certificate is for was looked at already; what CAs are for, nobody says alike.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        purposes.into_iter().try_for_each(|purpose| purpose.map(|_| ()))
    }
}

/// Ed25519 as everywhere in a log: AWS-LC takes keys and points of small order, under which a signature says nothing.
#[derive(Debug)]
struct StrictEd25519;

impl SignatureVerificationAlgorithm for StrictEd25519 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = PublicKey::Ed25519(key.try_into().map_err(|_| InvalidSignature)?);
        if key.check().is_ok() && key.verifies(Scheme::Ed25519, message, signature) {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}
