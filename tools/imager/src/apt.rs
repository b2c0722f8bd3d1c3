//! Debian's archive through apt, with state of our own: the build host's apt is read, never changed.
//!
//! Archive signatures are checked by apt against Debian's archive keyring. The mirror is the one that the host's apt
//! uses for Debian, or `$GANTRY_MIRROR` and `$GANTRY_SECURITY_MIRROR`; so are proxies, credentials and time-outs.

mod mirror;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

pub use mirror::Mirrors;

use crate::cache::{self, Lock};
use crate::command;
use crate::digest::Digest;

/// The release whose packages make the image.
pub const SUITE: &str = "trixie";

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One version of one package, as the archive's signed index describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Package name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// `amd64` or `all`.
    pub architecture: String,
    /// Source package.
    pub source: String,
    /// Of the package file.
    pub sha256: Digest,
    /// Length of the package file.
    pub size: u64,
    /// Names before any version in the first alternative of each dependency.
    pub depends: Vec<String>,
}

/// A private apt.
pub struct Apt {
    config: PathBuf,
    lists: PathBuf,
    architecture: String,
    _lock: Lock,
}

impl Apt {
    /// Prepares the private root in `dir` for packages of `architecture` (Debian's name). Does not fetch anything.
    pub fn at(dir: &Path, architecture: &str, mirrors: &Mirrors) -> Result<Apt> {
        if !Path::new(KEYRING).exists() {
            bail!("{KEYRING} is missing: install the package debian-archive-keyring");
        }
        for part in ["state/lists/partial", "cache/archives/partial", "etc"] {
            let path = dir.join(part);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        let lock = Lock::take(&dir.join("lock"))?;
        cache::write(&dir.join("state/status"), b"")?;
        cache::write(&dir.join("etc/sources.list"), mirrors.sources(SUITE, KEYRING).as_bytes())?;
        let config = dir.join("apt.conf");
        let text = settings(dir, architecture) + &mirror::transport()?;
        cache::write(&config, text.as_bytes())?;
        Ok(Apt { config, lists: dir.join("state/lists"), architecture: architecture.to_owned(), _lock: lock })
    }

    /// Fetches the archive's indexes and checks their signatures.
    pub fn update(&self) -> Result<()> {
        // Without `--error-on=any` apt keeps old indexes when a mirror cannot be reached, and says all is well.
        command::run(self.get().args(["update", "-qq", "--error-on=any"]))
            .context("apt cannot fetch the archive's indexes")?;
        Ok(())
    }

    /// True once [`Apt::update`] has run in this root.
    pub fn has_indexes(&self) -> bool {
        fs::read_dir(&self.lists).is_ok_and(|lists| {
            lists.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with("_Packages"))
        })
    }

    /// When the archive last published any of the suites we read, in seconds since 1970.
    pub fn published(&self) -> Result<u64> {
        let mut latest = 0;
        for entry in fs::read_dir(&self.lists).context("cannot list apt's indexes")? {
            let path = entry?.path();
            if !path.to_string_lossy().ends_with("_InRelease") {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let date = text.lines().find_map(|line| line.strip_prefix("Date: "));
            let date = date.with_context(|| format!("{} has no date", path.display()))?;
            let seconds = command::read(Command::new("date").args(["-u", "+%s", "-d", date]))?;
            latest = latest.max(seconds.trim().parse().context("date printed no number")?);
        }
        Ok(latest)
    }

    /// The versions that installing `names` on an empty system would bring in, as name and version.
    pub fn closure(&self, names: &[&str]) -> Result<Vec<(String, String)>> {
        let text = command::read(self.get().args(["install", "-s", "-qq"]).args(names))
            .context("apt cannot resolve the packages")?;
        Ok(text.lines().filter_map(parse_simulated).collect())
    }

    /// The candidate version of each name, without dependencies.
    pub fn candidates(&self, names: &[&str]) -> Result<Vec<Record>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let text = command::read(self.cache().args(["show", "--no-all-versions"]).args(names))
            .context("the archive lacks a package")?;
        parse_records(&text)
    }

    /// The records of exact versions.
    pub fn records(&self, versions: &[(String, String)]) -> Result<Vec<Record>> {
        let wanted: Vec<String> =
            versions.iter().map(|(name, version)| format!("{name}={version}")).collect();
        let text =
            command::read(self.cache().arg("show").args(&wanted)).context("the archive lacks a version")?;
        let records = parse_records(&text)?;
        let known = |r: &Record| versions.iter().any(|(n, v)| *n == r.name && *v == r.version);
        Ok(records.into_iter().filter(known).collect())
    }

