//! What `signpost status` knows, as data. Its JSON form is documented in docs/reference/signpost.md.
//!
//! Gathering stops only where there is nothing to show (no disk, no table, no sets in it) and at a request that
//! contradicts what runs. Everything else that cannot be learnt, or does not fit together, is a line of `problems`: the
//! one thing that must be shown is what still can.

use std::fmt::Display;

use partition::{Copies, Loaded, Partition, Table};
use serde::{Serialize, Serializer};
use sets::image::facts;
use sets::{Contents, Place, PlaceError, Repairs, verify};
use slots::{Set, Sets, State, Why};

use crate::Surroundings;
use crate::error::{Failure, Refused};
use crate::verbs;

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Path of the disk or image.
    pub disk: String,
    /// It is the disk under the running root; what follows about firmware and repairs is this machine's.
    pub live: bool,
    /// How the copies of its table fare.
    pub table: TableReport,
    /// The set that runs.
    pub running: Option<char>,
    /// The set that the boot manager started, as it says itself.
    pub booted: Option<char>,
    /// What boots next, as things are.
    pub next: Option<Next>,
    /// Whether the firmware verifies what it starts; none without UEFI.
    pub secure_boot: Option<bool>,
    /// How many blocks of the running root were repaired in this boot, at least; none when `health` says nothing.
    pub root_repaired: Option<u64>,
    /// Both sets, A first.
    pub sets: Vec<SetReport>,
    /// The boot manager's lines of the last boot.
    pub boot_trace: Option<Vec<String>>,
    /// What could not be learnt, and what does not fit together.
    pub problems: Vec<String>,
}

/// Of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// `whole`, `primary-damaged`, `backup-damaged`, `backup-not-at-end` or `differ`.
    #[serde(serialize_with = "as_text")]
    pub copies: Copies,
    /// What is wrong, in words.
    pub why: Option<String>,
}

/// What boots next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    /// The set.
    pub set: char,
    /// The boot manager's word for the reason.
    #[serde(serialize_with = "as_text")]
    pub why: Why,
}

/// One set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetReport {
    /// Its letter.
    pub set: char,
    /// The word for its attributes: `empty`, `staged`, `trial`, `exhausted`, `parked`, `confirmed`, `failing`.
    #[serde(serialize_with = "as_text")]
    pub state: State,
    /// Bits 48 to 51.
    pub priority: u8,
    /// Bits 52 to 55.
    pub tries: u8,
    /// Bit 56.
    pub successful: bool,
    /// Bits 57 and 58.
    pub failures: u8,
    /// The boot manager may choose it.
    pub can_boot: bool,
    /// It runs.
    pub running: bool,
    /// It boots next.
    pub next: bool,
    /// What its `BOOT` partition holds.
    pub image: Image,
    /// Its partitions.
    pub boot_partition: Option<Entry>,
    /// See `boot_partition`.
    pub root_partition: Option<Entry>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number.
    pub number: u32,
    /// Its GUID.
    pub guid: String,
}

/// What a `BOOT` partition holds. Nobody has verified a signature for this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Image {
    /// A UKI.
    Uki(Release),
    /// Zeroes.
    Empty,
    /// No such partition.
    NoPartition,
    /// Something else, or a disk that cannot be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// What a UKI says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    /// VERSION_ID of its os-release.
    pub version: Option<String>,
    /// VARIANT_ID of its os-release.
    pub variant: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// What the boot manager compares with the machine's floor.
    pub security_version: u32,
    /// Length of the file.
    pub bytes: u64,
    /// Root hash of the root that it boots.
    pub root_hash: Option<String>,
    /// The set's `ROOT` partition has the GUID that belongs to that root.
    pub root_in_place: bool,
}

