//! Keys of the kernel's run-time parameters.

use alloc::string::String;

use super::{Invalid, text_scalar};

text_scalar! {
    /// A sysctl key: 1 to 128 letters, digits, `.`, `/`, `_` and `-`. No empty piece and none of dots only, so its
    /// path stays below /proc/sys.
    ///
    /// As sysctl(8) has it: when the first separator is `.`, dots separate and a `/` stands for a dot inside a name
    /// (`net.ipv4.conf.eth0/100.forwarding`); when it is `/`, it is the path itself.
    SysctlKey: "a sysctl key", |text| {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'_' | b'-');
        if !(1..=128).contains(&text.len()) || !text.bytes().all(word) {
            return Err(Invalid::new("not a sysctl key: 1 to 128 letters, digits, . / _ and -"));
        }
        if path(text).split('/').all(|piece| piece.bytes().any(|b| b != b'.')) {
            return Ok(());
        }
        Err(Invalid::new("not a sysctl key: a piece of it is empty or dots only"))
    }
}

impl SysctlKey {
    /// The file below /proc/sys, relative, without `.` or `..`.
    pub fn path(&self) -> String {
        path(&self.0)
    }
}

fn path(key: &str) -> String {
    match key.bytes().find(|b| matches!(b, b'.' | b'/')) {
        Some(b'.') => key
            .chars()
            .map(|c| match c {
                '.' => '/',
                '/' => '.',
                c => c,
            })
            .collect(),
        _ => key.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn keys_become_paths_below_proc_sys() {
        let (longest, longer) = ("k".repeat(128), "k".repeat(129));
        accepts::<SysctlKey>(
            &[
                "vm",
                "vm.overcommit_memory",
                "net/ipv4/ip_forward",
                "net.ipv4.conf.eth0/100.forwarding",
                &longest,
            ],
            &[
                "", ".", "/", "..", "a..b", ".vm", "vm.", "/vm", "a//b", "../x", "a/../b", "a./.b", "a./..b",
                "a b", "a*", &longer,
            ],
        );
        for (key, want) in [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
            ("net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"),
            ("net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"),
        ] {
            assert_eq!(key.parse::<SysctlKey>().unwrap().path(), want);
        }
    }
}
