//! The `.sbat` section: what the image says of its security, in the form that shim defined (SBAT.md of its source tree).
//!
//! One line for the format, one for us; the second field of ours is the security version that the boot manager compares
//! with its floor. `image/release.toml` holds the number and says when to raise it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// First line of every such section: the format's own name and generation.
const FORMAT: &str = "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md";

/// `image/release.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// The security version.
    pub security_version: u32,
    vendor: String,
    contact: String,
}

impl Identity {
    /// Reads the file in the folder `image/`.
    pub fn load(image: &Path) -> Result<Identity> {
        let path = image.join("release.toml");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Identity::parse(&text).with_context(|| format!("bad {}", path.display()))
    }

    fn parse(text: &str) -> Result<Identity> {
        let identity: Identity = toml::from_str(text)?;
        // Zero is what an image without the section counts as.
        ensure!(identity.security_version > 0, "security-version must be at least 1");
        for (key, field) in [("vendor", &identity.vendor), ("contact", &identity.contact)] {
            let plain = field.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b',');
            ensure!(plain && !field.is_empty(), "{key} must be printable ASCII without commas: {field:?}");
        }
        Ok(identity)
    }

    /// The section of a release with this version.
    pub fn section(&self, version: &str) -> String {
        let Identity { security_version, vendor, contact } = self;
        format!("{FORMAT}\ngantry,{security_version},{vendor},gantry,{version},{contact}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../image/release.toml");

    #[test]
    fn the_section_names_the_format_and_us() {
        let section = Identity::parse(SHIPPED).unwrap().section("1.2.3");
        let lines: Vec<Vec<&str>> = section.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [6, 6]);
        assert_eq!(lines[0][..2], ["sbat", "1"]);
        assert_eq!((lines[1][0], lines[1][4]), ("gantry", "1.2.3"));
        assert!(lines[1][1].parse::<u32>().unwrap() >= 1);
    }

    #[test]
    fn what_would_break_the_section_is_refused() {
        let bad = |from: &str, to: &str| Identity::parse(&SHIPPED.replace(from, to)).unwrap_err();
        assert!(bad("security-version = 1", "security-version = 0").to_string().contains("at least 1"));
        assert!(bad("\"Gantry\"", "\"Gantry, Inc\"").to_string().contains("commas"));
        assert!(bad("\"Gantry\"", "\"a\\nsbat\"").to_string().contains("vendor"));
        assert!(bad("contact", "url").to_string().contains("url"));
    }
}
