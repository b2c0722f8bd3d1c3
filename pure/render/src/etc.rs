//! The plain text files of /etc.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use settings::Settings;
use settings::model::HostsEntry;

use crate::{Renderer, Variant};

/// The name of a host nobody named, and the one Linux programs take to mean just that.
const UNNAMED: &str = "localhost";

/// The kernel's __NEW_UTS_LEN: it cuts longer host names.
const KERNEL_NAME_BYTES: usize = 64;

pub(crate) const RENDERERS: &[Renderer] = &[
    Renderer {
        name: "motd",
        reads: &["motd"],
        units: &[],
        variants: Variant::ALL,
        render: |settings, _, out| {
            out.public("/etc/motd", motd(settings));
            Ok(())
        },
    },
    Renderer {
        name: "hostname",
        reads: &["network.hostname"],
        // A host that has no name takes the one its lease gives.
        units: &["netd"],
        variants: Variant::ALL,
        render: |settings, _, out| {
            const KEY: &str = "network.hostname";
            const PATH: &str = "/proc/sys/kernel/hostname";
            let name = hostname(settings);
            out.public("/etc/hostname", format!("{name}\n"));
            match settings.network.hostname {
                Some(_) => out.knob(KEY, PATH, kernel_name(name)),
                None => out.knob_for_now(KEY, PATH, name),
            }
            Ok(())
        },
    },
    Renderer {
        name: "hosts",
        reads: &["network.hostname", "network.hosts"],
        units: &[],
        variants: Variant::ALL,
        render: |settings, _, out| {
            out.public("/etc/hosts", hosts(hostname(settings), &settings.network.hosts));
            Ok(())
        },
    },
];

fn hostname(settings: &Settings) -> &str {
    settings.network.hostname.as_ref().map_or(UNNAMED, |name| name.as_str())
}

/// What of a name the kernel takes: all of it, or its first label.
fn kernel_name(name: &str) -> &str {
    match name.split_once('.') {
        Some((short, _)) if name.len() > KERNEL_NAME_BYTES => short,
        _ => name,
    }
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
