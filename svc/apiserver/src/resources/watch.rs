//! Telling what happens, as it happens: server-sent events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use wire::types::GenerationSummary;

use crate::answer::{Answer, Refusal, events};
use crate::caller::Caller;
use crate::remote::Seat;
use crate::serve::Ask;
use crate::state::{Api, News, summary};

/// Events on their way to one caller.
const QUEUE: usize = 16;

/// A sign of life, so that a connection that is gone is noticed by both ends.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A caller that follows something, until it is gone, its certificate is believed no more, or the service ends.
pub struct Follower {
    to: Sender<Bytes>,
    _place: Place,
}

/// A follower's place; free again when it goes.
enum Place {
    Local { _permit: OwnedSemaphorePermit },
    Remote { _seat: Seat },
}

/// The caller is gone.
pub struct Gone;

impl Follower {
    /// A place for one more, and what it is told.
    pub fn new(api: &Api, caller: &Caller) -> Result<(Self, Receiver<Bytes>), Refusal> {
        let place = match caller {
            Caller::Local { .. } => {
                api.followers().try_acquire_owned().ok().map(|_permit| Place::Local { _permit })
            }
            Caller::Remote { serial, .. } => api.remote().seat(serial).map(|_seat| Place::Remote { _seat }),
        };
        let place = place.ok_or_else(|| {
            let error = match caller {
                Caller::Local { .. } => {
                    format!("{} local callers watch or follow already", api.limits().followers)
                }
                Caller::Remote { .. } => {
                    let limits = api.remote().limits();
                    format!(
                        "{} callers with this certificate, or {} over the network, watch or follow already",
                        limits.followers_each, limits.followers
                    )
                }
            };
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, error)
                .remedy("end one of them, or ask without following")
        })?;
        let (to, pieces) = mpsc::channel(QUEUE);
        Ok((Follower { to, _place: place }, pieces))
    }

    /// Sends one event.
    pub async fn tell(&self, event: &str, id: Option<u64>, data: &impl Serialize) -> Result<(), Gone> {
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        // JSON has no line breaks of its own, and our messages can be written.
        let data = serde_json::to_string(data).unwrap_or_default();
        self.send(format!("event: {event}\n{id}data: {data}\n\n")).await
    }

    /// Sends what readers of events pass over.
    pub async fn sign_of_life(&self) -> Result<(), Gone> {
        self.send(":\n\n".into()).await
    }

    async fn send(&self, text: String) -> Result<(), Gone> {
        self.to.send(text.into()).await.map_err(|_| Gone)
    }

    /// Ends when the caller is gone.
    pub async fn gone(&self) {
        self.to.closed().await;
    }
}

/// Ticks at which a follower is shown a sign of life.
pub fn signs_of_life() -> tokio::time::Interval {
    let mut signs = interval(SIGN_OF_LIFE);
    signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
    signs
}

/// `GET /v1/watch`
pub async fn watch(api: &Arc<Api>, ask: Ask) -> Answer {
    let since = ask.number("since", 0, u64::MAX)?;
    // Who comes back asks for the same as before; how far it got since then is in the header.
    let since = since.max(ask.last_event);
    let (follower, pieces) = Follower::new(api, &ask.caller)?;
    // From here on nothing is missed; what is kept since then comes first.
    let news = api.news();
    let reading = api.clone();
    let kept = spawn_blocking(move || kept(&reading, since)).await;
    let kept = kept.unwrap_or_else(|err| Err(Refusal::host("the call ended early", &err)))?;
    tokio::spawn(async move {
        let mut closing = ask.closing;
        tokio::select! {
            // Only the caller's end ends this, and then nobody is left to be told.
            _ = tell(&follower, kept, news) => {}
            () = follower.gone() => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    });
    Ok(events(pieces))
}

/// Generations after `since`, the oldest first; without it the one in effect.
fn kept(api: &Api, since: Option<u64>) -> Result<Vec<GenerationSummary>, Refusal> {
    let now = api.now();
    let Some(since) = since else {
        return Ok(now.generation.iter().map(|one| summary(&one.as_ref().into(), one.number)).collect());
    };
    let kept = api.store()?.list().map_err(|err| Refusal::host("the settings store cannot be read", &err))?;
    Ok(kept.iter().rev().filter(|one| one.number > since).map(|one| summary(one, now.number())).collect())
}

async fn tell(
    follower: &Follower,
    kept: Vec<GenerationSummary>,
    mut news: tokio::sync::broadcast::Receiver<News>,
) -> Result<(), Gone> {
    let mut told = (0, false);
    for one in kept {
        told = state(&one);
        generation(follower, &one).await?;
    }
    let mut signs = signs_of_life();
    loop {
        tokio::select! {
            next = news.recv() => match next {
                // Told already: it was committed while we read what is kept.
                Ok(News::Generation(one)) if state(&one) <= told => {}
                Ok(News::Generation(one)) => {
                    told = state(&one);
                    generation(follower, &one).await?;
                }
                Ok(News::Applied(report)) => follower.tell("apply", None, &report).await?,
                Err(RecvError::Lagged(missed)) => {
                    follower.tell("behind", None, &serde_json::json!({ "missed": missed })).await?;
                }
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = signs.tick() => follower.sign_of_life().await?,
        }
    }
}

/// One that awaits confirmation has no number yet to go on after: whoever comes back is told what became of it.
async fn generation(follower: &Follower, one: &GenerationSummary) -> Result<(), Gone> {
    let id = one.provisional.is_none().then_some(one.number);
    follower.tell("generation", id, one).await
}

/// Rises with every commit, and when one is confirmed.
fn state(one: &GenerationSummary) -> (u64, bool) {
    (one.number, one.provisional.is_none())
}
