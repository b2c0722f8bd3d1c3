//! What every machine needs before it can be built: tools, the image under test, the accelerator.

use std::path::{Path, PathBuf};

use imager::cache::Cache;

use crate::accel::Accel;
use crate::error::{Error, Result};
use crate::guest::Builder;
use crate::tools::Tools;

/// A built image: the directory `out/VARIANT`.
#[derive(Debug, Clone)]
pub struct Image {
    dir: PathBuf,
}

impl Image {
    /// Takes a directory that holds at least `disk.img`.
    pub fn at(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        let file = dir.join("disk.img");
        if file.exists() { Ok(Self { dir }) } else { Err(Error::NoImage { file }) }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The raw disk.
    pub fn disk(&self) -> PathBuf {
        self.dir.join("disk.img")
    }

    /// A file beside it: `release.json`, `root.img`, ...
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The place where machines are made.
#[derive(Debug, Clone)]
pub struct Lab {
    /// Programs and firmware.
    pub tools: Tools,
    /// The image under test.
    pub image: Image,
    /// How machines run.
    pub accel: Accel,
    /// One directory per machine is made below this one: console log, disk, variables.
    pub machines: PathBuf,
}

impl Lab {
    /// From the environment, as scenarios need it: `GANTRY_OUT` (default `out/standalone`) holds the image,
    /// `GANTRY_TOOLS` (default `out/tools`) the tools; machines live in `GANTRY_MACHINES` (default `out/vm`), where one run
    /// at a time may be.
    pub fn open() -> Result<Self> {
        let out = checkout().join("out");
        let from =
            |variable: &str, default: PathBuf| std::env::var_os(variable).map_or(default, PathBuf::from);
        let tools = Tools::at(from("GANTRY_TOOLS", out.join("tools")))?;
        let image = Image::at(from("GANTRY_OUT", out.join("standalone")))?;
        let accel = Accel::detect(&tools)?;
        Ok(Self { tools, image, accel, machines: from("GANTRY_MACHINES", out.join("vm")) })
    }

    /// Results of image builder's steps that scenarios need. Apart from those of builds, which they must not push out.
    pub fn cache(&self) -> Result<Cache> {
        Cache::at(&self.machines.join("cache")).map_err(Error::make("a cache for what tests need"))
    }

    /// Starts describing a machine. `name` names its directory: one machine at a time may have it.
    pub fn guest(&self, name: &str) -> Builder {
        Builder::new(self.clone(), name)
    }
}

/// The root of the checkout this was built from.
pub(crate) fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
