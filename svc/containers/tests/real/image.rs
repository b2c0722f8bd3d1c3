//! An image of one static busybox, put into a registry's storage as docker-registry keeps it.

use std::fs;
use std::path::Path;

/// Stores `name:tag`, consisting of `/bin/busybox` with links for the applets that the test uses, and `/tmp`.
pub fn store(registry: &Path, name: &str, tag: &str, busybox: &[u8]) {
    let mut layer = Vec::new();
    for dir in ["bin", "etc", "tmp", "www", "proc", "sys", "dev"] {
        entry(&mut layer, &format!("{dir}/"), b'5', 0o755, "", &[]);
    }
    entry(&mut layer, "bin/busybox", b'0', 0o755, "", busybox);
    for applet in ["sh", "cat", "id", "tail", "hostname", "touch", "grep", "mount", "sleep", "chmod"] {
        entry(&mut layer, &format!("bin/{applet}"), b'2', 0o777, "busybox", &[]);
    }
    layer.resize(layer.len() + 1024, 0);
    let blob = |bytes: &[u8]| {
        let digest = sha256(bytes);
        let dir = registry.join(format!("docker/registry/v2/blobs/sha256/{}/{digest}", &digest[..2]));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("data"), bytes).unwrap();
        digest
    };
    let layer_digest = blob(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Env":["PATH=/bin"]}},"rootfs":{{"type":"layers","diff_ids":["sha256:{layer_digest}"]}}}}"#
    );
    let config_digest = blob(config.as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{config_digest}","size":{}}},
            "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{layer_digest}","size":{}}}]}}"#,
        config.len(),
        layer.len()
    );
    let manifest = blob(manifest.as_bytes());
    let repository = registry.join(format!("docker/registry/v2/repositories/{name}"));
    for (link, digest) in [
        (format!("_layers/sha256/{layer_digest}"), &layer_digest),
        (format!("_layers/sha256/{config_digest}"), &config_digest),
        (format!("_manifests/revisions/sha256/{manifest}"), &manifest),
        (format!("_manifests/tags/{tag}/current"), &manifest),
        (format!("_manifests/tags/{tag}/index/sha256/{manifest}"), &manifest),
    ] {
        fs::create_dir_all(repository.join(&link)).unwrap();
        fs::write(repository.join(link).join("link"), format!("sha256:{digest}")).unwrap();
    }
}

/// One ustar entry.
fn entry(tar: &mut Vec<u8>, name: &str, kind: u8, mode: u32, link: &str, body: &[u8]) {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", body.len()));
    put(136, "00000000000");
    put(148, "        ");
    put(157, link);
    put(257, "ustar\u{0}00");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar.extend_from_slice(&header);
    tar.extend_from_slice(body);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
