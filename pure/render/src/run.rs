//! What other services of ours read, in /run/gantry.

use alloc::vec::Vec;

use serde::Serialize;
use settings::Settings;

use crate::{Error, Rendered};

/// `containers.json` (a [`settings::containers::Workloads`], with registry passwords) and `dns.json` (a
/// [`settings::model::Dns`]).
pub(crate) fn files(settings: &Settings) -> Result<Vec<Rendered>, Error> {
    const WORKLOADS: &str = "/run/gantry/containers.json";
    const DNS: &str = "/run/gantry/dns.json";
    Ok(Vec::from([
        Rendered::secret(WORKLOADS, json(WORKLOADS, &settings.workloads())?),
        Rendered::public(DNS, json(DNS, &settings.dns)?),
    ]))
}

fn json(path: &'static str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|err| Error::Json { path, err })?;
    bytes.push(b'\n');
    Ok(bytes)
}
