//! One request at a time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

pub use hyper::Method;

use super::answer::{Answer, Streaming};
use super::error::tls_cause;
use super::stream::{self, Stream};
use super::{TransportError, Url};
use crate::target::Target;

/// Longest answer we take: settings and history are far below, a log of a night is not.
const ANSWER_BYTES: usize = 64 << 20;

/// A source of settings that is longer is no settings document: the server takes 1 MiB.
const SOURCE_BYTES: usize = 1 << 20;

/// A server that answers a source with redirects only.
const REDIRECTS: usize = 5;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Headers beyond the usual.
    pub headers: Vec<(&'static str, String)>,
    /// The body and its kind.
    pub body: Option<(&'static str, Bytes)>,
}

impl Ask {
    /// Without a body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// With this as its body.
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(("application/json", body.to_string().into()));
        self
    }

    /// Method and path: the query may hold keys, but nothing that is secret.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Talks to one target.
#[derive(Debug)]
pub struct Client {
    target: Target,
    limit: Duration,
    verbose: bool,
}

impl Client {
    /// Every answer must be whole within `limit`.
    pub fn new(target: Target, limit: Duration, verbose: bool) -> Self {
        Self { target, limit, verbose }
    }

    /// In messages.
    pub fn peer(&self) -> String {
        self.target.name()
    }

    /// Asks, and takes the whole answer. Any status is an answer.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, TransportError> {
        let asked = ask.name();
        let exchange = async {
            let response = self.start(ask).await?;
            Answer::collect(response, ANSWER_BYTES, self.peer(), asked.clone()).await
        };
        let answer = timeout(self.limit, exchange).await.map_err(|_| TransportError::TimedOut {
            peer: self.peer(),
            what: "answer",
            seconds: self.limit.as_secs(),
            remedy: "; it may still be at it: `apiclient history` and `apiclient services` tell, --timeout waits longer",
        })??;
        if self.verbose {
            eprintln!("apiclient: < {} bytes", answer.body.len());
        }
        Ok(answer)
    }

    /// Asks for what has no end. It must begin within `limit`.
    pub async fn stream(&self, ask: Ask) -> Result<Streaming, TransportError> {
        let asked = ask.name();
        let response =
            timeout(self.limit, self.start(ask)).await.map_err(|_| TransportError::TimedOut {
                peer: self.peer(),
                what: "answer",
                seconds: self.limit.as_secs(),
                remedy: "",
            })??;
        Ok(Streaming::new(response, self.peer(), asked))
    }

    async fn start(&self, ask: Ask) -> Result<Response<Incoming>, TransportError> {
        let asked = ask.name();
        if self.verbose {
            let bytes = ask.body.as_ref().map_or(0, |(_, body)| body.len());
            eprintln!("apiclient: > {asked} to {}, {bytes} bytes", self.peer());
        }
        let start = Instant::now();
        let host = match &self.target {
            Target::Socket(_) => "localhost".to_owned(),
            Target::Node(node) => node.address(),
        };
        let stream = stream::to_target(&self.target).await?;
        let response = send(stream, ask, &host, &self.peer()).await?;
        if self.verbose {
            eprintln!("apiclient: < {} after {} ms", response.status(), start.elapsed().as_millis());
        }
        Ok(response)
    }
}

/// GETs a source from the web, following redirects; never from TLS to plain. `bundle` is `$SSL_CERT_FILE`.
pub(crate) async fn fetch(
    url: &Url,
    bundle: Option<PathBuf>,
    limit: Duration,
) -> Result<Answer, TransportError> {
    let work = async {
        let mut at = url.clone();
        let mut rest = REDIRECTS;
        loop {
            let (peer, asked) = (at.authority(), format!("GET {at}"));
            let config = at.secure.then(|| super::tls::for_web(bundle.clone())).transpose()?;
            let stream = stream::to_web(&at.host, at.port, config, &peer).await?;
            let response = send(stream, Ask::get(at.path.clone()), &peer, &peer).await?;
            let location = response.headers().get("location").and_then(|value| value.to_str().ok());
            let next = location.filter(|_| response.status().is_redirection() && rest > 0);
            let next =
                next.and_then(|location| at.join(location).ok()).filter(|next| next.secure || !at.secure);
            match next {
                Some(next) => (at, rest) = (next, rest - 1),
                None => return Answer::collect(response, SOURCE_BYTES, peer, asked).await,
            }
        }
    };
    timeout(limit, work).await.map_err(|_| TransportError::TimedOut {
        peer: url.authority(),
        what: "send the source",
        seconds: limit.as_secs(),
        remedy: "; --timeout waits longer",
    })?
}

async fn send(
    stream: Stream,
    ask: Ask,
    host: &str,
    peer: &str,
) -> Result<Response<Incoming>, TransportError> {
    let changes = !matches!(ask.method, Method::GET | Method::HEAD);
    let asked = ask.name();
    let lost = |err: hyper::Error| broken(peer, &asked, changes, err);
    let mut sender: SendRequest<Full<Bytes>> = {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // It ends with the answer; what goes wrong with it is told to whoever waits for that.
        tokio::spawn(connection);
        sender
    };
    let version = concat!("apiclient/", env!("CARGO_PKG_VERSION"));
    let mut request = Request::builder().method(ask.method).uri(ask.path);
    request = request.header(HOST, host).header(USER_AGENT, version);
    for (name, value) in ask.headers {
        request = request.header(name, value);
    }
    let (kind, body) = ask.body.unzip();
    if let Some(kind) = kind {
        request = request.header(CONTENT_TYPE, kind);
    }
    let request = request.body(Full::new(body.unwrap_or_default()));
    let request = request.map_err(|err| TransportError::Lost {
        peer: peer.to_owned(),
        asked: asked.clone(),
        changes: false,
        err: Box::new(err),
    })?;
    sender.send_request(request).await.map_err(lost)
}

/// In TLS 1.3 a server says what it thinks of our certificate only after the handshake is over for us.
pub(super) fn broken(peer: &str, asked: &str, changes: bool, err: hyper::Error) -> TransportError {
    match tls_cause(&err) {
        Some(tls) => TransportError::Tls { peer: peer.to_owned(), err: tls.clone() },
        None => TransportError::Lost {
            peer: peer.to_owned(),
            asked: asked.to_owned(),
            changes,
            err: Box::new(err),
        },
    }
}
