//! Connections: in, through the handshake, and out again.
//!
//! A stranger has a handshake's time and one of a few places; whoever is let in has one of many, and keeps it until the
//! connection ends, its certificate expires, or whom we believe changes. Both ends are soft: what is being answered may be
//! finished, within `linger`.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use log::{debug, error, warn};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::crowd::Crowd;
use super::front::Front;
use super::limits::RemoteLimits;
use super::subject::{self, Subject};
use super::{turned_away, unix_s};
use crate::caller::Caller;
use crate::listen::converse;
use crate::state::Api;

/// The kernel was out of something: it will have some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
struct House {
    api: Arc<Api>,
    limits: RemoteLimits,
    fronts: watch::Receiver<Arc<Front>>,
    stop: watch::Receiver<bool>,
    inside: Arc<Semaphore>,
    strangers: Crowd<IpAddr>,
    holders: Crowd<String>,
}

/// Takes connections until `stop`, then lets those that are open finish.
pub async fn keep(
    api: Arc<Api>,
    limits: RemoteLimits,
    listener: StdListener,
    fronts: watch::Receiver<Arc<Front>>,
    mut stop: watch::Receiver<bool>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(err) => return error!(why:% = err; "remote API cannot listen"),
    };
    let farewell = api.limits().farewell;
    let inside = Arc::new(Semaphore::new(limits.connections));
    let (strangers, holders) = (Crowd::default(), Crowd::default());
    let house = Arc::new(House { api, limits, fronts, stop: stop.clone(), inside, strangers, holders });
    let places = Arc::new(Semaphore::new(limits.handshakes));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let house = house.clone();
                let from = origin(peer.ip());
                // Whoever has too many places already is not worth an answer.
                if let Some(own) = house.strangers.place(from, limits.handshakes_each) {
                    connections.spawn(async move {
                        let greeted = greet(&house, stream, peer).await;
                        drop((place, own));
                        if let Some((stream, front)) = greeted {
                            let_in(&house, stream, peer, front).await;
                        }
                    });
                }
            }
            Err(err) => {
                warn!(why:% = err; "connection not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // A port that others took over is not closed in a hurry; a service that ends is.
    let patience = if house.fronts.has_changed().is_err() { limits.linger } else { farewell };
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(patience, all).await.is_err() {
        warn!("remote connections not finished in time");
    }
}

/// Whom to count a stranger's places for: an address, or in IPv6 the network, of which one machine has every address.
fn origin(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

/// The handshake. Nothing comes of it unless the certificate is one that we believe.
async fn greet(
    house: &House,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<(TlsStream<TcpStream>, watch::Receiver<Arc<Front>>)> {
    // Answers are small and waited for; and a peer that is gone without a word must be noticed at last.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
    let mut fronts = house.fronts.clone();
    let front = fronts.borrow_and_update().clone();
    let here = stream.local_addr().map_or(IpAddr::from([127, 0, 0, 1]), |here| here.ip());
    let config = match front.config(here, unix_s()) {
        Ok(config) => config,
        Err(err) => {
            error!(why:% = files::chain(&err); "no certificate to show, connection closed");
            return None;
        }
    };
    let shaken = timeout(house.limits.handshake_time, TlsAcceptor::from(config).accept(stream)).await;
    let why = match shaken {
        Ok(Ok(stream)) => return Some((stream, fronts)),
        Ok(Err(err)) if came_for_nothing(&err) => {
            debug!(peer:% = peer; "connection closed before a handshake");
            return None;
        }
        Ok(Err(err)) => err.to_string(),
        Err(_) => format!("no handshake within {} s", house.limits.handshake_time.as_secs()),
    };
    refuse(house, peer, &why);
    None
}

/// Somebody looked whether the port is open, or left: nobody wanted in, so nobody was refused.
fn came_for_nothing(err: &io::Error) -> bool {
    let left = matches!(
        err.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    );
    left && err.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>())
}

fn refuse(house: &House, peer: SocketAddr, why: &str) {
    house.api.audit().refused(&peer.ip().to_canonical().to_string(), why, house.limits.refusals);
}

/// A connection with a certificate that we believe.
async fn let_in(
    house: &House,
    stream: TlsStream<TcpStream>,
    peer: SocketAddr,
    fronts: watch::Receiver<Arc<Front>>,
) {
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let subject =
        certificate.map_or(Err(subject::Useless::Unreadable), |certificate| subject::read(certificate));
    let subject = match subject {
        Ok(subject) => subject,
        Err(why) => {
            refuse(house, peer, &why.to_string());
            // One answer, so that its holder learns what is wrong; then the connection is closed.
            let answered = turned_away::answer(stream, &why, house.api.limits());
            let _ = timeout(house.limits.handshake_time, answered).await;
            return;
        }
    };
    let place = house.inside.clone().try_acquire_owned();
    let own = house.holders.place(subject.serial.clone(), house.limits.connections_each);
    let (Ok(_place), Some(_own)) = (place, own) else {
        return refuse(
            house,
            peer,
            &format!("too many connections; this one has the certificate of {:?}", subject.name),
        );
    };
    visit(house, stream, subject, fronts).await;
}

/// The conversation, and its end.
async fn visit(
    house: &House,
    stream: TlsStream<TcpStream>,
    subject: Subject,
    mut fronts: watch::Receiver<Arc<Front>>,
) {
    let left = Duration::from_secs(subject.not_after_s.saturating_sub(unix_s()));
    let caller = Caller::Remote { name: subject.name, role: subject.role, serial: subject.serial };
    let (close, closed) = watch::channel(false);
    let conversation = converse(house.api.clone(), caller, stream, closed);
    tokio::pin!(conversation);
    let mut stop = house.stop.clone();
    tokio::select! {
        () = conversation.as_mut() => return,
        // Also when the sender is gone with the listener.
        _ = fronts.changed() => {}
        () = sleep(left) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    let _ = close.send(true);
    // Who watches or follows ends with that; what still runs then is cut: its certificate may be a revoked one.
    let _ = timeout(house.limits.linger, conversation).await;
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::origin;

    #[test]
    fn one_machine_is_one_stranger_however_many_addresses_it_has() {
        let of = |text: &str| origin(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
