//! containerd's container records: what a task is started from. A record alone runs nothing.

use std::collections::{BTreeMap, HashMap};

use containerd_client::services::v1::container::Runtime;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::{
    Container, CreateContainerRequest, DeleteContainerRequest, ListContainersRequest, UpdateContainerRequest,
};
use prost_types::{Any, FieldMask};

use super::{Containerd, Error, absent_is_fine, failed};

/// How containerd's metadata knows a JSON runtime specification.
const SPEC_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

/// The shim. Its options choose the OCI runtime.
const SHIM: &str = "io.containerd.runc.v2";

/// Options of the shim; the fields of `containerd.runc.v1.Options` that we set.
#[derive(Clone, PartialEq, prost::Message)]
struct ShimOptions {
    /// The OCI runtime's program.
    #[prost(string, tag = "6")]
    binary_name: String,
    /// Where the OCI runtime keeps its state.
    #[prost(string, tag = "7")]
    root: String,
}

/// What to record for a container.
#[derive(Debug)]
pub struct Record<'a> {
    /// Our name for it.
    pub name: &'a str,
    /// The image's name.
    pub image: &'a str,
    /// OCI runtime specification, JSON.
    pub spec: Vec<u8>,
    /// Program of the OCI runtime.
    pub runtime: &'a str,
    /// State directory of the OCI runtime.
    pub runtime_root: &'a str,
    /// Facts for ourselves after a restart.
    pub labels: BTreeMap<String, String>,
}

impl Containerd {
    /// Every container of the namespace with its labels.
    pub async fn records(&self) -> Result<Vec<(String, HashMap<String, String>)>, Error> {
        let request = self.request(ListContainersRequest::default());
        let answer = ContainersClient::new(self.channel.clone()).list(request).await;
        let list = answer.map_err(failed("list", "containers"))?.into_inner().containers;
        Ok(list.into_iter().map(|container| (container.id, container.labels)).collect())
    }

    /// Records a container. Its snapshot has the same name.
    pub async fn create_record(&self, record: Record<'_>) -> Result<(), Error> {
        let options =
            ShimOptions { binary_name: record.runtime.to_owned(), root: record.runtime_root.to_owned() };
        let options = Any {
            type_url: "containerd.runc.v1.Options".to_owned(),
            value: prost::Message::encode_to_vec(&options),
        };
        let container = Container {
            id: record.name.to_owned(),
            labels: record.labels.into_iter().collect(),
            image: record.image.to_owned(),
            runtime: Some(Runtime { name: SHIM.to_owned(), options: Some(options) }),
            spec: Some(Any { type_url: SPEC_TYPE.to_owned(), value: record.spec }),
            snapshotter: self.snapshotter.to_string(),
            snapshot_key: record.name.to_owned(),
            ..Container::default()
        };
        let request = self.request(CreateContainerRequest { container: Some(container) });
        let answer = ContainersClient::new(self.channel.clone()).create(request).await;
        answer.map(drop).map_err(failed("record container", record.name))
    }

    /// Adds a label to a container's record.
    pub async fn label_record(&self, name: &str, key: &str, value: String) -> Result<(), Error> {
        let container = Container {
            id: name.to_owned(),
            labels: HashMap::from([(key.to_owned(), value)]),
            ..Container::default()
        };
        let update_mask = Some(FieldMask { paths: vec![format!("labels.{key}")] });
        let request = self.request(UpdateContainerRequest { container: Some(container), update_mask });
        let answer = ContainersClient::new(self.channel.clone()).update(request).await;
        answer.map(drop).map_err(failed("label container", name))
    }

    /// Removes a container's record.
    pub async fn remove_record(&self, name: &str) -> Result<(), Error> {
        let request = self.request(DeleteContainerRequest { id: name.to_owned() });
        let answer = ContainersClient::new(self.channel.clone()).delete(request).await;
        absent_is_fine(answer.map_err(failed("remove container", name)))
    }
}
