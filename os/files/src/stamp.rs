//! When a line was written, in both clocks: the wall's for people, the boot's because the wall's may still be
//! wrong.

use std::fmt;

use rustix::time::{ClockId, Timespec, clock_gettime};

const DAY_SECONDS: i64 = 86_400;
const MICROS: i64 = 1_000_000;

/// Both clocks at one instant, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Since 1970, UTC.
    pub wall_us: i64,
    /// Since the kernel started.
    pub boot_us: i64,
}

impl Stamp {
    /// Now.
    pub fn now() -> Self {
        let micros = |time: Timespec| time.tv_sec * MICROS + time.tv_nsec / 1000;
        Self {
            wall_us: micros(clock_gettime(ClockId::Realtime)),
            boot_us: micros(clock_gettime(ClockId::Boottime)),
        }
    }

    /// The instant at which the boot clock showed `boot_us`, told from what both show at `self`.
    pub fn at_boot_us(self, boot_us: i64) -> Self {
        Self { wall_us: self.wall_us - self.boot_us.saturating_sub(boot_us), boot_us }
    }
}

impl Stamp {
    /// The wall's time alone, `2026-11-20T11:17:07.123456Z` (RFC 3339).
    pub fn utc(&self) -> impl fmt::Display {
        Utc(self.wall_us)
    }
}

impl fmt::Display for Stamp {
    /// `2026-11-20T11:17:07.123456Z 12345`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.utc(), self.boot_us / 1000)
    }
}

/// Microseconds since 1970.
struct Utc(i64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.div_euclid(MICROS), self.0.rem_euclid(MICROS));
        let (days, second) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// Counts in years that begin with March, so that the leap day is a year's last, and in the calendar's cycle
/// of 400 years or 146097 days. Month lengths from March on repeat 31,30,31,30,31: 153 days in five months.
fn date(days: i64) -> (i64, i64, i64) {
    let from_0000_03_01 = days + 719_468;
    let (cycle, day_of_cycle) = (from_0000_03_01.div_euclid(146_097), from_0000_03_01.rem_euclid(146_097));
    let leap_days = day_of_cycle / 1460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
    let year_of_cycle = (day_of_cycle - leap_days) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let (month, carry) = if march_month < 10 { (march_month + 3, 0) } else { (march_month - 9, 1) };
    (cycle * 400 + year_of_cycle + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::{Stamp, date};

    #[test]
    fn every_day_of_eight_hundred_years_follows_the_one_before() {
        let leap = |year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let mut want = (1970, 1, 1);
        for days in 0..292_194 {
            assert_eq!(date(days), want);
            let (year, month, day) = want;
            let length = match month {
                2 if leap(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            want = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                _ if day == length => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
        assert_eq!(date(-1), (1969, 12, 31));
    }

    #[test]
    fn both_clocks_are_shown() {
        let stamp = Stamp { wall_us: 1_795_173_427_000_042, boot_us: 12_345_678 };
        assert_eq!(stamp.to_string(), "2026-11-20T11:17:07.000042Z 12345");
        assert_eq!(stamp.at_boot_us(2_345_678).to_string(), "2026-11-20T11:16:57.000042Z 2345");
    }
}
