//! What the boot manager and the running system agree on about the firmware's variables (docs/formats/boot-variables.md).

use partition::{Guid, guid};

/// Vendor GUID of all our variables.
pub const VENDOR: Guid = guid!("c878411f-d3c6-414c-bd11-c3ee83f75721");
/// The longest `BootTrace`. Firmware keeps volatile variables in a store of 64 KiB or more; a run's trace is below 2 KiB.
pub const TRACE_MAX_BYTES: usize = 4096;
