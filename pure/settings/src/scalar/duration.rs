//! Lengths of time as Go programs read them.

use alloc::format;
use alloc::string::String;

use super::{Invalid, Scalar, through_text};

/// A length of time: decimal numbers with the units `h`, `m`, `s`, `ms`, `us` and `ns`, added up
/// (`1h30m`, `1.5s`). Not negative, below Go's limit of about 292 years. Keeps the text it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoDuration {
    text: String,
    nanos: u64,
}

impl GoDuration {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How long it is.
    pub fn nanos(&self) -> u64 {
        self.nanos
    }
}

impl Scalar for GoDuration {
    const WANTED: &'static str = "a length of time like 30s or 1h30m";

    fn parse(text: &str) -> Result<Self, Invalid> {
        let nanos = nanos(text).ok_or(Invalid::new(
            "not a length of time like 30s, 500ms or 1h30m (units h, m, s, ms, us, ns; at most 292 years)",
        ))?;
        Ok(GoDuration { text: text.into(), nanos })
    }

    fn text(&self) -> String {
        self.text.clone()
    }
}

impl core::fmt::Display for GoDuration {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text)
    }
}

through_text!(GoDuration);

/// A [`GoDuration`] of at least so many milliseconds; `OR_NONE`: or of none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtLeast<const MILLIS: u64, const OR_NONE: bool>(pub GoDuration);

impl<const MILLIS: u64, const OR_NONE: bool> Scalar for AtLeast<MILLIS, OR_NONE> {
    const WANTED: &'static str = GoDuration::WANTED;

    fn parse(text: &str) -> Result<Self, Invalid> {
        let duration = GoDuration::parse(text)?;
        if duration.nanos >= MILLIS * 1_000_000 || (OR_NONE && duration.nanos == 0) {
            return Ok(AtLeast(duration));
        }
        let none = if OR_NONE { "; 0s turns it off" } else { "" };
        Err(Invalid(format!("shorter than {MILLIS}ms, the least the kubelet takes{none}").into()))
    }

    fn text(&self) -> String {
        self.0.text.clone()
    }
}

const UNITS: &[(&str, u64)] = &[
    // Longer names first: `m` begins `ms`.
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go's time.ParseDuration, without a sign and without the unitless `0`.
fn nanos(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    let mut rest = text;
    let mut total = 0u64;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(number_end);
        let (name, unit) = UNITS.iter().find(|(name, _)| behind.starts_with(name))?;
        total = total.checked_add(scaled(number, *unit)?)?;
        rest = &behind[name.len()..];
    }
    i64::try_from(total).is_ok().then_some(total)
}

/// A decimal number of units, what is below a nanosecond cut off.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let mut nanos = whole.checked_mul(unit)?;
    let mut unit = unit;
    for digit in fraction.bytes() {
        // Cuts the unit a little short at each digit, by less than a nanosecond altogether.
        unit /= 10;
        nanos = nanos.checked_add(u64::from(digit - b'0') * unit)?;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn lengths_of_time_add_up() {
        for (text, want) in [
            ("1ns", Some(1)),
            ("1us", Some(1_000)),
            ("1\u{b5}s", Some(1_000)),
            ("9ms", Some(9_000_000)),
            ("1.5s", Some(1_500_000_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("1h2m3s10ms", Some(3_723_010_000_000)),
            ("1.5h3.5m", Some(5_610_000_000_000)),
            ("1m2h", Some(7_260_000_000_000)),
            ("0s", Some(0)),
            ("2562047h", Some(2_562_047 * 3_600_000_000_000)),
            ("2562048h", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(nanos(text), want, "{text}");
        }
    }

    #[test]
    fn what_go_cannot_read_is_refused() {
        accepts::<GoDuration>(
            &["99s", "20m", "1h", "150s", "1ms1us1ns"],
            &[
                "",
                "0",
                "100",
                "-1s",
                "+1s",
                "...3ms",
                "1..5s",
                "s",
                ".s",
                "ten seconds",
                "1y2w",
                "1 s",
                "1s ",
                "1S",
                "1s\n",
                "1d",
                "\u{661}s",
            ],
        );
        assert!(GoDuration::parse(&"0s".repeat(33)).is_err());
    }

    #[test]
    fn some_lengths_of_time_have_a_least() {
        accepts::<AtLeast<3000, false>>(&["3s", "3000ms", "1h"], &["2999ms", "0s", "", "3"]);
        accepts::<AtLeast<1000, true>>(&["1s", "0s", "0h0s"], &["999ms", "1ns"]);
    }
}
