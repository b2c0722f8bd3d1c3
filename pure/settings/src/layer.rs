//! Which of a document's sources a value came from, and when.

use core::fmt;
use core::str::FromStr;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::scalar::Invalid;

/// Where a value was written. Later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Layer {
    /// `/usr/share/gantry/defaults.toml` of the image.
    Image,
    /// What the host found out about itself: its name, its region, its seed.
    Generated,
    /// `gantry/user-data.toml` on the EFI system partition.
    Esp,
    /// SMBIOS strings of type 11.
    Smbios,
    /// The QEMU firmware configuration file `opt/org.gantry/user-data`.
    FwCfg,
    /// The file `user-data` on a disk labelled `cidata`.
    NoCloud,
    /// VMware's `guestinfo.userdata`.
    Vmware,
    /// The instance metadata service of EC2.
    Imds,
    /// `user-data.toml` on STATE.
    State,
    /// The API.
    Api,
    /// A file somebody asks about on a developer's machine.
    File,
}

impl Layer {
    /// Every layer, in rising precedence.
    pub const ALL: [Layer; 11] = [
        Layer::Image,
        Layer::Generated,
        Layer::Esp,
        Layer::Smbios,
        Layer::FwCfg,
        Layer::NoCloud,
        Layer::Vmware,
        Layer::Imds,
        Layer::State,
        Layer::Api,
        Layer::File,
    ];

    /// Its name in messages, logs and stored documents.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Image => "image",
            Layer::Generated => "generated",
            Layer::Esp => "esp",
            Layer::Smbios => "smbios",
            Layer::FwCfg => "fw_cfg",
            Layer::NoCloud => "nocloud",
            Layer::Vmware => "vmware",
            Layer::Imds => "imds",
            Layer::State => "state",
            Layer::Api => "api",
            Layer::File => "file",
        }
    }

    /// Whether it is a document that whoever made the machine handed to it.
    pub fn is_user_data(self) -> bool {
        (Layer::Esp..=Layer::State).contains(&self)
    }

    /// Whether its keys may be deleted: what the image says and what the host found out would only come back.
    pub fn can_be_deleted_from(self) -> bool {
        self > Layer::Generated
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Layer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Layer::ALL.into_iter().find(|layer| layer.name() == text).ok_or_else(|| {
            let names = Layer::ALL.map(Layer::name).join(", ");
            Invalid(Cow::Owned(format!("not a layer; the layers are {names}")))
        })
    }
}

impl TryFrom<String> for Layer {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Layer> for &'static str {
    fn from(layer: Layer) -> Self {
        layer.name()
    }
}

/// When a value was written: with which committed generation, at what time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stamp {
    /// The generation that brought it.
    pub generation: u64,
    /// Seconds since 1970, by the host's clock of that time.
    pub unix_s: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_is_known_by_its_name_and_its_place() {
        assert!(Layer::ALL.is_sorted());
        for layer in Layer::ALL {
            assert_eq!(layer.name().parse(), Ok(layer));
        }
        for text in ["", "Image", "api ", "fwcfg"] {
            assert!(text.parse::<Layer>().is_err(), "{text}");
        }
        let user_data = Layer::ALL.into_iter().filter(|layer| layer.is_user_data());
        assert!(user_data.eq([
            Layer::Esp,
            Layer::Smbios,
            Layer::FwCfg,
            Layer::NoCloud,
            Layer::Vmware,
            Layer::Imds,
            Layer::State
        ]));
    }
}
