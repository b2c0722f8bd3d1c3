//! The modules that reaching the root takes: the files of `/modules`, `NN-name.ko`.
//!
//! Those with one number do not need each other and are loaded at the same time, number after number. Most of a
//! module's cost is the kernel's check of its signature, which two CPUs can share.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use ::modules::{Name, parameters};
use sys::module::Form;

use super::watchdog;

const FOLDER: &str = "/modules";

#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    #[error("cannot list {FOLDER}")]
    List(#[source] io::Error),
    #[error("cannot load {}", path.display())]
    Load {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
}

/// The files, listed.
pub struct Files(Vec<PathBuf>);

impl Files {
    pub fn list() -> Result<Self, ModulesError> {
        let entries = fs::read_dir(FOLDER).map_err(ModulesError::List)?;
        let paths = entries.map(|entry| Ok(entry.map_err(ModulesError::List)?.path()));
        paths.collect::<Result<_, _>>().map(Self)
    }

    /// Loads all but the watchdogs' drivers, with the parameters that the command line has for them.
    pub fn load_all(&self, command_line: &str) -> Result<(), ModulesError> {
        let others = self.0.iter().filter(|path| !name(path).is_some_and(|name| watchdog::is_driver(&name)));
        for together in rounds(others.cloned()).values() {
            load_together(together, command_line)?;
        }
        Ok(())
    }

    /// Loads the one of this name, if the variant has it.
    pub fn load_named(&self, wanted: &str, command_line: &str) -> Result<(), ModulesError> {
        let found = self.0.iter().find(|path| name(path).is_some_and(|name| name == wanted));
        found.map_or(Ok(()), |path| load(path, command_line))
    }
}

/// The files by number. One without a number comes last, alone in its order with its like.
fn rounds(paths: impl Iterator<Item = PathBuf>) -> BTreeMap<u32, Vec<PathBuf>> {
    let mut rounds = BTreeMap::<u32, Vec<PathBuf>>::new();
    for path in paths {
        let number = split(&path).map_or(u32::MAX, |(number, _)| number);
        rounds.entry(number).or_default().push(path);
    }
    rounds
}

fn load_together(paths: &[PathBuf], command_line: &str) -> Result<(), ModulesError> {
    let Some((last, others)) = paths.split_last() else { return Ok(()) };
    thread::scope(|scope| {
        let others: Vec<_> =
            others.iter().map(|path| scope.spawn(move || load(path, command_line))).collect();
        let mut result = load(last, command_line);
        for other in others {
            result = result.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        result
    })
}

fn load(path: &Path, command_line: &str) -> Result<(), ModulesError> {
    let failed = |err| ModulesError::Load { path: path.to_owned(), err };
    let form = if path.extension() == Some(OsStr::new("ko")) { Form::Plain } else { Form::Compressed };
    let given = split(path)
        .and_then(|(_, name)| Name::new(name).ok())
        .map_or_else(String::new, |name| parameters(command_line, &name));
    let file = File::open(path).map_err(failed)?;
    sys::module::load(file, form, &given).map(drop).map_err(failed)
}

/// A module's name as the kernel has it: with `_` where the file has `-`.
fn name(path: &Path) -> Option<String> {
    Some(split(path)?.1.replace('-', "_"))
}

/// `(10, "dm-mod")` of `/modules/10-dm-mod.ko`.
fn split(path: &Path) -> Option<(u32, &str)> {
    let (number, rest) = path.file_name()?.to_str()?.split_once('-')?;
    Some((number.parse().ok()?, rest.split_once(".ko")?.0))
}

#[cfg(test)]
mod tests {
    use super::{rounds, split};
    use std::path::{Path, PathBuf};

    #[test]
    fn equal_numbers_load_together_and_lower_ones_first() {
        let names = ["20-dm-bufio.ko", "10-virtio_blk.ko", "9-first.ko", "10-dm-mod.ko.xz", "stray"];
        let rounds = rounds(names.iter().map(PathBuf::from));
        let sizes: Vec<_> = rounds.iter().map(|(number, paths)| (*number, paths.len())).collect();
        assert_eq!(sizes, [(9, 1), (10, 2), (20, 1), (u32::MAX, 1)]);
    }

    #[test]
    fn the_name_is_what_follows_the_number() {
        assert_eq!(split(Path::new("/modules/10-dm-mod.ko.xz")), Some((10, "dm-mod")));
        assert_eq!(split(Path::new("/modules/10-crc32c-intel.ko")), Some((10, "crc32c-intel")));
        assert_eq!(split(Path::new("/modules/dm-mod.ko")), None);
    }
}
