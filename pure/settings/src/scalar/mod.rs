//! Scalars: one type per kind of text a settings document holds, each made only from text that obeys its rule.
//!
//! Holds always: a value of such a type obeys the rule in its doc comment, however it was made (document,
//! JSON file); parsing what a value prints gives the value back.

mod base64;
mod cluster;
mod duration;
mod ecs;
mod host;
mod image;
mod kernel;
mod label;
mod mount;
mod name;
mod named;
mod pem;
mod port;
mod quantity;
mod registry;
mod runtime;
pub mod secret;
mod source;
mod sysctl;
mod text;
mod threshold;
mod url;
mod user;
mod whole;

pub use base64::{File64, SecretFile64, decode as decode_base64};
pub use cluster::{BootstrapToken, ClusterName, ImagePattern, ProviderId, RuntimeEndpoint, UnsafeSysctl};
pub use duration::{AtLeast, GoDuration};
pub use ecs::{AttributeName, AttributeValue, BackendHost, EcsCluster, LoggingDriver};
pub use host::Hostname;
pub use image::ImageRef;
pub use kernel::{
    BootKey, BootValue, HugepageDefrag, HugepageSize, Lockdown, ModuleName, TransparentHugepages,
};
pub use label::{Effect, LabelKey, LabelValue, NodeLabelKey, Taint};
pub use mount::{Destination, MountSource};
pub use name::ContainerName;
pub use named::{AwsProfile, Identifier, ItemName, Region, ServerName, ServiceName, VersionLock};
pub use pem::{Certificates, PrivateKey, Revocations, TrustBundle};
pub use quantity::{Count, CpuMillis, MemoryBytes};
pub use registry::{Endpoint, MirroredRegistry, RegistryHost};
pub use runtime::{ByteSize, Capability, ResourceKind, ResourceLimit};
pub use secret::{Base64, Secret};
pub use source::{ImageSource, NtpOption, TimeSource};
pub use sysctl::SysctlKey;
pub use text::{Argument, EnvName, EnvValue, SingleLine, Text};
pub use threshold::{CpuSet, Fraction, NumaNode, Percent, Quantity, Threshold};
pub use url::{NoProxy, ProxyUrl, Url};
pub use whole::Whole;

use alloc::borrow::Cow;
use alloc::string::String;

use crate::shape::{Facts, Kind};
use crate::value::Value;

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
    /// Whether numbers may stand for the text (`cpu = 2`).
    const NUMBERS: bool = false;
    /// The same and more, for machines: the schema, completion, and whether it is ever shown.
    const FACTS: Facts =
        Facts::new(if Self::NUMBERS { Kind::TextOrNumber } else { Kind::Text }, Self::WANTED);

    /// Reads the text.
    fn parse(text: &str) -> Result<Self, Invalid>;

    /// The text that [`Scalar::parse`] makes the value of again. Secrets too: who calls it answers for where it goes.
    fn text(&self) -> String;

    /// The value as it stands in a document, a secret in custody.
    fn value(&self) -> Value {
        let text = self.text();
        if Self::FACTS.hides(&text) { Value::Secret(Secret::new(text)) } else { Value::Text(text) }
    }
}

/// A scalar that keeps the text it was made from: a name, what it is, (`matching` a pattern for the schema, `with` what else
/// its facts say,) and what a text must be.
macro_rules! text_scalar {
    (
        $(#[$meta:meta])* $Name:ident: $wanted:literal $(matching $pattern:literal)? $(with $fact:ident)?, $check:expr
    ) => {
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
            const FACTS: $crate::shape::Facts =
                $crate::shape::Facts::text($wanted)$(.matching($pattern))?$(.$fact())?;

            fn parse(text: &str) -> Result<Self, $crate::scalar::Invalid> {
                let check: fn(&str) -> Result<(), $crate::scalar::Invalid> = $check;
                check(text).map(|()| $Name(text.into()))
            }

            fn text(&self) -> alloc::string::String {
                self.0.clone()
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

/// A scalar that is one of a few texts: `Variant = "text",`.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $Name:ident {
            $( $(#[$variant_meta:meta])* $Variant:ident = $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Name {
            $( $(#[$variant_meta])* $Variant, )+
        }

        impl $Name {
            /// The value as text.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( $Name::$Variant => $text, )+
                }
            }
        }

        impl $crate::scalar::Scalar for $Name {
            const WANTED: &'static str = concat!("one of:", $(" `", $text, "`",)+);
            const FACTS: $crate::shape::Facts =
                $crate::shape::Facts::text(<$Name as $crate::scalar::Scalar>::WANTED).one_of(&[$($text),+]);

            fn parse(text: &str) -> Result<Self, $crate::scalar::Invalid> {
                match text {
                    $( $text => Ok($Name::$Variant), )+
                    _ => Err($crate::scalar::Invalid::new(concat!("not one of:", $(" `", $text, "`",)+))),
                }
            }

            fn text(&self) -> alloc::string::String {
                self.as_str().into()
            }
        }

        impl core::fmt::Display for $Name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
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
pub(crate) use choice;
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
