//! Keys and images for the tests of signing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use signing::{KeyFile, Keys, Name};

#[allow(dead_code)]
#[path = "../../../../pure/pe/tests/common/mod.rs"]
mod images;

/// Keys are dear to make: one folder for all tests of a program, which stays for the next run.
pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::ensure(&scratch("keys")).unwrap())
}

/// A folder for this test, under cargo's target folder.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(dir).unwrap();
    dir.join(name)
}

/// The key that db would trust.
#[allow(dead_code)]
pub fn db() -> KeyFile {
    KeyFile::open(&keys().file(Name::Db, "key"), &keys().file(Name::Db, "crt")).unwrap()
}

/// A UKI in small: all sections that are measured, and one that is not.
#[allow(dead_code)]
pub fn image() -> Vec<u8> {
    let section = |name, bytes| pe::NewSection { name, bytes };
    let sections = [
        section(".osrel", b"ID=gantry\n".as_slice()),
        section(".cmdline", b"quiet"),
        section(".uname", b"6.12.0"),
        section(".sbat", b"sbat,1\ngantry,1\n"),
        section(".linux", b"a kernel"),
        section(".initrd", b"an initramfs"),
        section(".splash", b"a picture"),
    ];
    pe::append(&images::image(&images::parts()), &sections).unwrap()
}

/// Runs a program of the tools tree; `None`, with a word, where there is no tree.
#[allow(dead_code)]
pub fn tool(name: &str, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Option<Output> {
    let Some(tools) = std::env::var_os("GANTRY_TOOLS").map(PathBuf::from) else {
        eprintln!("SKIPPED {name}: GANTRY_TOOLS is not set");
        return None;
    };
    let libraries = tools.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(tools.join("usr/lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(libraries).arg(tools.join("usr/bin").join(name));
    Some(command.args(arguments).output().unwrap())
}
