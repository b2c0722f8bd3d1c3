//! What a change changes: two values side by side.

use alloc::vec::Vec;

use serde::Serialize;

use crate::key::KeyPath;
use crate::value::Value;

/// One leaf that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Changed {
    /// Where it stands.
    pub key: KeyPath,
    /// What it was; `None` when it was not there. A mark stands for each secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it became; `None` when it is gone. A mark stands for each secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The leaves that differ, in the order of keys. Lists are leaves: they are replaced whole.
pub fn diff(before: &Value, after: &Value) -> Vec<Changed> {
    let (before, after) = (before.leaves(), after.leaves());
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let step = match (old.peek(), new.peek()) {
            (None, None) => return changes,
            (Some((key, _)), Some((other, _))) => key.cmp(other),
            (Some(_), None) => core::cmp::Ordering::Less,
            (None, Some(_)) => core::cmp::Ordering::Greater,
        };
        let (was, is) =
            (if step.is_le() { old.next() } else { None }, if step.is_ge() { new.next() } else { None });
        let Some((key, _)) = was.or(is) else { return changes };
        let (was, is) = (was.map(|(_, value)| *value), is.map(|(_, value)| *value));
        if was != is {
            changes.push(Changed {
                key: key.clone(),
                before: was.map(Value::marked),
                after: is.map(Value::marked),
            });
        }
    }
}
