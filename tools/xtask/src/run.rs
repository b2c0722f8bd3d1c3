//! `xtask run`: the whole thing in front of a newcomer's eyes.
//!
//! Builds the image, boots it, has it run a container that user data declares, fetches a page from that container
//! through the forwarded port, and prints what it cost. The developer's defaults (the mirror that leads to the test
//! registry, and the container `web` where the user brings no file) go in through fw_cfg; the user's own file goes in
//! untouched on a NoCloud disk, which wins. So both sources are in use. With the defaults goes the remote API, for keys that are
//! made at first use: the build host talks to the machine with the client that it has just built.

mod declared;
mod report;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use vm::{Accel, Api, ApiKeys, Guest, Lab, Oci, Registry, Trust};

use crate::interrupt::Interrupt;
use declared::Declared;
use watch::Watch;

/// The container that runs where the user brings no file.
const WEB: &str = "
[settings.containers.web]
image = \"registry.gantry.test/web:1\"
ports = [\"8080:80\"]
";

/// Rest before the memory reading: start-up work has ended by then (reference figures use the same).
const SETTLE: Duration = Duration::from_secs(10);
/// From power-on to everything running, at most.
const BOOT_KVM: Duration = Duration::from_secs(120);
const BOOT_EMULATED: Duration = Duration::from_secs(300);
/// One more answer from a machine that runs.
const ANSWER: Duration = Duration::from_secs(120);
/// An orderly power-off: containers get 60 s by their unit.
const POWER_OFF: Duration = Duration::from_secs(120);

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask run                       boot, show a page from a container, stay until Ctrl-C
  cargo xtask run --once                the same, then power off; exit 0 if all went well
  cargo xtask run --user-data my.toml   run the containers that my.toml declares
  cargo xtask run --secure-boot         the same on firmware that trusts the image's keys and starts nothing else

Images named registry.gantry.test/{web,busybox}:1 come from a registry started for the occasion.")]
pub struct Run {
    /// Power off after the page, and tell by the exit code whether it came
    #[arg(long)]
    once: bool,
    /// TOML for the machine, instead of the one container `web`
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// Firmware in which the image's keys are enrolled: it verifies everything that it starts
    #[arg(long)]
    secure_boot: bool,
    /// Show the whole console from the start
    #[arg(long)]
    console: bool,
    /// Memory in MiB
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    memory: u32,
    /// Virtual CPUs
    #[arg(long, default_value_t = 2)]
    cpus: u32,
    /// Size of the machine's disk in GiB; the image has 4
    #[arg(long, value_name = "GIB")]
    disk_size: Option<u64>,
    /// Variant to build and run
    #[arg(long, default_value = "standalone")]
    variant: String,
    /// Take the image that is there
    #[arg(long)]
    no_build: bool,
}

impl Run {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let file = self.user_data.as_deref().map(read).transpose()?;
        let declared = Declared::of(file.as_deref().unwrap_or(WEB));
        declared.print_problems();

        let lab = crate::lab::open(root, &self.variant, !self.no_build)?;
        let interrupt = Interrupt::catch()?;
        let registry = serve_images(&lab)?;
        let keys = ApiKeys::ensure()?;
        let mut guest = self.boot(&lab, &registry, file, &declared, &keys)?;
        let mut watch = Watch::new(self.console, interrupt);
        match self.show(&lab, &guest, &mut watch, &declared, &keys) {
            Ok(()) if self.once => println!("\npowering off"),
            Ok(()) => {
                println!("\nIt stays up; its console follows. Ctrl-C powers it off.\n");
                watch.follow(&guest);
                if guest.console().ended() {
                    println!("\nthe machine ended; console log: {}", guest.console().log().display());
                    return Ok(ExitCode::SUCCESS);
                }
                println!("\npowering off");
            }
            // A machine that still boots may not know its power button yet.
            Err(_) if watch.interrupted() => return Ok(ExitCode::from(130)),
            Err(err) => {
                eprintln!("console log: {}", guest.console().log().display());
                return Err(err);
            }
        }
        guest.power_off(POWER_OFF).context("the machine did not power off in order")?;
        // What was refused did not run, so not everything that was declared does.
        Ok(if declared.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn boot(
        &self,
        lab: &Lab,
        registry: &Registry,
        file: Option<String>,
        declared: &Declared,
        keys: &ApiKeys,
    ) -> Result<Guest> {
        let api = keys.user_data()?;
        let mut machine = lab.guest("run").memory_mib(self.memory).cpus(self.cpus).settle(SETTLE);
        machine = match file {
            Some(text) => machine.user_data(format!("{}{api}", registry.mirror())).nocloud(text),
            None => machine.user_data(format!("{}{WEB}{api}", registry.mirror())),
        };
        if self.secure_boot {
            let variables = lab.machines.join("run.fd");
            Trust::of_lab(lab)?.enrolled(lab, &variables)?;
            machine = machine.secure().variables(variables);
        }
        if let Some(gib) = self.disk_size {
            machine = machine.disk_size(gib << 30);
        }
        for port in &declared.ports {
            machine = machine.forward(*port);
        }
        if !declared.ports.contains(&vm::api::PORT) {
            machine = machine.forward(vm::api::PORT);
        }
        Ok(machine.start()?)
    }

    /// Waits until everything that was declared runs, and prints what there is to see.
    fn show(
        &self,
        lab: &Lab,
        guest: &Guest,
        watch: &mut Watch,
        declared: &Declared,
        keys: &ApiKeys,
    ) -> Result<()> {
        let deadline = if lab.accel == Accel::Kvm { BOOT_KVM } else { BOOT_EMULATED };
        for name in &declared.containers {
            watch.milestone(guest, &format!("container/{name}"), deadline)?;
        }
        if let Some(port) = declared.ports.first() {
            let page = guest.fetch(*port, "/", ANSWER)?;
            let host = guest.port(*port).unwrap_or_default();
            println!("\nhttp://127.0.0.1:{host}/ (port {port} of the machine) says:\n");
            page.lines().for_each(|line| println!("    {line}"));
        }
        let memory =
            watch.line(guest, "memory reading", ANSWER, |text| text.contains("probe: memory when=idle"))?;
        println!("\n{}", report::timeline(&guest.timeline(), &declared.containers));
        println!("{}", report::memory(&memory.text));
        println!("{}", report::sizes(&lab.image));
        let api = Api::of(guest, keys)?;
        match api.wait(guest, ANSWER) {
            Ok(_) => println!(
                "\nremote API (try: status, get settings, set motd=hello, services, logs -f):\n\n    {}",
                report::client(&api)
            ),
            // The user's own settings.api wins, and may mean other keys.
            Err(err) if self.user_data.is_some() => {
                println!("\nremote API: no answer to this checkout's keys: {err}")
            }
            Err(err) => return Err(err.into()),
        }
        Ok(())
    }
}

/// Starts the registry with the images that the examples name.
pub fn serve_images(lab: &Lab) -> Result<Registry> {
    let registry = Registry::start(&lab.tools, &lab.machines.join("registry"))?;
    for image in [Oci::web(&lab.tools)?, Oci::busybox(&lab.tools)?] {
        registry.push(&image)?;
    }
    Ok(registry)
}

fn read(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if text.trim().is_empty() {
        bail!("{} is empty", path.display());
    }
    Ok(text)
}
