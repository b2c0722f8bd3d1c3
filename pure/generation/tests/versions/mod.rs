//! Versions that exist in tests only: one of each kind of change that a release may make to the form of settings.

use generation::{Contents, Migration, Registry};
use serde_json::Value;

/// Versions 1 to `newest`; at most 5.
pub fn registry(newest: u32) -> Registry {
    let all = [
        Migration { up: renamed_up, down: renamed_down },
        Migration { up: retyped_up, down: retyped_down },
        Migration { up: moved_up, down: moved_down },
        Migration { up: |_| {}, down: widened_down },
    ];
    Registry::new(all.into_iter().take(newest as usize - 1).collect())
}

/// Version 2: `motd` has become `banner.text`, and there is `extra`, which version 1 does not know.
fn renamed_up(contents: &mut Contents) {
    contents.rename(&["settings", "motd"], &["settings", "banner", "text"]);
}

fn renamed_down(contents: &mut Contents) {
    contents.rename(&["settings", "banner", "text"], &["settings", "motd"]);
    contents.remove(&["settings", "extra"]);
}

/// Version 3: the time to wait is a number of seconds; it was text in minutes.
fn retyped_up(contents: &mut Contents) {
    contents.change(&["settings", "wait"], |value| {
        let minutes: Option<i64> = value.as_str().and_then(|text| text.strip_suffix('m')?.parse().ok());
        Some(minutes.and_then(|minutes| minutes.checked_mul(60)).map_or(value.clone(), Value::from))
    });
}

fn retyped_down(contents: &mut Contents) {
    contents.change(&["settings", "wait"], |value| match value.as_i64() {
        Some(seconds) if seconds % 60 == 0 => Some(Value::from(format!("{}m", seconds / 60))),
        // No number of minutes: the older release does with its default.
        Some(_) => None,
        None => Some(value.clone()),
    });
}

/// Version 4: the table `hosts` is in `network` now.
fn moved_up(contents: &mut Contents) {
    contents.rename(&["settings", "hosts"], &["settings", "network", "hosts"]);
}

fn moved_down(contents: &mut Contents) {
    contents.rename(&["settings", "network", "hosts"], &["settings", "hosts"]);
}

/// Version 5: `mode` may also be `fast`, and a container may say `gpu`.
fn widened_down(contents: &mut Contents) {
    contents.change(&["settings", "mode"], |value| (value != "fast").then(|| value.clone()));
    for leaves in contents.0.values_mut() {
        leaves.0.retain(|path, _| !matches!(&path[..], [_, containers, _, gpu] if containers == "containers" && gpu == "gpu"));
    }
}
