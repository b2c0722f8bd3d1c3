//! A real registry for the machines: Debian's `docker-registry`, on a loopback port of its own choice.
//!
//! QEMU's user network shows the host's loopback to the guest as 10.0.2.2, so the guest reaches it without anything
//! being open to the outside. The process ends with the value.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::http::Client;
use crate::oci::Oci;
use crate::tools::Tools;

/// The name that test images carry; it resolves nowhere, only through a mirror.
pub const NAME: &str = "registry.gantry.test";

/// The registry starts in well under a second; the rest is for a busy host.
const START: Duration = Duration::from_secs(60);

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Registry {
    /// Starts one that keeps its blobs in `dir` (emptied first) and waits until it answers.
    pub fn start(tools: &Tools, dir: &Path) -> Result<Self> {
        let _ = std::fs::remove_dir_all(dir);
        std::fs::create_dir_all(dir).map_err(Error::file("create", dir))?;
        let config = dir.join("config.yml");
        // JSON is YAML, and needs no quoting rules of our own.
        let text = serde_json::json!({
            "version": "0.1",
            "log": { "level": "info" },
            "storage": { "filesystem": { "rootdirectory": dir.join("blobs") }, "maintenance": { "uploadpurging": { "enabled": false } } },
            "http": { "addr": "127.0.0.1:0", "secret": "only for uploads of this one process" },
        });
        std::fs::write(&config, text.to_string()).map_err(Error::file("write", &config))?;
        let mut command = tools.command("docker-registry")?;
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = command.spawn();
        let mut child = started.map_err(|err| Error::Start { program: "docker-registry".into(), err })?;
        let log = dir.join("registry.log");
        let port = match child.stderr.take() {
            Some(stderr) => port_from_log(stderr, &log),
            None => Err("no log".to_owned()),
        };
        let mut registry = Self { child, port: 0, dir: dir.to_owned() };
        registry.port =
            port.map_err(|why| Error::Registry { why: format!("{why} (log: {})", log.display()) })?;
        let answer = Client::new(START).get(&registry.url("/v2/"))?;
        if answer.status != 200 {
            return Err(Error::Registry { why: format!("GET /v2/ answered {}", answer.status) });
        }
        Ok(registry)
    }

    /// The port on the host's loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where a guest finds it.
    pub fn endpoint(&self) -> String {
        format!("http://10.0.2.2:{}", self.port)
    }

    /// The settings that send a machine here for images named [`NAME`].
    pub fn mirror(&self) -> String {
        format!(
            "[[settings.container-registry.mirrors]]\nregistry = \"{NAME}\"\nendpoint = [\"{}\"]\n",
            self.endpoint()
        )
    }

    /// Stores an image: blobs first, the manifest that names them last (OCI distribution 1.1, "Push").
    pub fn push(&self, image: &Oci) -> Result<()> {
        let client = Client::new(START);
        for blob in image.blobs() {
            let asked =
                client.head(&self.url(&format!("/v2/{}/blobs/{}", image.repository(), blob.digest)))?;
            if asked.status == 200 {
                continue;
            }
            let opened = client.post(&self.url(&format!("/v2/{}/blobs/uploads/", image.repository())))?;
            let location = match (opened.status, opened.location) {
                (202, Some(location)) => location,
                (status, _) => {
                    return Err(Error::Registry { why: format!("upload refused: {status} {}", opened.body) });
                }
            };
            let location = if location.starts_with('/') { self.url(&location) } else { location };
            let joint = if location.contains('?') { '&' } else { '?' };
            let url = format!("{location}{joint}digest={}", blob.digest);
            expect_created(client.put(&url, "application/octet-stream", &blob.bytes)?)?;
        }
        let url = self.url(&format!("/v2/{}/manifests/{}", image.repository(), image.tag()));
        expect_created(client.put(&url, crate::oci::MANIFEST_TYPE, &image.manifest().bytes)?)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn expect_created(answer: crate::http::Answer) -> Result<()> {
    match answer.status {
        201 => Ok(()),
        status => Err(Error::Registry { why: format!("{status} {}", answer.body) }),
    }
}

/// The registry says which port the kernel gave it: `msg="listening on 127.0.0.1:45519"`. So no port is ever guessed,
/// and none can be taken by somebody else in between. The thread keeps the log flowing until the registry ends.
fn port_from_log(
    stderr: impl std::io::Read + Send + 'static,
    log: &Path,
) -> std::result::Result<u16, String> {
    let mut file = std::fs::File::create(log).map_err(|err| err.to_string())?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
            let _ = writeln!(file, "{line}");
            if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                // Nobody listens any more once the port is known.
                let _ = tell.send(digits.parse::<u16>().map_err(|err| err.to_string()));
            }
        }
    });
    told.recv_timeout(START).map_err(|_| "ended, or did not say its port in time".to_owned())?
}
