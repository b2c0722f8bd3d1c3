//! What the fw_cfg file asks for.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// No measurement needs more rest than this; a larger number is a typing error.
const SETTLE_MAX_S: u64 = 3600;

/// Words separated by blanks or line ends: `settle=SECONDS`, `listen=PATH`. A bare number is a settle time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Print the memory in use after this much rest.
    pub settle: Option<Duration>,
    /// Obey orders from this serial line.
    pub listen: Option<PathBuf>,
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        // The hypervisor may pass a C string, NUL and all.
        for word in text.trim_end_matches('\0').split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or(("settle", word));
            match key {
                "settle" => plan.settle = Some(seconds(value)?),
                "listen" if value.starts_with("/dev/") => plan.listen = Some(PathBuf::from(value)),
                "listen" => return Err(format!("listen={value}: want a path below /dev")),
                _ => return Err(format!("unknown word {word}")),
            }
        }
        Ok(plan)
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    match value.parse() {
        Ok(seconds) if seconds <= SETTLE_MAX_S => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("settle={value}: want seconds, 0 to {SETTLE_MAX_S}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_number_is_a_settle_time() {
        let plan: Plan = "15\n\0".parse().unwrap();
        assert_eq!(plan, Plan { settle: Some(Duration::from_secs(15)), listen: None });
    }

    #[test]
    fn both_words_may_stand_together() {
        let plan: Plan = "settle=3 listen=/dev/ttyS1".parse().unwrap();
        assert_eq!(plan.settle, Some(Duration::from_secs(3)));
        assert_eq!(plan.listen, Some(PathBuf::from("/dev/ttyS1")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["settle=x", "settle=999999", "sleep=3", "listen=ttyS1", "x"] {
            assert!(text.parse::<Plan>().is_err(), "{text}");
        }
    }
}
