//! The host's services in one executable, dispatched by `argv[0]`.
//!
//! One file because dm-verity reads and hashes every cold page of every file, and shared pages are read once. Each
//! service still is its own process with its own cgroup and limits: `init` starts `/usr/bin/netd`, a link to this.

use std::process::ExitCode;

type Main = fn() -> ExitCode;

/// Every name this file answers to, and what it runs. A name here has a link in the image (image/variants).
const SERVICES: &[(&str, Main)] = &[
    ("apiserver", apiserver::main),
    ("configure", configure::main),
    ("containers", containers::main),
    ("health", health::main),
    ("logd", logd::main),
    ("netd", netd::main),
    ("probe", probe::main),
    ("signpost", signpost::main),
];

fn main() -> ExitCode {
    let name = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&name).file_name().unwrap_or_default().to_owned();
    match SERVICES.iter().find(|(known, _)| name == *known) {
        Some((_, run)) => run(),
        None => {
            let known: Vec<_> = SERVICES.iter().map(|(name, _)| *name).collect();
            eprintln!(
                "{}: not a service of this host; start it under one of these names: {}",
                name.display(),
                known.join(", ")
            );
            ExitCode::from(64)
        }
    }
}
