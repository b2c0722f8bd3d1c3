//! Signatures of what firmware runs, for Secure Boot.
//!
//! Holds always: an image that leaves here verifies against the signer's certificate, and but for its signature it is the one that
//! came in. Who holds the key is left to `tools/signing`: a file, or a command, so that a distributor's key never lies on
//! the build machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use authenticode::Image;
use signing::{Keys, Signer};

use crate::cache::{Cache, remove};
use crate::digest::{Digest, Key};

/// Ends the label of every PEM block with a private key, whatever its kind.
const PRIVATE: &[u8] = b"PRIVATE KEY-----";

/// The folder of the keys that sign a checkout's images: `$GANTRY_KEYS`, else in the cache, where a build makes them. A relative
/// path starts at the checkout's root, so that it means the same to programs that cargo starts elsewhere.
pub fn folder(repository: &Path, cache: &Cache) -> PathBuf {
    folder_of(std::env::var_os("GANTRY_KEYS").map(PathBuf::from), repository, cache)
}

fn folder_of(named: Option<PathBuf>, repository: &Path, cache: &Cache) -> PathBuf {
    named.map_or_else(|| cache.root().join("keys"), |keys| repository.join(keys))
}

/// A folder of keys, and the one of them that signs images.
pub struct Signing {
    keys: Keys,
    signer: Box<dyn Signer>,
}

impl Signing {
    /// With the keys in `dir`.
    pub fn with_keys(dir: &Path) -> Result<Signing> {
        let keys = Keys::open(dir);
        Signing::with(keys.with_context(|| format!("no keys to sign with in {}", dir.display()))?)
    }

    /// With the keys for tests in `dir`, made there if there are none.
    pub fn with_test_keys(dir: &Path) -> Result<Signing> {
        let keys = Keys::ensure(dir);
        Signing::with(keys.with_context(|| format!("cannot make keys for tests in {}", dir.display()))?)
    }

    fn with(keys: Keys) -> Result<Signing> {
        let signer = keys.signer().context("nothing to sign images with")?;
        Ok(Signing { keys, signer })
    }

    /// Signs a program; the result is in the cache.
    pub fn sign(&self, cache: &Cache, name: &str, program: &Path) -> Result<PathBuf> {
        // The signature is a function of the image and the key, and the certificate stands for the key.
        let key = Key::new("sign", 1).file(program)?.part(self.certificate_digest().as_str()).finish();
        let file = format!("{name}.efi");
        let place = cache.step(&format!("sign_{name}"), &key, |dir| {
            let plain = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
            let signed = self.signed(&plain).with_context(|| format!("cannot sign {name}"))?;
            Ok(fs::write(dir.join(&file), signed)?)
        })?;
        Ok(place.join(file))
    }

    fn signed(&self, plain: &[u8]) -> Result<Vec<u8>> {
        let signed = signing::sign_image(self.signer.as_ref(), plain)?;
        signing::verify_image(&signed, self.signer.certificate())?;
        let digest = |bytes: &[u8]| Image::parse(bytes).map(|image| image.digest());
        ensure!(digest(&signed)? == digest(plain)?, "the signed image is not the one that was to be signed");
        // A raw partition has no file length; the boot manager takes the image's own word for it.
        let len = pe::Headers::parse(&signed).context("the signed image cannot be read back")?.image_len();
        ensure!(len == signed.len() as u64, "the headers say {len} bytes, the image has {}", signed.len());
        Ok(signed)
    }

    /// Digest of the certificate that verifies what was signed.
    pub fn certificate_digest(&self) -> Digest {
        Digest::of(self.signer.certificate())
    }

