//! Where settings come from, and getting them, bounded.
//!
//! Holds always: a source that is not there is none and no problem; one that is there and cannot be read is one problem with its
//! layer; whatever a source holds, time and memory are bounded. What its bytes mean, [`read`] says; what follows, `layering`.

mod esp;
mod label;
pub(crate) mod machine;
pub(crate) mod metadata;
mod mime;
mod nocloud;
mod parts;
mod smbios;
mod unpack;
mod vmware;
mod volume;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;

use settings::{LIMITS, Layer, Problem};
use sha2::{Digest, Sha256};
use sys::backdoor::Backdoor;

pub use label::{FileSystem, Volume, identify};
pub use metadata::fuzz as metadata_fuzz;
pub use parts::read;
pub use smbios::user_data as smbios_user_data;
pub use unpack::{UnpackError, unpacked};

use crate::{Run, under};
use machine::Machine;
use metadata::{Metadata, Patience};
use vmware::Port;

const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.gantry/user-data/raw";
const SMBIOS: &str = "/sys/firmware/dmi/tables/DMI";
const STATE: &str = "/state/user-data.toml";

/// The name that the network gave the host with its lease: `netd` leaves it here.
pub(crate) const LEASE_NAME: &str = "/run/gantry/lease-hostname";

/// SMBIOS tables are 64 KiB at most in version 2; with a document of full length in base64 they are longer.
const SMBIOS_BYTES: usize = 4 << 20;

/// Mounts a file system of a kind from a device, read-only and nowhere.
type Mount = fn(&str, &str) -> io::Result<OwnedFd>;

/// One source that was found.
pub struct Source {
    /// Which.
    pub layer: Layer,
    /// Its text, unpacked; maybe of several parts, which [`read`] knows. May hold secrets.
    pub bytes: Vec<u8>,
    /// SHA-256, in hexadecimal, of its bytes as they came: whether it says something new.
    pub digest: String,
}

/// What of the world is no file below the root.
pub(crate) struct World {
    /// Where the metadata service is.
    pub(crate) metadata: Vec<SocketAddr>,
    /// How long it is waited for.
    pub(crate) patience: Patience,
    /// Gives mounts.
    pub(crate) mount: Mount,
    /// Gives VMware's port.
    pub(crate) port: fn() -> Option<Box<dyn Port>>,
    /// Gives the address that the host speaks to others from.
    pub(crate) address: fn() -> Option<IpAddr>,
}

impl Default for World {
    fn default() -> Self {
        World {
            metadata: metadata::EC2.into(),
            patience: Patience::default(),
            mount: sys::detached::mount_read_only,
            port: || Backdoor::open().map(|port| Box::new(port) as Box<dyn Port>),
            address: crate::generators::outward_address,
        }
    }
}

/// Whether this machine can learn something over the network, so that the second run of a boot has something to do: a metadata
/// service, a name that the lease gave, the address of a cluster's node.
pub fn has_cloud(root: &Path) -> bool {
    let trimmed =
        |path: &str| files::read_text(&under(root, path), 4096).unwrap_or_default().trim().to_owned();
    let named = trimmed(LEASE_NAME);
    Machine::of(root).is_ec2()
        || !named.is_empty() && named != trimmed("/etc/hostname")
        || apply::facts(root).variant == render::Variant::Kubernetes
}

/// Every source there is for this run, and those that are there but cannot be read. A source that is not there is none.
///
/// `stored` is what each source said when its settings were stored.
pub fn gather(root: &Path, run: Run, _stored: &BTreeMap<Layer, String>) -> (Vec<Source>, Vec<Problem>) {
    gather_from(root, run, &World::default())
}

/// [`gather`] in a world of one's choice.
fn gather_from(root: &Path, run: Run, world: &World) -> (Vec<Source>, Vec<Problem>) {
    let machine = Machine::of(root);
    let candidates = match run {
        Run::Boot => vec![
            (Layer::Esp, esp::read(root, world.mount)),
            (Layer::Smbios, from_smbios(root)),
            (Layer::FwCfg, from_file(&under(root, FW_CFG))),
            (Layer::NoCloud, nocloud::read(root, world.mount)),
            (Layer::Vmware, from_vmware(&machine, world)),
            (Layer::State, from_file(&under(root, STATE))),
        ],
        Run::Cloud => vec![(Layer::Imds, from_metadata(&machine, world))],
    };
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (layer, candidate) in candidates {
        let source = match candidate {
            Ok(None) => continue,
            Ok(Some(bytes)) => source(layer, bytes),
            Err(why) => Err(why),
        };
        match source {
            Ok(source) => found.push(source),
            Err(why) => problems.push(Problem { layer, path: "(document)".into(), why: why.into() }),
        }
    }
    (found, problems)
}

fn source(layer: Layer, bytes: Vec<u8>) -> Result<Source, String> {
    let digest = hexadecimal(&Sha256::digest(&bytes));
    let bytes = unpacked(bytes, LIMITS.text_bytes).map_err(|err| files::chain(&err))?;
    Ok(Source { layer, bytes, digest })
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    file(path, LIMITS.text_bytes)
}

fn file(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, String> {
    match files::read(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.is_absent() => Ok(None),
        Err(err) => Err(files::chain(&err)),
    }
}

fn from_smbios(root: &Path) -> Result<Option<Vec<u8>>, String> {
    let table = file(&under(root, SMBIOS), SMBIOS_BYTES)?;
    Ok(table.and_then(|table| smbios_user_data(&table)))
}

fn from_vmware(machine: &Machine, world: &World) -> Result<Option<Vec<u8>>, String> {
    if !machine.is_vmware() {
        return Ok(None);
    }
    let Some(mut port) = (world.port)() else { return Ok(None) };
    vmware::user_data(port.as_mut()).map_err(|err| files::chain(&err))
}

fn from_metadata(machine: &Machine, world: &World) -> Result<Option<Vec<u8>>, String> {
    if !machine.is_ec2() {
        return Ok(None);
    }
    let asked = Metadata::new(world.metadata.clone(), world.patience)
        .and_then(|mut metadata| metadata.get("/latest/user-data", LIMITS.text_bytes));
    asked.map_err(|err| files::chain(&err))
}

#[cfg(test)]
mod tests;
