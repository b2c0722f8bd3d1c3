//! Pulling: an image's name, looked up at its endpoints, fetched into the store and unpacked.
//!
//! Order of writes: layers and configuration, then the manifest with labels that refer to them, then the
//! index, then the name. A lease keeps everything from collection until the name does. Cut short anywhere,
//! the next pull goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use containerd_client::types;
use files::Stamp;
use log::{info, warn};
use settings::containers::Registry;
use settings::scalar::ImageRef;

use super::manifest::{self, Descriptor, Document, Manifest};
use super::unpack::unpack;
use super::{Config, Error, check_digest, sha256, unusable};
use crate::containerd::{Containerd, Ingest, Lease};
use crate::locks::Locks;
use crate::registry::{Endpoint, Http, Limits, Session, endpoints};

/// Bytes collected before they go to containerd: one message each, well below gRPC's usual bound of 4 MiB.
const CHUNK: usize = 512 << 10;

/// Media types for content whose registry named none.
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image in the store, unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// How to run it.
    pub config: Config,
    /// The snapshot with all its layers.
    pub snapshot: String,
}

/// Gets images. Shared by all containers.
pub struct Puller {
    /// Of the trust that holds now; a pull that is under way goes on with what it began with.
    http: Mutex<Http>,
    limits: Limits,
    locks: Locks,
}

/// What the name stands for, as one endpoint has it.
struct Resolved {
    /// The document that the name stands for: the index, or the manifest itself.
    target: Blob,
    /// The manifest, where the target is an index.
    inner: Option<Blob>,
    manifest: Manifest,
}

/// A small document, verified.
struct Blob {
    descriptor: types::Descriptor,
    bytes: Vec<u8>,
}

impl Puller {
    /// Pulls through this client.
    pub fn new(http: Http) -> Arc<Self> {
        let limits = *http.limits();
        Arc::new(Puller { http: Mutex::new(http), limits, locks: Locks::default() })
    }

    /// Pulls through this client from now on.
    pub fn use_client(&self, http: Http) {
        *self.http.lock().unwrap_or_else(PoisonError::into_inner) = http;
    }

