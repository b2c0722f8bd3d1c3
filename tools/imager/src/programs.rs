//! Our own programs, compiled for the image so that neither the place of the checkout nor that of cargo's files shows
//! in the bytes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::progress;
use crate::variant::{Linkage, Program};

/// The target all images are built for; fixed rather than the host's default so that flags reach only what is shipped
/// and not build scripts.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Built {
    /// Package in the workspace.
    pub package: String,
    /// The executable.
    pub file: PathBuf,
}

/// Places on the build host that must not show in a program.
#[derive(Clone, Debug)]
pub struct Places {
    /// The checkout.
    pub repository: PathBuf,
    /// cargo's target folder.
    pub target: PathBuf,
    cargo_home: PathBuf,
    sysroot: PathBuf,
}

impl Places {
    /// Of a checkout built into `target`.
    pub fn of(repository: &Path, target: &Path) -> Result<Places> {
        let sysroot = command::read(Command::new("rustc").args(["--print", "sysroot"]))?;
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
        let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home);
        let absolute =
            |path: &Path| std::path::absolute(path).with_context(|| format!("bad path {}", path.display()));
        Ok(Places {
            repository: absolute(repository)?,
            target: absolute(target)?,
            cargo_home: cargo_home.context("neither CARGO_HOME nor HOME is set")?,
            sysroot: PathBuf::from(sysroot.trim()),
        })
    }

    /// Each place with the name it gets instead. Later ones win, so the more special come later.
    fn renamed(&self) -> [(&Path, &'static str); 4] {
        [
            (&self.sysroot, "/rust"),
            (&self.cargo_home, "/cargo"),
            (&self.repository, "/gantry"),
            (&self.target, "/target"),
        ]
    }

    /// What the lint looks for in our programs.
    pub fn forbidden(&self) -> Vec<String> {
        let places = self.renamed().map(|(place, _)| place.to_string_lossy().into_owned());
        places.into_iter().filter(|place| place.len() > 1).collect()
    }
}

/// Compiles every program, the two linkages side by side: the last step of each is single-threaded.
pub fn build(places: &Places, programs: &[Program]) -> Result<Vec<Built>> {
    progress::step("compile our programs", || {
        thread::scope(|scope| {
            let jobs = [Linkage::Static, Linkage::Dynamic].map(|linkage| {
                let of_kind: Vec<&Program> =
                    programs.iter().filter(|program| program.linkage == linkage).collect();
                scope.spawn(move || compile(places, linkage, &of_kind))
            });
            let mut built = Vec::new();
            for job in jobs {
                match job.join() {
                    Ok(result) => built.extend(result?),
                    Err(_) => bail!("a compile thread panicked"),
                }
            }
            Ok(built)
        })
    })
}

fn compile(places: &Places, linkage: Linkage, programs: &[&Program]) -> Result<Vec<Built>> {
    if programs.is_empty() {
        return Ok(Vec::new());
    }
    // Two folders, because a change of flags in one makes cargo start over.
    let (name, flag) = match linkage {
        Linkage::Static => ("image-static", "-Ctarget-feature=+crt-static"),
        Linkage::Dynamic => ("image-dynamic", "-Ctarget-feature=-crt-static"),
    };
    let target = places.target.join(name);
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&places.repository);
    cargo.args(["build", "--quiet", "--profile", "image", "--target", TARGET, "--target-dir"]).arg(&target);
    for program in programs {
        cargo.args(["--package", &program.package]);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(places, flag)).env_remove("RUSTFLAGS");
    // cargo's own variables of the run that started us would reach build scripts and make them run again.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || matches!(&*name, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_TARGET_DIR")
        {
            cargo.env_remove(&key);
        }
    }
    command::show(&mut cargo).context("cannot compile our programs")?;
    let built = programs.iter().map(|program| Built {
        package: program.package.clone(),
        file: target.join(TARGET).join("image").join(program.binary.as_ref().unwrap_or(&program.package)),
    });
    Ok(built.collect())
}

/// Flags separated as `CARGO_ENCODED_RUSTFLAGS` wants them.
fn flags(places: &Places, linkage: &str) -> OsString {
    let mut flags = OsString::from(linkage);
    for (place, name) in places.renamed() {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(place);
        flags.push("=");
        flags.push(name);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_places_are_renamed_after_the_general_ones() {
        let places = Places {
            repository: "/src".into(),
            target: "/src/target".into(),
            cargo_home: "/home/x/.cargo".into(),
            sysroot: "/home/x/.rustup/t".into(),
        };
        let flags = flags(&places, "-Cx").into_string().unwrap();
        let parts: Vec<&str> = flags.split('\u{1f}').collect();
        assert_eq!(parts[0], "-Cx");
        assert!(
            parts.ends_with(&["--remap-path-prefix=/src=/gantry", "--remap-path-prefix=/src/target=/target"])
        );
        assert!(places.forbidden().contains(&"/src".to_owned()));
    }
}
