//! What an image is made of, as bills of materials: SPDX 2.3 and CycloneDX 1.5, from one list of components.
//!
//! Deterministic: dates are the lock file's, identifiers follow from names and the root hash.

mod copyright;
mod crates;
mod cyclonedx;
mod spdx;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::lock::{LockFile, Package};
use crate::packages::Unpacked;
use crate::programs::Places;

pub use copyright::Licence;

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supplier {
    /// A Debian package; with the source packages that its build linked in.
    Debian {
        /// Source package.
        source: String,
        /// Of the package file.
        sha256: String,
        /// `NAME (= VERSION)` of sources compiled into it (Go programs have many).
        built_using: Vec<String>,
    },
    /// A crate of the registry.
    Crate,
    /// Rust's standard library.
    Rust,
    /// This repository.
    Gantry,
}

/// One component.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from.
    pub supplier: Supplier,
    /// Package URL.
    pub purl: String,
    /// Project page.
    pub homepage: Option<String>,
    /// Licences, where they are machine readable.
    pub licence: Licence,
}

/// What the bills say about the image as a whole.
pub struct Subject<'a> {
    /// Variant.
    pub name: &'a str,
    /// Version.
    pub version: &'a str,
    /// Identity of the root.
    pub root_hash: &'a str,
    /// Date in RFC 3339.
    pub date: &'a str,
}

/// Lists everything in the image: `packages` from Debian, our programs (package and target) and all that is compiled into them.
pub fn components(
    cache: &Cache,
    lock: &LockFile,
    packages: &[&Package],
    places: &Places,
    programs: &[(&str, &str)],
) -> Result<Vec<Component>> {
    let mut all = Vec::new();
    for package in packages {
        all.push(of_package(cache, lock, package).with_context(|| format!("package {}", package.name))?);
    }
    all.extend(crates::of_programs(&places.repository, programs)?);
    all.sort_by(|a, b| a.purl.cmp(&b.purl));
    Ok(all)
}

/// Both documents: SPDX, then CycloneDX.
pub fn render(subject: &Subject, components: &[Component]) -> Result<(String, String)> {
    let text =
        |value: &serde_json::Value| serde_json::to_string_pretty(value).context("cannot write an SBOM");
    let spdx = text(&spdx::document(subject, components))? + "\n";
    let cyclonedx = text(&cyclonedx::document(subject, components))? + "\n";
    Ok((spdx, cyclonedx))
}

/// The copyright file of a package, also when it is another package's (`/usr/share/doc/libgcc-s1 -> gcc-14-base`).
pub fn copyright_text(cache: &Cache, lock: &LockFile, package: &Package) -> Result<Option<String>> {
    let unpacked = Unpacked::of(cache, package)?;
    if let Some(text) = unpacked.copyright(&package.name) {
        return Ok(Some(text));
    }
    let Ok(target) = std::fs::read_link(unpacked.root().join("usr/share/doc").join(&package.name)) else {
        return Ok(None);
    };
    let other = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match lock.get(&other) {
        Ok(owner) => Ok(Unpacked::of(cache, owner)?.copyright(&other)),
        Err(_) => Ok(None),
    }
}

fn of_package(cache: &Cache, lock: &LockFile, package: &Package) -> Result<Component> {
    let unpacked = Unpacked::of(cache, package)?;
    let built_using = unpacked.control("Built-Using")?.unwrap_or_default();
    let built_using = built_using.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty());
    let copyright = copyright_text(cache, lock, package)?;
    Ok(Component {
        name: package.name.clone(),
        version: package.version.clone(),
        purl: format!(
            "pkg:deb/debian/{}@{}?arch={}&distro={}",
            escape(&package.name),
            escape(&package.version),
            package.architecture,
            crate::apt::SUITE
        ),
        homepage: unpacked.control("Homepage")?,
        licence: copyright.map(|text| Licence::of_copyright(&text)).unwrap_or_default(),
        supplier: Supplier::Debian {
            source: package.source.clone(),
            sha256: package.sha256.to_string(),
            built_using: built_using.collect(),
        },
    })
}

/// Percent-encoding of a package URL's parts.
fn escape(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_are_escaped_in_package_urls() {
        assert_eq!(escape("1:1.24~ds1-6+b1"), "1%3A1.24~ds1-6%2Bb1");
    }

    /// One of each supplier.
    pub(super) fn sample() -> Vec<Component> {
        let component = |name: &str, supplier, licence: &str| Component {
            name: name.into(),
            version: "1".into(),
            supplier,
            purl: format!("pkg:x/{name}@1"),
            homepage: None,
            licence: Licence::of_expression(licence),
        };
        let debian = Supplier::Debian {
            source: "src".into(),
            sha256: "00".repeat(32),
            built_using: vec!["golang-1.24 (= 1.24.4-1)".into()],
        };
        let mut library = component("libx", debian, "MIT");
        library.licence = Licence::of_copyright(
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Odd-1\n Text of it.\n",
        );
        vec![
            library,
            component("serde", Supplier::Crate, "MIT OR Apache-2.0"),
            component("host", Supplier::Gantry, "MIT"),
        ]
    }

    pub(super) const SUBJECT: Subject =
        Subject { name: "standalone", version: "0.1.0", root_hash: "abcd", date: "2026-01-01T00:00:00Z" };

    #[test]
    fn the_same_components_give_the_same_documents() {
        assert_eq!(render(&SUBJECT, &sample()).unwrap(), render(&SUBJECT, &sample()).unwrap());
    }
}
