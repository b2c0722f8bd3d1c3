//! A NoCloud disk: a small FAT volume labelled `CIDATA` with the file `user-data`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fat::Volume;
use crate::tools::Tools;

/// Large enough for FAT16, which every reader of FAT knows.
const MIB: u32 = 8;

/// Makes the volume at `path`. `user_data` goes in as it is.
pub fn make(tools: &Tools, path: &Path, user_data: &str) -> Result<PathBuf> {
    let input = path.with_extension("user-data");
    std::fs::write(&input, user_data).map_err(Error::file("write", &input))?;
    Volume::create(tools, path, MIB, "CIDATA")?.file(&input, "user-data")?;
    std::fs::remove_file(&input).map_err(Error::file("remove", &input))?;
    Ok(path.to_owned())
}
