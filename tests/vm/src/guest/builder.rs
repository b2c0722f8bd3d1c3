//! Describing a machine, and starting it.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Guest;
use crate::console::Console;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::firmware::{Firmware, quoted};
use crate::lab::Lab;
use crate::nocloud;
use crate::qmp::{self, Qmp};

/// QEMU opens its sockets at once; the rest is for a busy host.
const SOCKETS: Duration = Duration::from_secs(60);
/// A QEMU that hangs up is gone within this.
const DYING: Duration = Duration::from_secs(5);
/// Between two tries of a socket that is not there yet.
const AGAIN: Duration = Duration::from_millis(10);

/// A machine to be. By default: a copy of the image, 2 CPUs, 1 GiB, nothing forwarded, ends where it would reboot.
#[derive(Debug)]
pub struct Builder {
    lab: Lab,
    name: String,
    disk: Option<Disk>,
    disk_size: Option<u64>,
    drives: Vec<PathBuf>,
    memory_mib: u32,
    cpus: u32,
    user_data: Option<String>,
    nocloud: Option<String>,
    settle: Option<Duration>,
    orders: bool,
    forwards: Vec<u16>,
}

impl Builder {
    pub(crate) fn new(lab: Lab, name: &str) -> Self {
        Self {
            lab,
            name: name.to_owned(),
            disk: None,
            disk_size: None,
            drives: Vec::new(),
            memory_mib: 1024,
            cpus: 2,
            user_data: None,
            nocloud: None,
            settle: None,
            orders: false,
            forwards: Vec::new(),
        }
    }

