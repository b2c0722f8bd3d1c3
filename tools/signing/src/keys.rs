//! A folder of keys.
//!
//! ```text
//! PK.crt KEK.crt db.crt       certificates (PEM or DER)
//! PK.key KEK.key db.key       private keys (PEM, mode 0600); or NAME.command: how to sign with a key that is elsewhere
//! owner                       the GUID under which the firmware lists the certificates
//! PK.auth KEK.auth db.auth    signed changes that enrol the certificates
//! ```
//!
//! Only `db.crt` and its key are needed to sign images. A folder appears whole or not at all, open to its owner alone; of what is in one
//! only the `.auth` files are ever written again.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use partition::Guid;

use crate::variable::{Timestamp, authenticated, signature_lists};
use crate::{Error, External, KeyFile, Signer, generate, pem};

/// One of the three keys of Secure Boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The platform key: its owner decides about KEK.
    Pk,
    /// The key exchange key: its owner decides about db.
    Kek,
    /// The signature database: what these keys sign may start.
    Db,
}

impl Name {
    /// All, in the order in which each one's owner comes first.
    pub const ALL: [Name; 3] = [Name::Pk, Name::Kek, Name::Db];

    /// The variable's name, and that of the files.
    pub fn as_str(self) -> &'static str {
        match self {
            Name::Pk => "PK",
            Name::Kek => "KEK",
            Name::Db => "db",
        }
    }

    /// Whose signature a change of this variable needs.
    pub fn changed_by(self) -> Name {
        match self {
            Name::Pk | Name::Kek => Name::Pk,
            Name::Db => Name::Kek,
        }
    }
}

/// A folder with at least `db.crt`.
#[derive(Clone, Debug)]
pub struct Keys {
    dir: PathBuf,
}

impl Keys {
    /// The keys in `dir`, made for tests if there are none yet.
    pub fn ensure(dir: &Path) -> Result<Keys, Error> {
        Keys::ensure_as(dir, "Gantry test", Timestamp::FIRST)
    }

    /// The keys in `dir`. If there are none, new ones: RSA-2048, each with a certificate that it signs itself, called `title` PK and so
    /// on; enrolled at `time`. Of two callers at once one makes them and both get the same.
    pub fn ensure_as(dir: &Path, title: &str, time: Timestamp) -> Result<Keys, Error> {
        match Keys::open(dir) {
            Err(Error::NotKeys { .. }) if is_empty(dir) => Keys::make(dir, title, time),
            other => other,
        }
    }

    /// The keys that are in `dir`.
    pub fn open(dir: &Path) -> Result<Keys, Error> {
        let keys = Keys { dir: dir.to_owned() };
        if keys.file(Name::Db, "crt").exists() {
            Ok(keys)
        } else {
            Err(Error::NotKeys { dir: dir.to_owned() })
        }
    }

    fn make(dir: &Path, title: &str, time: Timestamp) -> Result<Keys, Error> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let aside = dir.with_file_name(format!(".{name}.{}", generate::guid()?));
        let made = Keys { dir: aside.clone() };
        let written = made.fill(title, time);
        // Fails if somebody else's keys have appeared there: then those are the ones.
        let moved = written.and_then(|()| fs::rename(&aside, dir).map_err(|err| failed(dir, err)));
        if moved.is_err() {
            let _ = fs::remove_dir_all(&aside);
        }
        match (moved, Keys::open(dir)) {
            (_, Ok(keys)) => Ok(keys),
            (Err(err), _) | (Ok(()), Err(err)) => Err(err),
        }
    }

    fn fill(&self, title: &str, time: Timestamp) -> Result<(), Error> {
        let above = self.dir.parent().unwrap_or(&self.dir);
        fs::create_dir_all(above).map_err(|err| failed(above, err))?;
        fs::DirBuilder::new().mode(0o700).create(&self.dir).map_err(|err| failed(&self.dir, err))?;
        for name in Name::ALL {
            let pair = generate::pair(&format!("{title} {}", name.as_str()))?;
            write(&self.file(name, "key"), 0o600, pair.key.as_bytes())?;
            write(&self.file(name, "crt"), 0o644, pair.certificate.as_bytes())?;
        }
        write(&self.dir.join("owner"), 0o644, format!("{}\n", generate::guid()?).as_bytes())?;
        self.write_enrolment(&[], time)
    }

    /// Writes the three `.auth` files: db with `also` (certificates in DER) besides its own.
    pub fn write_enrolment(&self, also: &[Vec<u8>], time: Timestamp) -> Result<(), Error> {
        let change = |name| {
            let mut certificates = vec![self.certificate(name)?];
            certificates.extend(also.iter().filter(|_| name == Name::Db).cloned());
            self.change(name, &certificates, time)
        };
        // All are made before the first is written: else a fault would leave files of two times beside each other.
        let [pk, kek, db] = Name::ALL.map(change);
        for (name, change) in Name::ALL.into_iter().zip([pk?, kek?, db?]) {
            write(&self.file(name, "auth"), 0o644, &change)?;
        }
        Ok(())
    }

    /// A signed change that makes `certificates` (DER) the value of a variable.
    pub fn change(&self, name: Name, certificates: &[Vec<u8>], time: Timestamp) -> Result<Vec<u8>, Error> {
        let lists = signature_lists(self.owner()?, certificates)?;
        authenticated(self.signer_of(name.changed_by())?.as_ref(), name, &lists, time)
    }

    /// Where they are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The signer of images: db's.
    pub fn signer(&self) -> Result<Box<dyn Signer>, Error> {
        self.signer_of(Name::Db)
    }

    /// The signer of one of the keys.
    pub fn signer_of(&self, name: Name) -> Result<Box<dyn Signer>, Error> {
        let (key, command) = (self.file(name, "key"), self.file(name, "command"));
        let certificate = self.file(name, "crt");
        if key.exists() {
            Ok(Box::new(KeyFile::open(&key, &certificate)?))
        } else if command.exists() {
            Ok(Box::new(External::open(&command, &certificate)?))
        } else {
            Err(Error::NoSigner { dir: self.dir.clone(), name: name.as_str() })
        }
    }

    /// A certificate, in DER.
    pub fn certificate(&self, name: Name) -> Result<Vec<u8>, Error> {
        pem::certificate(&self.file(name, "crt"))
    }

    /// Under which GUID the firmware lists the certificates.
    pub fn owner(&self) -> Result<Guid, Error> {
        let path = self.dir.join("owner");
        let text = fs::read_to_string(&path).map_err(|err| Error::Read { path: path.clone(), err })?;
        text.trim().parse().map_err(|_| Error::Owner { path })
    }

    /// The files that may be given away, of those that there are: certificates, changes, owner.
    pub fn public_files(&self) -> Vec<PathBuf> {
        self.public_places().filter(|path| path.exists()).collect()
    }

    /// Where they all would be.
    pub fn public_places(&self) -> impl Iterator<Item = PathBuf> {
        let of = |name| [self.file(name, "crt"), self.file(name, "auth")];
        Name::ALL.into_iter().flat_map(of).chain([self.dir.join("owner")])
    }

    /// The path of `NAME.kind`.
    pub fn file(&self, name: Name, kind: &str) -> PathBuf {
        self.dir.join(format!("{}.{kind}", name.as_str()))
    }
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Error> {
    let open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path);
    open.and_then(|mut file| file.write_all(bytes)).map_err(|err| failed(path, err))
}

fn failed(path: &Path, err: std::io::Error) -> Error {
    Error::Write { path: path.to_owned(), err }
}