    /// What anybody may have of the keys, by file name: certificates, and the signed lists that enrol them.
    pub fn public(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let read = |path: PathBuf| {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            // Certificate and key in one PEM file are common elsewhere; here it would be given away whole.
            let secret = bytes.windows(PRIVATE.len()).any(|window| window == PRIVATE);
            ensure!(!secret, "{} holds a private key; put that into a file NAME.key", path.display());
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, bytes))
        };
        self.keys.public_files().into_iter().map(read).collect()
    }

    /// Removes from `folder` what [`Signing::public`] could have and has not. It is of an older build, with other keys: who enrols
    /// it has a machine that starts nothing of this one.
    pub fn remove_absent(&self, folder: &Path) -> Result<()> {
        for path in self.keys.public_places().filter(|path| !path.exists()) {
            let old = folder.join(path.file_name().unwrap_or_default());
            remove(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that is as small as one can be: one section, nothing to run.
    fn program() -> Vec<u8> {
        let mut image = vec![0; 0x400];
        image[..2].copy_from_slice(b"MZ");
        let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        put(0x3c, &0x40u32.to_le_bytes());
        put(0x40, b"PE\0\0");
        put(0x44, &0x8664u16.to_le_bytes());
        put(0x46, &1u16.to_le_bytes());
        put(0x54, &240u16.to_le_bytes());
        put(0x58, &0x20bu16.to_le_bytes());
        for (at, value) in [(0x78, 0x1000u32), (0x7c, 0x200), (0x90, 0x2000), (0x94, 0x200), (0xc4, 16)] {
            put(at, &value.to_le_bytes());
        }
        put(0x148, b".text\0\0\0");
        for (at, value) in [(0x150, 0x200u32), (0x154, 0x1000), (0x158, 0x200), (0x15c, 0x200)] {
            put(at, &value.to_le_bytes());
        }
        image
    }

    #[test]
    fn a_folder_of_keys_is_the_same_wherever_a_program_is_started() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let of = |named: Option<&str>| folder_of(named.map(PathBuf::from), Path::new("/checkout"), &cache);
        assert_eq!(of(None), cache.root().join("keys"));
        assert_eq!(of(Some("my/keys")), Path::new("/checkout/my/keys"));
        assert_eq!(of(Some("/secure/keys")), Path::new("/secure/keys"));
    }

    #[test]
    fn a_signature_is_cached_by_image_and_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache")).unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        let [one, other] = [one, other].map(|keys| Signing::with_test_keys(&keys).unwrap());
        let path = dir.path().join("plain.efi");
        fs::write(&path, program()).unwrap();

        let first = one.sign(&cache, "x", &path).unwrap();
        assert_eq!(one.sign(&cache, "x", &path).unwrap(), first);
        let second = other.sign(&cache, "x", &path).unwrap();
        assert_ne!(first, second, "another key, another file");
        let mut changed = program();
        changed[0x300] ^= 1;
        fs::write(&path, &changed).unwrap();
        assert_ne!(one.sign(&cache, "x", &path).unwrap(), first, "another image, another file");

        let bytes = fs::read(first).unwrap();
        signing::verify_image(&bytes, one.signer.certificate()).unwrap();
        assert!(signing::verify_image(&bytes, other.signer.certificate()).is_err());
    }

    #[test]
    fn private_keys_are_not_among_the_public_files() {
        let dir = tempfile::tempdir().unwrap();
        let signing = Signing::with_test_keys(&dir.path().join("keys")).unwrap();
        let public = signing.public().unwrap();
        let names: Vec<&str> = public.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"db.crt") && names.contains(&"PK.auth"), "{names:?}");
        for (name, bytes) in &public {
            let text = String::from_utf8_lossy(bytes);
            assert!(!name.ends_with(".key") && !text.contains("PRIVATE KEY"), "{name}");
        }
    }

    #[test]
    fn public_files_of_other_keys_do_not_outlive_them() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, out) = (dir.path().join("ours"), dir.path().join("out"));
        let theirs = Signing::with_test_keys(&out).unwrap();
        fs::create_dir(&ours).unwrap();
        fs::write(ours.join("db.crt"), theirs.signer.certificate()).unwrap();
        fs::write(ours.join("db.command"), "sign-elsewhere").unwrap();
        let signing = Signing::with_keys(&ours).unwrap();
        signing.remove_absent(&out).unwrap();
        let left = Keys::open(&out).unwrap().public_files();
        assert_eq!(left, [out.join("db.crt")]);
        assert!(out.join("db.key").exists(), "nothing else is touched");
        signing.remove_absent(&dir.path().join("nowhere")).unwrap();
    }

    #[test]
    fn a_private_key_in_a_certificates_file_is_not_given_away() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let signing = Signing::with_test_keys(&keys).unwrap();
        let both = [fs::read(keys.join("PK.crt")).unwrap(), fs::read(keys.join("PK.key")).unwrap()].concat();
        fs::write(keys.join("PK.crt"), both).unwrap();
        let err = format!("{:#}", signing.public().unwrap_err());
        assert!(err.contains("PK.crt holds a private key"), "{err}");
    }

    /// A mistyped folder must not end in an image that everybody's test keys open.
    #[test]
    fn keys_that_somebody_named_are_never_made() {
        let dir = tempfile::tempdir().unwrap();
        let named = dir.path().join("ours");
        assert!(Signing::with_keys(&named).is_err() && !named.exists());
        Signing::with_test_keys(&named).unwrap();
        Signing::with_keys(&named).unwrap();
    }

    #[test]
    fn what_is_no_program_is_not_signed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache")).unwrap();
        let signing = Signing::with_test_keys(&dir.path().join("keys")).unwrap();
        let path = dir.path().join("text");
        fs::write(&path, "not a program").unwrap();
        let err = signing.sign(&cache, "text", &path).unwrap_err();
        assert!(format!("{err:#}").contains("cannot sign text"), "{err:#}");
    }
}
