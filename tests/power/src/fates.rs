//! What a power cut may leave of the writes that were not flushed.

use std::collections::BTreeMap;

use crate::disk::{Disk, Sector};

/// A sequence of choices that a seed determines (xorshift64*).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Every seed has its sequence; no seed is the one that only rolls zeroes.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % sides as u64) as usize
    }
}

/// One sector and everything that it may hold after the cut; what it held before it comes first.
struct Choice {
    lba: u64,
    contents: Vec<Sector>,
}

/// The disks that a cut now may leave: all of them where there are at most `most`, else none-survived, all-survived and a sample.
pub fn survivors(disk: &Disk, dice: &mut Dice, most: usize) -> Vec<Disk> {
    let (changed, rewritten) = choices(disk, dice);
    let all: usize = changed.iter().fold(1, |all, choice| all.saturating_mul(choice.contents.len()));
    let mut left: Vec<Disk> = if all <= most {
        (0..all).map(|fate| disk.after_cut(picked(&changed, fate))).collect()
    } else {
        let any = |dice: &mut Dice| {
            let pick =
                |choice: &Choice| (choice.lba, choice.contents[dice.roll(choice.contents.len())].clone());
            disk.after_cut(changed.iter().map(pick).collect::<Vec<_>>())
        };
        let kept = disk.pending().iter().cloned();
        let ends = [disk.after_cut([]), disk.after_cut(kept)];
        ends.into_iter().chain((2..most).map(|_| any(dice))).collect()
    };
    // A sector that is written with what it holds already can be torn like any other: once beside each of the ends.
    if !rewritten.is_empty() {
        for fate in [0, all.min(usize::MAX - 1) - 1] {
            let lba = rewritten[dice.roll(rewritten.len())];
            let torn = (lba, garbage(disk.geometry().sector().bytes(), dice));
            let others = if all <= most { picked(&changed, fate) } else { Vec::new() };
            left.push(disk.after_cut(others.into_iter().chain([torn])));
        }
    }
    left
}

/// The contents that number `fate` stands for, in mixed radix.
fn picked(choices: &[Choice], fate: usize) -> Vec<(u64, Sector)> {
    let mut rest = fate;
    let pick = |choice: &Choice| {
        let content = choice.contents[rest % choice.contents.len()].clone();
        rest /= choice.contents.len();
        (choice.lba, content)
    };
    choices.iter().map(pick).collect()
}

/// Sectors that change, with their choices; and those that are written without changing.
fn choices(disk: &Disk, dice: &mut Dice) -> (Vec<Choice>, Vec<u64>) {
    let mut written: BTreeMap<u64, Vec<Sector>> = BTreeMap::new();
    for (lba, sector) in disk.pending() {
        written.entry(*lba).or_default().push(sector.clone());
    }
    let (mut changed, mut rewritten) = (Vec::new(), Vec::new());
    for (lba, versions) in written {
        let old = disk.durable_sector(lba);
        let mut contents = vec![old.clone()];
        for new in versions {
            if !contents.contains(&new) {
                contents.push(new);
            }
        }
        if contents.len() == 1 {
            rewritten.push(lba);
            continue;
        }
        for new in contents.clone().into_iter().skip(1) {
            contents.extend([torn(&old, &new, dice), torn(&new, &old, dice)].into_iter().flatten());
        }
        contents.push(garbage(old.len(), dice));
        changed.push(Choice { lba, contents });
    }
    (changed, rewritten)
}

/// The beginning of one and the end of the other, parted within what differs; `None` where no point parts it.
fn torn(begins: &Sector, ends: &Sector, dice: &mut Dice) -> Option<Sector> {
    let differs = |at: &usize| begins[*at] != ends[*at];
    let (first, last) = ((0..begins.len()).find(differs)?, (0..begins.len()).rfind(differs)?);
    let point = first + 1 + dice.roll((last - first).max(1));
    (first < last).then(|| [&begins[..point], &ends[point..]].concat().into())
}

fn garbage(bytes: usize, dice: &mut Dice) -> Sector {
    (0..bytes).map(|_| dice.roll(256) as u8).collect()
}
