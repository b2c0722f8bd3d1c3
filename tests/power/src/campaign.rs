//! Cuts at every operation of a piece of work, and what must hold after each.

use std::time::Instant;

use partition::{Table, load};
use slots::{Set, Sets};

use crate::disk::{Disk, Off};
use crate::fates::{Dice, survivors};
use crate::firmware::Firmware;
use crate::machine::{Images, boot};

/// How much of the space is walked.
#[derive(Debug, Clone, Copy)]
pub struct Depth {
    /// Outcomes of one cut that are looked at, where there are more.
    pub fates: usize,
    /// Cuts while the machine recovers from a cut: of how many operations of each recovery.
    pub nested_cuts: usize,
    /// Outcomes of each of those.
    pub nested_fates: usize,
}

impl Depth {
    /// Seconds: for every test run.
    pub const SAMPLE: Self = Self { fates: 16, nested_cuts: 1, nested_fates: 3 };
    /// Tens of minutes: every cut during every recovery from every cut.
    pub const WHOLE: Self = Self { fates: 512, nested_cuts: usize::MAX, nested_fates: 8 };
}

/// A piece of work, and what it may leave.
pub struct Scenario<'a> {
    /// For the report.
    pub name: String,
    /// The disk before it.
    pub disk: Disk,
    /// What the firmware accepts.
    pub images: &'a Images,
    /// What is done, by the operating system or by the boot manager.
    pub work: Work<'a>,
}

/// What is done while the power fails.
pub type Act<'a> = Box<dyn Fn(&mut Disk) -> Result<(), Off> + 'a>;

/// Whether the work is one edit.
pub enum Work<'a> {
    /// One edit of the table by the operating system: it leaves the old table or the new one, and doing it again completes it.
    Edit(Act<'a>),
    /// Several, or work that counts: only that the machine boots is asked.
    Story(Act<'a>),
}

/// What a campaign has seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cuts, each with one outcome of it.
    pub cuts: usize,
    /// What did not hold, with what is needed to see it again.
    pub failures: Vec<String>,
}

impl Scenario<'_> {
    /// Cuts everywhere.
    pub fn run(&self, depth: Depth, seed: u64) -> Tally {
        let begun = Instant::now();
        let mut run =
            Run { scenario: self, depth, dice: Dice::new(seed), tally: Tally::default(), tables: Vec::new() };
        run.all();
        for failure in &mut run.tally.failures {
            *failure = format!("{} (seed {seed}): {failure}", self.name);
        }
        let (cuts, failures) = (run.tally.cuts, run.tally.failures.len());
        println!(
            "power: {}: {cuts} cuts, {failures} failures, {} ms",
            self.name,
            begun.elapsed().as_millis()
        );
        run.tally
    }

    fn act(&self) -> &Act<'_> {
        match &self.work {
            Work::Edit(act) | Work::Story(act) => act,
        }
    }
}

struct Run<'a> {
    scenario: &'a Scenario<'a>,
    depth: Depth,
    dice: Dice,
    tally: Tally,
    /// Old and new, where the work is one edit.
    tables: Vec<Table>,
}

impl Run<'_> {
    fn all(&mut self) {
        let mut done = self.scenario.disk.clone();
        let before = done.operations();
        if self.scenario.act()(&mut done).is_err() {
            return self.fail("the work fails on mains power".into());
        }
        let operations = done.operations() - before;
        if matches!(self.scenario.work, Work::Edit(_)) {
            self.tables.extend([&self.scenario.disk, &done].into_iter().filter_map(table));
        }
        for last in 0..=operations {
            let mut disk = self.scenario.disk.clone().lasts(last);
            // Off, except the last time.
            let _ = self.scenario.act()(&mut disk);
            for left in survivors(&disk, &mut self.dice, self.depth.fates) {
                self.tally.cuts += 1;
                let at = format!("cut after operation {last} of {operations}");
                self.judge(&left, &done, &at);
            }
        }
    }

    /// What must hold for a disk that a cut left.
    fn judge(&mut self, left: &Disk, done: &Disk, at: &str) {
        if let Work::Edit(act) = &self.scenario.work {
            // A disk that had no table: nothing was promised before it has one.
            let promised = self.tables.len() == 2;
            let found = table(left);
            if promised && found.as_ref().is_none_or(|found| !self.tables.contains(found)) {
                return self.fail(format!("{at}: neither the old table nor the new one: {found:?}"));
            }
            let mut again = left.clone();
            if act(&mut again).is_err() || !whole(&again) || table(&again) != table(done) {
                return self.fail(format!("{at}: doing it again does not complete it"));
            }
            if !promised {
                return self.recovers(&again, Firmware::Edk2, at);
            }
        }
        for firmware in Firmware::ALL {
            self.recovers(left, firmware, at);
        }
    }

    /// The machine boots, and boots as well when the power fails while it does.
    fn recovers(&mut self, left: &Disk, firmware: Firmware, at: &str) {
        let mut disk = left.clone();
        self.boots(&mut disk, firmware, at);
        let operations = disk.operations();
        let every = self.depth.nested_cuts >= operations;
        for number in 0..self.depth.nested_cuts.min(operations) {
            let last = if every { number } else { self.dice.roll(operations) };
            let mut cut = left.clone().lasts(last);
            let _ = boot(&mut cut, self.scenario.images, firmware);
            for mut left in survivors(&cut, &mut self.dice, self.depth.nested_fates) {
                self.tally.cuts += 1;
                let other = Firmware::ALL[self.dice.roll(2)];
                let at = format!("{at}, recovery cut after operation {last} of {operations}");
                self.boots(&mut left, other, &at);
            }
        }
    }

    fn boots(&mut self, disk: &mut Disk, firmware: Firmware, at: &str) {
        match boot(disk, self.scenario.images, firmware) {
            Ok(Ok(set)) if whole(disk) && counted(disk, set) => {}
            Ok(Ok(set)) if whole(disk) => self.fail(format!("{at}, {firmware:?}: set {set} runs uncounted")),
            Ok(Ok(set)) => self.fail(format!("{at}, {firmware:?}: set {set} runs, but a copy stays damaged")),
            Ok(Err(said)) => self.fail(format!("{at}, {firmware:?}: nothing boots:\n{said}")),
            Err(Off) => self.fail(format!("{at}, {firmware:?}: lost its power on mains")),
        }
    }

    fn fail(&mut self, why: String) {
        self.tally.failures.push(why);
    }
}

/// What the disk's table says.
pub fn table(disk: &Disk) -> Option<Table> {
    load(&mut &*disk, &disk.geometry()).ok().map(|found| found.table)
}

/// The start of a confirmed set that runs is on the disk. (Of a trial no one number says so.)
fn counted(disk: &Disk, set: Set) -> bool {
    let sets = table(disk).and_then(|table| Sets::of_table(&table).ok());
    sets.is_some_and(|sets| !sets.get(set).successful() || sets.get(set).failures() > 0)
}

/// Both copies are sound and agree.
pub fn whole(disk: &Disk) -> bool {
    load(&mut &*disk, &disk.geometry()).is_ok_and(|found| found.is_whole())
}
