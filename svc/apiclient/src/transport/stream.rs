//! A connection to the server, whichever way leads there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{future::Future, io};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::TransportError;
use super::error::tls_cause;
use crate::target::Target;

/// To reach a host. One that is down should not keep a person waiting.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection.
pub enum Stream {
    /// To this host's server.
    Local(UnixStream),
    /// Without protection: sources of settings only.
    Plain(TcpStream),
    /// Both ends are who they say they are.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to the target, handshake included.
pub async fn to_target(target: &Target) -> Result<Stream, TransportError> {
    match target {
        Target::Socket(path) => {
            let failed = |err| TransportError::Socket { path: path.clone(), err };
            Ok(Stream::Local(UnixStream::connect(path).await.map_err(failed)?))
        }
        Target::Node(node) => {
            let config = super::tls::for_node(node)?;
            let stream = tcp(&node.host, node.port, &node.address()).await?;
            tls(config, &node.server_name, stream, &node.address()).await
        }
    }
}

/// Connects to a server of the web.
pub async fn to_web(
    host: &str,
    port: u16,
    config: Option<Arc<ClientConfig>>,
    peer: &str,
) -> Result<Stream, TransportError> {
    let stream = tcp(host, port, peer).await?;
    match config {
        Some(config) => tls(config, host, stream, peer).await,
        None => Ok(Stream::Plain(stream)),
    }
}

async fn tcp(host: &str, port: u16, peer: &str) -> Result<TcpStream, TransportError> {
    let failed = |err| TransportError::Connect { peer: peer.to_owned(), err };
    let stream = within(CONNECT, peer, "accept a connection", TcpStream::connect((host, port))).await?;
    let stream = stream.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

async fn tls(
    config: Arc<ClientConfig>,
    name: &str,
    stream: TcpStream,
    peer: &str,
) -> Result<Stream, TransportError> {
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| TransportError::ServerName { name: name.to_owned() })?;
    let handshake = TlsConnector::from(config).connect(name, stream);
    let stream = within(CONNECT, peer, "complete the TLS handshake", handshake).await?;
    let stream = stream.map_err(|err| match tls_cause(&err) {
        Some(tls) => TransportError::Tls { peer: peer.to_owned(), err: tls.clone() },
        None => TransportError::Connect { peer: peer.to_owned(), err },
    })?;
    Ok(Stream::Tls(Box::new(stream)))
}

async fn within<T>(
    limit: Duration,
    peer: &str,
    what: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, TransportError> {
    timeout(limit, work).await.map_err(|_| TransportError::TimedOut {
        peer: peer.to_owned(),
        what,
        seconds: limit.as_secs(),
        remedy: "",
    })
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Local(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Local(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Local(stream) => Pin::new(stream).poll_flush(cx),
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Local(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
