//! docs/reference/api.md, made from the routes and messages.

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::Value;

use crate::message::Schemas;
use crate::route::{Content, Route};
use crate::routes::ROUTES;

const HEAD: &str = "# API

Made from `pure/wire` by its test (`BLESS=1` rewrites it); [openapi.json](openapi.json) is the same for programs.

HTTP/1.1 over `/run/api.sock` for root and the group `api` (274), who are administrators; and, if `settings.api.enabled` says
so, over TLS 1.3 for holders of client certificates, whose role is in the certificate: `reader`, `operator`, `admin`, each
including the one before. Paths without `/v1` are Bottlerocket's: its clients work unchanged. Those under `/v1` are ours.

- **Errors** under `/v1` are JSON (`Failure`), else plain text, one problem a line. Each names the key, the rule and the remedy;
  what was refused changed nothing.
- **`If-Match: GENERATION`** on a change answers 409 when another generation is in effect: no update is lost between two clients.
- **Limits**: bodies 1 MiB; request line and headers 32 KiB, 64 headers, 10 s; 1536 local connections; 64 that watch or follow; of 32 changes
  that may wait for their turn, 16 over the network and 4 with one certificate; whoever takes nothing of an answer for 30 s has had it.
  Parameters that a path does not know are refused, so that a misspelt `dry-run` changes nothing.
- **Pages**: what a browser says to come from a web page (`Origin`, `Sec-Fetch-Site`) changes nothing over the network: 403.
- **Secrets** read `(secret)`; administrators see them with `secrets=show`. Writing `(secret)` back to a secret's key is refused.

";

/// The page.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let mut schemas = Schemas::new();
    page.push_str("## Bottlerocket's paths\n\n");
    for route in ROUTES.iter().filter(|route| !route.is_v1()) {
        section(&mut page, route, &mut schemas);
    }
    page.push_str("## Ours\n\n");
    for route in ROUTES.iter().filter(|route| route.is_v1()) {
        section(&mut page, route, &mut schemas);
    }
    page.push_str("## Messages\n\nA field marked with ? may be left out. Readers leave aside fields they do not know.\n\n");
    for (name, schema) in &schemas {
        message(&mut page, name, schema);
    }
    // One line's end at the end.
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn section(page: &mut String, route: &Route, schemas: &mut Schemas) {
    let mut line = |text: String| {
        page.push_str(&text);
        page.push('\n');
    };
    line(format!("### {} {}\n\n{} Role: {}.\n", route.method, route.path, route.doc, route.access));
    for parameter in route.query {
        let required = if parameter.required { "" } else { "?" };
        line(format!("- `{}`{required}: {}", parameter.name, parameter.doc));
    }
    if let Some(body) = route.body {
        line(format!("- body ({}): {}", form(body.content, schemas), body.doc));
    }
    for answer in route.answers {
        let form = form(answer.content_on(route), schemas);
        line(format!("- **{}** ({form}): {}", answer.status, answer.doc));
    }
    line(String::new());
}

fn form(content: Content, schemas: &mut Schemas) -> String {
    match content {
        Content::Nothing => "empty".into(),
        Content::Text => "text".into(),
        Content::Events => "events".into(),
        Content::Json(schema) => kind(&schema(schemas)),
    }
}

fn message(page: &mut String, name: &str, schema: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    page.push_str(&format!("### {name}\n\n{}\n\n", text(&schema["description"])));
    let required = schema["required"].as_array();
    for (key, member) in schema["properties"].as_object().into_iter().flatten() {
        let always = required.is_some_and(|keys| keys.iter().any(|known| known == key));
        let optional = if always { "" } else { "?" };
        page.push_str(&format!("- `{key}`{optional} ({}): {}\n", kind(member), text(&member["description"])));
    }
    page.push('\n');
}

/// A schema in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return format!("`{name}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: alloc::vec::Vec<_> = words.iter().filter_map(Value::as_str).collect();
        return format!("`{}`", words.join("`, `"));
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("{} by name", kind(&schema["additionalProperties"]))
        }
        Some("integer") => "number".into(),
        Some(other) => other.into(),
        None => "JSON".into(),
    }
}
