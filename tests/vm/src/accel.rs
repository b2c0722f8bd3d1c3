//! Which accelerator a machine gets, and why.
//!
//! That /dev/kvm opens proves little: inside some virtual machines KVM accepts every call and then fails on the first
//! real instructions. So a guest is really run: the firmware, until it writes to its console.

use std::fmt;
use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use crate::console::Console;
use crate::error::{Error, Result};
use crate::firmware::Firmware;
use crate::tools::Tools;

/// The firmware writes after about half a second under KVM; the rest is for a busy host.
const TRIAL: Duration = Duration::from_secs(10);

/// The choice with its reason, which `xtask run` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accel {
    /// A guest really ran under KVM.
    Kvm,
    /// Software emulation.
    Tcg {
        /// Why not KVM.
        why: String,
    },
}

impl Accel {
    /// Finds out by running a guest. `GANTRY_ACCEL=kvm` or `=tcg` decides without.
    pub fn detect(tools: &Tools) -> Result<Self> {
        match std::env::var("GANTRY_ACCEL").as_deref() {
            Ok("kvm") => return Ok(Self::Kvm),
            Ok("tcg") => return Ok(Self::Tcg { why: "GANTRY_ACCEL asks for it".to_owned() }),
            _ => {}
        }
        if let Err(err) = File::options().read(true).write(true).open("/dev/kvm") {
            return Ok(Self::Tcg { why: format!("/dev/kvm cannot be opened: {err}") });
        }
        try_kvm(tools)
    }

    /// QEMU's words for it.
    pub fn arguments(&self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg { .. } => ["-accel", "tcg,thread=multi", "-cpu", "max"],
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kvm => write!(f, "KVM (a trial guest ran)"),
            Self::Tcg { why } => write!(f, "software emulation, slow ({why})"),
        }
    }
}

fn try_kvm(tools: &Tools) -> Result<Accel> {
    let dir = std::env::temp_dir().join(format!("gantry-kvm-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(Error::file("create", &dir))?;
    let result = run_trial(tools, &dir);
    let _ = std::fs::remove_dir_all(&dir);
    result
}

fn run_trial(tools: &Tools, dir: &std::path::Path) -> Result<Accel> {
    let firmware = Firmware::fresh(tools, dir)?;
    let mut command = tools.command("qemu-system-x86_64")?;
    command.arg("-L").arg(tools.file("usr/share/qemu")?).args([
        "-nodefaults",
        "-no-user-config",
        "-machine",
        "q35",
    ]);
    command.args(Accel::Kvm.arguments()).args(["-m", "256", "-display", "none", "-serial", "stdio"]);
    command.args(firmware.arguments()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|err| Error::Start { program: "qemu-system-x86_64".into(), err })?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Ok(Accel::Tcg { why: "the trial guest has no console".to_owned() });
    };
    let read = |stream: Box<dyn std::io::Read + Send>, name: &str| {
        let log = dir.join(name);
        Console::read(stream, child.id(), &log).map_err(Error::file("create", &log))
    };
    let console = read(Box::new(stdout), "console")?;
    let errors = read(Box::new(stderr), "errors")?;
    // QEMU stays, with the guest stopped, when KVM gives up: its complaint ends the trial early.
    let complained = errors.wait(0, TRIAL, |text| !text.is_empty());
    let spoke = console.lines();
    let _ = child.kill();
    let _ = child.wait();
    Ok(match (complained, spoke.is_empty()) {
        (Ok(line), _) => Accel::Tcg { why: format!("a trial guest failed under KVM: {}", line.text) },
        (Err(_), true) => Accel::Tcg { why: "a trial guest under KVM stayed silent".to_owned() },
        (Err(_), false) => Accel::Kvm,
    })
}
