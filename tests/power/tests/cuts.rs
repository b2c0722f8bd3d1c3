//! No power cut leaves a machine that does not boot.
//!
//! Every edit of the table that exists, by the operating system and by the boot manager, on disks of both sector sizes, whole and
//! damaged; cut after every write and flush, and again while the machine recovers.
//!
//! `GANTRY_POWER=whole` walks the whole space instead of a sample (`cargo xtask power`), `GANTRY_POWER_SEED` takes
//! another sample.

#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::env;
use std::io::Write;
use std::thread;

use partition::{SectorSize, Table};
use power::campaign::{Depth, Scenario, Tally, Work, table, whole};
use power::firmware::Firmware;
use power::{BOTH_SIZES, Disk, Images, Off, boot, gib, grown_disk, installed, numbered, table_of};
use slots::{Attributes, Digest, Digests, Refusal, Set, Sets, Written};

const EMPTY: Attributes = Attributes::EMPTY;

fn set(priority: u8, tries: u8, successful: bool, failures: u8) -> Attributes {
    Attributes::new(priority, tries, successful, failures).unwrap()
}

/// The machine runs A, which has not said yet that it lives; B is empty.
fn started() -> Sets {
    Sets::new(set(1, 0, true, 1), EMPTY)
}

/// The machine runs A; B is what it says.
fn running_a(b: Attributes) -> Sets {
    Sets::new(set(2, 0, true, 0), b)
}

fn proof(set: Set) -> Written {
    let digests = Digests { uki: Digest([1; 32]), root: Digest([2; 32]) };
    Written::prove(set, &digests, &digests).unwrap()
}

/// An edit as the host's programs make one: read, compute, write.
fn edit(disk: &mut Disk, change: impl Fn(&Table) -> Table) -> Result<(), Off> {
    let found = match block::table::read(disk) {
        Err(_) if disk.is_off() => return Err(Off),
        found => found.expect("a table that can be read"),
    };
    let edits = found.edits(&change(&found.table));
    block::table::perform(disk, &edits).map_err(|_| Off)
}

fn edit_sets(disk: &mut Disk, change: impl Fn(Sets) -> Sets) -> Result<(), Off> {
    edit(disk, |table| change(Sets::of_table(table).unwrap()).table(table).unwrap())
}

/// An operation that the rules allow, or that is done already.
fn allowed(result: Result<Sets, Refusal>) -> Sets {
    result.unwrap()
}

struct Plan<'a> {
    sector: SectorSize,
    images: &'a Images,
    scenarios: Vec<Scenario<'a>>,
}

impl<'a> Plan<'a> {
    fn disk(&self, sets: Sets) -> Disk {
        installed(self.sector, sets, self.images)
    }

    fn add(&mut self, name: &str, disk: Disk, work: Work<'a>) {
        let name = format!("{name}, sectors of {}", self.sector);
        self.scenarios.push(Scenario { name, disk, images: self.images, work });
    }

    fn sets(&mut self, name: &str, before: Sets, change: impl Fn(Sets) -> Sets + 'a) {
        let disk = self.disk(before);
        self.add(name, disk, Work::Edit(Box::new(move |disk| edit_sets(disk, &change))));
    }

    fn edit(&mut self, name: &str, disk: Disk, change: impl Fn(&Table) -> Table + 'a) {
        self.add(name, disk, Work::Edit(Box::new(move |disk| edit(disk, &change))));
    }

    /// Power on: the boot manager counts, repairs, refuses.
    fn boot(&mut self, name: &str, disk: Disk) {
        let images = self.images;
        for firmware in Firmware::ALL {
            let work = move |disk: &mut Disk| boot(disk, images, firmware).map(|_| ());
            self.add(&format!("{name}, {firmware:?}"), disk.clone(), Work::Story(Box::new(work)));
        }
    }
}

