//! Kubernetes quantities: amounts of memory and CPU time, and plain counts.
//!
//! A quantity is a decimal number and a suffix: `Ki Mi Gi Ti Pi Ei` (powers of 1024), `n u m k M G T P E`
//! (powers of 1000) or an exponent (`e3`). What does not come out even is rounded up, as Kubernetes does. A
//! TOML number may stand for the text.

use alloc::format;
use alloc::string::String;

use super::{Invalid, Scalar};
use crate::value::Value;

/// An amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryBytes(pub u64);

/// CPU time per time, in thousandths of one CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuMillis(pub u64);

/// How many of something, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl Scalar for MemoryBytes {
    const WANTED: &'static str = "an amount of memory like 256Mi";
    const NUMBERS: bool = true;

    fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes =
            scaled(text, 0).ok_or(Invalid::new("not an amount of memory like 256Mi, 1.5Gi or 300M"))?;
        // Below this no container starts; and `256m`, a likely slip for 256M, means a quarter of a byte.
        if bytes < 6 << 20 {
            return Err(Invalid::new(
                "less than 6Mi: no container can start in so little (M or Mi is mega, m is milli)",
            ));
        }
        Ok(MemoryBytes(bytes))
    }

    fn text(&self) -> String {
        format!("{}", self.0)
    }
}

impl Scalar for CpuMillis {
    const WANTED: &'static str = "an amount of CPUs like 500m or 2";
    const NUMBERS: bool = true;

    fn parse(text: &str) -> Result<Self, Invalid> {
        let millis = scaled(text, 3).ok_or(Invalid::new("not an amount of CPUs like 500m, 0.5 or 2"))?;
        // The kernel's shortest quota is 1 ms in the usual period of 100 ms.
        if !(10..=1_000_000).contains(&millis) {
            return Err(Invalid::new("not between 10m and 1000 CPUs"));
        }
        Ok(CpuMillis(millis))
    }

    fn text(&self) -> String {
        format!("{}m", self.0)
    }
}

impl Scalar for Count {
    const WANTED: &'static str = "a whole number from 1";
    const NUMBERS: bool = true;

    fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(count) if digits && count > 0 => Ok(Count(count.into())),
            _ => Err(Invalid::new("not a whole number from 1 to 4294967295")),
        }
    }

    fn text(&self) -> String {
        format!("{}", self.0)
    }

    fn value(&self) -> Value {
        i64::try_from(self.0).map_or_else(|_| Value::Text(self.text()), Value::Integer)
    }
}

/// The quantity times 10^`shift`, rounded up; `None` when it is not one or does not fit.
pub(super) fn scaled(text: &str, shift: i32) -> Option<u64> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 20 {
        return None;
    }
    let (binary, decimal) = match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1u128 << 60, 0),
        exponent => (1, exponent.strip_prefix(['e', 'E'])?.parse::<i8>().ok()?.into()),
    };
    // 20 digits times 2^60 fit in 128 bits; powers of ten are checked.
    let digits = whole.bytes().chain(fraction.bytes()).fold(0u128, |sum, b| sum * 10 + u128::from(b - b'0'));
    let amount = digits.checked_mul(binary)?;
    let power = decimal + shift - i32::try_from(fraction.len()).ok()?;
    let ten = 10u128.checked_pow(power.unsigned_abs());
    let result = match (power >= 0, ten) {
        (true, Some(ten)) => amount.checked_mul(ten)?,
        (true, None) if amount == 0 => 0,
        (true, None) => return None,
        (false, Some(ten)) => amount.div_ceil(ten),
        (false, None) => u128::from(amount > 0),
    };
    u64::try_from(result).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn quantities_scale_as_kubernetes_says() {
        for (text, shift, want) in [
            ("0", 0, Some(0)),
            ("1Ki", 0, Some(1024)),
            ("256Mi", 0, Some(256 << 20)),
            ("1.5Gi", 0, Some(3 << 29)),
            ("300M", 0, Some(300_000_000)),
            ("1e3", 0, Some(1000)),
            ("1E3", 0, Some(1000)),
            ("12E", 0, Some(12_000_000_000_000_000_000)),
            ("1.1", 0, Some(2)),
            ("100m", 0, Some(1)),
            ("500m", 3, Some(500)),
            ("0.5", 3, Some(500)),
            (".5", 3, Some(500)),
            ("2.", 3, Some(2000)),
            ("1u", 3, Some(1)),
            ("1e-99", 0, Some(1)),
            ("0e99", 0, Some(0)),
            ("15Ei", 0, Some(15 << 60)),
            ("16Ei", 0, None),
            ("18446744073709551615", 0, Some(u64::MAX)),
            ("18446744073709551616", 0, None),
            ("1e99", 0, None),
            ("1e999", 0, None),
        ] {
            assert_eq!(scaled(text, shift), want, "{text}");
        }
        for bad in [
            "", ".", "m", "-1", "+1", "1.2.3", "1 Mi", "1mi", "1MI", "1KB", "0x10", "1e", "inf", "\u{661}",
            "1Mi\n",
        ] {
            assert_eq!(scaled(bad, 0), None, "{bad}");
        }
    }

    #[test]
    fn amounts_have_floors() {
        accepts::<MemoryBytes>(&["6Mi", "256Mi", "1G", "268435456"], &["5.99Mi", "256m", "0", "-1Gi", "1GB"]);
        accepts::<CpuMillis>(&["10m", "0.01", "2", "1000"], &["9m", "0", "1001", "500M", "2 cores"]);
        accepts::<Count>(&["1", "100", "4294967295"], &["0", "-1", "1.5", "+1", "", "4294967296"]);
    }
}
