//! Where settings come from, and getting them, bounded.

mod label;
mod nocloud;
mod unpack;

use std::path::Path;

use settings::{LIMITS, Layer, Problem};

pub use label::{FileSystem, Volume, identify};
pub use unpack::{UnpackError, unpacked};

use crate::apply::under;

const IMAGE_DEFAULTS: &str = "/usr/share/gantry/defaults.toml";
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.gantry/user-data/raw";

/// One source that was found.
pub struct Source {
    /// Which.
    pub layer: Layer,
    /// Its text, unpacked. May hold secrets.
    pub bytes: Vec<u8>,
}

/// Every source there is, and those that are there but cannot be read. A source that is not there is none.
pub fn gather(root: &Path) -> (Vec<Source>, Vec<Problem>) {
    let candidates = [
        (Layer::Image, from_file(&under(root, IMAGE_DEFAULTS))),
        (Layer::FwCfg, from_file(&under(root, FW_CFG))),
        (Layer::NoCloud, nocloud::read(root)),
    ];
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (layer, candidate) in candidates {
        let text = match candidate {
            Ok(None) => continue,
            Ok(Some(bytes)) => unpacked(bytes, LIMITS.text_bytes).map_err(|err| files::chain(&err)),
            Err(why) => Err(why),
        };
        match text {
            Ok(bytes) => found.push(Source { layer, bytes }),
            Err(why) => problems.push(Problem { layer, path: "(document)".into(), why: why.into() }),
        }
    }
    (found, problems)
}

fn from_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match files::read(path, LIMITS.text_bytes) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.is_absent() => Ok(None),
        Err(err) => Err(files::chain(&err)),
    }
}