fn verbs(plan: &mut Plan<'_>) {
    plan.sets("settle", started(), |sets| sets.settle(Set::A));
    plan.sets("confirm a trial", Sets::new(set(1, 0, true, 0), set(2, 2, false, 0)), |s| s.confirm(Set::B));
    plan.sets("confirm the last try", Sets::new(set(1, 0, true, 3), set(2, 0, false, 0)), |s| {
        s.confirm(Set::B)
    });
    plan.sets("condemn", Sets::new(set(2, 0, true, 0), set(1, 0, true, 0)), |s| s.condemn(Set::A));
    plan.sets("clear", running_a(set(1, 0, true, 0)), |sets| allowed(sets.clear(Set::A)));
    plan.sets("mark valid", running_a(EMPTY), |sets| allowed(sets.mark_valid(Set::A, proof(Set::B))));
    plan.sets("arm", running_a(set(0, 3, false, 0)), |sets| allowed(sets.arm(Set::A, proof(Set::B))));
    plan.sets("cancel", Sets::new(set(1, 0, true, 0), set(2, 3, false, 0)), |s| allowed(s.cancel(Set::A)));
    plan.sets("roll back", running_a(set(1, 0, true, 2)), |sets| allowed(sets.rollback(Set::A)));
    let from_trial = Sets::new(set(1, 0, true, 0), set(2, 0, false, 0));
    plan.sets("roll back from a trial", from_trial, |sets| allowed(sets.rollback(Set::B)));
    let disk = plan.disk(running_a(EMPTY));
    plan.edit("a root's new GUID", disk, |table| {
        let root = Set::B.root_partition(table).unwrap();
        table.with_guid(root.number, numbered(77)).unwrap()
    });
}

fn boots(plan: &mut Plan<'_>) {
    for (name, sets) in [
        ("start of a confirmed set", Sets::new(Attributes::FACTORY, EMPTY)),
        ("start of a trial", Sets::new(set(1, 0, true, 0), set(2, 3, false, 0))),
        ("start of a trial's last try", Sets::new(set(1, 0, true, 0), set(2, 1, false, 0))),
        ("start after the other lost its standing", Sets::new(set(2, 0, true, 3), set(1, 0, true, 0))),
        ("start of a fresh round", Sets::new(set(2, 0, true, 3), set(1, 0, true, 3))),
    ] {
        let disk = plan.disk(sets);
        plan.boot(name, disk);
    }
    for (name, sets) in [
        ("a trial refused", Sets::new(set(1, 0, true, 0), set(2, 3, false, 0))),
        ("a confirmed set refused", Sets::new(set(1, 0, true, 0), set(2, 0, true, 0))),
    ] {
        let mut disk = plan.disk(sets);
        let lba = Set::B.boot_partition(&table_of(plan.sector, sets)).unwrap().first_lba;
        disk.put(lba, &vec![0; 8 * plan.sector.bytes()]);
        plan.boot(name, disk);
    }
}

/// Damage to each part of each copy, found by the boot manager or by an edit of the host.
fn damages(plan: &mut Plan<'_>) {
    let last = gib(plan.sector, 4).last_lba();
    let entries = 128 * 128 / plan.sector.bytes() as u64;
    for (name, lba) in [
        ("primary header", 1),
        ("primary entries", 2),
        ("last of the primary entries", 1 + entries),
        ("backup entries", last - entries),
        ("last of the backup entries", last - 1),
        ("backup header", last),
    ] {
        let mut disk = plan.disk(running_a(set(0, 3, false, 0)));
        disk.put(lba, &vec![0x5a; plan.sector.bytes()]);
        plan.boot(&format!("start with a damaged {name}"), disk.clone());
        plan.edit(&format!("repair of a damaged {name}"), disk.clone(), Table::clone);
        let arm = |sets: Sets| allowed(sets.arm(Set::A, proof(Set::B)));
        plan.add(
            &format!("arm with a damaged {name}"),
            disk,
            Work::Edit(Box::new(move |disk| edit_sets(disk, arm))),
        );
    }
    let disk = plan.disk(running_a(set(0, 3, false, 0)));
    let arm = |sets: Sets| allowed(sets.arm(Set::A, proof(Set::B)));
    // The first cut that leaves two copies that are sound and differ.
    let cut_at = |operations| {
        let mut disk = disk.clone().lasts(operations);
        edit_sets(&mut disk, arm).err().map(|Off| disk.after_cut([]))
    };
    let disk = (0..).map_while(cut_at).find(|disk| !whole(disk)).expect("an edit has a middle");
    plan.boot("start with copies that differ", disk.clone());
    plan.add("arm with copies that differ", disk, Work::Edit(Box::new(move |disk| edit_sets(disk, arm))));
}

