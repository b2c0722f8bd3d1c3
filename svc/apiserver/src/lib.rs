//! The `apiserver` service: settings and the host's state, over HTTP.
//!
//! It listens on `/run/api.sock` for root and the group `api`, and, if the settings say so, on a TCP port for holders of
//! client certificates (`remote`). Both hand each request to [`serve()`], which checks it against the table of routes
//! (`wire`), the caller's role against the route's, and calls one handler; one file of `resources` per resource.
//!
//! Holds always: readers take a snapshot and never wait for a writer; writers come one at a time; a change is
//! committed, applied and reported, or undone and reported; a request that is refused has changed nothing. What a
//! caller began goes on when the caller is gone. Left to others: what settings mean (`settings`), what they become
//! (`render`), what is durable (`store`), which files and units change (`apply`).

mod answer;
pub mod audit;
mod body;
mod caller;
mod error;
pub mod host;
mod limits;
mod listen;
mod logger;
mod notice;
mod remote;
mod resources;
mod run;
mod serve;
mod stalling;
mod state;
mod tail;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use host::Host;

pub use body::Body;
pub use caller::Caller;
pub use error::Error;
pub use limits::{LIMITS, Limits};
pub use listen::converse;
pub use remote::authority;
pub use run::{run, run_until};
pub use serve::serve;
pub use state::Api;

const HELP: &str = "usage: apiserver [--root DIR]   serve the API of the host
--root DIR   take DIR for the root of the file system
";

/// Bad configuration: PID 1 holds the service rather than restarting it.
const EXIT_CONFIG: u8 = 64;
/// Trouble with the host: PID 1 tries again.
const EXIT_HOST: u8 = 75;

/// Threads that may wait for disks and for PID 1. More calls than that take turns.
const BLOCKING_THREADS: usize = 64;

/// Runs the service.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let Some(host) = host(&arguments) else {
        eprint!("{HELP}");
        return ExitCode::from(EXIT_CONFIG);
    };
    logger::start();
    match start(host) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            log::error!(why:% = files::chain(&err); "stopped");
            ExitCode::from(if err.is_configuration() { EXIT_CONFIG } else { EXIT_HOST })
        }
    }
}

/// Which host to serve; None for arguments that make no sense.
fn host(arguments: &[OsString]) -> Option<Host> {
    match arguments {
        [] => Some(Host::this()),
        [flag, root] if flag == "--root" => Some(Host::in_root(Path::new(root))),
        _ => None,
    }
}

fn start(host: Host) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(Error::Runtime)?;
    let ran = runtime.block_on(run(host));
    // A unit that takes its time to restart must not hold up the host's shut-down.
    runtime.shutdown_background();
    ran
}
