//! The drive's own flush, behind the firmware's.
//!
//! EDK2's FlushBlocks does nothing for SATA and SCSI disks (`AtaBlockIoFlushBlocks`, `ScsiDiskFlushBlocks`), so a drive
//! with a write cache would keep none of the order that writing the table relies on. The command that operating systems
//! send goes to the drive by its bus's pass-through protocol (UEFI 2.10, 13.13 and 15.7). NVMe and virtio disks are flushed
//! by FlushBlocks itself; for USB there is no way (docs/formats/disk.md).
//!
//! Holds always: the answer decides nothing. A drive without a cache refuses the command, and how that looks differs from
//! one firmware to the next: machines that boot today must not stop for it.
#![allow(unsafe_code)]

use core::ptr;

use uefi::Status;
use uefi::boot::{self, ScopedProtocol};
use uefi::proto::device_path::DevicePath;
use uefi::proto::{ProtocolPointer, unsafe_protocol};
use uefi_raw::protocol::ata::{
    AtaCommandBlock, AtaPassThruCommandPacket, AtaPassThruCommandProtocol, AtaPassThruLength,
    AtaPassThruProtocol, AtaStatusBlock,
};
use uefi_raw::protocol::scsi::{
    ExtScsiPassThruProtocol, SCSI_TARGET_MAX_BYTES, ScsiIoDataDirection, ScsiIoHostAdapterStatus,
    ScsiIoScsiRequestPacket, ScsiIoTargetStatus,
};

use super::pages::Pages;

