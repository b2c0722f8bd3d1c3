//! What came back, whole or piece by piece.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::TransportError;
use super::client::broken;

/// The server sends something every 15 s, if only a comment.
const SILENCE: Duration = Duration::from_secs(60);

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Method and path of the request.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// 2xx.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// As text, whatever bytes are not.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    pub(super) async fn collect(
        response: Response<Incoming>,
        limit: usize,
        peer: String,
        asked: String,
    ) -> Result<Self, TransportError> {
        let status = response.status().as_u16();
        let mut streaming = Streaming::new(response, peer, asked);
        let mut body = Vec::new();
        while let Some(bytes) = streaming.next().await? {
            if body.len() + bytes.len() > limit {
                let Streaming { peer, asked, .. } = streaming;
                return Err(TransportError::TooLong { peer, asked, limit });
            }
            body.extend_from_slice(&bytes);
        }
        Ok(Self { asked: streaming.asked, status, body })
    }
}

/// An answer that arrives piece by piece.
#[derive(Debug)]
pub struct Streaming {
    response: Response<Incoming>,
    peer: String,
    asked: String,
}

impl Streaming {
    pub(super) fn new(response: Response<Incoming>, peer: String, asked: String) -> Self {
        Self { response, peer, asked }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        while let Some(frame) = self.response.body_mut().frame().await {
            let frame = frame.map_err(|err| broken(&self.peer, &self.asked, false, err))?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// [`Streaming::next`] of a stream that shows signs of life: when none comes for long, the other end is gone, or the way to it.
    pub async fn next_alive(&mut self) -> Result<Option<Bytes>, TransportError> {
        let peer = self.peer.clone();
        timeout(SILENCE, self.next()).await.map_err(|_| TransportError::TimedOut {
            peer,
            what: "show a sign of life",
            seconds: SILENCE.as_secs(),
            remedy: "",
        })?
    }

    /// The rest of it as a whole answer: for those that turn out to be refusals.
    pub async fn whole(self, limit: usize) -> Result<Answer, TransportError> {
        Answer::collect(self.response, limit, self.peer, self.asked).await
    }
}
