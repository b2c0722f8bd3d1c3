//! References to container images.
//!
//! The grammar is that of the distribution project's references, the defaults are Docker's, because that is
//! what people type: `nginx:1` is `docker.io/library/nginx:1`, and no tag and no digest is tag `latest`. The
//! first component is a registry when it has a `.` or a `:` or is `localhost`; otherwise it is part of the
//! repository at `docker.io`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::registry::check_authority;
use super::{Invalid, Scalar, through_text};

/// A whole image reference: `registry/repository`, then `:tag`, `@digest` or both. With both, the digest decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageRef {
    /// `host` or `host:port`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path below the registry, `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, `None` only when there is a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// `sha256:` and 64 hex digits (or `sha512:` and 128).
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl Scalar for ImageRef {
    const WANTED: &'static str = "an image reference";

    fn parse(text: &str) -> Result<Self, Invalid> {
        // The bound of containerd and of registries is 255 for the name alone; with tag (128) and digest (71)
        // it stays below this.
        if text.len() > 512 {
            return Err(Invalid::new("image reference longer than 512 bytes"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(check_digest(digest)?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(check_tag(tag)?)),
            _ => (rest, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first.to_owned(), rest.to_owned())
            }
            Some(_) => ("docker.io".to_owned(), name.to_owned()),
            None => ("docker.io".to_owned(), format!("library/{name}")),
        };
        // Docker's old names for its own registry.
        let registry = match registry.as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            _ => registry,
        };
        check_authority(&registry).map_err(|_| Invalid::new("image registry is not HOST or HOST:PORT"))?;
        check_repository(&repository)?;
        let tag = tag.or_else(|| digest.is_none().then_some("latest"));
        Ok(ImageRef {
            registry,
            repository,
            tag: tag.map(ToOwned::to_owned),
            digest: digest.map(ToOwned::to_owned),
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

through_text!(ImageRef);

fn check_digest(digest: &str) -> Result<&str, Invalid> {
    let hex =
        |text: &str, len| text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match digest.split_once(':') {
        Some(("sha256", rest)) if hex(rest, 64) => Ok(digest),
        Some(("sha512", rest)) if hex(rest, 128) => Ok(digest),
        _ => {
            Err(Invalid::new("image digest is not sha256: and 64 lower-case hex digits (or sha512: and 128)"))
        }
    }
}

fn check_tag(tag: &str) -> Result<&str, Invalid> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let rest = |byte: u8| word(byte) || matches!(byte, b'.' | b'-');
    match tag.as_bytes() {
        [first, others @ ..] if word(*first) && others.len() < 128 && others.iter().all(|b| rest(*b)) => {
            Ok(tag)
        }
        _ => Err(Invalid::new(
            "image tag is not 1 to 128 letters, digits, _ . - that start with neither . nor -",
        )),
    }
}

/// Path components of lower-case letters and digits, separated inside by `.`, `_`, `__` or dashes.
fn check_repository(repository: &str) -> Result<(), Invalid> {
    let component = |component: &str| {
        let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let mut separators =
            component.split(|c: char| c.is_ascii() && alnum(c as u8)).filter(|s| !s.is_empty());
        component.bytes().next().is_some_and(alnum)
            && component.bytes().last().is_some_and(alnum)
            && separators.all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
    };
    if repository.len() > 255 {
        return Err(Invalid::new("image repository longer than 255 bytes"));
    }
    if repository.split('/').all(component) {
        return Ok(());
    }
    if repository.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Invalid::new("image repository must be in lower case"));
    }
    Err(Invalid::new(
        "image repository is not lower-case letters and digits with single . _ - between them, separated by /",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn short_names_are_dockers() {
        let pinned = format!("registry.example/web@{DIGEST}");
        let both = format!("registry.example/web:1@{DIGEST}");
        for (written, want) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1", "docker.io/library/nginx:1"),
            ("library/nginx", "docker.io/library/nginx:latest"),
            ("grafana/grafana:11", "docker.io/grafana/grafana:11"),
            ("index.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
            ("localhost/web", "localhost/web:latest"),
            ("registry.example/web:1", "registry.example/web:1"),
            ("registry.example:5000/a/b/web:1", "registry.example:5000/a/b/web:1"),
            ("[::1]:5000/web:1", "[::1]:5000/web:1"),
            (pinned.as_str(), pinned.as_str()),
            (both.as_str(), both.as_str()),
        ] {
            let image = ImageRef::parse(written).unwrap();
            assert_eq!(image.to_string(), want, "{written}");
            assert_eq!(ImageRef::parse(want), Ok(image), "printing and reading {want} is the identity");
        }
    }

    #[test]
    fn parts() {
        let image = ImageRef::parse("registry.example:5000/a/web:1").unwrap();
        assert_eq!((image.registry(), image.repository()), ("registry.example:5000", "a/web"));
        assert_eq!((image.tag(), image.digest()), (Some("1"), None));
        let pinned = ImageRef::parse(&format!("web@{DIGEST}")).unwrap();
        assert_eq!((pinned.tag(), pinned.digest()), (None, Some(DIGEST)));
    }

    #[test]
    fn edges() {
        let tag = "t".repeat(128);
        let upper = DIGEST.to_uppercase();
        let with = |suffix: &str| format!("web{suffix}");
        accepts::<ImageRef>(
            &["a", "a.b/c__d/e--f", "web:v1.2_3-4", &with(&format!(":{tag}")), &with(&format!("@{DIGEST}"))],
            &[
                "",
                "/",
                "a/",
                "/a",
                "a//b",
                "Web",
                "registry.example/Web:1",
                "a___b",
                "a..b",
                ".a",
                "a.",
                "-a/b",
                "a b",
                "web:",
                "web:-1",
                "web:.1",
                "web:a b",
                &with(&format!(":{tag}x")),
                "web@",
                "web@sha256:12",
                "web@md5:12",
                &with(&format!("@{upper}")),
                &with(&format!("@{DIGEST}0")),
                "web@@",
                "a.example:x/web",
                "a.example:0/web",
                "../../etc",
                "a/../b",
                "w\u{e9}b",
                "web:1\n",
                "http://a/b",
                &"a".repeat(600),
            ],
        );
    }
}
