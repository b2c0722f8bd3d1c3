//! logd: the kernel's log and every service's output, in one bounded log on disk, and on the console where wanted.
//!
//! PID 1 gives each service a pipe and hands the reading end to logd over a socket, so a service that outlives logd
//! loses nothing: the pipe holds what logd has yet to read, and PID 1 hands all ends to the next logd.
//!
//! One loop over poll(2), no threads. Holds always: memory is bounded whatever services write (lines are cut, reads
//! take turns, a full pipe makes its writer wait); a line that says `error` is on disk within a fifth of a second, any
//! other within some seconds; after SIGTERM, everything that was written to any pipe is on disk before logd ends.
//! Left to others: what may be in a log (services keep secrets out), who may read it.

mod console;
mod journal;
mod line;
mod serve;
mod settings;
mod streams;

use std::path::Path;
use std::process::ExitCode;

use sys::kmsg::{Level, Writer};
use sys::notify;

/// The host cannot keep its log now: started again after a while.
const EXIT_HOST: u8 = 75;
/// Started in a way that cannot work.
const EXIT_USAGE: u8 = 64;

const LOG: &str = "/var/log/host.log";
/// Says up to which kernel record an earlier logd of this boot got.
const PROGRESS: &str = "/run/logd.kernel";
/// What `configure` leaves.
const SETTINGS: &str = "/run/gantry/logs.json";

/// Runs the service.
pub fn main() -> ExitCode {
    let number = std::env::var("LOGD_SOCKET_FD").ok().and_then(|number| number.parse().ok());
    let Some(number) = number else {
        eprintln!("error logd: LOGD_SOCKET_FD is not set to a descriptor's number");
        return ExitCode::from(EXIT_USAGE);
    };
    let served = sys::handed::take(number)
        .map_err(serve::ServeError::Socket)
        .and_then(|socket| {
            serve::Server::open(socket, Path::new(LOG), Path::new(PROGRESS), Path::new(SETTINGS))
        })
        .and_then(|server| {
            announce();
            server.run()
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            // Its own output may end in a pipe that nobody reads.
            if let Ok(log) = Writer::open() {
                log.write(Level::Error, "logd", &format_args!("stopped why={:?}", files::chain(&err)));
            }
            ExitCode::from(EXIT_HOST)
        }
    }
}

/// Tells PID 1 that pipes are being read.
fn announce() {
    if let Err(err) = notify::tell(notify::READY) {
        eprintln!("warn logd: cannot say ready why=\"{err}\"");
    }
}
