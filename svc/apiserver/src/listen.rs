//! The local socket, and a conversation over any connection.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use log::{info, warn};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::caller::Caller;
use crate::error::Error;
use crate::serve::serve;
use crate::stalling::Stalling;
use crate::state::Api;

/// The kernel was out of something: it will have some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Makes the socket: for root and the group `api`.
pub fn bind(api: &Api) -> Result<UnixListener, Error> {
    let path = &api.host().socket;
    let failed = |err| Error::Listen { path: path.clone(), err };
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(failed(err)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    // Nobody but root owns the folder: between these lines only root can connect, and root may.
    if let Err(err) = chown(path, None, Some(wire::GROUP)) {
        // A developer's process is not root, and its own group will do.
        warn!(group = wire::GROUP, why:% = err; "group of the socket not set");
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(failed)?;
    info!(path:% = path.display(); "listening");
    Ok(listener)
}

/// Takes connections until `stop`, then lets those that are open finish.
pub async fn local(api: Arc<Api>, listener: UnixListener, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(api.limits().connections));
    let mut conversations = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = conversations.join_next() => continue,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (api, stop) = (api.clone(), stop.clone());
                conversations.spawn(async move {
                    let _place = place;
                    match caller(&stream) {
                        Ok((caller, true)) => converse(api, caller, stream, stop).await,
                        Ok((caller, false)) => {
                            warn!(caller:% = caller; "caller turned away");
                            turn_away(stream).await;
                        }
                        Err(err) => warn!(why:% = err; "caller not known, connection closed"),
                    }
                });
            }
            Err(err) => {
                warn!(why:% = err; "connection not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let farewell = async { while conversations.join_next().await.is_some() {} };
    if timeout(api.limits().farewell, farewell).await.is_err() {
        warn!("connections not finished in time");
    }
}

/// Who is on the other end, and whether it may be: root, who runs the server, and the group `api`. The socket's mode says the
/// same; but a folder can be mounted elsewhere, and a mode changed.
fn caller(stream: &UnixStream) -> io::Result<(Caller, bool)> {
    let peer = sys::peer::of(stream)?;
    let ours = [0, rustix::process::geteuid().as_raw()];
    let admitted = ours.contains(&peer.uid)
        || peer.gid == wire::GROUP
        || sys::peer::groups(stream).is_ok_and(|groups| groups.contains(&wire::GROUP));
    let caller = Caller::Local { uid: peer.uid, gid: peer.gid, pid: peer.pid.unwrap_or_default() };
    Ok((caller, admitted))
}

/// Tells a caller that may not ask, and hangs up. Nothing it sends is read.
async fn turn_away(mut stream: UnixStream) {
    const WORDS: &str = "{\"error\":\"only root and members of group api (274) may ask\"}";
    let answer = format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{WORDS}",
        WORDS.len()
    );
    // It is free not to listen.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Answers requests over one connection of `caller`, until it ends or `stop` says so.
pub async fn converse<S>(api: Arc<Api>, caller: Caller, stream: S, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = *api.limits();
    let closing = stop.clone();
    let service = service_fn(move |request| {
        let (api, caller, closing) = (api.clone(), caller.clone(), closing.clone());
        async move { Ok::<_, Infallible>(serve(api, caller, request, closing).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers)
        .half_close(false)
        .serve_connection(TokioIo::new(Stalling::new(stream, limits.stall_time)), service);
    tokio::pin!(connection);
    // How a conversation ended is the caller's affair: a broken one has had its answer, as far as one was possible.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
