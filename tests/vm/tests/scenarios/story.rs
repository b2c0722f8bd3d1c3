//! What every scenario begins with.

use std::sync::OnceLock;
use std::time::Duration;

use vm::guest::Builder;
use vm::{Guest, Lab, Oci, Registry};

/// From power-on until something of the first boot is there. Under software emulation on a busy host a boot has taken
/// a minute; a deadline only says when to give up, so it is generous.
pub const BOOT: Duration = Duration::from_secs(300);
/// For one thing to happen on a machine that is up.
pub const SOON: Duration = Duration::from_secs(120);

/// The web server of the test registry, published on port 8080.
pub const WEB: &str = r#"
[settings.containers.web]
image = "registry.gantry.test/web:1"
ports = ["8080:80"]
"#;

/// A lab and a registry with the test images.
pub struct Story {
    pub lab: Lab,
    pub registry: Registry,
    name: &'static str,
}

impl Story {
    /// Sets the stage.
    pub fn begin(name: &'static str) -> Self {
        let lab = lab();
        let registry = Registry::start(&lab.tools, &lab.machines.join(format!("{name}.registry"))).unwrap();
        registry.push(&Oci::web(&lab.tools).unwrap()).unwrap();
        registry.push(&Oci::busybox(&lab.tools).unwrap()).unwrap();
        Self { lab, registry, name }
    }

    /// A machine whose fw_cfg user data is the mirror and these settings.
    pub fn machine(&self, settings: &str) -> Builder {
        self.lab.guest(self.name).user_data(format!("{}{settings}", self.registry.mirror()))
    }

    /// The same, started, with the web server's port forwarded.
    pub fn boot(&self, settings: &str) -> Guest {
        self.machine(settings).forward(8080).start().unwrap_or_else(|err| panic!("{err}"))
    }
}

/// The lab. Finding the accelerator runs a guest, so it is done once.
pub fn lab() -> Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| Lab::open().unwrap_or_else(|err| panic!("{err}"))).clone()
}

/// Unwraps with the error's own words: they carry the console's last lines, which `Debug` would put on one line.
pub trait OrTell<T> {
    fn or_tell(self) -> T;
}

impl<T> OrTell<T> for vm::Result<T> {
    fn or_tell(self) -> T {
        self.unwrap_or_else(|err| panic!("{err}"))
    }
}
