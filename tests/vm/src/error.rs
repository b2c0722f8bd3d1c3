//! What can go wrong around a machine, each with the facts a reader of a failed test needs.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A failure of the harness, of QEMU or of the machine in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program of the tools tree is not where it should be.
    #[error("the tools tree {root} has no program {program}", root = root.display())]
    NoTool {
        /// The tree.
        root: PathBuf,
        /// Which program.
        program: String,
    },
    /// No directory with the tools is known.
    #[error("no tools tree at {root}: go through `cargo xtask vm`, or set GANTRY_TOOLS to what `cargo xtask tools` prints", root = root.display())]
    NoTools {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// The image was not built.
    #[error("no image: {file} is missing; build it (cargo xtask image), or set GANTRY_OUT", file = file.display())]
    NoImage {
        /// The file that is missing.
        file: PathBuf,
    },
    /// A file operation.
    #[error("cannot {act} {path}", path = path.display())]
    File {
        /// What was tried.
        act: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// A program of the tools tree ended badly.
    #[error("{program} ended with {status}: {stderr}")]
    Tool {
        /// Which.
        program: String,
        /// Its end.
        status: std::process::ExitStatus,
        /// What it complained about.
        stderr: String,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// Which.
        program: String,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// QEMU did not come up far enough to be talked to.
    #[error("QEMU did not start: {stderr}")]
    Qemu {
        /// What it said.
        stderr: String,
    },
    /// The TPM beside the machine did not come up.
    #[error("swtpm did not start: {stderr}")]
    Tpm {
        /// What it said.
        stderr: String,
    },
    /// The conversation with QEMU's monitor broke.
    #[error("QEMU's monitor: {command}: {why}")]
    Monitor {
        /// What was asked.
        command: String,
        /// What went wrong.
        why: String,
    },
    /// The emulator, not our system, is the suspect: a kernel oops before our first program ran.
    #[error("guest oops before init (suspect the emulator, not the test): {line}\n{tail}")]
    OopsBeforeInit {
        /// The kernel's first complaint.
        line: String,
        /// The last console lines, and where the log lies.
        tail: String,
    },
    /// The machine ended while something was still expected of it.
    #[error("the machine ended while waiting for {what}\n{tail}")]
    Ended {
        /// What was waited for.
        what: String,
        /// The last console lines, and where the log lies.
        tail: String,
    },
    /// A condition did not come true in time.
    #[error("no {what} within {deadline:?}\n{tail}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        deadline: Duration,
        /// The last console lines, and where the log lies.
        tail: String,
    },
    /// The registry did not start or answer.
    #[error("the test registry: {why}")]
    Registry {
        /// What went wrong.
        why: String,
    },
    /// An HTTP exchange with the registry or a machine.
    #[error("{method} {url}: {why}")]
    Http {
        /// Verb.
        method: &'static str,
        /// Address.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// Something that a scenario needs could not be made: a UKI, a root, keys.
    #[error("cannot make {what}: {why}")]
    Make {
        /// What.
        what: &'static str,
        /// The chain of reasons.
        why: String,
    },
    /// A disk's partition table cannot be read or changed.
    #[error("cannot {act} on {disk}: {why}", disk = disk.display())]
    Table {
        /// What was tried.
        act: &'static str,
        /// The disk.
        disk: PathBuf,
        /// Why not.
        why: String,
    },
    /// A disk's partition table does not hold what was looked for.
    #[error("no partition {name} on {disk}", disk = disk.display())]
    NoPartition {
        /// The partition's GPT name.
        name: String,
        /// The disk.
        disk: PathBuf,
    },
}

/// What every verb here returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err` on the builder's own steps, whose errors say it all with their chain.
    pub(crate) fn make<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |err| Self::Make { what, why: format!("{err:#}") }
    }

    /// For `map_err` on file operations.
    pub(crate) fn file(act: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |err| Self::File { act, path, err }
    }
}
