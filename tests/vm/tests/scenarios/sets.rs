//! A disk with two good sets, for stories in which one of them turns bad.
//!
//! Set A is the image's; set B has the same files under another root hash, so the two never share a partition. Both are
//! signed, both are confirmed, A is preferred. No registry and no user data: these stories end before containers.

use std::path::PathBuf;

use imager::digest::{Digest, Key};
use slots::{Attributes, Set};
use vm::guest::Builder;
use vm::{Disk, Lab, Line, Owner, Root, Trust, Uki};

use crate::story::{OrTell as _, lab};

/// The preferred set's priority, and the other's, as an update leaves them.
const FIRST: u8 = 2;
const SECOND: u8 = 1;

/// The stage with its disk and its firmware's variables, which go with the story.
pub struct TwoSets {
    pub lab: Lab,
    pub trust: Trust,
    pub disk: Disk,
    name: &'static str,
    variables: PathBuf,
}

impl TwoSets {
    /// A new disk, and firmware in its factory state.
    pub fn begin(name: &'static str) -> Self {
        let lab = lab();
        let trust = Trust::of_lab(&lab).or_tell();
        std::fs::create_dir_all(&lab.machines).unwrap();
        let disk = Disk::copy(&good(&lab, &trust), &lab.machines.join(format!("{name}.img")), None).or_tell();
        let variables = lab.machines.join(format!("{name}.fd"));
        let _ = std::fs::remove_file(&variables);
        Self { lab, trust, disk, name, variables }
    }

    /// The same with firmware that trusts our keys and a vendor's.
    pub fn begin_secure(name: &'static str) -> Self {
        let story = Self::begin(name);
        story.trust.enrolled(&story.lab, &story.variables).or_tell();
        story
    }

    /// The machine with this disk and these variables: whenever it is started, it is the same one switched on again.
    pub fn machine(&self) -> Builder {
        self.lab.guest(self.name).disk(self.disk.clone()).variables(&self.variables)
    }

    /// The image's UKI, to be changed.
    pub fn uki(&self) -> Uki {
        Uki::of_image(&self.lab.image).or_tell()
    }

    /// Puts a UKI, signed by us, into a set.
    pub fn put_signed(&self, set: Set, uki: &Uki) {
        self.put(set, &self.trust.sign(Owner::Ours, &uki.pack().or_tell()).or_tell());
    }

    /// Puts these very bytes into a set.
    pub fn put(&self, set: Set, uki: &[u8]) {
        self.disk.put_uki(set, uki).or_tell();
    }

    /// Puts a set on trial with this many tries, before the other, which is confirmed.
    pub fn try_first(&self, set: Set, tries: u8) {
        self.mark(set, FIRST, tries, false);
        self.mark(set.other(), SECOND, 0, true);
    }

    /// Prefers a confirmed set to the other, also confirmed.
    pub fn prefer(&self, set: Set) {
        self.mark(set, FIRST, 0, true);
        self.mark(set.other(), SECOND, 0, true);
    }

    /// Leaves a set nothing to be chosen for.
    pub fn retire(&self, set: Set) {
        self.mark(set, 0, 0, false);
    }

    /// A set's bits on the disk.
    pub fn bits(&self, set: Set) -> Attributes {
        self.disk.attributes(set).or_tell()
    }

    fn mark(&self, set: Set, priority: u8, tries: u8, successful: bool) {
        let attributes = Attributes::new(priority, tries, successful, 0).unwrap();
        self.disk.set_attributes(set, attributes).or_tell();
    }
}

impl Drop for TwoSets {
    fn drop(&mut self) {
        for file in [self.disk.path(), &self.variables] {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// The disk every story copies, made once for an image.
fn good(lab: &Lab, trust: &Trust) -> PathBuf {
    let uki = std::fs::read(lab.image.file("uki.efi")).unwrap();
    let key =
        Key::new("two_sets", 1).part(Digest::of(&uki).as_str()).file(&lab.image.file("bootmgr.efi")).unwrap();
    let place = lab.cache().or_tell().step("two_sets", &key.finish(), |dir| {
        let disk = Disk::copy(&lab.image.disk(), &dir.join("disk.img"), None)?;
        let root = Root::resealed(lab)?;
        let other = Uki::parse(&uki)?.with_root(&root).pack()?;
        disk.put_uki(Set::B, &trust.sign(Owner::Ours, &other)?)?;
        disk.put_root(Set::B, &root)?;
        for (set, priority) in [(Set::A, FIRST), (Set::B, SECOND)] {
            let confirmed = Attributes::new(priority, 0, true, 0).unwrap_or_default();
            disk.set_attributes(set, confirmed)?;
        }
        Ok(())
    });
    place.unwrap_or_else(|err| panic!("{err:#}")).join("disk.img")
}

/// A console line with all of these words in it.
pub fn says(words: &[&str]) -> impl Fn(&str) -> bool + use<> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    move |text| words.iter().all(|word| text.contains(word))
}

/// The boot manager hands over to a set.
pub fn starting(set: Set) -> impl Fn(&str) -> bool {
    says(&["bootmgr: starting", &format!("set={set} ")])
}

/// The boot manager refuses a set.
pub fn refused(set: Set) -> impl Fn(&str) -> bool {
    says(&["bootmgr: refused", &format!("set={set} ")])
}

/// A value in a line of `key=value` facts.
pub fn fact<'l>(line: &'l Line, key: &str) -> &'l str {
    let found = line.text.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {key} in {:?}", line.text))
}
