//! Module names.

use alloc::string::String;
use core::fmt;

/// The longest name looked up. The kernel's own limit is 56 (MODULE_NAME_LEN), device aliases are longer.
const NAME_MAX: usize = 512;

/// A module's name with `_` for every `-`, the form that the kernel uses, so that equal names are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// The text is too long to be a name or an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Name {
    /// Takes a name as people write it.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        if text.len() > NAME_MAX { Err(TooLong) } else { Ok(Self(text.replace('-', "_"))) }
    }

    /// The name of the module in this file, as depmod lists it.
    pub(crate) fn of_path(path: &str) -> Self {
        Self(stem(path).replace('-', "_"))
    }

    /// Whether the module in this file, as depmod lists it, has this name. Asked of every line of a long list, so
    /// it looks from the end, where the difference is.
    pub(crate) fn is_of(&self, path: &str) -> bool {
        let path = path.as_bytes();
        let Some(end) = path.windows(3).rposition(|part| part == b".ko") else { return false };
        let Some(start) = end.checked_sub(self.0.len()) else { return false };
        (start == 0 || path[start - 1] == b'/')
            && path[start..end].iter().map(|&byte| same(byte)).eq(self.0.bytes())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "longer than {NAME_MAX} bytes")
    }
}

impl core::error::Error for TooLong {}

/// `vfat` in `kernel/fs/fat/vfat.ko.xz`.
fn stem(path: &str) -> &str {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    file.rsplit_once(".ko").map_or(file, |(stem, _)| stem)
}

/// `-` and `_` are one letter in names and aliases.
pub(crate) fn same(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}
