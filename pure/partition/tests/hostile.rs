//! Whatever a disk holds: no panic, no read past it, and no table that breaks its promises.

#![allow(clippy::unwrap_used)]

mod common;

use common::{BOTH_SIZES, Disk, gib, image};
use partition::{Geometry, load};

/// xorshift64*: the seed is printed with a failure, so that it can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % sides
    }
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).to_le_bytes()
}

/// Makes the checksums right again, so that the checks behind them are reached.
fn reseal(disk: &mut Disk, lba: u64) {
    let entries = disk.sector(2);
    let mut array = entries;
    array.resize(16384, 0);
    let header = disk.written.get_mut(&lba).unwrap();
    let array_crc = crc32(&array);
    header[88..92].copy_from_slice(&array_crc);
    header[16..20].fill(0);
    let header_crc = crc32(&header[..92]);
    header[16..20].copy_from_slice(&header_crc);
}

fn holds(disk: &mut Disk, geometry: &Geometry) {
    let Ok(found) = load(disk, geometry) else { return };
    let mut parts: Vec<_> = found.table.partitions().collect();
    parts.sort_by_key(|p| p.first_lba);
    for p in &parts {
        assert!(2 < p.first_lba && p.first_lba <= p.last_lba && p.last_lba < geometry.last_lba());
    }
    assert!(parts.windows(2).all(|pair| pair[0].last_lba < pair[1].first_lba));
    if let Ok(grown) = found.table.grown(geometry) {
        let mut copy = disk.clone();
        copy.perform(found.edits(&grown).steps());
        assert_eq!(load(&mut copy, geometry).unwrap().table, grown);
    }
}

#[test]
fn damaged_and_forged_tables_never_panic_or_lie() {
    const INTERESTING: [u64; 9] = [0, 1, 2, 33, 34, 127, 1 << 31, u64::MAX - 1, u64::MAX];
    for seed in 1..=3000_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let sector = BOTH_SIZES[dice.roll(2) as usize];
        let geometry = gib(sector, 4);
        let mut disk = Disk::empty(geometry);
        disk.perform(image(sector).fresh_edits().steps());
        for _ in 0..=dice.roll(3) {
            let lba = [1, 2, geometry.last_lba()][dice.roll(3) as usize];
            let field = dice.roll(if lba == 2 { 48 } else { 11 }) as usize * 8;
            let value = match dice.roll(3) {
                0 => INTERESTING[dice.roll(9) as usize],
                1 => dice.roll(geometry.sectors()),
                _ => dice.roll(1 << 48) << dice.roll(16),
            };
            disk.written.get_mut(&lba).unwrap()[field..field + 8].copy_from_slice(&value.to_le_bytes());
        }
        if dice.roll(4) > 0 {
            reseal(&mut disk, 1);
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| holds(&mut disk, &geometry)));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
