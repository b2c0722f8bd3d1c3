//! `xtask sign`: an EFI program, signed or checked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use imager::cache::{self, Cache};
use signing::{External, KeyFile, Keys, Name, Signer, certificate_file};

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask sign loader.efi                                     with db's key, in place
  cargo xtask sign loader.efi --out signed.efi --key my.key --certificate my.crt
  cargo xtask sign loader.efi --certificate my.crt --command 'openssl dgst -sha256 -sign my.key'
  cargo xtask sign loader.efi --check --certificate my.crt        exit 1 unless it is signed by that key

A command gets the message on standard input and writes the bare signature (RSA, PKCS#1 v1.5, SHA-256) to standard output.")]
pub struct Sign {
    /// The program
    file: PathBuf,
    /// Where the signed program goes [default: in place]
    #[arg(long, conflicts_with = "check")]
    out: Option<PathBuf>,
    /// Keep the signatures that it has, and add one
    #[arg(long, conflicts_with = "check")]
    add: bool,
    /// A private key (PEM) [default: db.key of `cargo xtask keys`]
    #[arg(long, requires = "certificate", conflicts_with_all = ["command", "check"])]
    key: Option<PathBuf>,
    /// A command that signs with a key that is elsewhere
    #[arg(long, requires = "certificate", conflicts_with = "check")]
    command: Option<String>,
    /// The key's certificate (PEM or DER)
    #[arg(long)]
    certificate: Option<PathBuf>,
    /// Sign nothing; say who has signed, and whether db's key (or that of --certificate) has
    #[arg(long)]
    check: bool,
}

impl Sign {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let image =
            std::fs::read(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        if self.check {
            return self.check(root, &image);
        }
        let signer = self.signer(root)?;
        let make = if self.add { signing::add_signature } else { signing::sign_image };
        let signed = make(signer.as_ref(), &image).with_context(|| self.file.display().to_string())?;
        let out = self.out.as_ref().unwrap_or(&self.file);
        cache::write(out, &signed)?;
        println!(
            "sign: {} {} bytes, signed by {}",
            out.display(),
            signed.len(),
            signing::signers(&signed)?.join(", ")
        );
        Ok(ExitCode::SUCCESS)
    }

    fn check(&self, root: &Path, image: &[u8]) -> Result<ExitCode> {
        let certificate = match &self.certificate {
            Some(file) => certificate_file(file)?,
            None => folder(root)?.certificate(Name::Db)?,
        };
        for signer in signing::signers(image)? {
            println!("signed by {signer}");
        }
        signing::verify_image(image, &certificate)?;
        println!("sign: valid");
        Ok(ExitCode::SUCCESS)
    }

    fn signer(&self, root: &Path) -> Result<Box<dyn Signer>> {
        Ok(match (&self.key, &self.command, &self.certificate) {
            (Some(key), _, Some(certificate)) => Box::new(KeyFile::open(key, certificate)?),
            (_, Some(command), Some(certificate)) => Box::new(External::new(command, certificate)?),
            // Signing with db's key instead would not be what was asked for.
            (None, None, Some(_)) => bail!("--certificate wants --key or --command, or --check"),
            _ => folder(root)?.signer()?,
        })
    }
}

/// The folder that the image builder signs with.
fn folder(root: &Path) -> Result<Keys> {
    let named = std::env::var_os("GANTRY_KEYS").is_some();
    open(&imager::signed::folder(root, &Cache::of_repository(root)?), named)
}

/// The keys in `dir`; for tests made there, unless somebody named the folder: a mistyped one must not end in a signature
/// by a key that nobody trusts.
fn open(dir: &Path, named: bool) -> Result<Keys> {
    Ok(if named { Keys::open(dir)? } else { Keys::ensure(dir)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_for(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-sign-{test}-{}", std::process::id()))
    }

    fn with_key(keys: &Keys, file: &Path) -> Sign {
        Sign {
            file: file.to_owned(),
            out: None,
            add: false,
            key: Some(keys.file(Name::Db, "key")),
            command: None,
            certificate: Some(keys.file(Name::Db, "crt")),
            check: false,
        }
    }

    #[test]
    fn keys_that_somebody_named_are_never_made() {
        let dir = folder_for("named");
        let err = open(&dir, true).unwrap_err();
        assert!(format!("{err:#}").contains("cargo xtask keys --dir") && !dir.exists(), "{err:#}");
        open(&dir, false).unwrap();
        open(&dir, true).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_certificate_without_its_key_signs_nothing() {
        let dir = folder_for("alone");
        let keys = Keys::ensure(&dir).unwrap();
        let file = dir.join("letter.txt");
        std::fs::write(&file, "dear reader").unwrap();
        let alone = Sign { key: None, ..with_key(&keys, &file) };
        let err = format!("{:#}", alone.run(Path::new("/")).unwrap_err());
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(err.contains("--key or --command"), "{err}");
    }

    #[test]
    fn what_is_no_image_is_named_and_left_as_it_is() {
        let dir = folder_for("letter");
        let keys = Keys::ensure(&dir).unwrap();
        let file = dir.join("letter.txt");
        std::fs::write(&file, "dear reader").unwrap();
        let sign = with_key(&keys, &file);
        let err = format!("{:#}", sign.run(Path::new("/")).unwrap_err());
        let left = std::fs::read(&file).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(err.contains("letter.txt: cannot sign the image: cannot read the image's headers"), "{err}");
        assert_eq!(left, b"dear reader");
    }
}
