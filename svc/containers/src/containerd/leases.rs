//! Leases: what a pull has brought so far is not garbage, although nothing refers to it yet.

use std::collections::HashMap;

use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::{CreateRequest, DeleteRequest};
use containerd_client::tonic::metadata::MetadataValue;
use files::Stamp;

use super::{Containerd, Error, absent_is_fine, failed};

/// How long a lease outlives a service that died with it. A pull that takes longer must begin again.
const LIFE_US: i64 = 6 * 3600 * 1_000_000;

/// A lease under which everything made through [`Lease::client`] is kept.
#[derive(Debug)]
pub struct Lease {
    id: String,
    client: Containerd,
}

impl Lease {
    /// Takes a lease. `id` must be new.
    pub async fn take(containerd: &Containerd, id: String) -> Result<Lease, Error> {
        let now = Stamp::now();
        let expires = Stamp { wall_us: now.wall_us + LIFE_US, ..now };
        let labels = HashMap::from([("containerd.io/gc.expire".to_owned(), expires.utc().to_string())]);
        let request = containerd.request(CreateRequest { id: id.clone(), labels });
        let answer = LeasesClient::new(containerd.channel.clone()).create(request).await;
        if let Err(error) = answer.map_err(failed("lease", id.clone()))
            && !error.is_present()
        {
            return Err(error);
        }
        let mut client = containerd.clone();
        client.lease = MetadataValue::try_from(id.as_str()).ok();
        Ok(Lease { id, client })
    }

    /// containerd, with this lease in every request.
    pub fn client(&self) -> &Containerd {
        &self.client
    }

    /// Gives the lease back: from here on only what an image or a container refers to is kept.
    pub async fn give_back(self) -> Result<(), Error> {
        let request = self.client.request(DeleteRequest { id: self.id.clone(), sync: false });
        let answer = LeasesClient::new(self.client.channel.clone()).delete(request).await;
        absent_is_fine(answer.map_err(failed("give back lease", self.id)))
    }
}
