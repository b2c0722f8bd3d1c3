//! Scalars: one type per kind of text a settings document holds, each made only from text that obeys its rule.
//!
//! Holds always: a value of such a type obeys the rule in its doc comment, however it was made (document,
//! JSON file); parsing what a value prints gives the value back.

mod host;
mod image;
mod mount;
mod name;
mod port;
mod quantity;
mod registry;
pub mod secret;
mod sysctl;
mod text;
mod user;

pub use host::Hostname;
pub use image::ImageRef;
pub use mount::{Destination, MountSource};
pub use name::ContainerName;
pub use quantity::{Count, CpuMillis, MemoryBytes};
pub use registry::{Endpoint, MirroredRegistry, RegistryHost};
pub use secret::{Base64, Secret};
pub use sysctl::SysctlKey;
pub use text::{Argument, EnvName, EnvValue, SingleLine, Text};

use alloc::borrow::Cow;

/// Why a text is not a value of a scalar type. It does not repeat the text: that may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub Cow<'static, str>);

impl Invalid {
    pub(crate) const fn new(why: &'static str) -> Self {
        Invalid(Cow::Borrowed(why))
    }
}

/// A type that is written as one text.
pub trait Scalar: Sized {
    /// What may be written, in words that fit behind "wanted".
    const WANTED: &'static str;
    /// Whether TOML numbers may stand for the text (`cpu = 2`).
    const NUMBERS: bool = false;

    /// Reads the text.
    fn parse(text: &str) -> Result<Self, Invalid>;
}

/// A scalar that keeps the text it was made from: a name, what it is, and what a text must be.
macro_rules! text_scalar {
    ($(#[$meta:meta])* $Name:ident: $wanted:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $Name(alloc::string::String);

        impl $Name {
            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl $crate::scalar::Scalar for $Name {
            const WANTED: &'static str = $wanted;

            fn parse(text: &str) -> Result<Self, $crate::scalar::Invalid> {
                let check: fn(&str) -> Result<(), $crate::scalar::Invalid> = $check;
                check(text).map(|()| $Name(text.into()))
            }
        }

        impl core::fmt::Display for $Name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl core::borrow::Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        $crate::scalar::through_text!($Name);
    };
}

/// `FromStr` and what serde needs to write a scalar as its text.
macro_rules! through_text {
    ($Name:ident) => {
        impl core::str::FromStr for $Name {
            type Err = $crate::scalar::Invalid;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::scalar::Scalar::parse(text)
            }
        }
        impl TryFrom<alloc::string::String> for $Name {
            type Error = $crate::scalar::Invalid;
            fn try_from(text: alloc::string::String) -> Result<Self, Self::Error> {
                $crate::scalar::Scalar::parse(&text)
            }
        }
        impl From<$Name> for alloc::string::String {
            fn from(value: $Name) -> Self {
                alloc::string::ToString::to_string(&value)
            }
        }
    };
}
pub(crate) use text_scalar;
pub(crate) use through_text;

#[cfg(test)]
pub(crate) mod tests {
    use super::Scalar;

    /// Every text of `good` is a value, none of `bad` is.
    pub(crate) fn accepts<T: Scalar>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::parse(text).is_ok(), "refused: {text:?}: {}", T::parse(text).err().unwrap());
        }
        for text in bad {
            assert!(T::parse(text).is_err(), "accepted: {text:?}");
        }
    }
}
