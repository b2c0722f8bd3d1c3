//! The little HTTP that tests speak: to the registry and to pages through a forwarded port. Loopback only, no TLS.

use std::time::Duration;

use ureq::Agent;
use ureq::http::Response;

use crate::error::{Error, Result};

/// Nothing a test fetches or stores is larger.
const BODY_MAX: u64 = 256 << 20;

/// A client whose single exchanges end within `limit`.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
}

/// What came back, whatever the status.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The `Location` header, where there is one.
    pub location: Option<String>,
    /// The body as text.
    pub body: String,
}

impl Client {
    /// Every exchange of this client ends within `limit`.
    pub fn new(limit: Duration) -> Self {
        let config =
            Agent::config_builder().timeout_global(Some(limit)).http_status_as_error(false).proxy(None);
        Self { agent: config.build().into() }
    }

    /// GET.
    pub fn get(&self, url: &str) -> Result<Answer> {
        answer("GET", url, self.agent.get(url).call())
    }

    /// GET of one media type: a registry denies having what the client does not name.
    pub fn get_as(&self, url: &str, media_type: &str) -> Result<Answer> {
        answer("GET", url, self.agent.get(url).header("accept", media_type).call())
    }

    /// HEAD.
    pub fn head(&self, url: &str) -> Result<Answer> {
        answer("HEAD", url, self.agent.head(url).call())
    }

    /// POST without a body.
    pub fn post(&self, url: &str) -> Result<Answer> {
        answer("POST", url, self.agent.post(url).send_empty())
    }

    /// PUT.
    pub fn put(&self, url: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        answer("PUT", url, self.agent.put(url).content_type(content_type).send(body))
    }
}

fn answer(
    method: &'static str,
    url: &str,
    result: std::result::Result<Response<ureq::Body>, ureq::Error>,
) -> Result<Answer> {
    let fail = |err: ureq::Error| Error::Http { method, url: url.to_owned(), why: err.to_string() };
    let mut response = result.map_err(fail)?;
    let location =
        response.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.body_mut().with_config().limit(BODY_MAX).read_to_vec().map_err(fail)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer { status: response.status().as_u16(), location, body })
}
