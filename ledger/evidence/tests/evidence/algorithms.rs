//! Signatures as Wycheproof makes them: what is nearly one verifies nowhere.

use crate::support::{ED25519, Key, P256, P384, RSA, tlv};
use provlog_evidence::signature::{PublicKey, Scheme};
use std::sync::LazyLock;

const MESSAGE: &[u8] = b"a message";

/// The orders of the two curves.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384_ORDER: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

const SCHEMES: [(&LazyLock<Key>, &[Scheme]); 4] = [
    (&RSA, &[Scheme::Rs256, Scheme::Rs512, Scheme::Ps256]),
    (&P256, &[Scheme::Es256, Scheme::Es256Der]),
    (&P384, &[Scheme::Es384, Scheme::Es384Der]),
    (&ED25519, &[Scheme::Ed25519]),
];

#[test]
fn a_signature_verifies_in_its_scheme_alone() {
    let all: Vec<Scheme> = SCHEMES.iter().flat_map(|(_, schemes)| schemes.iter().copied()).collect();
    for (key, schemes) in SCHEMES {
        for scheme in schemes {
            let signature = key.sign(*scheme, MESSAGE);
            let verifies: Vec<Scheme> = all
                .iter()
                .copied()
                .filter(|scheme| key.public().verifies(*scheme, MESSAGE, &signature))
                .collect();
            assert_eq!(verifies, [*scheme]);
            assert!(!key.public().verifies(*scheme, b"another message", &signature));
        }
    }
}

#[test]
fn lengths_are_exact() {
    for (key, schemes) in SCHEMES {
        for scheme in schemes {
            let good = key.sign(*scheme, MESSAGE);
            for bad in [
                vec![],
                good[1..].to_vec(),
                good[..good.len() - 1].to_vec(),
                [&good[..], &[0]].concat(),
                [&[0], &good[..]].concat(),
                [&good[..], &good[..]].concat(),
                vec![0; good.len()],
                vec![0xff; good.len()],
            ] {
                assert!(!key.public().verifies(*scheme, MESSAGE, &bad), "{scheme:?} {bad:02x?}");
            }
        }
    }
}

#[test]
fn ecdsa_takes_numbers_within_the_order_alone() {
    for (key, fixed, in_der, order) in [
        (&P256, Scheme::Es256, Scheme::Es256Der, P256_ORDER),
        (&P384, Scheme::Es384, Scheme::Es384Der, P384_ORDER),
    ] {
        let order = provlog_core::hex::decode(order).unwrap();
        let good = key.sign(fixed, MESSAGE);
        let (r, s) = good.split_at(order.len());
        let zero = vec![0; order.len()];
        let one = [&zero[1..], &[1]].concat();
        let over = vec![0xff; order.len()];
        for (r, s) in [
            (&zero[..], s),
            (r, &zero[..]),
            (&zero, &zero),
            (&order, s),
            (r, &order),
            (&order, &order),
            (&over, s),
            (r, &over),
            (&one, &one),
            (&zero, &one),
            (s, r),
        ] {
            assert!(!key.public().verifies(fixed, MESSAGE, &[r, s].concat()), "{r:02x?} {s:02x?}");
            let der = tlv(0x30, &[integer(r), integer(s)].concat());
            assert!(!key.public().verifies(in_der, MESSAGE, &der), "{der:02x?}");
        }
        // The same two numbers, in DER: that verifies.
        let der = tlv(0x30, &[integer(r), integer(s)].concat());
        assert!(key.public().verifies(in_der, MESSAGE, &der));
        // And so does the other s of the same signature, as everywhere: nobody may take a signature for a name.
        let other_s: Vec<u8> = minus(&order, s);
        assert!(key.public().verifies(fixed, MESSAGE, &[r, &other_s[..]].concat()));
    }
}

