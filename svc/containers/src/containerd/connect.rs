//! Finding containerd: it is started beside us and takes its time.
//!
//! Boot time is measured to the moment containerd answers, so the wait must not add to it: until the socket's
//! file is there we look every few milliseconds (one `connect` that fails costs microseconds), and once it
//! is, every refusal is followed by the next try after the same short pause.

use std::path::Path;
use std::time::Duration;

use containerd_client::services::v1::version_client::VersionClient;
use containerd_client::tonic::transport::{Channel, Endpoint};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::{Error, failed};

/// Pause between two tries. 20 ms is 1 % of containerd's own start and costs 50 system calls a second
/// meanwhile.
pub const PAUSE: Duration = Duration::from_millis(20);

/// A Version call that takes longer is asked again; containerd accepts connections before it serves them.
const ANSWER: Duration = Duration::from_secs(2);

/// Waits for as long as it takes until containerd at `socket` answers a Version call. Returns the connection
/// and the version.
pub async fn connect(socket: &Path) -> (Channel, String) {
    loop {
        // A bare connect first: it is far cheaper than building an HTTP/2 client that then fails.
        if UnixStream::connect(socket).await.is_ok()
            && let Some(channel) = open(socket).await
            && let Ok(Ok(version)) = timeout(ANSWER, version(&channel)).await
        {
            return (channel, version);
        }
        sleep(PAUSE).await;
    }
}

async fn open(socket: &Path) -> Option<Channel> {
    let endpoint = Endpoint::try_from(format!("unix://{}", socket.display())).ok()?;
    endpoint.connect().await.ok()
}

/// The version of the containerd that answers on `channel`.
async fn version(channel: &Channel) -> Result<String, Error> {
    let answer =
        VersionClient::new(channel.clone()).version(()).await.map_err(failed("say its version for", "us"))?;
    Ok(answer.into_inner().version)
}
