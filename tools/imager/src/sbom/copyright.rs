//! Licences from Debian's copyright files, where they are machine readable
//! (copyright-format 1.0, <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>).

use std::collections::{BTreeMap, BTreeSet};

/// An SPDX expression and the texts of licences that SPDX has no name for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Licence {
    /// `None` when it is not known to a machine.
    pub expression: Option<String>,
    /// `LicenseRef-...` with its text, or where to find that.
    pub texts: BTreeMap<String, String>,
}

/// Debian's short names and SPDX's, where they differ in more than case.
const NAMES: &[(&str, &str)] = &[
    ("apache-2", "Apache-2.0"),
    ("artistic", "Artistic-1.0-Perl"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("cc0", "CC0-1.0"),
    ("expat", "MIT"),
    ("gfdl-1.3+", "GFDL-1.3-or-later"),
    ("gpl-1+", "GPL-1.0-or-later"),
    ("gpl-2", "GPL-2.0-only"),
    ("gpl-2+", "GPL-2.0-or-later"),
    ("gpl-2.0", "GPL-2.0-only"),
    ("gpl-2.0+", "GPL-2.0-or-later"),
    ("gpl-3", "GPL-3.0-only"),
    ("gpl-3+", "GPL-3.0-or-later"),
    ("gpl-3.0", "GPL-3.0-only"),
    ("gpl-3.0+", "GPL-3.0-or-later"),
    ("lgpl-2", "LGPL-2.0-only"),
    ("lgpl-2+", "LGPL-2.0-or-later"),
    ("lgpl-2.1", "LGPL-2.1-only"),
    ("lgpl-2.1+", "LGPL-2.1-or-later"),
    ("lgpl-3", "LGPL-3.0-only"),
    ("lgpl-3+", "LGPL-3.0-or-later"),
    ("mpl-2", "MPL-2.0"),
];

/// SPDX names that Debian uses as well, up to case.
const SAME: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MPL-1.1",
    "MPL-2.0",
    "Unlicense",
    "Zlib",
];

impl Licence {
    /// From an SPDX expression, as Cargo.toml has it.
    pub fn of_expression(text: &str) -> Licence {
        // An older way of writing OR.
        Licence { expression: Some(text.replace('/', " OR ")), texts: BTreeMap::new() }
    }

    /// From a whole copyright file: what applies to any file of the source, all together.
    pub fn of_copyright(text: &str) -> Licence {
        if !text.trim_start().starts_with("Format:") {
            return Licence::default();
        }
        let stanzas: Vec<&str> = text.split("\n\n").map(|stanza| stanza.trim_start_matches('\n')).collect();
        let mut texts = BTreeMap::new();
        let mut parts = BTreeSet::new();
        let mut bodies: BTreeMap<String, String> = BTreeMap::new();
        for stanza in &stanzas {
            if let Some((name, body)) = licence(stanza) {
                if !body.is_empty() {
                    bodies.entry(name.to_lowercase()).or_insert(body);
                }
                if stanza.starts_with("Files:") && !name.is_empty() {
                    parts.insert(name);
                }
            }
        }
        let mut converted = BTreeSet::new();
        for part in parts {
            converted.insert(convert(&part, &bodies, &mut texts));
        }
        let joined = converted.into_iter().collect::<Vec<_>>().join(" AND ");
        Licence { expression: (!joined.is_empty()).then_some(joined), texts }
    }
}

/// Short name and text of a stanza's licence field.
fn licence(stanza: &str) -> Option<(String, String)> {
    let mut lines = stanza.lines().skip_while(|line| !line.starts_with("License:"));
    let name = lines.next()?.strip_prefix("License:")?.trim().to_owned();
    let body: Vec<&str> = lines.take_while(|line| line.starts_with([' ', '\t'])).map(str::trim).collect();
    Some((name, body.join("\n")))
}

/// `GPL-2+ or MIT, and ISC` in SPDX's words. Debian's comma binds weaker than its words.
fn convert(text: &str, bodies: &BTreeMap<String, String>, texts: &mut BTreeMap<String, String>) -> String {
    let text = text.replace(", and ", " and ").replace(", or ", " or ").replace(',', " and");
    let alternatives: Vec<String> = text
        .split(" or ")
        .map(|alternative| {
            let all: Vec<String> = alternative
                .split(" and ")
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(|name| spdx_name(name, bodies, texts))
                .collect();
            all.join(" AND ")
        })
        .collect();
    if alternatives.len() > 1 { format!("({})", alternatives.join(" OR ")) } else { alternatives.concat() }
}

fn spdx_name(name: &str, bodies: &BTreeMap<String, String>, texts: &mut BTreeMap<String, String>) -> String {
    let key = name.to_lowercase();
    if let Some((_, spdx)) = NAMES.iter().find(|(debian, _)| *debian == key) {
        return (*spdx).to_owned();
    }
    if let Some(spdx) = SAME.iter().find(|spdx| spdx.to_lowercase() == key) {
        return (*spdx).to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let reference = format!("LicenseRef-debian-{}", key.chars().map(plain).collect::<String>());
    let text = bodies.get(&key).cloned();
    let text = text.unwrap_or_else(|| format!("{name}: see the package's copyright file"));
    texts.entry(reference.clone()).or_insert(text);
    reference
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n\n\
        Files: *\nCopyright: someone\nLicense: GPL-2+ or Expat\n\n\
        Files: debian/*\nLicense: Apache-2\n\n\
        Files: odd/*\nLicense: Odd_One\n Do as you like.\n .\n Really.\n\n\
        License: GPL-2+\n On Debian see /usr/share/common-licenses\n";

    #[test]
    fn all_licences_of_a_source_are_joined_in_spdx_words() {
        let licence = Licence::of_copyright(FILE);
        let want = "(GPL-2.0-or-later OR MIT) AND Apache-2.0 AND LicenseRef-debian-odd-one";
        assert_eq!(licence.expression.as_deref(), Some(want));
        assert_eq!(licence.texts["LicenseRef-debian-odd-one"], "Do as you like.\n.\nReally.");
    }

    #[test]
    fn free_text_is_not_guessed_at() {
        assert_eq!(Licence::of_copyright("This package is under the GPL."), Licence::default());
    }

    #[test]
    fn cargos_old_slash_means_or() {
        assert_eq!(Licence::of_expression("MIT/Apache-2.0").expression.as_deref(), Some("MIT OR Apache-2.0"));
    }
}
