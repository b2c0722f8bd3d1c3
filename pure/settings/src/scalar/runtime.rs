//! What container runtimes are told about processes: capabilities and limits.

use alloc::format;
use alloc::string::String;

use super::quantity::scaled;
use super::{Invalid, Scalar, choice};
use crate::read::{Reader, Setting};
use crate::shape::{Facts, Kind, Shape};
use crate::tree::{Item, Node};
use crate::value::Value;

/// A number of bytes, as a Kubernetes quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl Scalar for ByteSize {
    const WANTED: &'static str = "a number of bytes like 8Mi";
    const NUMBERS: bool = true;

    fn parse(text: &str) -> Result<Self, Invalid> {
        scaled(text, 0).map(ByteSize).ok_or(Invalid::new("not a number of bytes like 8Mi, 1Gi or 300M"))
    }

    fn text(&self) -> String {
        let units = [("Gi", 30), ("Mi", 20), ("Ki", 10)];
        let whole = units.iter().find(|(_, bits)| self.0 != 0 && self.0.trailing_zeros() >= *bits);
        whole.map_or_else(|| format!("{}", self.0), |(unit, bits)| format!("{}{unit}", self.0 >> bits))
    }
}

choice! {
    /// One of the rights that root is made of (capabilities.7).
    pub enum Capability {
        /// CAP_AUDIT_CONTROL.
        AuditControl = "audit-control",
        /// CAP_AUDIT_READ.
        AuditRead = "audit-read",
        /// CAP_AUDIT_WRITE.
        AuditWrite = "audit-write",
        /// CAP_BLOCK_SUSPEND.
        BlockSuspend = "block-suspend",
        /// CAP_BPF.
        Bpf = "bpf",
        /// CAP_CHECKPOINT_RESTORE.
        CheckpointRestore = "checkpoint-restore",
        /// CAP_CHOWN.
        Chown = "chown",
        /// CAP_DAC_OVERRIDE.
        DacOverride = "dac-override",
        /// CAP_DAC_READ_SEARCH.
        DacReadSearch = "dac-read-search",
        /// CAP_FOWNER.
        Fowner = "fowner",
        /// CAP_FSETID.
        Fsetid = "fsetid",
        /// CAP_IPC_LOCK.
        IpcLock = "ipc-lock",
        /// CAP_IPC_OWNER.
        IpcOwner = "ipc-owner",
        /// CAP_KILL.
        Kill = "kill",
        /// CAP_LEASE.
        Lease = "lease",
        /// CAP_LINUX_IMMUTABLE.
        LinuxImmutable = "linux-immutable",
        /// CAP_MAC_ADMIN.
        MacAdmin = "mac-admin",
        /// CAP_MAC_OVERRIDE.
        MacOverride = "mac-override",
        /// CAP_MKNOD.
        Mknod = "mknod",
        /// CAP_NET_ADMIN.
        NetAdmin = "net-admin",
        /// CAP_NET_BIND_SERVICE.
        NetBindService = "net-bind-service",
        /// CAP_NET_BROADCAST.
        NetBroadcast = "net-broadcast",
        /// CAP_NET_RAW.
        NetRaw = "net-raw",
        /// CAP_PERFMON.
        Perfmon = "perfmon",
        /// CAP_SETFCAP.
        Setfcap = "setfcap",
        /// CAP_SETGID.
        Setgid = "setgid",
        /// CAP_SETPCAP.
        Setpcap = "setpcap",
        /// CAP_SETUID.
        Setuid = "setuid",
        /// CAP_SYS_ADMIN.
        SysAdmin = "sys-admin",
        /// CAP_SYS_BOOT.
        SysBoot = "sys-boot",
        /// CAP_SYS_CHROOT.
        SysChroot = "sys-chroot",
        /// CAP_SYS_MODULE.
        SysModule = "sys-module",
        /// CAP_SYS_NICE.
        SysNice = "sys-nice",
        /// CAP_SYS_PACCT.
        SysPacct = "sys-pacct",
        /// CAP_SYS_PTRACE.
        SysPtrace = "sys-ptrace",
        /// CAP_SYS_RAWIO.
        SysRawio = "sys-rawio",
        /// CAP_SYS_RESOURCE.
        SysResource = "sys-resource",
        /// CAP_SYS_TIME.
        SysTime = "sys-time",
        /// CAP_SYS_TTY_CONFIG.
        SysTtyConfig = "sys-tty-config",
        /// CAP_SYSLOG.
        Syslog = "syslog",
        /// CAP_WAKE_ALARM.
        WakeAlarm = "wake-alarm",
    }
}

impl Capability {
    /// The kernel's name (`CAP_CHOWN`), as the OCI runtime specification wants it.
    pub fn kernel_name(self) -> String {
        format!("CAP_{}", self.as_str().to_ascii_uppercase().replace('-', "_"))
    }
}

