//! The same change by one process, and by a chain of them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Whom to start and whom to ask.
pub struct Chain<'p> {
    /// The client's executable.
    pub client: &'p Path,
    /// The server's socket.
    pub socket: &'p Path,
}

impl Chain<'_> {
    /// One start of the client does it all.
    pub fn one_process(&self, motd: &str) -> Result<()> {
        self.start(&["set", &format!("motd={motd}")])
    }

    /// A process for each step: the change, its commit, the applier, and the command that restarts a service.
    pub fn many_processes(&self, motd: &str) -> Result<()> {
        let body = serde_json::json!({ "motd": motd }).to_string();
        self.start(&["raw", "-m", "PATCH", "-u", "/settings?tx=chain", "-d", &body])?;
        self.start(&["raw", "-m", "POST", "-u", "/tx/commit?tx=chain"])?;
        self.start(&["raw", "-m", "POST", "-u", "/tx/apply?keys=settings.motd"])?;
        self.start(&["--version"])
    }

    fn start(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.client);
        command.arg("--socket-path").arg(self.socket).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.output().context("cannot start apiclient")?;
        ensure!(
            output.status.success(),
            "apiclient {arguments:?}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }
}
