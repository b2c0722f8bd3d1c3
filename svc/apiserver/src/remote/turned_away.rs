//! What somebody hears whose certificate is genuine and gives no role: 403 to the first request, and why.

use std::convert::Infallible;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::subject::Useless;
use crate::answer::Refusal;
use crate::limits::Limits;

/// Answers one request, whatever it is. Its body is not read.
pub async fn answer<S>(stream: S, why: &Useless, limits: &Limits)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let why = why.to_string();
    let service = service_fn(|request: Request<Incoming>| {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, why.clone());
        let refusal = refusal
            .remedy("ask an administrator for a certificate: POST /v1/certificates, or your own authority");
        let mut response = refusal.into_response(request.uri().path().starts_with("/v1/"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers)
        .half_close(false)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whether they have heard it is their affair.
    let _ = connection.await;
}
