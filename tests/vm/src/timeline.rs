//! The boot timeline: PID 1's milestones as they appear on the console.

use std::time::Duration;

use crate::console::Line;

/// One milestone.
#[derive(Debug, Clone, PartialEq)]
pub struct Milestone {
    /// `stage1`, `root`, `pid1`, `containerd`, `container/web`, ...
    pub name: String,
    /// Since the kernel's clock started; for `firmware`, how long it took before that.
    pub at: Duration,
}

/// Milestones in the order in which they were printed.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    milestones: Vec<Milestone>,
    firmware: Option<Duration>,
}

impl Timeline {
    /// Picks the milestones out of a console.
    pub fn of(lines: &[Line]) -> Self {
        let mut timeline = Self::default();
        for line in lines {
            match parse(&line.text) {
                Some(Milestone { name, at }) if name == "firmware" => timeline.firmware = Some(at),
                Some(milestone) => timeline.milestones.push(milestone),
                None => {}
            }
        }
        timeline
    }

    /// The first time a milestone was reached.
    pub fn at(&self, name: &str) -> Option<Duration> {
        self.milestones.iter().find(|milestone| milestone.name == name).map(|milestone| milestone.at)
    }

    /// What the firmware took before the kernel, if the firmware's clock could be read.
    pub fn firmware(&self) -> Option<Duration> {
        self.firmware
    }

    /// Every milestone since the kernel's start.
    pub fn milestones(&self) -> &[Milestone] {
        &self.milestones
    }
}

/// Reads `... init: milestone name=NAME at_ms=N` (or `took_ms=N`).
pub fn parse(text: &str) -> Option<Milestone> {
    let (_, facts) = text.split_once("init: milestone ")?;
    let value = |key: &str| facts.split_whitespace().find_map(|fact| fact.strip_prefix(key));
    let ms = value("at_ms=").or_else(|| value("took_ms="))?.parse().ok()?;
    Some(Milestone { name: value("name=")?.to_owned(), at: Duration::from_millis(ms) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { number: 0, host: Duration::ZERO, cpu_s: 0.0, text: text.to_owned() }
    }

    #[test]
    fn milestones_are_read_past_the_kernels_stamp() {
        let timeline = Timeline::of(&[
            line("[    1.911] init: milestone name=pid1 at_ms=1905"),
            line("[    1.912] init: milestone name=firmware took_ms=1203"),
            line("web: init: milestone is a nice word"),
            line("[    7.000] init: milestone name=container/web at_ms=7000"),
            line("[    9.000] init: milestone name=container/web at_ms=9000"),
        ]);
        assert_eq!(timeline.at("pid1"), Some(Duration::from_millis(1905)));
        assert_eq!(timeline.at("container/web"), Some(Duration::from_secs(7)));
        assert_eq!(timeline.firmware(), Some(Duration::from_millis(1203)));
        assert_eq!(timeline.milestones().len(), 3);
    }

    #[test]
    fn half_a_milestone_is_none() {
        assert_eq!(parse("init: milestone name=pid1"), None);
        assert_eq!(parse("init: milestone at_ms=3"), None);
        assert_eq!(parse("init: milestone name=pid1 at_ms=soon"), None);
    }
}
