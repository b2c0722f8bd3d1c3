//! The hardware watchdog in PID 1's hands: taken over from the initramfs stage or found later, fed from the loop alone.
//!
//! When it is due is `supervise::watchdog`'s rule, the device is `sys::watchdog`; here is what is logged, and what happens
//! when the device refuses. A watchdog that cannot be fed resets the machine: there is nothing to do about it but to say so.

use supervise::Instant;
use supervise::watchdog::{Feeding, LAST_TIMEOUT_S, RUNNING_TIMEOUT_S};
use sys::watchdog::Watchdog;

use super::journal::Journal;

use crate::clock::boottime_ms;

/// Names the descriptor that the initramfs stage left open.
pub const HANDED: &str = "GANTRY_WATCHDOG_FD";

/// The watchdog, or the wait for one.
#[derive(Debug)]
pub struct Guard {
    journal: Journal,
    held: Option<Held>,
    /// What went wrong was said; it will go wrong again at each turn.
    said: bool,
}

#[derive(Debug)]
struct Held {
    device: Watchdog,
    feeding: Feeding,
}

/// The watchdog that the initramfs stage armed. Call it before anything opens files: its number is taken on trust.
pub fn handed() -> Option<Watchdog> {
    let number = std::env::var(HANDED).ok()?.parse().ok()?;
    Watchdog::of(sys::handed::take(number).ok()?).ok()
}

impl Guard {
    /// Goes on with the one handed over, or looks for one.
    pub fn new(handed: Option<Watchdog>, journal: Journal) -> Self {
        let mut guard = Self { journal, held: None, said: false };
        match handed {
            Some(device) => guard.arm(device, "stage1"),
            None => guard.look(),
        }
        guard
    }

    /// Arms the machine's watchdog if it has come meanwhile: its driver may be among those that a unit loads.
    pub fn look(&mut self) {
        if self.held.is_some() {
            return;
        }
        match Watchdog::open() {
            Ok(Some(device)) => self.arm(device, "init"),
            Ok(None) => {}
            Err(err) => self.complain(&format_args!("watchdog cannot be armed why=\"{err}\"")),
        }
    }

    /// Says so if there is none: every driver that could bring one has been loaded.
    pub fn note_absence(&self) {
        if self.held.is_none() {
            self.journal.note(&"no hardware watchdog: a machine that hangs stays so");
        }
    }

    /// Its rule; none without one.
    pub fn feeding(&self) -> Option<&Feeding> {
        self.held.as_ref().map(|held| &held.feeding)
    }

    /// Feeds it when that is due. For the loop.
    pub fn feed_if_due(&mut self) {
        if self.feeding().is_some_and(|feeding| feeding.is_due(now())) {
            self.feed();
        }
    }

    /// Feeds it. For the end of the host, which has no loop.
    pub fn feed(&mut self) {
        let Some(held) = &mut self.held else { return };
        held.feeding.fed(now());
        if let Err(err) = held.device.feed() {
            self.complain(&format_args!("watchdog cannot be fed why=\"{err}\""));
        }
    }

    /// Gives the end of the host its time, and feeds it.
    pub fn begin_the_end(&mut self) {
        self.set_timeout(LAST_TIMEOUT_S);
        self.feed();
    }

    /// Stops it: the machine goes off and must stay off.
    pub fn stop(&mut self) {
        if let Some(Err(err)) = self.held.take().map(|held| held.device.stop()) {
            self.complain(&format_args!("watchdog cannot be stopped why=\"{err}\""));
        }
    }

    fn arm(&mut self, device: Watchdog, by: &str) {
        self.held = Some(Held { feeding: Feeding::new(RUNNING_TIMEOUT_S, now()), device });
        self.set_timeout(RUNNING_TIMEOUT_S);
        self.feed();
        let Some(Held { device, .. }) = &self.held else { return };
        let name = device.identity().unwrap_or_default();
        let (timeout_s, fired) = (device.timeout_s().unwrap_or(0), device.has_fired());
        self.journal.note(&format_args!(
            "watchdog armed device={name:?} timeout_s={timeout_s} by={by} caused_last_restart={fired}"
        ));
    }

    /// Wishes for a timeout and keeps to what the hardware makes of it, which may be less.
    fn set_timeout(&mut self, seconds: u32) {
        let Some(held) = &mut self.held else { return };
        match held.device.set_timeout_s(seconds).or_else(|_| held.device.timeout_s()) {
            Ok(seconds) => held.feeding = Feeding::new(seconds, now()),
            Err(err) => self.complain(&format_args!("watchdog does not say its timeout why=\"{err}\"")),
        }
    }

    fn complain(&mut self, text: &dyn std::fmt::Display) {
        if !std::mem::replace(&mut self.said, true) {
            self.journal.error(text);
        }
    }
}

fn now() -> Instant {
    Instant::from_ms(boottime_ms())
}
