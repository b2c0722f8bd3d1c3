//! What holds for whatever the network answers.

use netd::fuzz::{packet, reply};

/// Panics if it does not hold for `bytes`, as a DHCP message and as an IP packet that may carry one.
pub fn holds(bytes: &[u8]) {
    reply(bytes);
    packet(bytes);
}
