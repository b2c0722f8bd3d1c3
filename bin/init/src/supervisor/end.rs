//! The end of the host: whatever is left is ended, file systems are taken down clean, the machine goes off or restarts.
//!
//! Holds always: it ends. What may hang in the kernel (write-back and unmounting, on a disk that is dying) runs in a thread
//! of its own; when that gets nowhere, the machine ends without it. The watchdog stands behind all of it: it is fed for
//! progress only.

use std::path::Path;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags};
use supervise::machine::How;
use sys::events::{Interest, Poller};
use sys::kmsg::{Level, Writer};
use sys::signals::{self, Reaped, Signals};

use super::journal::Journal;
use super::patience::{self, finishes};
use super::watchdog::Guard;

use crate::clock::boottime_ms;

/// For processes that no unit holds (containerd's shims, orphans): units had their own time before.
const TERM_MS: u64 = 3_000;
const KILL_MS: u64 = 3_000;
/// Mounts lie on mounts; each pass takes down at least one layer.
const UNMOUNT_PASSES: usize = 16;
const MOUNTINFO_MAX_BYTES: usize = 16 << 20;
/// The kernel's own and memory-backed file systems: nothing in them outlives the machine.
const STAY: [&str; 7] = ["/", "/proc", "/sys", "/dev", "/run", "/tmp", "/etc"];
/// What must outlive the machine whole.
const DURABLE: [&str; 2] = ["/var", "/state"];
/// A panic finds the host as it is; what takes longer to write than this waits for no panic.
const PANIC_FLUSH: Duration = Duration::from_secs(10);

/// Ends everything and the machine. The units are down already.
pub fn end(how: How, mut watchdog: Guard, journal: &Journal) -> ! {
    watchdog.begin_the_end();
    end_processes(journal);
    // Apart, because only the first may take long on a disk that works.
    let flushed = finishes(rustix::fs::sync, &mut watchdog);
    match flushed.and_then(|()| finishes(take_down_mounts, &mut watchdog)) {
        Some(left) => left.report(journal),
        None => journal.error(&"the disks do not answer: ending without what was not written yet"),
    }
    watchdog.feed();
    let err = match how {
        How::PowerOff => {
            journal.note(&"powering off");
            // Some go on counting while the machine is off, and would start it again.
            watchdog.stop();
            sys::power::off()
        }
        How::Reboot => {
            journal.note(&"rebooting");
            sys::power::restart()
        }
    };
    // Only when the kernel refuses to end: PID 1 leaving makes it panic, and panic=-1 restarts it.
    journal.error(&format_args!("the kernel does not end the machine why=\"{err}\""));
    std::process::abort()
}

/// A panic of PID 1 is a bug that nothing can repair at run time: say it, save what can be, start again. Should even that
/// hang, nobody feeds the watchdog any more.
pub fn on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(log) = Writer::open() {
            log.write(
                Level::Emergency,
                "init",
                &format_args!("panic, rebooting why={:?}", panic.to_string()),
            );
        }
        patience::within(PANIC_FLUSH, rustix::fs::sync);
        sys::power::restart();
        std::process::abort()
    }));
}

fn end_processes(journal: &Journal) {
    for (signal, longest_ms) in [(signals::TERM, TERM_MS), (signals::KILL, KILL_MS)] {
        if reap_all() {
            return;
        }
        let _ = signals::send_to_all(signal);
        if all_gone_within(longest_ms) {
            return;
        }
    }
    journal.warn(&"processes are left that cannot be killed");
}

/// True when there are no children left.
fn reap_all() -> bool {
    loop {
        match signals::reap() {
            Reaped::Child(..) => {}
            Reaped::Running => return false,
            Reaped::None => return true,
        }
    }
}

fn all_gone_within(longest_ms: u64) -> bool {
    let deadline_ms = boottime_ms().saturating_add(longest_ms);
    let listener = Signals::take(&[signals::CHLD]).and_then(|ended| Ok((Poller::new()?, ended)));
    let Ok((mut poller, ended)) = listener else { return false };
    if poller.add(&ended, 0, Interest::Read).is_err() {
        return false;
    }
    loop {
        if reap_all() {
            return true;
        }
        let left_ms = deadline_ms.saturating_sub(boottime_ms());
        if left_ms == 0 || poller.wait(Some(left_ms)).is_err() {
            return false;
        }
        while ended.next().is_some() {}
    }
}

/// What could not be unmounted.
struct Left {
    targets: Vec<String>,
    /// Of the targets that must outlive the machine: whether they are at least read-only now.
    durable: Vec<(&'static str, bool)>,
}

impl Left {
    fn report(&self, journal: &Journal) {
        for (target, read_only) in &self.durable {
            let outcome = if *read_only { "read-only" } else { "still-writable" };
            journal.warn(&format_args!(
                "file system is busy path={target} now={outcome} left={:?}",
                self.targets
            ));
        }
        if self.durable.is_empty() && !self.targets.is_empty() {
            journal.debug(&format_args!("mounts are left {:?}", self.targets));
        }
    }
}

fn take_down_mounts() -> Left {
    let mut left = mounts();
    for _ in 0..UNMOUNT_PASSES {
        let before = left.len();
        // The youngest first: it may lie on an older one.
        for target in left.iter().rev() {
            let _ = rustix::mount::unmount(target.as_str(), UnmountFlags::NOFOLLOW);
        }
        left = mounts();
        if left.is_empty() || left.len() == before {
            break;
        }
    }
    let busy = DURABLE.into_iter().filter(|target| left.iter().any(|other| other == target));
    let durable = busy
        .map(|target| (target, rustix::mount::mount_remount(target, MountFlags::RDONLY, c"").is_ok()))
        .collect();
    Left { targets: left, durable }
}

/// The mount points to take down, oldest first.
fn mounts() -> Vec<String> {
    let text = files::read_text(Path::new("/proc/self/mountinfo"), MOUNTINFO_MAX_BYTES).unwrap_or_default();
    mount_points(&text).filter(|target| !stays(target)).collect()
}

fn stays(target: &str) -> bool {
    STAY.contains(&target) || ["/proc/", "/sys/", "/dev/"].iter().any(|folder| target.starts_with(folder))
}

/// The fifth field of each line of proc(5)'s mountinfo, where blanks are octal escapes.
fn mount_points(mountinfo: &str) -> impl Iterator<Item = String> {
    mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape)
}

fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (code, part.get(3..)) {
            (Some(code), Some(rest)) => {
                text.push(char::from(code));
                text.push_str(rest);
            }
            _ => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_outlives_the_machine_is_taken_down() {
        let text = "22 1 254:0 / / ro shared:1 - erofs /dev/dm-0 ro\n\
                    23 22 0:5 / /dev rw - devtmpfs devtmpfs rw\n24 23 0:6 / /dev/pts rw - devpts devpts rw\n\
                    30 22 254:3 / /var rw - ext4 /dev/vda3 rw\n31 22 0:9 / /run/a\\040b rw - overlay overlay rw\n";
        let found: Vec<String> = mount_points(text).filter(|target| !stays(target)).collect();
        assert_eq!(found, ["/var", "/run/a b"]);
    }
}
