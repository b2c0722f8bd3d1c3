//! Records of /dev/kmsg (Documentation/ABI/testing/dev-kmsg): `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,..];TEXT`, then
//! indented `KEY=value` lines, which are left out.

/// One record, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// 0 to 7, lower is worse.
    pub level: u8,
    /// Whether the kernel itself wrote it, or a program through /dev/kmsg.
    pub by_kernel: bool,
    /// Counts up by one from boot.
    pub sequence: u64,
    /// Since boot.
    pub boot_us: i64,
    /// One line; the kernel has escaped what is not printable.
    pub text: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads one record; `None` when it is not in the form above.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let semicolon = bytes.iter().position(|&byte| byte == b';')?;
        let (head, text) = (str::from_utf8(&bytes[..semicolon]).ok()?, &bytes[semicolon + 1..]);
        let mut fields = head.split(',');
        let priority: u32 = fields.next()?.parse().ok()?;
        let sequence = fields.next()?.parse().ok()?;
        let boot_us = fields.next()?.parse().ok()?;
        let text = text.split(|&byte| byte == b'\n').next()?;
        Some(Self { level: (priority & 7) as u8, by_kernel: priority >> 3 == 0, sequence, boot_us, text })
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn records_of_kernel_and_programs_are_read() {
        let record =
            Message::parse(b"6,339,5140900,-,caller=T1;NET: Registered\n SUBSYSTEM=net\n DEVICE=n1\n")
                .unwrap();
        assert_eq!(
            (record.level, record.by_kernel, record.sequence, record.boot_us),
            (6, true, 339, 5_140_900)
        );
        assert_eq!(record.text, b"NET: Registered");
        let record = Message::parse(b"13,340,5140901,-;init: unit data state=ready\n").unwrap();
        assert_eq!((record.level, record.by_kernel), (5, false));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", ";", "6;x", "6,1;x", "a,1,1,-;x", "6,1,1,-", "6,-1,1,-;x"] {
            assert_eq!(Message::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
