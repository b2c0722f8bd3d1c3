//! What services say about themselves (sd_notify(3)): lines of `KEY=value` in one datagram.

use supervise::set::is_milestone;

/// Longest datagram read; what is cut off is lost.
pub const DATAGRAM_MAX: usize = 4096;

/// The part of a message that PID 1 acts on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// `READY=1`: it is up.
    pub ready: bool,
    /// `ERRNO=` other than 0: what it was told to do did not work.
    pub failed: bool,
    /// `RELOADING=1`: it has begun to take its files again.
    pub reloading: Option<Since>,
    /// `STATUS=`: a word to people.
    pub status: Option<&'a str>,
    /// `MILESTONE=`, one line each: something was reached. Ours, not systemd's.
    pub milestones: Vec<&'a str>,
}

/// When a reload began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Since {
    /// `MONOTONIC_USEC=`, microseconds of CLOCK_MONOTONIC.
    pub monotonic_usec: Option<u64>,
}

/// Reads a message. What is not known, or not text, is passed over: services speak newer dialects than ours.
pub fn parse(datagram: &[u8]) -> Said<'_> {
    let mut said = Said::default();
    let (mut reloading, mut since) = (false, Since::default());
    for line in datagram.split(|byte| *byte == b'\n') {
        let Some((key, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('=')) else {
            continue;
        };
        match key {
            "READY" => said.ready |= value == "1",
            "ERRNO" => said.failed = value.parse::<i32>().is_ok_and(|number| number != 0),
            "RELOADING" => reloading |= value == "1",
            "MONOTONIC_USEC" => since.monotonic_usec = value.parse().ok(),
            "STATUS" => said.status = Some(value),
            "MILESTONE" if is_milestone(value) => said.milestones.push(value),
            _ => {}
        }
    }
    said.reloading = reloading.then_some(since);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_read_and_others_passed_over() {
        let said =
            parse(b"READY=1\nMAINPID=7\nSTATUS=up = good\nMILESTONE=container/web\nMILESTONE=a b\n\xff=1\nx");
        let want = Said {
            ready: true,
            status: Some("up = good"),
            milestones: vec!["container/web"],
            ..Said::default()
        };
        assert_eq!(said, want);
        assert_eq!(parse(b"READY=0"), Said::default());
    }

    #[test]
    fn a_reload_that_did_not_work_says_so() {
        let said = parse(sys::notify::NOT_TAKEN.as_bytes());
        assert!(said.ready && said.failed);
        for fine in ["READY=1", "READY=1\nERRNO=0", "READY=1\nERRNO=x"] {
            assert!(!parse(fine.as_bytes()).failed, "{fine}");
        }
    }

    #[test]
    fn a_reload_says_since_when() {
        let since = |monotonic_usec| Some(Since { monotonic_usec });
        assert_eq!(
            parse(sys::notify::reloading().as_bytes()).reloading.map(|at| at.monotonic_usec.is_some()),
            Some(true)
        );
        assert_eq!(parse(b"MONOTONIC_USEC=7\nRELOADING=1").reloading, since(Some(7)), "in any order");
        assert_eq!(parse(b"RELOADING=1\nMONOTONIC_USEC=-7").reloading, since(None));
        assert_eq!(parse(b"RELOADING=0\nMONOTONIC_USEC=7").reloading, None);
    }
}
