//! Signatures, written and read; ours and another signer's.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../../pe/tests/common/mod.rs"]
mod common;

use authenticode::{Certificate, Image, Signature, SignatureFault, Statement, detached};

/// A certificate whose key nobody has kept.
const CERTIFICATE: &[u8] = include_bytes!("data/signer.der");
/// What `sbsign --detached` made of the test image with that key.
const OF_SBSIGN: &[u8] = include_bytes!("data/sbsign.p7");
const SIGNATURE: &[u8] = &[0x5a; 256];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

fn certificate() -> Certificate<'static> {
    Certificate::parse(CERTIFICATE).unwrap()
}

fn message() -> Vec<u8> {
    Statement::about(&[0xd1; 32]).unwrap().signed(&certificate(), SIGNATURE).unwrap()
}

#[test]
fn a_written_signature_reads_back() {
    let statement = Statement::about(&[0xd1; 32]).unwrap();
    let message = message();
    let read = Signature::parse(&message).unwrap();
    assert_eq!(read.digest, [0xd1; 32]);
    assert_eq!(read.certificate.der(), CERTIFICATE);
    assert_eq!(read.certificate.common_name().as_deref(), Some("Gantry test db"));
    assert_eq!(read.message, statement.message());
    assert_eq!(read.signature, SIGNATURE);
    assert_eq!(message, self::message(), "the same each time");
}

#[test]
fn a_signature_of_sbsign_is_read_and_has_our_digest() {
    let image = pe::without_signature(&common::image(&common::parts())).unwrap();
    let read = Signature::parse(OF_SBSIGN).unwrap();
    assert_eq!(read.digest, Image::parse(&image).unwrap().digest());
    assert_eq!(read.certificate.der(), CERTIFICATE);
    assert_eq!(read.signature.len(), 256);
}

/// EDK2 counts bytes (`DxeImageVerificationLib`, `AuthService`): with other lengths it would look elsewhere.
#[test]
fn firmware_finds_what_it_looks_for_at_fixed_places() {
    let message = message();
    assert_eq!(message[..2], [0x30, 0x82], "a length of two bytes");
    assert_eq!(message[15..17], [0xa0, 0x82]);
    assert_eq!(message[19..21], [0x30, 0x82]);
    assert_eq!(&message[32..41], SHA_256);
    let content = message.windows(32).position(|window| window == [0xd1; 32]).unwrap();
    assert_eq!(message[content + 32], 0xa0, "the digest is the content's end: certificates follow");

    let variable = detached(&certificate(), SIGNATURE).unwrap();
    assert_eq!(variable[..2], [0x30, 0x82]);
    assert_eq!(&variable[13..22], SHA_256);
}

/// The firmware hashes the image by the algorithm at that place, whatever the rest of the message says.
#[test]
fn a_message_that_names_another_algorithm_where_firmware_looks_is_refused() {
    let mut other = message();
    other[40] = 2;
    assert_eq!(Signature::parse(&other), Err(SignatureFault::Algorithm), "SHA-384");
}

/// DER sorts what is in a set, and checkers hash the set as DER has it.
#[test]
fn attributes_are_signed_in_the_order_of_der() {
    let statement = Statement::about(&[0xd1; 32]).unwrap();
    let place = |last| {
        let oid = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, last];
        statement.message().windows(oid.len()).position(|window| window == oid).unwrap()
    };
    let (content_type, message_digest) = (place(3), place(4));
    assert!(content_type < message_digest, "the shorter one first");
}

/// Each file is in the fuzzing corpus, named after what is wrong with it.
#[test]
fn forgeries_are_refused_for_what_they_are() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/authenticode");
    let read = |name: &str| {
        let bytes = std::fs::read(format!("{folder}/{name}.p7")).unwrap();
        Signature::parse(&bytes).map(|_| ())
    };
    for good in [
        "signature",
        "signature-padded",
        "signature-of-sbsign",
        "certificate-behind-rubbish",
        "rsa-with-sha256",
    ] {
        assert_eq!(read(good), Ok(()), "{good}");
    }
    for (names, fault) in [
        (&["two-signers", "no-signer"][..], SignatureFault::Signers),
        (&["no-certificates", "certificate-of-another"], SignatureFault::NoCertificate),
        (&["sha1", "sha1-by-name-only", "ecdsa", "digest-too-short"], SignatureFault::Algorithm),
        (
            &[
                "without-attributes",
                "attributes-empty",
                "digest-attribute-wrong",
                "digest-attribute-twice",
                "content-type-attribute-of-data",
            ],
            SignatureFault::Attributes,
        ),
        (&["padding-of-eight", "padding-not-zero"], SignatureFault::Trailing),
    ] {
        for name in names {
            assert_eq!(read(name), Err(fault), "{name}");
        }
    }
    for name in
        ["detached", "content-of-data", "indefinite-length", "length-not-shortest", "length-beyond", "deep"]
    {
        assert!(matches!(read(name), Err(SignatureFault::Message(_))), "{name}");
    }
}

/// Half an element is not none: other readers refuse the message for it.
#[test]
fn a_second_signer_that_is_cut_off_counts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/authenticode/two-signers.p7");
    let mut two = std::fs::read(path).unwrap();
    let begins = |bytes: &[u8]| bytes[..2] == [0x30, 0x82] && bytes[4..] == [0x02, 0x01, 0x01];
    let second = two.windows(7).rposition(begins).unwrap();
    two[second + 2] = 0xff;
    assert_eq!(Signature::parse(&two), Err(SignatureFault::Signers));
}

#[test]
fn zeroes_of_the_list_may_follow_and_nothing_else() {
    let message = message();
    for count in 1..=7 {
        let padded = [message.clone(), vec![0; count]].concat();
        assert_eq!(Signature::parse(&padded), Signature::parse(&message));
    }
    for more in [&[0; 8][..], &[1], &[0, 0, 1]] {
        assert_eq!(Signature::parse(&[&message, more].concat()), Err(SignatureFault::Trailing));
    }
}

#[test]
fn attributes_that_are_about_something_else_are_refused() {
    let message = message();
    // The content's digest, in the attribute that repeats it: a flip anywhere in the content or in it shows.
    let read = Signature::parse(&message).unwrap();
    let attribute = read.message[read.message.len() - 32..].to_vec();
    let places = [message.windows(32).position(|w| w == attribute).unwrap(), {
        message.windows(32).position(|w| w == [0xd1; 32]).unwrap()
    }];
    for place in places {
        let mut forged = message.clone();
        forged[place] ^= 1;
        assert_eq!(Signature::parse(&forged), Err(SignatureFault::Attributes));
    }
}

#[test]
fn every_truncation_and_every_flipped_byte_is_refused_or_read() {
    let message = message();
    for length in 0..message.len() {
        assert!(Signature::parse(&message[..length]).is_err());
    }
    for at in 0..message.len() {
        for bit in 0..8 {
            let mut other = message.clone();
            other[at] ^= 1 << bit;
            let _ = Signature::parse(&other);
        }
    }
    for length in 0..CERTIFICATE.len() {
        assert!(Certificate::parse(&CERTIFICATE[..length]).is_err());
    }
}

#[test]
fn a_certificate_of_another_kind_of_key_is_refused() {
    let mut other = CERTIFICATE.to_vec();
    let rsa =
        other.windows(9).position(|w| w == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]).unwrap();
    other[rsa + 8] = 10;
    assert_eq!(Certificate::parse(&other), Err(SignatureFault::Algorithm));
}