    /// Runs this disk, and leaves it when the machine is gone, instead of a copy of the image.
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disk = Some(disk);
        self
    }

    /// Grows the copy of the image to this many bytes.
    pub fn disk_size(mut self, bytes: u64) -> Self {
        self.disk_size = Some(bytes);
        self
    }

    /// Adds a raw disk, which the machine may write to.
    pub fn drive(mut self, path: impl Into<PathBuf>) -> Self {
        self.drives.push(path.into());
        self
    }

    /// Memory.
    pub fn memory_mib(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// Virtual CPUs.
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// User data through fw_cfg.
    pub fn user_data(mut self, toml: impl Into<String>) -> Self {
        self.user_data = Some(toml.into());
        self
    }

    /// User data on a NoCloud disk, which wins over fw_cfg's.
    pub fn nocloud(mut self, toml: impl Into<String>) -> Self {
        self.nocloud = Some(toml.into());
        self
    }

    /// Has the probe print the memory in use after this much rest.
    pub fn settle(mut self, rest: Duration) -> Self {
        self.settle = Some(rest);
        self
    }

    /// Has the probe obey [`Guest::order`].
    pub fn orders(mut self) -> Self {
        self.orders = true;
        self
    }

    /// Forwards a port of the host, chosen by the kernel, to this port of the machine.
    pub fn forward(mut self, guest_port: u16) -> Self {
        self.forwards.push(guest_port);
        self
    }

    /// Starts the machine. The kernel ends it with the calling thread (see [`crate::tools::Tools::command`]).
    pub fn start(self) -> Result<Guest> {
        let dir = fresh_dir(&self.lab.machines, &self.name)?;
        let firmware = Firmware::fresh(&self.lab.tools, &dir)?;
        let disk = match &self.disk {
            Some(disk) => disk.clone(),
            None => Disk::copy(&self.lab.image.disk(), &dir.join("disk.img"), self.disk_size)?,
        };
        let mut command = self.lab.tools.command("qemu-system-x86_64")?;
        command.arg("-L").arg(self.lab.tools.file("usr/share/qemu")?);
        command.args(self.lab.accel.arguments()).args(firmware.arguments());
        self.describe(&mut command, &dir, &disk)?;

        let errors = dir.join("qemu.stderr");
        let stderr = File::create(&errors).map_err(Error::file("create", &errors))?;
        command.current_dir(&dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let child =
            command.spawn().map_err(|err| Error::Start { program: "qemu-system-x86_64".into(), err })?;
        let mut starting = Starting { child: Some(child), errors };

        let log = dir.join("console.log");
        let console = starting.console(&log)?;
        let greeted = Qmp::over(starting.connect(&dir, "qmp.sock")?);
        // QEMU may refuse its arguments after it opened the socket; then its own words matter, not the broken talk.
        let refused = |err| if console.wait_end(DYING) { starting.complaint() } else { err };
        let mut monitor = greeted.map_err(refused)?;
        let orders = if self.orders { Some(starting.connect(&dir, "probe.sock")?) } else { None };
        let ports = if self.forwards.is_empty() { Vec::new() } else { monitor.forwarded_ports()? };
        let child = starting.done()?;
        Ok(Guest { child, console, monitor, orders, ports, disk, keep_disk: self.disk.is_some(), dir })
    }

    fn describe(&self, command: &mut Command, dir: &Path, disk: &Disk) -> Result<()> {
        command.args(["-nodefaults", "-no-user-config", "-machine", "q35", "-display", "none"]);
        command.args(["-m", &self.memory_mib.to_string(), "-smp", &self.cpus.to_string()]);
        command.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        command.args([
            "-chardev",
            "socket,id=qmp,path=qmp.sock,server=on,wait=off",
            "-mon",
            "chardev=qmp,mode=control",
        ]);
        command.args(["-device", "virtio-rng-pci", "-no-reboot"]);
        drive(command, "disk", disk.path(), "cache=unsafe", "bootindex=1");
        for (number, path) in self.drives.iter().enumerate() {
            drive(command, &format!("extra{number}"), path, "cache=unsafe", "");
        }
        if let Some(text) = &self.nocloud {
            let volume = nocloud::make(&self.lab.tools, &dir.join("cidata.img"), text)?;
            drive(command, "cidata", &volume, "readonly=on", "");
        }
        if let Some(text) = &self.user_data {
            fw_cfg(command, dir, "user-data", text)?;
        }
        if let Some(plan) = self.plan() {
            fw_cfg(command, dir, "probe", &plan)?;
        }
        if self.orders {
            command.args([
                "-chardev",
                "socket,id=probe,path=probe.sock,server=on,wait=off",
                "-serial",
                "chardev:probe",
            ]);
        }
        // Port 0: the kernel picks one when QEMU binds it, and the monitor tells which. So no two machines, and no
        // machine and a stranger, can ever want the same.
        let forwards: String =
            self.forwards.iter().map(|port| format!(",hostfwd=tcp:127.0.0.1:0-:{port}")).collect();
        command.args(["-netdev", &format!("user,id=net{forwards}")]);
        // Without its ROM: the firmware would try to boot from the network.
        command.args(["-device", "virtio-net-pci,netdev=net,romfile="]);
        Ok(())
    }

    /// What the probe is told, if it is wanted at all.
    fn plan(&self) -> Option<String> {
        let settle = self.settle.map(|rest| format!("settle={}", rest.as_secs()));
        let listen = self.orders.then(|| "listen=/dev/ttyS1".to_owned());
        let words: Vec<String> = settle.into_iter().chain(listen).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

/// QEMU between its start and its first answer: killed if anything goes wrong there.
struct Starting {
    child: Option<Child>,
    errors: PathBuf,
}

impl Starting {
    fn console(&mut self, log: &Path) -> Result<Console> {
        let stdout = self.child.as_mut().and_then(|child| Some((child.stdout.take()?, child.id())));
        let (stdout, pid) = stdout.ok_or_else(|| self.complaint())?;
        Console::read(stdout, pid, log).map_err(Error::file("create", log))
    }

    fn connect(&mut self, dir: &Path, socket: &str) -> Result<UnixStream> {
        let until = Instant::now() + SOCKETS;
        loop {
            match qmp::connect(dir, socket) {
                Ok(stream) => return Ok(stream),
                Err(_) if self.gone() || Instant::now() > until => return Err(self.complaint()),
                // The file appears when QEMU binds it, and nothing tells us: this asks again.
                Err(_) => std::thread::sleep(AGAIN),
            }
        }
    }

    fn gone(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn done(mut self) -> Result<Child> {
        self.child.take().ok_or_else(|| self.complaint())
    }

    fn complaint(&self) -> Error {
        let stderr = std::fs::read_to_string(&self.errors).unwrap_or_default();
        Error::Qemu { stderr: stderr.trim().to_owned() }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn drive(command: &mut Command, id: &str, path: &Path, backend: &str, device: &str) {
    command.args(["-drive", &format!("if=none,id={id},format=raw,{backend},file={}", quoted(path))]);
    let joint = if device.is_empty() { "" } else { "," };
    command.args(["-device", &format!("virtio-blk-pci,drive={id}{joint}{device}")]);
}

fn fw_cfg(command: &mut Command, dir: &Path, name: &str, text: &str) -> Result<()> {
    let file = dir.join(format!("fw_cfg.{name}"));
    std::fs::write(&file, text).map_err(Error::file("write", &file))?;
    command.args(["-fw_cfg", &format!("name=opt/org.gantry/{name},file={}", quoted(&file))]);
    Ok(())
}

/// An empty directory for one machine; what an earlier run left there goes.
fn fresh_dir(machines: &Path, name: &str) -> Result<PathBuf> {
    let dir = machines.join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).map_err(Error::file("create", &dir))?;
    dir.canonicalize().map_err(Error::file("find", &dir))
}
