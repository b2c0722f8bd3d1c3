//! Answers: what a handler gives back, and how a refusal reads.
//!
//! Under `/v1` a refusal is JSON ([`Failure`]); on Bottlerocket's paths it is plain text, one problem a line.

use std::error::Error as StdError;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use settings::{Secrets, Value};
use wire::types::{Changed, Failure, Problem, Report};

use crate::body::Body;

/// What a handler gives.
pub type Answer = Result<Response<Body>, Refusal>;

/// A call that did not do what was asked.
#[derive(Debug)]
pub struct Refusal {
    /// HTTP's word for it.
    pub status: StatusCode,
    /// What to tell. Boxed, for an answer is mostly not this.
    pub failure: Box<Failure>,
}

impl Refusal {
    /// Refuses with one sentence.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        let failure = Box::new(Failure { error: error.into(), ..Failure::default() });
        Refusal { status, failure }
    }

    /// 400: the request is wrong.
    pub fn bad(error: impl Into<String>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, error)
    }

    /// 404: there is no such thing.
    pub fn missing(error: impl Into<String>) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, error)
    }

    /// 409: something else is in the way.
    pub fn conflict(error: impl Into<String>) -> Self {
        Refusal::new(StatusCode::CONFLICT, error)
    }

    /// 500: the host failed, not the caller.
    pub fn host(what: &str, err: &(dyn StdError + 'static)) -> Self {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{what}: {}", files::chain(err)))
    }

    /// With what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.failure.remedy = Some(remedy.into());
        self
    }

    /// With one thing that is wrong.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>, why: impl Into<String>) -> Self {
        self.failure.problems.push(Problem { path: path.into(), why: why.into(), layer: None });
        self
    }

    /// With everything that is wrong with settings.
    #[must_use]
    pub fn with(mut self, problems: &[settings::Problem]) -> Self {
        self.failure.problems.extend(problems.iter().map(problem));
        self
    }

    /// With the generation in effect.
    #[must_use]
    pub fn current(mut self, generation: u64) -> Self {
        self.failure.current = Some(generation);
        self
    }

    /// With what applying did.
    #[must_use]
    pub fn with_report(mut self, report: Report) -> Self {
        self.failure.apply = Some(report);
        self
    }

    /// The answer: JSON under `/v1`, else text.
    pub fn into_response(self, v1: bool) -> Response<Body> {
        if v1 {
            return with_json(self.status, &*self.failure);
        }
        let Failure { error, problems, remedy, .. } = *self.failure;
        let mut lines = vec![error];
        lines.extend(problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.why)));
        lines.extend(remedy);
        text(self.status, lines.join("\n"))
    }
}

/// A problem of settings as a message has it.
pub fn problem(problem: &settings::Problem) -> Problem {
    let layer = Some(problem.layer.to_string());
    Problem { path: problem.path.clone(), why: problem.why.to_string(), layer }
}

/// One key that differs, as a message has it.
pub fn changed(changed: &settings::Changed) -> Changed {
    let json = |value: &Value| value.to_json(Secrets::Marked);
    let (before, after) = (changed.before.as_ref().map(json), changed.after.as_ref().map(json));
    Changed { key: changed.key.to_string(), before, after }
}

/// 200 with JSON.
pub fn json(value: &impl Serialize) -> Response<Body> {
    with_json(StatusCode::OK, value)
}

/// 200 with JSON and the generation it belongs to.
pub fn of_generation(generation: u64, value: &impl Serialize) -> Response<Body> {
    tagged(json(value), generation)
}

/// With the generation it belongs to.
pub fn tagged(mut response: Response<Body>, generation: u64) -> Response<Body> {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{generation}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// 204.
pub fn nothing() -> Response<Body> {
    with(StatusCode::NO_CONTENT, Body::empty())
}

/// Plain text.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = with(status, Body::of(text.into()));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// JSON made elsewhere.
pub fn json_text(text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = with(StatusCode::OK, Body::of(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Server-sent events.
pub fn events(pieces: tokio::sync::mpsc::Receiver<bytes::Bytes>) -> Response<Body> {
    let mut response = with(StatusCode::OK, Body::Stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn with_json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // Our messages have text for keys and finite numbers: all of them can be written.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    let mut response = with(status, Body::of(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn with(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // Whatever stands between us and a caller: what is true now may not be in a moment.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
