//! The file systems of a running host, the content of `/etc`, and the kernel's knobs: all that must be right before
//! the first unit starts.
//!
//! What is mounted and set is data (`table`, `knobs`); this file only carries it out. Always holds: repeating it
//! changes nothing, so it works after the initramfs stage (which mounted the first half) and without one.
//! Left to others: the data partition (`data`), sysctls from settings, everything about the network.

mod factory;
mod knobs;
mod table;

use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::MountPropagationFlags;
use sys::kmsg::{Level, Writer};

use table::{BASE, HOST, Mount, Need};

/// Where the image keeps the first content of `/etc`.
const FACTORY_ETC: &str = "/usr/share/factory/etc";

/// The host cannot be made ready; without these nothing that follows works.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// A file system that the host needs.
    #[error("cannot mount {fs} on {target}")]
    Mount {
        /// Its type.
        fs: &'static str,
        /// Where it should be.
        target: &'static str,
        /// The kernel's reason.
        #[source]
        err: io::Error,
    },
    /// The folder of a mount is neither there nor can it be made.
    #[error("no folder {target} to mount on")]
    Folder {
        /// Where a file system should be.
        target: &'static str,
        /// The kernel's reason.
        #[source]
        err: io::Error,
    },
    /// The first content of `/etc` is incomplete.
    #[error("cannot copy {} to /etc", from.display())]
    Etc {
        /// The file in the image.
        from: PathBuf,
        /// The kernel's reason.
        #[source]
        err: io::Error,
    },
    /// Mounts would not reach into containers.
    #[error("cannot make the root's mounts shared")]
    Share(#[source] io::Error),
}

/// The file systems that any code of ours needs: `/proc`, `/sys`, `/dev`, `/run`.
pub fn base() -> Result<(), MountError> {
    BASE.iter().try_for_each(attach)
}

/// Moves what [`base`] mounted below `root`, which is about to become the root.
pub fn move_base_below(root: &Path) -> io::Result<()> {
    BASE.iter().try_for_each(|mount| {
        sys::mount::move_to(Path::new(mount.target), &root.join(mount.target.trim_start_matches('/')))
    })
}

/// Everything that comes before the first unit.
pub fn early() -> Result<(), MountError> {
    base()?;
    HOST.iter().try_for_each(attach)?;
    factory::fill(Path::new(FACTORY_ETC), Path::new("/etc"))
        .map_err(|failure| MountError::Etc { from: failure.from, err: failure.err })?;
    let shared = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", shared).map_err(|err| MountError::Share(err.into()))?;
    let log = Writer::open().ok();
    for (knob, err) in knobs::turn_all() {
        // An older or differently built kernel lacks one: worth a line, not worth the boot.
        if let Some(log) = &log {
            log.write(Level::Warning, "init", &format_args!("cannot set path={} why=\"{err}\"", knob.path));
        }
    }
    Ok(())
}

fn attach(mount: &Mount) -> Result<(), MountError> {
    let target = Path::new(mount.target);
    match (mount.need, target.is_dir()) {
        (_, true) => {}
        (Need::Always, false) => {
            std::fs::create_dir(target).map_err(|err| MountError::Folder { target: mount.target, err })?;
        }
        (Need::WhereOffered, false) => return Ok(()),
    }
    let mounted = sys::mount::is_mounted(target).and_then(|there| {
        if there {
            return Ok(());
        }
        sys::mount::mount(mount.fs, mount.fs, target, mount.flags, mount.options)
    });
    match mounted {
        Err(err) if mount.need == Need::Always => {
            Err(MountError::Mount { fs: mount.fs, target: mount.target, err })
        }
        _ => Ok(()),
    }
}
