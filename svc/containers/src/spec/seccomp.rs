//! The system calls that a container may make.
//!
//! A list of what is allowed, so that what a new kernel adds is refused until somebody decides. Calls that we
//! know and refuse give EPERM, which programs expect; calls that we do not know give ENOSYS, so that a C
//! library falls back to the older way. Calls of the machine's own architecture only: a 32-bit program is
//! killed.

use super::types::{Seccomp, SyscallArgument, SyscallRule};

const ALLOW: &str = "SCMP_ACT_ALLOW";
const ERRNO: &str = "SCMP_ACT_ERRNO";
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURES: &[&str] = &["SCMP_ARCH_X86_64"];
#[cfg(target_arch = "aarch64")]
const ARCHITECTURES: &[&str] = &["SCMP_ARCH_AARCH64"];

/// Flags of clone(2) that make namespaces: a user namespace opens much of the kernel that is otherwise for
/// root.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// vsock reaches the hypervisor, past the container's network.
const AF_VSOCK: u64 = 40;

/// Execution domains of personality(2): Linux, a 32-bit `uname`, both without random addresses, and asking.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x4_0000, 0x4_0008, 0xffff_ffff];

/// What every container may call.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    // Processes and their identity.
    "arch_prctl", "capget", "capset", "chroot", "execve", "execveat", "exit", "exit_group", "fork",
    "get_robust_list", "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp",
    "getpid", "getppid", "getpriority", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid",
    "gettid", "getuid", "ioprio_get", "ioprio_set", "kill", "landlock_add_rule", "landlock_create_ruleset",
    "landlock_restrict_self", "membarrier", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "prctl",
    "prlimit64", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall",
    "rseq", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
    "sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr",
    "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "set_robust_list", "set_tid_address",
    "setfsgid", "setfsuid", "setgid", "setgroups", "setpgid", "setpriority", "setregid", "setresgid",
    "setresuid", "setreuid", "setrlimit", "setsid", "setuid", "sysinfo", "tgkill", "times", "tkill",
    "umask", "uname", "vfork", "wait4", "waitid",
    // Signals.
    "alarm", "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sigaltstack", "signalfd", "signalfd4",
    // Memory.
    "brk", "madvise", "map_shadow_stack", "memfd_create", "memfd_secret", "mincore", "mlock", "mlock2",
    "mlockall", "mmap", "mprotect", "mremap", "mseal", "msync", "munlock", "munlockall", "munmap",
    "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages",
    // Time.
    "clock_getres", "clock_gettime", "clock_nanosleep", "futimesat", "getitimer", "gettimeofday",
    "nanosleep", "setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
    "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime", "utime", "utimensat",
    "utimes",
    // Waiting and sharing.
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd",
    "eventfd2", "futex", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "inotify_add_watch",
    "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents",
    "io_pgetevents", "io_setup", "io_submit", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
    "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "pipe", "pipe2", "poll", "ppoll",
    "pselect6", "select", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
    // Sockets.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socketpair",
    // Files.
    "access", "cachestat", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat",
    "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr",
    "flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents",
    "getdents64", "getrandom", "getxattr", "getxattrat", "ioctl", "lchown", "lgetxattr", "link", "linkat",
    "listxattr", "listxattrat", "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir",
    "mkdirat", "mknod", "mknodat", "newfstatat", "open", "openat", "openat2", "pread64", "preadv",
    "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv",
    "removexattr", "removexattrat", "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr",
    "setxattrat", "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range",
    "syncfs", "tee", "truncate", "unlink", "unlinkat", "vmsplice", "write", "writev",
];

/// What no container may call, by what it is about.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    // Mounts and roots.
    "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree",
    "pivot_root", "quotactl", "quotactl_fd", "swapoff", "swapon", "sysfs", "umount2", "ustat",
    // Namespaces.
    "setns", "unshare",
    // The kernel itself.
    "_sysctl", "acct", "bpf", "create_module", "delete_module", "finit_module", "get_kernel_syms",
    "init_module", "kexec_file_load", "kexec_load", "lookup_dcookie", "nfsservctl", "perf_event_open",
    "query_module", "reboot", "syslog", "uselib", "vhangup",
    // The host's clock, name and ports.
    "adjtimex", "clock_adjtime", "clock_settime", "ioperm", "iopl", "setdomainname", "sethostname",
    "settimeofday",
    // Keys, which are not kept apart between containers.
    "add_key", "keyctl", "request_key",
    // Files by handle, past the mounts that a container sees.
    "fanotify_init", "fanotify_mark", "name_to_handle_at", "open_by_handle_at",
    // Memory of others, and placing it.
    "get_mempolicy", "kcmp", "mbind", "migrate_pages", "move_pages", "process_madvise", "set_mempolicy",
    "set_mempolicy_home_node", "userfaultfd",
    // Large interfaces with a history of escapes.
    "io_uring_enter", "io_uring_register", "io_uring_setup", "modify_ldt", "vserver",
];

/// The profile of every container.
pub fn profile() -> Seccomp {
    let rule = |names: &[&'static str], action, errno_ret, args| SyscallRule {
        names: names.to_vec(),
        action,
        errno_ret,
        args,
    };
    let argument = |value, value_two, op| vec![SyscallArgument { index: 0, value, value_two, op }];
    let mut syscalls = vec![
        rule(ALLOWED, ALLOW, None, vec![]),
        rule(REFUSED, ERRNO, Some(EPERM), vec![]),
        rule(&["clone"], ALLOW, None, argument(NEW_NAMESPACES, Some(0), "SCMP_CMP_MASKED_EQ")),
        // Its flags lie in memory where a filter cannot look; without it, libraries use clone.
        rule(&["clone3"], ERRNO, Some(ENOSYS), vec![]),
        rule(&["socket"], ALLOW, None, argument(AF_VSOCK, None, "SCMP_CMP_NE")),
    ];
    syscalls.extend(
        PERSONALITIES
            .map(|domain| rule(&["personality"], ALLOW, None, argument(domain, None, "SCMP_CMP_EQ"))),
    );
    Seccomp { default_action: ERRNO, default_errno_ret: ENOSYS, architectures: ARCHITECTURES, syscalls }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_call_is_both_allowed_and_refused_or_listed_twice() {
        let special = ["clone", "clone3", "socket", "personality"];
        let all: Vec<_> = ALLOWED.iter().chain(REFUSED).chain(&special).collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), distinct.len());
    }

    #[test]
    fn calls_that_reach_the_host_are_not_allowed() {
        for call in [
            "mount",
            "unshare",
            "setns",
            "bpf",
            "kexec_load",
            "init_module",
            "keyctl",
            "io_uring_setup",
            "reboot",
        ] {
            assert!(!ALLOWED.contains(&call) && REFUSED.contains(&call), "{call}");
        }
    }
}
