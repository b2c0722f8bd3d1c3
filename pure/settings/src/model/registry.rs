//! `settings.container-registry`.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::containers::{Credential, Mirror, Registry};
use crate::read::{Reader, Setting, group};
use crate::scalar::{Base64, Endpoint, MirroredRegistry, RegistryHost, Secret, SingleLine};
use crate::shape::Shape;
use crate::tree::{Item, Node};

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
        Vec::<WrittenMirror>::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let mut mirrors: Vec<Mirror> = Vec::new();
        if let Item::Table(table) = &node.item {
            for (registry, endpoints) in table {
                mirrors.extend(at.at_key(registry, |at| {
                    let name = crate::scalar::Scalar::parse(registry);
                    let name = name.map_err(|invalid| at.problem(endpoints, invalid.0)).ok();
                    mirror(name, Vec::read(endpoints, at)?, endpoints, at)
                }));
            }
            return Some(Mirrors(mirrors));
        }
        for (index, entry) in at.list(node, "a list of tables, or a table")?.iter().enumerate() {
            at.at_index(index, |at| {
                let Some(mirror) = at.whole(entry, |at| {
                    let written = WrittenMirror::read(entry, at)?;
                    if written.registry.is_none() {
                        require(entry, "registry", at);
                    }
                    mirror(written.registry, written.endpoint, entry, at)
                }) else {
                    return;
                };
                if mirrors.iter().any(|other| other.registry == mirror.registry) {
                    at.problem(entry, "an earlier entry names the same registry; list all endpoints there");
                } else {
                    mirrors.push(mirror);
                }
            });
        }
        Some(Mirrors(mirrors))
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
        for (index, entry) in at.list(node, "a list of tables")?.iter().enumerate() {
            at.at_index(index, |at| {
                let Some(credential) = at.whole(entry, |at| credential(entry, at)) else { return };
                if credentials.iter().any(|other| other.registry == credential.registry) {
                    at.problem(entry, "an earlier entry is for the same registry");
                } else {
                    credentials.push(credential);
                }
            });
        }
        Some(Credentials(credentials))
    }
}

fn credential(node: &Node, at: &mut Reader) -> Option<Credential> {
    let written = WrittenCredential::read(node, at)?;
    if written.registry.is_none() {
        require(node, "registry", at);
    }
    if written.username.is_some() != written.password.is_some() {
        at.problem(node, "username and password go together");
    } else if written.username.is_none() && written.auth.is_none() && written.identitytoken.is_none() {
        at.problem(node, "wanted username with password, or auth, or identitytoken");
    }
    Some(Credential {
        registry: written.registry?.to_string(),
        username: written.username.as_ref().map(ToString::to_string),
        password: written.password,
        auth: written.auth.map(|auth| auth.0),
        identitytoken: written.identitytoken,
    })
}

/// Notes that a key is missing, unless it is there and bad, which was noted when it was read.
pub(super) fn require(node: &Node, key: &str, at: &mut Reader) {
    if matches!(&node.item, Item::Table(table) if !table.contains_key(key)) {
        at.at_key(key, |at| at.problem(node, "missing, and required"));
    }
}
