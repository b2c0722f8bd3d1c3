//! PID 1 as a process: in namespaces of its own, with real cgroups, signals and mounts, on a root made of the build host's
//! folders. Needs root; without it the tests say so and pass.
//!
//! /proc/sys and /sys are read-only in there: the supervisor's knobs are the machine's, and the machine is not the test's.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Generous: the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(60);

/// Makes a cgroup for the guest alone and, in it, the root's mounts; runs PID 1 there; leaves nothing behind.
const STAGE: &str = r#"
set -e
export root=$1 init=$2
mount -t cgroup2 cgroup2 "$root/mnt"
home=$root/mnt$(sed -n 's/^0:://p' /proc/self/cgroup)
own=$home/init-test-$$
mkdir "$own"
echo $$ > "$own/cgroup.procs"
unshare --cgroup --mount sh -ec '
  mount --bind "$root" "$root"
  for folder in bin lib lib64; do mount --rbind -o ro /usr/$folder "$root/usr/$folder"; done
  mount --bind "$init" "$root/usr/sbin/init"
  mount --bind /sys "$root/sys"
  mount -o remount,bind,ro "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs tmpfs "$root/dev"
  mknod "$root/dev/null" c 1 3
  touch "$root/dev/kmsg"
  mount --bind "$root/kmsg" "$root/dev/kmsg"
  mount -t tmpfs tmpfs "$root/var"
  exec unshare --mount --pid --fork sh -ec "
    mount -t proc proc $root/proc
    mount --bind $root/proc/sys $root/proc/sys
    mount -o remount,bind,ro $root/proc/sys
    exec chroot $root /usr/sbin/init"
' || echo $? > "$root/status"
echo $$ > "$home/cgroup.procs"
find "$own" -depth -type d -exec rmdir {} +
"#;

/// How a PID namespace's first process ends when it asks for a restart or a power-off: SIGHUP, SIGINT (reboot(2)).
const RESTARTED: i32 = 128 + 1;
const POWERED_OFF: i32 = 128 + 2;

struct Guest {
    root: PathBuf,
    stage: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Guest {
    /// Boots these units, or a host without a unit set when there are none. None when this user cannot make namespaces.
    fn boot(name: &str, units: &[(&str, &str)]) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED {name}: needs root");
            return None;
        }
        let root = std::env::temp_dir().join(format!("init-{name}-{}", std::process::id()));
        for folder in ["dev", "proc", "sys", "run", "tmp", "var", "etc", "root", "mnt"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for folder in ["bin", "sbin", "lib", "lib64", "share/factory/etc", "share/gantry"] {
            fs::create_dir_all(root.join("usr").join(folder)).unwrap();
        }
        for folder in ["bin", "sbin", "lib", "lib64"] {
            std::os::unix::fs::symlink(format!("usr/{folder}"), root.join(folder)).unwrap();
        }
        fs::write(root.join("usr/sbin/init"), "").unwrap();
        if !units.is_empty() {
            let set = supervise::compile(units).unwrap_or_else(|problems| panic!("{problems:#?}"));
            fs::write(root.join("usr/share/gantry/units.json"), set.to_json()).unwrap();
        }
        let kmsg = root.join("kmsg");
        assert!(Command::new("mkfifo").arg(&kmsg).status().unwrap().success());
        // Open for both: neither end then waits for the other, and the reader sees no early end.
        let log = OpenOptions::new().read(true).write(true).open(&kmsg).unwrap();
        let (send, lines) = channel();
        std::thread::spawn(move || listen(log, &send));
        let stage = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", STAGE, "stage"])
            .args([&root, Path::new(env!("CARGO_BIN_EXE_init"))])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { root, stage, lines, seen: Vec::new() })
    }

    /// Waits for a line that holds this text.
    fn expect(&mut self, text: &str) {
        let until = Instant::now() + DEADLINE;
        while !self.seen.iter().any(|line| line.contains(text)) {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no line {text:?} in {:#?}", self.seen),
            }
        }
    }

    fn position(&self, text: &str) -> usize {
        let found = self.seen.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("no line {text:?} in {:#?}", self.seen))
    }

    /// Its PID 1: below `unshare --fork`, below the stage's shell.
    fn pid(&self) -> Option<u32> {
        let child = |pid: u32| -> Option<u32> {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        };
        child(child(self.stage.id())?)
    }

    fn waits_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !holds(self) {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How much of its PID 1 cannot leave memory.
    fn locked_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Where its PID 1 goes on after the system call it sleeps in (proc(5): number, arguments, stack, instruction).
    fn sleeps_at(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/syscall", self.pid()?)).ok()?;
        let words: Vec<&str> = text.split_whitespace().collect();
        u64::from_str_radix(words.get(8)?.strip_prefix("0x")?, 16).ok()
    }

    fn signal(&self, number: i32) {
        let pid = self.pid().expect("the guest runs").to_string();
        assert!(Command::new("kill").args([format!("-{number}"), pid]).status().unwrap().success());
    }

    /// Waits for its end, and says what a shell would: 128 and the signal that ended its PID 1.
    fn ends(&mut self) -> i32 {
        assert!(self.stage.wait().unwrap().success(), "{:#?}", self.seen);
        let status = fs::read_to_string(self.root.join("status")).unwrap();
        fs::remove_dir_all(&self.root).unwrap();
        status.trim().parse().unwrap()
    }
}

/// Passes on `<LEVEL>line` records. One write is one record, and a pipe keeps small writes whole.
fn listen(mut log: File, send: &Sender<String>) {
    let mut buffer = [0; 1 << 16];
    while let Ok(length) = log.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        for (_, line) in text.split('<').filter_map(|record| record.split_once('>')) {
            if send.send(line.to_owned()).is_err() {
                return;
            }
        }
    }
}

impl Drop for Guest {
    /// After a failed test; its PID namespace goes with its first process.
    fn drop(&mut self) {
        if let Some(pid) = self.pid().filter(|_| std::thread::panicking()) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

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
