//! A hypervisor that speaks the message protocol, and some that do not.

use std::collections::BTreeMap;

use super::*;

const CHANNEL: u32 = 3 << 16;
const COOKIE: (u32, u32) = (0xc00c_1e01, 0xc00c_1e02);

/// VMware's side of the port.
#[derive(Default)]
pub(in crate::sources) struct Hypervisor {
    values: BTreeMap<String, Vec<u8>>,
    question: Vec<u8>,
    missing: usize,
    reply: Vec<u8>,
    /// Exchanges until the machine is moved in the middle.
    moved_after: Option<usize>,
    open: usize,
}

impl Hypervisor {
    pub(in crate::sources) fn with(values: &[(&str, &[u8])]) -> Hypervisor {
        let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec()));
        Hypervisor { values: values.collect(), ..Hypervisor::default() }
    }

    fn answer(&self) -> Vec<u8> {
        let question = String::from_utf8(self.question.clone()).unwrap();
        let key = question.strip_prefix("info-get ").expect("the only question there is");
        match self.values.get(key) {
            Some(value) => [b"1 ", value.as_slice()].concat(),
            None => b"0 No value found".to_vec(),
        }
    }
}

impl Port for Hypervisor {
    fn call(&mut self, given: Registers) -> Registers {
        assert_eq!(given.ecx & 0xffff, MESSAGE);
        let mut out = given;
        let mut status = SUCCESS;
        let step = given.ecx >> 16;
        if step == Step::Open as u32 {
            assert_eq!(given.ebx, RPCI);
            self.open += 1;
            (out.edx, out.esi, out.edi) = (CHANNEL | 0x5658, COOKIE.0, COOKIE.1);
        } else {
            assert_eq!((given.edx & 0xffff_0000, (given.esi, given.edi)), (CHANNEL, COOKIE));
        }
        match self.moved_after.as_mut() {
            Some(0) if step != Step::Open as u32 => {
                self.moved_after = None;
                out.ecx = CHECKPOINT << 16;
                return out;
            }
            Some(left) => *left = left.saturating_sub(1),
            None => {}
        }
        match step {
            1 => (self.question, self.missing) = (Vec::new(), given.ebx as usize),
            2 => {
                let word = given.ebx.to_le_bytes();
                let piece = &word[..self.missing.min(4)];
                self.question.extend(piece);
                self.missing -= piece.len();
            }
            3 => {
                assert_eq!(self.missing, 0, "the whole question was sent");
                self.reply = self.answer();
                out.ebx = u32::try_from(self.reply.len()).unwrap();
                status |= HAS_REPLY;
            }
            4 => {
                let rest = self.reply.split_off(self.reply.len().min(4));
                let mut word = [0xee; 4];
                word[..self.reply.len()].copy_from_slice(&self.reply);
                (out.ebx, self.reply) = (u32::from_le_bytes(word), rest);
            }
            5 => assert!(self.reply.is_empty()),
            6 => self.open -= 1,
            _ => assert_eq!(step, 0),
        }
        out.ecx = status << 16;
        out
    }
}

#[test]
fn values_are_read_as_their_encoding_says() {
    let packed = STANDARD.encode(b"settings.motd = 'x'\n");
    let lines = packed.as_bytes().chunks(5).collect::<Vec<_>>().join(&b'\n');
    for (value, encoding, wanted) in [
        (&b"plain"[..], None, &b"plain"[..]),
        (b"", None, b""),
        (b"plain", Some(""), b"plain"),
        (packed.as_bytes(), Some("base64"), b"settings.motd = 'x'\n"),
        (packed.as_bytes(), Some("B64 "), b"settings.motd = 'x'\n"),
        (&lines, Some("gz+b64"), b"settings.motd = 'x'\n"),
        (&lines, Some("gzip+base64"), b"settings.motd = 'x'\n"),
    ] {
        let mut values = vec![(KEY, value)];
        values.extend(encoding.map(|encoding| ("guestinfo.userdata.encoding", encoding.as_bytes())));
        let mut hypervisor = Hypervisor::with(&values);
        assert_eq!(user_data(&mut hypervisor).unwrap().unwrap(), wanted, "{encoding:?}");
        assert_eq!(hypervisor.open, 0, "every channel is closed");
    }
    assert!(user_data(&mut Hypervisor::default()).unwrap().is_none());
}

#[test]
fn what_is_not_as_its_encoding_says_is_named() {
    let encoding = "guestinfo.userdata.encoding";
    let mut hypervisor = Hypervisor::with(&[(KEY, b"*"), (encoding, b"base64")]);
    assert!(matches!(user_data(&mut hypervisor), Err(GuestinfoError::Base64(_))));
    let mut hypervisor = Hypervisor::with(&[(KEY, b"*"), (encoding, b"rot13")]);
    assert!(matches!(user_data(&mut hypervisor), Err(GuestinfoError::Encoding)));
    let mut hypervisor = Hypervisor::with(&[(KEY, &vec![b'a'; REPLY_BYTES])]);
    assert!(matches!(user_data(&mut hypervisor), Err(GuestinfoError::TooLong)));
}

#[test]
fn a_machine_that_is_moved_at_any_exchange_asks_again() {
    for after in 0..40 {
        let mut hypervisor = Hypervisor::with(&[(KEY, b"settings.motd = 'moved'\n")]);
        hypervisor.moved_after = Some(after);
        assert_eq!(
            user_data(&mut hypervisor).unwrap().unwrap(),
            b"settings.motd = 'moved'\n",
            "after {after}"
        );
    }
}

/// Answers everything with the same registers.
struct Stubborn(Registers);

impl Port for Stubborn {
    fn call(&mut self, _: Registers) -> Registers {
        self.0
    }
}

#[test]
fn a_port_that_makes_no_sense_is_left_alone() {
    let ones = Registers { eax: !0, ebx: !0, ecx: !0, edx: !0, esi: !0, edi: !0 };
    assert!(matches!(user_data(&mut Stubborn(ones)), Err(GuestinfoError::TooLong)));
    assert!(matches!(user_data(&mut Stubborn(Registers::default())), Err(GuestinfoError::Refused("open"))));
    let silent = Registers { ecx: SUCCESS << 16, ..Registers::default() };
    assert!(matches!(user_data(&mut Stubborn(silent)), Err(GuestinfoError::Refused("receive size"))));
    let moving = Registers { ecx: (SUCCESS | CHECKPOINT) << 16, ..Registers::default() };
    assert!(matches!(user_data(&mut Stubborn(moving)), Err(GuestinfoError::Interrupted)));
}
