//! The data partition grows to the disk it finds itself on.

use vm::Disk;
use vm::oci::PAGE;

use crate::story::{BOOT, OrTell as _, SOON, Story, WEB};

const GIB: u64 = 1 << 30;

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn four_gib_image_grows_onto_sixteen() {
    let story = Story::begin("four_gib_image_grows_onto_sixteen");
    let image = Disk::at(story.lab.image.disk());
    assert_eq!(std::fs::metadata(image.path()).unwrap().len(), 4 * GIB);
    let (_, before) = image.partition("DATA").or_tell();
    let mut guest = story.machine(WEB).disk_size(16 * GIB).forward(8080).start().or_tell();
    assert_eq!(guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
    assert!(guest.power_off(SOON).or_tell().success());
    let tools = &story.lab.tools;
    let (_, partition) = guest.disk().partition("DATA").or_tell();
    let files = guest.disk().data_size(tools).or_tell();
    assert_eq!(partition, before + 12 * GIB);
    // A last group of blocks that is too small to be worth its tables stays outside.
    let room = partition - GIB..=partition;
    assert!(room.contains(&files), "{files} bytes of file system in {partition}");
    guest
        .disk()
        .check_data(tools)
        .or_tell()
        .unwrap_or_else(|report| panic!("the file system is not clean: {report}"));
}
