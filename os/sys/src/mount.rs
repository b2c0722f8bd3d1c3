//! Mounting, and moving into a new root: mount(2), mount_namespaces(7), switch_root(8).

use std::ffi::CString;
use std::io;
use std::path::Path;

pub use rustix::mount::MountFlags as Flags;
use rustix::mount::UnmountFlags;

/// Mounts file system type `fs` from `source` on `target` with its comma-separated `options`.
pub fn mount(fs: &str, source: &str, target: &Path, flags: Flags, options: &str) -> io::Result<()> {
    let options = CString::new(options)?;
    Ok(rustix::mount::mount(source, target, fs, flags, &*options)?)
}

/// Moves the mount at `from` to `to`, with everything mounted below it.
pub fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    Ok(rustix::mount::mount_move(from, to)?)
}

/// Takes the mount at `target` away.
pub fn unmount(target: &Path) -> io::Result<()> {
    Ok(rustix::mount::unmount(target, UnmountFlags::NOFOLLOW)?)
}

/// Whether something is mounted exactly at `target`, judged by the device it shares with its parent or not.
///
/// A bind mount of the same file system goes unseen; nobody makes one where this is asked.
pub fn is_mounted(target: &Path) -> io::Result<bool> {
    let here = rustix::fs::stat(target)?;
    let above = rustix::fs::stat(target.join(".."))?;
    Ok(here.st_dev != above.st_dev || here.st_ino == above.st_ino)
}

/// Makes the mount at the current folder the root of this process and, as PID 1 has no peers yet, of all to come.
///
/// The kernel refuses pivot_root(2) away from the initramfs, so the new root is moved over the old one. The old
/// root's files stay reachable to nobody: empty it first.
pub fn enter_root_here() -> io::Result<()> {
    rustix::mount::mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    rustix::process::chdir("/")?;
    Ok(())
}
