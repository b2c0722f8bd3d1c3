//! A host and a PID 1 that share one allowance of steps: when it is used up, nothing happens any more, as after a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::{ControlError, Outcome, Renewal, Renewed, UnitState, UnitStatus, Units};

use crate::Applier;
use crate::host::{Found, Host, Root};
use crate::lock::Lock;

/// Which unit reads what.
pub(super) const READS: &[(&str, &[&str])] = &[
    ("/etc/a", &["one"]),
    ("/etc/b", &["two"]),
    ("/etc/deep/er/c", &["one", "two"]),
    ("/run/secret", &["three"]),
    ("/etc/nobody", &[]),
];

const UNITS: &[&str] = &["one", "two", "three"];

/// Parameters this kernel has, with what they are from the start.
pub(super) const PARAMETERS: &[(&str, &str)] =
    &[("/proc/sys/x", "1"), ("/proc/sys/y", "4096\t8192"), (CHOICE, "none [soft] hard"), (PAGES, "0")];

/// One of a few words, shown among the others.
pub(super) const CHOICE: &str = "/sys/z";
const CHOICES: [&str; 3] = ["none", "soft", "hard"];

/// How the kernel shows it.
pub(super) fn shown(choice: &str) -> String {
    CHOICES.map(|word| if word == choice { format!("[{word}]") } else { word.to_owned() }).join(" ")
}

/// Huge pages, of which this kernel has ten.
pub(super) const PAGES: &str = "/sys/kernel/mm/hugepages/nr";

/// The value that this kernel takes for no parameter.
pub(super) const REFUSED: &str = "refused";

pub(super) struct Bench {
    pub(super) root: PathBuf,
    pub(super) steps: Arc<Steps>,
    pub(super) pid1: Arc<Pid1>,
}

/// How many more steps there are.
pub(super) struct Steps(AtomicUsize);

impl Steps {
    pub(super) fn allow(&self, steps: usize) {
        self.0.store(steps, Ordering::Relaxed);
    }

    pub(super) fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self) -> io::Result<()> {
        let less = |left: usize| left.checked_sub(1);
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("killed")),
        }
    }
}

#[derive(Default)]
pub(super) struct Pid1 {
    /// What each unit that runs has read of its files.
    read: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    /// Units that do not come up.
    pub(super) broken: Mutex<BTreeSet<String>>,
    /// Units that run and do not say that they are up, as netd before it has a lease.
    pub(super) late: Mutex<BTreeSet<String>>,
    /// Units that are down for their own failures, and stay so.
    pub(super) held: Mutex<BTreeSet<String>>,
    /// Who was renewed, in order.
    pub(super) renewed: Mutex<Vec<String>>,
    /// The host ends.
    pub(super) ending: Mutex<bool>,
    /// Nobody listens on its socket.
    pub(super) deaf: Mutex<bool>,
}

impl Bench {
    pub(super) fn new(name: &str) -> Bench {
        // In memory, as /etc and /run are: thousands of flushes would wait for a disk.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let root = folder.join(format!("apply-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for (path, value) in PARAMETERS {
            let path = at(&root, path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{value}\n")).unwrap();
        }
        let steps = Arc::new(Steps(AtomicUsize::new(usize::MAX)));
        Bench { root, steps, pid1: Arc::default() }
    }

    pub(super) fn applier(&self) -> Applier {
        let host = Fragile { root: Root(self.root.clone()), steps: self.steps.clone() };
        let units = Handle { root: self.root.clone(), steps: self.steps.clone(), pid1: self.pid1.clone() };
        Applier::on(Box::new(host), Some(Box::new(units)))
    }

    /// Every unit starts, and so reads its files.
    pub(super) fn start_all(&self) {
        for unit in UNITS {
            self.pid1.reads(&self.root, unit);
        }
    }

    pub(super) fn renewed(&self) -> Vec<String> {
        std::mem::take(&mut *self.pid1.renewed.lock().unwrap())
    }

