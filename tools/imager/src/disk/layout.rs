//! The layout of the disk as data: `image/layout.toml`.

use anyhow::{Context, Result, ensure};
use partition::{Guid, SectorSize};
use serde::Deserialize;

/// Partitions in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Layout {
    sector_bytes: u64,
    #[serde(rename = "partition")]
    pub(super) partitions: Vec<Planned>,
}

/// One partition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Planned {
    pub name: String,
    pub content: Content,
    #[serde(rename = "type")]
    type_text: String,
    /// None: the rest of the disk.
    pub mib: Option<u64>,
}

/// What a partition is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A FAT file system with the boot files.
    Esp,
    /// The root image.
    Root,
    /// The data partition's file system.
    Data,
}

impl Layout {
    /// Reads and checks the text of a layout file.
    pub fn parse(text: &str) -> Result<Self> {
        let layout: Self = toml::from_str(text).context("cannot read the disk layout")?;
        layout.sector()?;
        for content in [Content::Esp, Content::Root, Content::Data] {
            let count = layout.partitions.iter().filter(|p| p.content == content).count();
            ensure!(count == 1, "{count} partitions with content {content:?} in the disk layout, want one");
        }
        for planned in &layout.partitions {
            planned.type_guid()?;
            ensure!(planned.mib.is_none_or(|mib| mib < 1 << 30), "partition {} is too large", planned.name);
        }
        Ok(layout)
    }

    pub(super) fn sector(&self) -> Result<SectorSize> {
        SectorSize::from_bytes(self.sector_bytes)
            .with_context(|| format!("sector size {} is neither 512 nor 4096", self.sector_bytes))
    }
}

impl Planned {
    pub fn type_guid(&self) -> Result<Guid> {
        Guid::try_parse(&self.type_text)
            .with_context(|| format!("type of partition {} is no GUID", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: &str = include_str!("../../../../image/layout.toml");

    #[test]
    fn the_shipped_layout_is_valid_and_ends_with_the_partition_that_grows() {
        let layout = Layout::parse(LAYOUT).unwrap();
        let last = layout.partitions.last().unwrap();
        assert_eq!((last.name.as_str(), last.content, last.mib), ("DATA", Content::Data, None));
    }

    #[test]
    fn mistakes_are_named() {
        let bad =
            |from: &str, to: &str| format!("{:#}", Layout::parse(&LAYOUT.replace(from, to)).unwrap_err());
        assert!(bad("sector-bytes = 512", "sector-bytes = 520").contains("520"));
        assert!(bad("content = \"data\"", "content = \"root\"").contains("2 partitions with content Root"));
        assert!(bad("4d21b016-", "").contains("partition DATA is no GUID"));
        assert!(bad("mib = 128", "mb = 128").contains("mb"));
    }
}
