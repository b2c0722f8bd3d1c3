//! Orders that a test gives while the machine runs: faults a machine must survive, and looks inside.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::str::FromStr;

use rustix::process::{Pid, Signal, kill_process};

use crate::memory;

/// What is shown of a file at most: it goes onto a console.
const SHOWN_BYTES: u64 = 1024;
/// How much of a stack is wiped: every caller's return address that matters soon.
const WIPED_BYTES: usize = 512;
/// A process that runs has no stack to show; one that waits for events does nearly always.
const LOOKS: usize = 10_000;

/// `kill PROGRAM SIGNAL` signals every process of that name (as in /proc/PID/comm).
/// `crash PROGRAM` wipes their stacks: they die of a fault of their own, which even PID 1 cannot ignore.
/// `show PATH` prints the start of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Signal the processes of a program.
    Kill {
        /// The processes' name.
        program: String,
        /// Signal to send.
        signal: Signal,
    },
    /// Wipe the stacks of the processes of a program.
    Crash {
        /// The processes' name.
        program: String,
    },
    /// Print a small file.
    Show {
        /// Which.
        path: PathBuf,
    },
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["kill", program, signal] => {
                Ok(Self::Kill { program: program.to_owned(), signal: signal_named(signal)? })
            }
            ["crash", program] => Ok(Self::Crash { program: program.to_owned() }),
            ["show", path] if path.starts_with('/') => Ok(Self::Show { path: path.into() }),
            _ => Err("want: kill PROGRAM SIGNAL, crash PROGRAM or show PATH".to_owned()),
        }
    }
}

impl Order {
    /// Does it, and says what was done.
    pub fn obey(&self) -> io::Result<String> {
        match self {
            Self::Kill { program, signal } => on_each(program, |pid| Ok(kill_process(pid, *signal)?)),
            Self::Crash { program } => on_each(program, wipe_stack),
            Self::Show { path } => {
                let mut text = Vec::new();
                File::open(path)?.take(SHOWN_BYTES).read_to_end(&mut text)?;
                Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
            }
        }
    }
}

fn on_each(program: &str, act: impl Fn(Pid) -> io::Result<()>) -> io::Result<String> {
    let pids = memory::processes_named(program)?;
    if pids.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("no process named {program}")));
    }
    for pid in &pids {
        act(*pid)?;
    }
    let pids: Vec<_> = pids.iter().map(|pid: &Pid| pid.to_string()).collect();
    Ok(format!("pids {}", pids.join(",")))
}

/// Overwrites the top of the first thread's stack: once it returns from the call it waits in, it jumps to nowhere.
fn wipe_stack(pid: Pid) -> io::Result<()> {
    let memory = File::options().write(true).open(format!("/proc/{pid}/mem"))?;
    for _ in 0..LOOKS {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall"))?;
        if let Some(stack) = stack_pointer(&call) {
            return memory.write_all_at(&[0; WIPED_BYTES], stack);
        }
        std::thread::yield_now();
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, format!("process {pid} never waits")))
}

/// The last but one word of /proc/PID/syscall (proc_pid_syscall(5)); `None` while the process runs.
fn stack_pointer(call: &str) -> Option<u64> {
    let words: Vec<&str> = call.split_whitespace().collect();
    let [.., stack, _instruction] = words[..] else { return None };
    u64::from_str_radix(stack.strip_prefix("0x")?, 16).ok()
}

/// The signals that a fault is made of.
fn signal_named(name: &str) -> Result<Signal, String> {
    match name {
        "KILL" => Ok(Signal::KILL),
        "TERM" => Ok(Signal::TERM),
        "SEGV" => Ok(Signal::SEGV),
        "STOP" => Ok(Signal::STOP),
        "CONT" => Ok(Signal::CONT),
        _ => Err(format!("unknown signal {name}; want KILL, TERM, SEGV, STOP or CONT")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kill_names_program_and_signal() {
        let want = Order::Kill { program: "containerd".into(), signal: Signal::KILL };
        assert_eq!("kill containerd KILL".parse(), Ok(want));
    }

    #[test]
    fn the_stack_of_a_waiting_process_is_found() {
        let call = "232 0x4 0x7ffe1 0x40 0xffffffff 0x0 0x0 0x7ffe8e20 0x7f10a\n";
        assert_eq!(stack_pointer(call), Some(0x7ffe_8e20));
        assert_eq!(stack_pointer("running\n"), None);
    }

    #[test]
    fn a_program_whose_stack_was_wiped_dies_of_it() {
        // It waits in a call of its C library, from which it must return.
        let mut child = std::process::Command::new("sleep").arg("1").spawn().unwrap();
        let pid = Pid::from_child(&child);
        // Until it has come to that call its stack pointer may be another program's: this one.
        while !std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap().starts_with("230 ") {
            std::thread::yield_now();
        }
        wipe_stack(pid).unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it ended by a signal");
    }

    #[test]
    fn a_file_is_shown_from_its_start() {
        let order: Order = "show /proc/self/comm".parse().unwrap();
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(order.obey().unwrap(), name.trim_end());
    }

    #[test]
    fn unknown_orders_are_refused() {
        for text in ["", "kill", "kill containerd", "kill containerd 9", "reboot", "show comm", "crash"] {
            assert!(text.parse::<Order>().is_err(), "{text}");
        }
    }

    #[test]
    fn killing_nobody_is_an_error() {
        let order: Order = "kill no-such-name KILL".parse().unwrap();
        assert_eq!(order.obey().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
