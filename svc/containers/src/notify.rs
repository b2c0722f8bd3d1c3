//! Telling PID 1 how far we are (sd_notify(3): one datagram of `KEY=value` lines).

use std::os::unix::net::UnixDatagram;

use log::warn;

/// Sends `message` to PID 1. Without PID 1 (a test, a shell) there is nobody to tell.
pub fn tell(message: &str) {
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET")
        && let Err(err) = UnixDatagram::unbound().and_then(|socket| socket.send_to(message.as_bytes(), path))
    {
        warn!(message, why:% = err; "PID 1 not told");
    }
}
