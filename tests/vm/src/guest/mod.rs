//! A running machine.
//!
//! It ends with its value: powered off if a test did so, else killed by its own handle. Its console log stays in its
//! directory; disk and variables go with it.

mod builder;
mod describe;
mod starting;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

pub use builder::Builder;

use crate::bus::{Bus, Told};
use crate::console::{Console, Line, Silence};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::http::Client;
use crate::qmp::Qmp;
use crate::timeline::Timeline;
use crate::tpm::Tpm;

/// One HTTP exchange with a page in the machine; software emulation is slow.
const EXCHANGE: Duration = Duration::from_secs(20);
/// Between two tries of a page that is not there yet.
const AGAIN: Duration = Duration::from_millis(250);

/// The boot manager's first words.
const MANAGER_BEGINS: &str = "bootmgr: table copies=";

/// How a kernel that dies says so.
const OOPSES: &[&str] = &[
    "Kernel panic - not syncing",
    "BUG: unable to handle",
    "Oops: ",
    "general protection fault",
    "invalid opcode:",
];

/// A machine under QEMU.
#[derive(Debug)]
pub struct Guest {
    child: Child,
    console: Console,
    monitor: Qmp,
    orders: Option<UnixStream>,
    ports: Vec<(u16, u16)>,
    disk: Disk,
    keep_disk: bool,
    bus: Bus,
    reboots: bool,
    dir: PathBuf,
    /// Held, never read.
    _stuck: Option<UnixStream>,
    /// Ends with the machine.
    _tpm: Option<Tpm>,
}

impl Guest {
    /// Waits for a console line, from the machine's start on.
    pub fn wait_for(&self, what: &str, deadline: Duration, matches: impl Fn(&str) -> bool) -> Result<Line> {
        self.wait_from(0, what, deadline, matches)
    }

    /// Waits for a console line that comes after another.
    pub fn wait_after(
        &self,
        line: &Line,
        what: &str,
        deadline: Duration,
        matches: impl Fn(&str) -> bool,
    ) -> Result<Line> {
        self.wait_from(line.number + 1, what, deadline, matches)
    }

    /// Waits for a milestone of the boot timeline.
    pub fn wait_milestone(&self, name: &str, deadline: Duration) -> Result<Line> {
        self.wait_for(&format!("milestone {name}"), deadline, |text| {
            crate::timeline::parse(text).is_some_and(|milestone| milestone.name == name)
        })
    }

    /// GETs a page from a forwarded port until it answers 200, and returns its text.
    pub fn fetch(&self, guest_port: u16, path: &str, deadline: Duration) -> Result<String> {
        let client = Client::new(EXCHANGE);
        let url = format!("http://127.0.0.1:{}{path}", self.port(guest_port).unwrap_or_default());
        let until = Instant::now() + deadline;
        loop {
            match client.get(&url) {
                Ok(answer) if answer.status == 200 => return Ok(answer.body),
                _ if Instant::now() > until => {
                    return Err(self.failure(&format!("page from {url}"), deadline, Silence::Late));
                }
                _ if self.console.wait_end(AGAIN) => {
                    return Err(self.failure(&format!("page from {url}"), deadline, Silence::Ended));
                }
                _ => {}
            }
        }
    }

    /// Tells the probe in the machine to do something, and waits until it has. Needs [`Builder::orders`].
    ///
    /// Returns the last line before the order, so that everything that came of it is after that line: the news of a
    /// dead service may reach the console before the probe's report does.
    pub fn order(&mut self, order: &str, deadline: Duration) -> Result<Line> {
        let before = self.send(order, deadline)?;
        self.wait_after(&before, &format!("obedience to {order:?}"), deadline, |text| {
            text.contains("probe: obeyed")
        })?;
        Ok(before)
    }

    /// The same, without waiting for the answer: for orders that the machine does not survive.
    pub fn send(&mut self, order: &str, deadline: Duration) -> Result<Line> {
        let ready =
            self.wait_for("probe that listens", deadline, |text| text.contains("probe: listening"))?;
        let before = self.console.lines().pop().unwrap_or(ready);
        if let Some(line) = &mut self.orders {
            let sent = line.write_all(format!("{order}\n").as_bytes());
            sent.map_err(Error::file("send an order through", &self.dir))?;
        }
        Ok(before)
    }

