//! One declaration for a message: the serde type, and the JSON Schema that documents it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

/// The schemas of named messages, gathered as they are referred to.
pub type Schemas = BTreeMap<&'static str, Value>;

/// A type that can stand in a message.
pub trait Described {
    /// The schema at its place; named types put theirs into `all` and refer to it.
    fn schema(all: &mut Schemas) -> Value;

    /// Whether a message may leave it out.
    const OPTIONAL: bool = false;
}

/// A field of a message, for [`object`].
pub struct Member {
    /// Its key.
    pub key: &'static str,
    /// What it says.
    pub doc: String,
    /// Its schema.
    pub schema: Value,
    /// Whether it may be left out.
    pub optional: bool,
}

/// Puts an object's schema into `all` under `name`, and refers to it.
pub fn object(
    all: &mut Schemas,
    name: &'static str,
    doc: &[&str],
    members: impl FnOnce(&mut Schemas) -> Vec<Member>,
) -> Value {
    let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
    if all.contains_key(name) {
        return reference;
    }
    // Its name is taken before its fields are looked at, so that a type may hold itself.
    all.insert(name, Value::Null);
    let members = members(all);
    let required: Vec<&str> =
        members.iter().filter(|member| !member.optional).map(|member| member.key).collect();
    let properties: Map<String, Value> = members
        .iter()
        .map(|member| {
            let mut schema = member.schema.clone();
            if let Value::Object(map) = &mut schema {
                map.insert("description".into(), member.doc.as_str().into());
            }
            (member.key.into(), schema)
        })
        .collect();
    let schema = json!({ "type": "object", "description": sentence(doc), "properties": properties, "required": required });
    all.insert(name, schema);
    reference
}

/// A doc comment's lines as one text.
pub fn sentence(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().into()
}

/// A message's name among the schemas: the type's, unless it is given one because another type has that.
macro_rules! schema_name {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $schema:literal) => {
        $schema
    };
}

/// Declares structs that are messages: `pub struct` with documented public fields.
macro_rules! message {
    ($(
        $(#[doc = $doc:literal])+
        $(#[derive($($derive:ident),+)])?
        $(#[schema($schema:literal)])?
        pub struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])+
                $(#[serde($($serde:tt)*)])?
                pub $field:ident : $type:ty,
            )*
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        $(#[derive($($derive),+)])?
        pub struct $name {
            $(
                $(#[doc = $field_doc])+
                $(#[serde($($serde)*)])?
                pub $field: $type,
            )*
        }

        impl $crate::message::Described for $name {
            fn schema(all: &mut $crate::message::Schemas) -> serde_json::Value {
                $crate::message::object(all, $crate::message::schema_name!($name $($schema)?), &[$($doc),+], |_all| alloc::vec![$(
                    $crate::message::Member {
                        key: stringify!($field),
                        doc: $crate::message::sentence(&[$($field_doc),+]),
                        schema: <$type as $crate::message::Described>::schema(_all),
                        optional: <$type as $crate::message::Described>::OPTIONAL,
                    },
                )*])
            }
        }
    )+};
}

/// Declares enums of words: kebab-case in messages.
macro_rules! words {
    ($(
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $( $(#[doc = $word_doc:literal])+ $word:ident = $text:literal, )+ }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[doc = $word_doc])+ #[serde(rename = $text)] $word, )+ }

        impl $name {
            /// The word in messages.
            pub const fn name(self) -> &'static str {
                match self { $( $name::$word => $text, )+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }

        impl $crate::message::Described for $name {
            fn schema(_: &mut $crate::message::Schemas) -> serde_json::Value {
                serde_json::json!({ "type": "string", "enum": [$($text),+] })
            }
        }
    )+};
}

pub(crate) use {message, schema_name, words};

macro_rules! simple {
    ($($type:ty => $schema:tt,)+) => {$(
        impl Described for $type {
            fn schema(_: &mut Schemas) -> Value {
                json!($schema)
            }
        }
    )+};
}

simple! {
    String => { "type": "string" },
    bool => { "type": "boolean" },
    u16 => { "type": "integer", "minimum": 0, "maximum": 65535 },
    u32 => { "type": "integer", "minimum": 0, "maximum": 4294967295_u32 },
    u64 => { "type": "integer", "minimum": 0 },
    i32 => { "type": "integer" },
    // Any JSON: the schema that everything fits.
    Value => {},
}

impl<T: Described> Described for Option<T> {
    const OPTIONAL: bool = true;

    fn schema(all: &mut Schemas) -> Value {
        T::schema(all)
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema(all: &mut Schemas) -> Value {
        json!({ "type": "array", "items": T::schema(all) })
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn schema(all: &mut Schemas) -> Value {
        json!({ "type": "object", "additionalProperties": T::schema(all) })
    }
}
