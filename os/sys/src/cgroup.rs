//! Control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst).

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

/// One cgroup: a directory of the cgroup2 file system.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    dir: File,
}

impl Cgroup {
    /// The cgroup at `path`, made if it is not there.
    pub fn at(path: &Path) -> io::Result<Self> {
        match fs::create_dir(path) {
            Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(err),
            _ => {}
        }
        Ok(Self { path: path.to_owned(), dir: File::open(path)? })
    }

    /// The cgroup of this name below, made if it is not there.
    pub fn child(&self, name: &str) -> io::Result<Self> {
        Self::at(&self.path.join(name))
    }

    /// The cgroup of this name below, new: what an earlier one was told or counted is gone with it. Fails with
    /// `ResourceBusy` while a process is left in the earlier one.
    ///
    /// A cgroup that was killed must not be used again: every process later cloned into it dies of SIGKILL at once
    /// (seen on 6.18; it takes the kill count to compare with from the cgroup of the one that clones).
    pub fn fresh_child(&self, name: &str) -> io::Result<Self> {
        let path = self.path.join(name);
        remove(&path)?;
        Self::at(&path)
    }

    /// Lets children have these controllers. Each by itself: one that the kernel lacks does not keep the others off.
    pub fn enable(&self, controllers: &[&str]) -> io::Result<()> {
        let mut outcome = Ok(());
        for name in controllers {
            outcome = outcome.and(self.set("cgroup.subtree_control", &format!("+{name}")));
        }
        outcome
    }

    /// Writes one of its files.
    pub fn set(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.path.join(file), value)
    }

    /// SIGKILL to everything in it and below, including what is being forked at this moment.
    pub fn kill(&self) -> io::Result<()> {
        self.set("cgroup.kill", "1")
    }

    /// Whether a process is in it or below.
    pub fn is_populated(&self) -> io::Result<bool> {
        Ok(fs::read_to_string(self.path.join("cgroup.events"))?.contains("populated 1"))
    }

    /// Lets a user make cgroups below and move processes between them.
    pub fn give_to(&self, uid: u32, gid: u32) -> io::Result<()> {
        for file in [".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
            chown(self.path.join(file), Some(uid), Some(gid))?;
        }
        Ok(())
    }
}

/// Removes a cgroup with those below it; their files go with them.
fn remove(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

impl AsFd for Cgroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

/// The cgroup that a process is in, as a path below the file system's root (`/gantry/netd`).
pub fn of(pid: rustix::process::Pid) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_pid()))?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    Ok(path.unwrap_or_default().to_owned())
}
