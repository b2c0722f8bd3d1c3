//! EC2's instance metadata service, version 2: plain HTTP on the link, each question with a token that is asked for first.
//!
//! Holds always: a question ends by its deadline, whatever the service does; nothing that it sends is longer than was asked for;
//! a 404 is "none", not a failure. What its answers mean is left to whoever asks.

mod http;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep_until, timeout_at};

use http::{Answer, Question};

/// Where EC2 has it, over either protocol.
pub(crate) const EC2: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), 80),
];

const TOKEN: &str = "/latest/api/token";
/// Long enough for every question of one run; a token that ends in between is asked for again.
const TOKEN_TTL_S: HeaderValue = HeaderValue::from_static("300");
/// Today's are 56 bytes long.
const TOKEN_BYTES: usize = 1024;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For one exchange. The service is on the link: it answers in milliseconds or not at all.
    pub(crate) exchange: Duration,
    /// For one question, all its exchanges and pauses together.
    pub(crate) question: Duration,
    /// Before the second try; each pause is twice the one before.
    pub(crate) first_pause: Duration,
    /// The longest pause.
    pub(crate) longest_pause: Duration,
}

impl Default for Patience {
    /// The service answers late while an instance starts, and refuses who asks too often.
    fn default() -> Self {
        Patience {
            exchange: Duration::from_secs(2),
            question: Duration::from_secs(60),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    /// No event loop.
    #[error("cannot wait for the network")]
    Runtime(#[source] io::Error),
    /// It is reached nowhere, or answers nonsense, as long as we wait.
    #[error("the metadata service did not answer in {waited_ms} ms")]
    Unanswered {
        waited_ms: u128,
        #[source]
        last: Failure,
    },
    /// Asking again would give the same.
    #[error("the metadata service cannot be used")]
    Refused(#[source] Failure),
}

/// What was wrong with one exchange.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing came in time.
    #[error("{0}: no answer")]
    Silent(SocketAddr),
    /// No HTTP came.
    #[error("{at}")]
    Http {
        at: SocketAddr,
        #[source]
        err: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer that is not one.
    #[error("{at}: status {} for {path}{}", status.as_u16(), meaning(*status))]
    Status { at: SocketAddr, path: String, status: StatusCode },
    /// A token that no header can carry.
    #[error("{0}: the token is no text of one line")]
    Token(SocketAddr),
}

/// What an operator may do about a status.
fn meaning(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..=399 => ": redirects are not followed",
        403 => ": it is turned off for this instance (HttpEndpoint)",
        _ => "",
    }
}

/// What follows from an exchange.
enum Tried {
    Answer(Option<Vec<u8>>),
    /// Worth another try.
    Again(Failure),
    /// Not worth one.
    Never(Failure),
}

/// A conversation with the service.
pub(crate) struct Metadata {
    runtime: Runtime,
    /// The one that answered last first.
    endpoints: Vec<SocketAddr>,
    patience: Patience,
    token: Option<HeaderValue>,
}

impl Metadata {
    pub(crate) fn new(endpoints: Vec<SocketAddr>, patience: Patience) -> Result<Self, MetadataError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        Ok(Metadata { runtime: runtime.map_err(MetadataError::Runtime)?, endpoints, patience, token: None })
    }

    /// What the service has at `path`, at most `limit` bytes; none if it has nothing there.
    pub(crate) fn get(&mut self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, MetadataError> {
        let Metadata { runtime, endpoints, patience, token } = self;
        runtime.block_on(get(endpoints, *patience, token, path, limit))
    }
}

async fn get(
    endpoints: &mut [SocketAddr],
    patience: Patience,
    token: &mut Option<HeaderValue>,
    path: &str,
    limit: usize,
) -> Result<Option<Vec<u8>>, MetadataError> {
    let began = Instant::now();
    let until = began + patience.question;
    let mut pause = patience.first_pause;
    loop {
        let mut last = None;
        for index in 0..endpoints.len() {
            let at = endpoints[index];
            let deadline = until.min(Instant::now() + patience.exchange);
            match attempt(at, deadline, token, path, limit).await {
                Tried::Answer(body) => {
                    endpoints.swap(0, index);
                    return Ok(body);
                }
                Tried::Never(failure) => return Err(MetadataError::Refused(failure)),
                // The first endpoint's failure says most: most networks have no way to the second.
                Tried::Again(failure) => last = last.or(Some(failure)),
            }
        }
        let Some(last) = last else { return Ok(None) };
        if Instant::now() + pause >= until {
            return Err(MetadataError::Unanswered { waited_ms: began.elapsed().as_millis(), last });
        }
        sleep_until(Instant::now() + pause).await;
        pause = patience.longest_pause.min(pause * 2);
    }
}

/// Asks once, with the token at hand or a new one; with a new one again if it is not taken.
async fn attempt(
    at: SocketAddr,
    deadline: Instant,
    token: &mut Option<HeaderValue>,
    path: &str,
    limit: usize,
) -> Tried {
    for fresh in [token.is_none(), true] {
        if fresh {
            *token = None;
        }
        let value = match token {
            Some(token) => token.clone(),
            None => match new_token(at, deadline).await {
                Ok(new) => token.insert(new).clone(),
                Err(tried) => return tried,
            },
        };
        let header = ("x-aws-ec2-metadata-token", &value);
        let answer =
            match exchange(at, deadline, Question { method: &Method::GET, path, header, limit }).await {
                Ok(answer) => answer,
                Err(tried) => return tried,
            };
        match answer.status {
            StatusCode::OK => return Tried::Answer(Some(answer.body)),
            StatusCode::NOT_FOUND => return Tried::Answer(None),
            StatusCode::UNAUTHORIZED if !fresh => {}
            status => return not_ok(at, path, status),
        }
    }
    *token = None;
    not_ok(at, path, StatusCode::UNAUTHORIZED)
}

async fn new_token(at: SocketAddr, deadline: Instant) -> Result<HeaderValue, Tried> {
    let header = ("x-aws-ec2-metadata-token-ttl-seconds", &TOKEN_TTL_S);
    let question = Question { method: &Method::PUT, path: TOKEN, header, limit: TOKEN_BYTES };
    let Answer { status, body } = exchange(at, deadline, question).await?;
    if status != StatusCode::OK {
        return Err(not_ok(at, TOKEN, status));
    }
    match HeaderValue::from_bytes(body.trim_ascii()) {
        Ok(token) if !token.is_empty() => Ok(token),
        _ => Err(Tried::Again(Failure::Token(at))),
    }
}

/// The service being busy, or not up yet, passes; anything else does not.
fn not_ok(at: SocketAddr, path: &str, status: StatusCode) -> Tried {
    let failure = Failure::Status { at, path: path.into(), status };
    let passes = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT
        );
    if passes { Tried::Again(failure) } else { Tried::Never(failure) }
}

/// One exchange on a connection of its own.
async fn exchange(at: SocketAddr, deadline: Instant, question: Question<'_>) -> Result<Answer, Tried> {
    let asked = async {
        let stream = TcpStream::connect(at).await.map_err(http::Error::Connection)?;
        http::ask(stream, question).await
    };
    match timeout_at(deadline, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(err)) => {
            let lasting = matches!(err, http::Error::TooLong(_) | http::Error::Question(_));
            let failure = Failure::Http { at, err: err.into() };
            Err(if lasting { Tried::Never(failure) } else { Tried::Again(failure) })
        }
        Err(_) => Err(Tried::Again(Failure::Silent(at))),
    }
}

/// What a fuzzer calls: `bytes` as all that a service ever sends on a connection. What of it was taken for an answer.
pub fn fuzz(bytes: &[u8], limit: usize) -> Option<(u16, Vec<u8>)> {
    let runtime = Builder::new_current_thread().build().ok()?;
    runtime.block_on(async {
        // Room for the question, so that the service need not read it.
        let (ours, mut theirs) = tokio::io::duplex(bytes.len().max(4096));
        tokio::io::AsyncWriteExt::write_all(&mut theirs, bytes).await.ok()?;
        tokio::io::AsyncWriteExt::shutdown(&mut theirs).await.ok()?;
        let value = HeaderValue::from_static("t");
        let header = ("x-aws-ec2-metadata-token", &value);
        let question = Question { method: &Method::GET, path: "/", header, limit };
        let answer = http::ask(ours, question).await.ok()?;
        drop(theirs);
        Some((answer.status.as_u16(), answer.body))
    })
}

#[cfg(test)]
pub(crate) mod tests;
