//! The folder of keys.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use signing::variable::Timestamp;
use signing::{Error, Keys, Name, certificate_file};

#[test]
fn keys_are_made_once_and_are_then_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("below").join("keys");
    let keys = Keys::ensure(&place).unwrap();
    let read = || {
        let mut files: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = read();
    Keys::ensure(&place).unwrap();
    assert!(read() == before);
    assert_eq!(before.len(), 10, "three of each, and the owner");
    assert_eq!(keys.public_files().len(), 7);
    assert!(keys.public_files().iter().all(|file| file.extension().is_none_or(|kind| kind != "key")));
    for (_, file) in &before {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(
            mode & 0o077,
            if file.extension().is_some_and(|kind| kind == "key") { 0 } else { mode & 0o044 }
        );
    }
    let mode = place.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the folder is its owner's");
    assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1, "nothing is left beside them");
}

#[test]
fn of_several_who_want_keys_at_once_all_get_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("keys");
    let owners: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..3).map(|_| scope.spawn(|| Keys::ensure(&place).unwrap().owner().unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(owners.iter().all(|owner| *owner == owners[0]), "{owners:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "what the others made is gone");
    let keys = Keys::open(&place).unwrap();
    for name in Name::ALL {
        keys.signer_of(name).map(|_| ()).unwrap();
    }
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("letter.txt"), "dear reader").unwrap();
    assert!(matches!(Keys::ensure(dir.path()), Err(Error::NotKeys { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_certificate_suffices_where_the_key_is_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = Keys::ensure(&dir.path().join("theirs")).unwrap();
    let place = dir.path().join("ours");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("db.crt"), theirs.certificate(Name::Db).unwrap()).unwrap();
    let ours = Keys::ensure(&place).unwrap();
    assert_eq!(
        certificate_file(&place.join("db.crt")).unwrap(),
        theirs.certificate(Name::Db).unwrap(),
        "DER as well"
    );
    assert!(matches!(ours.signer().map(|_| ()), Err(Error::NoSigner { name: "db", .. })));
    fs::write(place.join("db.command"), "openssl dgst\n  -sha256 -sign elsewhere.key\n").unwrap();
    assert_eq!(ours.signer().unwrap().certificate(), theirs.certificate(Name::Db).unwrap());
    assert_eq!(ours.public_files(), [place.join("db.crt")]);
}

#[test]
fn enrolment_can_be_written_again_with_more_trust_and_a_later_time() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::ensure(&dir.path().join("keys")).unwrap();
    let read = |name| fs::read(keys.file(name, "auth")).unwrap();
    let before = Name::ALL.map(read);
    keys.write_enrolment(&[], Timestamp::FIRST).unwrap();
    assert!(Name::ALL.map(read) == before, "the same inputs give the same bytes");
    let other = keys.certificate(Name::Pk).unwrap();
    keys.write_enrolment(std::slice::from_ref(&other), "2027-02-03T04:05:06Z".parse().unwrap()).unwrap();
    let db = read(Name::Db);
    assert_eq!(db[..8], [0xeb, 0x07, 2, 3, 4, 5, 6, 0]);
    assert!(db.ends_with(&other));
    assert!(!read(Name::Kek).ends_with(&other), "only db trusts it");
}

/// PK and KEK of one time beside a db of another would be refused, or accepted, in an order that nobody meant.
#[test]
fn enrolment_that_cannot_be_written_whole_is_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::ensure(&dir.path().join("keys")).unwrap();
    let read = |name| fs::read(keys.file(name, "auth")).unwrap();
    let before = Name::ALL.map(read);
    let later: Timestamp = "2027-02-03".parse().unwrap();
    assert!(matches!(keys.write_enrolment(&[b"no certificate".to_vec()], later), Err(Error::Certificate(_))));
    fs::remove_file(keys.file(Name::Kek, "key")).unwrap();
    assert!(matches!(keys.write_enrolment(&[], later), Err(Error::NoSigner { name: "KEK", .. })));
    assert!(Name::ALL.map(read) == before);
}
