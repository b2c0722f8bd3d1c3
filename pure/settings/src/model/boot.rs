//! `settings.boot`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::read::group;
use crate::scalar::{BootKey, BootValue};

group! {
    /// What the kernel and PID 1 are told at boot.
    pub struct Boot {
        /// Restart when the parameters that the host booted with are not these. Default false.
        pub reboot_to_reconcile: Option<bool> = "reboot-to-reconcile",
        /// Parameters of the kernel, each with its values: `console = ["tty0", "ttyS0"]`. A key with dots is quoted.
        pub kernel_parameters: BTreeMap<BootKey, Vec<BootValue>> = "kernel-parameters",
        /// Parameters of PID 1, each with its values.
        pub init_parameters: BTreeMap<BootKey, Vec<BootValue>> = "init-parameters",
    }
}
