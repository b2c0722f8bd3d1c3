//! The running kernel's modules on the root: depmod's texts, and loading in their order.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use modules::{Catalog, Module, Name, parameters};
use sys::module::{Form, Loaded};
use verity::COMMAND_LINE_MAX_BYTES;

/// Four times what the larger kernel flavour's longest text takes.
const TEXT_MAX: usize = 8 * 1024 * 1024;
/// One word in /sys/module/NAME/initstate.
const STATE_MAX: usize = 64;

/// What is never loaded because a device or a request asked for it, and why.
const DENIED: &[(&str, &str)] = &[
    ("i2c_i801", "no sensor of a mainboard matters to containers"),
    ("i2c_piix4", "same"),
    ("i2c_smbus", "same"),
    ("lpc_ich", "resources of a chipset whose drivers are not wanted"),
    ("intel_rapl_msr", "power figures are a side channel between containers"),
    ("intel_rapl_common", "same"),
    ("rapl", "same"),
    ("intel_uncore", "counters for profiling hardware"),
    ("intel_cstate", "same"),
    ("power", "same"),
    ("psmouse", "no pointer"),
    ("mousedev", "same"),
    ("joydev", "same"),
    ("serio_raw", "same"),
    ("pcspkr", "no sound"),
    ("parport", "no printer"),
    ("parport_pc", "same"),
    ("floppy", "no floppy disk; its driver has a long record of flaws"),
    ("dccp", "protocol nobody serves, loaded by any socket(2), with a long record of flaws"),
    ("dccp_ipv4", "same"),
    ("dccp_ipv6", "same"),
    ("rds", "same"),
    ("rds_tcp", "same"),
    ("tipc", "same"),
    ("af_key", "same; replaced by xfrm"),
    ("ksmbd", "a file server in the kernel"),
    ("tcrypt", "a benchmark"),
];

/// What settings deny: `kernel.modules.NAME.allowed = false`. Not there in the first stage, nor before `configure` has run.
const DENIED_BY_SETTINGS: &str = "/etc/modprobe.d/settings.conf";

/// The names of [`DENIED`].
const DENIED_NAMES: [&str; DENIED.len()] = {
    let mut names = [""; DENIED.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = DENIED[index].0;
        index += 1;
    }
    names
};

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("cannot read the list of this kernel's modules")]
    Read(#[source] files::Error),
    #[error("cannot load {}", path.display())]
    Load {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
}

/// depmod's texts for the running kernel, and where the files lie.
pub struct Texts {
    folder: PathBuf,
    dependencies: String,
    aliases: String,
    soft: String,
    builtin: String,
    denied: String,
    command_line: String,
}

impl Texts {
    /// Reads them below `/lib/modules` for the running kernel.
    pub fn read() -> Result<Self, CatalogError> {
        let release = rustix::system::uname();
        let folder = Path::new("/usr/lib/modules").join(&*release.release().to_string_lossy());
        let read = |name: &str| files::read_text(&folder.join(name), TEXT_MAX);
        // A kernel without soft dependencies has no file of them.
        let optional = |name: &str| match read(name) {
            Err(err) if err.is_absent() => Ok(String::new()),
            other => other,
        };
        let line =
            files::read(Path::new("/proc/cmdline"), COMMAND_LINE_MAX_BYTES).map_err(CatalogError::Read)?;
        Ok(Self {
            dependencies: read("modules.dep").map_err(CatalogError::Read)?,
            aliases: read("modules.alias").map_err(CatalogError::Read)?,
            soft: optional("modules.softdep").map_err(CatalogError::Read)?,
            builtin: optional("modules.builtin").map_err(CatalogError::Read)?,
            // Denying nothing more is better than loading nothing at all.
            denied: files::read_text(Path::new(DENIED_BY_SETTINGS), TEXT_MAX).unwrap_or_default(),
            command_line: String::from_utf8_lossy(&line).into_owned(),
            folder,
        })
    }

    /// The texts, ready to be searched.
    pub fn catalog(&self) -> Catalog<'_> {
        Catalog {
            dependencies: &self.dependencies,
            aliases: &self.aliases,
            soft: &self.soft,
            builtin: &self.builtin,
            denied: &DENIED_NAMES,
            denied_too: &self.denied,
        }
    }

    /// The texts for what settings name: whoever names a module wants it, whatever our own list says.
    pub fn catalog_of_settings(&self) -> Catalog<'_> {
        Catalog { denied: &[], ..self.catalog() }
    }

    /// Loads one module; what it needs must be there.
    ///
    /// Looks first: the kernel would check the signature, which is most of a load's cost, before it notices that it
    /// has the module. One that another process is just loading counts as absent, so that the kernel makes us wait.
    pub fn load(&self, module: Module<'_>) -> Result<Loaded, CatalogError> {
        let name = module.name();
        if is_live(&name) {
            return Ok(Loaded::Before);
        }
        let path = self.folder.join(module.path());
        let failed = |err| CatalogError::Load { path: path.clone(), err };
        let form = if module.path().ends_with(".ko") { Form::Plain } else { Form::Compressed };
        let file = File::open(&path).map_err(failed)?;
        sys::module::load(file, form, &parameters(&self.command_line, &name)).map_err(failed)
    }
}

/// Whether the kernel has the module, ready for use.
fn is_live(name: &Name) -> bool {
    let state = Path::new("/sys/module").join(name.as_str()).join("initstate");
    files::read(&state, STATE_MAX).is_ok_and(|state| state.trim_ascii() == b"live")
}
