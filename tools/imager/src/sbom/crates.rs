//! The crates compiled into our programs, from `cargo tree`.
//!
//! Not from `cargo metadata`: that joins the features of the whole workspace, and so lists crates which only tests and
//! tools bring in.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Component, Licence, Supplier, escape};
use crate::command;

/// Our programs (package and target), our crates and the registry's that are linked into them, and the standard library.
pub(super) fn of_programs(repository: &Path, programs: &[(&str, &str)]) -> Result<Vec<Component>> {
    let mut components = BTreeMap::new();
    for (program, target) in programs {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(repository).args(["tree", "--locked", "--prefix=none", "--package", program]);
        // Neither build scripts' crates nor macros end up in the program.
        cargo.args(["--edges=normal,no-proc-macro", "--target", target]);
        let text = command::read(cargo.arg("--format={p}|{l}|{r}"))?;
        for line in text.lines() {
            let component = component(line).with_context(|| format!("cannot read cargo's line {line:?}"))?;
            components.insert(component.purl.clone(), component);
        }
    }
    let compiler = command::read(Command::new("rustc").args(["--version"]).current_dir(repository))?;
    let version = compiler.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut components: Vec<Component> = components.into_values().collect();
    components.push(Component {
        name: "rust-std".to_owned(),
        purl: format!("pkg:generic/rust-std@{}", escape(&version)),
        version,
        supplier: Supplier::Rust,
        homepage: None,
        licence: Licence::of_expression("MIT OR Apache-2.0"),
    });
    Ok(components)
}

/// `serde v1.0.2|MIT OR Apache-2.0|https://... (*)`; a crate of ours has its folder after the version.
fn component(line: &str) -> Option<Component> {
    let mut fields = line.trim_end_matches(" (*)").split('|');
    let mut id = fields.next()?.splitn(3, ' ');
    let (name, version) = (id.next()?, id.next()?.strip_prefix('v')?);
    let ours = id.next().is_some();
    let licence = fields.next().filter(|text| !text.is_empty());
    let page = fields.next().filter(|text| !text.is_empty());
    let kind = if ours { "generic/gantry-" } else { "cargo/" };
    Some(Component {
        name: name.to_owned(),
        version: version.to_owned(),
        supplier: if ours { Supplier::Gantry } else { Supplier::Crate },
        purl: format!("pkg:{kind}{}@{}", escape(name), escape(version)),
        homepage: page.map(str::to_owned),
        licence: licence.map(Licence::of_expression).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_lines_are_read() {
        let serde = component("serde v1.0.2|MIT/Apache-2.0|https://serde.example (*)").unwrap();
        assert_eq!((serde.purl.as_str(), serde.supplier), ("pkg:cargo/serde@1.0.2", Supplier::Crate));
        assert_eq!(serde.licence.expression.as_deref(), Some("MIT OR Apache-2.0"));
        assert_eq!(serde.homepage.as_deref(), Some("https://serde.example"));
        let host = component("host v0.1.0 (/src/bin/host)||").unwrap();
        assert_eq!((host.supplier, host.licence), (Supplier::Gantry, Licence::default()));
        assert!(component("[dev-dependencies]").is_none());
    }
}
