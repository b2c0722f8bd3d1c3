//! What services of ours read, in `/run/gantry`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use settings::Settings;
use settings::model::{Directive, TimeServer};

use crate::documents::{Health, Logs, Time};
use crate::plan::{Out, json};
use crate::{Error, Facts, Renderer, Variant, documents};

pub(crate) const RENDERERS: &[Renderer] = &[
    Renderer {
        name: "containers",
        reads: &["containers", "container-registry"],
        units: &["containers"],
        variants: Variant::ALL,
        // With registry passwords.
        render: |settings, _, out| {
            const PATH: &str = "/run/gantry/containers.json";
            out.secret(PATH, json(PATH, &settings.workloads())?);
            Ok(())
        },
    },
    Renderer {
        name: "dns",
        reads: &["dns"],
        units: &["netd"],
        variants: Variant::ALL,
        render: |settings, _, out| {
            const PATH: &str = "/run/gantry/dns.json";
            out.public(PATH, json(PATH, &settings.dns)?);
            Ok(())
        },
    },
    Renderer {
        name: "health",
        reads: &["health"],
        units: &["health"],
        variants: Variant::ALL,
        render: health,
    },
    Renderer { name: "logs", reads: &["logs"], units: &["logd"], variants: Variant::ALL, render: logs },
    Renderer {
        name: "time",
        reads: &["ntp"],
        // Its reader, `timed`, is not part of any variant yet.
        units: &[],
        variants: Variant::ALL,
        render: time,
    },
];

fn health(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    const PATH: &str = "/run/gantry/health.json";
    let deadline_s = settings.health.deadline_s.and_then(|seconds| u64::try_from(seconds.get()).ok());
    if deadline_s.is_some() {
        out.public(PATH, json(PATH, &Health { deadline_s })?);
    }
    Ok(())
}

fn logs(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    const PATH: &str = "/run/gantry/logs.json";
    let keep_mib = settings.logs.keep_mib.and_then(|mib| u64::try_from(mib.get()).ok());
    let console = settings.logs.console.map(|level| level.as_str().into());
    if keep_mib.is_some() || console.is_some() {
        out.public(PATH, json(PATH, &Logs { keep_mib, console })?);
    }
    Ok(())
}

fn time(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    const PATH: &str = "/run/gantry/time.json";
    let servers = &settings.ntp.time_servers.0;
    if !servers.is_empty() {
        let common = settings.ntp.options.as_deref().unwrap_or_default();
        let server = |server: &TimeServer| {
            let address = server.address.to_string();
            // Behind a name there may be many, behind an address there is one.
            let pool = match server.directive {
                Some(directive) => directive == Directive::Pool,
                None => address.parse::<core::net::IpAddr>().is_err(),
            };
            let options: Vec<String> =
                server.options.as_deref().unwrap_or(common).iter().map(ToString::to_string).collect();
            documents::TimeServer { address, pool, options }
        };
        out.public(PATH, json(PATH, &Time { servers: servers.iter().map(server).collect() })?);
    }
    Ok(())
}