#[test]
fn der_has_one_form() {
    let good = P256.sign(Scheme::Es256, MESSAGE);
    let (r, s) = good.split_at(32);
    let padded = |number: &[u8]| tlv(2, &[&[0, 0], number].concat());
    let minimal = tlv(0x30, &[integer(r), integer(s)].concat());
    let content = &minimal[2..];
    let length = minimal[1];
    for bad in [
        tlv(0x30, &[padded(r), integer(s)].concat()),
        tlv(0x30, &[integer(r), padded(s)].concat()),
        // Negative.
        tlv(0x30, &[tlv(2, &[&[0x80], &r[1..]].concat()), integer(s)].concat()),
        [&[0x30, 0x81, length], content].concat(),
        [&[0x30, 0x82, 0, length], content].concat(),
        [&[0x30, 0x80], content, &[0, 0]].concat(),
        [&[0x31, length], content].concat(),
        tlv(0x30, &[content, &[5, 0]].concat()),
        tlv(0x30, &integer(r)),
        tlv(0x30, &[]),
        [&minimal[..], &[0]].concat(),
    ] {
        assert!(!P256.public().verifies(Scheme::Es256Der, MESSAGE, &bad), "{bad:02x?}");
    }
    assert!(P256.public().verifies(Scheme::Es256Der, MESSAGE, &minimal));
}

/// What is padded otherwise is made by Python, in `others.rs`.
#[test]
fn an_rsa_signature_is_below_the_modulus() {
    let PublicKey::Rsa { n, e } = RSA.public() else { panic!("an RSA key") };
    let good = RSA.sign(Scheme::Rs256, MESSAGE);
    // The same number to whoever doesn't compare.
    assert!(!RSA.public().verifies(Scheme::Rs256, MESSAGE, &plus(&good, &n)));
    assert!(PublicKey::Rsa { n: n.clone(), e }.verifies(Scheme::Rs256, MESSAGE, &good));
    // With an exponent of 1 a signature is its own padding.
    let one = PublicKey::Rsa { n, e: vec![1] };
    assert!(one.check().is_err() && !one.verifies(Scheme::Rs256, MESSAGE, &good));
}

#[test]
fn a_point_has_one_encoding() {
    let PublicKey::P256(point) = P256.public() else { panic!("a P-256 key") };
    assert!(P256.public().check().is_ok());
    for first in [0, 2, 3, 5, 6, 7] {
        let mut other = point;
        other[0] = first;
        assert!(PublicKey::P256(other).check().is_err(), "{first}");
    }
    let mut off = point;
    off[64] ^= 1;
    assert!(PublicKey::P256(off).check().is_err());
    assert!(PublicKey::P256([0; 65]).check().is_err());
}

#[test]
fn ed25519_is_strict() {
    let good = ED25519.sign(Scheme::Ed25519, MESSAGE);
    let order = provlog_core::hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
        .unwrap();
    let mut sum = 0_u16;
    let s: Vec<u8> = good[32..]
        .iter()
        .zip(&order)
        .map(|(a, b)| {
            sum = (sum >> 8) + u16::from(*a) + u16::from(*b);
            sum.to_be_bytes()[1]
        })
        .collect();
    assert!(
        !ED25519.public().verifies(Scheme::Ed25519, MESSAGE, &[&good[..32], &s].concat()),
        "s over the order"
    );
    // The neutral element as key and as R verifies over any message where nobody looks.
    let neutral = [&[1][..], &[0; 31]].concat();
    let weak = PublicKey::Ed25519(neutral.clone().try_into().unwrap());
    assert!(weak.check().is_err());
    assert!(!weak.verifies(Scheme::Ed25519, MESSAGE, &[&neutral[..], &[0; 32]].concat()));
}

fn integer(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
    let number = &number[start..];
    tlv(2, &[if number[0] >= 0x80 { &[0][..] } else { &[] }, number].concat())
}

fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let digits = a.iter().zip(b).rev().map(|(a, b)| {
        let digit = i16::from(*a) - i16::from(*b) - borrow;
        borrow = i16::from(digit < 0);
        u8::try_from(digit.rem_euclid(256)).unwrap()
    });
    let mut digits: Vec<u8> = digits.collect();
    digits.reverse();
    digits
}

/// With a byte in front where it takes one.
fn plus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sum = 0_u16;
    let digits = a.iter().zip(b).rev().map(|(a, b)| {
        sum = (sum >> 8) + u16::from(*a) + u16::from(*b);
        sum.to_be_bytes()[1]
    });
    let mut digits: Vec<u8> = digits.collect();
    digits.extend((sum >> 8 != 0).then_some(1));
    digits.reverse();
    digits
}
