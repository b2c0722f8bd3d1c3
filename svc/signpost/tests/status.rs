//! What `status` says, to people and to programs. `BLESS=1` rewrites the golden files.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use disks::{Image, SECTORS, Uki};
use partition::SectorSize;
use sets::Firmware;
use signpost::{Surroundings, run};
use slots::{Attributes, Set};

fn status(image: &Image, words: &str) -> String {
    let path = image.path();
    let fixed = ["signpost", "--disk", path.to_str().unwrap()];
    let arguments: Vec<_> = fixed.into_iter().chain(words.split(' ')).map(Into::into).collect();
    let nowhere = image.dir().join("nowhere");
    let host = Surroundings { firmware: Firmware::at(&nowhere), repairs: nowhere };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(run(&arguments, &host, &mut out, &mut err), 0, "{}", String::from_utf8_lossy(&err));
    // The folder is another at each run, and so is the key, with a certificate that may be a byte longer.
    let text = String::from_utf8(out).unwrap().replace(path.to_str().unwrap(), "/tmp/disk.img");
    let line = |line: &str| match line.split_once("\"bytes\": ") {
        Some((indent, _)) => format!("{indent}\"bytes\": 10000,\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{name}");
}

/// A is good and runs, B was armed.
fn updating(sector: SectorSize) -> Image {
    let image = Image::factory(sector);
    image.write(Set::B, &Uki::new("2.0.0", 3), 2);
    image.adopt(Set::B);
    image.put(Set::B, Attributes::new(2, 3, false, 0).unwrap());
    image
}

#[test]
fn people_and_programs_read_the_same_story() {
    for sector in SECTORS {
        let image = updating(sector);
        golden("updating.txt", &status(&image, "--running A status"));
        golden("updating.json", &status(&image, "--running A status --json"));
    }
    let image = Image::factory(SectorSize::B512);
    golden("factory.txt", &status(&image, "status"));
}

#[test]
fn bits_and_images_belong_to_the_set_that_is_named_whichever_runs() {
    let image = updating(SectorSize::B512);
    let of = |words: &str| {
        let json: serde_json::Value = serde_json::from_str(&status(&image, words)).unwrap();
        json["sets"].as_array().unwrap().clone()
    };
    let (a, b) = (of("--running A status --json"), of("--running B status --json"));
    for (index, letter) in ["A", "B"].into_iter().enumerate() {
        let (mut one, mut other) = (a[index].clone(), b[index].clone());
        assert_eq!((one["set"].as_str(), one["running"].as_bool()), (Some(letter), Some(letter == "A")));
        assert_eq!(other["running"].as_bool(), Some(letter == "B"));
        one["running"].take();
        other["running"].take();
        assert_eq!(one, other, "nothing else depends on which one runs");
    }
    assert_eq!(a[1]["image"]["version"], "2.0.0");
    assert_eq!(a[1]["boot_partition"]["number"], 4);
}

#[test]
fn what_is_next_is_what_the_boot_managers_rules_say() {
    let image = updating(SectorSize::B512);
    for (p, t, s, f) in [
        (0, 0, true, 0),
        (0, 3, false, 0),
        (3, 0, false, 0),
        (3, 0, true, 3),
        (1, 0, true, 0),
        (2, 0, true, 1),
    ] {
        image.put(Set::B, Attributes::new(p, t, s, f).unwrap());
        let json: serde_json::Value = serde_json::from_str(&status(&image, "status --json")).unwrap();
        let next = image.sets().next().unwrap();
        assert_eq!(json["next"]["set"], next.set.to_string());
        assert_eq!(json["next"]["why"], next.why.to_string());
        assert_eq!(json["sets"][1]["can_boot"], image.sets().get(Set::B).can_boot());
    }
}

#[test]
fn damage_is_shown_and_hides_nothing_else() {
    let image = updating(SectorSize::B512);
    image.write_uki(Set::A, &[0xff; 4096]);
    image.write_uki(Set::B, &Uki::new("9.9.9", 1).signed(&disks::Root::of(9)));
    image.damage_table(true);
    let text = status(&image, "--running A status");
    assert!(text.contains("the first copy of its table is damaged"), "{text}");
    assert!(text.contains("holds no image that can be read"), "{text}");
    assert!(text.contains("version 9.9.9") && text.contains("its root is NOT in its partition"), "{text}");
    assert!(text.contains("next   set B"), "{text}");
    let before = image.bytes();
    status(&image, "status --json");
    assert!(image.bytes() == before, "looking changes nothing");
}

#[test]
fn a_disk_that_has_grown_is_not_called_damaged() {
    let image = updating(SectorSize::B512);
    let bytes = image.bytes().len() as u64;
    std::fs::File::options().write(true).open(image.path()).unwrap().set_len(bytes + (1 << 20)).unwrap();
    let text = status(&image, "--running A status");
    let said = "the second copy of its table is not at the end of the disk, which has grown; the next edit or boot moves \
                it there";
    assert!(text.contains(said), "{text}");
    let json: serde_json::Value = serde_json::from_str(&status(&image, "--running A status --json")).unwrap();
    assert_eq!(json["table"]["copies"], "backup-not-at-end");
}
