//! Orders that a test gives while the machine runs: the faults a machine must survive.

use std::io;
use std::str::FromStr;

use rustix::process::{Pid, Signal, kill_process};

use crate::memory;

/// `kill PROGRAM SIGNAL` signals every process of that name (as in /proc/PID/comm).
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Signal the processes of a program.
    Kill {
        /// The processes' name.
        program: String,
        /// Signal to send.
        signal: Signal,
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
            _ => Err("want: kill PROGRAM SIGNAL".to_owned()),
        }
    }
}

impl Order {
    /// Does it, and says what was done.
    pub fn obey(&self) -> io::Result<String> {
        match self {
            Self::Kill { program, signal } => {
                let pids = memory::processes_named(program)?;
                if pids.is_empty() {
                    return Err(io::Error::new(
                        io::ErrorKind::NotFound,
                        format!("no process named {program}"),
                    ));
                }
                for pid in &pids {
                    kill_process(*pid, *signal)?;
                }
                let pids: Vec<_> = pids.iter().map(|pid: &Pid| pid.to_string()).collect();
                Ok(format!("pids {}", pids.join(",")))
            }
        }
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
    fn unknown_orders_are_refused() {
        for text in ["", "kill", "kill containerd", "kill containerd 9", "reboot"] {
            assert!(text.parse::<Order>().is_err(), "{text}");
        }
    }

    #[test]
    fn killing_nobody_is_an_error() {
        let order: Order = "kill no-such-name KILL".parse().unwrap();
        assert_eq!(order.obey().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