    fn client(&self) -> Http {
        self.http.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The image, from the store when it is named by digest and there, else from a registry; and when no
    /// registry gives it, from the store all the same.
    pub async fn get(
        &self,
        containerd: &Containerd,
        registry: &Registry,
        image: &ImageRef,
    ) -> Result<Image, Error> {
        let name = image.to_string();
        let _only_us = self.locks.lock(&name).await;
        let lease =
            Lease::take(containerd, format!("gantry-pull-{}-{}", std::process::id(), Stamp::now().wall_us))
                .await?;
        let got = self.get_leased(lease.client(), registry, image, &name).await;
        // Kept for its time if this fails; only space is lost.
        if let Err(error) = lease.give_back().await {
            warn!(image:% = name; "lease not given back: {}", files::chain(&error));
        }
        got
    }

    async fn get_leased(
        &self,
        containerd: &Containerd,
        registry: &Registry,
        image: &ImageRef,
        name: &str,
    ) -> Result<Image, Error> {
        if image.digest().is_some()
            && let Ok(Some(cached)) = self.cached(containerd, name).await
        {
            info!(image:% = name; "image already here");
            return Ok(cached);
        }
        match self.pull(containerd, registry, image, name).await {
            Ok(image) => Ok(image),
            Err(error) => match self.cached(containerd, name).await {
                Ok(Some(cached)) => {
                    let why = files::chain(&error);
                    warn!(image:% = name, why:% = why; "pull failed, using the image already here");
                    Ok(cached)
                }
                _ => Err(error),
            },
        }
    }

    /// The image as the store has it, unpacked; `None` when it does not have all of it.
    async fn cached(&self, containerd: &Containerd, name: &str) -> Result<Option<Image>, Error> {
        let Some(target) = containerd.image(name).await? else { return Ok(None) };
        let limits = &self.limits;
        let mut digest = target.digest;
        // An index leads to a manifest; nothing leads further.
        for _ in 0..2 {
            if !containerd.has_blob(&digest).await? {
                return Ok(None);
            }
            match manifest::parse(&containerd.read_blob(&digest, limits.manifest_bytes).await?, limits)? {
                Document::Index(index) => match manifest::choose(&index, manifest::architecture()) {
                    Some(chosen) => digest = chosen.digest.clone(),
                    None => return Ok(None),
                },
                Document::Manifest(manifest) => {
                    let config = self.config(containerd, &manifest).await?;
                    return self.unpacked(containerd, &manifest, config).await.map(Some);
                }
            }
        }
        Ok(None)
    }

    async fn pull(
        &self,
        containerd: &Containerd,
        registry: &Registry,
        image: &ImageRef,
        name: &str,
    ) -> Result<Image, Error> {
        let endpoints = endpoints(registry, image);
        let mut last = None;
        for endpoint in &endpoints {
            info!(image:% = name, from:% = endpoint.base; "pulling");
            let began = Instant::now();
            match self.pull_from(containerd, endpoint, image, name).await {
                Ok((got, bytes)) => {
                    info!(image:% = name, bytes, ms = began.elapsed().as_millis() as u64; "pulled");
                    return Ok(got);
                }
                // A store that fails will not do better with another registry.
                Err(error @ Error::Store(_)) => return Err(error),
                Err(error) => {
                    warn!(image:% = name, from:% = endpoint.base, why:% = files::chain(&error); "endpoint failed");
                    last = Some(Box::new(error));
                }
            }
        }
        Err(Error::Nowhere { endpoints: endpoints.len(), last })
    }

    /// Pulls from one endpoint. Returns the image and how many bytes came over the network for it.
    async fn pull_from(
        &self,
        containerd: &Containerd,
        endpoint: &Endpoint,
        image: &ImageRef,
        name: &str,
    ) -> Result<(Image, u64), Error> {
        let http = self.client();
        let mut session = Session::new(&http, endpoint, image.repository());
        let resolved = self.resolve(&mut session, image).await?;
        let manifest = &resolved.manifest;
        let mut bytes =
            (resolved.target.bytes.len() + resolved.inner.as_ref().map_or(0, |it| it.bytes.len())) as u64;
        for blob in [&manifest.config].into_iter().chain(&manifest.layers) {
            bytes += self.fetch(containerd, &mut session, blob).await?;
        }
        let config = self.config(containerd, manifest).await?;
        let image = self.unpacked(containerd, manifest, config).await?;
        record(containerd, &resolved, &image, name).await?;
        Ok((image, bytes))
    }

    async fn resolve(&self, session: &mut Session<'_>, image: &ImageRef) -> Result<Resolved, Error> {
        let limits = &self.limits;
        let reference = image.digest().or(image.tag()).unwrap_or("latest");
        let (bytes, media_type) = session.manifest(reference).await?;
        let digest = match image.digest() {
            Some(digest) => {
                check_digest(digest, &bytes)?;
                digest.to_owned()
            }
            None => sha256(&bytes),
        };
        match manifest::parse(&bytes, limits)? {
            Document::Manifest(manifest) => {
                let target = Blob::new(digest, media_type, OCI_MANIFEST, bytes);
                Ok(Resolved { target, inner: None, manifest })
            }
            Document::Index(index) => {
                let target = Blob::new(digest, media_type, OCI_INDEX, bytes);
                let architecture = manifest::architecture();
                let chosen = manifest::choose(&index, architecture)
                    .ok_or_else(|| unusable(format!("it has nothing for linux/{architecture}")))?;
                let (bytes, media_type) = session.manifest(&chosen.digest).await?;
                check_digest(&chosen.digest, &bytes)?;
                let Document::Manifest(manifest) = manifest::parse(&bytes, limits)? else {
                    return Err(unusable("its index leads to another index"));
                };
                let inner = Some(Blob::new(chosen.digest.clone(), media_type, OCI_MANIFEST, bytes));
                Ok(Resolved { target, inner, manifest })
            }
        }
    }

    /// Brings a blob into the store. Returns how many bytes came.
    async fn fetch(
        &self,
        containerd: &Containerd,
        session: &mut Session<'_>,
        blob: &Descriptor,
    ) -> Result<u64, Error> {
        let _only_us = self.locks.lock(&blob.digest).await;
        let Some(mut ingest) = Ingest::open(containerd, &blob.digest, blob.size).await? else { return Ok(0) };
        let (begins, mut body) = session.blob(&blob.digest, ingest.offset()).await?;
        if begins == 0 {
            ingest.restart();
        }
        let mut got = 0;
        let mut chunk = Vec::with_capacity(CHUNK);
        while let Some(piece) = body.piece().await? {
            got += piece.len() as u64;
            if begins + got > blob.size {
                return Err(unusable(format!("{} is longer than its {} bytes", blob.digest, blob.size)));
            }
            chunk.extend_from_slice(&piece);
            if chunk.len() >= CHUNK {
                ingest.write(Bytes::from(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK)))).await?;
            }
        }
        if !chunk.is_empty() {
            ingest.write(Bytes::from(chunk)).await?;
        }
        if begins + got < blob.size {
            return Err(unusable(format!(
                "{} ended after {} of {} bytes",
                blob.digest,
                begins + got,
                blob.size
            )));
        }
        ingest.commit(HashMap::new()).await?;
        Ok(got)
    }

    async fn config(&self, containerd: &Containerd, manifest: &Manifest) -> Result<Config, Error> {
        let bytes = containerd.read_blob(&manifest.config.digest, self.limits.config_bytes).await?;
        Config::parse(&bytes, manifest.layers.len())
    }

    async fn unpacked(
        &self,
        containerd: &Containerd,
        manifest: &Manifest,
        config: Config,
    ) -> Result<Image, Error> {
        unpack(containerd, &self.locks, &manifest.layers, &config).await?;
        let snapshot = config.chain_ids().pop().unwrap_or_default();
        Ok(Image { config, snapshot })
    }
}

