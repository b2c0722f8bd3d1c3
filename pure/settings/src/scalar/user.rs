//! A container's user as text: `UID` or `UID:GID`, numbers only.
//!
//! Names would have to be looked up in the image's files; numbers mean the same everywhere.

use alloc::format;
use alloc::string::String;

use super::{Invalid, Scalar};
use crate::containers::User;

impl Scalar for User {
    const WANTED: &'static str = "UID or UID:GID";
    const NUMBERS: bool = true;

    fn parse(text: &str) -> Result<Self, Invalid> {
        let id = |digits: &str| {
            // The last one, all bits set, means "no change" to the kernel.
            let id = digits.parse::<u32>().ok().filter(|id| *id != u32::MAX);
            id.filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
                .ok_or(Invalid::new("not UID or UID:GID, numbers from 0 to 4294967294"))
        };
        match text.split_once(':') {
            None => Ok(User { uid: id(text)?, gid: None }),
            Some((uid, gid)) => Ok(User { uid: id(uid)?, gid: Some(id(gid)?) }),
        }
    }

    fn text(&self) -> String {
        match self.gid {
            None => format!("{}", self.uid),
            Some(gid) => format!("{}:{gid}", self.uid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn users() {
        assert_eq!(User::parse("1000:100"), Ok(User { uid: 1000, gid: Some(100) }));
        accepts::<User>(
            &["0", "1000", "0:0", "4294967294:4294967294"],
            &["", ":", "0:", ":0", "nobody", "-1", "+1", "1:2:3", "4294967295", "1000:users", "1.5", " 1"],
        );
    }
}
