//! Amounts as the kubelet reads them, and what it watches.

use alloc::string::{String, ToString};

use super::quantity::scaled;
use super::{Invalid, Scalar, text_scalar};
use crate::shape::{Facts, Kind};
use crate::value::Value;

text_scalar! {
    /// A Kubernetes quantity, not negative (`500m`, `1.5Gi`, `10M`, `1e3`). Kept as written.
    Quantity: "a quantity like 500m, 1Gi or 300M", |text| {
        if scaled(text, 0).is_some() {
            return Ok(());
        }
        Err(Invalid::new("not a quantity like 500m, 1Gi or 300M (k is kilo, K alone is not known)"))
    }
}

impl Quantity {
    /// Whole units (bytes, CPUs, processes), rounded up.
    pub fn units(&self) -> u64 {
        // Parsed once already; see `check`.
        scaled(&self.0, 0).unwrap_or(u64::MAX)
    }
}

text_scalar! {
    /// When there is too little left of something: a [`Quantity`], or a percentage from 0 to below 100. Kept as written.
    Threshold: "a quantity like 100Mi, or a percentage like 10%", |text| match text.strip_suffix('%') {
        Some(percent) => check_percent(percent),
        None => Quantity::parse(text).map(drop).map_err(|_| {
            Invalid::new("neither a quantity like 100Mi nor a percentage like 10%")
        }),
    }
}

impl Threshold {
    /// The amount; none when it is a percentage.
    pub fn quantity(&self) -> Option<Quantity> {
        Quantity::parse(&self.0).ok()
    }
}

fn check_percent(text: &str) -> Result<(), Invalid> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if digits(whole) && digits(fraction) && whole.parse::<u32>().is_ok_and(|whole| whole < 100) {
        return Ok(());
    }
    Err(Invalid::new("not a percentage from 0 to below 100"))
}

/// 1 to 9 digits.
fn digits(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// A part of something: above 0, up to 1, in decimal (`0.9`). Kept as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fraction(String);

impl Fraction {
    /// The number, for files in which it is one.
    pub fn get(&self) -> f64 {
        // Parsed once already.
        self.0.parse().unwrap_or(1.0)
    }
}

impl Scalar for Fraction {
    const WANTED: &'static str = "a number above 0, up to 1";
    const NUMBERS: bool = true;

    fn parse(text: &str) -> Result<Self, Invalid> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let nothing = |part: &str| part.bytes().all(|b| b == b'0');
        let within = match whole {
            "0" => !nothing(fraction),
            "1" => nothing(fraction),
            _ => false,
        };
        if within && digits(fraction) {
            return Ok(Fraction(text.into()));
        }
        Err(Invalid::new("not a number above 0 and up to 1, like 0.9"))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// A whole percentage, 0 to 100. Text may stand for the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u8);

impl Scalar for Percent {
    const WANTED: &'static str = "a whole number from 0 to 100";
    const NUMBERS: bool = true;
    const FACTS: Facts = Facts::new(Kind::TextOrNumber, Self::WANTED).between(0, 100);

    fn parse(text: &str) -> Result<Self, Invalid> {
        let percent = text.parse().ok().filter(|percent| digits(text) && *percent <= 100);
        percent.map(Percent).ok_or(Invalid::new("not a whole number from 0 to 100"))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }

    fn value(&self) -> Value {
        Value::Integer(self.0.into())
    }
}

/// A NUMA node's number, 0 to 1023.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumaNode(pub u16);

impl Scalar for NumaNode {
    const WANTED: &'static str = "the number of a NUMA node";

    fn parse(text: &str) -> Result<Self, Invalid> {
        // The kernel's MAX_NUMNODES. One spelling each, or one node could have two entries.
        let node = text.parse().ok().filter(|node: &u16| *node < 1024 && node.to_string() == text);
        node.map(NumaNode).ok_or(Invalid::new("not the number of a NUMA node, 0 to 1023"))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

text_scalar! {
    /// CPUs by number, as the kernel lists them: `0-3,8,10-11`. Numbers up to 8191, each range upwards, no CPU twice.
    CpuSet: "a list of CPUs like 0-3,8", |text| {
        let mut seen = alloc::vec![false; MAX_CPUS];
        for piece in text.split(',') {
            let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
            let (Some(first), Some(last)) = (cpu(first), cpu(last)) else {
                return Err(Invalid::new("not a list of CPUs like 0-3,8 (numbers up to 8191)"));
            };
            if first > last {
                return Err(Invalid::new("a range of CPUs ends before it starts"));
            }
            for cpu in &mut seen[first..=last] {
                if core::mem::replace(cpu, true) {
                    return Err(Invalid::new("a CPU is listed twice"));
                }
            }
        }
        Ok(())
    }
}

/// What kernels for servers are built for at most (NR_CPUS).
const MAX_CPUS: usize = 8192;

fn cpu(text: &str) -> Option<usize> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|cpu| digits && *cpu < MAX_CPUS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn quantities() {
        accepts::<Quantity>(
            &["0", "129e6", "10Mi", "1024M", "1Gi", "120Ki", "1Ti", "1000n", "100m", "1.5Gi", "4k"],
            &[
                "", "12%", "12ki", "100e23m", "1100KTi", "100Kiii", "1000i", "1K", "-1", "+1", "1 Gi",
                "1Gi\n", "lots",
            ],
        );
        assert_eq!(Quantity::parse("1.5Gi").unwrap().units(), 3 << 29);
        assert_eq!(Quantity::parse("100m").unwrap().units(), 1);
    }

    #[test]
    fn thresholds_are_quantities_or_percentages() {
        accepts::<Threshold>(
            &["10%", "0%", "99.9%", "5.25%", "100Mi", "129e6", "1Gi"],
            &[
                "",
                "%",
                "100%",
                "-1%",
                "1e1%",
                "anything%",
                "10%%",
                ".5%",
                "5.%",
                "1.2.3%",
                "10 %",
                "12ki",
                "1K",
            ],
        );
    }

    #[test]
    fn fractions_are_above_nothing_and_up_to_one() {
        accepts::<Fraction>(
            &["0.9", "1", "1.0", "0.000000001"],
            &[
                "",
                "0",
                "0.0",
                "1.1",
                "2",
                "-0.5",
                ".5",
                "0.",
                "0.5e1",
                "0,5",
                "0.0000000001",
                "00.5",
                "inf",
                "nan",
            ],
        );
    }

    #[test]
    fn percentages_are_whole() {
        accepts::<Percent>(&["0", "85", "100"], &["", "-1", "101", "85%", "8.5", "+5", "1e1", "300"]);
        assert_eq!(Percent(85).value(), Value::Integer(85));
    }

    #[test]
    fn numa_nodes_have_one_spelling() {
        accepts::<NumaNode>(&["0", "7", "1023"], &["", "00", "1024", "-1", "+1", "node0", "a"]);
    }

    #[test]
    fn lists_of_cpus() {
        accepts::<CpuSet>(
            &["0", "8191", "0-3", "0-3,8", "8,0-3", "1,3,5-7"],
            &[
                "", ",", "0,", "-1", "3-", "3-1", "8192", "0-8192", "00001", "a", "0-3:1/2", "0 ,1", "0-2,2",
                "0,0", "1--2", "0-1-2", "0\n",
            ],
        );
    }
}
