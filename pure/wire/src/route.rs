//! A route as data, and finding the one that a request means.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use crate::message::Schemas;
use crate::query::{Malformed, segments};
use crate::role::Role;
use crate::routes::ROUTES;

pub use crate::routes::Call;

/// What can be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read; changes nothing.
    Get,
    /// Lay something over what is there.
    Patch,
    /// Do something.
    Post,
    /// Remove.
    Delete,
}

impl Method {
    /// All there are.
    pub const ALL: [Method; 4] = [Method::Get, Method::Patch, Method::Post, Method::Delete];

    /// As it stands in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Patch => "PATCH",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }

    /// The method of this name; names are case-sensitive (RFC 9110, 9.1).
    pub fn named(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name() == name)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who may call.
pub type Access = Role;

/// A parameter behind `?`.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does, and what may be written.
    pub doc: &'static str,
    /// Whether the call is refused without it.
    pub required: bool,
}

/// The content of a body.
#[derive(Clone, Copy)]
pub enum Content {
    /// None.
    Nothing,
    /// Plain text.
    Text,
    /// JSON of this schema.
    Json(fn(&mut Schemas) -> Value),
    /// Server-sent events.
    Events,
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// What it is.
    pub doc: &'static str,
    /// Its form.
    pub content: Content,
}

/// One answer there can be.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When, and what it says.
    pub doc: &'static str,
    /// Its body.
    pub content: Content,
}

impl Answer {
    /// Its body, on this route: on Bottlerocket's paths errors are text.
    pub fn content_on(&self, route: &Route) -> Content {
        match self.content {
            Content::Json(_) if self.status >= 400 && !route.is_v1() => Content::Text,
            content => content,
        }
    }
}

/// One thing that can be asked of the server.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// What the server does for it.
    pub call: Call,
    /// Method.
    pub method: Method,
    /// Path; `{name}` stands for one segment.
    pub path: &'static str,
    /// Least role.
    pub access: Access,
    /// One sentence.
    pub doc: &'static str,
    /// What may stand behind `?`.
    pub query: &'static [Parameter],
    /// What the request carries.
    pub body: Option<Body>,
    /// What comes back, beside the answers that every call can have ([`Route::COMMON`]).
    pub answers: &'static [Answer],
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Content::Nothing => "nothing",
            Content::Text => "text",
            Content::Json(_) => "json",
            Content::Events => "events",
        })
    }
}

impl Route {
    /// Whether errors are JSON and messages ours; else the path is Bottlerocket's.
    pub fn is_v1(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// Whether it changes anything: what is recorded of local callers too.
    pub fn changes(&self) -> bool {
        self.method != Method::Get
    }

    /// Whether it heeds `If-Match`: what commits.
    pub fn takes_if_match(&self) -> bool {
        self.query.iter().any(|parameter| parameter.name == "dry-run")
            || matches!(self.call, Call::CommitTransaction | Call::CommitAndApply)
    }

    /// What stands in its path for one segment each.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    fn matches<'a>(&self, asked: &'a [String]) -> Option<Vec<&'a str>> {
        let inner = &self.path[1..];
        let mut taken = Vec::new();
        let mut asked = asked.iter();
        for part in inner.split('/').filter(|part| !part.is_empty()) {
            let segment = asked.next()?;
            if part.starts_with('{') {
                if segment.is_empty() {
                    return None;
                }
                taken.push(segment.as_str());
            } else if part != segment {
                return None;
            }
        }
        asked.next().is_none().then_some(taken)
    }
}

/// What a method and a path mean.
#[derive(Debug)]
pub enum Found {
    /// This route, with what stands for each `{name}`, decoded.
    Route(&'static Route, Vec<String>),
    /// There is such a path, but not with this method: with these.
    OtherMethods(Vec<Method>),
    /// No such path.
    Nothing,
    /// The path cannot be read.
    Malformed(Malformed),
}

/// Finds the route of a request.
pub fn find(method: &str, path: &str) -> Found {
    let asked = match segments(path) {
        Ok(asked) => asked,
        Err(malformed) => return Found::Malformed(malformed),
    };
    let mut others = Vec::new();
    for route in ROUTES {
        if let Some(taken) = route.matches(&asked) {
            if route.method.name() == method {
                return Found::Route(route, taken.into_iter().map(String::from).collect());
            }
            others.push(route.method);
        }
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
}
