//! Signed images: who accepts them, and who does not.

#![allow(clippy::unwrap_used)]

mod common;

use authenticode::{Image, Signature};
use common::{db, image, keys, scratch, tool};
use signing::variable::Timestamp;
use signing::{
    Error, External, KeyFile, Keys, Name, Signer, add_signature, sign_image, signers, verify_image,
};

fn other() -> KeyFile {
    KeyFile::open(&keys().file(Name::Kek, "key"), &keys().file(Name::Kek, "crt")).unwrap()
}

/// Whether Debian's `sbverify` takes `image` as signed by the certificate of `name`; `None` without the tools tree.
fn sbverify(test: &str, image: &[u8], name: Name) -> Option<bool> {
    let file = scratch(&format!("{test}.efi"));
    std::fs::write(&file, image).unwrap();
    let output = tool("sbverify", &[&"--cert", &keys().file(name, "crt"), &file])?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Signature verification"), "{said}");
    Some(output.status.success())
}

#[test]
fn a_signed_image_is_accepted_by_us_and_by_sbverify() {
    let signed = sign_image(&db(), &image()).unwrap();
    verify_image(&signed, db().certificate()).unwrap();
    assert_eq!(signers(&signed).unwrap(), ["Gantry test db"]);
    assert_ne!(sbverify("accepted", &signed, Name::Db), Some(false));
}

#[test]
fn a_signers_name_says_nothing_but_itself() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::ensure_as(&dir.path().join("keys"), "x\nsign: valid\x1b[2K", Timestamp::FIRST).unwrap();
    let signed = sign_image(keys.signer().unwrap().as_ref(), &image()).unwrap();
    assert_eq!(signers(&signed).unwrap(), ["x\u{fffd}sign: valid\u{fffd}[2K db"]);
}

#[test]
fn a_foreign_key_is_refused() {
    let signed = sign_image(&other(), &image()).unwrap();
    let refused = verify_image(&signed, db().certificate()).unwrap_err();
    assert!(matches!(refused, Error::Unverified { why: "it is by another", .. }), "{refused}");
    assert!(verify_image(&image(), db().certificate()).is_err(), "and none at all");
    assert_ne!(sbverify("foreign", &signed, Name::Db), Some(true));
}

#[test]
fn one_flipped_bit_is_refused() {
    let signed = sign_image(&db(), &image()).unwrap();
    let covered = image().len();
    // In the headers, the sections, and their padding; in the signature's own bytes.
    let headers = pe::Headers::parse(&signed).unwrap();
    let starts = headers.sections().map(|section| section.raw_offset as usize);
    for at in starts.chain([2, covered - 1, signed.len() - 20]) {
        let mut forged = signed.clone();
        forged[at] ^= 0x10;
        assert!(verify_image(&forged, db().certificate()).is_err(), "byte {at:#x}");
    }
    let mut forged = signed.clone();
    forged[covered - 1] ^= 1;
    assert_ne!(sbverify("flipped", &forged, Name::Db), Some(true));
    // A signature of another image: whole, by the right key, and no use.
    let mut longer = image();
    longer.extend([0; 8]);
    let longer = sign_image(&db(), &longer).unwrap();
    let theirs = Image::parse(&longer).unwrap().signatures().next().unwrap();
    let moved = Image::parse(&image()).unwrap().with_signature(theirs).unwrap();
    let refused = verify_image(&moved, db().certificate()).unwrap_err();
    assert!(matches!(refused, Error::Unverified { why: "the image has changed", .. }), "{refused}");
}

#[test]
fn a_forged_signature_is_refused() {
    let signed = sign_image(&db(), &image()).unwrap();
    let message = Image::parse(&signed).unwrap().signatures().next().unwrap();
    let signature = Signature::parse(message).unwrap().signature;
    let at = signed.windows(256).position(|window| window == signature).unwrap();
    let mut forged = signed.clone();
    forged[at + 7] ^= 1;
    let refused = verify_image(&forged, db().certificate()).unwrap_err();
    assert!(matches!(refused, Error::Unverified { why: "the signature is forged", .. }), "{refused}");
    assert_ne!(sbverify("forged", &forged, Name::Db), Some(true));
}

#[test]
fn signing_is_deterministic_and_leaves_nothing_of_an_older_signature() {
    let once = sign_image(&db(), &image()).unwrap();
    assert!(sign_image(&db(), &image()).unwrap() == once);
    assert!(sign_image(&db(), &sign_image(&other(), &image()).unwrap()).unwrap() == once);
    assert!(Image::parse(&once).unwrap().without_signatures() == image());
}

#[test]
fn two_signers_are_both_accepted() {
    let both = add_signature(&db(), &sign_image(&other(), &image()).unwrap()).unwrap();
    for name in [Name::Db, Name::Kek] {
        verify_image(&both, &keys().certificate(name).unwrap()).unwrap();
        assert_ne!(sbverify(&format!("both-{}", name.as_str()), &both, name), Some(false));
    }
    assert!(verify_image(&both, &keys().certificate(Name::Pk).unwrap()).is_err());
}

#[test]
fn a_signature_of_sbsign_is_accepted_and_has_our_digest() {
    let (plain, signed) = (scratch("sbsign-plain.efi"), scratch("sbsign-signed.efi"));
    std::fs::write(&plain, image()).unwrap();
    let (key, certificate) = (keys().file(Name::Db, "key"), keys().file(Name::Db, "crt"));
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 7] =
        [&"--key", &key, &"--cert", &certificate, &"--output", &signed, &plain];
    let Some(output) = tool("sbsign", &arguments) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = std::fs::read(signed).unwrap();
    verify_image(&theirs, db().certificate()).unwrap();
    assert_eq!(Image::parse(&theirs).unwrap().digest(), Image::parse(&image()).unwrap().digest());
}

/// Stands for a token: a signature made elsewhere. With this padding there is one for each message, so a file can hold it.
#[test]
fn an_external_signer_gives_the_same_image_as_a_key_file() {
    let wanted = sign_image(&db(), &image()).unwrap();
    let message = Image::parse(&wanted).unwrap().signatures().next().unwrap();
    let answer = scratch("external-answer");
    std::fs::write(&answer, Signature::parse(message).unwrap().signature).unwrap();
    let certificate = keys().file(Name::Db, "crt");
    let external = External::new(&format!("cat {}", answer.display()), &certificate).unwrap();
    assert!(sign_image(&external, &image()).unwrap() == wanted);
}

#[test]
fn an_external_signer_that_signs_nothing_or_something_else_is_found_out() {
    let certificate = keys().file(Name::Db, "crt");
    let with =
        |command: &str| sign_image(&External::new(command, &certificate).unwrap(), &image()).unwrap_err();
    assert!(matches!(with("cat"), Error::WrongSignature { .. }));
    assert!(matches!(with("true"), Error::WrongSignature { .. }));
    assert!(matches!(with("false"), Error::Command { .. }));
    assert!(matches!(with("/no/such/program"), Error::Start { .. }));
    assert!(matches!(with(" "), Error::Start { .. }));
}

#[test]
fn a_key_and_the_certificate_of_another_are_refused() {
    let mixed = KeyFile::open(&keys().file(Name::Pk, "key"), &keys().file(Name::Db, "crt")).unwrap_err();
    assert!(matches!(mixed, Error::Pair { .. }), "{mixed}");
    let swapped = KeyFile::open(&keys().file(Name::Db, "crt"), &keys().file(Name::Db, "crt")).unwrap_err();
    assert!(matches!(swapped, Error::Pem { .. }), "{swapped}");
}