fn growth(plan: &mut Plan<'_>) {
    let alignment = plan.sector.alignment();
    let last_entry_sectors = 128 * 128 / plan.sector.bytes() as u64;
    for (name, by) in [
        ("by 60 GiB", 60 * 1024 * alignment),
        ("by three sectors", 3),
        ("by the size of a backup copy", last_entry_sectors + 1),
        ("by 1 MiB", alignment),
    ] {
        let disk = grown_disk(&plan.disk(started()), by);
        plan.boot(&format!("first start on a disk grown {name}"), disk.clone());
        plan.edit(&format!("growth {name}"), disk.clone(), |table| table.grown(table.disk()).unwrap());
        let work = |disk: &mut Disk| edit_sets(disk, |sets| sets.settle(Set::A));
        plan.add(&format!("settle on a disk grown {name}"), disk.clone(), Work::Edit(Box::new(work)));
        let images = plan.images;
        let first_boot = move |disk: &mut Disk| {
            boot(disk, images, Firmware::Edk2)?.expect("an image that boots");
            edit(disk, |table| table.grown(table.disk()).unwrap())?;
            edit_sets(disk, |sets| sets.settle(Set::A))
        };
        plan.add(&format!("first boot on a disk grown {name}"), disk, Work::Story(Box::new(first_boot)));
    }
}

/// An update from beginning to end, with what it writes into the set, and the start of what it wrote.
fn update(plan: &mut Plan<'_>) {
    let sets = running_a(set(1, 0, true, 0));
    let disk = plan.disk(sets);
    let images = plan.images;
    let story = move |disk: &mut Disk| {
        edit_sets(
            disk,
            |sets| if sets.get(Set::B).tries() > 0 { sets } else { allowed(sets.clear(Set::A)) },
        )?;
        let boot_b = Set::B.boot_partition(&table(disk).ok_or(Off)?).unwrap();
        let mut image = images.get(2).to_vec();
        image.resize(image.len().next_multiple_of(disk.geometry().sector().bytes()), 0);
        disk.write(boot_b.first_lba, &image)?;
        disk.flush()?;
        edit(disk, |table| {
            let root = Set::B.root_partition(table).unwrap();
            table.with_guid(root.number, numbered(77)).unwrap()
        })?;
        edit_sets(disk, |sets| allowed(sets.mark_valid(Set::A, proof(Set::B))))?;
        edit_sets(disk, |sets| allowed(sets.arm(Set::A, proof(Set::B))))?;
        let up = boot(disk, images, Firmware::Edk2)?.unwrap();
        assert_eq!(up, Set::B);
        edit_sets(disk, |sets| sets.confirm(Set::B))
    };
    plan.add("an update, its trial and its confirmation", disk, Work::Story(Box::new(story)));
}

fn installation(plan: &mut Plan<'_>) {
    let table = table_of(plan.sector, Sets::new(Attributes::FACTORY, EMPTY));
    let mut disk = Disk::new(*table.disk());
    let boot_a = Set::A.boot_partition(&table).unwrap();
    disk.put(boot_a.first_lba, plan.images.get(0));
    let write = move |disk: &mut Disk| block::table::perform(disk, &table.fresh_edits()).map_err(|_| Off);
    plan.add("a new disk's table", disk, Work::Edit(Box::new(write)));
}

fn scenarios(sector: SectorSize, images: &Images) -> Vec<Scenario<'_>> {
    let mut plan = Plan { sector, images, scenarios: Vec::new() };
    verbs(&mut plan);
    boots(&mut plan);
    damages(&mut plan);
    growth(&mut plan);
    update(&mut plan);
    installation(&mut plan);
    plan.scenarios
}

#[test]
fn no_power_cut_leaves_a_machine_that_does_not_boot() {
    let depth = match env::var("GANTRY_POWER").as_deref() {
        Ok("whole") => Depth::WHOLE,
        _ => Depth::SAMPLE,
    };
    let seed = env::var("GANTRY_POWER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let walk = |sector| {
            move || -> Result<Vec<Tally>, Infallible> {
                let images = Images::named(["1.0", "1.1", "1.2"]);
                Ok(scenarios(sector, &images).iter().map(|scenario| scenario.run(depth, seed)).collect())
            }
        };
        let threads = BOTH_SIZES.map(|sector| scope.spawn(walk(sector)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    let cuts: usize = tallies.iter().map(|tally| tally.cuts).sum();
    let failures: Vec<&String> = tallies.iter().flat_map(|tally| &tally.failures).collect();
    // Past the test harness, which keeps what a passing test prints to itself.
    let line = format!("power: {cuts} cuts simulated, {} failures, seed {seed}", failures.len());
    writeln!(std::io::stderr(), "{line}").unwrap();
    assert!(cuts > 10_000, "the walk covers too little");
    assert!(failures.is_empty(), "{line}; the first of them:\n{}", failures[0]);
}
