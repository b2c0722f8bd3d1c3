//! The machine's serial console, line by line, with the clocks of the host.
//!
//! Two clocks: seconds since QEMU's start, and the CPU seconds QEMU had used by then, which is the figure to trust on a
//! busy host. A thread reads to the end of the stream and writes the log file; whoever waits is woken by each line and
//! by the end, so nobody waits for a machine that is gone.

use std::fs::File;
use std::io::{BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lines shown with a failure.
const TAIL: usize = 40;

/// One line of the console.
#[derive(Debug, Clone)]
pub struct Line {
    /// Position on the console, from 0.
    pub number: usize,
    /// Since QEMU's start, by the host's clock.
    pub host: Duration,
    /// CPU seconds QEMU had used.
    pub cpu_s: f64,
    /// The text, without line end and terminal control sequences.
    pub text: String,
}

/// Why waiting ended without the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The machine is gone.
    Ended,
    /// The deadline passed.
    Late,
}

/// A console being read.
#[derive(Debug, Clone)]
pub struct Console {
    shared: Arc<Shared>,
    log: PathBuf,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    ended: bool,
}

impl Console {
    /// Starts reading `stream`, which belongs to the process `pid`, into memory and `log`.
    pub fn read(stream: impl Read + Send + 'static, pid: u32, log: &Path) -> std::io::Result<Self> {
        let file = BufWriter::new(File::create(log)?);
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let console = Self { shared: Arc::clone(&shared), log: log.to_owned() };
        let started = Instant::now();
        std::thread::spawn(move || pump(stream, pid, file, started, &shared));
        Ok(console)
    }

    /// The first line at or after `from` that `matches`, as soon as it is there.
    pub fn wait(
        &self,
        from: usize,
        deadline: Duration,
        matches: impl Fn(&str) -> bool,
    ) -> Result<Line, Silence> {
        let until = Instant::now() + deadline;
        let mut seen = from;
        let mut state = self.lock();
        loop {
            if let Some(line) = state.lines.iter().skip(seen).find(|line| matches(&line.text)) {
                return Ok(line.clone());
            }
            seen = seen.max(state.lines.len());
            if state.ended {
                return Err(Silence::Ended);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Silence::Late);
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the end of the stream; true when it came in time.
    pub fn wait_end(&self, deadline: Duration) -> bool {
        self.wait(usize::MAX, deadline, |_| false) == Err::<Line, _>(Silence::Ended)
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lock().lines.clone()
    }

    /// True once the stream has ended.
    pub fn ended(&self) -> bool {
        self.lock().ended
    }

    /// The last lines and where the whole log lies, for a failure's message.
    pub fn tail(&self) -> String {
        let state = self.lock();
        let from = state.lines.len().saturating_sub(TAIL);
        let mut text = format!(
            "last {} console lines (all of them: {}):\n",
            state.lines.len() - from,
            self.log.display()
        );
        for line in &state.lines[from..] {
            text.push_str(&format!("  {:8.3} {}\n", line.host.as_secs_f64(), line.text));
        }
        text
    }

    /// The log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

fn pump(mut stream: impl Read, pid: u32, mut file: BufWriter<File>, started: Instant, shared: &Shared) {
    let mut pending = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let length = match stream.read(&mut chunk) {
            Ok(length) => length,
            Err(err) if err.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        let (host, cpu_s) = (started.elapsed(), cpu_seconds(pid));
        pending.extend_from_slice(&chunk[..length]);
        let complete = match length {
            0 => pending.len(),
            _ => pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1),
        };
        let rest = pending.split_off(complete);
        for raw in pending.split_inclusive(|byte| *byte == b'\n') {
            let text = printable(raw);
            // The log is for people; a full disk must not end the test.
            let _ = writeln!(file, "{:9.3} {cpu_s:8.2} {text}", host.as_secs_f64());
            let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            let number = state.lines.len();
            state.lines.push(Line { number, host, cpu_s, text });
        }
        let _ = file.flush();
        pending = rest;
        if length == 0 {
            shared.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        }
        shared.changed.notify_all();
        if length == 0 {
            return;
        }
    }
}

/// User and system time of a process (proc_pid_stat(5), fields 14 and 15); 0 once it is gone.
pub fn cpu_seconds(pid: u32) -> f64 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0.0 };
    // The second field is a name in brackets, which may hold blanks and brackets.
    let Some((_, fields)) = stat.rsplit_once(')') else { return 0.0 };
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let used = ticks() + ticks();
    used as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// The text of a line: line end, terminal control sequences (the firmware's) and control bytes removed.
fn printable(raw: &[u8]) -> String {
    let mut text = String::new();
    let decoded = String::from_utf8_lossy(raw);
    let mut letters = decoded.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            if letters.next_if_eq(&'[').is_some() {
                // ECMA-48: parameters and intermediates, then one final byte from @ to ~.
                while letters.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            }
            letters.next();
        } else if letter == '\t' || !letter.is_control() {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("gantry-vm-{name}-{}", std::process::id()))
    }

    #[test]
    fn control_sequences_and_line_ends_are_removed() {
        assert_eq!(printable(b"\x1b[2J\x1b[01;01H\x1b[=3hBdsDxe: go\r\n"), "BdsDxe: go");
        assert_eq!(printable(b"plain\n"), "plain");
        assert_eq!(printable(b"\x1b"), "");
    }

    #[test]
    fn waiting_sees_lines_that_came_before_and_the_unfinished_last_one() {
        let log = log("before");
        let console = Console::read(&b"one\ntwo\nthree"[..], std::process::id(), &log).unwrap();
        assert!(console.wait_end(Duration::from_secs(10)));
        let line = console.wait(0, Duration::ZERO, |text| text == "three").unwrap();
        assert_eq!(line.number, 2);
        assert!(console.wait(2, Duration::ZERO, |text| text == "two").is_err());
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn end_of_the_machine_ends_the_wait_long_before_the_deadline() {
        let log = log("ended");
        let console = Console::read(&b"gone\n"[..], std::process::id(), &log).unwrap();
        let before = Instant::now();
        assert_eq!(console.wait(0, Duration::from_secs(60), |_| false), Err(Silence::Ended));
        assert!(before.elapsed() < Duration::from_secs(10));
        assert!(console.tail().contains("gone"));
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn silence_ends_at_the_deadline() {
        let log = log("late");
        let (reader, writer) = std::io::pipe().unwrap();
        let console = Console::read(reader, std::process::id(), &log).unwrap();
        assert_eq!(console.wait(0, Duration::from_millis(20), |_| true), Err(Silence::Late));
        drop(writer);
        assert!(console.wait_end(Duration::from_secs(10)));
        std::fs::remove_file(log).unwrap();
    }
}
