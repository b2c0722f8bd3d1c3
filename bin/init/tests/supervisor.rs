//! PID 1 as a process: boots, keeps units up, ends.
#![allow(clippy::unwrap_used)]

mod guest;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use guest::{Guest, POWERED_OFF, RESTARTED};

#[test]
fn a_host_boots_keeps_its_units_up_and_powers_off_in_order() {
    let steady = "kind = \"service\"\nrequires = [\"job\"]\nstop_timeout_ms = 20000\n\
                  exec = [\"/bin/sh\", \"-c\", \"trap 'echo bye > /var/steady; exit 0' TERM; while :; do sleep 0.1; done\"]\n";
    let Some(mut guest) = Guest::boot(
        "orderly",
        &[
            (
                "job",
                "kind = \"oneshot\"\nexec = [\"/bin/sh\", \"-c\", \"grep -q gantry/job /proc/self/cgroup\"]\nmilestone = \"var\"\n",
            ),
            ("steady", steady),
            (
                "flaky",
                "kind = \"service\"\nexec = [\"/bin/false\"]\nbackoff = { initial_ms = 20, max_ms = 20, ceiling = 3 }\n",
            ),
            ("wrong", "kind = \"service\"\nexec = [\"/bin/sh\", \"-c\", \"exit 64\"]\n"),
            ("absent", "kind = \"service\"\nexec = [\"/no/such/program\"]\nrestart = \"never\"\n"),
            (
                "orphans",
                "kind = \"oneshot\"\nkill = \"process\"\nexec = [\"/bin/sh\", \"-c\", \"trap '' TERM; sleep 1000 & exit 0\"]\n",
            ),
            (
                "elsewhere",
                "kind = \"service\"\nexec = [\"/bin/false\"]\ncondition = \"path:/no/such/path\"\n",
            ),
            (
                "default",
                "kind = \"target\"\nwants = [\"steady\", \"flaky\", \"wrong\", \"absent\", \"orphans\", \"elsewhere\"]\nmilestone = \"default\"\n",
            ),
        ],
    ) else {
        return;
    };
    for line in [
        "init: milestone name=pid1 at_ms=",
        "init: milestone name=var at_ms=",
        "init: milestone name=default at_ms=",
        "unit job state=done",
        "unit steady state=ready",
        "unit elsewhere state=skipped",
        "unit wrong state=held why=configuration",
        "unit flaky state=held why=crashing",
        "unit absent cannot start why=\"no process: cannot start the program: step exec failed: No such file",
        "unit absent state=failed why=exit",
        "unit orphans state=done",
    ] {
        guest.expect(line);
    }
    guest.waits_for("it stays in memory", |guest| guest.locked_kib() > 500);
    guest.signal(38);
    guest.expect("init: powering off");
    assert!(guest.position("unit job state=done") < guest.position("unit steady state=ready"));
    assert!(guest.position("unit steady state=stopped") < guest.position("init: powering off"));
    assert!(
        !guest.seen.iter().any(|line| line.contains("unit steady exited status=signal")),
        "it had its time"
    );
    assert_eq!(guest.ends(), POWERED_OFF);
}

#[test]
fn a_host_without_a_unit_set_says_so_and_restarts() {
    let Some(mut guest) = Guest::boot("no-units", &[]) else { return };
    guest.expect("init: cannot begin why=\"cannot read the unit set: ");
    guest.expect("init: rebooting");
    assert_eq!(guest.ends(), RESTARTED);
}

#[test]
fn a_host_that_cannot_keep_a_unit_it_cannot_miss_restarts_in_order() {
    let Some(mut guest) = Guest::boot(
        "vital",
        &[
            (
                "vital",
                "kind = \"service\"\nexec = [\"/bin/false\"]\nfailure_action = \"reboot\"\n\
                 backoff = { initial_ms = 20, max_ms = 20, ceiling = 2 }\n",
            ),
            ("steady", "kind = \"service\"\nexec = [\"/bin/sleep\", \"1000\"]\n"),
            ("default", "kind = \"target\"\nwants = [\"vital\", \"steady\"]\n"),
        ],
    ) else {
        return;
    };
    guest.expect("init: unit vital is down for good, and the host is no good without it: rebooting");
    guest.expect("unit steady state=stopped");
    guest.expect("init: rebooting");
    assert_eq!(guest.ends(), RESTARTED);
}

/// Nothing may catch a fault of PID 1 and go on: its end is the kernel's panic, which restarts the machine.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_fault_in_pid_1_ends_it_at_once() {
    /// `mov rax, [0]`
    const FAULT: [u8; 8] = [0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0];
    let Some(mut guest) = Guest::boot(
        "fault",
        &[
            ("steady", "kind = \"service\"\nexec = [\"/bin/sleep\", \"1000\"]\n"),
            ("default", "kind = \"target\"\nwants = [\"steady\"]\nmilestone = \"default\"\n"),
        ],
    ) else {
        return;
    };
    guest.expect("init: milestone name=default");
    // It sleeps in its loop: the instruction after that system call becomes a fault. Then it is woken.
    guest.waits_for("it sleeps", |guest| guest.sleeps_at().is_some());
    let process = format!("/proc/{}", guest.pid().unwrap());
    let memory = OpenOptions::new().write(true).open(format!("{process}/mem")).unwrap();
    memory.write_all_at(&FAULT, guest.sleeps_at().unwrap()).unwrap();
    guest.signal(17);
    assert_eq!(guest.ends(), 128 + 11);
}
