//! What it was started for.

use std::ffi::OsString;

/// One of the two jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Watch, for as long as the machine runs.
    Watch {
        /// Seconds after the kernel's start.
        deadline_s: u64,
    },
    /// Say once that the host is healthy.
    Confirm,
}

impl Job {
    /// `None` for anything else.
    pub fn parse(arguments: &[OsString]) -> Option<Self> {
        let words: Option<Vec<&str>> = arguments.iter().map(|word| word.to_str()).collect();
        match words?.as_slice() {
            ["confirm"] => Some(Self::Confirm),
            ["watch", "--deadline-s", seconds] => Some(Self::Watch { deadline_s: seconds.parse().ok()? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Job;

    #[test]
    fn two_jobs_are_understood_and_nothing_else() {
        let parse = |text: &str| Job::parse(&text.split(' ').map(Into::into).collect::<Vec<_>>());
        assert_eq!(parse("confirm"), Some(Job::Confirm));
        assert_eq!(parse("watch --deadline-s 300"), Some(Job::Watch { deadline_s: 300 }));
        for bad in ["", "watch", "watch --deadline-s", "watch --deadline-s -1", "confirm now", "watch 300"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
