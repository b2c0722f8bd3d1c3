//! A set is good when the machine that runs it is, and nobody has to say so.

use std::path::Path;

use slots::Set;
use vm::{Program, Root};

use crate::sets::{TwoSets, says, starting};
use crate::story::{BOOT, OrTell as _, SOON};

/// What `health` says when it has given a set its mark.
const CONFIRMED: &str = "health: set confirmed";
/// The compiled units, in the root.
const UNITS: &str = "usr/share/gantry/units.json";

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn healthy_trial_is_confirmed() {
    let story = TwoSets::begin("healthy_trial_is_confirmed");
    story.try_first(Set::B, 3);
    let mut guest = story.machine().start().or_tell();
    guest.wait_for("trial of set B", BOOT, starting(Set::B)).or_tell();
    // Handed over, not opened anew: a hang between the two stages would be nobody's.
    let watched = says(&["init: watchdog armed", "by=stage1"]);
    guest.wait_for("a watchdog from the first stage on", BOOT, watched).or_tell();
    guest.wait_for("confirmation", BOOT, says(&[CONFIRMED, "set=B"])).or_tell();
    guest.power_off(SOON).or_tell();
    let bits = story.bits(Set::B);
    assert!(bits.successful() && bits.tries() == 0 && bits.failures() == 0, "{bits:?}");
    // The set that stands behind it is as it was.
    assert!(story.bits(Set::A).stands());
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn trial_that_is_never_healthy_yields_at_the_deadline() {
    let story = TwoSets::begin("trial_that_is_never_healthy_yields_at_the_deadline");
    // Its containerd does nothing but wait, and that is borne for a shorter time than usual.
    change_root(&story, Set::B, "never_healthy", |root| {
        std::fs::write(root.join("usr/bin/containerd"), Program::Hangs.elf())?;
        replace(&root.join(UNITS), r#""--deadline-s","300""#, r#""--deadline-s","20""#)
    });
    story.try_first(Set::B, 1);
    let mut guest = story.machine().reboots().start().or_tell();
    guest.wait_for("trial of set B", BOOT, starting(Set::B)).or_tell();
    let given_up = says(&["health: set not healthy in time, restarting", "set=B"]);
    let given_up = guest.wait_for("end of patience", BOOT, given_up).or_tell();
    // In order, not by a fault.
    guest.wait_after(&given_up, "an orderly restart", BOOT, says(&["init: rebooting"])).or_tell();
    guest.wait_after(&given_up, "set A", BOOT, starting(Set::A)).or_tell();
    guest.kill();
    assert!(!story.bits(Set::B).can_boot());
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn first_process_killed_by_a_bug_on_trial_ends_in_the_other_set() {
    let story = TwoSets::begin("first_process_killed_by_a_bug_on_trial_ends_in_the_other_set");
    // Nobody confirms it before the bug strikes.
    change_root(&story, Set::B, "never_confirmed", |root| {
        replace(&root.join(UNITS), r#""/usr/bin/health","confirm""#, r#""/usr/bin/health","--version""#)
    });
    story.try_first(Set::B, 1);
    let mut guest = story.machine().orders().reboots().start().or_tell();
    guest.wait_for("trial of set B", BOOT, starting(Set::B)).or_tell();
    let struck = guest.send("crash init", BOOT).or_tell();
    let fault = says(&["Kernel panic", "Attempted to kill init"]);
    guest.wait_after(&struck, "end of the first process", SOON, fault).or_tell();
    guest.wait_after(&struck, "set A", BOOT, starting(Set::A)).or_tell();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn first_process_that_hangs_on_trial_is_ended_by_the_watchdog_and_the_other_set_boots() {
    let story =
        TwoSets::begin("first_process_that_hangs_on_trial_is_ended_by_the_watchdog_and_the_other_set_boots");
    // Nobody confirms it before the bug strikes.
    change_root(&story, Set::B, "never_confirmed", |root| {
        replace(&root.join(UNITS), r#""/usr/bin/health","confirm""#, r#""/usr/bin/health","--version""#)
    });
    story.try_first(Set::B, 1);
    let mut guest = story.machine().orders().reboots().start().or_tell();
    guest.wait_for("trial of set B", BOOT, starting(Set::B)).or_tell();
    let struck = guest.send("hang init", BOOT).or_tell();
    let again = guest.wait_after(&struck, "set A", BOOT, starting(Set::A)).or_tell();
    // Nothing but the hardware did it: nobody asked for a restart, and the kernel did not panic.
    let said = |what: &str| {
        let between = |line: &vm::Line| line.number > struck.number && line.number < again.number;
        guest.console().lines().iter().filter(|line| between(line)).any(|line| line.text.contains(what))
    };
    assert!(!said("init: rebooting") && !said("Kernel panic"));
}

/// Gives a set the image's root with some files changed, and a UKI for it.
fn change_root(story: &TwoSets, set: Set, name: &str, edit: impl FnOnce(&Path) -> std::io::Result<()>) {
    let root = Root::changed(&story.lab, name, edit).or_tell();
    story.disk.put_root(set, &root).or_tell();
    story.put_signed(set, &story.uki().with_root(&root));
}

/// Replaces one text in a file, which must be there once.
fn replace(file: &Path, from: &str, to: &str) -> std::io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    assert_eq!(text.matches(from).count(), 1, "{from} in {}:\n{text}", file.display());
    std::fs::write(file, text.replace(from, to))
}
