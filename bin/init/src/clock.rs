//! The time since the kernel started, the one clock of the boot timeline.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of CLOCK_BOOTTIME.
pub fn boottime_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    // The clock starts at zero and cannot be set.
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}
