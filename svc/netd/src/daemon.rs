//! The loop: links, messages, time and the requests to stop or to take the settings again; what the machine decides is done.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use netlink::{Event as News, Events, Link, Network};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use sys::notify;
use sys::signals::{self, Signals};

use crate::channel::Channel;
use crate::dhcp::lease::Lease;
use crate::dhcp::machine::{Action, Event, Machine, Millis, To};
use crate::dhcp::message::{Ask, Client, Reply};
use crate::plan::{self, OnLink};
use crate::{apply, resolv};

/// After this long without a link or an answer the log says so, once.
const QUIET_MS: Millis = 10_000;

/// Where things are on this host.
#[derive(Debug, Clone)]
pub struct Host {
    /// The link to use; `None` takes the first that is hardware and has carrier.
    pub link: Option<String>,
    /// What the user set about DNS, as `configure` leaves it.
    pub dns: PathBuf,
    /// The resolver's configuration, written here.
    pub resolv_conf: PathBuf,
    /// The name that the lease gives the host, written here for `configure`.
    pub lease_name: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Host {
            link: None,
            dns: "/run/gantry/dns.json".into(),
            resolv_conf: "/etc/resolv.conf".into(),
            lease_name: "/run/gantry/lease-hostname".into(),
        }
    }
}

