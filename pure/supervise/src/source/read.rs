//! Text -> written unit: keys, types and the words of each enumeration; names of other units stay text.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use toml::{Table, Value};

use super::Problem;
use crate::unit::{
    Backoff, Condition, FailureAction, KillScope, Kind, Limits, Readiness, Restart, Signal, Unit, User,
};

/// A unit whose edges are still names. `unit`'s own edges are empty.
pub(super) struct Written {
    pub unit: Unit,
    pub after: Vec<String>,
    pub requires: Vec<String>,
    pub wants: Vec<String>,
    pub binds: Vec<String>,
}

/// Ample for the slowest start under an emulator; a unit that needs more says so.
const START_TIMEOUT_MS: u64 = 60_000;
const STOP_TIMEOUT_MS: u64 = 10_000;

/// Reads one file. What cannot be read gets its default, so that the later steps still find their own problems.
pub(super) fn written(name: &str, text: &str, problems: &mut Vec<Problem>) -> Written {
    let table = text.parse::<Table>().unwrap_or_else(|err| {
        problems.push(Problem {
            unit: name.to_owned(),
            path: String::new(),
            why: err.to_string().trim().to_owned(),
        });
        Table::new()
    });
    let unreadable = table.is_empty();
    let mut keys = Keys { unit: name, prefix: "", table, known: Vec::new(), problems };
    let kind = keys
        .word("kind", &[("service", Kind::Service), ("oneshot", Kind::Oneshot), ("target", Kind::Target)]);
    if kind.is_none() && !keys.table.contains_key("kind") && !unreadable {
        keys.problem("kind", "is missing: service, oneshot or target");
    }
    let kind = kind.unwrap_or(Kind::Target);
    let readiness =
        [("notify", Readiness::Notify), ("started", Readiness::Started), ("finished", Readiness::Finished)];
    let restart =
        [("always", Restart::Always), ("on-failure", Restart::OnFailure), ("never", Restart::Never)];
    let (ready_default, restart_default) = match kind {
        Kind::Service => (Readiness::Started, Restart::Always),
        Kind::Oneshot | Kind::Target => (Readiness::Finished, Restart::Never),
    };
    let unit = Unit {
        name: name.to_owned(),
        description: keys.text("description").unwrap_or_default(),
        kind,
        exec: keys.texts("exec"),
        after: Vec::new(),
        requires: Vec::new(),
        wants: Vec::new(),
        binds: Vec::new(),
        ready: keys.word("ready", &readiness).unwrap_or(ready_default),
        restart: keys.word("restart", &restart).unwrap_or(restart_default),
        backoff: backoff(&mut keys),
        failure_action: keys
            .word("failure_action", &[("none", FailureAction::None), ("reboot", FailureAction::Reboot)])
            .unwrap_or(FailureAction::None),
        start_timeout_ms: keys.number("start_timeout_ms").unwrap_or(START_TIMEOUT_MS),
        stop_timeout_ms: keys.number("stop_timeout_ms").unwrap_or(STOP_TIMEOUT_MS),
        stop_signal: keys.word("stop_signal", &Signal::ALL).unwrap_or(Signal::Term),
        reload: keys.word("reload", &Signal::ALL),
        kill: keys
            .word("kill", &[("cgroup", KillScope::Cgroup), ("process", KillScope::Process)])
            .unwrap_or(KillScope::Cgroup),
        stop_last: keys.flag("stop_last"),
        condition: condition(&mut keys),
        console: keys.flag("console"),
        takes_logs: keys.flag("takes_logs"),
        milestone: keys.text("milestone"),
        milestone_at_start: keys.text("milestone_at_start"),
        user: user(&mut keys),
        oom_score_adj: keys.signed("oom_score_adj").unwrap_or(0),
        environment: keys.pairs("environment"),
        delegate: keys.flag("delegate"),
        preload: keys.flag("preload"),
        limits: limits(&mut keys),
    };
    let written = Written {
        unit,
        after: keys.texts("after"),
        requires: keys.texts("requires"),
        wants: keys.texts("wants"),
        binds: keys.texts("binds"),
    };
    keys.finish();
    written
}

fn backoff(keys: &mut Keys<'_>) -> Backoff {
    let default = Backoff::DEFAULT;
    keys.table("backoff", |keys| Backoff {
        initial_ms: keys.number("initial_ms").unwrap_or(default.initial_ms),
        max_ms: keys.number("max_ms").unwrap_or(default.max_ms),
        reset_after_ms: keys.number("reset_after_ms").unwrap_or(default.reset_after_ms),
        ceiling: keys
            .number("ceiling")
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            .unwrap_or(default.ceiling),
        held_retry_ms: keys.number("held_retry_ms").unwrap_or(default.held_retry_ms),
    })
    .unwrap_or(default)
}

