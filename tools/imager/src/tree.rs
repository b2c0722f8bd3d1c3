//! The root as a list of entries, before it is packed.
//!
//! Holds always: an entry's parents are folders; nothing is there twice; every entry says where it comes from. Owner
//! is root throughout. Lints, listing, SBOM and packing all read this one value.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::digest::{Digest, Key};

/// Who made an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A Debian package, by name.
    Package(String),
    /// A crate of this repository.
    Program(String),
    /// A file of `image/`, or something the builder writes.
    Image,
}

impl Origin {
    /// As `files.txt` says it.
    pub fn label(&self) -> &str {
        match self {
            Origin::Package(name) | Origin::Program(name) => name,
            Origin::Image => "gantry",
        }
    }
}

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A symbolic link.
    Link(String),
    /// A file.
    File(Content),
}

/// A file's bytes, known by digest.
#[derive(Clone, Debug)]
pub struct Content {
    /// Of the bytes.
    pub digest: Digest,
    /// How many.
    pub size: u64,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Memory(Vec<u8>),
}

impl Content {
    /// The bytes of a file on the build host.
    pub fn of_file(path: &Path) -> Result<Content> {
        let (digest, size) = Digest::of_file(path)?;
        Ok(Content { digest, size, source: Source::File(path.to_owned()) })
    }

    /// Bytes made by the builder.
    pub fn of_bytes(bytes: Vec<u8>) -> Content {
        Content { digest: Digest::of(&bytes), size: bytes.len() as u64, source: Source::Memory(bytes) }
    }

    /// The bytes.
    pub fn read(&self) -> Result<Vec<u8>> {
        match &self.source {
            Source::File(path) => fs::read(path).with_context(|| format!("cannot read {}", path.display())),
            Source::Memory(bytes) => Ok(bytes.clone()),
        }
    }

    /// True when the bytes begin so; reads no more than that.
    pub fn starts_with(&self, start: &[u8]) -> Result<bool> {
        match &self.source {
            Source::Memory(bytes) => Ok(bytes.starts_with(start)),
            Source::File(path) => {
                let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
                let mut found = Vec::new();
                file.take(start.len() as u64).read_to_end(&mut found)?;
                Ok(found == start)
            }
        }
    }

    fn write(&self, place: &Path) -> Result<()> {
        match &self.source {
            Source::File(path) => fs::copy(path, place).map(drop),
            Source::Memory(bytes) => fs::write(place, bytes),
        }
        .with_context(|| format!("cannot write {}", place.display()))
    }
}

/// One path of the root.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What stands there.
    pub kind: Kind,
    /// Permission bits, set-id bits included.
    pub mode: u32,
    /// Where it comes from.
    pub origin: Origin,
}

impl Entry {
    /// The content, when it is a file.
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    /// True for a file with any executable bit.
    pub fn is_executable(&self) -> bool {
        matches!(self.kind, Kind::File(_)) && self.mode & 0o111 != 0
    }
}

/// The root, by absolute path.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    entries: BTreeMap<String, Entry>,
}

impl Tree {
    /// Adds an entry and the folders above it.
    pub fn add(&mut self, path: &str, entry: Entry) -> Result<()> {
        let parents: Vec<&str> = path.match_indices('/').skip(1).map(|(at, _)| &path[..at]).collect();
        for parent in parents {
            let folder = || Entry { kind: Kind::Folder, mode: 0o755, origin: Origin::Image };
            let found = self.entries.entry(parent.to_owned()).or_insert_with(folder);
            if !matches!(found.kind, Kind::Folder) {
                bail!("{path}: {parent} is not a folder in the root; name the path behind the link");
            }
        }
        match self.entries.get(path) {
            None => {
                self.entries.insert(path.to_owned(), entry);
                Ok(())
            }
            Some(there) if matches!((&there.kind, &entry.kind), (Kind::Folder, Kind::Folder)) => Ok(()),
            Some(there) => {
                bail!("{path} comes from both {} and {}", there.origin.label(), entry.origin.label())
            }
        }
    }

    /// Adds a file, executable or not.
    pub fn file(&mut self, path: &str, content: Content, executable: bool, origin: Origin) -> Result<()> {
        let mode = if executable { 0o755 } else { 0o644 };
        self.add(path, Entry { kind: Kind::File(content), mode, origin })
    }

