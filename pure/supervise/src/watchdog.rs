//! When the hardware watchdog is fed, and for how long it waits.
//!
//! PID 1's loop feeds it and nobody else does, so that a loop that is stuck starves it; what units do never counts: a
//! broken service is restarted, not a reason to reset the machine. A shell that sleeps no longer than [`wake`] says
//! and feeds when [`Feeding::is_due`] feeds three times in each timeout, whether or not anything else happens, while
//! units run as while they stop. At the end of the host, when PID 1 writes back and unmounts, it can loop no more:
//! then [`Drain`] says whether the machine still gets anywhere.
//!
//! The device is `os/sys`, docs/decisions/0014-watchdog.md says why it is so.

use crate::time::Instant;

/// In the initramfs stage: a disk may take 30 s to appear, and this stage feeds at its steps only.
pub const STAGE1_TIMEOUT_S: u32 = 60;
/// While PID 1 loops. Its longest turn waits until a unit's program is executed, which reads the root: a disk that answers
/// after its driver's time-out (NVMe: 30 s) is slow, not a reason to reset a machine.
pub const RUNNING_TIMEOUT_S: u32 = 60;
/// From the last unit's end to reboot(2): left-over processes (6 s), a step of write-back, unmounting.
pub const LAST_TIMEOUT_S: u32 = 60;
/// How long write-back or unmounting may stand still before the host ends without it. Less than
/// [`LAST_TIMEOUT_S`], so that a host with a dead disk still ends by itself and says why.
pub const STANDSTILL_MS: u64 = 30_000;

/// Feeds in each timeout: one may come late, as long as the next comes in time.
const FEEDS_PER_TIMEOUT: u64 = 3;

/// The watchdog's last meal and its patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feeding {
    interval_ms: u64,
    fed: Instant,
}

impl Feeding {
    /// Of a watchdog that resets the machine `timeout_s` after a feed, and was fed at `now`.
    pub fn new(timeout_s: u32, now: Instant) -> Self {
        let timeout_ms = u64::from(timeout_s).saturating_mul(1000);
        // A division by a constant that is not zero.
        Self { interval_ms: timeout_ms.checked_div(FEEDS_PER_TIMEOUT).unwrap_or(0).max(1), fed: now }
    }

    /// Whether it must be fed now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due() <= now
    }

    /// It was fed.
    pub fn fed(&mut self, now: Instant) {
        self.fed = now;
    }

    /// When it must be fed next.
    pub fn due(&self) -> Instant {
        self.fed.after_ms(self.interval_ms)
    }
}

/// When the shell must be awake again: for the machine ([`crate::Action::WakeAt`]) or for the watchdog.
pub fn wake(machine: Option<Instant>, feeding: Option<&Feeding>) -> Option<Instant> {
    machine.into_iter().chain(feeding.map(Feeding::due)).min()
}

/// Whether writing back gets anywhere, judged by how much is left.
///
/// A large host may have more to write than fits any timeout, so progress is what counts: falling below every amount
/// seen before. A disk that takes nothing makes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    least: u64,
    since: Instant,
}

impl Drain {
    /// Begins at `now` with this much left.
    pub fn new(left: u64, now: Instant) -> Self {
        Self { least: left, since: now }
    }

    /// Takes a look: whether less is left than ever, so that the watchdog may be fed.
    pub fn progressed(&mut self, left: u64, now: Instant) -> bool {
        let fell = left < self.least;
        if fell {
            *self = Self::new(left, now);
        }
        fell
    }

    /// Whether nothing has moved for so long that waiting makes no sense.
    pub fn is_still(&self, now: Instant) -> bool {
        now.since_ms(self.since) >= STANDSTILL_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Instant {
        Instant::from_ms(ms)
    }

    #[test]
    fn it_is_due_a_third_of_the_timeout_after_each_feed() {
        let mut feeding = Feeding::new(30, at(5_000));
        assert!(!feeding.is_due(at(14_999)));
        assert!(feeding.is_due(at(15_000)));
        feeding.fed(at(17_000));
        assert_eq!(feeding.due(), at(27_000));
        assert!(!feeding.is_due(at(26_999)) && feeding.is_due(at(40_000)));
    }

    #[test]
    fn a_timeout_of_nothing_is_fed_all_the_time_and_does_not_spin() {
        let feeding = Feeding::new(0, at(7));
        assert_eq!(feeding.due(), at(8));
        assert_eq!(Feeding::new(u32::MAX, at(u64::MAX)).due(), at(u64::MAX));
    }

    #[test]
    fn the_shell_wakes_for_whichever_comes_first() {
        let feeding = Feeding::new(30, at(0));
        assert_eq!(wake(Some(at(3)), Some(&feeding)), Some(at(3)));
        assert_eq!(wake(Some(at(30_000)), Some(&feeding)), Some(at(10_000)));
        assert_eq!(wake(None, Some(&feeding)), Some(at(10_000)));
        assert_eq!(wake(Some(at(3)), None), Some(at(3)));
        assert_eq!(wake(None, None), None);
    }

    #[test]
    fn a_slow_disk_makes_progress_and_a_dead_one_does_not() {
        let mut drain = Drain::new(100, at(0));
        assert!(drain.progressed(99, at(20_000)));
        assert!(!drain.is_still(at(49_999)));
        // More than before, then no less than the least: dirty pages that come and go are no progress.
        assert!(!drain.progressed(150, at(30_000)));
        assert!(!drain.progressed(99, at(49_000)));
        assert!(drain.is_still(at(50_000)));
        assert!(drain.progressed(0, at(51_000)));
        assert!(!drain.is_still(at(52_000)));
    }

    #[test]
    fn a_standstill_ends_by_itself_before_the_watchdog_does_it() {
        assert!(STANDSTILL_MS < u64::from(LAST_TIMEOUT_S) * 1000);
    }
}
