//! PID 1 as a process: in namespaces of its own, with real cgroups, signals and mounts, on a root made of the build host's
//! folders. Needs root; without it the tests say so and pass.
//!
//! /proc/sys and /sys are read-only in there: the supervisor's knobs are the machine's, and the machine is not the test's.
// Each test program uses its own part of it.
#![allow(dead_code)]

use std::fs::{self, File, OpenOptions};
use std::io::Read;
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
pub const RESTARTED: i32 = 128 + 1;
pub const POWERED_OFF: i32 = 128 + 2;

/// A host with these units.
pub struct Guest {
    root: PathBuf,
    stage: Child,
    lines: Receiver<String>,
    /// Its log so far, as far as it was waited for.
    pub seen: Vec<String>,
}

impl Guest {
    /// Boots these units, or a host without a unit set when there are none. None when this user cannot make namespaces.
    pub fn boot(name: &str, units: &[(&str, &str)]) -> Option<Self> {
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
    pub fn expect(&mut self, text: &str) {
        let until = Instant::now() + DEADLINE;
        while !self.seen.iter().any(|line| line.contains(text)) {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no line {text:?} in {:#?}", self.seen),
            }
        }
    }

    pub fn position(&self, text: &str) -> usize {
        let found = self.seen.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("no line {text:?} in {:#?}", self.seen))
    }

    /// Its PID 1: below `unshare --fork`, below the stage's shell.
    pub fn pid(&self) -> Option<u32> {
        let child = |pid: u32| -> Option<u32> {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        };
        child(child(self.stage.id())?)
    }

    /// Where its PID 1 listens, seen from here.
    pub fn control(&self) -> PathBuf {
        self.file("run/gantry/init.sock")
    }

    /// One of its files, seen from here.
    pub fn file(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.pid().expect("the guest runs"))).join(path)
    }

    pub fn waits_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !holds(self) {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How much of its PID 1 cannot leave memory.
    pub fn locked_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Where its PID 1 goes on after the system call it sleeps in (proc(5): number, arguments, stack, instruction).
    pub fn sleeps_at(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/syscall", self.pid()?)).ok()?;
        let words: Vec<&str> = text.split_whitespace().collect();
        u64::from_str_radix(words.get(8)?.strip_prefix("0x")?, 16).ok()
    }

    pub fn signal(&self, number: i32) {
        let pid = self.pid().expect("the guest runs").to_string();
        assert!(Command::new("kill").args([format!("-{number}"), pid]).status().unwrap().success());
    }

    /// Waits for its end, and says what a shell would: 128 and the signal that ended its PID 1.
    pub fn ends(&mut self) -> i32 {
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
