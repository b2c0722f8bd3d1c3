//! The harness itself, on real QEMU, firmware and registry, but without our image: what a scenario relies on.

// Tests may unwrap; helper functions of integration tests are not known to clippy as tests.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vm::http::Client;
use vm::{Accel, Error, Image, Lab, Oci, Registry, Tools};

const BUSY_HOST: Duration = Duration::from_secs(120);

/// A lab whose image is an empty disk: the firmware starts, finds nothing and says so.
fn lab_without_system(name: &str) -> (Lab, PathBuf) {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../out");
    let tools = std::env::var_os("GANTRY_TOOLS").map_or(out.join("tools"), PathBuf::from);
    let dir = out.join("vm").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::File::create(dir.join("disk.img")).unwrap().set_len(64 << 20).unwrap();
    let accel = Accel::Tcg { why: "the harness is under test, not the machine".to_owned() };
    let image = Image::at(&dir).unwrap();
    (Lab { tools: Tools::at(tools).unwrap(), image, accel, machines: dir.clone() }, dir)
}

#[test]
#[ignore = "runs QEMU: cargo xtask vm"]
fn firmware_speaks_and_the_machine_ends_with_its_value() {
    let (lab, dir) = lab_without_system("harness-firmware");
    let mut guest = lab.guest("empty").memory_mib(256).forward(80).forward(443).start().unwrap();
    guest
        .wait_for("firmware that finds nothing", BUSY_HOST, |text| text.contains("UEFI Interactive Shell"))
        .unwrap();
    assert_eq!(guest.monitor().query_status().unwrap(), "running");
    let (web, tls) = (guest.port(80).unwrap(), guest.port(443).unwrap());
    assert!(web != tls && web > 0 && tls > 0);
    assert_eq!(guest.port(81), None);
    assert!(guest.console().lines().last().unwrap().cpu_s > 0.0);
    drop(guest);
    let log = std::fs::read_to_string(dir.join("empty/console.log")).unwrap();
    assert!(log.contains("BdsDxe"));
    assert!(!dir.join("empty/disk.img").exists());
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
#[ignore = "runs QEMU: cargo xtask vm"]
fn waiting_fails_at_once_when_the_machine_died_and_shows_its_console() {
    let (lab, dir) = lab_without_system("harness-death");
    let mut guest = lab.guest("dying").memory_mib(256).start().unwrap();
    guest.wait_for("a first line", BUSY_HOST, |text| text.contains("BdsDxe")).unwrap();
    guest.kill();
    let before = Instant::now();
    let Err(error) = guest.wait_for("what never comes", BUSY_HOST, |_| false) else { panic!("it came") };
    assert!(before.elapsed() < BUSY_HOST / 2);
    let Error::Ended { what, tail } = &error else { panic!("{error}") };
    assert!(what == "what never comes" && tail.contains("BdsDxe") && tail.contains("console.log"), "{error}");
    drop(guest);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
#[ignore = "runs QEMU: cargo xtask vm"]
fn qemu_that_does_not_start_says_why() {
    let (lab, dir) = lab_without_system("harness-refusal");
    let error = lab.guest("refused").cpus(100_000).start().unwrap_err();
    assert!(error.to_string().contains("smp") || error.to_string().contains("CPU"), "{error}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
#[ignore = "runs the registry: cargo xtask vm"]
fn pushed_image_is_served_under_its_digest_and_the_registry_ends_with_its_value() {
    let (lab, dir) = lab_without_system("harness-registry");
    let registry = Registry::start(&lab.tools, &dir.join("registry")).unwrap();
    let web = Oci::web(&lab.tools).unwrap();
    registry.push(&web).unwrap();
    // A second push finds every blob there.
    registry.push(&web).unwrap();
    let client = Client::new(BUSY_HOST);
    let base = format!("http://127.0.0.1:{}", registry.port());
    let url = format!("{base}/v2/web/manifests/{}", web.manifest().digest);
    let manifest = client.get_as(&url, vm::oci::MANIFEST_TYPE).unwrap();
    assert_eq!(manifest.status, 200);
    assert_eq!(manifest.body.as_bytes(), web.manifest().bytes);
    assert_eq!(client.get(&format!("{base}/v2/web/manifests/2")).unwrap().status, 404);
    drop(registry);
    assert!(client.get(&format!("{base}/v2/")).is_err());
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
#[ignore = "runs mtools: cargo xtask vm"]
fn nocloud_volume_holds_user_data_byte_for_byte() {
    let (lab, dir) = lab_without_system("harness-nocloud");
    let text = "[settings]\nmotd = \"grüße\"\n";
    let volume = vm::nocloud::make(&lab.tools, &dir.join("cidata.img"), text).unwrap();
    let volume = volume.display().to_string();
    let read = lab.tools.run("mtools", ["-c", "mtype", "-i", &volume, "::user-data"]).unwrap();
    assert_eq!(String::from_utf8(read.stdout).unwrap(), text);
    let label = lab.tools.run("mtools", ["-c", "mlabel", "-s", "-i", &volume, "::"]).unwrap();
    assert!(String::from_utf8(label.stdout).unwrap().contains("CIDATA"));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
#[ignore = "runs QEMU: cargo xtask vm"]
fn accelerator_is_chosen_by_running_a_guest_and_says_why() {
    let (lab, dir) = lab_without_system("harness-accel");
    // Either answer may be right here; what must hold is that the choice carries its reason and QEMU's words fit it.
    match Accel::detect(&lab.tools).unwrap() {
        accel @ Accel::Kvm => assert!(accel.arguments().contains(&"kvm")),
        accel @ Accel::Tcg { .. } => {
            assert!(accel.arguments()[1].starts_with("tcg"));
            assert!(accel.to_string().len() > "software emulation, slow ()".len());
            eprintln!("{accel}");
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}
