//! What the kernel is told at run time and at boot.

use alloc::format;
use alloc::string::String;

use super::{Invalid, Scalar, choice, text_scalar};

choice! {
    /// How far root is kept from the running kernel (kernel_lockdown.7).
    pub enum Lockdown {
        /// Not at all.
        None = "none",
        /// It cannot change it.
        Integrity = "integrity",
        /// Nor read what is secret in it.
        Confidentiality = "confidentiality",
    }
}

choice! {
    /// Which memory the kernel may put together to huge pages by itself.
    pub enum TransparentHugepages {
        /// All.
        Always = "always",
        /// What programs ask for.
        Madvise = "madvise",
        /// None.
        Never = "never",
    }
}

choice! {
    /// When a program has to wait for memory to be put together.
    pub enum HugepageDefrag {
        /// At once.
        Always = "always",
        /// Never: it is done behind its back.
        Defer = "defer",
        /// As `defer`, and at once where programs ask for it.
        DeferAndMadvise = "defer+madvise",
        /// At once where programs ask for it.
        Madvise = "madvise",
        /// It is not done.
        Never = "never",
    }
}

text_scalar! {
    /// The name of a kernel module: 1 to 56 letters, digits, `-` and `_` (the kernel's MODULE_NAME_LEN).
    ModuleName: "a module name" matching "^[A-Za-z0-9_-]{1,56}$", |text| {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if (1..=56).contains(&text.len()) && text.bytes().all(word) {
            return Ok(());
        }
        Err(Invalid::new("not a module name: 1 to 56 letters, digits, - and _"))
    }
}

text_scalar! {
    /// The name of a parameter of the kernel or of PID 1 at boot: letters, digits, `-` and `_` in words between dots.
    BootKey: "words of letters, digits, - and _ between dots", |text| {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if text.len() <= 256 && text.split('.').all(|part| !part.is_empty() && part.bytes().all(word)) {
            return Ok(());
        }
        Err(Invalid::new("not a parameter's name: words of letters, digits, - and _ between dots, up to 256 bytes"))
    }
}

text_scalar! {
    /// The value of such a parameter: printable ASCII, with `"` or `'` in it but not both, up to 1024 bytes. May be empty.
    BootValue: "printable ASCII without both kinds of quotes", |text| {
        let printable = |b: u8| b.is_ascii_graphic() || b == b' ';
        if text.len() > 1024 || !text.bytes().all(printable) {
            return Err(Invalid::new("not printable ASCII of up to 1024 bytes"));
        }
        if text.contains('"') && text.contains('\'') {
            return Err(Invalid::new("holds both kinds of quotes: the boot configuration cannot say that"));
        }
        Ok(())
    }
}

/// The size of a huge page: `2Mi`, `1Gi`, a power of two from 64Ki to 16Gi.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HugepageSize {
    kib: u64,
}

impl HugepageSize {
    /// The size as the kernel's folders name it (`hugepages-2048kB`).
    pub fn kib(self) -> u64 {
        self.kib
    }
}

impl Scalar for HugepageSize {
    const WANTED: &'static str = "a page size like 2Mi or 1Gi";

    fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = Invalid::new("not a page size: a power of two from 64Ki to 16Gi, like 2Mi or 1Gi");
        let units = [("Ki", 1), ("Mi", 1 << 10), ("Gi", 1 << 20)];
        let Some((digits, unit)) =
            units.iter().find_map(|(name, kib)| Some((text.strip_suffix(name)?, *kib)))
        else {
            return Err(bad);
        };
        let plain = digits.len() <= 8 && digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse::<u64>() {
            Ok(number)
                if plain
                    && (number * unit).is_power_of_two()
                    && (64..=16 << 20).contains(&(number * unit)) =>
            {
                Ok(HugepageSize { kib: number * unit })
            }
            _ => Err(bad),
        }
    }

    fn text(&self) -> String {
        match self.kib {
            kib if kib >= 1 << 20 => format!("{}Gi", kib >> 20),
            kib if kib >= 1 << 10 => format!("{}Mi", kib >> 10),
            kib => format!("{kib}Ki"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn modules() {
        let (fits, over) = ("m".repeat(56), "m".repeat(57));
        accepts::<ModuleName>(
            &["udf", "nf-tables_1", &fits],
            &["", "a.ko", "a/b", "../a", "a b", "a\n", "\u{e9}", &over],
        );
    }

    #[test]
    fn boot_parameters() {
        let (fits, over) = ("v".repeat(1024), "v".repeat(1025));
        accepts::<BootKey>(
            &["console", "systemd.log_level", "a-b.c_d"],
            &["", ".", "a.", ".a", "a..b", "a b", "a=b", "a\"", "\u{e9}"],
        );
        accepts::<BootValue>(
            &["", "tty0", "a \"b\"", "it's", "~", &fits],
            &["\"'", "a\n", "a\t", "\u{e9}", "\x7f", &over],
        );
    }

    #[test]
    fn page_sizes() {
        accepts::<HugepageSize>(
            &["64Ki", "2Mi", "1Gi", "2048Ki", "16Gi", "1024Mi"],
            &[
                "",
                "Mi",
                "2M",
                "3Mi",
                "32Ki",
                "32Gi",
                "0Mi",
                "-2Mi",
                "+2Mi",
                "2mi",
                "2048kB",
                "99999999999Gi",
                "2",
            ],
        );
        assert_eq!(HugepageSize::parse("2048Ki").unwrap().text(), "2Mi");
        assert_eq!(HugepageSize::parse("1Gi").unwrap().kib(), 1 << 20);
    }

    #[test]
    fn levels() {
        accepts::<Lockdown>(&["none", "integrity", "confidentiality"], &["", "None", "off"]);
        accepts::<TransparentHugepages>(&["always", "madvise", "never"], &["", "defer"]);
        accepts::<HugepageDefrag>(&["defer", "defer+madvise"], &["", "defer madvise"]);
    }
}
