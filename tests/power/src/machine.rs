//! A machine around the disk: `bootmgr::run`'s view of it.

use bootmgr::{Handover, Outcome, SecureBoot, StoredFloor, Watchdog};
use partition::{Geometry, Partition};
use slots::Set;

use crate::disk::{Disk, Off};
use crate::firmware::Firmware;
use crate::image;

/// The images that the firmware accepts: a set holds an intact image when its partition begins with one of them.
#[derive(Debug, Clone)]
pub struct Images(Vec<Vec<u8>>);

impl Images {
    /// One for each name.
    pub fn named<const N: usize>(names: [&str; N]) -> Self {
        Self(names.map(image::uki).to_vec())
    }

    /// The image with this number.
    pub fn get(&self, number: usize) -> &[u8] {
        &self.0[number]
    }
}

/// What is not what the firmware signed off.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Off(#[from] Off),
    #[error("not an accepted image")]
    Foreign,
}

struct Machine<'a> {
    disk: &'a mut Disk,
    images: &'a Images,
    said: Vec<String>,
}

/// Powers the machine on. The set that takes it, or what the machine said when none did.
pub fn boot(disk: &mut Disk, images: &Images, firmware: Firmware) -> Result<Result<Set, String>, Off> {
    if !firmware.start(disk)? {
        return Ok(Err("the firmware finds no table".into()));
    }
    let mut machine = Machine { disk, images, said: Vec::new() };
    let outcome = bootmgr::run(&mut machine);
    let said = machine.said.join("\n");
    match outcome {
        _ if disk.is_off() => Err(Off),
        Outcome::Started(set) => Ok(Ok(set)),
        Outcome::NothingLeft => Ok(Err(said)),
    }
}

impl bootmgr::Machine for Machine<'_> {
    type Error = Fault;
    type Memory = Vec<u8>;
    type Image = Vec<u8>;

    fn disk(&self) -> Geometry {
        self.disk.geometry()
    }

    fn memory(&mut self, bytes: usize) -> Result<Vec<u8>, Fault> {
        Ok(vec![0; bytes])
    }

    fn read(&mut self, lba: u64, into: &mut [u8]) -> Result<(), Fault> {
        Ok(self.disk.read(lba, into)?)
    }

    fn write(&mut self, lba: u64, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.disk.write(lba, bytes)?)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(self.disk.flush()?)
    }

    fn load(&mut self, _: &Partition, image: &[u8]) -> Result<Vec<u8>, Fault> {
        let known = self.images.0.iter().any(|known| known == image);
        if known { Ok(image::laid_out(image)) } else { Err(Fault::Foreign) }
    }

    fn loaded<'a>(&'a self, image: &'a Vec<u8>) -> &'a [u8] {
        image
    }

    fn start(&mut self, _: &Vec<u8>) -> Handover<Fault> {
        if self.disk.is_off() { Handover::Returned(Off.into()) } else { Handover::Taken }
    }

    fn unload(&mut self, _: Vec<u8>) {}

    fn floor(&mut self) -> Result<Option<StoredFloor>, Fault> {
        Ok(None)
    }

    fn set_floor(&mut self, _: [u8; 4]) -> Result<(), Fault> {
        Ok(())
    }

    fn delete_floor(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn secure_boot(&self) -> SecureBoot {
        SecureBoot::On
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.into());
    }

    fn publish(&mut self, _: Set, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn arm_watchdog(&mut self) -> Option<Watchdog> {
        None
    }

    fn now_us(&self) -> u64 {
        0
    }
}
