//! A host in a folder, and the server that serves it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use apiserver::host::Host;
use apiserver::{Api, LIMITS, Limits, run_until};
use tokio::sync::oneshot;

use crate::http::{Answer, Request};
use crate::init::Init;

/// The longest that any condition of a test may take to come true.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the image says, in every test.
const DEFAULTS: &str = "[settings]\nmotd = \"from the image\"\n";

const OS_RELEASE: &str = "NAME=Gantry\nID=gantry\nPRETTY_NAME=\"Gantry 1.2.3 (standalone)\"\nVERSION_ID=1.2.3\n\
    VARIANT_ID=standalone\nBUILD_ID=abcdef\n";

/// A host; its folder goes with it.
pub struct Machine {
    pub root: PathBuf,
    pub init: Arc<Init>,
    serving: Option<Serving>,
}

struct Serving {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    api: Arc<Api>,
}

impl Machine {
    /// A host that never had settings of its own, served.
    pub fn new(name: &str) -> Self {
        Machine::within(name, LIMITS)
    }

    /// The same, within other limits.
    pub fn within(name: &str, limits: Limits) -> Self {
        let mut machine = Machine::off(name);
        machine.start(limits);
        // On a host that configure has not run on, the server applies what there is: its first turn.
        until("the first turn", || machine.api().last_report().is_some());
        machine.init.forget();
        machine
    }

    /// A host whose server does not run.
    pub fn off(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short: a socket's path has 108 bytes.
        let root = std::env::temp_dir().join(format!("gapi-{}-{number}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for folder in [
            "etc",
            "proc/sys/kernel",
            "proc/sys/vm",
            "run/gantry",
            "state",
            "usr/lib",
            "usr/share/gantry",
            "var/log",
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let file = |path: &str, text: &str| fs::write(root.join(path), text).unwrap();
        file("usr/lib/os-release", OS_RELEASE);
        file("usr/share/gantry/defaults.toml", DEFAULTS);
        file("proc/sys/kernel/hostname", "localhost\n");
        file("proc/sys/vm/swappiness", "60\n");
        file("proc/sys/vm/dirty_ratio", "20\n");
        let init = Init::start(&root.join("run/gantry/init.sock"));
        Machine { root, init, serving: None }
    }

    pub fn start(&mut self, limits: Limits) {
        self.start_after(limits, || {});
    }

    /// Starts it, and does something when it has looked at what there is, and done nothing yet.
    pub fn start_after(&mut self, limits: Limits, first: impl FnOnce() + Send + 'static) {
        assert!(self.serving.is_none(), "it runs");
        let host = Host::in_root(&self.root);
        let (end, ended) = oneshot::channel::<()>();
        let (ready, is_ready) = channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let ready = move |api: &Arc<Api>| {
                first();
                ready.send(api.clone()).unwrap();
            };
            let end = async move { drop(ended.await) };
            runtime.block_on(run_until(host, limits, ready, end)).unwrap();
            runtime.shutdown_background();
        });
        let api = is_ready.recv_timeout(PATIENCE).unwrap();
        self.serving = Some(Serving { end, thread, api });
    }

    /// What another process does that writes settings: nobody else can, until this is dropped.
    pub fn seize_store(root: &Path) -> fs::File {
        let folder = fs::File::open(root.join("state/settings")).unwrap();
        rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
        folder
    }

    pub fn stop(&mut self) {
        if let Some(Serving { end, thread, .. }) = self.serving.take() {
            // Gone already, if the server has ended by itself: joining says how.
            let _ = end.send(());
            thread.join().unwrap();
        }
    }

    /// The server's inside.
    pub fn api(&self) -> Arc<Api> {
        self.serving.as_ref().unwrap().api.clone()
    }

    pub fn socket(&self) -> PathBuf {
        self.root.join("run/api.sock")
    }

    pub fn ask(&self, request: &Request) -> Answer {
        request.send(&self.socket())
    }

    pub fn get(&self, target: &str) -> Answer {
        self.ask(&Request::new("GET", target))
    }

    pub fn post(&self, target: &str) -> Answer {
        self.ask(&Request::new("POST", target))
    }

    /// PATCH of JSON.
    pub fn patch(&self, target: &str, body: &str) -> Answer {
        self.ask(&Request::new("PATCH", target).body(body))
    }

    /// The generation in effect.
    pub fn generation(&self) -> u64 {
        self.get("/v1/settings").json()["generation"].as_u64().unwrap()
    }

    pub fn file(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()
    }

    /// Everything that settings lead to: to see that nothing changed.
    pub fn state(&self) -> (u64, String, Vec<String>) {
        let shown = self.get("/v1/settings?secrets=show");
        (shown.json()["generation"].as_u64().unwrap(), shown.text(), self.init.renewed())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(Serving { end, thread, .. }) = self.serving.take() {
            // A test that fails must not wait for its server; one that does not has stopped it, or sees how it ends.
            let _ = end.send(());
            if !thread::panicking() {
                thread.join().unwrap();
            }
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// As many open files as the kernel lets us have: both ends of every connection are in this process.
pub fn many_files() {
    static RAISED: OnceLock<()> = OnceLock::new();
    RAISED.get_or_init(|| {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).unwrap();
    });
}

/// A path's file, as it is on the host.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
