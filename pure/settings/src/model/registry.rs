//! `settings.container-registry`.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::containers::{Credential, Mirror, Registry};
use crate::read::{Reader, Setting, group};
use crate::scalar::{
    Base64, Endpoint, MirroredRegistry, RegistryHost, Scalar, Secret, SingleLine, decode_base64,
};
use crate::shape::Shape;
use crate::tree::{Item, Node};
use crate::value::Value;

group! {
    /// As written.
    pub struct Written {
        /// Mirrors: endpoints to try, in order, before the registry itself. One entry per registry. A table
        /// of `REGISTRY = [URL, ...]` may be written too.
        pub mirrors: Mirrors = "mirrors",
        /// How to log in: `username` with `password`, or `auth`, or `identitytoken`. One entry per registry.
        pub credentials: Credentials = "credentials",
    }
}

impl Setting for Registry {
    fn shape() -> Shape {
        Written::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let written = Written::read(node, at)?;
        Some(Registry { mirrors: written.mirrors.0, credentials: written.credentials.0 })
    }

    fn write(&self) -> Option<Value> {
        let (mirrors, credentials) = (Mirrors(self.mirrors.clone()), Credentials(self.credentials.clone()));
        Written { mirrors, credentials }.write()
    }
}

/// Mirrors, as a list or as a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(Vec<Mirror>);

group! {
    /// One mirror as written in a list.
    pub struct WrittenMirror {
        /// `host` or `host:port` as in image references; `*` is every registry without an entry of its own.
        pub registry: Option<MirroredRegistry> = "registry",
        /// URLs that serve its images, `http://` or `https://`.
        pub endpoint: Vec<Endpoint> = "endpoint",
    }
}

impl Setting for Mirrors {
    fn shape() -> Shape {
        let (key, value) = (MirroredRegistry::FACTS, Box::new(Vec::<Endpoint>::shape()));
        Shape::OneOf(Vec::from([Vec::<WrittenMirror>::shape(), Shape::Map { key, value }]))
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let mut mirrors: Vec<Mirror> = Vec::new();
        if let Item::Table(table) = &node.item {
            for (registry, endpoints) in table {
                let name = MirroredRegistry::parse(registry);
                let name =
                    at.at_key(registry, |at| name.map_err(|invalid| at.problem(endpoints, invalid.0)).ok());
                if let Some(endpoint) = at.entry(table, registry) {
                    mirrors.extend(at.at_key(registry, |at| mirror(name, endpoint, endpoints, at)));
                }
            }
            return Some(Mirrors(mirrors));
        }
        let mut named = BTreeSet::new();
        for (index, entry) in at.list(node, "a list of tables, or a table")?.iter().enumerate() {
            at.at_index(index, |at| {
                let Some(mirror) = at.whole(entry, |at| {
                    let written = WrittenMirror::read(entry, at)?;
                    if written.registry.is_none() {
                        at.require(entry, "registry");
                    }
                    mirror(written.registry, written.endpoint, entry, at)
                }) else {
                    return;
                };
                if named.insert(mirror.registry.clone()) {
                    mirrors.push(mirror);
                } else {
                    at.problem(entry, "an earlier entry names the same registry; list all endpoints there");
                }
            });
        }
        Some(Mirrors(mirrors))
    }

    fn write(&self) -> Option<Value> {
        let entries = self.0.iter().map(|Mirror { registry, endpoint }| {
            let endpoint = endpoint.iter().map(|url| Value::Text(url.clone())).collect();
            let registry = Value::Text(registry.clone());
            Value::table([("registry", Some(registry)), ("endpoint", Some(Value::List(endpoint)))])
        });
        Some(Value::List(entries.collect()))
    }
}

fn mirror(
    registry: Option<MirroredRegistry>,
    endpoint: Vec<Endpoint>,
    node: &Node,
    at: &mut Reader,
) -> Option<Mirror> {
    if endpoint.is_empty() {
        at.problem(node, "wanted at least one endpoint");
        return None;
    }
    Some(Mirror {
        registry: registry?.to_string(),
        endpoint: endpoint.iter().map(ToString::to_string).collect(),
    })
}

/// Credentials, in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials(Vec<Credential>);

group! {
    /// One registry's credential as written.
    pub struct WrittenCredential {
        /// `host` or `host:port` as in image references.
        pub registry: Option<RegistryHost> = "registry",
        /// User name, with `password`.
        pub username: Option<SingleLine> = "username",
        /// Password, with `username`.
        pub password: Option<Secret> = "password",
        /// Base64 of `username:password`, in place of both.
        pub auth: Option<Base64> = "auth",
        /// A token the registry's token service takes.
        pub identitytoken: Option<Secret> = "identitytoken",
    }
}

impl Setting for Credentials {
    fn shape() -> Shape {
        Vec::<WrittenCredential>::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let mut credentials: Vec<Credential> = Vec::new();
        let mut named = BTreeSet::new();
        for (index, entry) in at.list(node, "a list of tables")?.iter().enumerate() {
            at.at_index(index, |at| {
                let Some(credential) = at.whole(entry, |at| credential(entry, at)) else { return };
                if named.insert(credential.registry.clone()) {
                    credentials.push(credential);
                } else {
                    at.problem(entry, "an earlier entry is for the same registry");
                }
            });
        }
        Some(Credentials(credentials))
    }

    fn write(&self) -> Option<Value> {
        let entries = self.0.iter().map(|credential| {
            let text = |text: &String| Value::Text(text.clone());
            let secret = |secret: &Option<Secret>| secret.clone().map(Value::Secret);
            let entries = [
                ("registry", Some(text(&credential.registry))),
                ("username", credential.username.as_ref().map(text)),
                ("password", secret(&credential.password)),
                ("auth", secret(&credential.auth)),
                ("identitytoken", secret(&credential.identitytoken)),
            ];
            Value::table(entries)
        });
        Some(Value::List(entries.collect()))
    }
}

fn credential(node: &Node, at: &mut Reader) -> Option<Credential> {
    let written = WrittenCredential::read(node, at)?;
    if written.registry.is_none() {
        at.require(node, "registry");
    }
    if written.username.is_some() != written.password.is_some() {
        at.problem(node, "username and password go together");
    } else if written.username.is_none() && written.auth.is_none() && written.identitytoken.is_none() {
        at.problem(node, "wanted username with password, or auth, or identitytoken");
    }
    if written.auth.as_ref().is_some_and(|auth| !holds_login(auth))
        && let Item::Table(table) = &node.item
        && let Some(auth) = table.get("auth")
    {
        at.at_key("auth", |at| at.problem(auth, "not base64 of USERNAME:PASSWORD"));
    }
    Some(Credential {
        registry: written.registry?.to_string(),
        username: written.username.as_ref().map(ToString::to_string),
        password: written.password,
        auth: written.auth.map(|auth| auth.0),
        identitytoken: written.identitytoken,
    })
}

/// Whether it is what every reader of it takes apart into a name and a password.
fn holds_login(auth: &Base64) -> bool {
    let plain = decode_base64(auth.0.expose()).and_then(|bytes| String::from_utf8(bytes).ok());
    plain.is_some_and(|plain| plain.contains(':') && !plain.chars().any(char::is_control))
}
