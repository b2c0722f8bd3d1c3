//! What has to be done for one container, against containerd, the network and the file system.
//!
//! Each verb does one whole step and can be repeated after it was cut short anywhere. None decides: when and
//! whether is `lifecycle`'s and the keeper's.

mod clean;
mod look;
mod start;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use log::{error, warn};
use settings::containers::{Container, Network as NetworkMode, Port, Registry};

use crate::containerd::{self, Containerd};
use crate::host::Host;
use crate::image::{self, Image, Puller};
use crate::logs::{Mirror, Pump, PumpError};
use crate::network::{self, Network};
use crate::spec;

pub use look::Seen;

const SIGTERM: u32 = 15;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image.
    #[error("cannot get image {image}")]
    Image {
        /// Its name.
        image: String,
        /// Why.
        #[source]
        err: image::Error,
    },
    /// It was to be started without an image.
    #[error("its image was not pulled")]
    NotPulled,
    /// containerd.
    #[error("containerd failed")]
    Containerd(#[from] containerd::Error),
    /// The network could not be set up at all.
    #[error("the network of containers is not set up")]
    NoNetwork,
    /// The container's network.
    #[error("cannot use the network")]
    Network(#[from] network::Error),
    /// The pipes or the log.
    #[error("cannot read its output")]
    Output(#[from] PumpError),
    /// A directory or file of ours.
    #[error("cannot make {}", path.display())]
    Make {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A mount's source on the host.
    #[error("{} of the host is not there to be mounted", path.display())]
    NoSource {
        /// Its path.
        path: PathBuf,
    },
    /// The image's user.
    #[error("cannot tell who runs it")]
    User(#[from] spec::user::Error),
    /// The settings and the image together.
    #[error("cannot be run")]
    Spec(#[from] spec::Error),
    /// Our own document; never seen.
    #[error("cannot write the specification")]
    Encode(#[from] serde_json::Error),
}

/// Everything that the steps need.
pub struct Works {
    host: Host,
    boot: String,
    puller: Arc<Puller>,
    mirror: Arc<Mirror>,
    network: Arc<tokio::sync::Mutex<Option<Network>>>,
    pumps: Mutex<BTreeMap<String, Pump>>,
    images: Mutex<BTreeMap<String, Image>>,
}

impl Works {
    /// Nothing is done yet.
    pub fn new(host: Host, boot: String, puller: Arc<Puller>, mirror: Arc<Mirror>) -> Arc<Self> {
        Arc::new(Works {
            host,
            boot,
            puller,
            mirror,
            network: Arc::default(),
            pumps: Mutex::default(),
            images: Mutex::default(),
        })
    }

    /// The host they work on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Sets up, or changes, the network for these containers, in the background: the kernel may have modules
    /// to load. Whoever is attached later waits for it.
    pub fn plan_network(&self, containers: &BTreeMap<String, Arc<Container>>) {
        let wanted: BTreeMap<String, Vec<Port>> = containers
            .iter()
            .filter(|(_, container)| container.network == NetworkMode::Bridge)
            .map(|(name, container)| (name.clone(), container.ports.clone()))
            .collect();
        let (network, layout) = (self.network.clone(), self.host.network.clone());
        // Taken here, so that nobody is attached before; unless somebody is being attached just now.
        let taken = network.clone().try_lock_owned();
        tokio::task::spawn_blocking(move || {
            let mut network = taken.unwrap_or_else(|_| network.blocking_lock_owned());
            if let Err(err) = plan(&mut network, layout, &wanted) {
                error!(why:% = files::chain(&err); "network of containers not set up");
            }
        });
    }

    /// Gets a container's image into the store and keeps in mind what it says.
    pub async fn pull(
        &self,
        containerd: &Containerd,
        registry: &Registry,
        name: &str,
        container: &Container,
    ) -> Result<(), Error> {
        let image = self.puller.get(containerd, registry, &container.image).await;
        let image = image.map_err(|err| Error::Image { image: container.image.to_string(), err })?;
        lock(&self.images).insert(name.to_owned(), image);
        Ok(())
    }

    /// The signal that asks the container to end: its image's, else SIGTERM.
    pub fn stop_signal(&self, name: &str) -> u32 {
        let images = lock(&self.images);
        images
            .get(name)
            .and_then(|image| image.config.stop_signal.as_deref())
            .and_then(signal_number)
            .unwrap_or(SIGTERM)
    }

    /// Begins to read a container's output, if that is not done already.
    fn pump(&self, name: &str) -> Result<containerd::Io, Error> {
        let mut pumps = lock(&self.pumps);
        if let Some(pump) = pumps.get(name) {
            return Ok(pump.io().clone());
        }
        for dir in [self.host.run_of(name), self.host.logs.clone()] {
            make_dir(&dir)?;
        }
        let pump = Pump::start(name, &self.host.run_of(name), &self.host.logs, self.mirror.clone())?;
        let io = pump.io().clone();
        pumps.insert(name.to_owned(), pump);
        Ok(io)
    }

    /// Takes over the output of a container that runs already.
    pub fn adopt(&self, name: &str) -> Result<(), Error> {
        self.pump(name).map(drop)
    }
}

fn plan(
    network: &mut Option<Network>,
    layout: network::Layout,
    wanted: &BTreeMap<String, Vec<Port>>,
) -> Result<(), network::Error> {
    match network.as_mut() {
        Some(network) => network.update(wanted)?,
        // A host whose containers all use its own network needs no bridge.
        None if wanted.is_empty() => return Ok(()),
        None => *network = Some(Network::start(layout, wanted)?),
    }
    for problem in network.as_ref().map_or(&[][..], |network| network.problems()) {
        warn!(name:% = problem.container(), why:% = problem; "network of a container refused");
    }
    Ok(())
}

/// A signal as images name it: a number, or a name with or without `SIG`.
fn signal_number(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return (1..=64).contains(&number).then_some(number);
    }
    // Those that servers use to end; a name that we do not know is as good as none.
    Some(match text.strip_prefix("SIG").unwrap_or(text) {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "KILL" => 9,
        "USR1" => 10,
        "USR2" => 12,
        "TERM" => SIGTERM,
        "WINCH" => 28,
        "PWR" => 30,
        "RTMIN+3" => 37,
        _ => return None,
    })
}

fn make_dir(path: &std::path::Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|err| Error::Make { path: path.to_owned(), err })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
