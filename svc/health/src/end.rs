//! Restarting the machine: through PID 1, in order, or at once.

use std::time::Duration;

use rustix::process::Pid;
use sets::Place;
use slots::{Set, Sets};
use sys::kmsg::{Level, Writer};
use sys::{patience, signals};

use crate::standing;

/// What a restart at once may wait for: the table's edit, then what other file systems have not written yet.
const CONDEMN: Duration = Duration::from_secs(5);
const SYNC: Duration = Duration::from_secs(3);
/// For the disk's lock, of the above.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks PID 1 for an orderly restart.
pub fn ask_init() {
    if let Err(err) = signals::send(Pid::INIT, signals::real_time(5)) {
        eprintln!("error health: cannot ask for a restart why={err:?}");
    }
}

/// Whether another set than this one can boot; true also when that cannot be told soon, for then the disk is no good.
pub fn other_can_boot(place: &Place, set: Option<Set>) -> bool {
    let Some(set) = set else { return true };
    let place = place.clone();
    let found = within(CONDEMN, move || {
        let sets = Sets::of_table(&place.load().ok()?.table).ok()?;
        Some(sets.get(set.other()).can_boot())
    });
    found.flatten().unwrap_or(true)
}

/// Says that the root cannot be read, and that the machine goes on as far as it goes.
pub fn endure(set: Option<Set>, block: u64, log: &Writer) {
    let set = name(set);
    log.write(
        Level::Error,
        "error health",
        &format_args!(
            "root beyond repair, and no other set can boot: write the other set anew set={set} block={block}"
        ),
    );
}

/// Condemns the running set, so that another is started, and restarts the machine without asking anybody: programs whose
/// pages are lost cannot end in order. Returns only when the kernel refuses.
pub fn condemn(place: &Place, set: Option<Set>, block: u64, log: &Writer) {
    // Through the kernel's log: it is on the console when this returns, whoever else can still run.
    log.write(
        Level::Error,
        "error health",
        &format_args!("root beyond repair, restarting set={} block={block}", name(set)),
    );
    if let Some(set) = set {
        let place = place.clone();
        // The restart comes in any case; its failure is counted if nothing else is.
        within(CONDEMN, move || standing::change(&place, set, PATIENCE, |sets| sets.condemn(set)).is_ok());
    }
    at_once();
}

fn name(set: Option<Set>) -> String {
    set.map_or_else(|| "unknown".to_owned(), |set| set.to_string())
}

/// Restarts the machine without asking anybody. Returns only when the kernel refuses.
pub fn at_once() {
    within(SYNC, rustix::fs::sync);
    let err = sys::power::restart();
    eprintln!("error health: the kernel does not restart the machine why=\"{err}\"");
}

/// What `work` comes to, or nothing when it takes longer or no thread is to be had for it: the restart waits for neither.
fn within<T: Send + 'static>(longest: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    patience::within(longest, work).ok().flatten()
}

#[cfg(test)]
mod tests {
    use disks::{Image, Uki};
    use partition::SectorSize;
    use slots::Attributes;

    use super::*;

    #[test]
    fn the_other_set_is_asked_for_as_it_is_now() {
        let image = Image::factory(SectorSize::B512);
        let place = Place::named(&image.path()).unwrap();
        assert!(!other_can_boot(&place, Some(Set::A)));
        assert!(other_can_boot(&place, Some(Set::B)));
        image.write(Set::B, &Uki::new("2.0.0", 1), 2);
        image.put(Set::B, Attributes::new(1, 0, true, 3).unwrap());
        assert!(other_can_boot(&place, Some(Set::A)), "a failing set is better than a lost one");
        assert!(other_can_boot(&place, None));
        std::fs::remove_file(image.path()).unwrap();
        assert!(other_can_boot(&place, Some(Set::A)), "who cannot read the table goes the safe way");
    }
}
