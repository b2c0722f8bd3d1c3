//! Lines of the host's log: the last ones, and those that follow.

use std::sync::Arc;

use tokio::task::spawn_blocking;
use wire::types::{LogLine, LogPage};

use super::watch::{Follower, Gone, signs_of_life};
use crate::answer::{Answer, Refusal, events, json};
use crate::notice::Notice;
use crate::serve::Ask;
use crate::state::Api;
use crate::tail::{Tail, TailError};

/// Lines, if a caller does not say how many.
const LINES: u64 = 100;
/// Most lines of one answer: some megabytes.
const LINES_MAX: u64 = 10_000;

/// `GET /v1/logs`
pub async fn logs(api: &Arc<Api>, ask: Ask) -> Answer {
    let lines = ask.number("lines", 1, LINES_MAX)?.unwrap_or(LINES);
    let most = usize::try_from(lines).unwrap_or(usize::MAX);
    let unit = ask.filled("unit")?.map(str::to_owned);
    if ask.flag("follow")? {
        return follow(api, ask, unit, most).await;
    }
    let path = api.host().log.clone();
    let (_, lines) = blocking(move || Tail::open(&path, unit, most)).await?;
    Ok(json(&LogPage { lines }))
}

async fn follow(api: &Arc<Api>, ask: Ask, unit: Option<String>, most: usize) -> Answer {
    let (follower, pieces) = Follower::new(api, &ask.caller)?;
    let path = api.host().log.clone();
    let folder = path.parent().unwrap_or(&path).to_owned();
    // Before the first look: what is written after it is noticed.
    let notice =
        Notice::of_folder(&folder).map_err(|err| Refusal::host("the log cannot be followed", &err))?;
    let (tail, lines) = blocking(move || Tail::open(&path, unit, most)).await?;
    let mut closing = ask.closing;
    tokio::spawn(async move {
        tokio::select! {
            // The caller's end or the log's: nobody is left to be told.
            _ = tell(&follower, notice, tail, lines) => {}
            () = follower.gone() => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    });
    Ok(events(pieces))
}

async fn tell(
    follower: &Follower,
    mut notice: Notice,
    mut tail: Tail,
    lines: Vec<LogLine>,
) -> Result<(), Gone> {
    for line in lines {
        follower.tell("line", None, &line).await?;
    }
    let mut signs = signs_of_life();
    loop {
        tokio::select! {
            changed = notice.changed() => changed.map_err(|_| Gone)?,
            _ = signs.tick() => {
                follower.sign_of_life().await?;
                continue;
            }
        }
        let read = blocking(move || {
            let lines = tail.more()?;
            Ok((tail, lines))
        });
        let (back, lines) = read.await.map_err(|_| Gone)?;
        tail = back;
        for line in lines {
            follower.tell("line", None, &line).await?;
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TailError> + Send + 'static,
) -> Result<T, Refusal> {
    let done = spawn_blocking(work).await.map_err(|err| Refusal::host("the call ended early", &err))?;
    done.map_err(|err| Refusal::host("the log cannot be read", &err))
}
