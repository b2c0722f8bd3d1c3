//! What the host knows without asking a cloud: its place in an update's waves, a name.

use rustix::rand::{GetRandomFlags, getrandom};
use settings::scalar::{Hostname, Scalar};
use settings::tree::Item;
use settings::{KeyPath, Value};

use super::{Finding, Host, cloud};
use crate::sources::LEASE_NAME;
use crate::{Run, under};

/// A place in the waves is below this, as Bottlerocket has it.
const SEEDS: u16 = 2048;

/// What a name starts with that is made of the machine's identity.
const PREFIX: &str = "gantry-";

/// `updates.seed`: random, made once.
pub(super) fn seed(host: &mut Host<'_>) -> Result<Finding, String> {
    if host.context.run == Run::Cloud || said(host, "settings.updates.seed").is_some() {
        return Ok(Finding::Nothing);
    }
    let mut bytes = [0; 2];
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|err| format!("no random number: {err}"))?;
    // 65536 is a whole multiple, so every seed is as likely as any other.
    Ok(Finding::Is(Value::Integer(i64::from(u16::from_ne_bytes(bytes) % SEEDS))))
}

/// `network.hostname`: what the cloud calls the host, what the network calls it, or a name of the machine's identity. The last is
/// there from the first run on; once a better one is known, it stays until that source gives another.
pub(super) fn hostname(host: &mut Host<'_>) -> Result<Finding, String> {
    if host.context.run == Run::Boot {
        let own = host.machine.short_id().map(|id| format!("{PREFIX}{id}"));
        let better =
            matches!(said(host, "settings.network.hostname"), Some(Item::Text(name)) if !is_own(name));
        return Ok(match own {
            Some(own) if !better => Finding::Is(Value::Text(own)),
            _ => Finding::Nothing,
        });
    }
    if host.has_metadata()
        && let named @ Finding::Is(_) = cloud::private_name(host)?
    {
        return Ok(named);
    }
    let lease = files::read_text(&under(host.context.root, LEASE_NAME), 4096).unwrap_or_default();
    let name = lease.trim().to_ascii_lowercase();
    // A network's idea of a name is no mistake of the host's operator: a bad one counts as none.
    Ok(match Hostname::parse(&name) {
        Ok(_) => Finding::Is(Value::Text(name)),
        Err(_) => Finding::Nothing,
    })
}

/// Whether a name is made as [`hostname`] makes one of a machine's identity, maybe another machine's: disks are copied.
fn is_own(name: &str) -> bool {
    let id = name.strip_prefix(PREFIX);
    id.is_some_and(|id| id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn said<'h>(host: &'h Host<'_>, key: &str) -> Option<&'h Item> {
    host.said(&KeyPath::parse(key).ok()?)
}
