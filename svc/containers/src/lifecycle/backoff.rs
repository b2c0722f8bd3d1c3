//! How long to wait after failures.

/// From this failure in a row on, a container counts as crash-looping and is reported as held. The pause is 8
/// s then.
pub const HELD_FROM: u32 = 4;

/// First pause after an exit.
const RESTART_FIRST_MS: u64 = 1_000;

/// Longest pause after an exit.
const RESTART_LONGEST_MS: u64 = 300_000;

/// First pause after a failed pull.
const PULL_FIRST_MS: u64 = 1_000;

/// Longest pause after failed pulls, without jitter. Shorter than for exits: a registry that is back is worth
/// finding soon.
const PULL_LONGEST_MS: u64 = 60_000;

/// Pause after the `failures`th exit in a row: 1 s, doubled each time, at most 5 min.
pub fn restart_delay_ms(failures: u32) -> u64 {
    doubled(RESTART_FIRST_MS, failures, RESTART_LONGEST_MS)
}

/// Pause after the `failures`th failed pull in a row: 1 s, doubled, at most 1 min, and up to half as much
/// again by chance.
pub fn pull_delay_ms(failures: u32, random: &mut u32) -> u64 {
    let delay = doubled(PULL_FIRST_MS, failures, PULL_LONGEST_MS);
    delay + u64::from(next(random)) % (delay / 2)
}

fn doubled(first: u64, times: u32, longest: u64) -> u64 {
    let factor = 1u64.checked_shl(times.saturating_sub(1)).unwrap_or(u64::MAX);
    first.saturating_mul(factor).min(longest)
}

/// Marsaglia's xorshift: chance enough to spread pauses.
fn next(state: &mut u32) -> u32 {
    let mut x = (*state).max(1);
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_pauses_double_from_a_second_to_five_minutes() {
        let delays: Vec<_> = (1..=11).map(restart_delay_ms).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(|s| s * 1000));
        assert_eq!(restart_delay_ms(u32::MAX), RESTART_LONGEST_MS);
    }

    #[test]
    fn pull_pauses_stay_within_their_bounds() {
        let mut random = 7;
        for failures in 1..200 {
            let delay = pull_delay_ms(failures, &mut random);
            assert!((PULL_FIRST_MS..PULL_LONGEST_MS * 3 / 2).contains(&delay), "{failures}: {delay}");
        }
    }
}