/// What ends the service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The kernel's network cannot be spoken to.
    #[error("cannot speak to the kernel's network")]
    Network(#[from] netlink::Error),
    /// Waiting failed.
    #[error("cannot wait")]
    Wait(#[source] io::Error),
    /// No randomness for question numbers.
    #[error("cannot get random numbers")]
    Random(#[source] io::Error),
}

impl Error {
    /// All of these are the host's trouble, and worth another try.
    pub fn exit_code(&self) -> u8 {
        75
    }
}

/// The link in use and the client on it.
struct Client4 {
    link: Link,
    machine: Machine,
    channel: Channel,
    on_link: Option<OnLink>,
}

struct Daemon<'a> {
    host: &'a Host,
    network: Network,
    links: BTreeMap<u32, Link>,
    client: Option<Client4>,
    ready: bool,
    quiet_since: Option<Millis>,
}

/// Runs until SIGTERM. The address stays. SIGHUP makes it take its settings again.
pub fn run(host: &Host) -> Result<(), Error> {
    let asked = Signals::take(&[signals::TERM, signals::INT, signals::HUP]).map_err(Error::Signals)?;
    // Subscribed before listed, so that nothing falls between.
    let mut events = Events::open()?;
    let network = Network::open()?;
    let quiet_since = Some(now());
    let mut daemon =
        Daemon { host, network, links: BTreeMap::new(), client: None, ready: false, quiet_since };
    daemon.write_resolv_conf();
    daemon.relist()?;
    loop {
        daemon.choose_link()?;
        let heard = daemon.wait(&asked, &events)?;
        while let Some(number) = asked.next() {
            if number != signals::HUP {
                eprintln!("info netd: stopping, address stays");
                return Ok(());
            }
            daemon.reload();
        }
        if heard {
            daemon.hear(events.take()?)?;
        }
        daemon.tick()?;
    }
}

impl Daemon<'_> {
    /// Waits for the next thing to happen. Says whether there is news of links.
    fn wait(&self, asked: &Signals, events: &Events) -> Result<bool, Error> {
        let deadline = self.client.as_ref().and_then(|client| client.machine.deadline());
        let quiet = self.quiet_since.map(|since| since + QUIET_MS);
        let until = deadline.into_iter().chain(quiet).min();
        let timeout = until.map(|until| timespec(until.saturating_sub(now())));
        let mut fds = vec![PollFd::new(asked, PollFlags::IN), PollFd::new(events, PollFlags::IN)];
        let channel = self.client.as_ref().and_then(|client| client.channel.fd());
        fds.extend(channel.as_ref().map(|channel| PollFd::new(channel, PollFlags::IN)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(err) => return Err(Error::Wait(err.into())),
        }
        Ok(fds.get(1).is_some_and(|fd: &PollFd<'_>| !fd.revents().is_empty()))
    }

    /// Takes the settings again: the resolver's, and the host's name, which may be the lease's to give now.
    fn reload(&self) {
        // Before the first lease the service is not ready, and must not say that it is.
        let say = |state: &str| {
            if self.ready {
                tell(state);
            }
        };
        say(&notify::reloading());
        let taken = self.write_resolv_conf();
        if let Some(lease) = self.client.as_ref().and_then(|client| client.machine.lease()) {
            take_host_name(lease);
        }
        eprintln!("info netd: settings read again");
        say(if taken { notify::READY } else { notify::NOT_TAKEN });
    }

    /// Lists the links afresh and brings up those that are ours to bring up.
    fn relist(&mut self) -> Result<(), Error> {
        let links = self.network.links()?;
        self.links = links.into_iter().map(|link| (link.index, link)).collect();
        for link in self.links.values() {
            bring_up(&mut self.network, self.host, link);
        }
        let current = self.client.as_ref().map(|client| client.link.index);
        if let Some(index) = current {
            match self.links.get(&index).cloned() {
                Some(link) => self.changed(link)?,
                None => self.gone(index)?,
            }
        }
        Ok(())
    }

    fn hear(&mut self, news: Vec<News>) -> Result<(), Error> {
        for event in news {
            match event {
                News::Lost => self.relist()?,
                News::Gone(link) => {
                    self.links.remove(&link.index);
                    self.gone(link.index)?;
                }
                News::Changed(link) => {
                    bring_up(&mut self.network, self.host, &link);
                    self.links.insert(link.index, link.clone());
                    self.changed(link)?;
                }
            }
        }
        Ok(())
    }

    /// Tells the client of its link's carrier.
    fn changed(&mut self, link: Link) -> Result<(), Error> {
        let Some(client) = self.client.as_mut().filter(|client| client.link.index == link.index) else {
            return Ok(());
        };
        let before = std::mem::replace(&mut client.link, link).carrier;
        match (before, client.link.carrier) {
            (false, true) => {
                eprintln!("info netd: link has carrier again link={}", client.link.name);
                self.step(Event::LinkUp)
            }
            (true, false) => {
                eprintln!("warn netd: link lost its carrier link={}", client.link.name);
                self.step(Event::LinkDown)
            }
            _ => Ok(()),
        }
    }

    fn gone(&mut self, index: u32) -> Result<(), Error> {
        if let Some(client) = self.client.take_if(|client| client.link.index == index) {
            eprintln!("warn netd: link is gone link={}", client.link.name);
            self.write_resolv_conf();
        }
        Ok(())
    }

    /// Starts a client on the first link that fits, while there is none.
    fn choose_link(&mut self) -> Result<(), Error> {
        if self.client.is_some() {
            return Ok(());
        }
        let links: Vec<Link> = self.links.values().cloned().collect();
        let Some(link) = plan::choose(&links, self.host.link.as_deref()) else { return Ok(()) };
        let mut seed = [0; 8];
        rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
            .map_err(|err| Error::Random(err.into()))?;
        eprintln!("info netd: asking for an address link={} mac={}", link.name, Mac(link.mac));
        let machine = Machine::new(u64::from_ne_bytes(seed));
        self.client = Some(Client4 { link: link.clone(), machine, channel: Channel::Closed, on_link: None });
        self.quiet_since = Some(now());
        self.step(Event::LinkUp)
    }

    /// Hands over what came and the time, and says once that it has been quiet for long.
    fn tick(&mut self) -> Result<(), Error> {
        let mac = self.client.as_ref().and_then(|client| client.link.mac).unwrap_or_default();
        let messages = self.client.as_mut().map(|client| client.channel.receive());
        match messages {
            Some(Ok(messages)) => {
                for bytes in messages {
                    match Reply::read(&bytes, mac) {
                        Ok(reply) => self.step(Event::Received(reply))?,
                        Err(why) => eprintln!("debug netd: message ignored why=\"{why}\""),
                    }
                }
            }
            // ENETDOWN, and refusals by ICMP: the machine asks again when it is time.
            Some(Err(err)) => eprintln!("debug netd: nothing received why=\"{err}\""),
            None => {}
        }
        let deadline = self.client.as_ref().and_then(|client| client.machine.deadline());
        if deadline.is_some_and(|deadline| deadline <= now()) {
            self.step(Event::Tick)?;
        }
        if self.quiet_since.is_some_and(|since| now() >= since + QUIET_MS) {
            self.quiet_since = None;
            match &self.client {
                Some(client) => {
                    eprintln!("warn netd: no DHCP server has answered yet link={}", client.link.name)
                }
                None => eprintln!("warn netd: no link has carrier yet links={}", self.links.len()),
            }
        }
        Ok(())
    }

    /// Steps the client's machine and does what it says. An address that cannot be put on the link is told back.
    fn step(&mut self, event: Event) -> Result<(), Error> {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            let Some(client) = &mut self.client else { return Ok(()) };
            let actions = client.machine.step(event, now());
            for action in actions {
                match action {
                    Action::Send { ask, to } => self.send(&ask, to),
                    Action::Withdraw { lease, why } => {
                        eprintln!("warn netd: lease ended address={} why={why:?}", lease.address);
                        self.withdraw();
                    }
                    Action::Apply(lease) => {
                        if let Err(err) = self.apply(&lease) {
                            eprintln!(
                                "error netd: lease not applied address={} why={:?}",
                                lease.address,
                                files::chain(&err)
                            );
                            next = Some(Event::Refused);
                        }
                    }
                }
            }
            if let Some(client) = &mut self.client {
                client.channel.settle(client.machine.hearing());
            }
        }
        Ok(())
    }

    fn send(&mut self, ask: &Ask, to: To) {
        let Some(client) = &mut self.client else { return };
        let identity = Client { mac: client.link.mac.unwrap_or_default(), host_name: host_name() };
        let link = (client.link.index, client.link.name.as_str());
        eprintln!("debug netd: asking verb={:?} to={to:?} secs={}", ask.verb, ask.secs);
        if let Err(err) = client.channel.send(link, &ask.write(&identity), to) {
            eprintln!("warn netd: message not sent verb={:?} why=\"{err}\"", ask.verb);
        }
    }

    fn apply(&mut self, lease: &Lease) -> Result<(), netlink::Error> {
        let Some(client) = &mut self.client else { return Ok(()) };
        let new = plan::on_link(lease, client.link.index);
        apply::apply(&mut self.network, client.link.index, &new, client.on_link.as_ref())?;
        let extended = client.on_link.replace(new).is_some_and(|old| old.address == lease.address);
        eprintln!(
            "info netd: lease {} address={} router={} dns={} lease_s={} server={} link={}",
            if extended { "extended" } else { "acquired" },
            lease.address,
            lease.router().map_or("none".into(), |router| router.to_string()),
            lease.name_servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            lease.times.map_or("forever".into(), |times| times.lease_s.to_string()),
            lease.server,
            client.link.name,
        );
        take_host_name(lease);
        self.write_lease_name(lease);
        self.quiet_since = None;
        self.write_resolv_conf();
        self.say_ready();
        Ok(())
    }

    fn withdraw(&mut self) {
        self.quiet_since = Some(now());
        if let Some(client) = &mut self.client
            && let Some(old) = client.on_link.take()
            && let Err(err) = apply::withdraw(&mut self.network, client.link.index, &old)
        {
            eprintln!("warn netd: lease not taken off the link why={:?}", files::chain(&err));
        }
        self.write_resolv_conf();
    }

    /// Makes resolv.conf what settings and lease say. False if settings cannot be read, when it is the lease's, or if it cannot be
    /// written.
    fn write_resolv_conf(&self) -> bool {
        let read = match std::fs::read(&self.host.dns) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|err| err.to_string()),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(resolv::Settings::default()),
            Err(err) => Err(err.to_string()),
        };
        if let Err(why) = &read {
            eprintln!("error netd: settings not read path={} why=\"{why}\"", self.host.dns.display());
        }
        let read_well = read.is_ok();
        let settings = read.unwrap_or_default();
        let lease = self.client.as_ref().and_then(|client| client.machine.lease());
        let text = resolv::render(&settings, lease);
        let written = files::replace(&self.host.resolv_conf, text.as_bytes(), 0o644);
        if let Err(err) = &written {
            eprintln!("error netd: resolver not configured why={:?}", files::chain(err));
        }
        read_well && written.is_ok()
    }

    /// Leaves the lease's name, or that it gives none, where `configure` finds it.
    fn write_lease_name(&self, lease: &Lease) {
        let name = lease.host_name.as_deref().unwrap_or_default();
        if let Err(err) = files::replace(&self.host.lease_name, format!("{name}\n").as_bytes(), 0o644) {
            eprintln!("warn netd: lease's name not written why={:?}", files::chain(&err));
        }
    }

    /// Tells PID 1 that the network is there, once.
    fn say_ready(&mut self) {
        if !std::mem::replace(&mut self.ready, true) {
            tell(notify::READY);
        }
    }
}

