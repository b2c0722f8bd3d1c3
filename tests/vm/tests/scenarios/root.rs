//! Nothing that was not built is ever served to a program.

use vm::Disk;
use vm::oci::PAGE;

use crate::story::{BOOT, OrTell as _, Story, WEB};

/// Where erofs keeps its superblock, which every boot reads (fs/erofs/erofs_fs.h).
const SUPERBLOCK: u64 = 1024;

fn copy_of_the_image(story: &Story, name: &str) -> Disk {
    std::fs::create_dir_all(&story.lab.machines).unwrap();
    Disk::copy(&story.lab.image.disk(), &story.lab.machines.join(format!("{name}.img")), None).or_tell()
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn tampered_root_is_refused() {
    let story = Story::begin("tampered_root_is_refused");
    let disk = copy_of_the_image(&story, "tampered_root_is_refused");
    // Far more than the error correction can repair: 16 MiB in a row, changed in every byte.
    disk.tamper("ROOT-A", 1 << 20, 16 << 20, |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0x55))
        .or_tell();
    let settings = format!("{}{WEB}", story.registry.mirror());
    let mut guest =
        story.lab.guest("tampered_root_is_refused").disk(disk.clone()).user_data(settings).start().or_tell();
    // The kernel stops at the first bad block that anybody reads: the machine reboots, which ends it here.
    let ended = guest.wait_exit(BOOT);
    std::fs::remove_file(disk.path()).unwrap();
    ended.or_tell();
    let lines = guest.console().lines();
    let said = |word: &str| lines.iter().any(|line| line.text.contains(word));
    assert!(said("verity"), "the kernel gave no reason:\n{}", guest.console().tail());
    assert!(!said("milestone name=container/web"), "{}", guest.console().tail());
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn flipped_bit_in_the_root_is_repaired() {
    let story = Story::begin("flipped_bit_in_the_root_is_repaired");
    let disk = copy_of_the_image(&story, "flipped_bit_in_the_root_is_repaired");
    disk.tamper("ROOT-A", SUPERBLOCK, 128, |bytes| bytes[40] ^= 1).or_tell();
    let settings = format!("{}{WEB}", story.registry.mirror());
    let named = story.lab.guest("flipped_bit_in_the_root_is_repaired").disk(disk.clone()).user_data(settings);
    let guest = named.forward(8080).start().or_tell();
    let page = guest.fetch(8080, "/", BOOT);
    std::fs::remove_file(disk.path()).unwrap();
    assert_eq!(page.or_tell(), PAGE);
    guest
        .wait_for("report of the repair", BOOT, |text| text.contains("FEC") && text.contains("corrected"))
        .or_tell();
}
