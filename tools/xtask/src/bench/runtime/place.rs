//! A root made of the tools tree, with the bundle in it, that nobody else on the host sees.

use std::fs;
use std::os::unix::fs::{chroot, symlink};
use std::path::Path;

use anyhow::{Context as _, Result};
use sys::mount::{Flags, mount};
use sys::mountns;

use super::bundle;

/// The control groups of all containers here, below the hierarchy's root.
pub const CGROUP: &str = "gantry-bench";

/// Runs `work` with the root: programs in `/usr/bin`, the bundle in `/bundle`, `/run` empty.
pub fn within<T: Send>(tools: &Path, work: impl FnOnce() -> T + Send) -> Result<T> {
    let root = std::env::temp_dir().join(format!("gantry-bench-runtime-{}", std::process::id()));
    fs::create_dir(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let done = mountns::within(|| {
        enter(tools, &root)?;
        let done = work();
        // Both runtimes leave the folder above their container's; on a failure that names a container it is in use.
        let _ = fs::remove_dir(Path::new("/sys/fs/cgroup").join(CGROUP));
        Ok(done)
    });
    // Empty for us: what was mounted on it went with the namespace.
    fs::remove_dir(&root).with_context(|| format!("cannot remove {}", root.display()))?;
    done.context("cannot make a mount namespace; this needs root")?
}

fn enter(tools: &Path, root: &Path) -> Result<()> {
    // As containerd has it in the image: state and root file system in memory, cgroup v2 alone.
    mount("tmpfs", "tmpfs", root, Flags::NODEV, "mode=755").context("cannot mount a tmpfs")?;
    for folder in ["usr", "proc", "sys", "dev", "run", "tmp", "etc"] {
        fs::create_dir(root.join(folder))?;
    }
    for link in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{link}"), root.join(link))?;
    }
    let binds = [(tools.join("usr"), "usr"), ("/dev".into(), "dev")];
    for (from, to) in binds {
        mountns::bind(&from, &root.join(to)).with_context(|| format!("cannot bind {}", from.display()))?;
    }
    for (kind, to) in [("proc", "proc"), ("sysfs", "sys"), ("cgroup2", "sys/fs/cgroup")] {
        mount(kind, kind, &root.join(to), Flags::empty(), "")
            .with_context(|| format!("cannot mount {kind}"))?;
    }
    chroot(root).context("cannot enter the root")?;
    // Of this thread alone: its mount namespace is not shared, and neither is its idea of where it is.
    std::env::set_current_dir("/")?;
    bundle::write(Path::new(bundle::PLACE))
}
