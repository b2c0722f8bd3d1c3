//! The plain text files of /etc.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use settings::Settings;
use settings::model::HostsEntry;

use crate::Rendered;

/// The name of a host nobody named, and the one Linux programs take to mean just that.
const UNNAMED: &str = "localhost";

/// `/etc/hostname`, `/etc/hosts`, `/etc/motd`.
pub(crate) fn files(settings: &Settings) -> Vec<Rendered> {
    let hostname = settings.network.hostname.as_ref().map_or(UNNAMED, |name| name.as_str());
    Vec::from([
        Rendered::public("/etc/hostname", format!("{hostname}\n")),
        Rendered::public("/etc/hosts", hosts(hostname, &settings.network.hosts)),
        Rendered::public("/etc/motd", motd(settings)),
    ])
}

/// hosts(5). The host's own name resolves without any network, to the loopback addresses.
fn hosts(hostname: &str, entries: &[HostsEntry]) -> String {
    let own: Vec<&str> = match hostname.split_once('.') {
        _ if hostname == UNNAMED => Vec::new(),
        Some((short, _)) => Vec::from([hostname, short]),
        None => Vec::from([hostname]),
    };
    let mut text = line("127.0.0.1", [UNNAMED].into_iter().chain(own.iter().copied()));
    text += &line("::1", [UNNAMED, "ip6-localhost", "ip6-loopback"].into_iter().chain(own));
    for entry in entries {
        text += &line(&entry.address.to_string(), entry.names.iter().map(|name| name.as_str()));
    }
    text
}

fn line<'n>(address: &str, names: impl Iterator<Item = &'n str>) -> String {
    names.fold(String::from(address), |line, name| line + " " + name) + "\n"
}

fn motd(settings: &Settings) -> String {
    let text = settings.motd.as_ref().map_or("", |text| text.as_str());
    if text.is_empty() || text.ends_with('\n') { text.into() } else { format!("{text}\n") }
}
