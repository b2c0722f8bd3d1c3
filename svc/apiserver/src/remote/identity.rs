//! The host's own authority, and the register of what it issued, on the STATE partition.
//!
//! ```text
//! authority.pem    certificate and key of the authority (0600)
//! register.json    every certificate it issued that is still valid, revoked or not (0600)
//! ```
//!
//! Holds always: each file is the old one or the new one, whole; a certificate is in the register on the disk before anybody
//! gets it, so there is none that could not be revoked. Keys of issued certificates are never written.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use serde::{Deserialize, Serialize};
use wire::Role;

use super::authority::{Authority, Issued, Purpose, hex};
use super::error::RemoteError;

/// Before this (2026-01-01) a clock was not set: this software is younger.
const EARLIEST_S: u64 = 1_767_225_600;

/// More than operators and programs that one host has.
const MOST: usize = 1024;

/// Of one entry; bounds the file.
const REGISTER_BYTES: usize = MOST * 512;

const AUTHORITY_BYTES: usize = 16 << 10;

/// The authority and its register.
#[derive(Debug)]
pub struct Identity {
    folder: PathBuf,
    authority: Arc<Authority>,
    register: Register,
}

/// What is remembered.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Register {
    /// Whether the first administrator's certificate was shown on the console.
    handed_out: bool,
    certificates: Vec<Entry>,
}

/// An issued certificate, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Its serial number, in hexadecimal digits.
    pub serial: String,
    /// Whose it is.
    pub name: String,
    /// What it lets them do.
    pub role: String,
    /// From when it is valid.
    pub not_before_s: u64,
    /// Until when.
    pub not_after_s: u64,
    /// Since when it is not any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_s: Option<u64>,
}

impl Identity {
    /// The one in `folder`, made if there is none.
    pub fn open(folder: &Path, now_s: u64) -> Result<Self, RemoteError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(RemoteError::Folder)?;
        let path = folder.join("authority.pem");
        let authority = match files::read_text(&path, AUTHORITY_BYTES) {
            Ok(text) => Authority::open(&text).map_err(|err| not_ours(&path, err))?,
            Err(err) if err.is_absent() => {
                check_clock(now_s)?;
                let mut tag = [0; 4];
                aws_lc_rs::rand::fill(&mut tag)
                    .map_err(|_| RemoteError::Folder(io::Error::other("no randomness")))?;
                // Its own name, so that a client that knows many hosts' authorities can tell them apart.
                let name = format!("Gantry host {}", hex(&tag));
                let authority = Authority::make(&name, now_s).map_err(RemoteError::Make)?;
                files::replace(&path, authority.to_pem().as_bytes(), 0o600).map_err(RemoteError::Keep)?;
                log::info!(name:% = name; "authority of certificates made");
                authority
            }
            Err(err) => return Err(RemoteError::Keep(err)),
        };
        let path = folder.join("register.json");
        let register = match files::read(&path, REGISTER_BYTES) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|err| not_ours(&path, err))?,
            Err(err) if err.is_absent() => Register::default(),
            Err(err) => return Err(RemoteError::Keep(err)),
        };
        Ok(Identity { folder: folder.to_owned(), authority: Arc::new(authority), register })
    }

    /// The authority.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// What it issued and may still be valid.
    pub fn certificates(&self) -> &[Entry] {
        &self.register.certificates
    }

    /// Whether somebody was given the first certificate.
    pub fn is_handed_out(&self) -> bool {
        self.register.handed_out
    }

    /// Remembers that somebody was.
    pub fn handed_out(&mut self) -> Result<(), RemoteError> {
        self.write(Register { handed_out: true, ..self.register.clone() })
    }

    /// Issues a client's certificate. It is in the register, on the disk, when this returns.
    pub fn issue(&mut self, name: &str, role: Role, days: u16, now_s: u64) -> Result<Issued, RemoteError> {
        check_clock(now_s)?;
        let mut register = self.register.clone();
        // What has expired is believed by nobody; revoked or not, it need not be remembered.
        register.certificates.retain(|entry| entry.not_after_s > now_s);
        if register.certificates.len() >= MOST {
            return Err(RemoteError::Full { most: MOST });
        }
        let issued =
            self.authority.issue(&Purpose::Client(name, role), now_s, days).map_err(RemoteError::Make)?;
        register.certificates.push(Entry {
            serial: issued.serial.clone(),
            name: name.to_owned(),
            role: role.to_string(),
            not_before_s: issued.not_before_s,
            not_after_s: issued.not_after_s,
            revoked_s: None,
        });
        self.write(register)?;
        Ok(issued)
    }

    /// Revokes a certificate; tells about it, or nothing if there is none of this number.
    pub fn revoke(&mut self, serial: &str, now_s: u64) -> Result<Option<Entry>, RemoteError> {
        let mut register = self.register.clone();
        let Some(entry) = register.certificates.iter_mut().find(|entry| entry.serial == serial) else {
            return Ok(None);
        };
        entry.revoked_s.get_or_insert(now_s);
        let entry = entry.clone();
        self.write(register)?;
        Ok(Some(entry))
    }

    /// The list of revoked certificates, as the TLS library wants it.
    pub fn revocations(&self, now_s: u64) -> Result<CertificateRevocationListDer<'static>, RemoteError> {
        let revoked = |entry: &Entry| entry.revoked_s.map(|at_s| (entry.serial.clone(), at_s));
        let revoked: Vec<_> = self.register.certificates.iter().filter_map(revoked).collect();
        self.authority.revoke(&revoked, now_s).map_err(RemoteError::Make)
    }

    fn write(&mut self, register: Register) -> Result<(), RemoteError> {
        // Texts and numbers: they can be written.
        let bytes = serde_json::to_vec(&register).unwrap_or_default();
        files::replace(&self.folder.join("register.json"), &bytes, 0o600).map_err(RemoteError::Keep)?;
        self.register = register;
        Ok(())
    }
}

