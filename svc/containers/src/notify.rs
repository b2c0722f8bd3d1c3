//! Telling PID 1 how far we are. That it cannot be told stops no container.
//!
//! Holds always: nothing is said of a reload before the service has said that it is ready, which would say that it is.

use std::sync::atomic::{AtomicBool, Ordering};

use log::warn;
use sys::notify;

pub use sys::notify::STOPPING;

static IS_READY: AtomicBool = AtomicBool::new(false);

/// Says that the service does its work, and what else is to be said with it.
pub fn ready(also: &str) {
    // First: PID 1 may ask for a reload as soon as it is told.
    IS_READY.store(true, Ordering::Relaxed);
    tell(&format!("{}\n{also}", notify::READY));
}

/// Says that the service takes its settings again, then has it do so, then says whether it has.
pub fn reload(take: impl FnOnce() -> bool) {
    let is_ready = IS_READY.load(Ordering::Relaxed);
    if is_ready {
        tell(&notify::reloading());
    }
    let taken = take();
    if is_ready {
        tell(if taken { notify::READY } else { notify::NOT_TAKEN });
    }
}

/// Sends `message` to PID 1, or says that it cannot.
pub fn tell(message: &str) {
    if let Err(err) = notify::tell(message) {
        warn!(message, why:% = err; "PID 1 not told");
    }
}
