//! The model for machines: a JSON Schema of the settings document, and its keys for completion.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value as Json, json};

use crate::model::Document;
use crate::read::Setting;
use crate::shape::{Facts, Field, Kind, Shape};

/// A key somebody may want to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The key; `NAME` stands where its author chooses, `[]` for the entries of a list (which have no key of their own).
    pub key: String,
    /// What may be written, in words.
    pub words: String,
    /// What it does.
    pub doc: &'static str,
    /// The only texts it may be, when they can be listed.
    pub values: &'static [&'static str],
    /// It stands for keys below it.
    pub is_table: bool,
    /// It is never shown.
    pub secret: bool,
}

/// Every key there is, tables before what is in them.
pub fn keys() -> Vec<Known> {
    fn fields(shape: &Shape, path: &str, known: &mut Vec<Known>) {
        match shape {
            Shape::Group(group) => group.iter().for_each(|Field { key, doc, shape }| {
                let key = if path.is_empty() { (*key).into() } else { format!("{path}.{key}") };
                known.push(Known {
                    words: shape.words(),
                    doc: doc.trim(),
                    values: match shape.scalar() {
                        Some(facts) if facts.kind == Kind::Boolean => &["true", "false"],
                        Some(facts) => facts.values,
                        None => &[],
                    },
                    is_table: shape.is_table(),
                    secret: shape.scalar().is_some_and(|facts| facts.secret),
                    key: key.clone(),
                });
                fields(shape, &key, known);
            }),
            Shape::Map { value, .. } => fields(value, &format!("{path}.NAME"), known),
            Shape::OneOf(shapes) => shapes.iter().for_each(|shape| fields(shape, path, known)),
            Shape::List(entry) => fields(entry, &format!("{path}[]"), known),
            Shape::Scalar(_) | Shape::Tuple(_) => {}
        }
    }
    let mut known = Vec::new();
    fields(&Document::shape(), "", &mut known);
    known
}

/// The JSON Schema (draft 2020-12) of `{"settings": {...}}`.
pub fn json_schema() -> Json {
    let mut schema = object(&Document::shape());
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "Gantry settings".into());
    Json::Object(schema)
}

fn object(shape: &Shape) -> Map<String, Json> {
    let mut schema = Map::new();
    let mut put = |key: &str, value: Json| schema.insert(key.into(), value);
    match shape {
        Shape::Scalar(facts) => return scalar(facts),
        Shape::List(entry) => {
            put("type", "array".into());
            put("items", Json::Object(object(entry)));
        }
        Shape::Tuple(entries) => {
            put("type", "array".into());
            put("prefixItems", entries.iter().map(|entry| Json::Object(object(entry))).collect());
            put("minItems", entries.len().into());
            put("items", false.into());
        }
        Shape::Map { key, value } => {
            put("type", "object".into());
            put("propertyNames", Json::Object(scalar(key)));
            put("additionalProperties", Json::Object(object(value)));
        }
        Shape::Group(fields) => {
            let property = |field: &Field| {
                let mut schema = object(&field.shape);
                let words = schema.remove("description");
                let doc = match &words {
                    Some(Json::String(words)) => format!("{} ({words})", field.doc.trim()),
                    _ => field.doc.trim().into(),
                };
                schema.insert("description".into(), doc.into());
                (field.key.into(), Json::Object(schema))
            };
            put("type", "object".into());
            put("properties", Json::Object(fields.iter().map(property).collect()));
            put("additionalProperties", false.into());
        }
        Shape::OneOf(shapes) if shapes.iter().all(Shape::is_table) => {
            // Known keys beside the author's own: one table.
            shapes.iter().for_each(|shape| schema.extend(object(shape)));
            schema.remove("propertyNames");
        }
        Shape::OneOf(shapes) => {
            put("anyOf", shapes.iter().map(|shape| Json::Object(object(shape))).collect());
        }
    }
    schema
}

fn scalar(facts: &Facts) -> Map<String, Json> {
    let mut schema = Map::new();
    let mut put = |key: &str, value: Json| schema.insert(key.into(), value);
    put(
        "type",
        match facts.kind {
            Kind::Text => "string".into(),
            Kind::TextOrNumber => json!(["string", "number"]),
            Kind::Integer => "integer".into(),
            Kind::Boolean => "boolean".into(),
        },
    );
    put("description", facts.words.as_ref().into());
    if !facts.values.is_empty() {
        put("enum", facts.values.to_vec().into());
    }
    facts.pattern.map(|pattern| put("pattern", pattern.into()));
    for (word, bound, none) in [("minimum", facts.minimum, i64::MIN), ("maximum", facts.maximum, i64::MAX)] {
        bound.filter(|bound| *bound != none).map(|bound| put(word, bound.into()));
    }
    if facts.secret {
        put("writeOnly", true.into());
    }
    schema
}
