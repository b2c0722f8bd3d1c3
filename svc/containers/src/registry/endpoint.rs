//! Where to ask for an image: its mirrors in their order, then its own registry.

use settings::containers::{Credential, Registry};
use settings::scalar::ImageRef;

/// The one registry whose API does not answer under its own name.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// A base URL that may have an image, with how to log in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `scheme://host[:port][/path]`, no slash at the end.
    pub base: String,
    /// For a mirror: the registry it stands in for, told to it as containerd does, so that one mirror can
    /// serve many.
    pub stands_for: Option<String>,
    /// How to log in.
    pub credential: Option<Credential>,
}

/// The endpoints to try for an image, in order.
pub fn endpoints(registry: &Registry, image: &ImageRef) -> Vec<Endpoint> {
    let name = image.registry();
    let mirrors = registry.mirrors_of(name).iter().map(|base| Endpoint {
        base: base.trim_end_matches('/').to_owned(),
        stands_for: Some(name.to_owned()),
        credential: host_of(base).and_then(|host| registry.credential_of(host)).cloned(),
    });
    let host = if name == DOCKER_HUB.0 { DOCKER_HUB.1 } else { name };
    let own = Endpoint {
        base: format!("https://{host}"),
        stands_for: None,
        credential: registry.credential_of(name).cloned(),
    };
    mirrors.chain([own]).collect()
}

fn host_of(base: &str) -> Option<&str> {
    let (_, rest) = base.split_once("://")?;
    rest.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        serde_json::from_str(
            r#"{"mirrors": [{"registry": "registry.example", "endpoint": ["http://10.0.2.2:5000/", "https://cache.example/v"]}],
                "credentials": [{"registry": "registry.example", "username": "own", "password": "a"},
                                {"registry": "cache.example", "username": "mirror", "password": "b"}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn mirrors_come_first_and_a_password_goes_only_to_its_own_host() {
        let found = endpoints(&registry(), &"registry.example/web:1".parse().unwrap());
        let seen: Vec<_> = found
            .iter()
            .map(|endpoint| {
                let user = endpoint.credential.as_ref().and_then(|credential| credential.username.as_deref());
                (endpoint.base.as_str(), user)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("http://10.0.2.2:5000", None),
                ("https://cache.example/v", Some("mirror")),
                ("https://registry.example", Some("own"))
            ]
        );
    }

    #[test]
    fn docker_hub_is_asked_where_it_answers() {
        let found = endpoints(&registry(), &"nginx".parse().unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].base, "https://registry-1.docker.io");
    }
}
