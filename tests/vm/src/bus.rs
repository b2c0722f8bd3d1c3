//! How the machine's own disk is attached, and what the firmware told the drive.

use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};

/// Where QEMU writes what it traces, in the machine's directory.
const TRACE: &str = "drive.trace";

/// The bus of a machine's own disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bus {
    /// A virtio block device.
    #[default]
    Virtio,
    /// A SATA drive behind AHCI.
    Sata,
    /// A SCSI drive.
    Scsi,
}

/// What a drive was told to do, as far as order matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Write something.
    Write,
    /// Make durable what was written.
    Flush,
}

impl Bus {
    /// The device over the drive `disk`, with its options; a SATA or SCSI drive's commands are traced.
    pub(crate) fn describe(self, command: &mut Command, options: &str) {
        let (device, event) = match self {
            Self::Virtio => {
                command.args(["-device", &format!("virtio-blk-pci,drive=disk,{options}")]);
                return;
            }
            Self::Sata => ("ide-hd,bus=ide.0", "ide_bus_exec_cmd"),
            Self::Scsi => {
                command.args(["-device", "virtio-scsi-pci,id=scsi"]);
                ("scsi-hd,bus=scsi.0", "scsi_req_parsed")
            }
        };
        command.args(["-device", &format!("{device},drive=disk,{options}")]);
        command.args(["-trace", event, "-D", TRACE]);
    }

    /// Reads what was traced so far.
    pub(crate) fn told(self, dir: &Path) -> Result<Vec<Told>> {
        let file = dir.join(TRACE);
        let text = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        Ok(text.lines().filter_map(|line| self.parse(line)).collect())
    }

    /// `... cmd 0xea` of a SATA drive, `... command 53 dir ...` of a SCSI one.
    fn parse(self, line: &str) -> Option<Told> {
        match self {
            Self::Virtio => None,
            Self::Sata => {
                let (_, code) = line.rsplit_once("cmd 0x")?;
                // ATA: WRITE SECTORS, WRITE DMA, each also (EXT); FLUSH CACHE, also (EXT).
                match u8::from_str_radix(code.trim(), 16).ok()? {
                    0x30 | 0x34 | 0x35 | 0xca => Some(Told::Write),
                    0xe7 | 0xea => Some(Told::Flush),
                    _ => None,
                }
            }
            Self::Scsi => {
                let (_, rest) = line.split_once("command ")?;
                // SCSI: WRITE (10), WRITE (16); SYNCHRONIZE CACHE (10), (16).
                match rest.split(' ').next()?.parse().ok()? {
                    0x2a_u8 | 0x8a => Some(Told::Write),
                    0x35 | 0x91 => Some(Told::Flush),
                    _ => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traced_commands_are_understood() {
        let sata = |code: &str| {
            Bus::Sata.parse(&format!("ide_bus_exec_cmd IDE exec cmd: bus 0x55; state 0x5; cmd 0x{code}"))
        };
        assert_eq!([sata("ca"), sata("ea"), sata("c8")], [Some(Told::Write), Some(Told::Flush), None]);
        let scsi = |code: u8| {
            Bus::Scsi.parse(&format!("scsi_req_parsed target 0 lun 0 tag 3 command {code} dir 2 length 512"))
        };
        assert_eq!([scsi(42), scsi(53), scsi(40)], [Some(Told::Write), Some(Told::Flush), None]);
    }
}
