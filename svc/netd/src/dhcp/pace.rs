//! How long to wait before asking again, and the randomness in it (RFC 2131 section 4.1).

/// Milliseconds of a clock that never goes back and also counts while the machine sleeps.
pub type Millis = u64;

/// How long the first answer is waited for; doubles with each try (RFC 2131 section 4.1, which begins at 4 s).
pub const FIRST_RETRY_MS: Millis = 1_000;
/// The longest wait between tries (RFC 2131 section 4.1).
pub const LONGEST_RETRY_MS: Millis = 64_000;

/// The wait after the `n`th try, counted from 0.
pub(super) fn doubled(n: u32) -> Millis {
    // Six doublings reach the longest; many more would shift everything out.
    (FIRST_RETRY_MS << n.min(6)).min(LONGEST_RETRY_MS)
}

/// A quarter more or less, at most a second (RFC 2131 section 4.1), so that hosts that boot together part.
pub(super) fn jittered(wait: Millis, random: u64) -> Millis {
    let spread = (wait / 4).min(1_000);
    wait - spread + random % (2 * spread + 1)
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough for numbers that only must differ, and the same for the same seed.
#[derive(Debug, Clone)]
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
