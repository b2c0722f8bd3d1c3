//! The measuring and fault-injecting hand inside a test machine.
//!
//! Runs only where the hypervisor offers the fw_cfg file `opt/org.gantry/probe` (the unit's condition), so whoever can
//! reach it already owns the whole machine. The file is a list of words, see [`Plan`]:
//! `settle=15` prints the memory in use after 15 idle seconds, and again with the page cache dropped;
//! `listen=/dev/ttyS1` then obeys orders from that serial line, one per line, see [`Order`].
//! Holds always: it changes nothing on disk and sends no byte anywhere but to its log.

mod memory;
mod order;
mod plan;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use crate::order::Order;
use crate::plan::Plan;

/// Where the kernel shows the hypervisor's file.
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.gantry/probe/raw";

/// Exit code for a plan that is not understood: waiting does not mend it.
const EXIT_BAD_PLAN: u8 = 64;
/// Exit code for trouble with the machine.
const EXIT_HOST: u8 = 75;

/// Runs the service.
pub fn main() -> ExitCode {
    let text = match std::fs::read_to_string(FW_CFG) {
        Ok(text) => text,
        Err(err) => return fail(EXIT_HOST, "cannot read the plan", &err.to_string()),
    };
    let plan: Plan = match text.parse() {
        Ok(plan) => plan,
        Err(why) => return fail(EXIT_BAD_PLAN, "plan not understood", &why),
    };
    match run(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => fail(EXIT_HOST, "stopped", &err.to_string()),
    }
}

fn run(plan: &Plan) -> io::Result<()> {
    if let Some(settle) = plan.settle {
        // Idle means that nobody works, so there is no event to wait for: time itself is measured here.
        thread::sleep(settle);
        report("idle")?;
        std::fs::write("/proc/sys/vm/drop_caches", "3")?;
        thread::sleep(settle);
        report("dropped")?;
    }
    match &plan.listen {
        Some(line) => listen(line),
        None => Ok(()),
    }
}

/// Obeys orders until the line closes. A bad order is named and passed over: the line must outlive a typing error.
fn listen(path: &Path) -> io::Result<()> {
    let line = File::options().read(true).write(true).open(path)?;
    make_raw(&line)?;
    say("listening", &[("line", &path.display().to_string())]);
    for text in BufReader::new(line).lines() {
        let text = text?;
        match text.parse::<Order>() {
            Ok(order) => match order.obey() {
                Ok(done) => say("obeyed", &[("order", &text), ("done", &done)]),
                Err(err) => warn("order failed", &text, &err.to_string()),
            },
            Err(why) => warn("order not understood", &text, &why),
        }
    }
    Ok(())
}

/// Without echo: a serial line in cooked mode would send our own bytes back as orders.
fn make_raw(line: &File) -> io::Result<()> {
    let mut modes = rustix::termios::tcgetattr(line)?;
    modes.make_raw();
    rustix::termios::tcsetattr(line, rustix::termios::OptionalActions::Now, &modes)?;
    Ok(())
}

fn report(when: &str) -> io::Result<()> {
    let figures = memory::measure()?;
    let used = figures.total_kib.saturating_sub(figures.available_kib);
    say(
        "memory",
        &[
            ("when", when),
            ("total_kib", &figures.total_kib.to_string()),
            ("available_kib", &figures.available_kib.to_string()),
            ("used_kib", &used.to_string()),
            ("os_pss_kib", &figures.os_pss_kib.to_string()),
            ("containerd_pss_kib", &figures.containerd_pss_kib.to_string()),
            ("processes", &figures.processes.to_string()),
            ("min_free_kib", &figures.min_free_kib.to_string()),
            ("huge_pages", &figures.huge_pages),
        ],
    );
    Ok(())
}

/// One log line: level, service, fixed phrase, facts. Values with blanks are quoted.
fn say(phrase: &str, facts: &[(&str, &str)]) {
    emit("info", phrase, facts);
}

fn warn(phrase: &str, order: &str, why: &str) {
    emit("warn", phrase, &[("order", order), ("why", why)]);
}

fn fail(code: u8, phrase: &str, why: &str) -> ExitCode {
    emit("error", phrase, &[("why", why)]);
    ExitCode::from(code)
}

fn emit(level: &str, phrase: &str, facts: &[(&str, &str)]) {
    let mut line = format!("{level} probe: {phrase}");
    for (key, value) in facts {
        if value.contains([' ', '"', '\n']) {
            line.push_str(&format!(" {key}={value:?}"));
        } else {
            line.push_str(&format!(" {key}={value}"));
        }
    }
    line.push('\n');
    // A log that cannot be written has nowhere to complain to.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
