//! What `run`, `vm` and `bench` share: the built image, the tools tree and the accelerator as a [`vm::Lab`].

use std::path::Path;

use anyhow::{Context as _, Result};
use imager::cache::Cache;
use imager::lock::LockFile;
use vm::{Accel, Image, Lab, Tools};

/// Builds `variant` (unless told to take what is there) and finds everything a machine needs.
pub fn open(root: &Path, variant: &str, build: bool) -> Result<Lab> {
    if build {
        crate::image::build(root, variant)?;
    }
    let image = Image::at(root.join("out").join(variant))?;
    let tools = tools(root)?;
    let accel = Accel::detect(&tools).context("cannot find out how to run machines")?;
    println!("accelerator: {accel}");
    Ok(Lab { tools, image, accel, machines: root.join("out/vm") })
}

/// The tools tree, fetched if need be.
pub fn tools(root: &Path) -> Result<Tools> {
    let lock = LockFile::load(&crate::lock::path(root))?;
    let tree = imager::tools::Tools::ensure(&Cache::of_repository(root)?, &lock)?;
    Ok(Tools::at(tree.root())?)
}
