//! Times for people: UTC always, so that two people, and a log, mean the same instant.

/// Seconds since 1970 as `2026-11-20 17:52:23Z`.
pub fn utc(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Milliseconds as `3.200 s`, or `87 ms` when short.
pub fn span(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..120_000 => format!("{}.{:03} s", ms / 1000, ms % 1000),
        _ => {
            let s = ms / 1000;
            match s {
                0..7200 => format!("{} min {:02} s", s / 60, s % 60),
                7200..172_800 => format!("{} h {:02} min", s / 3600, s / 60 % 60),
                _ => format!("{} d {:02} h", s / 86_400, s / 3600 % 24),
            }
        }
    }
}

/// What is left of a deadline: no finer than a person acts.
pub fn left(ms: u64) -> String {
    if ms < 120_000 { format!("{} s", ms / 1000) } else { span(ms) }
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar. Years are counted from March, so that the
/// day that comes every four years is the last of its year; 719 468 days lie between 0000-03-01 and 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        for (unix_s, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_078_099_199, "2004-02-29 23:59:59Z"),
            (1_795_197_143, "2026-11-20 17:52:23Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
        ] {
            assert_eq!(utc(unix_s), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
        let mut expected = (1970, 1, 1);
        for days in 0..146_097 {
            assert_eq!(civil(days), expected);
            let (year, month, day) = expected;
            let last = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn spans_keep_what_matters_at_their_size() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (3200, "3.200 s"),
            (119_999, "119.999 s"),
            (120_000, "2 min 00 s"),
            (7_200_000, "2 h 00 min"),
            (172_800_000, "2 d 00 h"),
        ] {
            assert_eq!(span(ms), text);
        }
        assert_eq!((left(60_999), left(120_000)), ("60 s".into(), "2 min 00 s".into()));
    }
}
