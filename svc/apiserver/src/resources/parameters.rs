//! Parameters that several calls have.

use hyper::StatusCode;
use settings::{KeyPath, Secrets};
use wire::{Role, query};

use crate::answer::Refusal;
use crate::serve::{Ask, shown};
use crate::state::{How, Wanted};

/// Most keys of one call. Each is compared with each setting; nobody lists more by hand.
const KEYS: usize = 1000;

/// Longest deadline of a provisional change: a day.
const CONFIRM_MAX_S: u32 = 86_400;

impl Ask {
    /// Whether secrets are written out: for administrators who ask for it.
    pub fn secrets(&self) -> Result<Secrets, Refusal> {
        match self.query.get("secrets") {
            None => Ok(Secrets::Marked),
            Some("show") if self.caller.role().may(Role::Admin) => Ok(Secrets::Shown),
            Some("show") => {
                let error = format!("secrets are shown to role {} only", Role::Admin);
                Err(Refusal::new(StatusCode::FORBIDDEN, error)
                    .remedy("ask without secrets=show: they read (secret)"))
            }
            Some(other) => Err(wrong("secrets", other, "show, or nothing")),
        }
    }

    /// A parameter that may not be empty.
    pub fn filled(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.query.get(name) {
            Some("") => Err(Refusal::bad(format!("{name} is empty"))
                .at(name, "must not be empty; leave it out to see all")),
            other => Ok(other),
        }
    }

    /// A list of keys, `settings.` implied. Every one that is none is named.
    pub fn keys(&self, name: &str) -> Result<Option<Vec<KeyPath>>, Refusal> {
        let Some(text) = self.filled(name)? else { return Ok(None) };
        let texts = query::list(text);
        if texts.len() > KEYS {
            let why = format!("{} keys; at most {KEYS} at once", texts.len());
            return Err(Refusal::bad("too many keys").at(name, why));
        }
        paths(texts).map(Some)
    }

    /// `true` or not.
    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.query.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(wrong(name, other, "true or false")),
        }
    }

    /// A number in bounds.
    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.query.get(name) else { return Ok(None) };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| plain && (least..=most).contains(number));
        match number {
            Some(number) => Ok(Some(number)),
            None if most == u64::MAX => Err(wrong(name, text, "a number")),
            None => Err(wrong(name, text, &format!("a number from {least} to {most}"))),
        }
    }

    /// How a change is to be made.
    pub fn wanted(&self, why: generation::Why) -> Result<Wanted, Refusal> {
        let confirm = self.number("confirm-within", 1, CONFIRM_MAX_S.into())?;
        let seconds = confirm.and_then(|seconds| u32::try_from(seconds).ok());
        let how = if self.flag("dry-run")? { How::Preview } else { How::Apply(seconds) };
        Ok(Wanted { by: self.caller.to_string(), why, if_match: self.if_match, how })
    }

    /// The generation that the path names.
    pub fn generation(&self) -> Result<u64, Refusal> {
        let text = self.names.first().map_or("", String::as_str);
        generation(text, "the path")
    }
}

/// A generation's number.
pub fn generation(text: &str, place: &str) -> Result<u64, Refusal> {
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| {
        Refusal::bad(format!("{place} does not name a generation"))
            .at(place, format!("{:?}: wanted a number; GET /v1/generations lists them", shown(text)))
    })
}

/// Keys from texts, `settings.` implied.
pub fn paths<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<KeyPath>, Refusal> {
    let mut refusal = Refusal::bad("not every key is one");
    let mut keys = Vec::new();
    for text in texts {
        match KeyPath::parse(text) {
            Ok(key) => keys.push(key.with_settings()),
            Err(err) => refusal = refusal.at(shown(text), err.to_string()),
        }
    }
    if refusal.failure.problems.is_empty() { Ok(keys) } else { Err(refusal) }
}

fn wrong(name: &str, found: &str, wanted: &str) -> Refusal {
    Refusal::bad(format!("{name} is not what it can be"))
        .at(name, format!("wanted {wanted}, found {:?}", shown(found)))
}
