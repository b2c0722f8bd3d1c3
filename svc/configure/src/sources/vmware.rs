//! VMware's guestinfo: `guestinfo.userdata`, and `guestinfo.userdata.encoding`, which says how it is packed.
//!
//! The question is a line of text, the answer another, carried over the backdoor four bytes at a time (the low-bandwidth form
//! of VMware's messages, which needs no shared memory). Holds always: whatever the other side of the port does, the number of exchanges
//! and the bytes held are bounded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use settings::LIMITS;
use sys::backdoor::{Backdoor, Registers};

const KEY: &str = "guestinfo.userdata";

/// The command "message", in the lower half of ecx; the step is in the upper half, and so is the answer's status.
const MESSAGE: u32 = 30;
/// The protocol of questions by the guest ("RPCI"), with the flag that asks for a cookie.
const RPCI: u32 = 0x4943_5052 | 0x8000_0000;

/// Bits of a status.
const SUCCESS: u32 = 1;
const HAS_REPLY: u32 = 2;
/// The machine was moved or snapshotted in the middle: ask again from the start.
const CHECKPOINT: u32 = 0x10;

/// A machine is moved once in a while, not more often than this in a row.
const TRIES: usize = 4;

/// In base64, with line ends and the status before it.
const REPLY_BYTES: usize = LIMITS.text_bytes * 3 / 2;

/// The steps of an exchange.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
enum Step {
    Open = 0,
    SendSize = 1,
    SendPayload = 2,
    ReceiveSize = 3,
    ReceivePayload = 4,
    ReceiveStatus = 5,
    Close = 6,
}

/// Whatever answers registers with registers.
pub trait Port {
    /// One exchange.
    fn call(&mut self, registers: Registers) -> Registers;
}

impl Port for Backdoor {
    fn call(&mut self, registers: Registers) -> Registers {
        Backdoor::call(self, registers)
    }
}

/// Why guestinfo could not be had.
#[derive(Debug, thiserror::Error)]
pub enum GuestinfoError {
    /// The hypervisor broke off.
    #[error("the hypervisor refused step {0} of the message")]
    Refused(&'static str),
    /// The machine was moved again and again.
    #[error("the hypervisor interrupted the message {TRIES} times")]
    Interrupted,
    /// It wants to say more than is taken.
    #[error("{KEY} is longer than {REPLY_BYTES} bytes")]
    TooLong,
    /// An encoding nobody knows.
    #[error("{KEY}.encoding is none of base64, b64, gzip+base64, gz+b64")]
    Encoding,
    /// It is not what its encoding says.
    #[error("{KEY} is not base64, which {KEY}.encoding says it is")]
    Base64(#[source] base64::DecodeError),
}

/// The document, if the machine was given one. It may still be gzipped.
pub fn user_data(port: &mut dyn Port) -> Result<Option<Vec<u8>>, GuestinfoError> {
    let Some(value) = get(port, KEY)? else { return Ok(None) };
    let encoding = get(port, &format!("{KEY}.encoding"))?.unwrap_or_default();
    match encoding.trim_ascii().to_ascii_lowercase().as_slice() {
        b"" => Ok(Some(value)),
        // Gzip shows by itself.
        b"base64" | b"b64" | b"gzip+base64" | b"gz+b64" => {
            let packed: Vec<u8> = value.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
            STANDARD.decode(packed).map(Some).map_err(GuestinfoError::Base64)
        }
        _ => Err(GuestinfoError::Encoding),
    }
}

/// The value of a key; none where it has none.
fn get(port: &mut dyn Port, key: &str) -> Result<Option<Vec<u8>>, GuestinfoError> {
    let question = format!("info-get {key}");
    for _ in 0..TRIES {
        let channel = Channel::open(port)?;
        let reply = channel.ask(port, question.as_bytes());
        channel.step(port, Step::Close, 0);
        // "1 VALUE", or "0 No value found".
        if let Some(reply) = reply? {
            return Ok(reply.strip_prefix(b"1 ").map(<[u8]>::to_vec));
        }
    }
    Err(GuestinfoError::Interrupted)
}

/// An open channel: its number in the upper half of edx, and the cookie that goes with it.
struct Channel {
    number: u32,
    cookie: (u32, u32),
}

impl Channel {
    fn open(port: &mut dyn Port) -> Result<Channel, GuestinfoError> {
        let ecx = MESSAGE | (Step::Open as u32) << 16;
        let answer = port.call(Registers { ebx: RPCI, ecx, ..Registers::default() });
        if answer.ecx >> 16 & SUCCESS == 0 {
            return Err(GuestinfoError::Refused("open"));
        }
        Ok(Channel { number: answer.edx & 0xffff_0000, cookie: (answer.esi, answer.edi) })
    }

    /// One step: the answer's status and ebx.
    fn step(&self, port: &mut dyn Port, step: Step, ebx: u32) -> (u32, u32) {
        let (esi, edi) = self.cookie;
        let ecx = MESSAGE | (step as u32) << 16;
        let answer = port.call(Registers { ebx, ecx, edx: self.number, esi, edi, ..Registers::default() });
        (answer.ecx >> 16, answer.ebx)
    }

    /// The reply to a question; none if it has to be asked again.
    fn ask(&self, port: &mut dyn Port, question: &[u8]) -> Result<Option<Vec<u8>>, GuestinfoError> {
        // A question is a few words; its length fits.
        let length = u32::try_from(question.len()).unwrap_or(u32::MAX);
        let (status, _) = self.step(port, Step::SendSize, length);
        if status & SUCCESS == 0 {
            return refused(status, "send size");
        }
        for piece in question.chunks(4) {
            let mut word = [0; 4];
            word[..piece.len()].copy_from_slice(piece);
            let (status, _) = self.step(port, Step::SendPayload, u32::from_le_bytes(word));
            if status & SUCCESS == 0 {
                return refused(status, "send");
            }
        }
        let (status, length) = self.step(port, Step::ReceiveSize, 0);
        if status & SUCCESS == 0 || status & HAS_REPLY == 0 {
            return refused(status, "receive size");
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > REPLY_BYTES {
            return Err(GuestinfoError::TooLong);
        }
        let mut reply = Vec::new();
        while reply.len() < length {
            let (status, word) = self.step(port, Step::ReceivePayload, SUCCESS);
            if status & SUCCESS == 0 {
                return refused(status, "receive");
            }
            reply.extend(word.to_le_bytes());
        }
        reply.truncate(length);
        let (status, _) = self.step(port, Step::ReceiveStatus, SUCCESS);
        if status & SUCCESS == 0 {
            return refused(status, "acknowledge");
        }
        Ok(Some(reply))
    }
}

fn refused(status: u32, step: &'static str) -> Result<Option<Vec<u8>>, GuestinfoError> {
    if status & CHECKPOINT == 0 { Err(GuestinfoError::Refused(step)) } else { Ok(None) }
}

#[cfg(test)]
#[path = "vmware/tests.rs"]
pub(super) mod tests;
