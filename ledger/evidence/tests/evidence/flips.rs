//! No byte of what is good can be another one.

use crate::support::{
    DIGEST, ISSUER, Key, NOW_MS, ORIGIN, chain, header, keys, payload, root, submission_signature, token,
};
use proptest::prelude::*;
use provlog_evidence::jwk::Jwk;
use provlog_evidence::jwt::{Issuer, IssuerKeys, UnverifiedToken};
use provlog_evidence::spiffe::TrustDomain;
use provlog_evidence::svid::{BundleMember, Ca, DomainCas, UnverifiedSvid};
use std::sync::LazyLock;

fn verifies_token(token: &[u8], key: &Key) -> bool {
    let Ok(token) = std::str::from_utf8(token) else { return false };
    let (issuer, keys) = (Issuer::Oidc(ISSUER.into()), [key.jwk("k")]);
    let keys = IssuerKeys::by_kid(&issuer, &keys);
    let token = UnverifiedToken::parse(token).and_then(|token| token.of_submission(ORIGIN, &DIGEST, NOW_MS));
    token.is_ok_and(|token| token.verified(keys).is_ok())
}

fn verifies_chain(chain: &[Vec<u8>], signature: &[u8]) -> bool {
    let domain = TrustDomain::parse("example.org").unwrap();
    let cas = [Ca::parse(&root()).unwrap()];
    let given = DomainCas { trust_domain: &domain, cas: &cas };
    let svid = UnverifiedSvid::parse(chain).and_then(|svid| svid.signed(ORIGIN, &DIGEST, signature, NOW_MS));
    svid.is_ok_and(|svid| svid.bound(given).is_ok())
}

/// A token, a chain and a signature by a key.
type Good = (String, Vec<Vec<u8>>, Vec<u8>);

/// Of each key one.
static GOOD: LazyLock<Vec<Good>> = LazyLock::new(|| {
    let of = |key: &&'static Key| {
        let chain = chain(key);
        let signature = submission_signature(key, &chain[0]);
        (token(&header(key), &payload(), key), chain, signature)
    };
    keys().iter().map(of).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_flipped_bits_of_a_token_verify(which in 0..4_usize, at: prop::sample::Index, flip in 1..=255_u8) {
        let mut token = GOOD[which].0.clone().into_bytes();
        prop_assert!(verifies_token(&token, keys()[which]));
        let at = at.index(token.len());
        token[at] ^= flip;
        prop_assert!(!verifies_token(&token, keys()[which]), "byte {at}");
    }

    #[test]
    fn no_flipped_bits_of_a_chain_verify(
        which in 0..4_usize,
        certificate in 0..2_usize,
        at: prop::sample::Index,
        flip in 1..=255_u8,
    ) {
        let (_, chain, signature) = &GOOD[which];
        prop_assert!(verifies_chain(chain, signature));
        let mut chain = chain.clone();
        let at = at.index(chain[certificate].len());
        chain[certificate][at] ^= flip;
        prop_assert!(!verifies_chain(&chain, signature), "certificate {certificate}, byte {at}");
    }

    #[test]
    fn no_flipped_bits_of_a_signature_verify(which in 0..4_usize, at: prop::sample::Index, flip in 1..=255_u8) {
        let (_, chain, signature) = &GOOD[which];
        let mut signature = signature.clone();
        let at = at.index(signature.len());
        signature[at] ^= flip;
        prop_assert!(!verifies_chain(chain, &signature), "byte {at}");
    }

    /// Another text is another member, or none.
    #[test]
    fn no_member_is_read_from_two_texts(which in 0..4_usize, at: prop::sample::Index, flip in 1..=127_u8) {
        let member = keys()[which].jwk("k").to_member();
        let mut other = member.clone().into_bytes();
        other[at.index(member.len())] ^= flip;
        let Ok(other) = String::from_utf8(other) else { return Ok(()) };
        if let Ok(read) = Jwk::from_member(&other) {
            prop_assert_ne!(&read, &keys()[which].jwk("k"));
            prop_assert_eq!(read.to_member(), other.clone());
        }
        if let Ok(read) = BundleMember::parse(&other) {
            prop_assert_eq!(read.to_string(), other);
        }
    }
}

/// Every byte of the token's end, where bits could be left over, and of both certificates.
#[test]
fn no_lowest_bit_can_be_flipped() {
    for ((token, chain, signature), key) in GOOD.iter().zip(keys()) {
        for at in 0..token.len() {
            let mut token = token.clone().into_bytes();
            token[at] ^= 1;
            assert!(!verifies_token(&token, key), "token, byte {at}");
        }
        for certificate in 0..chain.len() {
            for at in 0..chain[certificate].len() {
                let mut chain = chain.clone();
                chain[certificate][at] ^= 1;
                assert!(!verifies_chain(&chain, signature), "certificate {certificate}, byte {at}");
            }
        }
    }
}
