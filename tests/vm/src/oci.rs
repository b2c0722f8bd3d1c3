//! Container images made here, byte for byte the same each time, so that no test pulls anything from outside.
//!
//! Both hold Debian's static busybox: `web:1` serves one page on port 80, `busybox:1` runs what it is told.
//! Formats: OCI image specification 1.1 (manifest, config, layer), layers as plain tar.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::registry::NAME;
use crate::tools::Tools;

/// Media type of the manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// The page that `web:1` serves.
pub const PAGE: &str = "<!doctype html>\n<title>Gantry</title>\n\
    <p>This page comes from a container inside a virtual machine that runs Gantry.</p>\n";

/// Busybox programs that scenarios and newcomers call by name.
const APPLETS: &[&str] = &[
    "cat", "date", "df", "echo", "env", "false", "head", "hostname", "httpd", "id", "ip", "kill", "ls",
    "mount", "nc", "nslookup", "ping", "ps", "seq", "sh", "sleep", "stat", "tail", "test", "touch", "true",
    "uname", "wc", "wget",
];

/// Something addressed by its digest.
#[derive(Debug, Clone)]
pub struct Blob {
    /// `sha256:...`
    pub digest: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// An image of one layer.
#[derive(Debug, Clone)]
pub struct Oci {
    repository: String,
    tag: String,
    config: Blob,
    layer: Blob,
    manifest: Blob,
}

impl Oci {
    /// A web server with one page.
    pub fn web(tools: &Tools) -> Result<Self> {
        let mut layer = Layer::with_busybox(tools)?;
        layer.directory("www")?;
        layer.file("www/index.html", 0o644, PAGE.as_bytes())?;
        // The kernel drops signals that a namespace's first process does not handle, and httpd handles none: without a
        // shell in front each orderly stop would wait for SIGKILL.
        let serve = "trap 'exit 0' TERM; /bin/busybox httpd -f -p 80 -h /www & wait $!";
        let command = ["/bin/sh", "-c", serve];
        Self::assemble(
            "web",
            layer,
            json!({ "Entrypoint": command, "ExposedPorts": { "80/tcp": {} }, "Env": [PATH] }),
        )
    }

    /// A shell and its friends; by itself it says hello and ends.
    pub fn busybox(tools: &Tools) -> Result<Self> {
        let layer = Layer::with_busybox(tools)?;
        Self::assemble(
            "busybox",
            layer,
            json!({ "Cmd": ["/bin/echo", "hello from a container"], "Env": [PATH] }),
        )
    }

    /// `web`, `busybox`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The name by which user data asks for it.
    pub fn reference(&self) -> String {
        format!("{NAME}/{}:{}", self.repository, self.tag)
    }

    /// Config and layer, which the manifest names.
    pub fn blobs(&self) -> [&Blob; 2] {
        [&self.config, &self.layer]
    }

    /// The manifest.
    pub fn manifest(&self) -> &Blob {
        &self.manifest
    }

    /// Writes the image as an OCI archive (image layout in a tar file), for tools that import one.
    pub fn write_archive(&self, path: &Path) -> Result<()> {
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": MANIFEST_TYPE, "digest": self.manifest.digest, "size": self.manifest.bytes.len(),
                "annotations": { "io.containerd.image.name": self.reference(), "org.opencontainers.image.ref.name": self.tag },
            }],
        });
        let mut archive = Layer::empty();
        archive.file("oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        archive.file("index.json", 0o644, index.to_string().as_bytes())?;
        archive.directory("blobs")?;
        archive.directory("blobs/sha256")?;
        for blob in [&self.manifest, &self.config, &self.layer] {
            archive.file(&format!("blobs/{}", blob.digest.replace(':', "/")), 0o644, &blob.bytes)?;
        }
        std::fs::write(path, archive.finish()?).map_err(Error::file("write", path))
    }

    fn assemble(repository: &str, layer: Layer, runs: Value) -> Result<Self> {
        let layer = blob(layer.finish()?);
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z", "config": runs,
            "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "gantry tests/vm" }],
        });
        let config = blob(config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": { "mediaType": CONFIG_TYPE, "digest": config.digest, "size": config.bytes.len() },
            "layers": [{ "mediaType": LAYER_TYPE, "digest": layer.digest, "size": layer.bytes.len() }],
        });
        let manifest = blob(manifest.to_string().into_bytes());
        Ok(Self { repository: repository.to_owned(), tag: "1".to_owned(), config, layer, manifest })
    }
}

const PATH: &str = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

fn blob(bytes: Vec<u8>) -> Blob {
    let mut digest = String::from("sha256:");
    for byte in Sha256::digest(&bytes) {
        digest.push_str(&format!("{byte:02x}"));
    }
    Blob { digest, bytes }
}

/// A tar archive with owner 0, time 0 and members in the order given.
struct Layer {
    tar: tar::Builder<Vec<u8>>,
}

impl Layer {
    fn empty() -> Self {
        Self { tar: tar::Builder::new(Vec::new()) }
    }

    /// The directories and programs every test image has.
    fn with_busybox(tools: &Tools) -> Result<Self> {
        let path = tools.file("usr/bin/busybox")?;
        let busybox = std::fs::read(&path).map_err(Error::file("read", &path))?;
        let mut layer = Self::empty();
        for directory in ["bin", "dev", "etc", "proc", "sys", "tmp", "var"] {
            layer.directory(directory)?;
        }
        layer.file("bin/busybox", 0o755, &busybox)?;
        for applet in APPLETS {
            layer.link(&format!("bin/{applet}"), "busybox")?;
        }
        layer.file(
            "etc/passwd",
            0o644,
            b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        )?;
        layer.file("etc/group", 0o644, b"root:x:0:\nnogroup:x:65534:\n")?;
        Ok(layer)
    }

    fn directory(&mut self, path: &str) -> Result<()> {
        let mut header = header(tar::EntryType::Directory, 0o755, 0);
        let added = self.tar.append_data(&mut header, format!("{path}/"), std::io::empty());
        added.map_err(Error::file("add to an archive", path))
    }

    fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let mut header = header(tar::EntryType::Regular, mode, bytes.len() as u64);
        self.tar.append_data(&mut header, path, bytes).map_err(Error::file("add to an archive", path))
    }

    fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let mut header = header(tar::EntryType::Symlink, 0o777, 0);
        self.tar.append_link(&mut header, path, target).map_err(Error::file("add to an archive", path))
    }

    fn finish(self) -> Result<Vec<u8>> {
        self.tar.into_inner().map_err(Error::file("finish", "an archive"))
    }
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_content_gives_the_same_digest() {
        let make = || {
            let mut layer = Layer::empty();
            layer.directory("www").unwrap();
            layer.file("www/index.html", 0o644, PAGE.as_bytes()).unwrap();
            layer.link("www/home.html", "index.html").unwrap();
            Oci::assemble("web", layer, json!({ "Cmd": ["/bin/true"] })).unwrap()
        };
        let (one, two) = (make(), make());
        assert_eq!(one.manifest.digest, two.manifest.digest);
        assert_eq!(one.reference(), "registry.gantry.test/web:1");
        // The manifest names the blobs by their true digests and sizes.
        let manifest: Value = serde_json::from_slice(&one.manifest.bytes).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], blob(one.layer.bytes.clone()).digest.as_str());
        assert_eq!(manifest["layers"][0]["size"], one.layer.bytes.len());
    }
}
