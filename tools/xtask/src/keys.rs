//! `xtask keys`: the keys of Secure Boot, made or shown.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use imager::cache::Cache;
use imager::digest::Digest;
use signing::variable::Timestamp;
use signing::{Keys as Folder, Name, certificate_file};

/// What keys are called that nobody gave a name.
const TITLE: &str = "Gantry test";

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask keys                                     show the keys that images are signed with, made if need be
  cargo xtask keys --dir /secure/keys --title 'Example Corp'
                                                       own keys, outside the checkout: then build with GANTRY_KEYS=/secure/keys
  cargo xtask keys --dir /secure/keys --enrol --time 2026-11-20 --trust vendor.crt
                                                       write the .auth files again, with one more certificate in db

A private key may be elsewhere: put `db.command` (a command that signs what it reads) in place of `db.key`.")]
pub struct Keys {
    /// The folder [default: $GANTRY_KEYS, else target/imager/keys]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What new certificates are called, before ` PK`, ` KEK` and ` db` [default: Gantry test]
    #[arg(long)]
    title: Option<String>,
    /// Write PK.auth, KEK.auth and db.auth again, for keys that are there
    #[arg(long)]
    enrol: bool,
    /// Time in the .auth files that are written: firmware refuses a change that is not younger than the last one
    /// [default: 2026-01-01]
    #[arg(long)]
    time: Option<Timestamp>,
    /// A certificate (PEM or DER) that db trusts besides its own; may be repeated
    #[arg(long, value_name = "FILE", requires = "enrol")]
    trust: Vec<PathBuf>,
}

impl Keys {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let dir = match &self.dir {
            Some(dir) => std::path::absolute(dir)?,
            None => imager::signed::folder(root, &Cache::of_repository(root)?),
        };
        if Folder::open(&dir).is_ok() {
            self.suits_keys_that_are_there(&dir)?;
        }
        let time = self.time.unwrap_or(Timestamp::FIRST);
        let keys = Folder::ensure_as(&dir, self.title.as_deref().unwrap_or(TITLE), time)?;
        if self.enrol {
            let also: Result<Vec<_>, _> = self.trust.iter().map(|file| certificate_file(file)).collect();
            keys.write_enrolment(&also?, time).context("cannot write the .auth files")?;
        }
        let owner = keys.owner().map_or_else(|_| "none".to_owned(), |owner| owner.to_string());
        println!("keys: {} owner {owner}", dir.display());
        for name in Name::ALL {
            println!("  {:<3} {}", name.as_str(), describe(&keys, name)?);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Nothing that was asked for is passed over in silence.
    fn suits_keys_that_are_there(&self, dir: &Path) -> Result<()> {
        let dir = dir.display();
        ensure!(
            self.title.is_none(),
            "{dir} has keys already, and --title names new ones; leave it out, or name another folder with --dir"
        );
        ensure!(
            self.time.is_none() || self.enrol,
            "{dir} has keys already, and --time is for .auth files that are written; leave it out, or add --enrol to \
             write them again"
        );
        Ok(())
    }
}

/// Whose certificate it is, and whether its key is at hand. To build images db suffices.
fn describe(keys: &Folder, name: Name) -> Result<String> {
    if !keys.file(name, "crt").exists() {
        return Ok("not here".to_owned());
    }
    let certificate = keys.certificate(name)?;
    let kept = match keys.signer_of(name) {
        Ok(_) => "can sign",
        Err(signing::Error::NoSigner { .. }) => "cannot sign: the key is elsewhere",
        Err(err) => return Err(err.into()),
    };
    Ok(format!("sha256 {}  {kept}", Digest::of(&certificate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_enrolled_and_described() {
        let dir = std::env::temp_dir().join(format!("xtask-keys-{}", std::process::id()));
        let verb = |title: Option<&str>, enrol, time: &str| Keys {
            dir: Some(dir.clone()),
            title: title.map(str::to_owned),
            enrol,
            time: (!time.is_empty()).then(|| time.parse().unwrap()),
            trust: Vec::new(),
        };
        verb(Some("Example"), false, "2026-01-01").run(Path::new("/")).unwrap();
        let keys = Folder::open(&dir).unwrap();
        let read = || std::fs::read(keys.file(Name::Db, "auth")).unwrap();
        let first = read();
        for (title, enrol, time, remedy) in
            [(Some("Other"), true, "2027-01-01", "with --dir"), (None, false, "2027-01-01", "add --enrol")]
        {
            let err = verb(title, enrol, time).run(Path::new("/")).unwrap_err().to_string();
            assert!(err.contains("has keys already") && err.contains(remedy), "{err}");
        }
        assert_eq!(read(), first, "what is refused changes nothing");
        verb(None, false, "").run(Path::new("/")).unwrap();
        verb(None, true, "2027-01-01").run(Path::new("/")).unwrap();
        assert_ne!(read(), first, "a later time");
        std::fs::remove_file(keys.file(Name::Pk, "crt")).unwrap();
        std::fs::remove_file(keys.file(Name::Kek, "key")).unwrap();
        let said = Name::ALL.map(|name| describe(&keys, name).unwrap());
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(said[0], "not here");
        assert!(
            said[1].ends_with("cannot sign: the key is elsewhere") && said[2].ends_with("can sign"),
            "{said:?}"
        );
    }
}
