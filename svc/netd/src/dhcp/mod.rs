//! A DHCPv4 client (RFC 2131): what it says, what it believes, and when.
//!
//! Everything here is pure. [`message`] is the form on the wire, [`lease`] what a server's terms mean once they are
//! checked, [`machine`] decides, [`frame`] wraps messages for a host that has no address yet. Sockets, clocks and
//! randomness belong to the shell.
//!
//! Two recommendations of the RFC are left out on purpose, for both would keep every boot waiting for a case that
//! hardly occurs: the random delay of 1 to 10 seconds before the first DISCOVER (4.4.1, SHOULD: meant for buildings
//! that regain power), and the ARP probe of an offered address (3.1.5, SHOULD: it takes seconds of silence to mean
//! anything, and servers probe themselves before they offer). Retransmission begins at 1 second instead of 4 (4.1,
//! "SHOULD"): a lost packet at boot is a second, not four.

pub mod frame;
pub mod lease;
pub mod machine;
pub mod message;
pub mod names;
pub mod pace;

/// UDP port of servers.
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients.
pub const CLIENT_PORT: u16 = 68;
