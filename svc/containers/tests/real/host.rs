//! The programs around the service, each owned by its handle.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Generous: the machine may be busy. Reached only when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a condition, and fails with its name.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "waited in vain for: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// A host with containerd, a registry and the service, in our root.
pub struct Guest {
    pid1: UnixDatagram,
    heard: String,
    containerd: Option<Child>,
    registry: Option<Child>,
    service: Option<Child>,
    logs: usize,
    /// What of the service's log was looked at.
    seen: String,
}

impl Guest {
    /// Nothing runs yet.
    pub fn boot() -> Self {
        for dir in ["/etc/containerd", "/etc/registry", "/run/gantry", "/var/registry"] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write("/etc/hosts", "127.0.0.1 localhost\n").unwrap();
        let config = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
        fs::write("/etc/containerd/config.toml", config).unwrap();
        let config = "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/registry\nhttp:\n  addr: 127.0.0.1:5000\n";
        fs::write("/etc/registry/config.yml", config).unwrap();
        let pid1 = UnixDatagram::bind("/run/notify").unwrap();
        pid1.set_nonblocking(true).unwrap();
        Guest {
            pid1,
            heard: String::new(),
            containerd: None,
            registry: None,
            service: None,
            logs: 0,
            seen: String::new(),
        }
    }

    /// Writes what `configure` would.
    pub fn want(&self, containers: &[&str]) {
        let text = format!(
            r#"{{"containers": {{{}}}, "registry": {{"mirrors": [{{"registry": "registry.gantry.test", "endpoint": ["http://127.0.0.1:5000"]}}]}}}}"#,
            containers.join(",")
        );
        fs::write("/run/gantry/containers.json", text).unwrap();
    }

    pub fn start_containerd(&mut self) {
        let log = File::options().append(true).create(true).open("/var/log/containerd.log").unwrap();
        let child = Command::new("/usr/bin/containerd")
            .arg("--config")
            .arg("/etc/containerd/config.toml")
            .stderr(log)
            .spawn();
        self.containerd = Some(child.unwrap());
    }

    pub fn kill_containerd(&mut self) {
        kill(self.containerd.take());
    }

    pub fn start_registry(&mut self) {
        let log = File::create("/var/log/registry.log").unwrap();
        let mut command = Command::new("/usr/bin/docker-registry");
        command.args(["serve", "/etc/registry/config.yml"]).stdout(log.try_clone().unwrap()).stderr(log);
        self.registry = Some(command.spawn().unwrap());
    }

    pub fn stop_registry(&mut self) {
        kill(self.registry.take());
    }

    pub fn start_service(&mut self) {
        self.logs += 1;
        let log = File::create(self.log()).unwrap();
        let mut command = Command::new("/test");
        command
            .args(["the_service", "--ignored", "--exact", "--nocapture"])
            .env("NOTIFY_SOCKET", "/run/notify");
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.service = Some(command.spawn().unwrap());
        self.seen.clear();
    }

    pub fn kill_service(&mut self) {
        kill(self.service.take());
    }

    pub fn signal_service(&self, signal: &str) {
        let pid = self.service.as_ref().unwrap().id();
        assert!(
            Command::new("/usr/bin/busybox")
                .args(["kill", &format!("-{signal}"), &pid.to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    pub fn stop_service(&mut self) -> Option<i32> {
        self.signal_service("TERM");
        let mut service = self.service.take().unwrap();
        let mut code = None;
        wait_for("the end of the service", || {
            code = service.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }

    /// Waits until the service logged `text`, after what was waited for before.
    pub fn service_says(&mut self, text: &str) {
        let path = self.log();
        let mut log = String::new();
        let seen = self.seen.len();
        let began = Instant::now();
        loop {
            log.clear();
            log.push_str(&fs::read_to_string(&path).unwrap());
            // Containers report in any order, so what is waited for may stand anywhere since the start.
            if log.contains(text) {
                break;
            }
            if began.elapsed() > DEADLINE {
                let containerd = fs::read_to_string("/var/log/containerd.log").unwrap_or_default();
                let tail: Vec<&str> = containerd.lines().rev().take(15).collect();
                panic!(
                    "the service did not say: {text}\n{log}\ncontainerd (last first):\n{}",
                    tail.join("\n")
                );
            }
            sleep(Duration::from_millis(10));
        }
        if log.len() > seen {
            print!("{}", &log[seen..]);
            self.seen = log;
        }
    }

    /// Waits until the service told PID 1.
    pub fn told(&mut self, line: &str) {
        wait_for(line, || {
            let mut buffer = [0; 512];
            while let Ok(count) = self.pid1.recv(&mut buffer) {
                self.heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
                self.heard.push('\n');
            }
            self.heard.lines().any(|heard| heard == line)
        });
    }

    /// Processes that have `text` in their command line and are no shell of this test.
    pub fn processes(&self, text: &str) -> Vec<u32> {
        let pids =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut pids: Vec<u32> = pids
            .filter(|pid: &u32| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).split('\0').any(|word| word == text)
            })
            .collect();
        pids.sort_unstable();
        pids
    }

    pub fn kill_process(&self, pid: u32) {
        assert!(
            Command::new("/usr/bin/busybox")
                .args(["kill", "-KILL", &pid.to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    fn log(&self) -> String {
        format!("/var/log/service.{}.log", self.logs)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        for child in [self.service.take(), self.containerd.take(), self.registry.take()] {
            kill(child);
        }
    }
}

fn kill(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}
