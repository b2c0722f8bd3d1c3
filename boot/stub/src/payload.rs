//! Kernel, initramfs and command line inside the stub's loaded image.

use alloc::vec::Vec;

use pe::{Fault, Headers, Kernel, KernelFault};

/// What the UKI carries, checked.
#[derive(Debug)]
pub struct Payload<'a> {
    /// The kernel, ready to be laid out.
    pub kernel: Kernel<'a>,
    /// The initramfs.
    pub initrd: &'a [u8],
    /// The kernel's command line as the firmware's protocols carry it: UTF-16 with a final zero.
    pub command_line: Vec<u16>,
}

/// Why the image does not boot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadFault {
    /// The loaded image's own headers are not readable.
    #[error("cannot read own image")]
    Image(#[source] Fault),
    /// A section is absent, there twice, or reaches out of the image.
    #[error("image has no section {0}")]
    Section(&'static str),
    /// The kernel is not one that we start.
    #[error("cannot use the kernel")]
    Kernel(#[source] KernelFault),
    /// A command line is printable ASCII.
    #[error("command line is not printable ASCII")]
    CommandLine,
}

impl<'a> Payload<'a> {
    /// Finds the payload in the stub's own image, as the firmware has loaded it.
    pub fn find(image: &'a [u8]) -> Result<Self, PayloadFault> {
        let headers = Headers::parse(image).map_err(PayloadFault::Image)?;
        let section =
            |name| headers.section(name).and_then(|s| s.in_memory(image)).ok_or(PayloadFault::Section(name));
        Ok(Self {
            kernel: Kernel::parse(section(".linux")?).map_err(PayloadFault::Kernel)?,
            initrd: section(".initrd")?,
            command_line: command_line(section(".cmdline")?)?,
        })
    }
}

/// Packers may leave a newline or zeroes behind the text.
fn command_line(section: &[u8]) -> Result<Vec<u16>, PayloadFault> {
    let end = section.iter().rposition(|byte| !matches!(byte, 0 | b'\n')).map_or(0, |last| last + 1);
    let text = &section[..end];
    if !text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(PayloadFault::CommandLine);
    }
    Ok(text.iter().map(|byte| u16::from(*byte)).chain([0]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn text(section: &[u8]) -> Result<String, PayloadFault> {
        command_line(section).map(|wide| String::from_utf16(&wide).unwrap())
    }

    #[test]
    fn a_command_line_loses_its_padding_and_gains_one_zero() {
        assert_eq!(text(b"console=ttyS0 quiet\n\0\0").unwrap(), "console=ttyS0 quiet\0");
        assert_eq!(text(b"").unwrap(), "\0");
        assert_eq!(text(b"\n").unwrap(), "\0");
    }

    #[test]
    fn a_command_line_with_anything_but_printable_ascii_is_refused() {
        for bad in [&b"a\0b"[..], b"a\nb", b"caf\xc3\xa9", b"\x1b[m"] {
            assert_eq!(text(bad), Err(PayloadFault::CommandLine));
        }
    }

    #[test]
    fn an_image_without_payload_is_refused() {
        assert!(matches!(Payload::find(b"MZ"), Err(PayloadFault::Image(_))));
    }
}
