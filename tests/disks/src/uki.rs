//! A UKI that nothing can run: the headers of a stub, and the sections that say what it is.

use std::sync::OnceLock;

use pe::{NewSection, append};
use signing::{Keys, sign_image};
use tempfile::TempDir;

use crate::root::Root;

/// What a UKI should say of itself.
pub struct Uki {
    version: String,
    security_version: u32,
}

impl Uki {
    /// Of this version and security version.
    pub fn new(version: &str, security_version: u32) -> Self {
        Self { version: version.into(), security_version }
    }

    /// The file, booting `root`, without a signature.
    pub fn unsigned(&self, root: &Root) -> Vec<u8> {
        let (version, security) = (&self.version, self.security_version);
        let os_release = format!("NAME=Gantry\nVERSION_ID={version}\nVARIANT_ID=standalone\n");
        let command_line = format!("console=ttyS0 {} panic=-1", root.params.command_line_words());
        let sbat = format!(
            "sbat,1,SBAT Version,sbat,1,https://example.org\n\
             gantry,{security},Gantry,gantry,{version},https://example.org\n"
        );
        let sections = [
            NewSection { name: ".osrel", bytes: os_release.as_bytes() },
            NewSection { name: ".cmdline", bytes: command_line.as_bytes() },
            NewSection { name: ".uname", bytes: b"6.12.0-test" },
            NewSection { name: ".sbat", bytes: sbat.as_bytes() },
            NewSection { name: ".linux", bytes: &[7; 5000] },
        ];
        append(&stub(), &sections).unwrap()
    }

    /// The file, signed with a key of this test run.
    pub fn signed(&self, root: &Root) -> Vec<u8> {
        sign_image(&*keys().signer().unwrap(), &self.unsigned(root)).unwrap()
    }
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<(TempDir, Keys)> = OnceLock::new();
    let (_dir, keys) = KEYS.get_or_init(|| {
        let dir = TempDir::new().unwrap();
        let keys = Keys::ensure(dir.path()).unwrap();
        (dir, keys)
    });
    keys
}

/// Headers with room for more sections, and one section of nothing.
fn stub() -> Vec<u8> {
    const OPTIONAL: usize = 0x98;
    let mut image = vec![0; 0x600];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x84, &0x8664_u16.to_le_bytes());
    put(0x86, &1_u16.to_le_bytes());
    put(0x94, &240_u16.to_le_bytes());
    put(OPTIONAL, &0x20b_u16.to_le_bytes());
    // Entry, alignments, sizes of image and headers, count of directories.
    for (at, value) in [(16, 0x1010_u32), (32, 0x1000), (36, 0x200), (56, 0x2000), (60, 0x400), (108, 16)] {
        put(OPTIONAL + at, &value.to_le_bytes());
    }
    put(OPTIONAL + 70, &0x100_u16.to_le_bytes());
    put(OPTIONAL + 240, b".text");
    for (at, value) in [(8, 0x180_u32), (12, 0x1000), (16, 0x200), (20, 0x400), (36, 0x6000_0020)] {
        put(OPTIONAL + 240 + at, &value.to_le_bytes());
    }
    image
}
