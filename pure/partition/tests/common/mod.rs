//! A disk in memory, for every test of this crate.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::convert::Infallible;

use partition::{Edit, Geometry, Guid, PlannedPartition, SectorSize, Sectors, Size, Table, build, guid};

pub const ESP: Guid = guid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
pub const ROOT: Guid = guid!("4f68bce3-e8cd-4db1-96e7-fbcaf984b709");
pub const VAR: Guid = guid!("4d21b016-b534-45c2-a9fb-5c16e091fd2d");
pub const DISK: Guid = guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001");
pub const BOTH_SIZES: [SectorSize; 2] = [SectorSize::B512, SectorSize::B4096];

/// Sectors that were written; all others read as zeroes.
#[derive(Clone, PartialEq, Eq)]
pub struct Disk {
    pub geometry: Geometry,
    pub written: BTreeMap<u64, Vec<u8>>,
}

impl Disk {
    pub fn empty(geometry: Geometry) -> Self {
        Self { geometry, written: BTreeMap::new() }
    }

    pub fn sector(&self, lba: u64) -> Vec<u8> {
        let zeroes = || vec![0; self.geometry.sector().bytes()];
        self.written.get(&lba).cloned().unwrap_or_else(zeroes)
    }

    pub fn perform(&mut self, steps: &[Edit]) {
        for step in steps {
            self.written.extend(sectors_of(step, self.geometry.sector()));
        }
    }
}

impl Sectors for Disk {
    type Error = Infallible;

    fn read(&mut self, lba: u64, count: u64) -> Result<Vec<u8>, Infallible> {
        assert!(count <= 257 && lba + count <= self.geometry.sectors(), "read past the disk");
        Ok((lba..lba + count).flat_map(|lba| self.sector(lba)).collect())
    }
}

/// A write, sector by sector.
pub fn sectors_of(step: &Edit, size: SectorSize) -> Vec<(u64, Vec<u8>)> {
    match step {
        Edit::Write { lba, bytes } => (*lba..).zip(bytes.chunks(size.bytes()).map(<[u8]>::to_vec)).collect(),
        Edit::Flush => Vec::new(),
    }
}

pub fn gib(sector: SectorSize, gib: u64) -> Geometry {
    Geometry::new(sector, (gib << 30) / sector.bytes() as u64).unwrap()
}

pub fn planned(name: &str, type_guid: Guid, guid: Guid, size: Size) -> PlannedPartition {
    PlannedPartition { name: name.into(), type_guid, guid, size, attributes: 0 }
}

pub fn plan() -> Vec<PlannedPartition> {
    vec![
        planned("ESP", ESP, guid!("11111111-0000-4000-8000-000000000001"), Size::Bytes(128 << 20)),
        planned("ROOT-A", ROOT, guid!("22222222-0000-4000-8000-000000000002"), Size::Bytes(256 << 20)),
        planned("DATA", VAR, guid!("33333333-0000-4000-8000-000000000003"), Size::Rest),
    ]
}

/// The table of a fresh 4 GiB image.
pub fn image(sector: SectorSize) -> Table {
    build(&gib(sector, 4), DISK, &plan()).unwrap()
}
