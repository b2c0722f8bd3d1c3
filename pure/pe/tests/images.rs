//! Appending, stripping and laying out.

#![allow(clippy::unwrap_used)]

mod common;

use common::{image, parts, signed};
use pe::{AppendError, Fault, Headers, Kernel, KernelFault, NewSection, append, without_signature};

#[test]
fn appended_sections_read_back_from_file_and_memory() {
    let (long, short) = (vec![7; 0x1234], b"hello".to_vec());
    let sections =
        [NewSection { name: ".linux", bytes: &long }, NewSection { name: ".osrel", bytes: &short }];
    let uki = append(&image(&parts()), &sections).unwrap();
    let headers = Headers::parse(&uki).unwrap();
    assert_eq!(headers.image_len(), uki.len() as u64);
    assert_eq!(headers.section(".osrel").unwrap().in_file(&uki), Some(&short[..]));
    assert_eq!(headers.section(".linux").unwrap().in_file(&uki), Some(&long[..]));

    let kernel = Kernel::parse(&uki).unwrap();
    let mut memory = vec![0xff; kernel.memory_bytes()];
    kernel.lay_out(&mut memory).unwrap();
    assert_eq!(headers.section(".osrel").unwrap().in_memory(&memory), Some(&short[..]));
    assert_eq!(headers.section(".linux").unwrap().in_memory(&memory), Some(&long[..]));
}

#[test]
fn a_cut_off_image_has_its_length_in_its_headers() {
    let uki = append(&image(&parts()), &[NewSection { name: ".linux", bytes: &[1; 5000] }]).unwrap();
    assert_eq!(Headers::parse(&uki[..0x400]).unwrap().image_len(), uki.len() as u64);
    let signed = signed(&uki);
    assert_eq!(Headers::parse(&signed[..0x400]).unwrap().image_len(), signed.len() as u64);
}

#[test]
fn a_dropped_signature_leaves_the_unsigned_image() {
    let plain = without_signature(&image(&parts())).unwrap();
    assert!(without_signature(&signed(&plain)).unwrap() == plain);
    assert_eq!(Headers::parse(&plain).unwrap().certificates(), (0, 0));
    let mut trailing = signed(&plain);
    trailing.push(0);
    assert_eq!(without_signature(&trailing), Err(Fault::Certificates));
}

#[test]
fn sections_without_place_or_sense_are_refused() {
    let base = image(&parts());
    let one = |name, bytes| append(&base, &[NewSection { name, bytes }]).unwrap_err();
    assert!(matches!(one(".text", &[1]), AppendError::Name { .. }));
    assert!(matches!(one("", &[1]), AppendError::Name { .. }));
    assert!(matches!(one(".sbat", &[]), AppendError::Empty { .. }));
    assert!(matches!(one(".cmdline2", &[1]), AppendError::Name { .. }));
    let names: Vec<String> = (0..20).map(|index| format!(".n{index}")).collect();
    let many: Vec<_> = names.iter().map(|name| NewSection { name, bytes: &[1] }).collect();
    assert!(append(&base, &many[..13]).is_ok());
    let err = append(&base, &many).unwrap_err();
    assert_eq!(err, AppendError::HeaderRoom { name: ".n13".into() });
}

#[test]
fn a_kernel_is_laid_out_with_zeroes_around_its_sections() {
    let file = image(&parts());
    let kernel = Kernel::parse(&file).unwrap();
    assert_eq!((kernel.memory_bytes(), kernel.alignment(), kernel.entry_offset()), (0x5000, 0x1000, 0x1010));
    let mut memory = vec![0xff; 0x6000];
    kernel.lay_out(&mut memory).unwrap();
    assert_eq!(memory[..0x400], file[..0x400]);
    assert!(memory[0x400..0x1000].iter().all(|b| *b == 0));
    assert!(memory[0x1000..0x1180].iter().all(|b| *b == 0x90));
    assert!(memory[0x1180..0x2000].iter().all(|b| *b == 0));
    assert!(memory[0x2000..0x2200].iter().all(|b| *b == 0xda));
    assert!(memory[0x2200..0x5000].iter().all(|b| *b == 0));
    assert!(memory[0x5000..].iter().all(|b| *b == 0xff));
    assert_eq!(kernel.lay_out(&mut memory[..0x4fff]), Err(KernelFault::Memory));
}

#[test]
fn images_that_are_no_such_kernel_are_refused() {
    let broken = |at: usize, value: u32| {
        let mut file = image(&parts());
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        Kernel::parse(&file).unwrap_err()
    };
    let optional = 0x98;
    assert_eq!(broken(0, 0), KernelFault::Headers(Fault::Signature));
    assert_eq!(broken(0x3c, u32::MAX), KernelFault::Headers(Fault::Short));
    assert_eq!(broken(optional + 24, 0x1000), KernelFault::Kind);
    assert_eq!(broken(optional + 112 + 5 * 8 + 4, 12), KernelFault::Kind);
    assert_eq!(broken(optional + 68, 10), KernelFault::Kind);
    assert_eq!(broken(optional + 16, 0x2000), KernelFault::Entry);
    assert_eq!(broken(optional + 16, 0x4fff_ffff), KernelFault::Entry);
    assert_eq!(broken(optional + 56, 0x4000_0000), KernelFault::Layout);
    assert_eq!(broken(optional + 240 + 40 + 12, 0x1100), KernelFault::Layout);
    assert_eq!(broken(optional + 240 + 40 + 20, 0x1000), KernelFault::Layout);
}

#[test]
fn the_same_inputs_make_the_same_bytes_whatever_the_linker_stamped() {
    let mut restamped = image(&parts());
    restamped[0x88..0x8c].fill(0x77);
    restamped[0x98 + 64..0x98 + 68].fill(0x11);
    let section = [NewSection { name: ".linux", bytes: &[1, 2, 3] }];
    assert!(append(&restamped, &section).unwrap() == append(&image(&parts()), &section).unwrap());
}
