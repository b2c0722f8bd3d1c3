//! Chance with a seed, and random units.

use std::format;
use std::string::ToString;

use super::*;

pub(super) struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let sides = u64::try_from(from.len()).ok().filter(|sides| *sides > 0)?;
        from.get(self.roll(sides) as usize).cloned()
    }
}

/// A random set of 2 to 8 units whose edges go to earlier units.
pub(super) fn units(dice: &mut Dice) -> UnitSet {
    let count = 2 + dice.roll(7);
    let mut files = Vec::new();
    let mut all = Vec::new();
    for place in 0..count {
        let name = format!("u{place}");
        let mut text = String::new();
        let oneshot = dice.one_in(3);
        text += if oneshot { "kind = \"oneshot\"\n" } else { "kind = \"service\"\n" };
        text += "exec = [\"/x\"]\n";
        if !oneshot {
            text += match dice.roll(4) {
                0 => "ready = \"notify\"\n",
                1 => "ready = \"notify\"\nreload = \"SIGHUP\"\n",
                _ => "ready = \"started\"\n",
            };
        }
        let restarts: &[&str] =
            if oneshot { &["on-failure", "never"] } else { &["always", "on-failure", "never"] };
        text += &format!("restart = \"{}\"\n", dice.pick(restarts).unwrap_or("never"));
        for key in ["after", "requires", "wants", "binds"] {
            if oneshot && key == "binds" {
                continue;
            }
            let chosen: Vec<String> =
                (0..place).filter(|_| dice.one_in(4)).map(|earlier| format!("\"u{earlier}\"")).collect();
            text += &format!("{key} = [{}]\n", chosen.join(", "));
        }
        text +=
            &format!("start_timeout_ms = {}\nstop_timeout_ms = {}\n", 1 + dice.roll(500), 1 + dice.roll(500));
        text += &format!(
            "stop_last = {}\nkill = \"{}\"\n",
            dice.one_in(6),
            if dice.one_in(3) { "process" } else { "cgroup" }
        );
        if dice.one_in(8) {
            text += "failure_action = \"reboot\"\n";
        }
        let (initial, ceiling) = (1 + dice.roll(50), 1 + dice.roll(6));
        text += &format!(
            "backoff = {{ initial_ms = {initial}, max_ms = 400, reset_after_ms = 300, ceiling = {ceiling}, held_retry_ms = 900 }}\n"
        );
        text += &format!("milestone = \"m{place}\"\n");
        all.push(format!("\"{name}\""));
        files.push((name, text));
    }
    files.push(("default".to_string(), format!("kind = \"target\"\nwants = [{}]\n", all.join(", "))));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    compile(&files).unwrap_or_else(|problems| panic!("{problems:#?}"))
}
