//! What containerd has of our containers, from its records and tasks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use settings::containers::Container;

use super::{Error, Works};
use crate::containerd::{Containerd, Task, TaskState};
use crate::lifecycle::Found;

/// Labels of a record: the boot it was made in, a digest of the settings it was made from, how it ended for
/// good.
pub(super) const BOOT: &str = "gantry/boot";
pub(super) const SETTINGS: &str = "gantry/settings";
pub(super) const ENDED: &str = "gantry/ended";

/// Everything containerd has, at one moment.
#[derive(Debug, Default)]
pub struct Seen {
    records: BTreeMap<String, HashMap<String, String>>,
    tasks: BTreeMap<String, Task>,
}

impl Works {
    /// Looks at what is there.
    pub async fn look(&self, containerd: &Containerd) -> Result<Seen, Error> {
        let records = containerd.records().await?.into_iter().collect();
        let tasks =
            containerd.tasks().await?.into_iter().map(|task| (task.container.clone(), task)).collect();
        Ok(Seen { records, tasks })
    }

    /// What was seen of one container, judged by the settings that it should have; `None`: it should not be.
    pub fn found(&self, seen: &Seen, name: &str, container: Option<&Container>) -> Found {
        found(seen.records.get(name), seen.tasks.get(name), &self.boot, container.map(digest).as_deref())
    }
}

impl Seen {
    /// Every container of which something is there.
    pub fn names(&self) -> BTreeSet<String> {
        self.records.keys().chain(self.tasks.keys()).cloned().collect()
    }
}

fn found(
    record: Option<&HashMap<String, String>>,
    task: Option<&Task>,
    boot: &str,
    settings: Option<&str>,
) -> Found {
    let label = |key| record.and_then(|labels| labels.get(key)).map(String::as_str);
    let current = label(SETTINGS).is_some() && label(SETTINGS) == settings;
    let this_boot = label(BOOT) == Some(boot);
    match (record, task.map(|task| task.state)) {
        (None, None) => Found::Nothing,
        (_, Some(TaskState::Alive)) => Found::Running { current },
        (Some(_), Some(TaskState::Exited(code))) if current && this_boot => Found::Exited { code },
        (Some(_), None) if current && this_boot => match label(ENDED).and_then(|code| code.parse().ok()) {
            Some(code) => Found::Ended { code },
            None => Found::Leftover,
        },
        _ => Found::Leftover,
    }
}

/// Tells settings of a container apart. Only ever compared with itself, by the same program or its successor.
pub(super) fn digest(container: &Container) -> String {
    let text = serde_json::to_vec(container).unwrap_or_default();
    crate::image::sha256(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(boot: &str, settings: &str, ended: Option<&str>) -> HashMap<String, String> {
        let mut labels = HashMap::from([(BOOT.into(), boot.into()), (SETTINGS.into(), settings.into())]);
        labels.extend(ended.map(|code| (ENDED.to_owned(), code.to_owned())));
        labels
    }

    #[test]
    fn what_is_there_is_judged_by_boot_and_settings() {
        let task = |state| Task { container: "web".into(), state };
        let (alive, exited) = (task(TaskState::Alive), task(TaskState::Exited(2)));
        let now = labels("b", "s", None);
        let (old_boot, old_settings) = (labels("a", "s", Some("0")), labels("b", "r", Some("0")));
        let ended = labels("b", "s", Some("3"));
        let at = |record, task: Option<&Task>| found(record, task, "b", Some("s"));
        assert_eq!(at(None, None), Found::Nothing);
        assert_eq!(at(Some(&now), None), Found::Leftover);
        assert_eq!(at(Some(&now), Some(&alive)), Found::Running { current: true });
        assert_eq!(at(Some(&old_settings), Some(&alive)), Found::Running { current: false });
        assert_eq!(at(Some(&now), Some(&task(TaskState::Created))), Found::Leftover);
        assert_eq!(at(None, Some(&alive)), Found::Running { current: false });
        assert_eq!(at(Some(&now), Some(&exited)), Found::Exited { code: 2 });
        assert_eq!(at(Some(&old_settings), Some(&exited)), Found::Leftover);
        assert_eq!(at(Some(&ended), None), Found::Ended { code: 3 });
        assert_eq!(at(Some(&old_boot), None), Found::Leftover, "each boot runs it once");
        assert_eq!(at(Some(&old_settings), None), Found::Leftover, "new settings run it again");
        assert_eq!(found(Some(&ended), None, "b", None), Found::Leftover);
    }

    #[test]
    fn a_changed_setting_changes_the_digest() {
        let container = |json: &str| -> Container { serde_json::from_str(json).unwrap() };
        let one = container(r#"{"image": "a/b:1"}"#);
        assert_eq!(digest(&one), digest(&one.clone()));
        assert_ne!(digest(&one), digest(&container(r#"{"image": "a/b:1", "env": {"A": "1"}}"#)));
    }
}
