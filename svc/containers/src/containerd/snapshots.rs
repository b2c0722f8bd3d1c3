//! containerd's snapshots: layers, and the writable top of each container.

use std::collections::HashMap;

use containerd_client::services::v1::ApplyRequest;
use containerd_client::services::v1::diff_client::DiffClient;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::snapshots::{
    CommitSnapshotRequest, PrepareSnapshotRequest, RemoveSnapshotRequest, StatSnapshotRequest,
};
use containerd_client::types::{Descriptor, Mount};
use files::Stamp;

use super::{Containerd, Error, absent_is_fine, failed};

impl Containerd {
    /// Whether the snapshot is there.
    pub async fn has_snapshot(&self, key: &str) -> Result<bool, Error> {
        let request = self
            .request(StatSnapshotRequest { snapshotter: self.snapshotter.to_string(), key: key.to_owned() });
        match SnapshotsClient::new(self.channel.clone())
            .stat(request)
            .await
            .map_err(failed("look for snapshot", key))
        {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a writable snapshot on top of `parent` (empty: on nothing), for a layer. Returns how to mount
    /// it. It is garbage unless there is a lease.
    pub async fn prepare_snapshot(&self, key: &str, parent: &str) -> Result<Vec<Mount>, Error> {
        self.prepare(key, parent, HashMap::new()).await
    }

    /// Makes the writable top of a container's root file system. It is kept until it is removed: the record
    /// that will refer to it is made from it, and collection may run in between. One that a cut-short start
    /// left is replaced.
    pub async fn prepare_top(&self, key: &str, parent: &str) -> Result<Vec<Mount>, Error> {
        let labels = HashMap::from([("containerd.io/gc.root".to_owned(), Stamp::now().utc().to_string())]);
        match self.prepare(key, parent, labels.clone()).await {
            Err(error) if error.is_present() => {
                self.remove_snapshot(key).await?;
                self.prepare(key, parent, labels).await
            }
            answer => answer,
        }
    }

    async fn prepare(
        &self,
        key: &str,
        parent: &str,
        labels: HashMap<String, String>,
    ) -> Result<Vec<Mount>, Error> {
        let request = self.request(PrepareSnapshotRequest {
            snapshotter: self.snapshotter.to_string(),
            key: key.to_owned(),
            parent: parent.to_owned(),
            labels,
        });
        let answer = SnapshotsClient::new(self.channel.clone()).prepare(request).await;
        Ok(answer.map_err(failed("prepare snapshot", key))?.into_inner().mounts)
    }

    /// Makes a writable snapshot the read-only `name`. One that is there by that name already is as good.
    pub async fn commit_snapshot(&self, key: &str, name: &str) -> Result<(), Error> {
        let request = self.request(CommitSnapshotRequest {
            snapshotter: self.snapshotter.to_string(),
            name: name.to_owned(),
            key: key.to_owned(),
            labels: HashMap::new(),
        });
        match SnapshotsClient::new(self.channel.clone())
            .commit(request)
            .await
            .map_err(failed("commit snapshot", key))
        {
            Err(error) if error.is_present() => self.remove_snapshot(key).await,
            answer => answer.map(drop),
        }
    }

    /// Removes a snapshot.
    pub async fn remove_snapshot(&self, key: &str) -> Result<(), Error> {
        let request = self.request(RemoveSnapshotRequest {
            snapshotter: self.snapshotter.to_string(),
            key: key.to_owned(),
        });
        let answer = SnapshotsClient::new(self.channel.clone()).remove(request).await;
        absent_is_fine(answer.map_err(failed("remove snapshot", key)))
    }

    /// Unpacks a layer of the content store over the mounted snapshot. Returns the digest of what was
    /// unpacked.
    pub async fn apply_layer(&self, layer: Descriptor, mounts: Vec<Mount>) -> Result<String, Error> {
        let digest = layer.digest.clone();
        // Flushed before it returns: the snapshot is committed next, and a committed one is believed for ever, also
        // after a power cut that came before the kernel would have written the files.
        let request = self.request(ApplyRequest {
            diff: Some(layer),
            mounts,
            sync_fs: true,
            ..ApplyRequest::default()
        });
        let answer = DiffClient::new(self.channel.clone()).apply(request).await;
        let applied = answer.map_err(failed("unpack layer", digest))?.into_inner().applied;
        Ok(applied.unwrap_or_default().digest)
    }
}
