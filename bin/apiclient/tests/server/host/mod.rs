//! A host in a folder: the real server on a real socket, and a PID 1 that says what a test wants. The program is the real one.

mod init;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

pub use init::Init;

/// What the image says.
const DEFAULTS: &str = "[settings]\nmotd = \"from the image\"\n";

/// One host. Its server ends with the test's process.
pub struct Host {
    folder: tempfile::TempDir,
    /// Its PID 1.
    pub init: Init,
}

/// What one run of the program came to.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Host {
    /// Starts one. Returns when its server answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (path, text) in [
            ("usr/share/gantry/defaults.toml", DEFAULTS),
            ("usr/lib/os-release", "NAME=Gantry\nVARIANT_ID=standalone\nVERSION_ID=0.1.0\n"),
            ("proc/sys/vm/swappiness", "60\n"),
            ("proc/sys/kernel/hostname", "localhost\n"),
            ("var/log/host.log", ""),
            ("run/gantry/.keep", ""),
            ("state/.keep", ""),
            ("etc/.keep", ""),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = apiserver::host::Host::in_root(root);
        let init = Init::start(&host.init);
        let socket = host.socket.clone();
        let (failed, failure) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let ended = runtime.block_on(apiserver::run(host));
            // The test that waits for us may be over.
            let _ = failed.send(format!("{ended:?}"));
        });
        let host = Self { folder, init };
        // The socket is there before anybody listens at it: an answer is what counts.
        while host.run(&["get", "/v1/settings"]).status != 0 {
            if let Ok(ended) = failure.recv_timeout(Duration::from_millis(10)) {
                panic!("the server at {} ended: {ended}", socket.display());
            }
        }
        // As `configure` leaves a host: with a first generation, and applied.
        host.ok(&["set", "updates.ignore-waves=false"]);
        host
    }

    /// A file below its `/`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file below its `/`.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs the program.
    pub fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, "")
    }

    /// Runs the program with this on standard input.
    pub fn run_with(&self, words: &[&str], stdin: &str) -> Ran {
        finish(self.command(words), stdin)
    }

    /// Runs the program from afar: not over the socket, and with `home` as its folder.
    pub fn run_from(&self, home: &Path, words: &[&str]) -> Ran {
        let mut command = program();
        command.env("GANTRY_HOME", home).args(words);
        finish(command, "")
    }

    /// The program, to be started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = program();
        command.arg("-s").arg(self.path("run/api.sock")).args(words);
        command
    }

    /// Runs the program, which must succeed. Returns what it printed.
    pub fn ok(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert_eq!(ran.status, 0, "{words:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    /// The same, as JSON.
    pub fn json(&self, words: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(words)).unwrap()
    }

    /// A file for a test, beside the host's.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path: &Path = &self.folder.path().join(name);
        std::fs::write(path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// What a program prints, line by line, each awaited for a minute at most.
pub struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Of a program that was started.
    pub fn of(child: &mut Child) -> Self {
        let (send, receive) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            // A test that is over takes no more.
            out.lines().map_while(Result::ok).all(|line| send.send(line).is_ok())
        });
        Self(receive)
    }

    /// The next one.
    pub fn take(&self) -> String {
        self.0.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

/// The program, with no environment.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apiclient"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finish(mut command: Command, stdin: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A program that failed before it read it is no trouble.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Ran {
        status: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}
