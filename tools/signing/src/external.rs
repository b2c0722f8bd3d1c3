//! A key behind a command: a token, a smart card, a signing service.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Error, Signer, pem};

/// Signs by running a command: the message on its standard input, the bare signature on its standard output.
///
/// `openssl dgst -sha256 -sign KEY` is one, and so is a script around a token or a service. A command may wait for a person
/// (a PIN, a touch): there is no deadline.
#[derive(Debug)]
pub struct External {
    certificate: Vec<u8>,
    command: Vec<String>,
}

impl External {
    /// A command (words separated by white space; no shell is involved) and the certificate of its key (PEM or DER).
    pub fn new(command: &str, certificate: &Path) -> Result<Self, Error> {
        let command = command.split_whitespace().map(str::to_owned).collect();
        Ok(Self { certificate: pem::certificate(certificate)?, command })
    }

    /// The same with the command in a file.
    pub fn open(command: &Path, certificate: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(command).map_err(|err| Error::Read { path: command.to_owned(), err })?;
        Self::new(&text, certificate)
    }

    fn run(&self, message: &[u8]) -> io::Result<std::process::Output> {
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // A message is smaller than a pipe's buffer, so this does not wait for the reader.
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(message));
        let output = child.wait_with_output()?;
        match written {
            // A command that does not read what it signs shows in its signature or its exit status.
            Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Err(err),
            _ => Ok(output),
        }
    }
}

impl Signer for External {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let command = || self.command.join(" ");
        let output = self.run(message).map_err(|err| Error::Start { command: command(), err })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Command { command: command(), status: output.status, stderr })
    }
}
