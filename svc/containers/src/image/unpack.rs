//! Layers into snapshots. A snapshot's name is its chain id, so what two images share is unpacked once.

use super::manifest::Descriptor;
use super::{Config, Error};
use crate::containerd::Containerd;
use crate::locks::Locks;

/// Unpacks whatever layers are not unpacked yet. When it returns, the snapshot of the last chain id exists.
pub async fn unpack(
    containerd: &Containerd,
    locks: &Locks,
    layers: &[Descriptor],
    config: &Config,
) -> Result<(), Error> {
    let chain = config.chain_ids();
    // The topmost one that is there has all below it.
    let mut first = 0;
    for (at, id) in chain.iter().enumerate().rev() {
        if containerd.has_snapshot(id).await? {
            first = at + 1;
            break;
        }
    }
    for at in first..chain.len() {
        let parent = if at == 0 { "" } else { chain[at - 1].as_str() };
        let _only_us = locks.lock(&chain[at]).await;
        if !containerd.has_snapshot(&chain[at]).await? {
            unpack_layer(containerd, &layers[at], &config.diff_ids[at], parent, &chain[at]).await?;
        }
    }
    Ok(())
}

async fn unpack_layer(
    containerd: &Containerd,
    layer: &Descriptor,
    diff_id: &str,
    parent: &str,
    name: &str,
) -> Result<(), Error> {
    let key = format!("unpack-{name}");
    // One that was cut short is in an unknown state.
    containerd.remove_snapshot(&key).await?;
    let mounts = containerd.prepare_snapshot(&key, parent).await?;
    let got = containerd.apply_layer(layer.clone().into(), mounts).await;
    match got {
        Ok(got) if got == diff_id => Ok(containerd.commit_snapshot(&key, name).await?),
        Ok(got) => {
            containerd.remove_snapshot(&key).await?;
            Err(Error::Digest { want: diff_id.to_owned(), got })
        }
        Err(error) => {
            // What matters is why the layer could not be unpacked; the next try removes the rest.
            let _ = containerd.remove_snapshot(&key).await;
            Err(error.into())
        }
    }
}
