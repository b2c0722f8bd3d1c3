//! A folder that is a whole host.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

pub const FW_CFG: &str = "sys/firmware/qemu_fw_cfg/by_name/opt/org.gantry/user-data/raw";

/// A host in a folder, gone with the value.
pub struct Host(pub PathBuf);

impl Host {
    pub fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("configure-{name}-{}", std::process::id()));
        let host = Host(root);
        host.put("proc/sys/kernel/hostname", b"(none)\n");
        host.put("proc/sys/vm/swappiness", b"60\n");
        fs::create_dir(host.0.join("state")).unwrap();
        host
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn get(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_else(|err| panic!("{path}: {err}"))
    }

    /// Exit status and log.
    pub fn configure(&self) -> (u8, String) {
        self.run(&[])
    }

    /// The same of the second run.
    #[allow(dead_code, reason = "not every test file has one")]
    pub fn configure_cloud(&self) -> (u8, String) {
        self.run(&["--cloud".into()])
    }

    fn run(&self, more: &[OsString]) -> (u8, String) {
        let mut log = Vec::new();
        let arguments = [&["--root".into(), self.0.clone().into()], more].concat();
        let status = configure::run(&arguments, &mut Vec::new(), &mut log);
        (status, String::from_utf8(log).unwrap())
    }
}

/// The log without how long it took.
#[allow(dead_code, reason = "not every test file has one")]
pub fn timeless(log: &str) -> String {
    let line = |line: &str| line.split(" took_ms=").next().unwrap().to_owned() + "\n";
    log.lines().map(line).collect()
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
