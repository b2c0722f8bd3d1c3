//! Manifests and indexes (OCI image specification 1.1, and Docker's version 2 schema 2, which has the same
//! shape).

use containerd_client::types;
use serde::Deserialize;

use super::{Error, unusable};
use crate::registry::Limits;

/// A reference to content, as manifests write it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
    #[serde(default)]
    platform: Option<Platform>,
}

impl From<Descriptor> for types::Descriptor {
    fn from(descriptor: Descriptor) -> Self {
        types::Descriptor {
            media_type: descriptor.media_type,
            digest: descriptor.digest,
            size: descriptor.size as i64,
            ..types::Descriptor::default()
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

/// What one image consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, lowest first.
    pub layers: Vec<Descriptor>,
}

/// What a registry gives under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Images for several platforms, or none that we can run.
    Index(Vec<Descriptor>),
}

/// Both documents at once: which one it is shows by what it has, also where a media type is missing or lies.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Either {
    schema_version: u32,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// Reads a document and checks it against the limits.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Document, Error> {
    let either: Either =
        serde_json::from_slice(bytes).map_err(|err| Error::Document { what: "manifest", err })?;
    if either.schema_version != 2 {
        return Err(unusable(format!("manifest schema {} is not supported", either.schema_version)));
    }
    match (either.config, either.layers, either.manifests) {
        (Some(config), Some(layers), None) => {
            check(&config, &layers, limits)?;
            Ok(Document::Manifest(Manifest { config, layers }))
        }
        (None, None, Some(manifests)) => Ok(Document::Index(manifests)),
        _ => Err(unusable("its manifest is neither of one image nor an index of several")),
    }
}

fn check(config: &Descriptor, layers: &[Descriptor], limits: &Limits) -> Result<(), Error> {
    if config.size > limits.config_bytes as u64 {
        return Err(unusable(format!("its configuration is longer than {} bytes", limits.config_bytes)));
    }
    if layers.is_empty() || layers.len() > limits.layers {
        return Err(unusable(format!("it has {} layers, not 1 to {}", layers.len(), limits.layers)));
    }
    let bytes = layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size));
    if bytes > limits.image_bytes {
        return Err(unusable(format!("its layers are {bytes} bytes, more than {}", limits.image_bytes)));
    }
    let tar = |layer: &&Descriptor| {
        let kind = layer.media_type.as_str();
        kind.starts_with("application/vnd.oci.image.layer.v1.tar")
            || kind == "application/vnd.docker.image.rootfs.diff.tar.gzip"
            || kind == "application/vnd.docker.image.rootfs.diff.tar"
    };
    match layers.iter().find(|layer| !tar(layer)) {
        Some(other) => Err(unusable(format!("it has a layer of type {}", other.media_type))),
        None => Ok(()),
    }
}

/// The image of an index that this machine runs: the first for Linux on `architecture` (Go's name), its plain
/// variant first.
pub fn choose<'a>(index: &'a [Descriptor], architecture: &str) -> Option<&'a Descriptor> {
    let fits = |descriptor: &&Descriptor| {
        descriptor.platform.as_ref().is_some_and(|it| it.os == "linux" && it.architecture == architecture)
    };
    let plain = |descriptor: &&Descriptor| {
        let variant = descriptor.platform.as_ref().and_then(|platform| platform.variant.as_deref());
        matches!(variant, None | Some("v8"))
    };
    index.iter().filter(fits).find(plain).or_else(|| index.iter().find(fits))
}

/// Go's name of the architecture we run on, as indexes write it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

    fn manifest(layers: usize, size: u64, kind: &str) -> Vec<u8> {
        let layer = format!(r#"{{"mediaType":"{kind}","digest":"sha256:a","size":{size}}}"#);
        let layers = vec![layer; layers].join(",");
        format!(r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"sha256:b","size":2}},"layers":[{layers}]}}"#).into()
    }

    #[test]
    fn a_manifest_within_limits_is_read() {
        let Document::Manifest(read) = parse(&manifest(2, 5, LAYER), &Limits::default()).unwrap() else {
            panic!()
        };
        assert_eq!((read.layers.len(), read.config.size), (2, 2));
    }

    #[test]
    fn hostile_manifests_are_refused() {
        let limits = Limits::default();
        let huge_config =
            br#"{"schemaVersion":2,"config":{"mediaType":"c","digest":"d","size":99999999},"layers":[]}"#;
        let both = br#"{"schemaVersion":2,"manifests":[],"config":{"mediaType":"c","digest":"d","size":1},"layers":[]}"#;
        for (what, bytes) in [
            ("no layers", manifest(0, 1, LAYER)),
            ("too many layers", manifest(limits.layers + 1, 1, LAYER)),
            ("sizes that overflow", manifest(3, u64::MAX, LAYER)),
            (
                "an encrypted or foreign layer",
                manifest(1, 1, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
            ),
            (
                "a negative size",
                manifest(1, 1, LAYER).iter().map(|b| if *b == b'1' { b'-' } else { *b }).collect(),
            ),
            ("a huge configuration", huge_config.to_vec()),
            ("both kinds", both.to_vec()),
            ("schema 1", br#"{"schemaVersion":1}"#.to_vec()),
            ("no document", b"<html>".to_vec()),
        ] {
            assert!(parse(&bytes, &limits).is_err(), "{what}");
        }
    }

    #[test]
    fn the_index_entry_for_this_platform_is_chosen() {
        let entry = |digest: &str, os: &str, arch: &str, variant: &str| {
            format!(
                r#"{{"mediaType":"m","digest":"{digest}","size":1,"platform":{{"os":"{os}","architecture":"{arch}"{variant}}}}}"#
            )
        };
        let list = [
            r#"{"mediaType":"m","digest":"none","size":1}"#.to_owned(),
            entry("windows", "windows", "amd64", ""),
            entry("v3", "linux", "amd64", r#","variant":"v3""#),
            entry("plain", "linux", "amd64", ""),
            entry("arm", "linux", "arm64", r#","variant":"v8""#),
        ];
        let bytes = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, list.join(","));
        let Document::Index(index) = parse(bytes.as_bytes(), &Limits::default()).unwrap() else { panic!() };
        let chosen = |arch| choose(&index, arch).map(|entry| entry.digest.as_str());
        assert_eq!(chosen("amd64"), Some("plain"));
        assert_eq!(chosen("arm64"), Some("arm"));
        assert_eq!(chosen("riscv64"), None);
    }
}
