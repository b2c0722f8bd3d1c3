//! HTTP, as registries need it: GET with redirects, one POST, bounded bodies, and time limits on silence.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, LOCATION};
use hyper::{Method, Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::timeout;

use super::{Error, Limits};

/// Time to reach a host. A host that is down must not keep the next mirror waiting.
const CONNECT: Duration = Duration::from_secs(5);

/// Time to the first byte of an answer, and from each piece of a body to the next.
const SILENCE: Duration = Duration::from_secs(30);

/// An HTTP client. Cheap to clone; connections are shared and kept for a while.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: Limits,
}

impl Http {
    /// A client that trusts the authorities in `pem` (PEM, several). With none it can speak plain HTTP only.
    pub fn new(pem: &[u8], limits: Limits) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap_or_else(|_| unreachable!("the provider's own suites fit the default versions"))
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(SILENCE).build(connector);
        Http { client, limits }
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// GETs `url`, following redirects. The login is not sent along a redirect. Any status is an answer.
    pub async fn get(&self, url: &str, headers: &HeaderMap) -> Result<Response<Body>, Error> {
        let mut headers = headers.clone();
        let mut at = parse(url)?;
        for _ in 0..=self.limits.redirects {
            let response = self.send(Method::GET, &at, &headers, Bytes::new()).await?;
            let next = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(next) = next else { return Ok(response) };
            let next = next.to_str().ok().and_then(|next| join(&at, next));
            let next = next.ok_or_else(|| Error::BadRedirect { url: url.to_owned() })?;
            if at.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                break;
            }
            headers.remove(AUTHORIZATION);
            at = next;
        }
        Err(Error::BadRedirect { url: url.to_owned() })
    }

    /// POSTs a form.
    pub async fn post_form(&self, url: &str, form: String) -> Result<Response<Body>, Error> {
        let mut headers = HeaderMap::new();
        let kind = hyper::header::HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(hyper::header::CONTENT_TYPE, kind);
        self.send(Method::POST, &parse(url)?, &headers, form.into()).await
    }

    async fn send(
        &self,
        method: Method,
        url: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Body>, Error> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = headers.clone();
        // The query may hold a token's parameters or a redirect's signature: it is not for logs.
        let shown = shown(url);
        match timeout(SILENCE, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response.map(|body| Body { body, url: shown })),
            Ok(Err(err)) => Err(Error::Unreachable { url: shown, err: err.into() }),
            Err(_) => Err(Error::Stalled { url: shown, seconds: SILENCE.as_secs() }),
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub struct Body {
    body: Incoming,
    url: String,
}

impl Body {
    /// What was asked, without its query.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next piece; `None` at the end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = match timeout(SILENCE, self.body.frame()).await {
                Err(_) => return Err(Error::Stalled { url: self.url.clone(), seconds: SILENCE.as_secs() }),
                Ok(None) => return Ok(None),
                Ok(Some(Err(err))) => {
                    return Err(Error::BrokenOff { url: self.url.clone(), err: err.into() });
                }
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers are of no use to us.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// The whole body, of at most `limit` bytes.
    pub async fn whole(mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > limit {
                return Err(Error::TooLong { url: self.url, limit });
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

fn parse(url: &str) -> Result<Uri, Error> {
    let bad = || Error::BadUrl { url: url.to_owned() };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let known =
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if known { Ok(uri) } else { Err(bad()) }
}

/// The target of a redirect: a whole URL, or a path on the same host.
fn join(from: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with('/') && !location.starts_with("//") {
        let base = format!("{}://{}", from.scheme_str()?, from.authority()?);
        return parse(&format!("{base}{location}")).ok();
    }
    parse(location).ok()
}

fn shown(url: &Uri) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let (scheme, host) = (url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default());
    format!("{scheme}://{host}{port}{}", url.path())
}

/// Percent-encodes one value of a query or a form.
pub(super) fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => into.push(byte as char),
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_of_a_url_has_neither_query_nor_password() {
        let url = parse("https://user:secret@registry.example:5000/v2/a?token=secret").unwrap();
        assert_eq!(shown(&url), "https://registry.example:5000/v2/a");
    }

    #[test]
    fn redirects_are_whole_urls_or_paths() {
        let from = parse("https://a.example:1/v2/x").unwrap();
        assert_eq!(join(&from, "/y?z=1").unwrap().to_string(), "https://a.example:1/y?z=1");
        assert_eq!(join(&from, "http://b.example/y").unwrap().to_string(), "http://b.example/y");
        for bad in ["//c.example/y", "y", "ftp://b.example/", "file:///etc/passwd"] {
            assert!(join(&from, bad).is_none(), "{bad}");
        }
    }
}