fn limits(keys: &mut Keys<'_>) -> Limits {
    keys.table("limits", |keys| Limits {
        memory_max_bytes: keys.number("memory_max_bytes"),
        pids_max: keys.number("pids_max"),
        open_files: keys.number("open_files"),
    })
    .unwrap_or_default()
}

fn condition(keys: &mut Keys<'_>) -> Option<Condition> {
    let text = keys.text("condition")?;
    match text.strip_prefix("path:") {
        Some(path) if path.starts_with('/') => Some(Condition::Path(path.to_owned())),
        _ => {
            keys.problem("condition", "must be path: and an absolute path");
            None
        }
    }
}

/// `root`, or numbers: PID 1 reads no user database.
fn user(keys: &mut Keys<'_>) -> User {
    let Some(text) = keys.text("user") else { return User::default() };
    let ids = text.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    match ids {
        Some((uid, gid)) => User { uid, gid },
        None if text == "root" => User::default(),
        None => {
            keys.problem("user", "must be root or UID:GID in numbers");
            User::default()
        }
    }
}

/// The keys of one table; remembers which were asked for, so that the rest can be named as unknown.
struct Keys<'a> {
    unit: &'a str,
    prefix: &'a str,
    table: Table,
    known: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl Keys<'_> {
    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn problem(&mut self, key: &str, why: &str) {
        let path = format!("{}{key}", self.prefix);
        self.problems.push(Problem { unit: self.unit.to_owned(), path, why: why.to_owned() });
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => {
                self.problem(key, &format!("must be text, not {}", other.type_str()));
                None
            }
        }
    }

    fn flag(&mut self, key: &'static str) -> bool {
        match self.take(key) {
            Some(Value::Boolean(flag)) => flag,
            Some(other) => {
                self.problem(key, &format!("must be true or false, not {}", other.type_str()));
                false
            }
            None => false,
        }
    }

    fn number(&mut self, key: &'static str) -> Option<u64> {
        let value = self.take(key)?;
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        if number.is_none() {
            self.problem(key, "must be a whole number, 0 or more");
        }
        number
    }

    fn signed(&mut self, key: &'static str) -> Option<i16> {
        let value = self.take(key)?;
        let number = value.as_integer().and_then(|number| i16::try_from(number).ok());
        if number.is_none() {
            self.problem(key, "must be a small whole number");
        }
        number
    }

    fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let texts =
            value.as_array().and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect());
        texts.unwrap_or_else(|| {
            self.problem(key, "must be a list of texts");
            Vec::new()
        })
    }

    fn pairs(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let Some(value) = self.take(key) else { return BTreeMap::new() };
        let pairs = value.as_table().and_then(|table| {
            table.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        });
        pairs.unwrap_or_else(|| {
            self.problem(key, "must be a table of texts");
            BTreeMap::new()
        })
    }

    fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.problem(key, &format!("is {text:?}, which is none of {}", known.join(", ")));
        }
        found
    }

    fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Keys<'_>) -> T) -> Option<T> {
        let Value::Table(table) = self.take(key)? else {
            self.problem(key, "must be a table");
            return None;
        };
        let prefix = format!("{key}.");
        let mut keys = Keys {
            unit: self.unit,
            prefix: &prefix,
            table,
            known: Vec::new(),
            problems: &mut *self.problems,
        };
        let value = read(&mut keys);
        keys.finish();
        Some(value)
    }

    /// Names what is left over.
    fn finish(mut self) {
        for key in core::mem::take(&mut self.table).keys() {
            let why = match self.known.iter().find(|known| is_near(known, key)) {
                Some(known) => format!("unknown key; did you mean {known}?"),
                None => "unknown key".to_string(),
            };
            self.problem(key, &why);
        }
    }
}

/// Whether one is the other but for one letter, two letters swapped, or `-` for `_`.
fn is_near(known: &str, key: &str) -> bool {
    let (known, key) = (known.as_bytes(), key.to_ascii_lowercase().replace('-', "_").into_bytes());
    let same = known.iter().zip(&key).take_while(|(a, b)| a == b).count();
    let rest = |text: &[u8], skip: usize| text.get(same.saturating_add(skip)..).unwrap_or_default().to_vec();
    let swapped = rest(known, 2) == rest(&key, 2) && known.get(same) == key.get(same.saturating_add(1));
    let (missing, extra) = (rest(known, 1) == rest(&key, 0), rest(known, 0) == rest(&key, 1));
    swapped || missing || extra || rest(known, 1) == rest(&key, 1)
}
