//! What the host sets in the kernel before anything runs, each with its reason. Settings may override later.

use std::borrow::Cow;
use std::fs;
use std::io;

/// A file below /proc/sys or /sys and what to write into it.
pub struct Knob {
    pub path: &'static str,
    value: Value,
}

enum Value {
    Fixed(&'static str),
    /// From the machine's memory, see [`min_free_kib`].
    MinFree,
}

const fn fixed(path: &'static str, value: &'static str) -> Knob {
    Knob { path, value: Value::Fixed(value) }
}

/// In order: huge pages first, as the kernel recomputes its reserve when their mode changes.
const KNOBS: &[Knob] = &[
    // Memory. Huge pages for all makes small programs large; whoever gains from them asks for them.
    fixed("/sys/kernel/mm/transparent_hugepage/enabled", "madvise"),
    // With huge pages on at boot the kernel has set aside 45 MB of a 1 GiB machine, for nobody.
    Knob { path: "/proc/sys/vm/min_free_kbytes", value: Value::MinFree },
    // Room for containers: limits of the whole machine that no container may raise itself.
    // Search engines and JVMs map more regions than the default 65530.
    fixed("/proc/sys/vm/max_map_count", "1048576"),
    // All containers that run as root share these; the default of 128 is gone after a dozen.
    fixed("/proc/sys/fs/inotify/max_user_instances", "8192"),
    // All containers share the numbers; the default for few CPUs is 32768.
    fixed("/proc/sys/kernel/pid_max", "4194304"),
    // A kernel that has lost its way holds locks for ever: restart (`panic=` says how), and let the next set try.
    fixed("/proc/sys/kernel/panic_on_oops", "1"),
    // Hardening that no container notices. Kernel addresses and log are for the host alone.
    fixed("/proc/sys/kernel/kptr_restrict", "2"),
    fixed("/proc/sys/kernel/dmesg_restrict", "1"),
    fixed("/proc/sys/kernel/perf_event_paranoid", "3"),
    fixed("/proc/sys/kernel/unprivileged_bpf_disabled", "1"),
    fixed("/proc/sys/net/core/bpf_jit_harden", "2"),
    // Only a process's ancestors may trace it. 2 would break debuggers inside containers.
    fixed("/proc/sys/kernel/yama/ptrace_scope", "1"),
    fixed("/proc/sys/vm/unprivileged_userfaultfd", "0"),
    // A key press or a byte on the serial line must not reboot or dump the machine.
    fixed("/proc/sys/kernel/sysrq", "0"),
    // Opening a terminal must not load a driver from the last century.
    fixed("/proc/sys/dev/tty/ldisc_autoload", "0"),
    // Planted links, pipes and files in shared folders.
    fixed("/proc/sys/fs/protected_symlinks", "1"),
    fixed("/proc/sys/fs/protected_hardlinks", "1"),
    fixed("/proc/sys/fs/protected_fifos", "2"),
    fixed("/proc/sys/fs/protected_regular", "2"),
    // Memory of a process that changed its user must not land in a core file.
    fixed("/proc/sys/fs/suid_dumpable", "0"),
];

/// Sets them all; returns those the kernel would not take.
pub fn turn_all() -> Vec<(&'static Knob, io::Error)> {
    KNOBS.iter().filter_map(|knob| turn(knob).err().map(|err| (knob, err))).collect()
}

fn turn(knob: &Knob) -> io::Result<()> {
    let value: Cow<'_, str> = match knob.value {
        Value::Fixed(value) => value.into(),
        Value::MinFree => {
            let info = rustix::system::sysinfo();
            min_free_kib(info.totalram.saturating_mul(u64::from(info.mem_unit)) / 1024).to_string().into()
        }
    };
    fs::write(knob.path, value.as_bytes())
}

/// The kernel's own reserve for a machine of this size (mm/page_alloc.c: the root of 16 times its KiB, at most
/// 256 MiB), without what huge pages add, but at least 8 MiB: 4 MiB has let network drivers run dry.
fn min_free_kib(memory_kib: u64) -> u64 {
    (memory_kib.saturating_mul(16)).isqrt().clamp(8 * 1024, 256 * 1024)
}

#[cfg(test)]
mod tests {
    use super::min_free_kib;

    #[test]
    fn the_reserve_grows_with_the_machine() {
        const GIB: u64 = 1024 * 1024;
        assert_eq!(min_free_kib(GIB), 8192);
        assert_eq!(min_free_kib(4 * GIB), 8192);
        assert_eq!(min_free_kib(16 * GIB), 16384);
        assert_eq!(min_free_kib(u64::MAX), 262_144);
    }
}