    /// Adds an empty folder.
    pub fn folder(&mut self, path: &str) -> Result<()> {
        self.add(path, Entry { kind: Kind::Folder, mode: 0o755, origin: Origin::Image })
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<()> {
        self.add(path, Entry { kind: Kind::Link(target.to_owned()), mode: 0o777, origin: Origin::Image })
    }

    /// All entries in order of path.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// The entry at a path, links not followed.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// The path that `path` means once every link on the way is followed inside the root; `None` when it leads nowhere.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut place = String::new();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    place.truncate(place.rfind('/').unwrap_or(0));
                    continue;
                }
                part => place = format!("{place}/{part}"),
            }
            if let Kind::Link(target) = &self.entries.get(&place)?.kind {
                links += 1;
                if links > 40 {
                    return None;
                }
                rest.extend(target.split('/').rev().map(str::to_owned));
                place.truncate(if target.starts_with('/') { 0 } else { place.rfind('/').unwrap_or(0) });
            }
        }
        Some(if place.is_empty() { "/".to_owned() } else { place })
    }

    /// Adds everything to a step's key.
    pub fn key(&self, key: Key) -> Key {
        self.entries().fold(key, |key, (path, entry)| {
            let kind = match &entry.kind {
                Kind::Folder => "folder",
                Kind::Link(target) => target,
                Kind::File(content) => content.digest.as_str(),
            };
            key.part(path).part(&format!("{:o}", entry.mode)).part(kind)
        })
    }

    /// Writes everything below `dir`, an empty folder.
    pub fn write(&self, dir: &Path) -> Result<()> {
        for (path, entry) in self.entries() {
            let place = dir.join(path.trim_start_matches('/'));
            match &entry.kind {
                Kind::Folder => fs::create_dir(&place),
                Kind::Link(target) => symlink(target, &place),
                Kind::File(content) => {
                    content.write(&place)?;
                    Ok(())
                }
            }
            .with_context(|| format!("cannot make {}", place.display()))?;
            if !matches!(entry.kind, Kind::Link(_)) {
                fs::set_permissions(&place, fs::Permissions::from_mode(entry.mode))
                    .with_context(|| format!("cannot set the mode of {}", place.display()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.file("/usr/bin/host", Content::of_bytes(b"h".to_vec()), true, Origin::Program("host".into()))
            .unwrap();
        tree.link("/bin", "usr/bin").unwrap();
        tree.link("/usr/bin/netd", "host").unwrap();
        tree.link("/usr/bin/loop", "loop").unwrap();
        tree.link("/usr/share", "/usr/none").unwrap();
        tree
    }

    #[test]
    fn paths_resolve_through_links() {
        let tree = tree();
        assert_eq!(tree.resolve("/bin/netd").as_deref(), Some("/usr/bin/host"));
        assert_eq!(tree.resolve("/bin/../bin/./host").as_deref(), Some("/usr/bin/host"));
        assert_eq!(tree.resolve("/../..").as_deref(), Some("/"));
        for nowhere in ["/usr/share", "/usr/bin/loop", "/usr/none"] {
            assert_eq!(tree.resolve(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn two_rules_for_one_path_are_an_error() {
        let mut tree = tree();
        let err = tree.link("/usr/bin/host", "x").unwrap_err().to_string();
        assert!(err.contains("host and gantry"), "{err}");
        assert!(tree.folder("/bin/x").is_err(), "below a link");
        tree.folder("/usr/bin").unwrap();
    }

    #[test]
    fn what_is_written_is_what_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        tree().write(dir.path()).unwrap();
        let host = dir.path().join("bin/netd");
        assert_eq!(fs::read(&host).unwrap(), b"h");
        assert_eq!(fs::metadata(&host).unwrap().permissions().mode() & 0o7777, 0o755);
    }

    #[test]
    fn the_key_sees_content_mode_and_target() {
        let key = |tree: &Tree| tree.key(Key::new("t", 1)).finish();
        let before = key(&tree());
        let mut other = tree();
        other.entries.get_mut("/usr/bin/host").unwrap().mode = 0o644;
        assert_ne!(key(&other), before);
        let mut other = tree();
        other.entries.get_mut("/bin").unwrap().kind = Kind::Link("usr/sbin".into());
        assert_ne!(key(&other), before);
    }
}
