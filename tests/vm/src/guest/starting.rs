//! QEMU between its start and its first answer.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::console::Console;
use crate::error::{Error, Result};
use crate::qmp;

/// QEMU opens its sockets at once; the rest is for a busy host.
const SOCKETS: Duration = Duration::from_secs(60);
/// Between two tries of a socket that is not there yet.
const AGAIN: Duration = Duration::from_millis(10);

/// Killed if anything goes wrong before [`Starting::done`].
pub(super) struct Starting {
    child: Option<Child>,
    errors: PathBuf,
}

impl Starting {
    /// A QEMU just spawned, which complains into the file `errors`.
    pub fn new(child: Child, errors: PathBuf) -> Self {
        Self { child: Some(child), errors }
    }

    /// Starts reading its console.
    pub fn console(&mut self, log: &Path) -> Result<Console> {
        let stdout = self.child.as_mut().and_then(|child| Some((child.stdout.take()?, child.id())));
        let (stdout, pid) = stdout.ok_or_else(|| self.complaint())?;
        Console::read(stdout, pid, log).map_err(Error::file("create", log))
    }

    /// Connects to one of its sockets.
    pub fn connect(&mut self, dir: &Path, socket: &str) -> Result<UnixStream> {
        let until = Instant::now() + SOCKETS;
        loop {
            match qmp::connect(dir, socket) {
                Ok(stream) => return Ok(stream),
                Err(_) if self.gone() || Instant::now() > until => return Err(self.complaint()),
                // The file appears when QEMU binds it, and nothing tells us: this asks again.
                Err(_) => std::thread::sleep(AGAIN),
            }
        }
    }

    fn gone(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// It runs: from here on it is the caller's.
    pub fn done(mut self) -> Result<Child> {
        self.child.take().ok_or_else(|| self.complaint())
    }

    /// What it said.
    pub fn complaint(&self) -> Error {
        let stderr = std::fs::read_to_string(&self.errors).unwrap_or_default();
        Error::Qemu { stderr: stderr.trim().to_owned() }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
