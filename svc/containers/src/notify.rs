//! Telling PID 1 how far we are. That it cannot be told stops no container.

use log::warn;
use sys::notify;

pub use sys::notify::{READY, STOPPING};

/// Sends `message` to PID 1, or says that it cannot.
pub fn tell(message: &str) {
    if let Err(err) = notify::tell(message) {
        warn!(message, why:% = err; "PID 1 not told");
    }
}
