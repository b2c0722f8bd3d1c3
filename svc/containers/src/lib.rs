//! The `containers` service: runs the containers of the settings through containerd.
//!
//! `/run/gantry/containers.json` says what should run; containerd (its client API, namespace `gantry`) knows
//! what does; this service closes the gap and keeps it closed. It may be killed at any time: containers go
//! on, and the next run adopts them. On SIGTERM it stops them all; on SIGHUP it reads the file again.
//!
//! `image` and `registry` get images, `spec` turns settings into OCI specifications, `works` does the steps
//! of a container's life, `lifecycle` decides them, `keeper` joins the two, `network` links, `logs` keeps
//! what containers write.

mod connection;
mod containerd;
pub mod host;
mod image;
mod keeper;
mod lifecycle;
mod locks;
mod logger;
mod logs;
mod names;
pub mod network;
mod notify;
mod registry;
mod resolver;
mod rootfs;
mod serve;
mod spec;
mod works;

use std::process::ExitCode;

pub use serve::{Error, serve};

/// Bad configuration: PID 1 holds the service rather than restarting it.
const EXIT_CONFIG: u8 = 64;
/// Trouble with the host: PID 1 tries again.
const EXIT_HOST: u8 = 75;

/// Runs the service.
pub fn main() -> ExitCode {
    logger::start();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            log::error!(why:% = files::chain(&err); "stopped");
            ExitCode::from(if err.is_configuration() { EXIT_CONFIG } else { EXIT_HOST })
        }
    }
}

fn run() -> Result<(), Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let served = runtime.block_on(serve(host::Host::this()));
    // A name that is still being looked up must not hold up the host's shut-down.
    runtime.shutdown_background();
    served
}
