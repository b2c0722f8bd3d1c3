//! Names that authors give to things.

use alloc::string::String;

use super::{Invalid, text_scalar};

text_scalar! {
    /// The name of a container: ASCII letters, digits and `-`, 1 to 63 of them, a letter or digit at both ends.
    ///
    /// 63 because it is also the container's host name (one DNS label), a directory and a cgroup; the alphabet is
    /// Bottlerocket's Identifier, so names move between the two.
    ContainerName: "a name of letters, digits and -", |text| {
        let fits = (1..=63).contains(&text.len());
        let alphabet = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits && alphabet && !text.starts_with('-') && !text.ends_with('-') {
            return Ok(());
        }
        Err(Invalid::new("not a name: 1 to 63 ASCII letters, digits and -, no - at either end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn container_names() {
        let (longest, longer) = ("a".repeat(63), "a".repeat(64));
        accepts::<ContainerName>(
            &["web", "Web-1", "0", &longest],
            &["", "-web", "web-", "a.b", "a_b", "a/b", "..", "w\u{e9}b", "a b", "a\n", &longer],
        );
    }
}
