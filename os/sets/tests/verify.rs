//! Sets in image files, read back and compared.

#![allow(clippy::unwrap_used)]

use disks::{Image, Root, SECTORS, Uki};
use partition::SectorSize;
use sets::image::facts;
use sets::{Contents, Place, Verified, VerifyError, verify};
use sha2::Digest as _;
use slots::{Digest, Set};

fn read_back(image: &Image, set: Set, uki: Option<Digest>) -> Result<Verified, VerifyError> {
    let place = Place::named(&image.path()).unwrap();
    verify(&place, &place.load().unwrap().table, set, uki)
}

#[test]
fn a_whole_set_proves_itself() {
    for sector in SECTORS {
        let image = Image::factory(sector);
        image.write(Set::B, &Uki::new("2.0.0", 3), 2);
        let verified = read_back(&image, Set::B, None).unwrap();
        assert_eq!(verified.written.set(), Set::B);
        assert_eq!(verified.facts.os_release.get("VERSION_ID"), Some("2.0.0"));
        assert_eq!(verified.facts.security_version, 3);
        assert_eq!(verified.root, Root::of(2).params);
        assert_eq!(verified.root_guid.to_string(), Root::of(2).params.partuuid());
        assert_eq!(verified.root_partition.name, "ROOT-B");
        assert!(read_back(&image, Set::A, None).is_ok());
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let image = Image::factory(SectorSize::B512);
    let covered = Uki::new("1.0.0", 1).unsigned(&Root::of(1)).len() as u64;
    for at in (0..covered).step_by(97) {
        image.flip("BOOT-A", at);
        assert!(read_back(&image, Set::A, None).is_err(), "byte {at}");
        image.flip("BOOT-A", at);
    }
    let layout = Root::of(1).params.layout;
    for block in 0..layout.fec_start_block() {
        image.flip("ROOT-A", block * 4096 + 4095 - block);
        let found = read_back(&image, Set::A, None).unwrap_err();
        assert!(matches!(found, VerifyError::Root { set: Set::A, .. }), "{found:?}");
        assert!(!found.is_host_trouble());
        image.flip("ROOT-A", block * 4096 + 4095 - block);
    }
    assert!(read_back(&image, Set::A, None).is_ok());
}

#[test]
fn a_root_of_another_release_is_not_the_ukis() {
    let image = Image::factory(SectorSize::B512);
    image.write(Set::B, &Uki::new("2.0.0", 1), 2);
    image.write_at("ROOT-B", 0, &Root::of(3).bytes);
    assert!(matches!(read_back(&image, Set::B, None), Err(VerifyError::Root { .. })));
}

#[test]
fn an_unsigned_uki_needs_somebody_to_say_what_it_should_be() {
    let image = Image::factory(SectorSize::B512);
    let file = Uki::new("2.0.0", 1).unsigned(&Root::of(2));
    image.write(Set::B, &Uki::new("2.0.0", 1), 2);
    image.write_uki(Set::B, &file);
    assert!(matches!(read_back(&image, Set::B, None), Err(VerifyError::Unsigned { set: Set::B })));
    let digest = Digest(sha2::Sha256::digest(&file).into());
    assert!(read_back(&image, Set::B, Some(digest)).is_ok());
    let other = read_back(&image, Set::B, Some(Digest([7; 32]))).unwrap_err();
    assert!(matches!(other, VerifyError::Mismatch(_)));
    assert!(other.to_string().contains("write the set anew"), "{other}");
}

#[test]
fn what_is_no_set_is_said_to_be_none() {
    let image = Image::factory(SectorSize::B512);
    assert!(matches!(read_back(&image, Set::B, None), Err(VerifyError::Empty { set: Set::B })));
    image.write_uki(Set::B, &[0xff; 5000]);
    assert!(matches!(read_back(&image, Set::B, None), Err(VerifyError::Image { .. })));
    // A header that claims more than the partition has.
    let mut long = Uki::new("1", 1).signed(&Root::of(1));
    long[0x98 + 112 + 36..][..4].copy_from_slice(&(8_u32 << 20).to_le_bytes());
    image.write_uki(Set::B, &long);
    assert!(matches!(read_back(&image, Set::B, None), Err(VerifyError::UkiLength { .. })));
    let bare = Uki::new("1", 1).unsigned(&Root::of(1));
    let digest = Digest(sha2::Sha256::digest(&bare).into());
    image.write_uki(Set::B, &bare);
    assert!(matches!(read_back(&image, Set::B, Some(digest)), Err(VerifyError::Root { .. })), "no root");
}

#[test]
fn facts_are_read_without_reading_the_image() {
    let image = Image::factory(SectorSize::B4096);
    let place = Place::named(&image.path()).unwrap();
    let table = place.load().unwrap().table;
    let Contents::Uki(found) = facts(&place, &table, Set::A).unwrap() else { panic!("a UKI is there") };
    assert_eq!((found.os_release.get("VERSION_ID"), found.security_version), (Some("1.0.0"), 1));
    assert_eq!(facts(&place, &table, Set::B).unwrap(), Contents::Nothing);
    image.write_uki(Set::B, b"text");
    assert!(facts(&place, &table, Set::B).is_err());
    assert_eq!(place.running(&table).unwrap(), None);
}
