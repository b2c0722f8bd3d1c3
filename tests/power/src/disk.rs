//! A disk whose writes sit in a volatile cache until they are flushed, and whose power lasts for so many operations.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use partition::{Geometry, Sectors};

/// The content of one sector.
pub type Sector = Rc<[u8]>;

/// The power is off: what was asked did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the power is off")]
pub struct Off;

/// The disk. Sectors that nobody wrote read as zeroes.
#[derive(Clone)]
pub struct Disk {
    geometry: Geometry,
    /// What a cut cannot take.
    durable: BTreeMap<u64, Sector>,
    /// What a reader sees: the cache over the medium.
    seen: BTreeMap<u64, Sector>,
    /// Writes since the last flush, in order.
    pending: Vec<(u64, Sector)>,
    zeroes: Sector,
    /// Writes and flushes until the power fails.
    left: Option<usize>,
    done: usize,
}

impl Disk {
    /// A disk of zeroes, on mains power.
    pub fn new(geometry: Geometry) -> Self {
        let zeroes = vec![0; geometry.sector().bytes()].into();
        let (durable, seen) = (BTreeMap::new(), BTreeMap::new());
        Self { geometry, durable, seen, pending: Vec::new(), zeroes, left: None, done: 0 }
    }

    /// Sector size and count.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The same disk, larger or smaller.
    pub fn resized(mut self, geometry: Geometry) -> Self {
        self.geometry = geometry;
        self
    }

    /// The power fails after so many more writes and flushes.
    pub fn lasts(mut self, operations: usize) -> Self {
        self.left = Some(operations);
        self
    }

    /// The power has failed.
    pub fn is_off(&self) -> bool {
        self.left == Some(0)
    }

    /// Writes and flushes so far.
    pub fn operations(&self) -> usize {
        self.done
    }

    /// What is in a sector, cache included.
    pub fn sector(&self, lba: u64) -> Sector {
        self.seen.get(&lba).unwrap_or(&self.zeroes).clone()
    }

    /// What is in a sector for sure.
    pub fn durable_sector(&self, lba: u64) -> Sector {
        self.durable.get(&lba).unwrap_or(&self.zeroes).clone()
    }

    /// Writes since the last flush, in order.
    pub fn pending(&self) -> &[(u64, Sector)] {
        &self.pending
    }

    /// The disk as it is when the power is back, had these sectors survived; all others hold what was durable.
    pub fn after_cut(&self, survivors: impl IntoIterator<Item = (u64, Sector)>) -> Self {
        let mut durable = self.durable.clone();
        durable.extend(survivors);
        let seen = durable.clone();
        let zeroes = self.zeroes.clone();
        Self { geometry: self.geometry, durable, seen, pending: Vec::new(), zeroes, left: None, done: 0 }
    }

    /// Puts bytes on the medium behind everybody's back.
    pub fn put(&mut self, lba: u64, bytes: &[u8]) {
        for (lba, sector) in (lba..).zip(bytes.chunks(self.geometry.sector().bytes())) {
            let mut whole = sector.to_vec();
            whole.resize(self.geometry.sector().bytes(), 0);
            let whole: Sector = whole.into();
            self.durable.insert(lba, whole.clone());
            self.seen.insert(lba, whole);
        }
    }

    /// Reads whole sectors.
    pub fn read(&self, lba: u64, into: &mut [u8]) -> Result<(), Off> {
        if self.is_off() {
            return Err(Off);
        }
        for (lba, part) in (lba..).zip(into.chunks_mut(self.geometry.sector().bytes())) {
            assert!(lba <= self.geometry.last_lba(), "read past the disk");
            part.copy_from_slice(&self.sector(lba)[..part.len()]);
        }
        Ok(())
    }

    /// Writes whole sectors, into the cache.
    pub fn write(&mut self, lba: u64, bytes: &[u8]) -> Result<(), Off> {
        self.operation()?;
        for (lba, part) in (lba..).zip(bytes.chunks_exact(self.geometry.sector().bytes())) {
            assert!(lba <= self.geometry.last_lba(), "write past the disk");
            let sector: Sector = part.into();
            self.seen.insert(lba, sector.clone());
            self.pending.push((lba, sector));
        }
        Ok(())
    }

    /// Empties the cache onto the medium.
    pub fn flush(&mut self) -> Result<(), Off> {
        self.operation()?;
        self.durable.extend(self.pending.drain(..));
        Ok(())
    }

    fn operation(&mut self) -> Result<(), Off> {
        match &mut self.left {
            Some(0) => return Err(Off),
            Some(left) => *left -= 1,
            None => {}
        }
        self.done += 1;
        Ok(())
    }
}

impl Sectors for &Disk {
    type Error = Off;

    fn read(&mut self, lba: u64, count: u64) -> Result<Vec<u8>, Off> {
        let mut bytes = vec![0; count as usize * self.geometry.sector().bytes()];
        Disk::read(self, lba, &mut bytes)?;
        Ok(bytes)
    }
}

/// What the operating system's programs see, through `os/block`.
impl block::Disk for Disk {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read(self.aligned(buffer, offset), buffer).map_err(io::Error::other)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write(self.aligned(bytes, offset), bytes).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Disk::flush(self).map_err(io::Error::other)
    }
}

impl Disk {
    fn aligned(&self, bytes: &[u8], offset: u64) -> u64 {
        let sector = self.geometry.sector().bytes() as u64;
        assert!(
            offset.is_multiple_of(sector) && (bytes.len() as u64).is_multiple_of(sector),
            "whole sectors"
        );
        offset / sector
    }
}
