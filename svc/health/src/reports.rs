//! What the kernel says of the root's blocks, read from its log.
//!
//! Linux 6.12, drivers/md/dm-verity-target.c and dm-verity-fec.c, each limited to ten in five seconds; after a hundred
//! corrupted blocks there are no more of the first two:
//!
//! ```text
//! device-mapper: verity: 254:3: data block 12 is corrupted
//! device-mapper: verity: 254:3: metadata block 11200 is corrupted
//! device-mapper: verity: 254:3: reached maximum errors
//! device-mapper: verity-fec: 254:3: FEC 12288: corrected 4096 errors
//! device-mapper: verity-fec: 254:3: FEC 12288: failed to correct (2 erasures)
//! verity_handle_err: 7 callbacks suppressed
//! ```
//!
//! The last but one takes the line before it back: what the code made of the bytes still has the wrong digest.
//! A corrupted block is reported also when it is repaired a moment later: while it repairs, the kernel meets damaged tree
//! blocks a second time. And a sector that the disk cannot read at all is no matter of verity's, but of the disk's:
//!
//! ```text
//! I/O error, dev vda, sector 264192 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0
//! ```

/// Something that may be about our root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Bytes were wrong, and have been corrected. `offset` names the code words.
    Repaired {
        /// As the kernel prints it.
        offset: u64,
    },
    /// What was just said to be corrected was not.
    NotRepaired {
        /// As the kernel prints it.
        offset: u64,
    },
    /// This block of the partition was wrong or unreadable; whether it was repaired, it does not say.
    Suspect {
        /// Counted from the start of the partition.
        block: u64,
    },
    /// Messages were left out.
    Missed,
    /// No more messages will come about corrupted blocks.
    Deaf,
}

/// Which messages are about us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The partition under the root, `MAJOR:MINOR`.
    pub partition: String,
    /// The disk it is on, `vda`.
    pub disk: String,
    /// Where on the disk it begins, and how long it is, in sectors of 512 bytes.
    pub sectors: std::ops::Range<u64>,
}

const SECTORS_PER_BLOCK: u64 = verity::BLOCK_BYTES / 512;

impl Subject {
    /// What a line of the kernel's says of us.
    pub fn report(&self, line: &str) -> Option<Report> {
        if let Some(rest) = line.strip_prefix("device-mapper: verity: ") {
            return self.of_verity(self.ours(rest)?);
        }
        if let Some(rest) = line.strip_prefix("device-mapper: verity-fec: ") {
            let (offset, rest) = self.ours(rest)?.strip_prefix("FEC ")?.split_once(": ")?;
            let offset = offset.parse().ok()?;
            return match rest {
                _ if rest.starts_with("corrected ") => Some(Report::Repaired { offset }),
                _ if rest.starts_with("failed to correct (") => Some(Report::NotRepaired { offset }),
                _ => None,
            };
        }
        if line.starts_with("verity_handle_err: ") && line.ends_with(" callbacks suppressed") {
            return Some(Report::Missed);
        }
        // "I/O", "critical medium", "protection" ... : every kind of failure is one.
        let (_, rest) = line.split_once(" error, dev ")?;
        let (disk, rest) = rest.split_once(", sector ")?;
        let sector: u64 = rest.split(' ').next()?.parse().ok()?;
        let ours = head(disk) == self.disk && self.sectors.contains(&sector);
        ours.then(|| Report::Suspect { block: (sector - self.sectors.start) / SECTORS_PER_BLOCK })
    }

    /// What follows our device's number.
    fn ours<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.strip_prefix(self.partition.as_str())?.strip_prefix(": ")
    }

    fn of_verity(&self, text: &str) -> Option<Report> {
        if text == "reached maximum errors" {
            return Some(Report::Deaf);
        }
        let (kind, rest) = text.split_once(" block ")?;
        let block = rest.strip_suffix(" is corrupted")?.parse().ok()?;
        matches!(kind, "data" | "metadata").then_some(Report::Suspect { block })
    }
}

/// Name of the disk that is used. Errors of NVMe with several paths are told of a path: `nvme0c1n1` of `nvme0n1`.
fn head(disk: &str) -> String {
    let path = || {
        let (controller, namespace) = disk.strip_prefix("nvme")?.split_once('c')?;
        let (_, namespace) = namespace.split_once('n')?;
        Some(format!("nvme{controller}n{namespace}"))
    };
    path().unwrap_or_else(|| disk.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Report, Subject, head};

    #[test]
    fn an_error_of_a_path_is_one_of_its_disk() {
        for (told, disk) in
            [("nvme0c1n1", "nvme0n1"), ("nvme12c3n2", "nvme12n2"), ("nvme0n1", "nvme0n1"), ("vda", "vda")]
        {
            assert_eq!(head(told), disk);
        }
    }

    fn report(line: &str) -> Option<Report> {
        let subject = Subject { partition: "254:3".into(), disk: "vda".into(), sectors: 264_192..2_361_344 };
        subject.report(line)
    }

    #[test]
    fn every_line_of_the_kernels_is_understood() {
        for (line, want) in [
            ("device-mapper: verity: 254:3: data block 12 is corrupted", Report::Suspect { block: 12 }),
            (
                "device-mapper: verity: 254:3: metadata block 11200 is corrupted",
                Report::Suspect { block: 11200 },
            ),
            ("device-mapper: verity: 254:3: reached maximum errors", Report::Deaf),
            (
                "device-mapper: verity-fec: 254:3: FEC 12288: corrected 3 errors",
                Report::Repaired { offset: 12288 },
            ),
            (
                "device-mapper: verity-fec: 254:3: FEC 188416: failed to correct (2 erasures)",
                Report::NotRepaired { offset: 188_416 },
            ),
            ("verity_handle_err: 7 callbacks suppressed", Report::Missed),
            (
                "I/O error, dev vda, sector 264192 op 0x0:(READ) flags 0x0 phys_seg 1",
                Report::Suspect { block: 0 },
            ),
            ("critical medium error, dev vda, sector 264207 op 0x0:(READ)", Report::Suspect { block: 1 }),
        ] {
            assert_eq!(report(line), Some(want), "{line}");
        }
    }

    #[test]
    fn other_devices_and_other_lines_are_passed_over() {
        for line in [
            "device-mapper: verity: 254:30: data block 12 is corrupted",
            "device-mapper: verity: 254:2: data block 12 is corrupted",
            "device-mapper: verity: sha256 using implementation \"sha256-ni\"",
            "device-mapper: verity: 254:3: data block x is corrupted",
            "device-mapper: verity: 254:3: data block 12 is corrupted, said someone",
            "device-mapper: verity-fec: 254:3: FEC 12288: failed to correct: -74",
            "device-mapper: verity-fec: 254:2: FEC 12288: corrected 3 errors",
            "verity_fec_decode: 3 callbacks suppressed",
            "I/O error, dev vdb, sector 264192 op 0x0:(READ)",
            "I/O error, dev vda, sector 264191 op 0x0:(READ)",
            "I/O error, dev vda, sector 2361344 op 0x0:(READ)",
            "I/O error, dev vda, sector",
            "",
        ] {
            assert_eq!(report(line), None, "{line}");
        }
    }
}