/// In units of 100 ns. ATA allows a full cache more; right after the firmware it holds a few sectors of ours.
const TIMEOUT: u64 = 30 * 10_000_000;
const ATA_FLUSH_EXT: u8 = 0xea;
/// For drives that know no 48-bit commands.
const ATA_FLUSH: u8 = 0xe7;
/// Bits that old drives want set; bit 4 picks the second drive of a cable. As EDK2 addresses its own commands.
const ATA_DEVICE: u8 = 0xe0;
/// There is no port multiplier.
const NO_MULTIPLIER: u16 = 0xffff;
/// SYNCHRONIZE CACHE (10) of all blocks, answered when they are durable.
const SCSI_FLUSH: [u8; 10] = [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[repr(transparent)]
#[unsafe_protocol(AtaPassThruProtocol::GUID)]
struct Ata(AtaPassThruProtocol);

#[repr(transparent)]
#[unsafe_protocol(ExtScsiPassThruProtocol::GUID)]
struct Scsi(ExtScsiPassThruProtocol);

/// A drive behind a controller that passes commands through.
pub struct Drive(Bus);

enum Bus {
    Ata { controller: ScopedProtocol<Ata>, port: u16, multiplier: u16 },
    Scsi { controller: ScopedProtocol<Scsi>, target: [u8; SCSI_TARGET_MAX_BYTES], lun: u64 },
}

impl Drive {
    /// The drive at the end of a disk's path, if one of the two buses has it.
    pub fn at(disk: &DevicePath) -> Option<Self> {
        Self::ata(disk).or_else(|| Self::scsi(disk))
    }

    fn ata(disk: &DevicePath) -> Option<Self> {
        let (controller, node) = parent::<Ata>(disk)?;
        let (mut port, mut multiplier) = (0, NO_MULTIPLIER);
        // SAFETY: the firmware's own interface; a path that outlives the call, and two numbers.
        let status = unsafe {
            (controller.0.get_device)(&controller.0, node.as_ffi_ptr().cast(), &mut port, &mut multiplier)
        };
        (status == Status::SUCCESS).then_some(Self(Bus::Ata { controller, port, multiplier }))
    }

    fn scsi(disk: &DevicePath) -> Option<Self> {
        let (controller, node) = parent::<Scsi>(disk)?;
        let (mut target, mut lun) = ([0xff; SCSI_TARGET_MAX_BYTES], 0);
        let bytes = target.as_mut_ptr();
        // SAFETY: as above; a target is never longer than its bytes.
        let status = unsafe {
            (controller.0.get_target_lun)(&controller.0, node.as_ffi_ptr().cast(), &bytes, &mut lun)
        };
        (status == Status::SUCCESS).then_some(Self(Bus::Scsi { controller, target, lun }))
    }

    /// Has the drive make durable what it was sent. `false`: it does not; asking again could cost another time-out, and a
    /// few of these are the firmware's watchdog's five minutes.
    pub fn flush(&mut self) -> bool {
        let status = match &mut self.0 {
            Bus::Ata { controller, port, multiplier } => {
                let mut send = |command| ata_command(&mut controller.0, *port, *multiplier, command);
                match send(ATA_FLUSH_EXT) {
                    status @ (Status::SUCCESS | Status::TIMEOUT) => status,
                    _ => send(ATA_FLUSH),
                }
            }
            Bus::Scsi { controller, target, lun } => scsi_flush(&mut controller.0, target, *lun),
        };
        status == Status::SUCCESS
    }
}

/// The controller right above the disk, and the path's last node.
fn parent<P: ProtocolPointer>(disk: &DevicePath) -> Option<(ScopedProtocol<P>, &DevicePath)> {
    let mut rest = disk;
    let handle = boot::locate_device_path::<P>(&mut rest).ok()?;
    // More nodes than one: something else is in between, such as a USB bridge.
    (rest.node_iter().count() == 1).then_some((platform::open::<P>(handle).ok()?, rest))
}

fn ata_command(io: &mut AtaPassThruProtocol, port: u16, multiplier: u16, command: u8) -> Status {
    let device_head = ATA_DEVICE | if multiplier == NO_MULTIPLIER { 0 } else { (multiplier as u8) << 4 };
    let block = AtaCommandBlock { command, device_head, ..AtaCommandBlock::default() };
    // SAFETY: `mode` is valid as long as the protocol is.
    let align = unsafe { (*io.mode).io_align } as usize;
    let Ok(mut answer) = Pages::new(size_of::<AtaStatusBlock>(), align.next_power_of_two()) else {
        return Status::OUT_OF_RESOURCES;
    };
    let mut packet = AtaPassThruCommandPacket {
        asb: answer.as_mut().as_mut_ptr().cast(),
        acb: &block,
        timeout: TIMEOUT,
        in_data_buffer: ptr::null_mut(),
        out_data_buffer: ptr::null(),
        in_transfer_length: 0,
        out_transfer_length: 0,
        protocol: AtaPassThruCommandProtocol::ATA_NON_DATA,
        length: AtaPassThruLength::NO_DATA_TRANSFER,
    };
    // SAFETY: without an event the call ends with the command, and all that the packet points to lives until then.
    unsafe { (io.pass_thru)(io, port, multiplier, &mut packet, ptr::null_mut()) }
}

fn scsi_flush(io: &mut ExtScsiPassThruProtocol, target: &[u8; SCSI_TARGET_MAX_BYTES], lun: u64) -> Status {
    let mut command = SCSI_FLUSH;
    let mut packet = ScsiIoScsiRequestPacket {
        timeout: TIMEOUT,
        in_data_buffer: ptr::null_mut(),
        out_data_buffer: ptr::null_mut(),
        sense_data: ptr::null_mut(),
        cdb: command.as_mut_ptr().cast(),
        in_transfer_length: 0,
        out_transfer_length: 0,
        cdb_length: SCSI_FLUSH.len() as u8,
        data_direction: ScsiIoDataDirection::READ,
        host_adapter_status: ScsiIoHostAdapterStatus::default(),
        target_status: ScsiIoTargetStatus::default(),
        sense_data_length: 0,
    };
    // SAFETY: as for ATA.
    unsafe { (io.pass_thru)(io, target.as_ptr(), lun, &mut packet, ptr::null_mut()) }
}
