//! Builds the UEFI programs of `boot/`.
//!
//! With rustup's `x86_64-unknown-uefi` target where that is installed. Else with Debian's `rustc-web` and the library
//! source packaged with exactly that compiler (`rust-web-src`): the library must match its compiler, and these two always
//! do. Missing packages are installed where we may; elsewhere the error says what to do.
//!
//! Holds always: the program's bytes depend on the sources and the compiler, not on where they lie: paths are
//! renamed and the linker leaves out the time. Cargo decides what is to be built again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use imager::command;
use imager::firmware::TARGET;

/// The compiler and the source of its library, from Debian's security suite.
const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// As the programs of the image are built.
const PROFILE: &str = "image";

/// Builds package `crate_name` and puts the program at `out`. Returns `out`.
pub fn build(repository: &Path, crate_name: &str, out: &Path) -> Result<PathBuf> {
    let target_dir = target_dir(repository)?.join("efi");
    let toolchain = Toolchain::find()?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository);
    cargo.args(["build", "--quiet", "--locked", "--package", crate_name, "--profile", PROFILE]);
    cargo.args(["--target", TARGET, "--target-dir"]).arg(&target_dir);
    toolchain.apply(&mut cargo);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rustflags(repository, &target_dir, &toolchain)?);
    command::show(&mut cargo).with_context(|| format!("cannot build {crate_name} for {TARGET}"))?;

    let built = target_dir.join(TARGET).join(PROFILE).join(crate_name).with_extension("efi");
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::copy(&built, out)
        .with_context(|| format!("cannot copy {} to {}", built.display(), out.display()))?;
    Ok(out.to_owned())
}

/// Who compiles.
enum Toolchain {
    /// rustup's, with its target installed.
    Rustup,
    /// Debian's compiler and library source, with rustup's linker or LLVM's.
    Debian { rustc: PathBuf, linker: PathBuf },
}

impl Toolchain {
    fn find() -> Result<Self> {
        let libraries = print(Path::new("rustc"), &["target-libdir", "--target", TARGET])?;
        let has_core = |dir: &Path| {
            let names = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
            names.into_iter().any(|name| name.to_string_lossy().starts_with("libcore-"))
        };
        if has_core(&libraries) {
            return Ok(Self::Rustup);
        }
        let rustc = match debian_compiler() {
            Some(rustc) => rustc,
            None => {
                install()?;
                debian_compiler()
                    .context("rustc-web and rust-web-src are installed, but their files are not there")?
            }
        };
        Ok(Self::Debian { rustc, linker: linker()? })
    }

    fn apply(&self, cargo: &mut Command) {
        if let Self::Debian { rustc, linker } = self {
            // Building the library asks for nightly's switch. It stays inside this one command, for it makes
            // build scripts believe in a nightly compiler. Our own code uses nothing unstable.
            cargo.arg("-Zbuild-std=core,alloc").env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
            cargo.env("CARGO_TARGET_X86_64_UNKNOWN_UEFI_LINKER", linker);
        }
    }

    fn rustc(&self) -> &Path {
        match self {
            Self::Rustup => Path::new("rustc"),
            Self::Debian { rustc, .. } => rustc,
        }
    }
}

/// Path of `rustc-web`'s compiler, when both packages are installed.
fn debian_compiler() -> Option<PathBuf> {
    let file = |package, ending: &str| {
        let listing = command::read(Command::new("dpkg").args(["-L", package])).ok()?;
        listing.lines().find(|line| line.ends_with(ending)).map(PathBuf::from).filter(|path| path.exists())
    };
    file(PACKAGES[1], "/library/Cargo.lock")?;
    file(PACKAGES[0], "/bin/rustc")
}

/// As root on a Debian host: installs what is missing. rustup's compiler stays first in PATH.
fn install() -> Result<()> {
    let advice =
        || format!("no Rust library for {TARGET}: on a host with rustup run `rustup target add {TARGET}`");
    crate::host::install(&PACKAGES).with_context(advice)
}

/// rustup's own linker, else LLVM's.
fn linker() -> Result<PathBuf> {
    let sysroot = print(Path::new("rustc"), &["sysroot"])?;
    let version = command::read(Command::new("rustc").arg("-vV"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    let bundled = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    if bundled.exists() {
        return Ok(bundled);
    }
    if command::run(Command::new("lld-link").arg("--version")).is_ok() {
        return Ok("lld-link".into());
    }
    bail!("no linker for UEFI programs: on Debian run `apt-get install lld`");
}

/// Flags for what goes into the program: paths renamed, no time stamp, no debug file. Later renames win.
fn rustflags(repository: &Path, target_dir: &Path, toolchain: &Toolchain) -> Result<OsString> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home).context("HOME is not set")?;
    let library = print(toolchain.rustc(), &["sysroot"])?.join("lib/rustlib/src/rust");
    let real_library = std::fs::canonicalize(&library).unwrap_or_else(|_| library.clone());
    let renamed: [(&Path, &str); 5] = [
        (&cargo_home, "/cargo"),
        (&library, "/rust"),
        (&real_library, "/rust"),
        (repository, "/gantry"),
        (target_dir, "/target"),
    ];
    // The linker's debug file holds paths, and its digest would be written into the program.
    let mut flags = OsString::from("-Clink-arg=/Brepro\u{1f}-Clink-arg=/DEBUG:NONE");
    for (place, name) in renamed {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(place);
        flags.push("=");
        flags.push(name);
    }
    Ok(flags)
}

/// Where cargo puts what it builds for this repository.
fn target_dir(repository: &Path) -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => std::path::absolute(dir).context("bad CARGO_TARGET_DIR"),
        None => Ok(repository.join("target")),
    }
}

fn print(rustc: &Path, arguments: &[&str]) -> Result<PathBuf> {
    let printed = command::read(Command::new(rustc).arg("--print").args(arguments))?;
    Ok(PathBuf::from(printed.trim()))
}
