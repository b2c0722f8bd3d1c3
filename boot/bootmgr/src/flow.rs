//! One run of the boot manager.

use alloc::string::String;

use partition::{Copies, Partition};
use pe::uki::Facts;
use slots::{Choice, Set, State};

use crate::image::{Image, ReadFault};
use crate::machine::{Handover, Machine, SecureBoot};
use crate::signpost::{Signpost, WriteFault};
use crate::trace::{Trace, because, word};
use crate::{floor, image};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "when nothing bootable is left, somebody has to reset the machine"]
pub enum Outcome {
    /// This set's system took the machine. Only a simulated machine lives to see this.
    Started(Set),
    /// No set could be started, and the console says why: pause, then reset.
    NothingLeft,
}

/// Boots the best set that boots. Never panics, and never loops: each set is tried at most once.
///
/// A try that cannot be written: a confirmed set is started all the same, for a disk that takes no writes must not end
/// in no boot at all. A trial is passed over while the other set can boot: a trial that hangs and is not counted would hang for ever.
pub fn run<M: Machine>(machine: &mut M) -> Outcome {
    let mut run = Run { machine, trace: Trace::default(), floor: 0, read_us: 0, load_us: 0 };
    match run.boot() {
        Ok(set) => Outcome::Started(set),
        Err(why) => {
            run.say(format_args!("nothing bootable is left: {why}; resetting in {} s", crate::PAUSE_S));
            Outcome::NothingLeft
        }
    }
}

struct Run<'m, M> {
    machine: &'m mut M,
    trace: Trace,
    floor: u32,
    /// Reading images, and the firmware's verifying and loading them: the rest of the time is ours.
    read_us: u64,
    load_us: u64,
}

