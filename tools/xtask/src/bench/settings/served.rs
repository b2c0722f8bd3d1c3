//! A host in a folder, with the API server over it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use imager::programs::{self, Places};
use imager::variant::Variant;

use super::conversation::Conversation;
use super::pid1;

/// How long a server may take to answer first.
const START: Duration = Duration::from_secs(20);

/// The executables of an image.
pub struct Programs {
    /// The services.
    pub host: PathBuf,
    /// The client.
    pub client: PathBuf,
}

/// Compiles them as the image builder does.
pub fn programs(root: &Path, variant: &str) -> Result<Programs> {
    let variant = Variant::load(&root.join("image"), variant)?;
    let built = programs::build(&Places::of(root, &crate::image::target(root))?, &variant.programs)?;
    let find = |name: &str| {
        let found = built.iter().find(|program| program.file.file_name().is_some_and(|file| file == name));
        found
            .map(|program| program.file.clone())
            .with_context(|| format!("the variant has no program {name}"))
    };
    Ok(Programs { host: find("host")?, client: find("apiclient")? })
}

/// A running server. It ends and its folder goes with the value.
pub struct Served {
    server: Child,
    folder: tempfile::TempDir,
    socket: PathBuf,
}

impl Served {
    /// Starts one over a new host, and waits until it answers.
    pub fn start(programs: &Programs) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        for path in [
            "usr/lib",
            "usr/share/gantry",
            "etc",
            "run/gantry",
            "state/settings",
            "var/log",
            "proc/sys/kernel",
        ] {
            std::fs::create_dir_all(folder.path().join(path))
                .with_context(|| format!("cannot make {path}"))?;
        }
        for (path, text) in [
            ("usr/lib/os-release", "VERSION_ID=0.1.0\nVARIANT_ID=standalone\n"),
            ("usr/share/gantry/defaults.toml", "[settings]\nmotd = \"bench\"\n"),
            ("proc/sys/kernel/hostname", "bench\n"),
        ] {
            std::fs::write(folder.path().join(path), text).with_context(|| format!("cannot write {path}"))?;
        }
        pid1::listen(&folder.path().join("run/gantry/init.sock"))?;
        let mut command = Command::new(&programs.host);
        command.arg0("apiserver").arg("--root").arg(folder.path()).stdin(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().context("cannot start the API server")?;
        let socket = folder.path().join("run/api.sock");
        let mut served = Served { server, folder, socket };
        served.wait()?;
        Ok(served)
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            let last = match Conversation::open(&self.socket).and_then(|mut ask| ask.get("/settings")) {
                Ok(_) => return Ok(()),
                Err(err) => err,
            };
            if let Some(status) = self.server.try_wait().context("cannot ask after the API server")? {
                bail!("the API server over {} ended: {status}", self.folder.path().display());
            }
            if Instant::now() > deadline {
                return Err(last.context("the API server does not answer"));
            }
            thread::yield_now();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
