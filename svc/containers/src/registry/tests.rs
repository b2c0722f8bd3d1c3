//! The client against a registry of canned answers on loopback.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;

/// What came: the request line, and the `authorization` header or body that came with it.
type Seen = Vec<(String, String)>;

/// Answers one request after the other, each on a connection of its own, and then is gone.
fn registry(answers: Vec<String>) -> (String, JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut answers: VecDeque<_> = answers.into_iter().map(|answer| answer.replace("BASE", &base)).collect();
    let serve = move || {
        let mut seen = Seen::new();
        while let Some(answer) = answers.pop_front() {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut login, mut length) = (String::new(), String::new(), 0);
            lines.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                lines.read_line(&mut line).unwrap();
                let Some((key, value)) = line.trim().split_once(": ") else { break };
                match key {
                    "authorization" => login = value.to_owned(),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            lines.read_exact(&mut body).unwrap();
            login.push_str(std::str::from_utf8(&body).unwrap());
            seen.push((first.trim().trim_end_matches(" HTTP/1.1").to_owned(), login));
            // The client may have gone, over a limit.
            let _ = stream.write_all(answer.as_bytes());
        }
        seen
    };
    (base, std::thread::spawn(serve))
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn endpoint(base: &str, credential: &str) -> Endpoint {
    let credential = (!credential.is_empty()).then(|| serde_json::from_str(credential).unwrap());
    Endpoint { base: base.to_owned(), stands_for: None, credential }
}

fn http() -> Http {
    Http::new(b"", Limits { manifest_bytes: 1000, token_bytes: 1000, ..Limits::default() })
}

async fn manifest(endpoint: &Endpoint) -> Result<String, Error> {
    let http = http();
    let (bytes, _) = Session::new(&http, endpoint, "a/b").manifest("1").await?;
    Ok(String::from_utf8(bytes).unwrap())
}

const BEARER: &str =
    "www-authenticate: Bearer realm=\"BASE/token\",service=\"it\",scope=\"repository:a/b:pull\"\r\n";

#[tokio::test]
async fn a_token_is_fetched_with_the_password_and_used() {
    let (base, server) = registry(vec![
        answer("401 Unauthorized", BEARER, ""),
        answer("200 OK", "", r#"{"token": "t0k"}"#),
        answer("200 OK", "", "document"),
    ]);
    let credential = r#"{"registry": "x", "username": "me", "password": "pw"}"#;
    assert_eq!(manifest(&endpoint(&base, credential)).await.unwrap(), "document");
    let seen = server.join().unwrap();
    let expected = [
        ("GET /v2/a/b/manifests/1", ""),
        ("GET /token?service=it&scope=repository%3Aa%2Fb%3Apull", "Basic bWU6cHc="),
        ("GET /v2/a/b/manifests/1", "Bearer t0k"),
    ];
    assert_eq!(seen, expected.map(|(line, login)| (line.to_owned(), login.to_owned())));
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let (base, server) = registry(vec![
        answer("401 Unauthorized", BEARER, ""),
        answer("200 OK", "", r#"{"access_token": "t0k"}"#),
        answer("200 OK", "", "document"),
    ]);
    manifest(&endpoint(&base, r#"{"registry": "x", "identitytoken": "id&1"}"#)).await.unwrap();
    let seen = server.join().unwrap();
    assert_eq!(seen[1].0, "POST /token");
    assert!(
        seen[1].1.ends_with("client_id=gantry&grant_type=refresh_token&refresh_token=id%261"),
        "{}",
        seen[1].1
    );
}

#[tokio::test]
async fn a_password_is_sent_where_basic_is_asked_for_and_only_then() {
    let (base, server) = registry(vec![
        answer("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", ""),
        answer("200 OK", "", "document"),
    ]);
    let credential = r#"{"registry": "x", "auth": "bWU6cHc="}"#;
    assert_eq!(manifest(&endpoint(&base, credential)).await.unwrap(), "document");
    let logins: Vec<_> = server.join().unwrap().into_iter().map(|(_, login)| login).collect();
    assert_eq!(logins, ["", "Basic bWU6cHc="]);
}

#[tokio::test]
async fn a_login_that_is_refused_or_cannot_be_made_is_an_error_not_a_loop() {
    let basic = "www-authenticate: Basic realm=\"x\"\r\n";
    let (base, server) = registry(vec![answer("401 Unauthorized", basic, "")]);
    assert!(matches!(manifest(&endpoint(&base, "")).await, Err(Error::Login { .. })));
    server.join().unwrap();
    let (base, server) =
        registry(vec![answer("401 Unauthorized", basic, ""), answer("401 Unauthorized", basic, "")]);
    let refused = manifest(&endpoint(&base, r#"{"registry": "x", "auth": "eA=="}"#)).await;
    assert!(matches!(refused, Err(Error::Refused { status: 401, .. })), "{refused:?}");
    server.join().unwrap();
    let (base, server) = registry(vec![answer("401 Unauthorized", "www-authenticate: Negotiate\r\n", "")]);
    assert!(matches!(manifest(&endpoint(&base, "")).await, Err(Error::Login { .. })));
    server.join().unwrap();
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_login() {
    let (other, elsewhere) = registry(vec![answer("200 OK", "", "blob")]);
    let basic = "www-authenticate: Basic realm=\"x\"\r\n";
    let (base, server) = registry(vec![
        answer("401 Unauthorized", basic, ""),
        answer("307 Temporary Redirect", &format!("location: {other}/blob?sig=1\r\n"), ""),
    ]);
    let (http, endpoint) = (http(), endpoint(&base, r#"{"registry": "x", "auth": "eA=="}"#));
    let mut session = Session::new(&http, &endpoint, "a/b");
    let (begins, body) = session.blob("sha256:x", 7).await.unwrap();
    assert_eq!(begins, 0, "no range was given, so the body begins at 0");
    assert_eq!(body.whole(10).await.unwrap(), b"blob");
    assert_eq!(server.join().unwrap()[1].1, "Basic eA==");
    assert_eq!(elsewhere.join().unwrap(), [("GET /blob?sig=1".to_owned(), String::new())]);
}

#[tokio::test]
async fn endless_answers_and_redirects_end() {
    let long = "x".repeat(1001);
    let (base, server) = registry(vec![answer("200 OK", "", &long)]);
    assert!(matches!(manifest(&endpoint(&base, "")).await, Err(Error::TooLong { limit: 1000, .. })));
    server.join().unwrap();
    let round = answer("302 Found", "location: BASE/again\r\n", "");
    let (base, server) = registry(vec![round; 6]);
    assert!(matches!(manifest(&endpoint(&base, "")).await, Err(Error::BadRedirect { .. })));
    server.join().unwrap();
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let (base, server) = registry(vec!["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_owned()]);
    assert!(matches!(manifest(&endpoint(&base, "")).await, Err(Error::BrokenOff { .. })));
    server.join().unwrap();
}

#[tokio::test]
async fn a_mirror_is_told_for_which_registry_it_stands_in() {
    let (base, server) = registry(vec![answer("200 OK", "", "document")]);
    let mirror = Endpoint { stands_for: Some("registry.example:5000".into()), ..endpoint(&base, "") };
    manifest(&mirror).await.unwrap();
    assert_eq!(server.join().unwrap()[0].0, "GET /v2/a/b/manifests/1?ns=registry.example%3A5000");
}
