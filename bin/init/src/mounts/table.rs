//! Which file systems are mounted where, and why.

use sys::mount::Flags;

/// One line of the table.
pub struct Mount {
    pub fs: &'static str,
    pub target: &'static str,
    pub flags: Flags,
    pub options: &'static str,
    pub need: Need,
}

/// Whether a machine without it can go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No boot without it. Its folder is made when it is missing.
    Always,
    /// Only where the kernel offers the folder for it, and then as well as it goes.
    WhereOffered,
}

/// Data only: neither setuid files nor device nodes nor programs.
const DATA: Flags = Flags::NOSUID.union(Flags::NODEV).union(Flags::NOEXEC);

/// What both stages need, in order. `/dev` alone may hold devices.
pub const BASE: &[Mount] = &[
    Mount { fs: "proc", target: "/proc", flags: DATA, options: "", need: Need::Always },
    Mount { fs: "sysfs", target: "/sys", flags: DATA, options: "", need: Need::Always },
    Mount {
        fs: "devtmpfs",
        target: "/dev",
        flags: Flags::NOSUID.union(Flags::NOEXEC),
        options: "mode=0755",
        need: Need::Always,
    },
    // Sockets and state of this boot. A container that fills it (containerd keeps small files per task here) must
    // not take all memory.
    Mount { fs: "tmpfs", target: "/run", flags: DATA, options: "mode=0755,size=20%", need: Need::Always },
];

/// What the running host needs beyond that, in order.
pub const HOST: &[Mount] = &[
    // Terminals of containers; gid 5 is `tty` in the image's group file.
    Mount {
        fs: "devpts",
        target: "/dev/pts",
        flags: Flags::NOSUID.union(Flags::NOEXEC),
        options: "gid=5,mode=0620,ptmxmode=0666",
        need: Need::Always,
    },
    // POSIX shared memory of host programs and of containers that share the host's.
    Mount { fs: "tmpfs", target: "/dev/shm", flags: DATA, options: "mode=1777", need: Need::Always },
    Mount { fs: "tmpfs", target: "/tmp", flags: DATA, options: "mode=1777,size=20%", need: Need::Always },
    // The image's root is read-only; configuration is rendered anew at each boot.
    Mount { fs: "tmpfs", target: "/etc", flags: DATA, options: "mode=0755,size=16m", need: Need::Always },
    // nsdelegate: a container's cgroup namespace is a boundary it cannot reach over. memory_recursiveprot: memory
    // protected for a unit protects its children too.
    Mount {
        fs: "cgroup2",
        target: "/sys/fs/cgroup",
        flags: DATA,
        options: "nsdelegate,memory_recursiveprot",
        need: Need::Always,
    },
    // containerd asks it whether AppArmor is on; landlock and lockdown show their state here.
    Mount {
        fs: "securityfs",
        target: "/sys/kernel/security",
        flags: DATA,
        options: "",
        need: Need::WhereOffered,
    },
];

#[cfg(test)]
mod tests {
    use super::{BASE, HOST};
    use sys::mount::Flags;

    #[test]
    fn nothing_is_mounted_with_setuid_or_executable_files() {
        for mount in BASE.iter().chain(HOST) {
            assert!(mount.flags.contains(Flags::NOSUID | Flags::NOEXEC), "{}", mount.target);
        }
    }

    #[test]
    fn a_mount_comes_after_the_one_it_lies_in() {
        let order: Vec<_> = BASE.iter().chain(HOST).map(|mount| mount.target).collect();
        for (index, inner) in order.iter().enumerate() {
            for outer in &order[index + 1..] {
                assert!(!inner.starts_with(&format!("{outer}/")), "{inner} before {outer}");
            }
        }
    }
}
