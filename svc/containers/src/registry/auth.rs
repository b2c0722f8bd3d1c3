//! Logging in: what to put into `Authorization`, given what a registry asks for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use settings::containers::Credential;

use super::challenge::Challenge;
use super::http::encode;
use super::{Error, Http};

/// How we name ourselves to token services.
const CLIENT: &str = "gantry";

/// A token service's answer. Services use either name.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Answers a challenge for pulling from `repository`. `url` is what was asked, for errors and to hold https
/// to https.
pub async fn answer(
    http: &Http,
    url: &str,
    challenge: &Challenge,
    repository: &str,
    credential: Option<&Credential>,
) -> Result<HeaderValue, Error> {
    let refuse = |why| Error::Login { url: url.to_owned(), why };
    match challenge {
        Challenge::Basic => {
            let basic = credential
                .and_then(basic)
                .ok_or_else(|| refuse("no user name and password are set for it"))?;
            secret(format!("Basic {basic}")).ok_or_else(|| refuse("the password cannot be sent in a header"))
        }
        Challenge::Bearer { realm, service, scope } => {
            if url.starts_with("https://") && !realm.starts_with("https://") {
                return Err(refuse("its token service is not https"));
            }
            let scope = scope.clone().unwrap_or_else(|| format!("repository:{repository}:pull"));
            let token = fetch_token(http, realm, service.as_deref(), &scope, credential).await?;
            let token = token.ok_or_else(|| refuse("its token service gave none"))?;
            secret(format!("Bearer {token}")).ok_or_else(|| refuse("its token cannot be sent in a header"))
        }
    }
}

async fn fetch_token(
    http: &Http,
    realm: &str,
    service: Option<&str>,
    scope: &str,
    credential: Option<&Credential>,
) -> Result<Option<String>, Error> {
    let mut form = String::new();
    let mut field = |key: &str, value: &str| {
        form.push_str(if form.is_empty() { "" } else { "&" });
        form.push_str(key);
        form.push('=');
        encode(value, &mut form);
    };
    if let Some(service) = service {
        field("service", service);
    }
    field("scope", scope);
    let identity = credential.and_then(|credential| credential.identitytoken.as_ref());
    let response = if let Some(identity) = identity {
        field("client_id", CLIENT);
        field("grant_type", "refresh_token");
        field("refresh_token", identity.expose());
        http.post_form(realm, form).await?
    } else {
        let mut headers = HeaderMap::new();
        if let Some(basic) = credential.and_then(basic).and_then(|basic| secret(format!("Basic {basic}"))) {
            headers.insert(AUTHORIZATION, basic);
        }
        let separator = if realm.contains('?') { '&' } else { '?' };
        http.get(&format!("{realm}{separator}{form}"), &headers).await?
    };
    let status = response.status();
    let body = response.into_body();
    if !status.is_success() {
        return Err(Error::Refused { url: body.url().to_owned(), status: status.as_u16() });
    }
    let body = body.whole(http.limits().token_bytes).await?;
    let token: Option<Token> = serde_json::from_slice(&body).ok();
    Ok(token.and_then(|token| token.token.or(token.access_token)).filter(|token| !token.is_empty()))
}

/// The base64 of `name:password`.
fn basic(credential: &Credential) -> Option<String> {
    match (&credential.auth, &credential.username, &credential.password) {
        (Some(auth), ..) => Some(auth.expose().to_owned()),
        (None, Some(username), Some(password)) => {
            Some(STANDARD.encode(format!("{username}:{}", password.expose())))
        }
        _ => None,
    }
}

/// A header value that neither logs nor header compression may keep.
fn secret(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
