//! A set that does not work gives way to the other, and some set always boots.

use imager::disk::Parts;
use partition::SectorSize;
use slots::{Attributes, Set, State};
use vm::disk::TableCopy;
use vm::{Bus, Disk, Program, Told};

#[path = "../../../../pure/pe/tests/common/mod.rs"]
#[allow(dead_code)]
mod pe_image;

use crate::sets::{TwoSets, fact, refused, says, starting};
use crate::story::{BOOT, OrTell as _, SOON, lab};

/// The boot manager's two places on the ESP.
const REMOVABLE: &str = "EFI/BOOT/BOOTX64.EFI";
const OWN: &str = "EFI/gantry/bootmgr.efi";

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn set_that_panics_on_trial_gives_way_and_the_console_says_why() {
    let story = TwoSets::begin("set_that_panics_on_trial_gives_way_and_the_console_says_why");
    story.put_signed(Set::A, &story.uki().with_init(Program::Exits));
    story.try_first(Set::A, 1);
    let mut guest = story.machine().reboots().start().or_tell();
    guest.wait_for("trial of set A", BOOT, starting(Set::A)).or_tell();
    guest.wait_for("panic", BOOT, says(&["Kernel panic", "Attempted to kill init"])).or_tell();
    let why = guest
        .wait_for("word that set A is used up", BOOT, says(&["bootmgr: set=A state=exhausted", "tries=0"]))
        .or_tell();
    let choice = guest.wait_after(&why, "choice of set B", BOOT, says(&["bootmgr: trying set=B"])).or_tell();
    assert_eq!(fact(&choice, "why"), "only-bootable");
    guest.wait_after(&choice, "set B's first process", BOOT, says(&["milestone name=pid1"])).or_tell();
    assert_eq!(guest.boots(), 2);
    guest.kill();
    assert_eq!(story.bits(Set::A).state(), State::Exhausted);
    assert!(story.bits(Set::B).successful());
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn hang_in_the_initramfs_is_ended_by_the_watchdog_and_the_other_set_boots() {
    let story = TwoSets::begin("hang_in_the_initramfs_is_ended_by_the_watchdog_and_the_other_set_boots");
    story.put_signed(Set::A, &story.uki().with_init(Program::Hangs));
    story.try_first(Set::A, 1);
    let guest = story.machine().reboots().start().or_tell();
    guest.wait_for("trial of set A", BOOT, starting(Set::A)).or_tell();
    // Nobody but the boot manager could have armed the watchdog: nothing of ours runs under that kernel.
    guest.wait_for("set B", BOOT, starting(Set::B)).or_tell();
    assert_eq!(guest.boots(), 2);
    assert!(!guest.console().lines().iter().any(|line| line.text.contains("Kernel panic")));
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn confirmed_set_that_keeps_failing_early_yields() {
    let story = TwoSets::begin("confirmed_set_that_keeps_failing_early_yields");
    story.put_signed(Set::A, &story.uki().with_init(Program::Exits));
    story.prefer(Set::A);
    let mut guest = story.machine().reboots().start().or_tell();
    let choice = guest.wait_for("set B's turn", BOOT, says(&["bootmgr: trying set=B"])).or_tell();
    assert_eq!(fact(&choice, "why"), "other-lost-standing");
    guest.wait_after(&choice, "set B", BOOT, starting(Set::B)).or_tell();
    assert_eq!(guest.boots(), usize::from(slots::FAILURES_TO_LOSE_STANDING) + 1);
    guest.kill();
    let bits = story.bits(Set::A);
    assert!(bits.successful(), "a confirmed set keeps its mark: {bits:?}");
    assert_eq!(bits.state(), State::Failing);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn zeroed_boot_partition_costs_no_boot() {
    let story = TwoSets::begin("zeroed_boot_partition_costs_no_boot");
    story.disk.zero("BOOT-A").or_tell();
    let guest = story.machine().start().or_tell();
    guest.wait_for("refusal of set A", BOOT, refused(Set::A)).or_tell();
    guest.wait_for("set B in the same boot", BOOT, starting(Set::B)).or_tell();
    assert_eq!(guest.boots(), 1);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn image_that_gives_up_after_it_started_costs_no_boot() {
    let story = TwoSets::begin("image_that_gives_up_after_it_started_costs_no_boot");
    // By then the stub has offered an initramfs: what it leaves behind must not reach the next kernel.
    let uki =
        story.uki().with(".linux", kernel_that_gives_up()).with(".initrd", b"not an initramfs".repeat(4096));
    story.put_signed(Set::A, &uki);
    story.try_first(Set::A, 3);
    let guest = story.machine().start().or_tell();
    let gave_up = says(&["bootmgr: refused set=A", "the image gave up"]);
    guest.wait_for("word that set A gave up", BOOT, gave_up).or_tell();
    guest.wait_for("set B's first process", BOOT, says(&["milestone name=pid1"])).or_tell();
    assert_eq!(guest.boots(), 1);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn drive_whose_firmware_flushes_nothing_is_told_to_flush_all_the_same() {
    let story = TwoSets::begin("drive_whose_firmware_flushes_nothing_is_told_to_flush_all_the_same");
    story.prefer(Set::A);
    for bus in [Bus::Sata, Bus::Scsi] {
        let guest = story.machine().bus(bus).start().or_tell();
        guest.wait_for("set A", BOOT, starting(Set::A)).or_tell();
        let mut told = guest.told().or_tell();
        told.dedup();
        // One copy of the table, then the other, each durable before what comes next.
        assert_eq!(told, [Told::Flush, Told::Write, Told::Flush, Told::Write, Told::Flush], "{bus:?}");
    }
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn damaged_partition_table_boots_and_is_repaired() {
    for copy in [TableCopy::Primary, TableCopy::Backup] {
        let story = TwoSets::begin("damaged_partition_table_boots_and_is_repaired");
        story.disk.damage_table(copy).or_tell();
        story.disk.entry_of(copy, "BOOT-A").unwrap_err();
        let mut guest = story.machine().start().or_tell();
        guest.wait_for("set A", BOOT, starting(Set::A)).or_tell();
        guest.kill();
        for name in ["ESP", "BOOT-A", "ROOT-A", "BOOT-B", "ROOT-B", "DATA"] {
            let [primary, backup] =
                [TableCopy::Primary, TableCopy::Backup].map(|copy| story.disk.entry_of(copy, name).or_tell());
            assert_eq!(primary, backup, "{name} after damage to the {copy:?} copy");
        }
        assert_eq!(story.bits(Set::A).failures(), 1, "the start was not counted");
    }
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn two_bad_sets_end_in_a_clear_message_and_another_try() {
    let story = TwoSets::begin("two_bad_sets_end_in_a_clear_message_and_another_try");
    story.disk.zero("BOOT-A").or_tell();
    story.disk.zero("BOOT-B").or_tell();
    let guest = story.machine().reboots().start().or_tell();
    for set in Set::BOTH {
        guest.wait_for(&format!("refusal of set {set}"), BOOT, refused(set)).or_tell();
    }
    let message = says(&["bootmgr: nothing bootable is left", "set A:", "set B:", "remedy:", "resetting in"]);
    let message = guest.wait_for("message", BOOT, message);
    guest.wait_after(&message.or_tell(), "another try", BOOT, says(&["bootmgr: table copies="])).or_tell();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn tries_run_out_over_cold_boots() {
    let story = TwoSets::begin("tries_run_out_over_cold_boots");
    story.put_signed(Set::A, &story.uki().with_init(Program::Hangs));
    story.try_first(Set::A, 2);
    for left in [1, 0] {
        let mut guest = story.machine().start().or_tell();
        let choice = guest.wait_for("trial of set A", BOOT, says(&["bootmgr: trying set=A"])).or_tell();
        assert_eq!(fact(&choice, "tries_left"), left.to_string());
        guest.wait_for("set A", BOOT, starting(Set::A)).or_tell();
        // Somebody loses patience.
        guest.kill();
    }
    let guest = story.machine().start().or_tell();
    guest.wait_for("set B", BOOT, starting(Set::B)).or_tell();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn either_copy_of_the_boot_manager_suffices() {
    let story = TwoSets::begin("either_copy_of_the_boot_manager_suffices");
    let tools = &story.lab.tools;
    // The firmware knows nothing of the machine: it takes the name that removable media have.
    let content = story.disk.read_from_esp(tools, OWN).or_tell();
    assert_eq!(content, story.disk.read_from_esp(tools, REMOVABLE).or_tell());
    story.disk.remove_from_esp(tools, OWN).or_tell();
    let mut guest = story.machine().start().or_tell();
    guest.wait_for("a set from the one copy", BOOT, starting(Set::A)).or_tell();
    guest.kill();
    // That boot has made an entry for the other copy, which from now on is alone.
    story.disk.put_on_esp(tools, OWN, &content).or_tell();
    story.disk.remove_from_esp(tools, REMOVABLE).or_tell();
    let guest = story.machine().start().or_tell();
    guest.wait_for("a set from the other copy", BOOT, starting(Set::A)).or_tell();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn console_that_takes_nothing_keeps_no_machine_from_booting() {
    let story = TwoSets::begin("console_that_takes_nothing_keeps_no_machine_from_booting");
    let guest = story.machine().stuck_console().start().or_tell();
    guest.wait_for("set A", BOOT, starting(Set::A)).or_tell();
    guest.wait_milestone("pid1", BOOT).or_tell();
    assert_eq!(guest.boots(), 1);
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn disk_with_sectors_of_4096_bytes_boots_and_grows() {
    const NAME: &str = "disk_with_sectors_of_4096_bytes_boots_and_grows";
    const SECTOR: SectorSize = SectorSize::B4096;
    let lab = lab();
    let path = lab.machines.join(format!("{NAME}.img"));
    let parts = Parts::load(lab.image.dir()).unwrap();
    imager::disk::assemble(&parts.layout, SECTOR, parts.disk_bytes, &parts.contents(), &path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(parts.disk_bytes + (2 << 30)).unwrap();
    let disk = Disk::at(&path).with_sectors(SECTOR);
    let (_, before) = disk.partition("DATA").or_tell();

    let mut guest = lab.guest(NAME).disk(disk.clone()).start().or_tell();
    guest.wait_for("set A", BOOT, starting(Set::A)).or_tell();
    guest.wait_milestone("var", BOOT).or_tell();
    guest.wait_milestone("confirmed", BOOT).or_tell();
    guest.power_off(SOON).or_tell();
    let (_, after) = disk.partition("DATA").or_tell();
    let bits = disk.attributes(Set::A).or_tell();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(after, before + (2 << 30));
    // The start was counted, and settled when the machine was healthy.
    assert_eq!(bits, Attributes::FACTORY);
}

/// A kernel whose entry point returns EFI_LOAD_ERROR: mov rax, 0x8000000000000001; ret.
fn kernel_that_gives_up() -> Vec<u8> {
    let mut parts = pe_image::parts();
    parts[0].raw[0x10..0x1b].copy_from_slice(&[0x48, 0xb8, 1, 0, 0, 0, 0, 0, 0, 0x80, 0xc3]);
    pe_image::image(&parts)
}
