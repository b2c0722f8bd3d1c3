//! Orders that a test gives while the machine runs: faults a machine must survive, and looks inside.
//!
//! They come over a serial line, and only to a program that the hypervisor's fw_cfg file told to listen on it (the
//! crate's page): no file on the disk, no word of the kernel's command line and no user data starts it. Whoever can offer
//! that file can stop the machine and read its memory anyway.

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
/// In x86-64's machine code.
const JUMP_TO_ITSELF: [u8; 2] = [0xeb, 0xfe];
/// A process that runs has no stack to show; one that waits for events does nearly always.
const LOOKS: usize = 10_000;

/// `kill PROGRAM SIGNAL` signals every process of that name (as in /proc/PID/comm).
/// `crash PROGRAM` wipes their stacks: they die of a fault of their own, which even PID 1 cannot ignore.
/// `hang PROGRAM` makes their first threads run in a circle, deaf to everything.
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
    /// Make the processes of a program run in a circle.
    Hang {
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
            ["hang", program] => Ok(Self::Hang { program: program.to_owned() }),
            ["show", path] if path.starts_with('/') => Ok(Self::Show { path: path.into() }),
            _ => Err("want: kill PROGRAM SIGNAL, crash PROGRAM, hang PROGRAM or show PATH".to_owned()),
        }
    }
}

impl Order {
    /// Does it, and says what was done.
    pub fn obey(&self) -> io::Result<String> {
        match self {
            Self::Kill { program, signal } => on_each(program, |pid| Ok(kill_process(pid, *signal)?)),
            Self::Crash { program } => on_each(program, wipe_stack),
            Self::Hang { program } => on_each(program, set_spinning),
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
    let Waiting { stack, .. } = waiting(pid)?;
    memory_of(pid)?.write_all_at(&[0; WIPED_BYTES], stack)
}

/// Overwrites what comes after the call that the first thread waits in: once it returns, it goes no further.
fn set_spinning(pid: Pid) -> io::Result<()> {
    let Waiting { instruction, .. } = waiting(pid)?;
    memory_of(pid)?.write_all_at(&JUMP_TO_ITSELF, instruction)
}

fn memory_of(pid: Pid) -> io::Result<File> {
    File::options().write(true).open(format!("/proc/{pid}/mem"))
}

/// Where a thread is that waits in a system call.
#[derive(Debug, PartialEq, Eq)]
struct Waiting {
    stack: u64,
    instruction: u64,
}

fn waiting(pid: Pid) -> io::Result<Waiting> {
    for _ in 0..LOOKS {
        if let Some(waiting) = Waiting::parse(&std::fs::read_to_string(format!("/proc/{pid}/syscall"))?) {
            return Ok(waiting);
        }
        std::thread::yield_now();
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, format!("process {pid} never waits")))
}

impl Waiting {
    /// The last two words of /proc/PID/syscall (proc_pid_syscall(5)); `None` while the process runs.
    fn parse(call: &str) -> Option<Self> {
        let words: Vec<&str> = call.split_whitespace().collect();
        let [.., stack, instruction] = words[..] else { return None };
        let address = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
        Some(Self { stack: address(stack)?, instruction: address(instruction)? })
    }
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
    fn a_waiting_process_is_found_where_it_waits() {
        let call = "232 0x4 0x7ffe1 0x40 0xffffffff 0x0 0x0 0x7ffe8e20 0x7f10a\n";
        assert_eq!(Waiting::parse(call), Some(Waiting { stack: 0x7ffe_8e20, instruction: 0x7_f10a }));
        assert_eq!(Waiting::parse("running\n"), None);
    }

    /// A program that waits in a call of its C library, from which it must return, for as long as we like.
    fn patient_child() -> (std::process::Child, Pid) {
        let child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        // Until it has come to that call (read, of descriptor 0) its stack pointer may be another program's: this one.
        while !std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap().starts_with("0 0x0 ") {
            std::thread::yield_now();
        }
        (child, pid)
    }

    #[test]
    fn a_program_whose_stack_was_wiped_dies_of_it() {
        let (mut child, pid) = patient_child();
        wipe_stack(pid).unwrap();
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().code(), None, "it ended by a signal");
    }

    #[test]
    fn a_program_set_spinning_neither_ends_nor_waits_again() {
        let (mut child, pid) = patient_child();
        set_spinning(pid).unwrap();
        drop(child.stdin.take());
        let call = || std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
        // Out of the call, and never in one again, however often we look.
        while call() != "running\n" {
            std::thread::yield_now();
        }
        for _ in 0..1000 {
            assert_eq!(call(), "running\n");
            assert!(child.try_wait().unwrap().is_none());
        }
        child.kill().unwrap();
        child.wait().unwrap();
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
