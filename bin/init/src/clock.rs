//! The time since the kernel started: the one clock of the boot timeline, and the one that services use.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of CLOCK_BOOTTIME.
pub fn boottime_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    // The clock starts at zero and cannot be set.
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Microseconds of CLOCK_MONOTONIC, which services tell their reloads by (sd_notify(3)).
pub fn monotonic_usec() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000
}
