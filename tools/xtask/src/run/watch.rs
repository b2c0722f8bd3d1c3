//! A person watching a machine: milestones and complaints while it boots, the console when they want it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use vm::{Guest, Line};

use crate::interrupt::Interrupt;

/// How soon Ctrl-C is noticed while the console is silent.
const GLANCE: Duration = Duration::from_millis(200);

/// Has shown every console line up to `next`.
pub struct Watch {
    console: bool,
    interrupt: Interrupt,
    next: usize,
}

impl Watch {
    /// `console`: show every line, not only milestones and complaints.
    pub fn new(console: bool, interrupt: Interrupt) -> Self {
        Self { console, interrupt, next: 0 }
    }

    /// True once Ctrl-C was pressed.
    pub fn interrupted(&self) -> bool {
        self.interrupt.asked()
    }

    /// Waits for a milestone, showing what happens meanwhile.
    pub fn milestone(&mut self, guest: &Guest, name: &str, deadline: Duration) -> Result<Line> {
        self.line(guest, &format!("milestone {name}"), deadline, |text| {
            vm::timeline::parse(text).is_some_and(|milestone| milestone.name == name)
        })
    }

    /// Waits for a console line from the start on, showing what happens meanwhile.
    pub fn line(
        &mut self,
        guest: &Guest,
        what: &str,
        deadline: Duration,
        matches: impl Fn(&str) -> bool,
    ) -> Result<Line> {
        let until = Instant::now() + deadline;
        while !self.interrupt.asked() {
            // The library's wait knows how to fail; without time it only looks.
            match guest.wait_for(what, Duration::ZERO, &matches) {
                Ok(line) => return Ok(line),
                Err(err) if Instant::now() > until || guest.console().ended() => return Err(err.into()),
                Err(_) => self.show_next(guest),
            }
        }
        bail!("interrupted while waiting for {what}")
    }

    /// Shows the console until Ctrl-C or the machine's end.
    pub fn follow(&mut self, guest: &Guest) {
        self.console = true;
        while !self.interrupt.asked() && !guest.console().ended() {
            self.show_next(guest);
        }
    }

    /// Shows the lines that came since, waiting a moment for the first.
    fn show_next(&mut self, guest: &Guest) {
        let mut wait = GLANCE;
        while let Ok(line) = guest.console().wait(self.next, wait, |_| true) {
            wait = Duration::ZERO;
            self.next = line.number + 1;
            if self.console {
                println!("{}", line.text);
            } else if [": warn ", ": error "].iter().any(|level| line.text.contains(level)) {
                println!("  {}", line.text);
            } else if let Some(milestone) = vm::timeline::parse(&line.text) {
                println!("  {:6.2} s  {}", milestone.at.as_secs_f64(), milestone.name);
            }
        }
    }
}
