//! Transitions, told to people and to PID 1.

use log::{info, warn};

use crate::lifecycle::{HELD_FROM, News};
use crate::notify;

/// Logs a transition of the container. Returns whether its milestone was told to PID 1, which happens once.
pub fn tell(name: &str, news: &News, milestone_told: bool) -> bool {
    match *news {
        News::Running { adopted: true } => info!(name; "container still running"),
        News::Running { adopted: false } => {
            if !milestone_told {
                notify::tell(&format!("MILESTONE=container/{name}"));
            }
            info!(name; "container running");
            return true;
        }
        News::Exited { code, ran_ms } => info!(name, code, ran_ms; "container exited"),
        News::Paused { in_ms, failures } if failures >= HELD_FROM => {
            warn!(name, failures, in_ms; "container held")
        }
        News::Paused { in_ms, failures } => info!(name, failures, in_ms; "container restarting"),
        News::PullAgain { in_ms, failures } => warn!(name, failures, in_ms; "image asked for again"),
        News::Ended { code } => info!(name, code; "container ended"),
        News::Killing => warn!(name; "container did not end in time, killing"),
        News::Gone => info!(name; "container stopped"),
    }
    false
}