choice! {
    /// What a limit is on (getrlimit.2).
    pub enum ResourceKind {
        /// RLIMIT_AS.
        AddressSpace = "max-address-space",
        /// RLIMIT_CORE.
        CoreFileSize = "max-core-file-size",
        /// RLIMIT_CPU.
        CpuTime = "max-cpu-time",
        /// RLIMIT_DATA.
        DataSize = "max-data-size",
        /// RLIMIT_LOCKS.
        FileLocks = "max-file-locks",
        /// RLIMIT_FSIZE.
        FileSize = "max-file-size",
        /// RLIMIT_MEMLOCK.
        LockedMemory = "max-locked-memory",
        /// RLIMIT_MSGQUEUE.
        MsgqueueSize = "max-msgqueue-size",
        /// RLIMIT_NICE.
        NicePriority = "max-nice-priority",
        /// RLIMIT_NOFILE.
        OpenFiles = "max-open-files",
        /// RLIMIT_SIGPENDING.
        PendingSignals = "max-pending-signals",
        /// RLIMIT_NPROC.
        Processes = "max-processes",
        /// RLIMIT_RTPRIO.
        RealtimePriority = "max-realtime-priority",
        /// RLIMIT_RTTIME.
        RealtimeTimeout = "max-realtime-timeout",
        /// RLIMIT_RSS.
        ResidentSet = "max-resident-set",
        /// RLIMIT_STACK.
        StackSize = "max-stack-size",
    }
}

impl ResourceKind {
    /// The kernel's name, as the OCI runtime specification wants it.
    pub fn kernel_name(self) -> &'static str {
        match self {
            ResourceKind::AddressSpace => "RLIMIT_AS",
            ResourceKind::CoreFileSize => "RLIMIT_CORE",
            ResourceKind::CpuTime => "RLIMIT_CPU",
            ResourceKind::DataSize => "RLIMIT_DATA",
            ResourceKind::FileLocks => "RLIMIT_LOCKS",
            ResourceKind::FileSize => "RLIMIT_FSIZE",
            ResourceKind::LockedMemory => "RLIMIT_MEMLOCK",
            ResourceKind::MsgqueueSize => "RLIMIT_MSGQUEUE",
            ResourceKind::NicePriority => "RLIMIT_NICE",
            ResourceKind::OpenFiles => "RLIMIT_NOFILE",
            ResourceKind::PendingSignals => "RLIMIT_SIGPENDING",
            ResourceKind::Processes => "RLIMIT_NPROC",
            ResourceKind::RealtimePriority => "RLIMIT_RTPRIO",
            ResourceKind::RealtimeTimeout => "RLIMIT_RTTIME",
            ResourceKind::ResidentSet => "RLIMIT_RSS",
            ResourceKind::StackSize => "RLIMIT_STACK",
        }
    }
}

/// How much of something: a whole number from 0, or no bound (`-1` or `"unlimited"`). In rising order, no bound last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceLimit {
    /// So much.
    AtMost(i64),
    /// Any amount.
    Unlimited,
}

const LIMIT: &str = "a whole number from 0, or -1 or `unlimited` for no bound";

impl Setting for ResourceLimit {
    fn shape() -> Shape {
        let number =
            Facts::new(Kind::Integer, "a whole number from 0, or -1 for no bound").between(-1, i64::MAX);
        Shape::OneOf(
            [Shape::Scalar(number), Shape::Scalar(Facts::text("`unlimited`").one_of(&["unlimited"]))].into(),
        )
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        match &node.item {
            Item::Integer(-1) => Some(ResourceLimit::Unlimited),
            Item::Text(text) if text == "unlimited" => Some(ResourceLimit::Unlimited),
            Item::Integer(number @ 0..) => Some(ResourceLimit::AtMost(*number)),
            Item::Integer(_) => {
                at.problem(node, format!("not {LIMIT}"));
                None
            }
            _ => {
                at.wanted(node, LIMIT);
                None
            }
        }
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Integer(match self {
            ResourceLimit::AtMost(number) => *number,
            ResourceLimit::Unlimited => -1,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;
    use crate::tree::Layer;

    #[test]
    fn sizes() {
        accepts::<ByteSize>(
            &["0", "1", "8Mi", "1.5Gi", "300M", "1e6"],
            &["", "-1", "8MB", "8 Mi", "16Ei", "x"],
        );
        for (text, want) in [
            ("8Mi", "8Mi"),
            ("8192Ki", "8Mi"),
            ("0", "0"),
            ("1000", "1000"),
            ("4096Gi", "4096Gi"),
            ("1536Mi", "1536Mi"),
        ] {
            assert_eq!(ByteSize::parse(text).unwrap().text(), want);
        }
    }

    #[test]
    fn capabilities() {
        accepts::<Capability>(&["chown", "sys-tty-config"], &["", "CAP_CHOWN", "Chown", "net_raw", "all"]);
        assert_eq!(Capability::NetBindService.kernel_name(), "CAP_NET_BIND_SERVICE");
        accepts::<ResourceKind>(&["max-open-files", "max-address-space"], &["", "nofile", "max-open-file"]);
    }

    #[test]
    fn limits() {
        let read = |item| ResourceLimit::read(&Node::new(Layer::Api, item), &mut Reader::default());
        assert_eq!(read(Item::Integer(-1)), Some(ResourceLimit::Unlimited));
        assert_eq!(read(Item::Text("unlimited".into())), Some(ResourceLimit::Unlimited));
        assert_eq!(read(Item::Integer(0)), Some(ResourceLimit::AtMost(0)));
        for bad in [Item::Integer(-2), Item::Text("65536".into()), Item::Float(1.0), Item::Boolean(true)] {
            assert_eq!(read(bad), None);
        }
        assert!(ResourceLimit::AtMost(i64::MAX) < ResourceLimit::Unlimited);
    }
}
