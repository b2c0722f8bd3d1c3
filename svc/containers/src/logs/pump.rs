//! One container's output, from its pipes to its file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use files::{Rolling, Rotation, Stamp};
use log::warn;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Mirror;
use super::lines::Lines;
use crate::containerd::Io;

/// How much of a container's output is kept.
const ROTATION: Rotation = Rotation { limit_bytes: 10 << 20, keep: 2 };

/// The shim closes the pipes when the container's last process is gone. Should it not, the container's end is
/// not held up for longer.
const DRAIN: Duration = Duration::from_secs(5);

/// A pipe or a log file that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    /// Making or opening a pipe.
    #[error("cannot open pipe {}", path.display())]
    Pipe {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The log file.
    #[error("cannot open the log")]
    Log(#[from] files::RollingError),
}

/// The readers of one container's output.
#[derive(Debug)]
pub struct Pump {
    io: Io,
    readers: JoinSet<()>,
    file: Arc<Mutex<Sink>>,
}

#[derive(Debug)]
struct Sink {
    container: String,
    file: Rolling,
    failing: bool,
    mirror: Arc<Mirror>,
}

impl Pump {
    /// Begins to read `stdout` and `stderr` in `run`, making the pipes if they are not there, into
    /// `logs/NAME.log`.
    pub fn start(container: &str, run: &Path, logs: &Path, mirror: Arc<Mirror>) -> Result<Self, PumpError> {
        let file = Rolling::open(&logs.join(format!("{container}.log")), ROTATION)?;
        let sink = Sink { container: container.to_owned(), file, failing: false, mirror };
        let file = Arc::new(Mutex::new(sink));
        let io = Io { stdout: run.join("stdout"), stderr: run.join("stderr") };
        let mut readers = JoinSet::new();
        for path in [&io.stdout, &io.stderr] {
            let pipe = open(path).map_err(|err| PumpError::Pipe { path: path.clone(), err })?;
            readers.spawn(read(pipe, file.clone()));
        }
        Ok(Pump { io, readers, file })
    }

    /// The pipes, for the shim.
    pub fn io(&self) -> &Io {
        &self.io
    }

    /// Returns when everything that the container wrote is in its file. Call it when the shim is gone;
    /// `false`: the pipes were still open after a while.
    pub async fn drained(mut self) -> bool {
        for path in [&self.io.stdout, &self.io.stderr] {
            // A pipe that nobody ever wrote to has no end for its reader. This gives it one, unless there are
            // other writers still.
            drop(pipe::OpenOptions::new().open_sender(path));
        }
        let all = async { while self.readers.join_next().await.is_some() {} };
        let drained = timeout(DRAIN, all).await.is_ok();
        let mut sink = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = sink.file.sync();
        sink.note(synced);
        drained
    }
}

/// Opens a named pipe for reading without waiting for a writer. As long as none has come, nothing is read;
/// after the last one has gone, the end is.
fn open(path: &Path) -> io::Result<pipe::Receiver> {
    match mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(err) => return Err(err.into()),
    }
    pipe::OpenOptions::new().open_receiver(path)
}

async fn read(mut pipe: pipe::Receiver, sink: Arc<Mutex<Sink>>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 16 << 10];
    loop {
        // A pipe that fails has ended for us.
        let count = pipe.read(&mut buffer).await.unwrap_or(0);
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        if count == 0 {
            lines.end(|line| sink.line(line));
            return;
        }
        lines.push(&buffer[..count], |line| sink.line(line));
    }
}

impl Sink {
    fn line(&mut self, line: &[u8]) {
        let mut text = format!("{} {}: ", Stamp::now(), self.container).into_bytes();
        text.extend_from_slice(line);
        text.push(b'\n');
        let written = self.file.append(&text);
        self.note(written);
        self.mirror.show(&self.container, line);
    }

    /// A disk that is full fails for every line; once is enough to say so.
    fn note(&mut self, result: Result<(), files::RollingError>) {
        match result {
            Ok(()) => self.failing = false,
            Err(err) => {
                if !self.failing {
                    warn!(name:% = self.container, why:% = files::chain(&err); "log not written");
                }
                self.failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn a_container_that_never_started_is_not_waited_for() {
        let dir = std::env::temp_dir().join(format!("containers-silent-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let pump = Pump::start("web", &dir, &dir, Mirror::start().unwrap()).unwrap();
        assert!(pump.drained().await);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn what_was_written_is_in_the_file_once_the_writers_are_gone() {
        let dir = std::env::temp_dir().join(format!("containers-pump-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let pump = Pump::start("web", &dir, &dir, Mirror::start().unwrap()).unwrap();
        let write = |path: PathBuf, text: &'static str| {
            tokio::task::spawn_blocking(move || {
                fs::OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
            })
        };
        write(pump.io().stdout.clone(), "one\ntwo\nthree without end").await.unwrap();
        write(pump.io().stderr.clone(), "oops\n").await.unwrap();
        assert!(pump.drained().await);
        let text = fs::read_to_string(dir.join("web.log")).unwrap();
        let mut lines: Vec<_> = text.lines().map(|line| line.split_once("web: ").unwrap().1).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["one", "oops", "three without end", "two"]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