/// Why a set was not booted.
#[derive(Debug, thiserror::Error)]
enum Refused<E: core::error::Error + 'static> {
    #[error("its try cannot be written")]
    Spend(#[source] WriteFault<E>),
    #[error("its partition is gone")]
    Partition,
    #[error("cannot read the image")]
    Read(#[source] ReadFault<E>),
    #[error("firmware refuses the image")]
    Firmware(#[source] E),
    #[error("the loaded image is not readable")]
    Loaded(#[source] pe::Fault),
    #[error("security version {version} is below the floor {floor}")]
    Floor { version: u32, floor: u32 },
    #[error("the image gave up")]
    Returned(#[source] E),
}

impl<E: core::error::Error + 'static> Refused<E> {
    /// Another start would come to the same. A disk that does not answer now may do so next time: the try that was spent
    /// bounds how often that is found out.
    fn is_about_the_image(&self) -> bool {
        !matches!(self, Self::Spend(_) | Self::Read(ReadFault::Read { .. } | ReadFault::Memory { .. }))
    }
}

impl<M: Machine> Run<'_, M> {
    fn boot(&mut self) -> Result<Set, String> {
        let mut signpost = Signpost::read(self.machine)
            .map_err(|err| alloc::format!("{}; remedy: write an image to this disk", because(&err)))?;
        self.repair(&mut signpost);
        for set in Set::BOTH {
            let it = signpost.sets().get(set);
            let (state, priority, tries, failures) = (it.state(), it.priority(), it.tries(), it.failures());
            self.say(format_args!(
                "set={set} state={state} priority={priority} tries={tries} failures={failures}"
            ));
        }
        self.floor = floor::read(self.machine, &mut self.trace);
        // Ordered once: what happens below changes what the next run does, not this one.
        let found = signpost.sets();
        let mut reasons = Set::BOTH.map(|set| why_not(found.get(set).state()));
        for choice in found.order() {
            let refused = match self.try_set(&mut signpost, choice) {
                Ok(set) => return Ok(set),
                Err(refused) => because(&refused),
            };
            self.say(format_args!("refused set={} why=\"{refused}\"", choice.set));
            reasons[choice.set as usize] = refused;
        }
        let [a, b] = reasons;
        let remedy = match self.machine.secure_boot() {
            SecureBoot::On => {
                "from other media, write images to this disk that a key in the firmware's db has signed"
            }
            SecureBoot::Off | SecureBoot::Setup => "from other media, write an image to this disk",
        };
        Err(alloc::format!("set A: {a}; set B: {b}; remedy: {remedy}"))
    }

    /// A repair that fails does not stop the boot: one good copy is enough, and the next run tries again.
    fn repair(&mut self, signpost: &mut Signpost) {
        let copies = signpost.copies();
        if copies == Copies::Whole {
            return self.say(format_args!("table copies={copies}"));
        }
        let sets = signpost.sets();
        let repaired = if signpost.write(self.machine, sets).is_ok() { "yes" } else { "no" };
        self.say(format_args!("table copies={copies} repaired={repaired}"));
    }

    /// Spends a try, and returns when the set did not take the machine. What that means for later runs is written.
    fn try_set(&mut self, signpost: &mut Signpost, choice: Choice) -> Result<Set, Refused<M::Error>> {
        let set = choice.set;
        self.spend(signpost, choice)?;
        self.start(signpost, set).inspect_err(|why| {
            if !why.is_about_the_image() {
                return;
            }
            let sets = signpost.sets().refused(set);
            // When it cannot be written the try is still spent, or could not be either.
            let _ = signpost.write(self.machine, sets);
        })
    }

    fn spend(&mut self, signpost: &mut Signpost, choice: Choice) -> Result<(), Refused<M::Error>> {
        let Choice { set, why } = choice;
        let before = signpost.sets();
        if let Err(err) = signpost.write(self.machine, before.spend(set)) {
            let on_trial = !before.get(set).successful();
            if on_trial && before.get(set.other()).can_boot() {
                return Err(Refused::Spend(err));
            }
            self.say(format_args!("not counted set={set} why=\"{}\"", because(&err)));
        }
        let it = signpost.sets().get(set);
        let (tries, failures) = (it.tries(), it.failures());
        self.say(format_args!("trying set={set} why={why} tries_left={tries} failures={failures}"));
        Ok(())
    }

    fn start(&mut self, signpost: &Signpost, set: Set) -> Result<Set, Refused<M::Error>> {
        let partition = set.boot_partition(signpost.table()).ok_or(Refused::Partition)?;
        // What was read is kept until the image gave up: a firmware that clears what it gets back takes as long over that as over
        // loading, and a system that starts takes all memory anyway.
        let read = self.read(&partition)?;
        let image = self.load(&partition, read.bytes())?;
        let checked = self.check(&image).map(|facts| self.announce(signpost, set, &facts));
        let ended = checked.and_then(|()| match self.machine.start(&image) {
            Handover::Taken => Ok(set),
            Handover::Returned(err) => Err(Refused::Returned(err)),
        });
        self.machine.unload(image);
        ended
    }

    fn read(&mut self, partition: &Partition) -> Result<Image<M::Memory>, Refused<M::Error>> {
        let begun = self.machine.now_us();
        let read = image::read(self.machine, partition);
        self.read_us += self.machine.now_us().saturating_sub(begun);
        read.map_err(Refused::Read)
    }

    /// Hands the image to the firmware. What was read says nothing from here on: what counts is the firmware's copy.
    fn load(&mut self, partition: &Partition, read: &[u8]) -> Result<M::Image, Refused<M::Error>> {
        let begun = self.machine.now_us();
        let loaded = self.machine.load(partition, read);
        self.load_us += self.machine.now_us().saturating_sub(begun);
        loaded.map_err(Refused::Firmware)
    }

    fn check(&self, image: &M::Image) -> Result<Facts, Refused<M::Error>> {
        let facts = Facts::of_loaded(self.machine.loaded(image)).map_err(Refused::Loaded)?;
        let (version, floor) = (facts.security_version, self.floor);
        if version < floor { Err(Refused::Floor { version, floor }) } else { Ok(facts) }
    }

    /// The last things before a system starts: the floor, the watchdog, the trace.
    fn announce(&mut self, signpost: &Signpost, set: Set, facts: &Facts) {
        let security_version = facts.security_version;
        let started = (set, security_version);
        self.floor = floor::raise(self.machine, &mut self.trace, signpost, started, self.floor);
        if let Some(watchdog) = self.machine.arm_watchdog() {
            self.say(format_args!("watchdog={} timeout_s={}", watchdog.name, watchdog.timeout_s));
        }
        let version = word(facts.os_release.get("VERSION_ID"));
        let (secure_boot, read_us, load_us) = (self.machine.secure_boot(), self.read_us, self.load_us);
        let own_us = self.machine.now_us().saturating_sub(read_us + load_us);
        self.say(format_args!(
            "starting set={set} version={version} security_version={security_version} secure_boot={secure_boot} \
             own_us={own_us} read_us={read_us} load_us={load_us}"
        ));
        if let Err(err) = self.machine.publish(set, self.trace.text()) {
            self.say(format_args!("not published why=\"{}\"", because(&err)));
        }
    }

    fn say(&mut self, text: core::fmt::Arguments<'_>) {
        self.trace.line(self.machine, text);
    }
}

/// Why a set that is not in the order is not.
fn why_not(state: State) -> String {
    let why = match state {
        State::Empty => "empty",
        State::Staged => "written, but not made next",
        State::Exhausted => "its tries ran out",
        State::Parked => "its priority is 0",
        State::Trial | State::Confirmed | State::Failing => "not tried",
    };
    why.into()
}
