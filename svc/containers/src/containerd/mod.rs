//! containerd, as the few verbs this service needs.
//!
//! Every call goes over one HTTP/2 connection on containerd's socket and carries our namespace. An error
//! keeps what was being asked and of what, and says by [`Error::is_gone`] whether the connection (rather than
//! the request) died: the keeper then reconnects and looks at what is there, so no verb here retries.

mod connect;
mod content;
mod images;
mod leases;
mod records;
mod snapshots;
mod tasks;

use std::sync::Arc;

use containerd_client::tonic::metadata::{Ascii, MetadataValue};
use containerd_client::tonic::transport::Channel;
use containerd_client::tonic::{Code, Request, Status};

pub use connect::{PAUSE, connect};
pub use content::Ingest;
pub use leases::Lease;
pub use records::Record;
pub use tasks::{Io, Task, TaskState};

/// A request to containerd that failed.
#[derive(Debug, thiserror::Error)]
#[error("containerd did not {what} {subject}")]
pub struct Error {
    /// The verb.
    pub what: &'static str,
    /// What it was about.
    pub subject: String,
    /// Its answer.
    #[source]
    pub status: Box<Status>,
}

impl Error {
    /// The thing asked for is not there.
    pub fn is_absent(&self) -> bool {
        self.status.code() == Code::NotFound
    }

    /// It is there already.
    pub fn is_present(&self) -> bool {
        self.status.code() == Code::AlreadyExists
    }

    /// The thing is in a state in which this cannot be done.
    pub fn is_wrong_state(&self) -> bool {
        self.status.code() == Code::FailedPrecondition
    }

    /// containerd went away before it answered.
    pub fn is_gone(&self) -> bool {
        use std::error::Error as _;
        // A status that tonic made itself from a broken connection has the transport's error as its source;
        // one that containerd sent (it, too, says Unavailable: for a locked reference) has none.
        self.status.source().is_some() || matches!(self.status.code(), Code::Cancelled)
    }
}

/// A connection to containerd in one of its namespaces. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Containerd {
    channel: Channel,
    namespace: MetadataValue<Ascii>,
    lease: Option<MetadataValue<Ascii>>,
    snapshotter: Arc<str>,
}

impl Containerd {
    /// Uses `channel` with everything in `namespace`, and `snapshotter` for root file systems.
    pub fn new(channel: Channel, namespace: &'static str, snapshotter: &str) -> Self {
        Containerd {
            channel,
            namespace: MetadataValue::from_static(namespace),
            lease: None,
            snapshotter: snapshotter.into(),
        }
    }

    /// The snapshotter in use.
    pub fn snapshotter(&self) -> &str {
        &self.snapshotter
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("containerd-namespace", self.namespace.clone());
        if let Some(lease) = &self.lease {
            request.metadata_mut().insert("containerd-lease", lease.clone());
        }
        request
    }
}

fn failed(what: &'static str, subject: impl Into<String>) -> impl FnOnce(Status) -> Error {
    move |status| Error { what, subject: subject.into(), status: Box::new(status) }
}

/// For removals: what is gone already counts as removed.
fn absent_is_fine<T>(answer: Result<T, Error>) -> Result<(), Error> {
    match answer {
        Err(error) if !error.is_absent() => Err(error),
        _ => Ok(()),
    }
}
