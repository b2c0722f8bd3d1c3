//! Parameters of the running kernel, and its modules.

use alloc::format;
use alloc::string::String;

use settings::Settings;
use settings::scalar::Scalar;

use crate::plan::Out;
use crate::{Error, Facts, Renderer, Variant};

pub(crate) const RENDERERS: &[Renderer] = &[
    // First of all: what somebody wrote by its own name comes before what follows from another setting.
    Renderer {
        name: "sysctl",
        reads: &["kernel.sysctl"],
        units: &[],
        variants: Variant::ALL,
        render: sysctl,
    },
    Renderer {
        name: "lockdown",
        reads: &["kernel.lockdown"],
        units: &[],
        variants: Variant::ALL,
        render: lockdown,
    },
    Renderer {
        name: "denied-modules",
        reads: &["kernel.modules"],
        // Read at each request for a module.
        units: &[],
        variants: Variant::ALL,
        render: denied_modules,
    },
    Renderer {
        name: "wanted-modules",
        reads: &["kernel.modules"],
        units: &["autoload"],
        variants: Variant::ALL,
        render: wanted_modules,
    },
    Renderer {
        name: "hugepages",
        reads: &["kernel.hugepages"],
        units: &[],
        variants: Variant::ALL,
        render: hugepages,
    },
    Renderer {
        name: "disable-ipv6",
        reads: &["network.disable-ipv6"],
        units: &[],
        variants: Variant::ALL,
        render: disable_ipv6,
    },
];

fn sysctl(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    for (key, value) in &settings.kernel.sysctl {
        out.knob(&format!("kernel.sysctl.\"{key}\""), format!("/proc/sys/{}", key.path()), value.as_str());
    }
    Ok(())
}

fn lockdown(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    if let Some(level) = settings.kernel.lockdown {
        out.knob("kernel.lockdown", "/sys/kernel/security/lockdown", level.as_str());
    }
    Ok(())
}

/// modprobe.d(5).
fn denied_modules(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let denied = settings.kernel.modules.iter().filter(|(_, module)| module.allowed == Some(false));
    let text: String = denied.map(|(name, _)| format!("blacklist {name}\n")).collect();
    if !text.is_empty() {
        out.public("/etc/modprobe.d/settings.conf", text);
    }
    Ok(())
}

/// modules-load.d(5).
fn wanted_modules(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let wanted = settings.kernel.modules.iter().filter(|(_, module)| module.autoload == Some(true));
    let text: String = wanted.map(|(name, _)| format!("{name}\n")).collect();
    if !text.is_empty() {
        out.public("/etc/modules-load.d/settings.conf", text);
    }
    Ok(())
}

fn hugepages(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let hugepages = &settings.kernel.hugepages;
    for (size, pages) in &hugepages.statically.pages {
        if let Some(count) = pages.count {
            let key = format!("kernel.hugepages.static.{}.count", size.text());
            let path = format!("/sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages", size.kib());
            out.knob(&key, path, format!("{}", count.get()));
        }
    }
    const TRANSPARENT: &str = "/sys/kernel/mm/transparent_hugepage";
    if let Some(enabled) = hugepages.transparent.enabled {
        let key = "kernel.hugepages.transparent.enabled";
        out.knob(key, format!("{TRANSPARENT}/enabled"), enabled.as_str());
    }
    if let Some(defrag) = hugepages.transparent.defrag {
        out.knob("kernel.hugepages.transparent.defrag", format!("{TRANSPARENT}/defrag"), defrag.as_str());
    }
    Ok(())
}

fn disable_ipv6(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    if let Some(off) = settings.network.disable_ipv6 {
        // Interfaces that are there, and those that come.
        for which in ["all", "default"] {
            let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
            out.knob("network.disable-ipv6", path, if off { "1" } else { "0" });
        }
    }
    Ok(())
}
