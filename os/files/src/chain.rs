//! An error and its causes as one line for a log.

use std::error::Error;
use std::fmt::Write;

/// The error's own words, then each cause after `: `. Line breaks become spaces, so it stays one log line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(err) = cause {
        // Writing to a String cannot fail.
        let _ = write!(line, ": {err}");
        cause = err.source();
    }
    line.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::chain;
    use crate::Error;
    use std::io;

    #[test]
    fn causes_follow_in_one_line() {
        let err = Error::Open { path: "/a".into(), err: io::Error::other("first\nsecond") };
        assert_eq!(chain(&err), "cannot open /a: first second");
    }
}
