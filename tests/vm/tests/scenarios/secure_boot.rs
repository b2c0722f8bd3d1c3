//! Under Secure Boot nothing runs that is not signed by a key of the firmware's, or that is older than it may be; and the
//! good set boots all the same.

use slots::Set;
use vm::guest::Builder;
use vm::uki::flip_bit;
use vm::{Guest, Owner};

use crate::sets::{TwoSets, fact, refused, says, starting};
use crate::story::{BOOT, OrTell as _};

/// Where firmware looks on a disk it knows nothing of.
const REMOVABLE: &str = "EFI/BOOT/BOOTX64.EFI";

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn machine_in_setup_mode_enrols_its_keys_when_asked() {
    let story = TwoSets::begin("machine_in_setup_mode_enrols_its_keys_when_asked");
    // Not asked: it boots as it is.
    let mut guest = machine(&story).start().or_tell();
    let start = guest.wait_for("set A", BOOT, starting(Set::A)).or_tell();
    assert_ne!(fact(&start, "secure_boot"), "on");
    guest.kill();
    // Asked: it enrols, restarts, and from then on verifies what it starts, to the last program of the boot.
    story.trust.ask_for_enrolment(&story.lab, &story.disk).or_tell();
    let guest = machine(&story).reboots().start().or_tell();
    let enrolled = guest.wait_for("enrolment", BOOT, says(&[vm::trust::ENROLLED])).or_tell();
    let start = guest.wait_after(&enrolled, "set A", BOOT, starting(Set::A)).or_tell();
    assert_eq!(fact(&start, "secure_boot"), "on");
    guest
        .wait_after(
            &start,
            "a kernel that knows",
            BOOT,
            says(&["Kernel is locked down from EFI Secure Boot"]),
        )
        .or_tell();
    guest.wait_after(&start, "set A's first process", BOOT, says(&["milestone name=pid1"])).or_tell();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn unsigned_boot_manager_is_refused_and_the_other_copy_runs() {
    let story = TwoSets::begin_secure("unsigned_boot_manager_is_refused_and_the_other_copy_runs");
    // A boot in peace, in which the manager makes the entry for its own copy.
    secure_start(&story, Set::A).kill();
    let signed = story.disk.read_from_esp(&story.lab.tools, REMOVABLE).or_tell();
    let unsigned = pe::without_signature(&signed).unwrap();
    assert_ne!(unsigned, signed);
    story.disk.put_on_esp(&story.lab.tools, REMOVABLE, &unsigned).or_tell();
    let guest = secure_start(&story, Set::A);
    let denied = guest.console().lines().iter().any(|line| line.text.contains("Access Denied"));
    assert!(denied, "the firmware started it:\n{}", guest.console().tail());
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn unsigned_image_is_refused_and_the_good_set_boots() {
    let story = TwoSets::begin_secure("unsigned_image_is_refused_and_the_good_set_boots");
    story.put(Set::A, &story.uki().pack().or_tell());
    refuses(&story);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn image_signed_by_a_stranger_is_refused_and_the_good_set_boots() {
    let story = TwoSets::begin_secure("image_signed_by_a_stranger_is_refused_and_the_good_set_boots");
    let uki = story.uki().pack().or_tell();
    story.put(Set::A, &story.trust.sign(Owner::Stranger, &uki).or_tell());
    refuses(&story);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn one_flipped_bit_in_command_line_initramfs_or_kernel_is_refused_and_the_good_set_boots() {
    const NAME: &str =
        "one_flipped_bit_in_command_line_initramfs_or_kernel_is_refused_and_the_good_set_boots";
    for section in [".cmdline", ".initrd", ".linux"] {
        let story = TwoSets::begin_secure(NAME);
        let mut uki = std::fs::read(story.lab.image.file("uki.efi")).unwrap();
        flip_bit(&mut uki, section).or_tell();
        story.put(Set::A, &uki);
        refuses(&story);
    }
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn image_older_than_the_floor_is_refused_and_the_good_set_boots() {
    let story = TwoSets::begin_secure("image_older_than_the_floor_is_refused_and_the_good_set_boots");
    // Two confirmed sets of version 1 raise the floor to 1 ...
    let mut guest = secure_start(&story, Set::A);
    guest.wait_for("a floor", BOOT, says(&["bootmgr: floor=1 raised_from=0"])).or_tell();
    guest.kill();
    // ... under which an image of yesterday, signed by ours, has no place any more.
    story.put_signed(Set::B, &story.uki().with_security_version(0));
    story.try_first(Set::B, 3);
    let guest = secure_start(&story, Set::A);
    guest.wait_for("refusal of set B", BOOT, refused(Set::B)).or_tell();
    drop(guest);
    assert!(!story.bits(Set::B).can_boot(), "a trial that was refused is not tried again");
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn image_by_another_trusted_key_counts_as_version_0_and_is_refused_under_a_floor() {
    const NAME: &str = "image_by_another_trusted_key_counts_as_version_0_and_is_refused_under_a_floor";
    let story = TwoSets::begin_secure(NAME);
    let uki = story.uki().without(".sbat").pack().or_tell();
    story.put(Set::B, &story.trust.sign(Owner::Vendor, &uki).or_tell());
    story.try_first(Set::B, 3);
    // No floor yet: the firmware trusts that key, so the image runs.
    let mut guest = secure_start(&story, Set::B);
    let start = guest.wait_for("set B", BOOT, starting(Set::B)).or_tell();
    assert_eq!(fact(&start, "security_version"), "0");
    guest.kill();
    // A boot of ours alone sets the floor.
    story.prefer(Set::A);
    story.retire(Set::B);
    let mut guest = secure_start(&story, Set::A);
    guest.wait_for("a floor", BOOT, says(&["bootmgr: floor=1 raised_from=0"])).or_tell();
    guest.kill();
    story.try_first(Set::B, 3);
    let guest = secure_start(&story, Set::A);
    guest.wait_for("refusal of set B", BOOT, refused(Set::B)).or_tell();
}

/// Set A, which is preferred, is refused by the firmware, and set B boots in its place in the same boot.
fn refuses(story: &TwoSets) {
    let guest = secure_start(story, Set::B);
    let refusal = guest.wait_for("refusal of set A", BOOT, refused(Set::A)).or_tell();
    assert!(refusal.text.contains("firmware"), "who refused it? {}", refusal.text);
    assert_eq!(guest.boots(), 1);
}

/// The machine with firmware that can verify. One processor: at each call into system management mode the firmware waits for
/// all of them, for seconds in sum under software emulation.
fn machine(story: &TwoSets) -> Builder {
    story.machine().secure().cpus(1)
}

/// The machine under Secure Boot, as far as its start of this set.
fn secure_start(story: &TwoSets, set: Set) -> Guest {
    let guest = machine(story).start().or_tell();
    let start = guest.wait_for(&format!("set {set}"), BOOT, starting(set)).or_tell();
    assert_eq!(fact(&start, "secure_boot"), "on");
    guest
}
