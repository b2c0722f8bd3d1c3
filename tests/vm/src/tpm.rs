//! A TPM 2.0 beside a machine: swtpm, a process that ends with it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::tools::Tools;

/// The program.
const SWTPM: &str = "swtpm";
/// It is up at once; the rest is for a busy host.
const STARTING: Duration = Duration::from_secs(60);
/// Between two looks.
const AGAIN: Duration = Duration::from_millis(10);

/// A TPM in its factory state, which keeps its state in the machine's directory.
#[derive(Debug)]
pub struct Tpm {
    child: Child,
}

impl Tpm {
    /// Starts one in the machine's directory and waits until QEMU can reach it.
    pub fn start(tools: &Tools, dir: &Path) -> Result<Self> {
        let state = dir.join("tpm");
        std::fs::create_dir_all(&state).map_err(Error::file("create", &state))?;
        let errors = dir.join("swtpm.stderr");
        let stderr = std::fs::File::create(&errors).map_err(Error::file("create", &errors))?;
        let mut command = tools.command(SWTPM)?;
        // Relative names: a socket's path may have 107 bytes, and a checkout may lie deep.
        command.args(["socket", "--tpm2", "--tpmstate", "dir=tpm", "--ctrl", "type=unixio,path=tpm.sock"]);
        command.args(["--flags", "startup-clear", "--terminate", "--pid", "file=tpm.pid"]);
        command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let child = command.spawn().map_err(|err| Error::Start { program: SWTPM.into(), err })?;
        let mut tpm = Self { child };
        let until = Instant::now() + STARTING;
        // It writes its process number once it listens: whole when it is the one we know.
        let number = tpm.child.id().to_string();
        let listening = || std::fs::read_to_string(dir.join("tpm.pid")).is_ok_and(|pid| pid.trim() == number);
        while !listening() {
            if !matches!(tpm.child.try_wait(), Ok(None)) || Instant::now() > until {
                let stderr = std::fs::read_to_string(&errors).unwrap_or_default();
                return Err(Error::Tpm { stderr: stderr.trim().to_owned() });
            }
            std::thread::sleep(AGAIN);
        }
        Ok(tpm)
    }

    /// QEMU's words for it, in the machine's directory.
    pub fn describe(command: &mut Command) {
        command.args(["-chardev", "socket,id=tpm,path=tpm.sock", "-tpmdev", "emulator,id=tpm,chardev=tpm"]);
        command.args(["-device", "tpm-crb,tpmdev=tpm"]);
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
