//! Putting rendered files and kernel parameters in place.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use render::Rendered;
use settings::tree::Node;
use settings::{Layer, Loaded, Problem, Settings};

use crate::report::Report;

/// The kernel's __NEW_UTS_LEN: it cuts longer host names.
const HOSTNAME_BYTES: usize = 64;

/// `path`, taken as seen from `root`.
pub(crate) fn under(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Replaces each file that differs. Returns how many are as they should be; the others are reported.
pub(crate) fn write(root: &Path, rendered: &[Rendered], report: &mut Report<'_>) -> usize {
    let mut written = 0;
    for file in rendered {
        let path = under(root, &file.path);
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        match folder {
            Err(err) => report.failure(&format!("no folder for {}", file.path), &err),
            Ok(()) => match files::replace(&path, &file.bytes, file.mode) {
                Ok(_) => written += 1,
                Err(err) => report.failure("file not written", &err),
            },
        }
    }
    written
}

/// Tells the kernel its name.
pub(crate) fn hostname(root: &Path, settings: &Settings, report: &mut Report<'_>) {
    let name = settings.network.hostname.as_ref().map_or("localhost", |name| name.as_str());
    let name = match name.split_once('.') {
        Some((short, _)) if name.len() > HOSTNAME_BYTES => short,
        _ => name,
    };
    if let Err(err) = set(root, "kernel/hostname", name) {
        report.failure("host name not set", &err);
    }
}

/// Writes each sysctl. One that the kernel does not take is its author's problem.
pub(crate) fn sysctls(root: &Path, loaded: &Loaded) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, value) in &loaded.settings.kernel.sysctl {
        if let Err(err) = set(root, &key.path(), value.as_str()) {
            let node = loaded.tree.node(&["settings", "kernel", "sysctl", key.as_str()]);
            problems.push(Problem {
                layer: node.map_or(Layer::Image, |node: &Node| node.layer),
                path: format!("settings.kernel.sysctl.\"{key}\""),
                why: refused(&err).into(),
            });
        }
    }
    problems
}

fn refused(err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::NotFound => "this kernel has no such parameter".into(),
        _ => format!("the kernel refused the value: {err}"),
    }
}

/// One write, as the kernel wants it, into a parameter that must be there.
fn set(root: &Path, parameter: &str, value: &str) -> io::Result<()> {
    let path = under(root, "/proc/sys").join(parameter);
    OpenOptions::new().write(true).truncate(true).open(path)?.write_all(format!("{value}\n").as_bytes())
}
