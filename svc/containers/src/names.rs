//! The files by which a container knows names: `/etc/hosts`, `/etc/resolv.conf`, `/etc/hostname`.
//!
//! Each container has its own copies, mounted over the image's. A lease or a setting that changes the host's
//! resolv.conf replaces that file, which a mounted file would not notice: [`refresh`] writes the copies anew,
//! in place.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Longest resolv.conf or hosts that is copied.
const LONGEST: usize = 1 << 20;

/// Writes the files for a container into `run`. `address`: in its own network; without one it shares the
/// host's and its names. Returns what to mount, where.
pub fn write(
    run: &Path,
    etc: &Path,
    name: &str,
    address: Option<Ipv4Addr>,
) -> io::Result<Vec<(PathBuf, &'static str)>> {
    let hosts = match address {
        Some(address) => format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n{address}\t{name}\n"),
        None => copy_of(&etc.join("hosts")),
    };
    let hostname = match address {
        Some(_) => format!("{name}\n"),
        None => copy_of(&etc.join("hostname")),
    };
    let files = [
        ("hosts", hosts, "/etc/hosts"),
        ("hostname", hostname, "/etc/hostname"),
        ("resolv.conf", copy_of(&etc.join("resolv.conf")), "/etc/resolv.conf"),
    ];
    files
        .into_iter()
        .map(|(file, text, destination)| {
            let path = run.join(file);
            fs::write(&path, text)?;
            Ok((path, destination))
        })
        .collect()
}

/// Brings the copies of resolv.conf below `run` up to the host's. Returns how many changed.
pub fn refresh(run: &Path, etc: &Path) -> usize {
    let text = copy_of(&etc.join("resolv.conf"));
    let Ok(containers) = fs::read_dir(run) else { return 0 };
    let copies = containers.filter_map(|entry| Some(entry.ok()?.path().join("resolv.conf")));
    let stale = copies.filter(|copy| fs::read_to_string(copy).is_ok_and(|old| old != text));
    // In place: the same inode is mounted in the container.
    stale.filter(|copy| fs::write(copy, &text).is_ok()).count()
}

/// A file that is not there yet is as good as empty.
fn copy_of(path: &Path) -> String {
    files::read_text(path, LONGEST).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_replaced_resolv_conf_reaches_containers_through_the_same_inode() {
        let dir = std::env::temp_dir().join(format!("containers-names-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let (etc, run) = (dir.join("etc"), dir.join("run"));
        fs::create_dir_all(&etc).unwrap();
        fs::create_dir_all(run.join("web")).unwrap();
        let mounts = write(&run.join("web"), &etc, "web", Some(Ipv4Addr::new(10, 88, 0, 2))).unwrap();
        assert_eq!(mounts.len(), 3);
        let copy = run.join("web/resolv.conf");
        assert_eq!(fs::read_to_string(&copy).unwrap(), "");
        let inode = fs::metadata(&copy).unwrap().ino();
        fs::write(etc.join("resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
        assert_eq!(refresh(&run, &etc), 1);
        assert_eq!(refresh(&run, &etc), 0);
        assert_eq!(fs::read_to_string(&copy).unwrap(), "nameserver 192.0.2.1\n");
        assert_eq!(fs::metadata(&copy).unwrap().ino(), inode);
        fs::remove_dir_all(&dir).unwrap();
    }
}
