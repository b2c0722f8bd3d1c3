//! Nothing that was not built is ever served to a program, and rot is repaired or got rid of.

use slots::{Set, State};
use verity::BLOCK_BYTES;
use vm::oci::PAGE;
use vm::{Disk, Root};

use crate::sets::{TwoSets, fact, says, starting};
use crate::story::{BOOT, OrTell as _, SOON, Story, WEB};

/// Where erofs keeps its superblock, which every boot reads (fs/erofs/erofs_fs.h).
const SUPERBLOCK: u64 = 1024;

fn copy_of_the_image(story: &Story, name: &str) -> Disk {
    std::fs::create_dir_all(&story.lab.machines).unwrap();
    Disk::copy(&story.lab.image.disk(), &story.lab.machines.join(format!("{name}.img")), None).or_tell()
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn small_rot_of_data_and_hash_tree_is_repaired_counted_and_no_program_notices() {
    const NAME: &str = "small_rot_of_data_and_hash_tree_is_repaired_counted_and_no_program_notices";
    let story = Story::begin(NAME);
    let disk = copy_of_the_image(&story, NAME);
    let tree = Root::of_image(&story.lab.image).or_tell().params().layout.hash_start_block() * BLOCK_BYTES;
    disk.tamper("ROOT-A", SUPERBLOCK, 128, |bytes| bytes[40] ^= 1).or_tell();
    // The tree's first block is its root, on the way to every other.
    disk.tamper("ROOT-A", tree, 4096, |bytes| bytes[100] ^= 1).or_tell();
    let settings = format!("{}{WEB}", story.registry.mirror());
    let named = story.lab.guest(NAME).disk(disk.clone()).user_data(settings);
    let mut guest = named.forward(8080).orders().start().or_tell();
    let page = guest.fetch(8080, "/", BOOT);
    let told = guest.wait_for("report of the repair", SOON, says(&["health: root block repaired"]));
    let count = guest.show("/run/gantry/root.json", SOON);
    drop(guest);
    std::fs::remove_file(disk.path()).unwrap();
    assert_eq!(page.or_tell(), PAGE);
    told.or_tell();
    let count = count.or_tell();
    assert!(count.starts_with(r#"{"repaired":"#) && !count.contains(":0"), "{count}");
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn root_rotten_beyond_repair_gives_way_to_the_other_set_within_three_starts() {
    let story = TwoSets::begin("root_rotten_beyond_repair_gives_way_to_the_other_set_within_three_starts");
    // Far more than the error correction can repair: 16 MiB in a row, changed in every byte.
    let rot = |bytes: &mut [u8]| bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
    story.disk.tamper("ROOT-A", 1 << 20, 16 << 20, rot).or_tell();
    let mut guest = story.machine().reboots().start().or_tell();
    let choice = guest.wait_for("set B's turn", 3 * BOOT, says(&["bootmgr: trying set=B"])).or_tell();
    assert_eq!(fact(&choice, "why"), "other-lost-standing");
    guest.wait_after(&choice, "set B", BOOT, starting(Set::B)).or_tell();
    // At once where `health` runs to see it; after three failed starts where the rot strikes before that.
    assert!((2..=4).contains(&guest.boots()), "{} boots", guest.boots());
    let lines = guest.console().lines();
    let said = |word: &str| lines.iter().any(|line| line.text.contains(word));
    assert!(said("verity"), "the kernel gave no reason:\n{}", guest.console().tail());
    assert!(!said("health: set confirmed set=A"), "{}", guest.console().tail());
    guest.kill();
    assert_eq!(story.bits(Set::A).state(), State::Failing);
}