impl Report {
    /// Looks at everything. `said` is the set that counts as running where none does.
    pub fn gather(place: &Place, said: Option<Set>, host: &Surroundings) -> Result<Self, Failure> {
        let loaded = place.load().map_err(Failure::Place)?;
        let table = &loaded.table;
        let sets = Sets::of_table(table).map_err(|err| Failure::Edit {
            verb: "status",
            err: block::EditError::Refused(Refused::NoSets(err)),
        })?;
        let mut problems = Vec::new();
        let running = or_problem(verbs::running(place, table, said), &mut problems)?;
        let next = sets.next();
        let set_report = |set: Set| {
            let it = sets.get(set);
            SetReport {
                set: set.letter(),
                state: it.state(),
                priority: it.priority(),
                tries: it.tries(),
                successful: it.successful(),
                failures: it.failures(),
                can_boot: it.can_boot(),
                running: running == Some(set),
                next: next.is_some_and(|next| next.set == set),
                image: image(place, table, set),
                boot_partition: set.boot_partition(table).map(where_is),
                root_partition: set.root_partition(table).map(where_is),
            }
        };
        let mut report = Self {
            disk: place.path().display().to_string(),
            live: false,
            table: copies(&loaded),
            running: running.map(Set::letter),
            booted: None,
            next: next.map(|next| Next { set: next.set.letter(), why: next.why }),
            secure_boot: None,
            root_repaired: None,
            sets: Set::BOTH.into_iter().map(set_report).collect(),
            boot_trace: None,
            problems: Vec::new(),
        };
        // The firmware and `health` speak of the machine, not of an image file.
        if place.root().is_some() {
            report.of_machine(host, running, &mut problems);
        }
        report.problems = problems;
        Ok(report)
    }

    fn of_machine(&mut self, host: &Surroundings, running: Option<Set>, problems: &mut Vec<String>) {
        self.live = true;
        let mut noted = |err: &dyn std::error::Error| problems.push(files::chain(err));
        let firmware = &host.firmware;
        let booted = firmware.booted_set().map_err(|err| noted(&err)).ok().flatten();
        self.booted = booted.map(Set::letter);
        self.boot_trace = firmware.boot_trace().map_err(|err| noted(&err)).ok().flatten();
        self.secure_boot = firmware.secure_boot().map_err(|err| noted(&err)).ok().flatten();
        let repairs = Repairs::read(&host.repairs).map_err(|err| noted(&err)).ok().flatten();
        self.root_repaired = repairs.map(|repairs| repairs.repaired);
        if let (Some(booted), Some(running)) = (booted, running)
            && booted != running
        {
            problems.push(format!(
                "the boot manager started set {booted}, but the root is set {running}'s: the UKI of set {booted} boots \
                 the other set's root; write set {booted} anew"
            ));
        }
    }

    /// As a document.
    pub fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(Failure::Json)
    }
}

fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The set that runs, if one does. A root beside both sets is when a report is wanted most.
fn or_problem(running: Result<Set, Failure>, problems: &mut Vec<String>) -> Result<Option<Set>, Failure> {
    match running {
        Ok(set) => Ok(Some(set)),
        Err(Failure::NobodyRuns { .. }) => Ok(None),
        Err(Failure::Place(err @ PlaceError::NoSet { .. })) => {
            problems.push(files::chain(&err));
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn copies(loaded: &Loaded) -> TableReport {
    let fault = loaded.primary.or(loaded.backup).map(|fault| fault.to_string());
    let cut = || loaded.differ.then(|| "an edit was cut short; the primary counts".into());
    TableReport { copies: loaded.copies(), why: fault.or_else(cut) }
}

fn where_is(partition: Partition) -> Entry {
    Entry { number: partition.number, guid: partition.guid.to_string() }
}

fn image(place: &Place, table: &Table, set: Set) -> Image {
    let facts = match facts(place, table, set) {
        Ok(Contents::Uki(facts)) => facts,
        Ok(Contents::Nothing) => return Image::Empty,
        Ok(Contents::NoPartition) => return Image::NoPartition,
        Err(err) => return Image::Unreadable { why: files::chain(&err) },
    };
    let root = verity::Params::from_command_line(&facts.command_line).ok();
    let root_in_place = root.as_ref().is_some_and(|root| {
        set.root_partition(table).is_some_and(|partition| partition.guid == verify::guid(root))
    });
    let plain = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).collect() };
    Image::Uki(Release {
        version: facts.os_release.get("VERSION_ID").map(plain),
        variant: facts.os_release.get("VARIANT_ID").map(plain),
        kernel: Some(plain(&facts.uname)).filter(|uname| !uname.is_empty()),
        security_version: facts.security_version,
        bytes: facts.image_bytes,
        root_hash: root.map(|root| root.root_hash_hex()),
        root_in_place,
    })
}

#[cfg(test)]
mod tests {
    use disks::{Image, Uki};
    use partition::SectorSize;
    use sets::Firmware;
    use slots::Attributes;

    use super::*;
    use crate::human;

    /// A machine whose firmware and `health` left these files.
    fn report(image: &Image, variables: &[(&str, &[u8])], repairs: Option<&str>, running: Set) -> Report {
        for (name, value) in variables {
            let bytes = [&[6, 0, 0, 0], *value].concat();
            std::fs::write(image.dir().join(name), bytes).unwrap();
        }
        let host =
            Surroundings { firmware: Firmware::at(image.dir()), repairs: image.dir().join("root.json") };
        if let Some(repairs) = repairs {
            std::fs::write(&host.repairs, repairs).unwrap();
        }
        let place = Place::named(&image.path()).unwrap();
        let mut report = Report::gather(&place, Some(running), &host).unwrap();
        let mut problems = Vec::new();
        report.of_machine(&host, Some(running), &mut problems);
        report.problems = problems;
        report
    }

    const BOOTED: &str = "BootedSet-c878411f-d3c6-414c-bd11-c3ee83f75721";
    const TRACE: &str = "BootTrace-c878411f-d3c6-414c-bd11-c3ee83f75721";
    const SECURE: &str = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

    #[test]
    fn a_machine_tells_how_it_came_to_run_what_it_runs() {
        let image = Image::factory(SectorSize::B512);
        image.write(Set::B, &Uki::new("2.0.0", 3), 2);
        image.put(Set::B, Attributes::new(2, 0, false, 0).unwrap());
        let trace = b"bootmgr: table copies=whole\nbootmgr: trying set=B why=highest-priority tries_left=0\n";
        let variables: [(&str, &[u8]); 3] = [(BOOTED, b"B"), (TRACE, trace), (SECURE, &[1])];
        let report = report(&image, &variables, Some(r#"{"repaired":2}"#), Set::B);
        assert_eq!(
            (report.booted, report.secure_boot, report.root_repaired),
            (Some('B'), Some(true), Some(2))
        );
        assert_eq!(report.problems, [""; 0]);
        let text = human::text(&report);
        assert!(text.contains("exhausted: runs now; this is its last try"), "{text}");
        assert!(text.contains("Secure Boot is on; at least 2 reads of its root needed repair"), "{text}");
        assert!(text.contains("bootmgr: trying set=B why=highest-priority tries_left=0"), "{text}");
    }

    #[test]
    fn what_the_machine_does_not_say_is_said_to_be_missing() {
        let image = Image::factory(SectorSize::B512);
        let text = human::text(&report(&image, &[], None, Set::A));
        assert!(text.contains("no boot manager of ours left word"), "{text}");
        let text = human::text(&report(&image, &[(SECURE, &[0])], Some("{}"), Set::A));
        assert!(text.contains("Secure Boot is OFF"), "{text}");
        assert!(text.contains("problem: the count of repaired blocks makes no sense"), "{text}");
    }

    #[test]
    fn a_root_beside_both_sets_is_a_problem_and_no_end_of_the_report() {
        let mut problems = Vec::new();
        let stray = PlaceError::NoSet { path: "/dev/vda".into(), number: 7 };
        assert_eq!(or_problem(Err(Failure::Place(stray)), &mut problems).unwrap(), None);
        let said = "the root is on partition 7 of /dev/vda, which is neither ROOT-A nor ROOT-B; to change its sets, boot one \
                    of them";
        assert_eq!(problems, [said]);
        // A request that contradicts what runs is still refused.
        let other = Failure::AnotherRuns { actual: Set::A, said: Set::B };
        assert!(or_problem(Err(other), &mut problems).is_err() && problems.len() == 1);
    }

    #[test]
    fn a_uki_that_boots_the_other_sets_root_is_a_problem() {
        let image = Image::factory(SectorSize::B512);
        let report = report(&image, &[(BOOTED, b"B")], None, Set::A);
        assert!(report.problems[0].contains("the boot manager started set B, but the root is set A's"));
    }
}
