//! One request: its route, whether this caller may, its parts within their limits, its handler, its record.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use hyper::header::{ALLOW, CONNECTION, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use hyper::{Request, Response, StatusCode};
use tokio::sync::watch;
use tokio::time::timeout;
use wire::query::Query;
use wire::{Found, Method, Route};

use crate::answer::{Answer, Refusal};
use crate::audit::Call as Record;
use crate::body::Body;
use crate::caller::Caller;
use crate::resources;
use crate::state::Api;

/// Of server-sent events (HTML, 9.2.3).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A request that may be handled: all of it is here, and its caller may ask this.
#[derive(Debug)]
pub struct Ask {
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub route: &'static Route,
    /// What stands for each `{name}` of the route's path.
    pub names: Vec<String>,
    /// What stands behind `?`.
    pub query: Query,
    /// The body.
    pub body: Bytes,
    /// The generation that the caller believes to be in effect.
    pub if_match: Option<u64>,
    /// The last event that the caller heard, of those with a number.
    pub last_event: Option<u64>,
    /// When the connection begins closing, what has no end must end: its certificate may be a revoked one.
    pub closing: watch::Receiver<bool>,
}

/// Answers one request of `caller`. Total: whatever the request, there is an answer. What is not all here when the connection
/// begins `closing` is not begun: its certificate may be a revoked one.
pub async fn serve<B>(
    api: Arc<Api>,
    caller: Caller,
    request: Request<B>,
    mut closing: watch::Receiver<bool>,
) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let v1 = request.uri().path().starts_with("/v1/");
    let call = Call::begun(&api, &caller, &request);
    let of_ask = closing.clone();
    let taken = tokio::select! {
        biased;
        _ = closing.wait_for(|closing| *closing) => Err(closed()),
        taken = take(&api, &caller, request, of_ask) => taken,
    };
    match taken {
        // What a caller began is done, and recorded, also when the caller is gone.
        Ok(ask) if ask.route.changes() => {
            let task = tokio::spawn(async move {
                let answer = resources::answer(&api, ask).await;
                call.answered(finish(answer, v1))
            });
            task.await.unwrap_or_else(|err| Refusal::host("the call ended early", &err).into_response(v1))
        }
        Ok(ask) => {
            let answer = timeout(api.limits().call_time, resources::answer(&api, ask)).await;
            let late = || Refusal::new(StatusCode::GATEWAY_TIMEOUT, "the host did not answer in time");
            call.answered(finish(answer.unwrap_or_else(|_| Err(late().remedy("try again"))), v1))
        }
        Err(refusal) => call.answered(refused(*refusal, v1)),
    }
}

/// A call on its way. It is recorded when it ends, however it does: also when its caller hangs up before there is an answer, or
/// the service ends before there can be one.
struct Call {
    api: Arc<Api>,
    caller: Caller,
    method: String,
    path: String,
    before: u64,
    /// 0: there was no answer.
    status: u16,
}

impl Call {
    fn begun<B>(api: &Arc<Api>, caller: &Caller, request: &Request<B>) -> Self {
        let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
        Call { api: api.clone(), caller: caller.clone(), method, path, before: api.number(), status: 0 }
    }

    /// Ends it with this answer, which nobody gets before it is recorded.
    fn answered(mut self, response: Response<Body>) -> Response<Body> {
        self.status = response.status().as_u16();
        response
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Call { api, caller, method, path, before, status } = self;
        if method != "GET" || caller.is_remote() {
            let (before, status, after) = (*before, *status, api.number());
            api.audit().record(&Record { caller, method, path, status, before, after });
        }
    }
}

fn finish(answer: Answer, v1: bool) -> Response<Body> {
    answer.unwrap_or_else(|refusal| refusal.into_response(v1))
}

/// A refusal of the request itself, with what HTTP wants beside it.
struct Refused {
    refusal: Refusal,
    allow: Option<HeaderValue>,
    /// The rest of the request was not read: what follows on this connection is not a request.
    close: bool,
}

impl From<Refusal> for Box<Refused> {
    fn from(refusal: Refusal) -> Self {
        Box::new(Refused { refusal, allow: None, close: false })
    }
}