    /// The start of a file in the machine, as the probe shows it. Needs [`Builder::orders`].
    pub fn show(&mut self, path: &str, deadline: Duration) -> Result<String> {
        let before = self.send(&format!("show {path}"), deadline)?;
        let answer = format!("order=\"show {path}\" done=");
        let line = self.wait_after(&before, &format!("sight of {path}"), deadline, |text| {
            text.contains("probe: obeyed") && text.contains(&answer)
        })?;
        let (_, text) = line.text.split_once(&answer).unwrap_or_default();
        Ok(text.trim_matches('"').replace("\\n", "\n").replace("\\\"", "\""))
    }

    /// Presses the power button and waits for the machine to end by itself.
    pub fn power_off(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.monitor.system_powerdown()?;
        self.wait_exit(deadline)
    }

    /// Waits for the machine to end by itself (a reboot counts).
    pub fn wait_exit(&mut self, deadline: Duration) -> Result<ExitStatus> {
        if !self.console.wait_end(deadline) {
            return Err(self.failure("end of the machine", deadline, Silence::Late));
        }
        self.child.wait().map_err(|err| Error::Start { program: "qemu-system-x86_64".into(), err })
    }

    /// Pulls the plug.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The host's port behind which a port of the machine lies.
    pub fn port(&self, guest_port: u16) -> Option<u16> {
        self.ports.iter().find(|(_, guest)| *guest == guest_port).map(|(host, _)| *host)
    }

    /// The console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// How many times the boot manager has begun its work.
    pub fn boots(&self) -> usize {
        self.console.lines().iter().filter(|line| line.text.contains(MANAGER_BEGINS)).count()
    }

    /// The boot timeline so far.
    pub fn timeline(&self) -> Timeline {
        Timeline::of(&self.console.lines())
    }

    /// The machine's own disk. Look into it only once the machine has ended.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Writes and flushes that the machine's own disk was told so far, on a bus that is traced ([`Builder::bus`]).
    pub fn told(&self) -> Result<Vec<Told>> {
        self.bus.told(&self.dir)
    }

    /// QEMU's monitor.
    pub fn monitor(&mut self) -> &mut Qmp {
        &mut self.monitor
    }

    fn wait_from(
        &self,
        from: usize,
        what: &str,
        deadline: Duration,
        matches: impl Fn(&str) -> bool,
    ) -> Result<Line> {
        self.console.wait(from, deadline, matches).map_err(|silence| self.failure(what, deadline, silence))
    }

    /// Tells a broken promise from a broken emulator: a kernel that dies before our first word is not our test's finding,
    /// unless the machine may reboot: then the story is about just such deaths.
    fn failure(&self, what: &str, deadline: Duration, silence: Silence) -> Error {
        let (what, tail) = (what.to_owned(), self.console.tail());
        let oops = if self.reboots { None } else { oops_before_init(&self.console.lines()) };
        match (oops, silence) {
            (Some(line), _) => Error::OopsBeforeInit { line, tail },
            (None, Silence::Ended) => Error::Ended { what, tail },
            (None, Silence::Late) => Error::Late { what, deadline, tail },
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.kill();
        let mut leftovers =
            vec!["vars.fd", "cidata.img", "qmp.sock", "probe.sock", "stuck.sock", "tpm.sock", "tpm.pid"];
        if !self.keep_disk {
            leftovers.push("disk.img");
        }
        for name in leftovers {
            let _ = std::fs::remove_file(self.dir.join(name));
        }
    }
}

/// The kernel's first complaint, where it came before any line of ours.
fn oops_before_init(lines: &[Line]) -> Option<String> {
    let before_init = lines.iter().take_while(|line| !line.text.contains("init: "));
    before_init.map(|line| &line.text).find(|text| OOPSES.iter().any(|oops| text.contains(oops))).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        let line = |(number, text): (usize, &&str)| Line {
            number,
            host: Duration::ZERO,
            cpu_s: 0.0,
            text: (*text).to_owned(),
        };
        texts.iter().enumerate().map(line).collect()
    }

    #[test]
    fn kernel_death_before_init_is_told_from_death_after_it() {
        let early =
            lines(&["[ 0.1] Linux version", "[ 0.4] Oops: general protection fault, maybe for address 0x1"]);
        let late =
            lines(&["[ 1.4] init: stage 1", "[ 2.0] Kernel panic - not syncing: dm-verity device corrupted"]);
        assert!(oops_before_init(&early).is_some());
        assert_eq!(oops_before_init(&late), None);
    }
}
