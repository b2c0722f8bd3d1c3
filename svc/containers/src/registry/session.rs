//! Talking to one endpoint about one repository.

use hyper::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RANGE, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use super::auth;
use super::challenge::Challenge;
use super::http::{Body, Http, encode};
use super::{Endpoint, Error};

/// Every form of manifest we can read.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// One repository at one endpoint, with the login it asked for.
pub struct Session<'a> {
    http: &'a Http,
    endpoint: &'a Endpoint,
    repository: &'a str,
    login: Option<HeaderValue>,
}

impl<'a> Session<'a> {
    /// Nothing is sent yet.
    pub fn new(http: &'a Http, endpoint: &'a Endpoint, repository: &'a str) -> Self {
        Session { http, endpoint, repository, login: None }
    }

    /// The bytes of a manifest or index, by tag or digest, and the media type that the registry gave it.
    pub async fn manifest(&mut self, reference: &str) -> Result<(Vec<u8>, Option<String>), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(MANIFESTS));
        let response = self.get("manifests", reference, headers).await?;
        let media_type =
            response.headers().get(hyper::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // A type may carry parameters.
        let media_type = media_type.map(|value| value.split(';').next().unwrap_or(value).trim().to_owned());
        let body = response.into_body().whole(self.http.limits().manifest_bytes).await?;
        Ok((body, media_type))
    }

    /// A blob from byte `offset` on. Returns where the body really begins (a registry may ignore ranges), and
    /// the body.
    pub async fn blob(&mut self, digest: &str, offset: u64) -> Result<(u64, Body), Error> {
        let mut headers = HeaderMap::new();
        if offset > 0
            && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
        {
            headers.insert(RANGE, range);
        }
        let response = self.get("blobs", digest, headers).await?;
        let begins = if response.status() == StatusCode::PARTIAL_CONTENT { offset } else { 0 };
        Ok((begins, response.into_body()))
    }

    /// GETs, logging in when asked to, once: tokens expire, so a later request may be asked again.
    async fn get(
        &mut self,
        kind: &str,
        reference: &str,
        mut headers: HeaderMap,
    ) -> Result<Response<Body>, Error> {
        let mut url = format!("{}/v2/{}/{kind}/{reference}", self.endpoint.base, self.repository);
        if let Some(registry) = &self.endpoint.stands_for {
            url.push_str("?ns=");
            encode(registry, &mut url);
        }
        for last in [false, true] {
            if let Some(login) = &self.login {
                headers.insert(AUTHORIZATION, login.clone());
            }
            let response = self.http.get(&url, &headers).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if last || status != StatusCode::UNAUTHORIZED {
                return Err(Error::Refused {
                    url: response.body().url().to_owned(),
                    status: status.as_u16(),
                });
            }
            let challenge = response.headers().get_all(WWW_AUTHENTICATE).iter();
            let challenge = challenge.filter_map(|value| Challenge::parse(value.to_str().ok()?)).next();
            let challenge =
                challenge.ok_or_else(|| Error::Login { url: url.clone(), why: "it does not say how" })?;
            let credential = self.endpoint.credential.as_ref();
            self.login = Some(auth::answer(self.http, &url, &challenge, self.repository, credential).await?);
        }
        unreachable!("the second round returns")
    }
}