impl Blob {
    fn new(digest: String, media_type: Option<String>, otherwise: &str, bytes: Vec<u8>) -> Self {
        // Some registries serve everything as a stream of octets; containerd goes by the type.
        let media_type = media_type.filter(|it| it.contains("manifest") || it.contains("index"));
        let media_type = media_type.unwrap_or_else(|| otherwise.to_owned());
        let descriptor = types::Descriptor {
            media_type,
            digest,
            size: bytes.len() as i64,
            ..types::Descriptor::default()
        };
        Blob { descriptor, bytes }
    }
}

/// Writes manifest, index and name, each referring to what is there already, so that nothing of it is
/// collected.
async fn record(
    containerd: &Containerd,
    resolved: &Resolved,
    image: &Image,
    name: &str,
) -> Result<(), Error> {
    let manifest = &resolved.manifest;
    let snapshot = format!("containerd.io/gc.ref.snapshot.{}", containerd.snapshotter());
    containerd
        .label_blob(&manifest.config.digest, HashMap::from([(snapshot, image.snapshot.clone())]))
        .await?;
    let mut refers =
        HashMap::from([("containerd.io/gc.ref.content.config".to_owned(), manifest.config.digest.clone())]);
    for (at, layer) in manifest.layers.iter().enumerate() {
        refers.insert(format!("containerd.io/gc.ref.content.l.{at}"), layer.digest.clone());
    }
    let own = resolved.inner.as_ref().unwrap_or(&resolved.target);
    containerd.put_blob(&own.descriptor.digest, &own.bytes, refers).await?;
    if let Some(inner) = &resolved.inner {
        let refers =
            HashMap::from([("containerd.io/gc.ref.content.m.0".to_owned(), inner.descriptor.digest.clone())]);
        containerd.put_blob(&resolved.target.descriptor.digest, &resolved.target.bytes, refers).await?;
    }
    Ok(containerd.set_image(name, resolved.target.descriptor.clone()).await?)
}