/// Certificates need a clock that was set.
pub fn check_clock(now_s: u64) -> Result<(), RemoteError> {
    if now_s < EARLIEST_S { Err(RemoteError::Clock) } else { Ok(()) }
}

fn not_ours(path: &Path, err: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RemoteError {
    RemoteError::Kept { path: path.display().to_string(), err: err.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_795_132_800;

    #[test]
    fn what_was_issued_and_revoked_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("identity/api");
        let mut identity = Identity::open(&folder, NOW_S).unwrap();
        let ada = identity.issue("ada", Role::Admin, 30, NOW_S).unwrap();
        let bob = identity.issue("bob", Role::Reader, 30, NOW_S).unwrap();
        assert_eq!(identity.revoke(&ada.serial, NOW_S + 5).unwrap().unwrap().revoked_s, Some(NOW_S + 5));
        assert_eq!(identity.revoke("00", NOW_S).unwrap(), None);
        identity.handed_out().unwrap();
        let again = Identity::open(&folder, NOW_S).unwrap();
        assert_eq!(again.authority().to_pem(), identity.authority().to_pem());
        assert_eq!(again.certificates(), identity.certificates());
        assert_eq!(again.certificates()[1].serial, bob.serial);
        assert!(again.is_handed_out());
        for name in ["authority.pem", "register.json"] {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&folder.join(name).metadata().unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600, "{name}");
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            assert!(!text.contains(ada.key.lines().nth(1).unwrap()), "{name} has a client's key");
        }
    }

    #[test]
    fn expired_entries_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let mut identity = Identity::open(dir.path(), NOW_S).unwrap();
        let entry = Entry {
            serial: "40".into(),
            name: "x".into(),
            role: "reader".into(),
            not_before_s: NOW_S,
            not_after_s: NOW_S + 86_400,
            revoked_s: None,
        };
        identity.register.certificates = vec![entry; MOST];
        assert!(matches!(identity.issue("one", Role::Reader, 1, NOW_S), Err(RemoteError::Full { .. })));
        identity.issue("one", Role::Reader, 1, NOW_S + 86_400).unwrap();
        assert_eq!(identity.certificates().len(), 1);
    }

    #[test]
    fn without_the_time_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let err = Identity::open(dir.path(), 5000).unwrap_err();
        assert!(err.passes() && !dir.path().join("authority.pem").exists(), "{err}");
    }

    #[test]
    fn rot_is_said_and_not_taken_for_a_first_start() {
        let dir = tempfile::tempdir().unwrap();
        drop(Identity::open(dir.path(), NOW_S).unwrap());
        for (name, text) in [("register.json", "{"), ("authority.pem", "-----BEGIN CERT")] {
            std::fs::write(dir.path().join(name), text).unwrap();
            let err = Identity::open(dir.path(), NOW_S).unwrap_err().to_string();
            assert!(err.contains(name) && err.contains("remove the folder"), "{err}");
        }
    }
}
