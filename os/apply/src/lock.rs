//! One application at a time: flock(2) on a file in `/run`. The kernel lets go of it however its holder ends.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation;

/// Longer than an application waits for its units.
const PATIENCE: Duration = Duration::from_secs(180);

/// Held until dropped.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(path: &Path) -> io::Result<Lock> {
        Lock::take_within(path, PATIENCE)
    }

    fn take_within(path: &Path, patience: Duration) -> io::Result<Lock> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // For root alone: whoever can open it can hold it.
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(Lock { _file: file });
        }
        // flock(2) knows no deadline, so a thread waits. When we have given up, nobody takes what it sends, and the lock
        // goes with the file.
        let (send, wait) = mpsc::channel();
        thread::spawn(move || {
            let locked =
                rustix::fs::flock(&file, FlockOperation::LockExclusive).map(|()| Lock { _file: file });
            // Nobody is left to take it: see above.
            let _ = send.send(locked);
        });
        match wait.recv_timeout(patience) {
            Ok(locked) => Ok(locked?),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("another application of settings has not ended for {} s", patience.as_secs()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;
    use std::io::ErrorKind;
    use std::time::Duration;

    #[test]
    fn a_second_holder_waits_for_the_first_and_not_for_ever() {
        let dir = std::env::temp_dir().join(format!("apply-lock-{}", std::process::id()));
        let path = dir.join("run/lock");
        let first = Lock::take(&path).unwrap();
        let refused = Lock::take_within(&path, Duration::from_millis(1)).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::TimedOut);
        let other = path.clone();
        let second = std::thread::spawn(move || Lock::take(&other).map(drop));
        drop(first);
        second.join().unwrap().unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
