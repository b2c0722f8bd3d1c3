//! Describing a machine, and starting it.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::Guest;
use super::starting::Starting;
use crate::bus::Bus;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::firmware::{Firmware, Kind};
use crate::lab::Lab;
use crate::qmp::Qmp;
use crate::tpm::Tpm;

/// A QEMU that hangs up is gone within this.
const DYING: Duration = Duration::from_secs(5);

/// A machine to be. By default: a copy of the image, 2 CPUs, 1 GiB, nothing forwarded, firmware that starts any program,
/// a hardware watchdog that resets; ends where it would reboot.
#[derive(Debug)]
pub struct Builder {
    pub(super) lab: Lab,
    name: String,
    disk: Option<Disk>,
    disk_size: Option<u64>,
    pub(super) bus: Bus,
    pub(super) drives: Vec<PathBuf>,
    pub(super) memory_mib: u32,
    pub(super) cpus: u32,
    pub(super) user_data: Option<String>,
    pub(super) nocloud: Option<String>,
    pub(super) settle: Option<Duration>,
    pub(super) orders: bool,
    pub(super) forwards: Vec<u16>,
    firmware: Kind,
    variables: Option<PathBuf>,
    pub(super) reboots: bool,
    pub(super) tpm: bool,
    pub(super) stuck_console: bool,
}

impl Builder {
    pub(crate) fn new(lab: Lab, name: &str) -> Self {
        Self {
            lab,
            name: name.to_owned(),
            disk: None,
            disk_size: None,
            bus: Bus::default(),
            drives: Vec::new(),
            memory_mib: 1024,
            cpus: 2,
            user_data: None,
            nocloud: None,
            settle: None,
            orders: false,
            forwards: Vec::new(),
            firmware: Kind::Open,
            variables: None,
            reboots: false,
            tpm: false,
            stuck_console: false,
        }
    }

    /// Runs this disk, and leaves it when the machine is gone, instead of a copy of the image.
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disk = Some(disk);
        self
    }

    /// Attaches the machine's own disk to this bus, and traces what a SATA or SCSI drive is told ([`Guest::told`]).
    pub fn bus(mut self, bus: Bus) -> Self {
        self.bus = bus;
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

    /// Firmware that insists on signatures once keys are enrolled in its variables.
    pub fn secure(mut self) -> Self {
        self.firmware = Kind::Secure;
        self
    }

    /// Keeps the firmware's variables in this file (made in the factory state if it is not there), and leaves it when the
    /// machine is gone: the next machine on the same disk and variables is the same one, switched on again.
    pub fn variables(mut self, path: impl Into<PathBuf>) -> Self {
        self.variables = Some(path.into());
        self
    }

    /// Lets the machine reboot: its console then tells of every boot, see [`Guest::boots`].
    pub fn reboots(mut self) -> Self {
        self.reboots = true;
        self
    }

    /// Adds a TPM 2.0 in its factory state.
    pub fn tpm(mut self) -> Self {
        self.tpm = true;
        self
    }

    /// Adds a second serial line, which takes a few characters and then no more, as one does whose cable leads nowhere.
    /// The firmware prints on it, too.
    pub fn stuck_console(mut self) -> Self {
        self.stuck_console = true;
        self
    }

    /// Starts the machine. The kernel ends it with the calling thread (see [`crate::tools::Tools::command`]).
    pub fn start(self) -> Result<Guest> {
        let dir = fresh_dir(&self.lab.machines, &self.name)?;
        let variables = self.variables.clone().unwrap_or_else(|| dir.join("vars.fd"));
        let firmware = Firmware::keeping(self.firmware, &self.lab.tools, &variables)?;
        let tpm = if self.tpm { Some(Tpm::start(&self.lab.tools, &dir)?) } else { None };
        let disk = match &self.disk {
            Some(disk) => disk.clone(),
            None => Disk::copy(&self.lab.image.disk(), &dir.join("disk.img"), self.disk_size)?,
        };
        let mut command = self.lab.tools.command("qemu-system-x86_64")?;
        command.arg("-L").arg(self.lab.tools.file("usr/share/qemu")?);
        command.args(self.lab.accel.arguments()).args(firmware.arguments());
        command.args(["-machine", firmware.machine()]);
        self.describe(&mut command, &dir, &disk)?;

        let errors = dir.join("qemu.stderr");
        let stderr = File::create(&errors).map_err(Error::file("create", &errors))?;
        command.current_dir(&dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let child =
            command.spawn().map_err(|err| Error::Start { program: "qemu-system-x86_64".into(), err })?;
        let mut starting = Starting::new(child, errors);

        let log = dir.join("console.log");
        let console = starting.console(&log)?;
        let greeted = Qmp::over(starting.connect(&dir, "qmp.sock")?);
        // QEMU may refuse its arguments after it opened the socket; then its own words matter, not the broken talk.
        let refused = |err| if console.wait_end(DYING) { starting.complaint() } else { err };
        let mut monitor = greeted.map_err(refused)?;
        let orders = if self.orders { Some(starting.connect(&dir, "probe.sock")?) } else { None };
        orders.as_ref().map_or(Ok(()), discard).map_err(Error::file("read orders' answers in", &dir))?;
        // Connected, and never read from.
        let stuck = if self.stuck_console { Some(starting.connect(&dir, "stuck.sock")?) } else { None };
        let ports = if self.forwards.is_empty() { Vec::new() } else { monitor.forwarded_ports()? };
        let child = starting.done()?;
        let (keep_disk, bus, reboots) = (self.disk.is_some(), self.bus, self.reboots);
        Ok(Guest {
            child,
            console,
            monitor,
            orders,
            ports,
            disk,
            keep_disk,
            bus,
            reboots,
            dir,
            _stuck: stuck,
            _tpm: tpm,
        })
    }
}

/// Reads what comes on the line of the orders and forgets it: the firmware takes every serial line for a console, and waits
/// for seconds at each character that one does not take.
fn discard(line: &UnixStream) -> std::io::Result<()> {
    let mut reader = line.try_clone()?;
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    Ok(())
}

/// An empty directory for one machine; what an earlier run left there goes.
fn fresh_dir(machines: &Path, name: &str) -> Result<PathBuf> {
    let dir = machines.join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).map_err(Error::file("create", &dir))?;
    dir.canonicalize().map_err(Error::file("find", &dir))
}
