//! The firmware's variables, where there are any: the boot timeline wants the firmware's time.
//!
//! Here and not among the early mounts, because the file system is a module: the mount makes the kernel ask for it.

use std::io;
use std::path::Path;

use sys::mount::Flags;

const FOLDER: &str = "/sys/firmware/efi/efivars";

/// Mounts them; nothing to do on a machine that did not come up through UEFI.
pub fn mount_variables() -> io::Result<()> {
    let folder = Path::new(FOLDER);
    if !folder.is_dir() || sys::mount::is_mounted(folder)? {
        return Ok(());
    }
    sys::mount::mount("efivarfs", "efivarfs", folder, Flags::NOSUID | Flags::NODEV | Flags::NOEXEC, "")
}
