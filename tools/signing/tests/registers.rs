//! Predicted registers.

#![allow(clippy::unwrap_used)]

mod common;

use authenticode::Image;
use common::{db, image};
use pe::NewSection;
use sha2::{Digest as _, Sha256};
use signing::pcrs::{PredictError, predict};
use signing::sign_image;

/// What Debian 13's `systemd-measure calculate --bank=sha256 --phase=:` says of the sections in [`image`].
const OF_SYSTEMD_MEASURE: &str = "c8ba286810e328f9dd76e49aee108bb6e94749cf531b712574a845709f4ac758";

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn register_11_is_what_systemd_measure_says() {
    assert_eq!(hex(predict(&image(), &image()).unwrap().pcr11), OF_SYSTEMD_MEASURE);
}

/// The events as OVMF logs them; that it does is the scenario `tpm_holds_what_was_predicted_for_this_boot_manager_and_image`.
#[test]
fn register_4_is_the_boot_option_the_separator_the_manager_and_the_uki() {
    let uki = pe::append(&image(), &[NewSection { name: ".more", bytes: b"x" }]).unwrap();
    let digest = |image: &[u8]| Image::parse(image).unwrap().digest();
    let events: [[u8; 32]; 4] = [
        Sha256::digest("Calling EFI Application from Boot Option").into(),
        Sha256::digest([0; 4]).into(),
        digest(&image()),
        digest(&uki),
    ];
    let register = events.iter().fold([0; 32], |register: [u8; 32], event| {
        Sha256::new().chain_update(register).chain_update(event).finalize().into()
    });
    assert_eq!(hex(predict(&image(), &uki).unwrap().pcr4), hex(register));
}

#[test]
fn a_signature_changes_no_register() {
    let signed = sign_image(&db(), &image()).unwrap();
    assert_eq!(predict(&signed, &signed).unwrap(), predict(&image(), &image()).unwrap());
}

#[test]
fn every_measured_section_counts_and_others_do_not() {
    let with = |name, bytes: &[u8]| {
        let headers = pe::Headers::parse(&image()).unwrap().section(name).unwrap();
        let mut changed = image();
        changed[headers.raw_offset as usize..][..bytes.len()].copy_from_slice(bytes);
        predict(&image(), &changed).unwrap()
    };
    let found = predict(&image(), &image()).unwrap();
    for name in pe::uki::MEASURED {
        let changed = with(name, b"X");
        assert_ne!(changed.pcr11, found.pcr11, "{name}");
        assert_ne!(changed.pcr4, found.pcr4, "{name}");
    }
    assert_eq!(with(".splash", b"X").pcr11, found.pcr11);
    assert_ne!(with(".splash", b"X").pcr4, found.pcr4);
}

#[test]
fn the_manager_and_the_uki_are_not_interchangeable() {
    let other = pe::append(&image(), &[NewSection { name: ".more", bytes: b"x" }]).unwrap();
    let (one, two) = (predict(&image(), &other).unwrap(), predict(&other, &image()).unwrap());
    assert_ne!(one.pcr4, two.pcr4);
    assert_eq!(one.pcr11, two.pcr11, "a section that is not measured");
}

#[test]
fn what_is_no_image_is_named() {
    assert!(matches!(predict(b"", &image()), Err(PredictError::BootManager(_))));
    assert!(matches!(predict(&image(), b"MZ"), Err(PredictError::Uki(_))));
}
