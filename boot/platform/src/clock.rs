//! Microseconds since reset, from the processor's time stamp counter, for the boot timeline.
//!
//! The counter starts at zero on reset (a virtual machine's when it is made), so its value is the time that the
//! firmware took. Its frequency comes from CPUID where that says it, else from counting during a short stall.

use alloc::vec::Vec;

const MICROSECONDS: u64 = 1_000_000;

/// Frequency from CPUID leaf 0x15 (Intel SDM volume 2A): crystal frequency times numerator over denominator.
/// `None` where the processor leaves any of them out.
pub fn hertz_from_crystal(denominator: u32, numerator: u32, crystal_hertz: u32) -> Option<u64> {
    if numerator == 0 || crystal_hertz == 0 {
        return None;
    }
    (u64::from(crystal_hertz) * u64::from(numerator)).checked_div(u64::from(denominator))
}

/// Frequency from the ticks counted during a stall.
pub fn hertz_from_stall(ticks: u64, stall_us: u64) -> Option<u64> {
    let hertz = u128::from(ticks) * u128::from(MICROSECONDS) / u128::from(stall_us.max(1));
    u64::try_from(hertz).ok().filter(|hertz| *hertz > 0)
}

/// Time of a counter value.
pub fn microseconds(ticks: u64, hertz: u64) -> u64 {
    let us = u128::from(ticks) * u128::from(MICROSECONDS) / u128::from(hertz.max(1));
    u64::try_from(us).unwrap_or(u64::MAX)
}

/// A number as the Boot Loader Interface wants it in a variable: decimal, UTF-16, with a final zero.
pub fn variable_text(number: u64) -> Vec<u8> {
    let digits = alloc::format!("{number}\0");
    digits.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequency_comes_from_a_complete_crystal_leaf_only() {
        assert_eq!(hertz_from_crystal(2, 200, 24_000_000), Some(2_400_000_000));
        for (denominator, numerator, crystal) in [(0, 200, 24_000_000), (2, 0, 24_000_000), (2, 200, 0)] {
            assert_eq!(hertz_from_crystal(denominator, numerator, crystal), None);
        }
        assert_eq!(hertz_from_stall(2_500_000, 1000), Some(2_500_000_000));
        assert_eq!(hertz_from_stall(0, 1000), None);
        assert_eq!(hertz_from_stall(u64::MAX, 1), None);
    }

    #[test]
    fn counter_values_become_microseconds_without_overflow() {
        assert_eq!(microseconds(2_500_000_000, 2_500_000_000), MICROSECONDS);
        assert_eq!(microseconds(u64::MAX, 1), u64::MAX);
        assert_eq!(microseconds(5, 0), 5 * MICROSECONDS);
    }

    #[test]
    fn variables_hold_decimal_utf16() {
        assert_eq!(variable_text(1204), b"1\x002\x000\x004\x00\x00\x00");
        assert_eq!(variable_text(0), b"0\x00\x00\x00");
    }
}
