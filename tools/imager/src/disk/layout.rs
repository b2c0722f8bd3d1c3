//! The layout of the disk as data: `image/layout.toml`.

use anyhow::{Context, Result, ensure};
use partition::{Guid, SectorSize};
use serde::Deserialize;
use slots::Set;

/// Partitions in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Layout {
    sector_bytes: u64,
    least_data_mib: u64,
    #[serde(rename = "partition")]
    pub(super) partitions: Vec<Planned>,
}

/// One partition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Planned {
    pub name: String,
    set: Option<Letter>,
    content: Kind,
    #[serde(rename = "type")]
    type_text: String,
    /// None: the rest of the disk.
    pub mib: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Letter {
    A,
    B,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Esp,
    Boot,
    Root,
    State,
    Data,
}

/// What a partition is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A FAT file system with the boot manager.
    Esp,
    /// A set's UKI, raw.
    Boot(Set),
    /// A set's root image.
    Root(Set),
    /// The file system for settings and identity.
    State,
    /// The data partition's file system.
    Data,
}

/// What a disk must have exactly once.
const WANTED: [Content; 7] = [
    Content::Esp,
    Content::Boot(Set::A),
    Content::Root(Set::A),
    Content::Boot(Set::B),
    Content::Root(Set::B),
    Content::State,
    Content::Data,
];

impl Layout {
    /// Reads and checks the text of a layout file.
    pub fn parse(text: &str) -> Result<Self> {
        let layout: Self = toml::from_str(text).context("cannot read the disk layout")?;
        layout.sector()?;
        for planned in &layout.partitions {
            let content = planned.content()?;
            planned.type_guid()?;
            ensure!(planned.mib.is_none_or(|mib| mib < 1 << 30), "partition {} is too large", planned.name);
            // The rules of `pure/slots` find a set's partitions by name and type, `init` the other two by name.
            let (name, type_guid) = match content {
                Content::Boot(set) => (set.boot_name(), Some(slots::BOOT_TYPE)),
                Content::Root(set) => (set.root_name(), Some(slots::ROOT_TYPE)),
                Content::State => ("STATE", None),
                Content::Data => ("DATA", None),
                Content::Esp => continue,
            };
            ensure!(planned.name == name, "partition {} must be called {name}", planned.name);
            if let Some(wanted) = type_guid {
                ensure!(planned.type_guid()? == wanted, "partition {name} must be of type {wanted}");
            }
        }
        for content in WANTED {
            let count = layout.partitions.iter().filter(|p| p.content().ok() == Some(content)).count();
            ensure!(count == 1, "{count} partitions with content {content:?} in the disk layout, want one");
        }
        Ok(layout)
    }

    /// Sector size of the standard image.
    pub fn sector(&self) -> Result<SectorSize> {
        sector(self.sector_bytes)
    }

    /// Length of the partition with this content, unless it is the rest of the disk.
    pub fn bytes_of(&self, content: Content) -> Option<u64> {
        let planned = self.partitions.iter().find(|planned| planned.content().ok() == Some(content))?;
        planned.mib.map(|mib| mib << 20)
    }

    /// What the data partition must have at least.
    pub(super) fn least_data_bytes(&self) -> u64 {
        self.least_data_mib << 20
    }
}

/// A sector size that disks have.
pub fn sector(bytes: u64) -> Result<SectorSize> {
    SectorSize::from_bytes(bytes).with_context(|| format!("sector size {bytes} is neither 512 nor 4096"))
}

impl Planned {
    pub fn type_guid(&self) -> Result<Guid> {
        Guid::try_parse(&self.type_text)
            .with_context(|| format!("type of partition {} is no GUID", self.name))
    }

