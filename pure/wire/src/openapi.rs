//! The routes as an OpenAPI 3.1 document: docs/reference/openapi.json, and what `GET /v1/openapi.json` answers.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use crate::message::Schemas;
use crate::route::{Content, Route};
use crate::routes::ROUTES;

const ABOUT: &str = "Settings and state of a host. Paths without /v1 are Bottlerocket's; those under /v1 are Gantry's own. \
    Over the local socket every caller is an administrator; over TLS the role comes from the client certificate.";

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.name().to_ascii_lowercase()] = operation;
    }
    let responses = common(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Gantry", "version": "1", "description": ABOUT },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": { "responses": responses, "schemas": schemas },
    })
}

/// What every call can answer, once for JSON and once for text.
fn common(schemas: &mut Schemas) -> Map<String, Value> {
    let mut responses = Map::new();
    for answer in Route::COMMON {
        for content in [answer.content, Content::Text] {
            let response = response(answer.doc, content, schemas);
            responses.insert(common_name(answer.status, content), response);
        }
    }
    responses
}

fn common_name(status: u16, content: Content) -> String {
    match content {
        Content::Text => format!("Text{status}"),
        _ => format!("Json{status}"),
    }
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": format!("{:?}", route.call),
        "summary": route.doc,
        "x-role": route.access.name(),
        "responses": responses(route, schemas),
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = route.body {
        operation["requestBody"] = json!({
            "description": body.doc,
            "content": content(body.content, schemas),
        });
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route
        .names()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = route.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.doc,
            "schema": { "type": "string" },
        })
    });
    let if_match = route.takes_if_match().then(|| {
        json!({
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "The generation the change is meant for; any other answers 409.",
            "schema": { "type": "string" },
        })
    });
    in_path.chain(in_query).chain(if_match).collect()
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for answer in route.answers {
        responses.insert(answer.status.to_string(), response(answer.doc, answer.content_on(route), schemas));
    }
    for answer in Route::COMMON {
        // What a route says of a status is more exact than what is said of all.
        responses.entry(answer.status.to_string()).or_insert_with(|| {
            let name = common_name(answer.status, answer.content_on(route));
            json!({ "$ref": format!("#/components/responses/{name}") })
        });
    }
    responses.into()
}

fn response(doc: &str, form: Content, schemas: &mut Schemas) -> Value {
    match form {
        Content::Nothing => json!({ "description": doc }),
        form => json!({ "description": doc, "content": content(form, schemas) }),
    }
}

fn content(content: Content, schemas: &mut Schemas) -> Value {
    let text = || json!({ "schema": { "type": "string" } });
    match content {
        Content::Nothing => json!({}),
        Content::Text => json!({ "text/plain": text() }),
        Content::Events => json!({ "text/event-stream": text() }),
        Content::Json(schema) => json!({ "application/json": { "schema": schema(schemas) } }),
    }
}

/// The document as text, as it is stored and served.
pub fn text() -> String {
    // A value that was made here has text for keys and finite numbers: it can be written.
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}
