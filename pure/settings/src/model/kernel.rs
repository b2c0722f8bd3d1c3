//! `settings.kernel`.

use alloc::collections::BTreeMap;

use crate::read::group;
use crate::scalar::{SingleLine, SysctlKey};

group! {
    /// The kernel's run-time parameters.
    pub struct Kernel {
        /// Values to write below `/proc/sys`, by key. A key with dots is quoted: `"vm.swappiness" = "10"`.
        pub sysctl: BTreeMap<SysctlKey, SingleLine> = "sysctl",
    }
}
