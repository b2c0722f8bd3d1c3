//! Waiting for work that may hang in the kernel, without hanging: for calls that know no deadline of their own.
//!
//! A thread does the work. When that gets nowhere in time it is left behind, for nothing can end it: the caller goes on,
//! and what the work holds (memory, descriptors) stays with it until it is done or the process ends.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// The deepest work so far walks a list of mounts, or edits a partition table.
const STACK_BYTES: usize = 128 << 10;

/// Work under way in a thread of its own.
#[derive(Debug)]
pub struct Work<T>(Receiver<T>);

/// There is no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// Not yet.
    Running,
    /// Nor will there be one: the work panicked, or its outcome was taken before.
    Lost,
}

impl<T: Send + 'static> Work<T> {
    /// Begins. An error says that no thread is to be had, and that nothing was done.
    pub fn start(work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(1);
        let job = move || {
            // Nobody listens any more when it took too long.
            let _ = sender.send(work());
        };
        thread::Builder::new().name("patience".into()).stack_size(STACK_BYTES).spawn(job)?;
        Ok(Self(receiver))
    }

    /// The outcome, as soon as there is one and no later than that.
    pub fn wait(&self, longest: Duration) -> Result<T, Unfinished> {
        self.0.recv_timeout(longest).map_err(|err| match err {
            RecvTimeoutError::Timeout => Unfinished::Running,
            RecvTimeoutError::Disconnected => Unfinished::Lost,
        })
    }
}

/// What `work` comes to, or nothing when it takes longer (or panics). An error says that nothing was done.
pub fn within<T: Send + 'static>(
    longest: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    Ok(Work::start(work)?.wait(longest).ok())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_takes_too_long_is_left_behind() {
        let (_stuck, never) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(10), move || never.recv()).unwrap(), None);
        assert_eq!(within(LONG, || 7).unwrap(), Some(7));
    }

    #[test]
    fn work_that_ends_late_is_still_told_to_who_waits_again() {
        let (go, gate) = mpsc::channel();
        let work = Work::start(move || gate.recv().unwrap_or(0)).unwrap();
        assert_eq!(work.wait(Duration::from_millis(10)), Err(Unfinished::Running));
        go.send(7).unwrap();
        assert_eq!(work.wait(LONG), Ok(7));
        assert_eq!(work.wait(LONG), Err(Unfinished::Lost), "an outcome is told once");
    }

    #[test]
    fn work_that_panics_is_not_waited_for() {
        let work = Work::<()>::start(|| panic!("as it should")).unwrap();
        assert_eq!(work.wait(LONG), Err(Unfinished::Lost));
    }
}
