//! What is measured of a UKI.

#![allow(clippy::unwrap_used)]

#[path = "../../../pure/pe/tests/common/mod.rs"]
#[allow(dead_code)]
mod pe_image;

use pe::{Kernel, NewSection, append};
use stub::measure::{Measured, sections};

fn loaded(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let parts: Vec<_> = parts.iter().map(|(name, bytes)| NewSection { name, bytes }).collect();
    let file = append(&pe_image::image(&pe_image::parts()), &parts).unwrap();
    let image = Kernel::parse(&file).unwrap();
    let mut memory = vec![0; image.memory_bytes()];
    image.lay_out(&mut memory).unwrap();
    memory
}

#[test]
fn sections_are_measured_by_name_in_the_order_of_the_registry() {
    let linux = [7; 5000];
    let image = loaded(&[
        (".osrel", b"NAME=Gantry"),
        (".cmdline", b"quiet"),
        (".uname", b"6.12"),
        (".sbat", b"gantry,1"),
        (".linux", &linux),
        (".initrd", b"cpio"),
    ]);
    let want: [(&[u8], &[u8]); 6] = [
        (b".linux\0", &linux),
        (b".osrel\0", b"NAME=Gantry"),
        (b".cmdline\0", b"quiet"),
        (b".initrd\0", b"cpio"),
        (b".uname\0", b"6.12"),
        (b".sbat\0", b"gantry,1"),
    ];
    assert_eq!(
        sections(&image).unwrap(),
        want.map(|(name, content)| Measured { name: name.to_vec(), content })
    );
}

#[test]
fn absent_sections_are_passed_over_and_others_not_measured() {
    let image = loaded(&[(".initrd", b"cpio"), (".dtb", b"no"), (".linux", b"kernel")]);
    let names: Vec<_> = sections(&image).unwrap().into_iter().map(|section| section.name).collect();
    assert_eq!(names, [&b".linux\0"[..], b".initrd\0"]);
    assert!(sections(b"MZ").is_err());
}
