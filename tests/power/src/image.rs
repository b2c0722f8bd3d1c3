//! Images small enough to boot thousands of times.

#[path = "../../../pure/pe/tests/common/mod.rs"]
#[allow(dead_code)]
mod small;

use pe::{Headers, NewSection};

/// A UKI as far as the boot manager is concerned. `name` makes it differ from others.
pub fn uki(name: &str) -> Vec<u8> {
    let os_release = format!("NAME=power\nVERSION_ID={name}\n");
    let sections = [NewSection { name: ".osrel", bytes: os_release.as_bytes() }];
    pe::append(&small::image(&small::parts()), &sections).expect("the small image has room for a section")
}

/// The image as a firmware lays it out in memory.
pub fn laid_out(file: &[u8]) -> Vec<u8> {
    let headers = Headers::parse(file).expect("an image that the firmware accepted");
    let mut memory = vec![0; headers.size_of_image() as usize];
    let head = headers.size_of_headers() as usize;
    memory[..head].copy_from_slice(&file[..head]);
    for section in headers.sections() {
        let Some(bytes) = section.in_file(file) else { continue };
        memory[section.rva as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    memory
}
