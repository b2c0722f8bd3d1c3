//! Answers without end, event by event.

use crate::events::{Event, Events};
use crate::failure::Failure;
use crate::session::Session;
use crate::transport::{Ask, Streaming};

/// Longest refusal of a stream.
const REFUSAL_BYTES: usize = 1 << 20;

/// Events as they come.
pub struct Stream {
    streaming: Streaming,
    events: Events,
    ready: std::collections::VecDeque<Event>,
    asked: String,
}

impl Stream {
    /// Asks for one.
    pub async fn open(ask: Ask, session: &Session<'_>) -> Result<Self, Failure> {
        let asked = ask.name();
        let streaming = session.client.stream(ask).await?;
        if streaming.status() != 200 {
            return Err(Failure::refused(streaming.whole(REFUSAL_BYTES).await?));
        }
        Ok(Self { streaming, events: Events::default(), ready: Default::default(), asked })
    }

    /// The next; `None` when the server ends it.
    pub async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(bytes) = self.streaming.next_alive().await? else { return Ok(None) };
            let too_long =
                |_| Failure::Answer { asked: self.asked.clone(), why: "an event is too long".into() };
            self.ready.extend(self.events.feed(&bytes).map_err(too_long)?);
        }
    }

    /// What an event says.
    pub fn read<T: serde::de::DeserializeOwned>(&self, event: &Event) -> Result<T, Failure> {
        serde_json::from_str(&event.data)
            .map_err(|err| Failure::Answer { asked: self.asked.clone(), why: err.to_string() })
    }
}

/// What an event says, for programs.
pub fn data(event: &Event) -> serde_json::Value {
    serde_json::from_str(&event.data).unwrap_or_else(|_| event.data.as_str().into())
}
