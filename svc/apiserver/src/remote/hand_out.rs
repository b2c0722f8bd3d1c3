//! The first administrator's certificate: on the console, once.
//!
//! Whoever sees the console of a machine at its first start owns it anyway. The text goes to `/dev/console` and nowhere
//! else: not to the log, which operators may read, and not to a disk. A power cut between showing it and remembering that it
//! was shown shows another one at the next start; both are in the register and can be revoked.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use wire::Role;

use super::authority::Issued;
use super::error::RemoteError;
use super::identity::Identity;

/// Enough to make certificates for people; short, for it was shown on a screen.
const DAYS: u16 = 30;

/// As the register and the record of calls name its holder.
const NAME: &str = "first-admin";

/// Issues the first certificate.
pub fn issue(identity: &mut Identity, now_s: u64) -> Result<Issued, RemoteError> {
    identity.issue(NAME, Role::Admin, DAYS, now_s)
}

/// Shows it. A console that takes nothing may hold the caller up without end.
pub fn show(console: &Path, authority: &str, issued: &Issued, port: u16) -> io::Result<()> {
    let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap_or_default();
    let mut console = OpenOptions::new().write(true).custom_flags(flags).open(console)?;
    console.write_all(text(authority, &issued.certificate, &issued.key, port).as_bytes())
}

/// A terminal's lines end in carriage return and line feed.
fn text(authority: &str, certificate: &str, key: &str, port: u16) -> String {
    let text = format!(
        "\n==== remote API, port {port}: certificate of the first administrator, valid {DAYS} days, shown once ====\n\
         Save each block in ~/.config/gantry under its name, then: apiclient --node ADDRESS:{port} status\n\
         \n---- ca.pem\n{authority}\n---- client.pem\n{certificate}\n---- client.key\n{key}\
         ==== end ====\n\n"
    );
    text.replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_shown_and_its_key_kept_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let console = dir.path().join("console");
        std::fs::write(&console, "").unwrap();
        let folder = dir.path().join("api");
        let mut identity = Identity::open(&folder, 1_795_132_800).unwrap();
        let issued = issue(&mut identity, 1_795_132_800).unwrap();
        show(&console, &identity.authority().certificate_pem(), &issued, 7443).unwrap();
        let shown = std::fs::read_to_string(&console).unwrap();
        assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 2);
        assert_eq!(shown.matches("BEGIN PRIVATE KEY").count(), 1);
        assert_eq!(identity.certificates()[0].role, "admin");
        let key = issued.key.lines().nth(1).unwrap();
        assert!(shown.contains(key));
        for entry in std::fs::read_dir(&folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(!text.contains(key));
        }
    }
}
