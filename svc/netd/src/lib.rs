//! The host's own network: loopback, and an address by DHCP on the first link that has carrier.
//!
//! [`dhcp`] and [`plan`] decide and [`resolv`] words it, all pure; [`apply`] and [`channel`] touch the kernel;
//! [`daemon`] is the loop between them. Holds always: one loop, one thread, nothing that waits but the poll. When the
//! service ends, the address stays: containers outlive it, and the kernel takes the address away when the lease ends.

pub mod apply;
pub mod channel;
pub mod daemon;
pub mod dhcp;
pub mod fuzz;
pub mod plan;
pub mod resolv;

use std::process::ExitCode;

pub use daemon::{Host, run};

/// Runs the service until it is asked to stop.
pub fn main() -> ExitCode {
    match run(&Host::default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error netd: cannot go on why={:?}", files::chain(&err));
            ExitCode::from(err.exit_code())
        }
    }
}