    /// The plan's files as they are.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let paths = READS.iter().map(|(path, _)| (*path).to_owned());
        paths
            .filter_map(|path| Some((path.clone(), fs::read_to_string(at(&self.root, &path)).ok()?)))
            .collect()
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let paths = PARAMETERS.iter().map(|(path, _)| *path);
        paths
            .map(|path| (path.into(), fs::read_to_string(at(&self.root, path)).unwrap().trim().into()))
            .collect()
    }

    /// Panics if a unit that runs has not read what its files are.
    pub(super) fn nobody_is_behind(&self, case: &str) {
        for (unit, read) in &*self.pid1.read.lock().unwrap() {
            assert_eq!(*read, files_of(&self.root, unit), "{case}: unit {unit}");
        }
    }

    /// Panics if anything of ours lies about.
    pub(super) fn nothing_lies_about(&self, case: &str) {
        let stray =
            walk(&self.root.join("etc")).into_iter().filter(|path| path.to_string_lossy().ends_with(".new"));
        assert_eq!(stray.collect::<Vec<_>>(), Vec::<PathBuf>::new(), "{case}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Pid1 {
    fn reads(&self, root: &Path, unit: &str) {
        self.read.lock().unwrap().insert(unit.into(), files_of(root, unit));
    }
}

struct Fragile {
    root: Root,
    steps: Arc<Steps>,
}

impl Fragile {
    fn dies(&self) -> io::Result<()> {
        self.steps.take()
    }
}

impl Host for Fragile {
    fn lock(&self) -> io::Result<Lock> {
        self.root.lock()
    }

    fn look(&self, path: &str, limit: usize) -> Found {
        self.root.look(path, limit)
    }

    fn replace(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), files::Error> {
        let full = at(&self.root.0, path);
        let dead = |err| files::Error::Write { path: full.clone(), err };
        self.dies().map_err(dead)?;
        let Err(err) = self.dies() else { return self.root.replace(path, bytes, mode) };
        // Killed half way: what was to become the file lies beside it.
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        let aside = format!(".{}.new", full.file_name().unwrap().to_string_lossy());
        fs::write(full.with_file_name(aside), &bytes[..bytes.len() / 2]).unwrap();
        Err(dead(err))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.dies()?;
        self.root.remove(path)
    }

    fn sweep(&self, path: &str) -> io::Result<()> {
        self.dies()?;
        self.root.sweep(path)
    }

    fn parameter(&self, path: &str) -> io::Result<String> {
        self.root.parameter(path)
    }

    fn set_parameter(&self, path: &str, value: &str) -> io::Result<()> {
        self.dies()?;
        if value == REFUSED {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let value = match path {
            PAGES if value.parse::<u64>().is_ok_and(|pages| pages > 10) => "10".into(),
            CHOICE if CHOICES.contains(&value) => shown(value),
            CHOICE => return Err(io::ErrorKind::InvalidInput.into()),
            _ => value.to_owned(),
        };
        self.root.set_parameter(path, &value)
    }
}

struct Handle {
    root: PathBuf,
    steps: Arc<Steps>,
    pid1: Arc<Pid1>,
}

impl Units for Handle {
    fn renew(&self, units: &[&str], _: Duration) -> Result<Vec<Renewed>, ControlError> {
        if *self.pid1.ending.lock().unwrap() {
            let refusal = supervise::control::Refusal::ShuttingDown;
            return Err(ControlError::Refused { what: "renew units".into(), refusal });
        }
        let mut renewed = Vec::new();
        for unit in units {
            self.steps.take().map_err(ControlError::Lost)?;
            self.pid1.renewed.lock().unwrap().push((*unit).into());
            let is_in = |units: &Mutex<BTreeSet<String>>| units.lock().unwrap().contains(*unit);
            let broken = is_in(&self.pid1.broken) || is_in(&self.pid1.held);
            let outcome = match broken {
                _ if self.pid1.late.lock().unwrap().contains(*unit) => Outcome::TimedOut,
                true => Outcome::Failed { why: "it ended with 64".into() },
                false => Outcome::Ready,
            };
            self.pid1.reads(&self.root, unit);
            renewed.push(Renewed { unit: (*unit).into(), how: Renewal::Restarted, outcome, took_ms: 1 });
        }
        // The answer to the last may be lost.
        self.steps.take().map_err(ControlError::Lost)?;
        Ok(renewed)
    }

    fn list(&self) -> Result<Vec<UnitStatus>, ControlError> {
        if *self.pid1.deaf.lock().unwrap() {
            return Err(ControlError::Lost(io::ErrorKind::ConnectionRefused.into()));
        }
        let started = self.pid1.read.lock().unwrap();
        let status = |unit: &&str| UnitStatus {
            name: (*unit).into(),
            description: String::new(),
            kind: supervise::unit::Kind::Service,
            state: match started.contains_key(*unit) {
                _ if self.pid1.late.lock().unwrap().contains(*unit) => UnitState::Running,
                _ if self.pid1.held.lock().unwrap().contains(*unit) => UnitState::Held,
                true => UnitState::Ready,
                false => UnitState::Waiting,
            },
            why: None,
            since_ms: 0,
            wanted: true,
            pid: None,
            starts: 0,
            failures: 0,
            last_end: None,
            first_ready_ms: None,
            milestone: None,
            can_reload: false,
            requires: Vec::new(),
        };
        Ok(UNITS.iter().map(status).collect())
    }
}

fn at(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn files_of(root: &Path, unit: &str) -> BTreeMap<String, String> {
    let read = READS.iter().filter(|(_, units)| units.contains(&unit));
    read.filter_map(|(path, _)| Some(((*path).into(), fs::read_to_string(at(root, path)).ok()?))).collect()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
