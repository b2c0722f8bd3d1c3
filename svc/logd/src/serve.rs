//! The loop: wait, take what came from each source in turn, append, sync when due.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use files::{Rolling, RollingError, Stamp};
use rustix::event::{PollFd, PollFlags, Timespec};
use sys::handed::Received;
use sys::kmsg::{Message, RECORD_MAX, Reader, Record};
use sys::notify;
use sys::signals::{self, Signals};
use sys::stop::Stop;

use crate::console::Console;
use crate::journal::Journal;
use crate::line::escape;
use crate::settings::Settings;
use crate::streams::{Read, Streams};

/// A pipe's own capacity: one read empties it.
const READ_BYTES: usize = 64 * 1024;
/// Ends a round early, so that many busy streams do not add up.
const ROUND_BYTES: usize = 512 * 1024;
/// Kernel records taken in one round.
const RECORDS_A_ROUND: usize = 256;
/// Draining at the end goes on no longer than this: a service that writes for ever must not keep the host from ending.
const DRAIN: Duration = Duration::from_secs(3);
/// The first five descriptors polled.
const SOURCES: usize = 5;

/// logd cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What PID 1 should have left open.
    #[error("no socket from PID 1")]
    Socket(#[source] io::Error),
    /// The request to end, or to take the settings again, would go unheard.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// No log.
    #[error("cannot open the log")]
    Store(#[source] RollingError),
    /// The folder of the log.
    #[error("cannot make {}", path.display())]
    Folder {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The loop cannot go on.
    #[error("cannot wait for input")]
    Wait(#[source] io::Error),
}

/// Everything that is open.
pub struct Server {
    /// Closed when PID 1 closed its end: then only the streams are left.
    socket: Option<OwnedFd>,
    stop: Stop,
    hang_up: Signals,
    documents: PathBuf,
    settings: Settings,
    /// A container without /dev/kmsg, and tests, go without.
    kernel: Option<Reader>,
    progress: Option<Progress>,
    console: Option<Console>,
    streams: Streams,
    journal: Journal,
    buffer: Vec<u8>,
}

/// What happened while waiting.
struct Woken {
    stop: bool,
    hang_up: bool,
    socket: bool,
    kernel: bool,
    streams: Vec<usize>,
}

impl Server {
    /// Opens the log and the sources. `settings` is where `configure` leaves its document.
    pub fn open(socket: OwnedFd, log: &Path, progress: &Path, settings: &Path) -> Result<Self, ServeError> {
        let stop = Stop::listen().map_err(ServeError::Signals)?;
        let hang_up = Signals::take(&[signals::HUP]).map_err(ServeError::Signals)?;
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).map_err(|err| ServeError::Folder { path: folder.to_owned(), err })?;
        }
        let store = Rolling::open(log, Settings::default().rotation()).map_err(ServeError::Store)?;
        let mut server = Self {
            socket: Some(socket),
            stop,
            hang_up,
            documents: settings.to_owned(),
            settings: Settings::default(),
            kernel: Reader::open().ok(),
            progress: Progress::open(progress).ok(),
            console: Console::open().ok(),
            streams: Streams::default(),
            journal: Journal::new(store),
            buffer: vec![0; READ_BYTES],
        };
        server.take_settings();
        Ok(server)
    }

    /// Takes the settings as they are now, and says whether they make sense. What the log had too much of is gone on return.
    fn take_settings(&mut self) -> bool {
        let (settings, wrong) = Settings::read(&self.documents);
        if let Some(why) = &wrong {
            let text = format!("error logd: settings not read path={} why={why:?}", self.documents.display());
            self.journal.add(Stamp::now(), "logd", &text);
        }
        self.settings = settings;
        self.journal.keep(settings.rotation());
        wrong.is_none()
    }

    fn reload(&mut self) {
        self.tell(&notify::reloading());
        let taken = self.take_settings();
        self.journal.add(Stamp::now(), "logd", "info logd: settings read again");
        self.tell(if taken { notify::READY } else { notify::NOT_TAKEN });
    }

    fn tell(&mut self, state: &str) {
        if let Err(err) = notify::tell(state) {
            let text = format!("warn logd: PID 1 not told state={state:?} why=\"{err}\"");
            self.journal.add(Stamp::now(), "logd", &text);
        }
    }

    /// Works until SIGTERM, then takes what is left and ends.
    pub fn run(mut self) -> Result<(), ServeError> {
        loop {
            let woken = self.wait()?;
            if woken.stop {
                break;
            }
            if woken.hang_up {
                while self.hang_up.next().is_some() {}
                self.reload();
            }
            if woken.socket {
                self.take_streams();
            }
            if woken.kernel {
                self.read_kernel();
            }
            self.read_streams(&woken.streams);
            self.end_round();
        }
        self.drain();
        Ok(())
    }

    fn wait(&self) -> Result<Woken, ServeError> {
        let waiting = self.console.as_ref().filter(|console| console.is_waiting());
        let mut fds = Vec::with_capacity(SOURCES + self.streams.count());
        // A source that is not there is held by one that is, asked for nothing.
        let stand_in = || PollFd::new(&self.stop, PollFlags::empty());
        fds.push(PollFd::new(&self.stop, PollFlags::IN));
        fds.push(PollFd::new(&self.hang_up, PollFlags::IN));
        fds.push(self.socket.as_ref().map_or_else(stand_in, |it| PollFd::new(it, PollFlags::IN)));
        fds.push(self.kernel.as_ref().map_or_else(stand_in, |it| PollFd::new(it, PollFlags::IN)));
        fds.push(waiting.map_or_else(stand_in, |it| PollFd::new(it, PollFlags::OUT)));
        fds.extend(self.streams.pipes().map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN)));
        let timeout = self.journal.due().map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(err) => return Err(ServeError::Wait(err.into())),
        }
        let woke = |index: usize| fds.get(index).is_some_and(|fd: &PollFd<'_>| !fd.revents().is_empty());
        Ok(Woken {
            stop: woke(0),
            hang_up: woke(1),
            socket: self.socket.is_some() && woke(2),
            kernel: self.kernel.is_some() && woke(3),
            streams: (0..self.streams.count()).filter(|index| woke(SOURCES + index)).collect(),
        })
    }

    /// Takes over the pipes that PID 1 hands out.
    fn take_streams(&mut self) {
        while let Some(socket) = &self.socket {
            match sys::handed::receive(socket.as_fd(), &mut self.buffer[..1024]) {
                Ok(Received::Message(length, pipe)) => {
                    if let Err(err) = self.streams.add(&self.buffer[..length], pipe) {
                        let text = format!("error logd: output not taken over why=\"{err}\"");
                        self.journal.add(Stamp::now(), "logd", &text);
                    }
                }
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) => self.socket = None,
                Err(err) => {
                    self.journal.add(
                        Stamp::now(),
                        "logd",
                        &format!("error logd: socket broken why=\"{err}\""),
                    );
                    self.socket = None;
                }
            }
        }
    }

    fn read_kernel(&mut self) {
        let Some(kernel) = &mut self.kernel else { return };
        let now = Stamp::now();
        let mut last = None;
        for _ in 0..RECORDS_A_ROUND {
            match kernel.next(&mut self.buffer[..RECORD_MAX]) {
                Ok(Record::Bytes(length)) => {
                    let Some(record) = Message::parse(&self.buffer[..length]) else { continue };
                    if self.progress.as_ref().is_some_and(|progress| progress.has(record.sequence)) {
                        continue;
                    }
                    last = Some(record.sequence);
                    let writer = if record.by_kernel { "kernel: " } else { "" };
                    let text = format!("{writer}{}", escape(record.text));
                    // Below "warning": what may be the last word of a dying machine.
                    self.journal.add_named(now.at_boot_us(record.boot_us), &text, record.level < 4);
                }
                Ok(Record::Lost) => self.journal.add(now, "logd", "warn logd: kernel records lost"),
                Ok(Record::None) => break,
                Err(err) => {
                    self.journal.add(now, "logd", &format!("error logd: kernel log broken why=\"{err}\""));
                    self.kernel = None;
                    break;
                }
            }
        }
        if let (Some(sequence), Some(progress)) = (last, &mut self.progress) {
            progress.set(sequence);
        }
    }

    /// One read from each; what is left wakes the next round.
    fn read_streams(&mut self, ready: &[usize]) -> bool {
        let mut ended = Vec::new();
        let mut any = false;
        for &index in ready {
            if self.journal.pending_bytes() > ROUND_BYTES {
                self.journal.end_round();
            }
            let Some(stream) = self.streams.get_mut(index) else { continue };
            let stamp = Stamp::now();
            let (journal, shown, settings) = (&mut self.journal, &mut self.console, self.settings);
            let mut emit = |unit: &str, console: bool, text: &str| {
                journal.add(stamp, unit, text);
                if let (true, Some(shown)) = (console || settings.shows(text), shown.as_mut()) {
                    shown.push(unit, text);
                }
            };
            match stream.read(&mut self.buffer, &mut emit) {
                Ok(Read::Some) => any = true,
                Ok(Read::Nothing) => {}
                Ok(Read::Ended) => ended.push(index),
                Err(err) => {
                    emit(
                        "logd",
                        false,
                        &format!("error logd: output broken unit={} why=\"{err}\"", stream.unit),
                    );
                    ended.push(index);
                }
            }
        }
        self.streams.remove(&ended);
        any
    }

    fn end_round(&mut self) {
        self.journal.end_round();
        if let Some(console) = &mut self.console {
            console.flush();
        }
    }

    /// Takes everything that has been written, by whomever, and leaves it on the disk.
    fn drain(&mut self) {
        let until = Instant::now() + DRAIN;
        loop {
            self.take_streams();
            self.read_kernel();
            let all: Vec<usize> = (0..self.streams.count()).collect();
            let any = self.read_streams(&all);
            self.end_round();
            if !any || Instant::now() >= until {
                break;
            }
        }
        let stamp = Stamp::now();
        for index in 0..self.streams.count() {
            let journal = &mut self.journal;
            if let Some(stream) = self.streams.get_mut(index) {
                stream.end(&mut |unit, _, text| journal.add(stamp, unit, text));
            }
        }
        self.end_round();
        self.journal.sync();
    }
}

