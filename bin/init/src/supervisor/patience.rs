//! Waiting, at the machine's end, for work that may hang in the kernel.
//!
//! When it gets nowhere it is left behind (`sys::patience`), and the machine ends anyway. Where no thread is to be had,
//! the work is done in place, with the watchdog alone behind it.

use std::path::Path;
use std::time::Duration;

use supervise::Instant;
use supervise::watchdog::Drain;
use sys::patience::{Unfinished, Work};

use super::watchdog::Guard;

use crate::clock::boottime_ms;

/// How often to look whether anything moved: a working disk writes many pages in this time.
const LOOK: Duration = Duration::from_secs(1);
const MEMINFO_MAX_BYTES: usize = 64 << 10;

/// Does the work, and feeds the watchdog while less and less is left to write. None when nothing moves for too long.
pub fn finishes<T: Send + 'static>(work: fn() -> T, watchdog: &mut Guard) -> Option<T> {
    let Ok(under_way) = Work::start(work) else { return Some(work()) };
    let mut drain = Drain::new(unwritten_kib(), now());
    loop {
        match under_way.wait(LOOK) {
            Ok(outcome) => {
                watchdog.feed();
                return Some(outcome);
            }
            Err(Unfinished::Lost) => return None,
            Err(Unfinished::Running) => {}
        }
        if drain.progressed(unwritten_kib(), now()) {
            watchdog.feed();
        } else if drain.is_still(now()) {
            return None;
        }
    }
}

/// Does the work and waits so long for it, no longer. Says whether it was done.
pub fn within(longest: Duration, work: fn()) -> bool {
    match Work::start(work) {
        Ok(under_way) => under_way.wait(longest).is_ok(),
        Err(_) => {
            work();
            true
        }
    }
}

/// What the kernel has still to write, as it counts it.
fn unwritten_kib() -> u64 {
    let text = files::read_text(Path::new("/proc/meminfo"), MEMINFO_MAX_BYTES).unwrap_or_default();
    unwritten(&text)
}

fn unwritten(meminfo: &str) -> u64 {
    let lines = meminfo.lines().filter_map(|line| line.split_once(':'));
    let waiting = lines.filter(|(name, _)| matches!(*name, "Dirty" | "Writeback"));
    waiting.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

fn now() -> Instant {
    Instant::from_ms(boottime_ms())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_is_left_behind() {
        fn hang() {
            loop {
                std::thread::park();
            }
        }
        assert!(!within(Duration::from_millis(20), hang));
        assert!(within(Duration::from_secs(60), || {}));
    }

    #[test]
    fn dirty_pages_and_those_under_way_are_both_unwritten() {
        let text = "MemTotal:  1000 kB\nDirty:               120 kB\nWriteback:            30 kB\nWritebackTmp:  7 kB\n";
        assert_eq!(unwritten(text), 150);
        assert_eq!(unwritten(""), 0);
    }
}
