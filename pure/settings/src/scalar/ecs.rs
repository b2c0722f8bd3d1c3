//! What an ECS container instance knows its cluster and itself by.

use alloc::string::String;

use super::registry::check_authority;
use super::{Invalid, text_scalar};

text_scalar! {
    /// A cluster: its name (1 to 255 letters, digits, `-` and `_`), or its ARN.
    EcsCluster: "the name or ARN of a cluster", |text| {
        let name = match text.strip_prefix("arn:") {
            Some(arn) => cluster_of(arn),
            None => Some(text),
        };
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        match name {
            Some(name) if (1..=255).contains(&name.len()) && name.bytes().all(inside) => Ok(()),
            _ => Err(Invalid::new(
                "not a cluster: a name of 1 to 255 letters, digits, - and _, or arn:PARTITION:ecs:REGION:ACCOUNT:cluster/NAME",
            )),
        }
    }
}

/// The name in `PARTITION:ecs:REGION:ACCOUNT:cluster/NAME`.
fn cluster_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(5, ':');
    let (partition, service) = (parts.next()?, parts.next()?);
    let (region, account) = (parts.next()?, parts.next()?);
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let owned = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (service == "ecs" && word(partition) && word(region) && owned).then_some(())?;
    parts.next()?.strip_prefix("cluster/")
}

text_scalar! {
    /// The name of an attribute: 1 to 128 letters, digits, `-`, `_`, `.` and `/`.
    AttributeName: "an attribute name" matching "^[A-Za-z0-9_./-]{1,128}$", |text| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
        if (1..=128).contains(&text.len()) && text.bytes().all(inside) {
            return Ok(());
        }
        Err(Invalid::new("not an attribute name: 1 to 128 letters, digits, - _ . and /"))
    }
}

text_scalar! {
    /// The value of an attribute: 1 to 128 letters, digits, `-`, `_`, `.`, `@`, `:`, `/`, `\` and spaces, no space at
    /// either end.
    AttributeValue: "an attribute value", |text| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || b"-_.@:/\\ ".contains(&b);
        if (1..=128).contains(&text.len()) && text.bytes().all(inside) && text.trim_matches(' ') == text {
            return Ok(());
        }
        Err(Invalid::new(
            "not an attribute value: 1 to 128 letters, digits, - _ . @ : / \\ and spaces, no space at either end",
        ))
    }
}

text_scalar! {
    /// The name of a logging driver: 1 to 128 letters, digits, `-`, `_`, `.`, `/` and `:`, a letter or digit first (a
    /// plugin's name is an image's).
    LoggingDriver: "a logging driver", |text| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || b"-_./:".contains(&b);
        match text.as_bytes() {
            [first, ..] if first.is_ascii_alphanumeric() && text.len() <= 128 && text.bytes().all(inside) => Ok(()),
            _ => Err(Invalid::new(
                "not a logging driver: 1 to 128 letters, digits, - _ . / and : with a letter or digit first",
            )),
        }
    }
}

text_scalar! {
    /// Where the ECS API is: `https://` or `http://` and `HOST[:PORT]`, with or without the scheme.
    BackendHost: "a URL, or HOST[:PORT]" with without_user, |text| {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        check_authority(host.strip_suffix('/').unwrap_or(host))
            .map_err(|_| Invalid::new("not a URL of a host, or HOST[:PORT]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn clusters_by_name_or_arn() {
        let (fits, over) = ("a".repeat(255), "a".repeat(256));
        accepts::<EcsCluster>(
            &[
                "default",
                "My_Cluster-1",
                "arn:aws:ecs:us-west-2:012345678901:cluster/prod",
                "arn:aws-cn:ecs:cn-north-1:012345678901:cluster/a",
                &fits,
            ],
            &[
                "",
                "a b",
                "a.b",
                "a/b",
                "arn:",
                "arn:aws:ecs:us-west-2:012345678901:cluster/",
                "arn:aws:ecs:us-west-2:012345678901:service/a",
                "arn:aws:eks:us-west-2:012345678901:cluster/a",
                "arn:aws:ecs:us-west-2:1:cluster/a",
                "arn:aws:ecs::012345678901:cluster/a",
                "arn:aws:ecs:us-west-2:012345678901:cluster/a:b",
                &over,
            ],
        );
    }

    #[test]
    fn attributes_at_their_edges() {
        let (fits, over) = ("a".repeat(128), "a".repeat(129));
        accepts::<AttributeName>(
            &["a", "with-dash", "have.period/slash", ".leading", "trailing.", &fits],
            &["", "@", "$", "%", ":", "no spaces", "a\n", &over],
        );
        accepts::<AttributeValue>(
            &["a", "have/slash\\back", "with spaces in between", "@ and : too", "\\", &fits],
            &["", "$", "%", " leading", "trailing ", "a\tb", "a\n", "\"", &over],
        );
    }

    #[test]
    fn endpoints() {
        accepts::<BackendHost>(
            &["ecs.us-east-1.amazonaws.com", "https://ecs.example/", "http://localhost:8080"],
            &["", "https://", "ftp://a", "https://a/b", "a b", "user@host", "a:0"],
        );
    }

    #[test]
    fn logging_drivers() {
        accepts::<LoggingDriver>(
            &["json-file", "awslogs", "none", "acme/driver:1.2"],
            &["", "-a", "a b", "a,b", "a\"b", "a\n"],
        );
    }
}
