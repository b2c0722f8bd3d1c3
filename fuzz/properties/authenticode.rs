//! What holds for bytes that may be an image, a signature or a certificate.

use authenticode::{Certificate, Image, Signature, SignatureFault, Statement, detached};

/// Bytes of an image that are flipped one after the other: enough to meet each part of it in some input.
const FLIPS: usize = 24;
const SIGNATURE: &[u8] = &[0x5a; 256];

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::parse(bytes) {
        certifies(bytes, &certificate);
    }
    match Signature::parse(bytes) {
        Ok(signature) => reads(bytes, &signature),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
    if let Ok(image) = Image::parse(bytes) {
        attaches(bytes, &image);
        covers(bytes, &image);
    }
}

/// A certificate is all of the bytes, and what is written with it can be read.
fn certifies(bytes: &[u8], certificate: &Certificate<'_>) {
    assert_eq!(certificate.der(), bytes);
    let _ = certificate.common_name();
    let digest = std::array::from_fn(|index| bytes[index % bytes.len()]);
    let statement = Statement::about(&digest).expect("digests are short");
    assert_eq!(Statement::about(&digest).as_ref(), Ok(&statement), "the same each time");
    let message = statement.signed(certificate, SIGNATURE).expect("so are certificates");
    let read = Signature::parse(&message).expect("what is written can be read");
    assert_eq!((read.digest, read.signature, &read.certificate), (digest, SIGNATURE, certificate));
    assert_eq!(read.message, statement.message(), "it says what was signed");
    let bare = detached(certificate, SIGNATURE).expect("that is shorter still");
    assert!(Signature::parse(&bare).is_err(), "it is of no image");
}

/// A signature that can be read is no longer than its bytes, and says the same without its padding.
fn reads(bytes: &[u8], signature: &Signature<'_>) {
    assert!(signature.message.len() <= bytes.len() && signature.certificate.der().len() <= bytes.len());
    certifies(signature.certificate.der(), &signature.certificate);
    let padded = [bytes, &[0]].concat();
    match Signature::parse(&padded) {
        Ok(same) => assert_eq!(&same, signature),
        Err(fault) => assert_eq!(fault, SignatureFault::Trailing, "there are seven at most"),
    }
}

/// An image keeps its digest and its signatures while others come, and all but them can go.
fn attaches(bytes: &[u8], image: &Image<'_>) {
    let count = image.signatures().count();
    for message in image.signatures() {
        let _ = Signature::parse(message);
    }
    let signed = image.with_signature(SIGNATURE).expect("it is small");
    assert!(signed.len().is_multiple_of(8) && signed.len() <= bytes.len() + SIGNATURE.len() + 16);
    let again = Image::parse(&signed).expect("a signed image is one");
    assert_eq!(again.digest(), image.digest());
    assert!(again.signatures().take(count).eq(image.signatures()), "those that were there are first");
    assert_eq!(again.signatures().skip(count).collect::<Vec<_>>(), [SIGNATURE]);

    let bare = again.without_signatures();
    let parsed = Image::parse(&bare).expect("an image without signatures is one");
    assert_eq!((parsed.digest(), parsed.signatures().count()), (image.digest(), 0));
    assert!(bare.len() < bytes.len() + 8, "all that was added is gone");
    assert_eq!(
        parsed.with_signature(SIGNATURE).map(|new| Image::parse(&new).map(|new| new.without_signatures())),
        Ok(Ok(bare.clone()))
    );
}

/// No byte can change unnoticed but those of the checksum, of the directory entry and of the signatures.
fn covers(bytes: &[u8], image: &Image<'_>) {
    let bare = image.without_signatures();
    let fields = pe::Headers::parse(bytes).expect("an image has headers").signature_fields();
    let directory = fields.certificates.expect("and a place for signatures");
    let seed = usize::from(
        bytes.iter().fold(7_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(*byte))),
    );
    for flip in 0..FLIPS {
        // Half of them in the headers, where it matters most.
        let within = if flip % 2 == 0 { bare.len().min(0x400) } else { bare.len() };
        let at = (seed + flip * 0x9e37) % within;
        let mut other = bare.clone();
        other[at] ^= 1 << (flip % 8);
        let Ok(found) = Image::parse(&other) else { continue };
        let excluded =
            (fields.checksum..fields.checksum + 4).contains(&at) || (directory..directory + 8).contains(&at);
        // A flip may move the fields themselves (the offset of the PE header): then others are excluded.
        let moved = pe::Headers::parse(&other).map(|headers| headers.signature_fields()) != Ok(fields);
        assert!(excluded || moved || found.digest() != image.digest(), "byte {at} is not covered");
    }
}