    /// Those of `versions` that the mirror has.
    pub fn available(&self, versions: &[(String, String)]) -> Result<Vec<(String, String)>> {
        let names = versions.iter().map(|(name, _)| name);
        let text = command::read(self.cache().arg("madison").args(names))?;
        let on_mirror: Vec<(String, String)> = text.lines().filter_map(parse_madison).collect();
        Ok(versions.iter().filter(|wanted| on_mirror.contains(wanted)).cloned().collect())
    }

    /// Downloads package files into `dir`, under names of apt's choosing.
    pub fn download(&self, versions: &[(String, String)], dir: &Path) -> Result<()> {
        let wanted = versions.iter().map(|(name, version)| format!("{name}={version}"));
        command::run(self.get().args(["download", "-qq"]).args(wanted).current_dir(dir))
            .context("apt cannot download packages")?;
        Ok(())
    }

    /// Debian's name of the architecture.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    fn get(&self) -> Command {
        self.tool("apt-get")
    }

    fn cache(&self) -> Command {
        self.tool("apt-cache")
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        // Output is parsed: no translations.
        command.env("APT_CONFIG", &self.config).env("LC_ALL", "C");
        command
    }
}

/// The private root's configuration. `Dir::Etc::main` and `parts` at /dev/null keep the host's files out.
fn settings(dir: &Path, architecture: &str) -> String {
    let dir = dir.display();
    format!(
        r#"Dir "{dir}";
Dir::Etc "{dir}/etc";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "{dir}/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::netrc "/etc/apt/auth.conf";
Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::State "{dir}/state";
Dir::State::status "{dir}/state/status";
Dir::Cache "{dir}/cache";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::AllowInsecureRepositories "false";
"#
    )
}

/// `Inst libc6 (2.41-12 Debian:13/stable [amd64])`
fn parse_simulated(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let version = rest.strip_prefix('(')?.split([' ', ')']).next()?;
    Some((name.to_owned(), version.to_owned()))
}

/// `   runc | 1.1.15+ds1-2+b4 | URI trixie/main amd64 Packages`
fn parse_madison(line: &str) -> Option<(String, String)> {
    let mut fields = line.split('|').map(str::trim);
    Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
}

fn parse_records(text: &str) -> Result<Vec<Record>> {
    text.split("\n\n").map(str::trim).filter(|stanza| !stanza.is_empty()).map(parse_record).collect()
}

fn parse_record(stanza: &str) -> Result<Record> {
    let field = |name: &str| {
        let value = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map(|value| value.trim().to_owned())
    };
    let need = |name: &str| field(name).with_context(|| format!("no field {name} in: {stanza}"));
    let name = need("Package")?;
    // "runc (1.1.15+ds1-2)" when source and binary versions differ; the name alone is what we keep.
    let source = field("Source").map(|s| s.split(' ').next().unwrap_or_default().to_owned());
    let sha256 = need("SHA256")?;
    let depends = field("Depends").unwrap_or_default();
    let depends = depends.split(", ").filter_map(|d| d.split([' ', '|', '(']).next()).map(str::to_owned);
    Ok(Record {
        version: need("Version")?,
        architecture: need("Architecture")?,
        source: source.unwrap_or_else(|| name.clone()),
        sha256: Digest::parse(&sha256).with_context(|| format!("{name}: bad digest {sha256}"))?,
        size: need("Size")?.parse().with_context(|| format!("{name}: bad size"))?,
        depends: depends.filter(|name| !name.is_empty()).collect(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANZA: &str = "Package: runc\nSource: runc-app (1.1.15+ds1-2)\nVersion: 1.1.15+ds1-2+b4\n\
        Architecture: amd64\nDepends: libc6 (>= 2.38), libseccomp2 | other (>= 2.5.0)\nSize: 3229748\n\
        SHA256: fad4f807a369677f0954bd4c61e56ddb2dd8b3f4aec30c3834c3165fc6d3c19f\n";

    #[test]
    fn records_are_read_from_the_index() {
        let records = parse_records(&format!("{STANZA}\n{STANZA}")).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].source, "runc-app");
        assert_eq!(records[0].size, 3_229_748);
        assert_eq!(records[0].depends, ["libc6", "libseccomp2"]);
        assert!(parse_records(&STANZA.replace("SHA256: ", "SHA256: x")).is_err());
    }

    #[test]
    fn simulated_installs_give_versions() {
        let line = "Inst libc6 (2.41-12+deb13u4 Debian:13.7/stable [amd64]) []";
        assert_eq!(parse_simulated(line), Some(("libc6".into(), "2.41-12+deb13u4".into())));
        assert_eq!(parse_simulated("Conf libc6 (2.41)"), None);
    }
}
