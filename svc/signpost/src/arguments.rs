//! What people may write behind `signpost`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use slots::{Digest, Set};

/// Shows and changes which of the two sets of this machine boots.
#[derive(Debug, Parser)]
#[command(
    name = "signpost",
    version,
    max_term_width = 110,
    after_help = "Examples:
  signpost status
      Both sets, which one runs, which one boots next and why.
  signpost clear-inactive
  signpost mark-inactive-valid
  signpost upgrade-to-inactive
      An update by hand: empty the other set, write its two partitions, read them back, make it next.
  signpost rollback-to-inactive
      Boot the other set, which was good before.
  signpost --disk disk.img --running A upgrade-to-inactive
      The same on an image file, of which set A counts as the running one.

Exit status: 0 done (also when it was so already); 64 refused, or not understood; 75 the host cannot do it now."
)]
pub struct Arguments {
    /// Work on this disk or image file, instead of the disk that the running root is on.
    #[arg(long, global = true, value_name = "FILE")]
    pub disk: Option<PathBuf>,
    /// With --disk: the set that counts as the running one; the other is "the inactive set".
    #[arg(long, global = true, value_name = "SET", requires = "disk")]
    pub running: Option<Letter>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Verb {
    /// Show both sets, which one runs, which one boots next, and why the last boot chose as it did.
    Status {
        /// As JSON (docs/reference/signpost.md), for programs.
        #[arg(long)]
        json: bool,
    },
    /// The running set is good: it keeps booting. Done by `health` when the host is healthy.
    MarkSuccessfulBoot,
    /// Empty the other set's bits, so that its partitions may be overwritten. Refused while the running set is not
    /// confirmed, for then the other may be the only good one.
    ClearInactive,
    /// The other set is written: read it back whole, give it tries and its root partition the GUID that its UKI looks for.
    MarkInactiveValid {
        /// SHA-256 of the UKI's file. Without it, the UKI must be what its own signature says.
        #[arg(long, value_name = "HEX", value_parser = digest)]
        uki_sha256: Option<Digest>,
    },
    /// Boot the other set next, on trial. It is read back once more before.
    UpgradeToInactive {
        /// SHA-256 of the UKI's file. Without it, the UKI must be what its own signature says.
        #[arg(long, value_name = "HEX", value_parser = digest)]
        uki_sha256: Option<Digest>,
    },
    /// Stay with the running set.
    CancelUpgrade,
    /// Boot the other set next, which was confirmed before.
    RollbackToInactive,
    /// Print completions for a shell.
    Completion {
        /// Whose.
        shell: clap_complete::Shell,
    },
}

impl Verb {
    /// As it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::MarkSuccessfulBoot => "mark-successful-boot",
            Self::ClearInactive => "clear-inactive",
            Self::MarkInactiveValid { .. } => "mark-inactive-valid",
            Self::UpgradeToInactive { .. } => "upgrade-to-inactive",
            Self::CancelUpgrade => "cancel-upgrade",
            Self::RollbackToInactive => "rollback-to-inactive",
            Self::Completion { .. } => "completion",
        }
    }
}

/// A set, as it is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Letter {
    /// `BOOT-A` and `ROOT-A`.
    A,
    /// `BOOT-B` and `ROOT-B`.
    B,
}

impl From<Letter> for Set {
    fn from(letter: Letter) -> Self {
        match letter {
            Letter::A => Self::A,
            Letter::B => Self::B,
        }
    }
}

fn digest(text: &str) -> Result<Digest, String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64).ok_or("want 64 hexadecimal digits")?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Ok(Digest(digest))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn verbs_are_written_as_they_are_named() {
        for verb in Arguments::command().get_subcommands() {
            let parsed = Arguments::try_parse_from(["signpost", verb.get_name()]);
            match parsed {
                Ok(parsed) => assert_eq!(parsed.verb.name(), verb.get_name()),
                Err(_) => assert_eq!(verb.get_name(), "completion", "the only one that needs more"),
            }
        }
    }

    #[test]
    fn a_digest_is_64_digits() {
        let text = "00".repeat(31) + "aF";
        assert_eq!(digest(&text).unwrap().0[30..], [0, 0xaf]);
        for bad in ["", "00", &"00".repeat(33), &("0".repeat(63) + "g"), &("0".repeat(63) + "é")] {
            assert!(digest(bad).is_err(), "{bad}");
        }
    }
}