/// The last kernel record that is in the log, kept in memory outside of this process: a logd that is started again
/// reads the kernel's whole ring and must not write it twice.
#[derive(Debug)]
struct Progress {
    file: File,
    last: Option<u64>,
}

impl Progress {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = [0; 8];
        let last = match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Some(u64::from_le_bytes(bytes)),
            Err(_) => None,
        };
        Ok(Self { file, last })
    }

    fn has(&self, sequence: u64) -> bool {
        self.last.is_some_and(|last| sequence <= last)
    }

    /// Failing costs lines that are there twice after a restart.
    fn set(&mut self, sequence: u64) {
        self.last = Some(sequence);
        let _ = self.file.write_all_at(&sequence.to_le_bytes(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_settings_hold_at_once_and_what_is_too_much_goes() {
        let folder = std::env::temp_dir().join(format!("logd-reload-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (log, settings) = (folder.join("host.log"), folder.join("logs.json"));
        for aged in 1..=4 {
            File::create(folder.join(format!("host.log.{aged}"))).unwrap().set_len(2 << 20).unwrap();
        }
        let (ours, _theirs) = sys::channel::pair().unwrap();
        let mut server = Server::open(ours, &log, &folder.join("progress"), &settings).unwrap();
        let aged = || (1..=4).filter(|aged| folder.join(format!("host.log.{aged}")).exists()).count();
        assert_eq!((aged(), server.settings), (4, Settings::default()));
        fs::write(&settings, r#"{"keep-mib":5,"console":"warn"}"#).unwrap();
        server.reload();
        assert_eq!(aged(), 2, "5 MiB hold two files of 2 MiB");
        assert!(server.settings.shows("warn web: well") && !server.settings.shows("info web: so"));
        fs::write(&settings, "{").unwrap();
        server.reload();
        server.end_round();
        let text = fs::read_to_string(&log).unwrap();
        assert_eq!(text.matches("info logd: settings read again").count(), 2, "{text}");
        assert!(text.contains("error logd: settings not read path="), "{text}");
        assert_eq!(server.settings, Settings::default());
        fs::remove_dir_all(&folder).unwrap();
    }
}
