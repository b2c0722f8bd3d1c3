//! Keys, and firmware that trusts them.
//!
//! Three owners of keys: *ours*, which signed the image; a *vendor*, whom the firmware trusts as well, as retail boards do
//! Microsoft; and a *stranger*, whom nobody trusts. The firmware learns of the first two as a user's would: by our own boot
//! manager, in setup mode, from the ESP.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use imager::cache::Cache;
use imager::digest::{Digest, Key};
use signing::variable::Timestamp;
use signing::{Keys, Name};

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::lab::{Lab, checkout};

/// The file whose presence asks the boot manager to enrol.
const OPT_IN: &str = "EFI/gantry/enroll";
/// Of a boot manager that has nothing else to do; the rest is for a busy host.
const ENROLMENT: Duration = Duration::from_secs(300);

/// Whose key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The image's.
    Ours,
    /// Another's, in the firmware's db.
    Vendor,
    /// Another's, in nobody's db.
    Stranger,
}

/// All keys of a test.
#[derive(Debug, Clone)]
pub struct Trust {
    ours: Keys,
    vendor: Keys,
    stranger: Keys,
}

impl Trust {
    /// The keys that signed the image (`$GANTRY_KEYS`, else those of the build cache), and two others that are made once.
    pub fn of_lab(lab: &Lab) -> Result<Self> {
        let builds = Cache::of_repository(&checkout()).map_err(Error::make("the folder of keys"))?;
        let ours = imager::signed::folder(&checkout(), &builds);
        let others = lab.machines.join("cache/keys");
        std::fs::create_dir_all(&others).map_err(Error::file("create", &others))?;
        let other = |name: &str| Keys::ensure(&others.join(name)).map_err(Error::make("keys"));
        let ours = Keys::open(&ours).map_err(Error::make("sense of the keys that signed the image"))?;
        Ok(Self { ours, vendor: other("vendor")?, stranger: other("stranger")? })
    }

    /// Signs an image, in place of whoever signed it before.
    pub fn sign(&self, owner: Owner, image: &[u8]) -> Result<Vec<u8>> {
        let signer = self.keys(owner).signer().map_err(Error::make("a signer"))?;
        signing::sign_image(signer.as_ref(), image).map_err(Error::make("a signed image"))
    }

    /// Puts onto the ESP what a user puts there who wants the machine to enrol our keys and the vendor's.
    pub fn ask_for_enrolment(&self, lab: &Lab, disk: &Disk) -> Result<()> {
        disk.put_on_esp(&lab.tools, OPT_IN, b"\n")?;
        for (name, change) in self.changes()? {
            disk.put_on_esp(&lab.tools, &format!("EFI/gantry/keys/{}.auth", name.as_str()), &change)?;
        }
        Ok(())
    }

    /// A new copy at `to` of the variables of a firmware that trusts us and the vendor, and has never started anything else.
    /// The first caller has a machine enrol the keys; later ones, and later runs with the same keys and boot manager, find
    /// what it left.
    pub fn enrolled(&self, lab: &Lab, to: &Path) -> Result<()> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let manager = lab.image.file("bootmgr.efi");
        let manager = std::fs::read(&manager).map_err(Error::file("read", &manager))?;
        let changes = self.changes()?;
        let key = Key::new("variables", 1).part(&lab.tools.root().to_string_lossy());
        let key = key.part(Digest::of(&manager).as_str());
        let key = changes.iter().fold(key, |key, (_, change)| key.part(Digest::of(change).as_str())).finish();
        let place = lab.cache()?.step("variables", &key, |dir| Ok(self.enrol(lab, &dir.join("vars.fd"))?));
        let from = place.map_err(Error::make("a firmware with our keys"))?.join("vars.fd");
        std::fs::copy(from, to).map_err(Error::file("create", to)).map(drop)
    }

    fn enrol(&self, lab: &Lab, variables: &Path) -> Result<()> {
        let path = lab.machines.join("enrolment.img");
        let disk = Disk::copy(&lab.image.disk(), &path, None)?;
        self.ask_for_enrolment(lab, &disk)?;
        let mut guest = lab.guest("enrolment").disk(disk).secure().cpus(1).variables(variables).start()?;
        guest.wait_for("enrolment", ENROLMENT, |text| text.contains(ENROLLED))?;
        // It restarts, which ends it here.
        let ended = guest.wait_exit(ENROLMENT);
        std::fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        ended.map(drop)
    }

    fn changes(&self) -> Result<Vec<(Name, Vec<u8>)>> {
        let certificate = |keys: &Keys, name| keys.certificate(name).map_err(Error::make("a certificate"));
        let change = |name| {
            let mut trusted = vec![certificate(&self.ours, name)?];
            if name == Name::Db {
                trusted.push(certificate(&self.vendor, name)?);
            }
            let change = self.ours.change(name, &trusted, Timestamp::FIRST);
            Ok((name, change.map_err(Error::make("a change of the firmware's keys"))?))
        };
        Name::ALL.into_iter().map(change).collect()
    }

    fn keys(&self, owner: Owner) -> &Keys {
        match owner {
            Owner::Ours => &self.ours,
            Owner::Vendor => &self.vendor,
            Owner::Stranger => &self.stranger,
        }
    }
}

/// What the boot manager says when it has put the keys into the firmware.
pub const ENROLLED: &str = "bootmgr: enrolled";
