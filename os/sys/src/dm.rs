//! Device-mapper: making a mapped device out of a table line (linux/dm-ioctl.h, Documentation/admin-guide/device-mapper).
//!
//! Three calls make a device: create it empty, load its table, resume it. Needs the dm-mod module and a devtmpfs at
//! /dev. A half-made device is removed again.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use rustix::ioctl::{Opcode, Updater, ioctl};

/// The fixed part of every request and answer, `struct dm_ioctl`.
const HEADER: usize = 312;
/// `struct dm_target_spec`
const SPEC: usize = 40;
/// Header, one target and its parameters; a verity line is 300 bytes.
const BUFFER: usize = 4096;
const NAME_MAX: usize = 128;

const CREATE: Opcode = request(3);
const REMOVE: Opcode = request(4);
/// DM_DEV_SUSPEND; without the suspend flag it means resume.
const RESUME: Opcode = request(6);
const TABLE_LOAD: Opcode = request(9);

const READ_ONLY: u32 = 1 << 0;
/// The version of the interface that this file was written to: 4.0.0 has all that is used here.
const VERSION: [u32; 3] = [4, 0, 0];

/// `_IOWR(0xfd, number, struct dm_ioctl)`: the size is the header's, whatever follows it.
const fn request(number: u8) -> Opcode {
    rustix::ioctl::opcode::read_write::<[u8; HEADER]>(0xfd, number)
}

/// One line of a device-mapper table that covers the whole device.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Length in sectors of 512 bytes.
    pub sectors: u64,
    /// Target type, e.g. `verity`.
    pub kind: &'a str,
    /// The rest of the line.
    pub parameters: &'a str,
}

/// What went wrong, by step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No /dev/mapper/control.
    #[error("cannot open /dev/mapper/control")]
    Control(#[source] io::Error),
    /// The kernel would not make a device of this name.
    #[error("cannot create device {name}")]
    Create {
        /// The name asked for.
        name: String,
        /// The kernel's reason.
        #[source]
        err: io::Error,
    },
    /// The target refused its parameters; the kernel log says which.
    #[error("device {name} refuses its table {table:?}")]
    Load {
        /// The device.
        name: String,
        /// The table's parameters.
        table: String,
        /// The kernel's reason.
        #[source]
        err: io::Error,
    },
    /// The device would not start.
    #[error("cannot resume device {name}")]
    Resume {
        /// The device.
        name: String,
        /// The kernel's reason.
        #[source]
        err: io::Error,
    },
}

/// Makes the read-only device `name` of one target, ready for use; returns its node, which devtmpfs made.
pub fn create_read_only(name: &str, uuid: &str, target: Target<'_>) -> Result<PathBuf, Error> {
    let control =
        OpenOptions::new().read(true).write(true).open("/dev/mapper/control").map_err(Error::Control)?;
    let named = |err| Error::Create { name: name.to_owned(), err };
    let mut create = Message::new(name).map_err(named)?;
    create.put_uuid(uuid).map_err(named)?;
    create.send::<CREATE>(&control).map_err(named)?;
    let made = activate(&control, name, target, create.minor());
    if made.is_err() {
        // The first error is the one to report.
        let _ = Message::new(name).and_then(|mut remove| remove.send::<REMOVE>(&control));
    }
    made
}

fn activate(control: &File, name: &str, target: Target<'_>, minor: u32) -> Result<PathBuf, Error> {
    let refused = |err| Error::Load { name: name.to_owned(), table: target.parameters.to_owned(), err };
    let mut load = Message::new(name).map_err(refused)?;
    load.put_target(target).map_err(refused)?;
    load.send::<TABLE_LOAD>(control).map_err(refused)?;
    Message::new(name)
        .and_then(|mut resume| resume.send::<RESUME>(control))
        .map_err(|err| Error::Resume { name: name.to_owned(), err })?;
    Ok(PathBuf::from(format!("/dev/dm-{minor}")))
}

/// A request, laid out as the kernel wants it; the answer comes back in its place.
#[repr(C, align(8))]
struct Message([u8; BUFFER]);

impl Message {
    fn new(name: &str) -> io::Result<Self> {
        let mut message = Self([0; BUFFER]);
        for (index, number) in VERSION.into_iter().enumerate() {
            message.put(index * 4, &number.to_ne_bytes());
        }
        message.put(12, &(BUFFER as u32).to_ne_bytes());
        message.put(16, &(HEADER as u32).to_ne_bytes());
        message.put_string(48, NAME_MAX, name)?;
        Ok(message)
    }

    fn put_uuid(&mut self, uuid: &str) -> io::Result<()> {
        self.put_string(48 + NAME_MAX, 129, uuid)
    }

    fn put_target(&mut self, target: Target<'_>) -> io::Result<()> {
        self.put(20, &1_u32.to_ne_bytes());
        self.put(28, &READ_ONLY.to_ne_bytes());
        self.put(HEADER + 8, &target.sectors.to_ne_bytes());
        self.put_string(HEADER + 24, 16, target.kind)?;
        self.put_string(HEADER + SPEC, BUFFER - HEADER - SPEC, target.parameters)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Puts `text` and a NUL into the `room` bytes at `at`.
    fn put_string(&mut self, at: usize, room: usize, text: &str) -> io::Result<()> {
        if text.len() >= room || text.contains('\0') {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.put(at, text.as_bytes());
        Ok(())
    }

    /// The minor number in an answer: the low byte of the kernel's `huge_encode_dev`, and bits 20 up.
    fn minor(&self) -> u32 {
        let device = u64::from_ne_bytes(self.0[40..48].try_into().unwrap_or_default());
        (device & 0xff) as u32 | ((device >> 12) & 0xffff_ff00) as u32
    }

    fn send<const REQUEST: Opcode>(&mut self, control: &File) -> io::Result<()> {
        // SAFETY: every device-mapper request reads and writes at most `data_size` bytes (offset 12, set to the
        // length of this buffer in `new`) starting at the pointer, and keeps none; the buffer is aligned to 8.
        unsafe { ioctl(control, Updater::<REQUEST, Self>::new(self)) }?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{BUFFER, CREATE, HEADER, Message, SPEC, TABLE_LOAD, Target};

    #[test]
    fn request_numbers_are_the_kernels() {
        // _IOWR(0xfd, 3, struct dm_ioctl) and 9, as strace prints them on x86-64.
        assert_eq!((CREATE, TABLE_LOAD), (0xc138_fd03, 0xc138_fd09));
    }

    #[test]
    fn a_target_lies_right_after_the_header() {
        let mut message = Message::new("root").unwrap();
        message.put_target(Target { sectors: 8, kind: "verity", parameters: "1 a b" }).unwrap();
        assert_eq!(message.0[HEADER + 8..HEADER + 16], 8_u64.to_ne_bytes());
        assert_eq!(&message.0[HEADER + 24..HEADER + 31], b"verity\0");
        assert_eq!(&message.0[HEADER + SPEC..HEADER + SPEC + 6], b"1 a b\0");
    }

    #[test]
    fn what_does_not_fit_is_refused_not_cut() {
        assert!(Message::new(&"n".repeat(128)).is_err());
        assert!(Message::new("a\0b").is_err());
        let parameters = "p".repeat(BUFFER);
        let target = Target { sectors: 8, kind: "verity", parameters: &parameters };
        assert!(Message::new("root").unwrap().put_target(target).is_err());
    }

    #[test]
    fn minors_above_255_are_read_whole() {
        let mut message = Message::new("root").unwrap();
        message.put(40, &(0x0010_fd02_u64).to_ne_bytes());
        assert_eq!(message.minor(), 0x102);
    }
}
