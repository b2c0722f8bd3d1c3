//! Where Debian's packages come from on this machine.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// The main archive and the security archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrors {
    /// Has `SUITE` and `SUITE-updates`.
    pub main: String,
    /// Has `SUITE-security`; when `None` the host's apt knows no such archive and updates come with point releases.
    pub security: Option<String>,
}

impl Mirrors {
    /// `$GANTRY_MIRROR` and `$GANTRY_SECURITY_MIRROR`, else what the host's apt uses.
    pub fn of_host() -> Result<Mirrors> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(main) = variable("GANTRY_MIRROR") {
            return Ok(Mirrors { main, security: variable("GANTRY_SECURITY_MIRROR") });
        }
        // apt itself reads its configuration: both file formats, fragments, `Enabled: no`.
        let text = command::read(Command::new("apt-get").env("LC_ALL", "C").args([
            "indextargets",
            "--format",
            "$(RELEASE) $(REPO_URI) $(COMPONENT)",
            "Created-By: Packages",
        ]))?;
        let mut mirrors = Mirrors::choose(&text)?;
        if let Some(security) = variable("GANTRY_SECURITY_MIRROR") {
            mirrors.security = Some(security);
        }
        Ok(mirrors)
    }

    /// Picks Debian's two archives from lines of release, address and component.
    fn choose(targets: &str) -> Result<Mirrors> {
        let mut security = None;
        let mut main = None;
        for line in targets.lines() {
            let mut words = line.split(' ');
            let (Some(release), Some(uri), Some("main")) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if let Some(base) = release.strip_suffix("-security") {
                if is_debian(base) {
                    security.get_or_insert_with(|| uri.to_owned());
                }
            } else if is_debian(release) {
                main.get_or_insert_with(|| uri.to_owned());
            }
        }
        match main {
            Some(main) => Ok(Mirrors { main, security }),
            None => bail!(
                "this machine's apt names no Debian archive; set GANTRY_MIRROR (and GANTRY_SECURITY_MIRROR) to one"
            ),
        }
    }

    /// The text of a sources.list.
    pub(super) fn sources(&self, suite: &str, keyring: &str) -> String {
        let line = |uri: &str, suite: &str| format!("deb [signed-by={keyring}] {uri} {suite} main\n");
        let mut text = line(&self.main, suite) + &line(&self.main, &format!("{suite}-updates"));
        if let Some(security) = &self.security {
            text += &line(security, &format!("{suite}-security"));
        }
        text
    }
}

/// Debian's release names, so that a third party's repository with a `main` is not taken for the archive.
fn is_debian(release: &str) -> bool {
    const NAMES: &[&str] =
        &["bookworm", "trixie", "forky", "duke", "sid", "unstable", "testing", "stable", "oldstable"];
    NAMES.contains(&release)
}

/// The host's settings for how to reach an archive, as lines of an apt.conf.
pub(super) fn transport() -> Result<String> {
    let text = command::read(Command::new("apt-config").env("LC_ALL", "C").arg("dump"))?;
    Ok(text.lines().filter(|line| is_transport(line)).map(|line| format!("{line}\n")).collect())
}

fn is_transport(line: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "Acquire::http::",
        "Acquire::https::",
        "Acquire::ForceIPv",
        "Acquire::Check-Valid-Until ",
        "Acquire::Check-Date ",
    ];
    // A bare list node ("x::y "";") adds nothing.
    PREFIXES.iter().any(|prefix| line.starts_with(prefix)) && !line.ends_with(" \"\";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_is_told_from_other_repositories() {
        let targets = "cloud-tools http://other.example/apt main\n\
            bookworm http://mirror.example/debian/ main\n\
            bookworm-updates http://mirror.example/debian/ main\n\
            bookworm-security http://security.example/debian-security/ main\n";
        let mirrors = Mirrors::choose(targets).unwrap();
        assert_eq!(mirrors.main, "http://mirror.example/debian/");
        assert_eq!(mirrors.security.as_deref(), Some("http://security.example/debian-security/"));
    }

    #[test]
    fn a_host_without_debian_is_told_what_to_set() {
        let err = Mirrors::choose("jammy http://other.example/ubuntu main\n").unwrap_err().to_string();
        assert!(err.contains("GANTRY_MIRROR"), "{err}");
    }

    #[test]
    fn proxies_are_kept_and_repositories_are_not() {
        assert!(is_transport("Acquire::http::Proxy \"http://proxy.example:3142\";"));
        assert!(!is_transport("Acquire::http::Proxy \"\";"));
        assert!(!is_transport("Acquire::AllowInsecureRepositories \"1\";"));
        assert!(!is_transport("Dir::Etc \"/etc/apt\";"));
    }
}
