//! Lines of containers on our own standard output, for the console.
//!
//! A copy of what is in the files, so it never makes a container wait: the pipe to the log service is written
//! by a thread of its own, and when that cannot keep up, lines are left out and counted.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Lines that may wait. A burst of a thousand lines is a screenful of stack traces; more is a flood.
const WAITING: usize = 1024;

/// How long the end of the service waits for the console.
const LAST: Duration = Duration::from_secs(2);

/// Shows lines.
#[derive(Debug)]
pub struct Mirror {
    lines: Mutex<Option<SyncSender<Vec<u8>>>>,
    left_out: Arc<AtomicU64>,
    done: Mutex<Receiver<()>>,
    _thread: JoinHandle<()>,
}

impl Mirror {
    /// Shows lines on standard output.
    pub fn start() -> std::io::Result<Arc<Self>> {
        let (lines, waiting) = sync_channel::<Vec<u8>>(WAITING);
        let (finished, done) = sync_channel(1);
        let left_out = Arc::new(AtomicU64::new(0));
        let counter = left_out.clone();
        let thread = thread::Builder::new().name("mirror".into()).spawn(move || {
            show(&waiting, &counter);
            let _ = finished.send(());
        })?;
        Ok(Arc::new(Mirror {
            lines: Mutex::new(Some(lines)),
            left_out,
            done: Mutex::new(done),
            _thread: thread,
        }))
    }

    /// Shows `[container] line`, or leaves it out.
    pub fn show(&self, container: &str, line: &[u8]) {
        let mut text = format!("[{container}] ").into_bytes();
        // On a terminal, control characters would speak in the host's name.
        text.extend(
            line.iter().map(|byte| if byte.is_ascii_control() && *byte != b'\t' { b'?' } else { *byte }),
        );
        text.push(b'\n');
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.as_ref().is_some_and(|lines| lines.try_send(text).is_err()) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when every line is shown, or after two seconds.
    pub fn finish(&self) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).take();
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        match done.recv_timeout(LAST) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn show(waiting: &Receiver<Vec<u8>>, left_out: &AtomicU64) {
    let mut out = std::io::stdout();
    for line in waiting {
        // A closed output has nobody to show it to.
        let _ = out.write_all(&line).and_then(|()| out.flush());
        let count = left_out.swap(0, Ordering::Relaxed);
        if count > 0 {
            let _ = writeln!(out, "[containers] lines not shown here, see /var/log/containers: {count}");
        }
    }
}
