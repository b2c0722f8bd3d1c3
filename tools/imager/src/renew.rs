//! `xtask lock`: a new lock file from what the archive has today.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::apt::{Apt, Mirrors, Record};
use crate::cache::Cache;
use crate::lock::{LockFile, Package, Set};
use crate::variant::{self, Variant};
use crate::{progress, tools};

/// Resolves every variant's packages and the tools with all they depend on.
///
/// If no package changes the result equals `old`, date included, so that a renewal without news is no change.
pub fn renew(cache: &Cache, image: &Path, old: Option<&LockFile>) -> Result<LockFile> {
    let apt = Apt::at(&cache.state("apt")?, "amd64", &Mirrors::of_host()?)?;
    progress::step("read the archive's indexes", || apt.update())?;
    let mut packages = BTreeMap::new();
    for name in variant::names(image) {
        for record in root_records(&apt, &Variant::load(image, &name)?)? {
            add(&mut packages, record, Set::Root);
        }
    }
    let wanted = tools::wanted(image)?;
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    for record in apt.records(&apt.closure(&wanted)?)? {
        add(&mut packages, record, Set::Tools);
    }
    let packages: Vec<Package> = packages.into_values().collect();
    match old {
        Some(old) if old.packages == packages => Ok(old.clone()),
        _ => Ok(LockFile { epoch: apt.published()?, packages }),
    }
}

/// The packages a variant names, and the kernel that its flavour means today.
fn root_records(apt: &Apt, variant: &Variant) -> Result<Vec<Record>> {
    let meta = variant.kernel_metapackage();
    let records = apt.candidates(&[&meta])?;
    let kernel =
        records.iter().flat_map(|record| &record.depends).find(|name| name.starts_with("linux-image-"));
    let kernel = kernel.with_context(|| format!("{meta} depends on no kernel"))?;
    let names = variant.packages.iter().map(|rule| rule.name.as_str()).chain([kernel.as_str()]);
    apt.candidates(&names.collect::<Vec<_>>())
}

fn add(packages: &mut BTreeMap<String, Package>, record: Record, set: Set) {
    let package = packages.entry(record.name.clone()).or_insert_with(|| Package {
        name: record.name,
        version: record.version,
        architecture: record.architecture,
        source: record.source,
        sha256: record.sha256,
        size: record.size,
        sets: Vec::new(),
    });
    if !package.sets.contains(&set) {
        package.sets.push(set);
    }
}