fn tell(state: &str) {
    if let Err(err) = notify::tell(state) {
        eprintln!("warn netd: PID 1 not told state={state:?} why=\"{err}\"");
    }
}

/// Names the host as the lease says, if it has no name of its own.
fn take_host_name(lease: &Lease) {
    if let Some(name) = plan::host_name(&host_name().unwrap_or_default(), lease) {
        match rustix::system::sethostname(name.as_bytes()) {
            Ok(()) => eprintln!("info netd: host name taken from the lease name={name}"),
            Err(err) => eprintln!("warn netd: host name not set name={name} why=\"{err}\""),
        }
    }
}

/// Brings up loopback and the links that may be used, so that their carrier shows.
fn bring_up(network: &mut Network, host: &Host, link: &Link) {
    let named = host.link.as_ref().is_some_and(|name| *name == link.name);
    let ours = |link: &Link| link.loopback || named || (host.link.is_none() && plan::is_candidate(link));
    // News of a link that is going away can lack its kind, which makes a container's end look like hardware: ask.
    let is_so = |network: &mut Network| match network.link(&link.name) {
        Ok(now) => now.is_some_and(|now| now.index == link.index && ours(&now)),
        Err(_) => true,
    };
    if ours(link)
        && !link.up
        && is_so(network)
        && let Err(err) = network.set_up(link.index)
    {
        eprintln!("warn netd: link not brought up link={} why={:?}", link.name, files::chain(&err));
    }
}

/// The host's name, if it has one worth telling.
fn host_name() -> Option<String> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_str().ok()?;
    let label = name.split('.').next()?;
    (!matches!(label, "" | "(none)" | "localhost")).then(|| label.to_owned())
}

/// CLOCK_BOOTTIME: leases also end while the machine sleeps.
fn now() -> Millis {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.unsigned_abs() * 1000 + time.tv_nsec.unsigned_abs() / 1_000_000
}

/// Rounded up: waking a moment early would only mean to wait again.
fn timespec(millis: Millis) -> Timespec {
    let millis = millis.saturating_add(1).min(86_400_000);
    Timespec { tv_sec: (millis / 1000).cast_signed(), tv_nsec: (millis % 1000 * 1_000_000).cast_signed() }
}

/// A station address as people write it.
struct Mac(Option<[u8; 6]>);

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.unwrap_or_default().into_iter().enumerate() {
            write!(f, "{}{byte:02x}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}