    pub fn content(&self) -> Result<Content> {
        let set = self.set.map(|letter| match letter {
            Letter::A => Set::A,
            Letter::B => Set::B,
        });
        match (self.content, set) {
            (Kind::Esp, None) => Ok(Content::Esp),
            (Kind::Boot, Some(set)) => Ok(Content::Boot(set)),
            (Kind::Root, Some(set)) => Ok(Content::Root(set)),
            (Kind::State, None) => Ok(Content::State),
            (Kind::Data, None) => Ok(Content::Data),
            (kind, _) => {
                anyhow::bail!(
                    "partition {}: only boot and root partitions are of a set, and those must be ({kind:?})",
                    self.name
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: &str = include_str!("../../../../image/layout.toml");
    const PAGE: &str = include_str!("../../../../docs/formats/disk.md");

    #[test]
    fn the_shipped_layout_is_valid_and_ends_with_the_partition_that_grows() {
        let layout = Layout::parse(LAYOUT).unwrap();
        let last = layout.partitions.last().unwrap();
        assert_eq!((last.name.as_str(), last.content().unwrap(), last.mib), ("DATA", Content::Data, None));
        assert_eq!(layout.bytes_of(Content::State), Some(256 << 20));
        assert_eq!(layout.bytes_of(Content::Data), None);
    }

    #[test]
    fn both_sets_have_the_same_room() {
        let layout = Layout::parse(LAYOUT).unwrap();
        for of in [Content::Boot as fn(Set) -> Content, Content::Root] {
            assert_eq!(layout.bytes_of(of(Set::A)), layout.bytes_of(of(Set::B)));
        }
    }

    /// Rows of the page's first table: `| number | name | type | MiB | content |`.
    #[test]
    fn the_page_about_the_disk_says_what_the_layout_says() {
        let rows: Vec<Vec<&str>> = PAGE
            .lines()
            .filter(|line| line.starts_with("| ") && line.matches('|').count() == 6)
            .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1).collect())
            .filter(|cells: &Vec<&str>| cells[0].parse::<usize>().is_ok())
            .collect();
        let layout = Layout::parse(LAYOUT).unwrap();
        assert_eq!(rows.len(), layout.partitions.len(), "rows of the table in docs/formats/disk.md");
        for (index, (row, planned)) in rows.iter().zip(&layout.partitions).enumerate() {
            assert_eq!((row[0], row[1]), (&*(index + 1).to_string(), &*planned.name));
            // "as 2": the type of row 2.
            let same = row[2].strip_prefix("as ").map(|number| rows[number.parse::<usize>().unwrap() - 1][2]);
            let text = same.unwrap_or(row[2]);
            assert!(text.starts_with(&planned.type_text), "{}: {text} {}", planned.name, planned.type_text);
            let size = match planned.mib {
                Some(mib) => mib.to_string(),
                None => format!("the rest, at least {}", layout.least_data_mib),
            };
            assert_eq!(row[3], size, "{}", planned.name);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let bad =
            |from: &str, to: &str| format!("{:#}", Layout::parse(&LAYOUT.replacen(from, to, 1)).unwrap_err());
        assert!(bad("sector-bytes = 512", "sector-bytes = 520").contains("520"));
        assert!(bad("content = \"data\"", "content = \"esp\"").contains("2 partitions with content Esp"));
        assert!(bad("content = \"data\"", "content = \"state\"").contains("DATA must be called STATE"));
        assert!(bad("name = \"STATE\"", "name = \"state\"").contains("state must be called STATE"));
        assert!(bad("name = \"DATA\"", "name = \"VAR\"").contains("VAR must be called DATA"));
        assert!(
            bad("content = \"data\"", "content = \"root\"").contains("partition DATA: only boot and root")
        );
        assert!(bad("set = \"B\"", "set = \"A\"").contains("must be called BOOT-A"));
        assert!(bad("3a87fb39-", "3a87fb38-").contains("BOOT-A must be of type"));
        assert!(bad("4d21b016-", "").contains("partition DATA is no GUID"));
        assert!(bad("mib = 128", "mb = 128").contains("mb"));
    }
}
