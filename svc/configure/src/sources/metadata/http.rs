//! One question in HTTP/1.1 over one connection, bounded.
//!
//! hyper reads the protocol. Redirects are answers like any other; nothing is followed, no proxy is asked.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::header::HeaderValue;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// hyper wants at least 8 KiB for a header. Answers servers that send headers without end.
const HEADER_BYTES: usize = 16 << 10;
/// Lines of a header.
const HEADER_LINES: usize = 64;

/// A question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) method: &'q Method,
    pub(super) path: &'q str,
    /// One more header line.
    pub(super) header: (&'static str, &'q HeaderValue),
    /// Bytes of the answer's body that are taken.
    pub(super) limit: usize,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Not even a connection, or it broke.
    #[error("the connection failed")]
    Connection(#[source] std::io::Error),
    /// What came is not HTTP, or ended in the middle.
    #[error("what it sends is not HTTP")]
    Protocol(#[source] hyper::Error),
    /// The body is longer than is taken.
    #[error("it sends more than {0} bytes")]
    TooLong(usize),
    /// The body broke off.
    #[error("the answer broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The question cannot be put into HTTP: a defect of ours.
    #[error("no such question in HTTP")]
    Question(#[source] hyper::http::Error),
}

/// Asks `question` over `stream`. Dropping the future ends the exchange.
pub(super) async fn ask<S>(stream: S, question: Question<'_>) -> Result<Answer, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (name, value) = question.header;
    let request = Request::builder()
        .method(question.method)
        .uri(question.path)
        .header(header::HOST, "169.254.169.254")
        .header(name, value)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(Error::Question)?;
    let mut http = http1::Builder::new();
    http.max_buf_size(HEADER_BYTES).max_headers(HEADER_LINES);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(Error::Protocol)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(Error::Protocol)?;
        let status = response.status();
        // One that says so beforehand is not listened to.
        let announced = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        if announced > question.limit {
            return Err(Error::TooLong(question.limit));
        }
        let body = Limited::new(response.into_body(), question.limit).collect().await;
        let body = body.map_err(|err| match err.downcast::<LengthLimitError>() {
            Ok(_) => Error::TooLong(question.limit),
            Err(err) => Error::Body(err),
        })?;
        Ok(Answer { status, body: body.to_bytes().into() })
    };
    // The connection does the work of both; when the exchange is over it is dropped, and the socket with it.
    let connection = async {
        // What is wrong with it, the exchange says.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    let (mut exchange, mut connection) = (std::pin::pin!(exchange), std::pin::pin!(connection));
    std::future::poll_fn(|context| {
        let _ = connection.as_mut().poll(context);
        exchange.as_mut().poll(context)
    })
    .await
}
