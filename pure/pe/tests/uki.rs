//! Facts of a UKI, from its file, from memory and from a disk.

#![allow(clippy::unwrap_used)]

mod common;

use std::io;

use common::{image, parts, signed};
use pe::uki::{Facts, HEAD_BYTES, MAX_TEXT_BYTES, ReadError};
use pe::{Fault, Kernel, NewSection, append};

const OS_RELEASE: &[u8] = b"NAME=Gantry\nVERSION_ID=0.1.0\nVARIANT_ID=standalone\n";
const SBAT: &[u8] =
    b"sbat,1,SBAT Version,sbat,1,https://example.org\ngantry,5,Gantry,gantry,0.1.0,https://example.org\n";

fn uki(sbat: &[u8]) -> Vec<u8> {
    let sections = [
        NewSection { name: ".osrel", bytes: OS_RELEASE },
        NewSection { name: ".cmdline", bytes: b"console=ttyS0 quiet\0\0" },
        NewSection { name: ".uname", bytes: b"6.12.0-test\n" },
        NewSection { name: ".sbat", bytes: sbat },
        NewSection { name: ".linux", bytes: &[7; 5000] },
    ];
    signed(&append(&image(&parts()), &sections).unwrap())
}

/// A partition that holds `file` and is longer than it.
fn disk(file: &[u8]) -> impl FnMut(u64, usize) -> io::Result<Vec<u8>> {
    let mut partition = file.to_vec();
    partition.resize(partition.len() + 100, 0xa5);
    move |offset, bytes| {
        assert!(bytes <= HEAD_BYTES.max(MAX_TEXT_BYTES), "a bounded read");
        let rest = partition.get(offset as usize..).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(rest[..bytes.min(rest.len())].to_vec())
    }
}

#[test]
fn file_memory_and_disk_say_the_same() {
    let file = uki(SBAT);
    let facts = Facts::of_file(&file).unwrap();
    assert_eq!(facts.os_release.get("VERSION_ID"), Some("0.1.0"));
    assert_eq!(facts.os_release.get("VARIANT_ID"), Some("standalone"));
    assert_eq!((facts.command_line.as_str(), facts.uname.as_str()), ("console=ttyS0 quiet", "6.12.0-test"));
    assert_eq!((facts.security_version, facts.image_bytes), (5, file.len() as u64));

    let kernel = Kernel::parse(&file).unwrap();
    let mut memory = vec![0xff; kernel.memory_bytes()];
    kernel.lay_out(&mut memory).unwrap();
    assert_eq!(Facts::of_loaded(&memory).unwrap(), facts);
    assert_eq!(Facts::read(disk(&file)).unwrap(), facts);
}

#[test]
fn what_is_absent_or_doubled_or_too_long_counts_for_nothing() {
    let bare = Facts::of_file(&image(&parts())).unwrap();
    assert_eq!((bare.security_version, bare.os_release.iter().count(), bare.uname.as_str()), (0, 0, ""));

    let mut doubled = parts();
    doubled[0].name = ".sbat";
    doubled[0].raw = [SBAT, &[0; 512][SBAT.len()..]].concat();
    assert_eq!(Facts::of_file(&image(&doubled)).unwrap().security_version, 5);
    doubled[1].name = ".sbat";
    doubled[1].raw = doubled[0].raw.clone();
    assert_eq!(Facts::of_file(&image(&doubled)).unwrap().security_version, 0);

    let mut long = SBAT.to_vec();
    long.resize(MAX_TEXT_BYTES + 1, b'\n');
    assert_eq!(Facts::of_file(&uki(&long)).unwrap().security_version, 0);
    assert_eq!(Facts::read(disk(&uki(&long))).unwrap().security_version, 0);
    assert_eq!(Facts::read(disk(&uki(&long[..MAX_TEXT_BYTES]))).unwrap().security_version, 5);
}

#[test]
fn a_partition_without_an_image_says_so() {
    assert_eq!(Facts::of_file(&[0; 512]), Err(Fault::Signature));
    assert!(matches!(Facts::read(disk(&[0; 512])), Err(ReadError::Image(Fault::Signature))));
    let broken = |_, _| Err::<Vec<u8>, _>(io::Error::other("broken"));
    assert!(matches!(Facts::read(broken), Err(ReadError::Read { offset: 0, bytes: HEAD_BYTES, .. })));
    // The disk ends inside .sbat: no security version rather than half of one.
    let file = uki(SBAT);
    let at = file.windows(SBAT.len()).position(|part| part == SBAT).unwrap();
    let short = move |offset: u64, bytes: usize| {
        let rest = file[..at + 20].get(offset as usize..).unwrap_or_default();
        Ok::<_, io::Error>(rest[..bytes.min(rest.len())].to_vec())
    };
    assert_eq!(Facts::read(short).unwrap().security_version, 0);
}

#[test]
fn forged_text_never_panics() {
    let original = uki(SBAT);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut roll = |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as usize % sides
    };
    for _ in 0..20_000 {
        let mut bytes = original.clone();
        for _ in 0..=roll(6) {
            let at = roll(bytes.len());
            bytes[at] = roll(256) as u8;
        }
        let facts =
            [Facts::of_file(&bytes).ok(), Facts::of_loaded(&bytes).ok(), Facts::read(disk(&bytes)).ok()];
        assert_eq!(facts[0].is_some(), facts[1].is_some());
    }
}
