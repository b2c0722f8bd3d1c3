//! Authenticated variables, against Debian's tools for them.

#![allow(clippy::unwrap_used)]

mod common;

use common::{keys, scratch, tool};
use signing::variable::{Timestamp, authenticated, signature_lists};
use signing::{Error, Name, Signer};

#[test]
fn a_signature_list_is_what_sbsiglist_makes() {
    let certificate = keys().certificate(Name::Db).unwrap();
    let (der, list) = (scratch("list.der"), scratch("list.esl"));
    std::fs::write(&der, &certificate).unwrap();
    let owner = keys().owner().unwrap().to_string();
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 7] =
        [&"--owner", &owner, &"--type", &"x509", &"--output", &list, &der];
    let Some(output) = tool("sbsiglist", &arguments) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        std::fs::read(list).unwrap() == signature_lists(keys().owner().unwrap(), &[certificate]).unwrap()
    );
}

/// Has no key, only the signature that another tool has made. What asks for one checks it: so it gets one only for the very message
/// that the other tool has signed.
struct Replayed(Vec<u8>);

impl Signer for Replayed {
    fn certificate(&self) -> &[u8] {
        include_bytes!("data/signer.der")
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.clone())
    }
}

/// The files were made with efitools 1.9.2 and a key that nobody has kept:
/// `sign-efi-sig-list -t '2027-02-03 04:05:06' -g OWNER -k signer.key -c signer.crt NAME listed.esl NAME.auth`.
#[test]
fn an_authenticated_variable_is_byte_by_byte_what_efitools_makes() {
    let owner = "9b0e9051-f1d8-4fbd-a7e0-8051a36fd2f6".parse().unwrap();
    let lists = signature_lists(owner, &[include_bytes!("data/listed.der").to_vec()]).unwrap();
    let theirs: [(Name, &[u8]); 3] = [
        (Name::Pk, include_bytes!("data/PK.auth")),
        (Name::Kek, include_bytes!("data/KEK.auth")),
        (Name::Db, include_bytes!("data/db.auth")),
    ];
    let time = "2027-02-03T04:05:06".parse().unwrap();
    for (name, theirs) in theirs {
        // It is the last of the message, which the lists follow.
        let end = theirs.len() - lists.len();
        let signer = Replayed(theirs[end - 256..end].to_vec());
        let ours = authenticated(&signer, name, &lists, time).unwrap();
        assert!(ours == theirs, "{}", name.as_str());
        let later = authenticated(&signer, name, &lists, "2027-02-03T04:05:07".parse().unwrap());
        assert!(matches!(later, Err(Error::WrongSignature { .. })), "another message");
    }
}

#[test]
fn a_timestamp_is_read_or_refused() {
    let read = |text: &str| text.parse::<Timestamp>().map(|time| time.to_string());
    assert_eq!(read("2026-11-20").unwrap(), "2026-11-20T00:00:00Z");
    assert_eq!(read("2026-11-20T14:30:59Z").unwrap(), "2026-11-20T14:30:59Z");
    assert_eq!(Timestamp::FIRST.to_string().parse::<Timestamp>().unwrap(), Timestamp::FIRST);
    for wrong in [
        "",
        "2026",
        "2026-11",
        "2026-13-01",
        "2026-00-01",
        "2026-01-32",
        "2026-01-01T24:00:00",
        "1997-01-01",
        "2026-01-01T",
        "x-y-z",
        "2026-1-1-1",
        "12026-01-01",
        "2026-01-01T1:2",
    ] {
        assert!(matches!(read(wrong), Err(Error::Timestamp { .. })), "{wrong}");
    }
}