fn refused(refused: Refused, v1: bool) -> Response<Body> {
    let mut response = refused.refusal.into_response(v1);
    if let Some(allow) = refused.allow {
        response.headers_mut().insert(ALLOW, allow);
    }
    if refused.close {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn closed() -> Box<Refused> {
    let error = "the connection is being closed: the service ends, or the certificate is believed no more";
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).remedy("ask again over another");
    Box::new(Refused { refusal, allow: None, close: true })
}

async fn take<B>(
    api: &Api,
    caller: &Caller,
    request: Request<B>,
    closing: watch::Receiver<bool>,
) -> Result<Ask, Box<Refused>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    let (route, names) = route(head.method.as_str(), head.uri.path())?;
    if !caller.role().may(route.access) {
        let error = format!("{} {} is for role {} and above", route.method, route.path, route.access);
        let remedy = format!("the certificate of this caller gives role {}: ask with another", caller.role());
        return Err(Refusal::new(StatusCode::FORBIDDEN, error).remedy(remedy).into());
    }
    if caller.is_remote() && route.method != Method::Get {
        no_page(&head.headers)?;
    }
    let query = query(route, head.uri.query())?;
    let if_match = generation(&head.headers, &IF_MATCH, "If-Match")?;
    let last_event = generation(&head.headers, &LAST_EVENT_ID, "Last-Event-ID")?;
    let body = read(api, body).await?;
    Ok(Ask { caller: caller.clone(), route, names, query, body, if_match, last_event, closing })
}

/// A browser makes the calls of any page with the certificate of whoever looks at it, and says so.
fn no_page(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(name) = ["origin", "sec-fetch-site"].into_iter().find(|name| headers.contains_key(*name)) else {
        return Ok(());
    };
    let error = format!("{name} says that a web page makes this call, and pages may change nothing");
    let remedy = "call from a program that is no browser, and without that header";
    Err(Refusal::new(StatusCode::FORBIDDEN, error).remedy(remedy))
}

fn route(method: &str, path: &str) -> Result<(&'static Route, Vec<String>), Box<Refused>> {
    match wire::find(method, path) {
        Found::Route(route, names) => Ok((route, names)),
        Found::OtherMethods(methods) => {
            let allow = methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ");
            let error = format!("this path does not know the method {}", shown(method));
            let refusal =
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error).remedy(format!("it knows {allow}"));
            Err(Box::new(Refused { refusal, allow: HeaderValue::from_str(&allow).ok(), close: false }))
        }
        Found::Nothing => Err(Refusal::missing(format!("there is no path {}", shown(path)))
            .remedy("GET /v1/openapi.json lists every path")
            .into()),
        Found::Malformed(err) => {
            Err(Refusal::bad("the path cannot be read").at("path", err.to_string()).into())
        }
    }
}

fn query(route: &Route, text: Option<&str>) -> Result<Query, Refusal> {
    let query = Query::parse(text)
        .map_err(|err| Refusal::bad("the query cannot be read").at("query", err.to_string()))?;
    let mut refusal = Refusal::bad("the query is not what this path knows");
    let known: Vec<&str> = route.query.iter().map(|parameter| parameter.name).collect();
    for name in query.names().filter(|name| !known.contains(name)) {
        let knows = if known.is_empty() { "no parameter".to_owned() } else { known.join(", ") };
        refusal = refusal.at(shown(name), format!("unknown; this path knows {knows}"));
    }
    for parameter in route.query.iter().filter(|parameter| parameter.required) {
        if query.get(parameter.name).is_none() {
            refusal = refusal.at(parameter.name, format!("missing: {}", parameter.doc));
        }
    }
    if refusal.failure.problems.is_empty() { Ok(query) } else { Err(refusal) }
}

/// The generation that a header names; `*` and no header name none.
fn generation(headers: &HeaderMap, name: &HeaderName, shown: &str) -> Result<Option<u64>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let number = value.to_str().ok().map(|text| text.trim().trim_matches('"'));
    match (number, values.next()) {
        (Some("*"), None) => Ok(None),
        (Some(number), None) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            let number = number.parse();
            number.map(Some).map_err(|_| Refusal::bad(format!("{shown} is greater than any generation")))
        }
        _ => Err(Refusal::bad(format!("{shown} must be one generation's number, as {shown}: 7"))),
    }
}

/// The whole body, within its limits of length and time.
async fn read<B>(api: &Api, mut body: B) -> Result<Bytes, Box<Refused>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let limits = api.limits();
    let close = |refusal: Refusal| Box::new(Refused { refusal, allow: None, close: true });
    let too_long = || {
        let error = format!("the body is longer than {} bytes", limits.body_bytes);
        close(
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error).remedy("send the settings in several changes"),
        )
    };
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return Err(too_long());
    }
    let all = async {
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|_| close(Refusal::bad("the body ended early, or its encoding is broken")))?;
            let Ok(data) = frame.into_data() else { continue };
            if all.len() + data.len() > limits.body_bytes {
                return Err(too_long());
            }
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    };
    let late = || {
        let error = format!("the body did not arrive within {} s", limits.body_time.as_secs());
        close(Refusal::new(StatusCode::REQUEST_TIMEOUT, error))
    };
    timeout(limits.body_time, all).await.unwrap_or_else(|_| Err(late()))
}

/// A caller's text in a message: short, and on one line.
pub fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 64;
    let mut shown: String = text.chars().take(SHOWN_CHARS).flat_map(char::escape_default).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}
