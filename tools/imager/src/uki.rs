//! The unified kernel image: our stub with the kernel, the initramfs and the command line as sections.
//!
//! Sections are named and ordered as the UAPI group's UKI specification has it, so that other people's tools can read
//! ours; docs/formats/uki.md has the table. Holds always: the same inputs give the same bytes, and what is packed has been
//! read back by the parsers of the stub and the boot manager before anybody is handed it. Signing is left to [`crate::signed`].

use anyhow::{Context, Result, ensure};
use pe::uki::Facts;
use pe::{Headers, Kernel, NewSection};

/// What goes into a UKI.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The stub, an EFI program.
    pub stub: &'a [u8],
    /// The kernel as Debian ships it.
    pub kernel: &'a [u8],
    /// The initramfs.
    pub initrd: &'a [u8],
    /// The kernel command line.
    pub command_line: &'a str,
    /// Text of os-release.
    pub os_release: &'a str,
    /// The kernel's version, `uname -r`.
    pub uname: &'a str,
    /// Text of the `.sbat` section; tests leave it empty to have a UKI without one.
    pub sbat: &'a str,
}

/// Packs a UKI. Debian's signature on the kernel is dropped: the UKI's will cover every byte.
pub fn pack(parts: &Parts<'_>) -> Result<Vec<u8>> {
    let kernel = pe::without_signature(parts.kernel).context("cannot read the kernel")?;
    Kernel::parse(&kernel).context("the stub would refuse this kernel")?;
    let printable = parts.command_line.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    ensure!(printable, "the stub would refuse a command line that is not printable ASCII");
    let mut sections = vec![
        NewSection { name: ".osrel", bytes: parts.os_release.as_bytes() },
        NewSection { name: ".cmdline", bytes: parts.command_line.as_bytes() },
        NewSection { name: ".uname", bytes: parts.uname.as_bytes() },
        NewSection { name: ".sbat", bytes: parts.sbat.as_bytes() },
        NewSection { name: ".linux", bytes: &kernel },
        NewSection { name: ".initrd", bytes: parts.initrd },
    ];
    // An empty section is no section, to every loader.
    sections.retain(|section| section.name != ".sbat" || !section.bytes.is_empty());
    let uki = pe::append(parts.stub, &sections).context("cannot append to the stub")?;
    check(&uki, &sections)?;
    let facts = Facts::of_file(&uki).context("the boot manager would not read this UKI")?;
    ensure!(facts.command_line == parts.command_line, "the boot manager reads another command line");
    Ok(uki)
}

/// Reads every section back.
fn check(uki: &[u8], sections: &[NewSection<'_>]) -> Result<()> {
    let headers = Headers::parse(uki).context("cannot read the UKI back")?;
    ensure!(headers.image_len() == uki.len() as u64, "the UKI's headers do not say its length");
    for section in sections {
        let found = headers.section(section.name).and_then(|found| found.in_file(uki));
        ensure!(found == Some(section.bytes), "section {} did not read back", section.name);
    }
    Ok(())
}
