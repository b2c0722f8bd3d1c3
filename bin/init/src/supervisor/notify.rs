//! What services say about themselves (sd_notify(3)): lines of `KEY=value` in one datagram.

use supervise::set::is_milestone;

/// Longest datagram read; what is cut off is lost.
pub const DATAGRAM_MAX: usize = 4096;

/// The part of a message that PID 1 acts on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// `READY=1`: it is up.
    pub ready: bool,
    /// `STATUS=`: a word to people.
    pub status: Option<&'a str>,
    /// `MILESTONE=`, one line each: something was reached. Ours, not systemd's.
    pub milestones: Vec<&'a str>,
}

/// Reads a message. What is not known, or not text, is passed over: services speak newer dialects than ours.
pub fn parse(datagram: &[u8]) -> Said<'_> {
    let mut said = Said::default();
    for line in datagram.split(|byte| *byte == b'\n') {
        let Some((key, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('=')) else {
            continue;
        };
        match key {
            "READY" => said.ready |= value == "1",
            "STATUS" => said.status = Some(value),
            "MILESTONE" if is_milestone(value) => said.milestones.push(value),
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_read_and_others_passed_over() {
        let said =
            parse(b"READY=1\nMAINPID=7\nSTATUS=up = good\nMILESTONE=container/web\nMILESTONE=a b\n\xff=1\nx");
        let want = Said { ready: true, status: Some("up = good"), milestones: vec!["container/web"] };
        assert_eq!(said, want);
        assert_eq!(parse(b"READY=0"), Said::default());
    }
}
