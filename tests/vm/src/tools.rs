//! Programs of the tools tree: Debian 13 packages unpacked privately, run on any host through their own loader.
//!
//! The host's own QEMU and firmware are never used, so that a result means the same everywhere
//! (Debian 12's QEMU 7.2 crashes this kernel now and then under software emulation).

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};

/// Debian's multiarch directory of the build machine's architecture.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
/// The tree's own dynamic loader.
const LOADER: &str = "usr/lib64/ld-linux-x86-64.so.2";

/// The unpacked tree.
#[derive(Debug, Clone)]
pub struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Takes a tree that is already unpacked.
    pub fn at(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        match root.canonicalize() {
            Ok(root) if root.join(LOADER).exists() => Ok(Self { root }),
            _ => Err(Error::NoTools { root }),
        }
    }

    /// The tree's root directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file of the tree that must exist, such as a firmware image.
    pub fn file(&self, path: &str) -> Result<PathBuf> {
        let file = self.root.join(path);
        match file.exists() {
            true => Ok(file),
            false => Err(Error::NoTool { root: self.root.clone(), program: path.to_owned() }),
        }
    }

    /// A command for a program, in `usr/bin` or `usr/sbin`.
    ///
    /// It does not survive us: where the host has util-linux's `setpriv`, the kernel kills the program with the thread
    /// that started it, so an interrupted test leaves no machine behind. It is in a process group of its own, so that
    /// Ctrl-C reaches us alone and we can end it in order.
    pub fn command(&self, program: &str) -> Result<Command> {
        use std::os::unix::process::CommandExt as _;
        let path = ["usr/bin", "usr/sbin"]
            .iter()
            .map(|dir| self.root.join(dir).join(program))
            .find(|path| path.exists());
        let path =
            path.ok_or_else(|| Error::NoTool { root: self.root.clone(), program: program.to_owned() })?;
        let libraries = self.root.join(LIBRARIES);
        let search = format!("{0}:{0}/systemd:{0}/swtpm", libraries.display());
        let mut command = match setpriv() {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(self.root.join(LOADER));
                command
            }
            None => Command::new(self.root.join(LOADER)),
        };
        command.args(["--argv0", program, "--library-path", &search]).arg(path);
        command.env("QEMU_MODULE_DIR", libraries.join("qemu")).env("LC_ALL", "C").process_group(0);
        Ok(command)
    }

    /// Runs a program to its end and returns what it wrote; a bad end is an error.
    pub fn run(
        &self,
        program: &str,
        args: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ) -> Result<Output> {
        let output = self.run_unchecked(program, args)?;
        if output.status.success() {
            return Ok(output);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Tool { program: program.to_owned(), status: output.status, stderr })
    }

    /// Runs a program to its end, whatever that is: for programs whose exit code is the answer.
    pub fn run_unchecked(
        &self,
        program: &str,
        args: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ) -> Result<Output> {
        let mut command = self.command(program)?;
        command.args(args).stdin(Stdio::null());
        command.output().map_err(|err| Error::Start { program: program.to_owned(), err })
    }
}

fn setpriv() -> Option<&'static str> {
    ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().find(|path| Path::new(path).exists())
}
