//! The two ends of a container's mount.

use alloc::string::String;

use super::{Invalid, Scalar, text_scalar};
use crate::containers::Source;

text_scalar! {
    /// Where a mount appears: an absolute path in the container, normal, and not the root, /proc or /sys,
    /// which the runtime owns.
    Destination: "an absolute path", |text| {
        check_path(text)?;
        let owned = |top: &str| text == top || text.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'));
        if text == "/" || owned("/proc") || owned("/sys") {
            return Err(Invalid::new("/, /proc and /sys cannot be mounted over"));
        }
        Ok(())
    }
}

/// What is mounted: an absolute path of the host, or (no slash) the name of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSource(pub Source);

impl Scalar for MountSource {
    const WANTED: &'static str = "a volume name, or an absolute path of the host";

    fn parse(text: &str) -> Result<Self, Invalid> {
        if text.starts_with('/') {
            check_path(text)?;
            return Ok(MountSource(Source::Path(text.into())));
        }
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        match text.as_bytes() {
            [first, ..] if first.is_ascii_alphanumeric() && text.len() <= 64 && text.bytes().all(word) => {
                Ok(MountSource(Source::Volume(text.into())))
            }
            _ => Err(Invalid::new(
                "neither an absolute path nor a volume name (1 to 64 letters, digits, _ - . with a letter or digit first)",
            )),
        }
    }

    fn text(&self) -> String {
        match &self.0 {
            Source::Path(text) | Source::Volume(text) => text.clone(),
        }
    }
}

/// An absolute path that means what it says: no `.`, `..` or empty piece, no control character.
fn check_path(text: &str) -> Result<(), Invalid> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err(Invalid::new("not an absolute path"));
    };
    let piece = |piece: &str| !matches!(piece, "" | "." | "..") && piece.len() <= 255;
    if text.len() >= 4096 || text.chars().any(char::is_control) {
        return Err(Invalid::new("path holds a control character or is longer than 4095 bytes"));
    }
    if rest.is_empty() || rest.split('/').all(piece) {
        return Ok(());
    }
    Err(Invalid::new("path holds an empty piece, . or .. (or ends with /)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn destinations() {
        accepts::<Destination>(
            &["/www", "/a/b.c/..d", "/host/proc", "/procs", "/dev/net"],
            &[
                "",
                "www",
                "/",
                "//",
                "/a/",
                "/a//b",
                "/a/./b",
                "/a/../b",
                "/proc",
                "/proc/sys",
                "/sys",
                "/a\0",
                "/a\n",
            ],
        );
    }

    #[test]
    fn sources_without_slash_are_volumes() {
        assert_eq!(MountSource::parse("site"), Ok(MountSource(Source::Volume("site".into()))));
        assert_eq!(MountSource::parse("/srv"), Ok(MountSource(Source::Path("/srv".into()))));
        accepts::<MountSource>(
            &["a", "A.b_c-1", "/"],
            &["", ".", "..", ".a", "-a", "a/b", "./a", "a b", "/a/../b", "~"],
        );
    }
}
