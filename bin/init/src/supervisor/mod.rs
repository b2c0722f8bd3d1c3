//! PID 1 on the running system: what `pure/supervise` decides, done.
//!
//! [`host::Host`] is the loop: it performs the machine's actions and feeds back what happened. Around it: the log
//! ([`journal`]), the boot timeline, the [`control`] socket, streams on their way to logd, and the end of the host ([`end`]).
//! Holds always: PID 1 never returns. It ends in a power-off or a reboot, also when it panics or cannot begin.

mod control;
mod end;
mod firmware;
mod host;
mod journal;
mod notify;
mod patience;
mod preload;
mod process;
mod resident;
mod streams;
mod timeline;
mod watchdog;

use std::error::Error;
use std::path::Path;

use supervise::machine::How;
use supervise::set::MAX_STORED_BYTES;
use supervise::{SetError, UnitSet};
use sys::events::Poller;

use host::{Host, HostError};
use journal::Journal;
use timeline::Timeline;
use watchdog::Guard;
pub use watchdog::HANDED as HANDED_WATCHDOG;

use crate::clock::boottime_ms;
use crate::mounts::{self, MountError};

/// The image's compiled unit set.
const UNITS: &str = "/usr/share/gantry/units.json";
/// How long a host that cannot begin stays, so that its reason can be read before it restarts.
const LAST_WORDS_MS: u64 = 10_000;

/// Why there is nothing to supervise.
#[derive(Debug, thiserror::Error)]
enum BeginError {
    #[error("the file systems of the host are not there")]
    Mounts(#[source] MountError),
    #[error("cannot read the unit set")]
    ReadUnits(#[source] files::Error),
    #[error("the unit set makes no sense")]
    Units(#[source] SetError),
    #[error("the supervisor cannot be set up")]
    Host(#[source] HostError),
}

/// Runs the host until it ends.
pub fn run() -> ! {
    let started_ms = boottime_ms();
    let handed = watchdog::handed();
    end::on_panic();
    let mounted = mounts::early();
    let journal = Journal::open();
    let mut watchdog = Guard::new(handed, journal.clone());
    let begun = mounted.map_err(BeginError::Mounts).and_then(|()| begin(journal.clone(), started_ms));
    let how = match begun {
        Ok(host) => host.run(&mut watchdog),
        Err(err) => {
            give_up(&err, &journal);
            How::Reboot
        }
    };
    end::end(how, watchdog, &journal)
}

fn begin(journal: Journal, started_ms: u64) -> Result<Host, BeginError> {
    let text = files::read(Path::new(UNITS), MAX_STORED_BYTES).map_err(BeginError::ReadUnits)?;
    let set = UnitSet::from_json(&text).map_err(BeginError::Units)?;
    let mut timeline = Timeline::new(journal.clone());
    timeline.stamp_past(started_ms);
    // Signals are blocked in here, before the first thread.
    let host = Host::open(set, journal, timeline).map_err(BeginError::Host)?;
    preload::start(host.set());
    resident::start();
    Ok(host)
}

/// Nothing can run, so nothing can be lost: say why and leave time to read it, less than the watchdog's.
fn give_up(err: &dyn Error, journal: &Journal) {
    journal.error(&format_args!("cannot begin why={:?} reboot_in_ms={LAST_WORDS_MS}", files::chain(err)));
    if let Ok(mut poller) = Poller::new() {
        let _ = poller.wait(Some(LAST_WORDS_MS));
    }
}
