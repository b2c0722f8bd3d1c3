//! What a digest covers, and what attaching changes.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../../pe/tests/common/mod.rs"]
mod common;

use authenticode::{Image, ImageFault};
use common::{Part, image, parts};

const CHECKSUM: usize = 0x98 + 64;
const DIRECTORY: usize = 0x98 + 112 + 32;
const MESSAGE: &[u8] = b"not a multiple of eight";

/// An image as we make them: without a checksum.
fn plain() -> Vec<u8> {
    let mut image = image(&parts());
    image[CHECKSUM..CHECKSUM + 4].fill(0);
    image
}

fn fault(bytes: &[u8]) -> ImageFault {
    Image::parse(bytes).unwrap_err()
}

#[test]
fn a_digest_covers_every_byte_but_checksum_and_place_of_the_signatures() {
    let image = plain();
    let digest = Image::parse(&image).unwrap().digest();
    for at in 0..image.len() {
        let mut other = image.clone();
        other[at] ^= 0x01;
        let same = Image::parse(&other).is_ok_and(|other| other.digest() == digest);
        // Half of the directory entry is a place that must be one: a flip there is refused or, without a length, means nothing.
        assert_eq!(
            same,
            (CHECKSUM..CHECKSUM + 4).contains(&at) || (DIRECTORY..DIRECTORY + 4).contains(&at),
            "{at:#x}"
        );
    }
}

#[test]
fn attaching_and_detaching_gives_back_the_same_bytes() {
    let image = plain();
    let signed = Image::parse(&image).unwrap().with_signature(MESSAGE).unwrap();
    let parsed = Image::parse(&signed).unwrap();
    assert_eq!(parsed.without_signatures(), image);
    assert_eq!(parsed.digest(), Image::parse(&image).unwrap().digest());
    assert_eq!(pe::Headers::parse(&signed).unwrap().image_len(), signed.len() as u64);
    assert_eq!(
        signed[image.len()..][..8],
        [32, 0, 0, 0, 0, 2, 2, 0],
        "length with padding, revision 2.0, PKCS#7"
    );
    assert_eq!(&signed[image.len() + 8..], [MESSAGE, &[0]].concat());
}

#[test]
fn a_second_signature_leaves_the_first() {
    let image = plain();
    let once = Image::parse(&image).unwrap().with_signature(&[1; 16]).unwrap();
    let twice = Image::parse(&once).unwrap().with_signature(&[2; 24]).unwrap();
    let parsed = Image::parse(&twice).unwrap();
    assert_eq!(parsed.signatures().collect::<Vec<_>>(), [&[1; 16][..], &[2; 24][..]]);
    assert_eq!(parsed.without_signatures(), image);
}

#[test]
fn an_image_of_any_length_is_padded_before_it_is_hashed() {
    for more in 1..=8 {
        let mut image = plain();
        image.extend(vec![0x77; more]);
        let digest = Image::parse(&image).unwrap().digest();
        let signed = Image::parse(&image).unwrap().with_signature(MESSAGE).unwrap();
        assert_eq!(Image::parse(&signed).unwrap().digest(), digest);
        image.resize(image.len().next_multiple_of(8), 0);
        assert_eq!(Image::parse(&image).unwrap().digest(), digest);
        assert_eq!(Image::parse(&signed).unwrap().without_signatures(), image);
    }
}

#[test]
fn a_checksum_does_not_outlive_the_bytes_that_it_was_of() {
    let image = image(&parts());
    let signed = Image::parse(&image).unwrap().with_signature(MESSAGE).unwrap();
    assert_eq!(signed[CHECKSUM..CHECKSUM + 4], [0; 4]);
}

#[test]
fn bytes_that_checkers_would_count_differently_are_refused() {
    let with = |change: fn(&mut Vec<Part>)| {
        let mut parts = parts();
        change(&mut parts);
        image(&parts)
    };
    assert_eq!(fault(&with(|parts| parts[1].raw_offset += 0x200)), ImageFault::Layout, "a gap");
    // With as many bytes behind the sections as they share: a checker that only adds lengths up finds nothing missing.
    let overlap = [with(|parts| parts[1].raw_offset -= 0x100), vec![0; 0x100]].concat();
    assert_eq!(fault(&overlap), ImageFault::Layout, "an overlap");
    assert_eq!(fault(&plain()[..0x7ff]), ImageFault::Layout, "cut off");
    assert!(Image::parse(&with(|parts| parts.truncate(1))).is_ok());

    let mut headers = with(Vec::clear);
    assert!(Image::parse(&headers).is_ok());
    headers[0x98 + 60..][..4].copy_from_slice(&0x40_u32.to_le_bytes());
    assert_eq!(fault(&headers), ImageFault::Layout, "headers that end before they end");
    let mut directories = plain();
    directories[0x98 + 108] = 4;
    assert_eq!(fault(&directories), ImageFault::NoDirectory);
}

#[test]
fn a_damaged_list_of_signatures_is_refused() {
    let signed = Image::parse(&plain()).unwrap().with_signature(MESSAGE).unwrap();
    let start = plain().len();
    let with = |at: usize, value: u32| {
        let mut other = signed.clone();
        other[at..at + 4].copy_from_slice(&value.to_le_bytes());
        Image::parse(&other).err()
    };
    assert_eq!(with(start, 32), None);
    for length in [0, 1, 7, 24, 33, 40, u32::MAX] {
        assert_eq!(with(start, length), Some(ImageFault::Table), "entry of {length}");
    }
    for place in [0, start as u32 - 8, start as u32 + 4, start as u32 + 8, u32::MAX] {
        assert_eq!(with(DIRECTORY, place), Some(ImageFault::Table), "table at {place}");
    }
    for length in [8, 31, 33, 40, u32::MAX] {
        assert_eq!(with(DIRECTORY + 4, length), Some(ImageFault::Table), "table of {length}");
    }
    assert_eq!(
        Image::parse(&[&signed[..], &[0; 8]].concat()).err(),
        Some(ImageFault::Table),
        "something behind it"
    );
}
