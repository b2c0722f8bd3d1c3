//! Sources and generators over a whole host: what they say ends up in files, is stored, and stays.
#![allow(clippy::unwrap_used)]

mod host;

use generation::Registry;
use host::{FW_CFG, Host};
use settings::{KeyPath, Layer};
use store::{KEEP, Store};

const SMBIOS: &str = "sys/firmware/dmi/tables/DMI";
const UUID: &str = "sys/class/dmi/id/product_uuid";
const LEASE_NAME: &str = "run/gantry/lease-hostname";

/// What a layer says at a key in the stored settings.
fn stored(host: &Host, key: &str, layer: Layer) -> Option<String> {
    let store = Store::open(&host.0.join("state/settings"), KEEP, &Registry::released()).unwrap().store;
    let explained = store.current().unwrap().layers.explain(&KeyPath::parse(key).unwrap());
    let leaf = explained.into_iter().find(|leaf| leaf.layer == layer)?;
    Some(leaf.value.to_json(settings::Secrets::Marked).to_string())
}

fn number(host: &Host) -> u64 {
    let store = Store::open(&host.0.join("state/settings"), KEEP, &Registry::released()).unwrap().store;
    store.current().unwrap().number
}

#[test]
fn firmware_and_the_file_on_state_are_read_and_the_later_wins() {
    let host = Host::new("firmware");
    let string = b"io.gantry:user-data=settings.motd = 'smbios'\nsettings.network.hostname = 'smbios'\0";
    host.put(SMBIOS, &[&[11, 5, 0, 1, 1][..], string, b"\0"].concat());
    host.put("state/user-data.toml", b"settings.motd = 'state'\n");
    let (status, log) = host.configure();
    assert_eq!(status, 0);
    assert!(
        log.contains("settings found source=smbios") && log.contains("settings found source=state"),
        "{log}"
    );
    assert_eq!((host.get("etc/motd").as_str(), host.get("etc/hostname").as_str()), ("state\n", "smbios\n"));
}

#[test]
fn a_document_of_several_parts_is_applied_and_what_is_not_ours_is_named() {
    let host = Host::new("parts");
    let text = "Content-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n\
                --b\nContent-Type: text/cloud-config\n\n#cloud-config\n\
                --b\nContent-Type: text/x-gantry\n\n[settings]\nmotd = 'parts'\nmodt = ''\n\
                --b\n\n[settings.network]\nhostname = 'parts'\n--b--\n";
    host.put(FW_CFG, text.as_bytes());
    let (status, log) = host.configure();
    assert_eq!(status, 0);
    assert!(log.contains("source=fw_cfg path=(part 1) why=\"skipped: text/cloud-config "), "{log}");
    assert!(log.contains("source=fw_cfg path=settings.modt why=\"unknown key"), "{log}");
    assert_eq!((host.get("etc/motd").as_str(), host.get("etc/hostname").as_str()), ("parts\n", "parts\n"));

    host.put("checked", text.as_bytes());
    let mut out = Vec::new();
    let arguments = ["--check".into(), host.0.join("checked").into()];
    assert_eq!(configure::run(&arguments, &mut out, &mut Vec::new()), 64);
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 2, "a check says the same");
}

#[test]
fn what_is_generated_is_stored_once_and_stays() {
    let host = Host::new("generated");
    host.put(UUID, b"4c4c4544-0042-3510-8057-b7c04f4a5931\n");
    host.configure();
    let seed = stored(&host, "settings.updates.seed", Layer::Generated).unwrap();
    assert!(seed.parse::<u16>().unwrap() < 2048);
    let name = host.get("etc/hostname");
    assert!(name.starts_with("gantry-"), "{name}");
    for _ in 0..3 {
        host.configure();
    }
    assert_eq!(stored(&host, "settings.updates.seed", Layer::Generated), Some(seed));
    assert_eq!((host.get("etc/hostname"), number(&host)), (name, 1));

    host.put(FW_CFG, b"settings.network.hostname = 'told'\n");
    host.configure();
    assert_eq!(host.get("etc/hostname"), "told\n", "whoever says anything wins over what is generated");
}

#[test]
fn the_second_run_takes_the_name_that_the_network_gave() {
    let host = Host::new("lease");
    host.put(UUID, b"4c4c4544-0042-3510-8057-b7c04f4a5931\n");
    host.configure();
    assert_eq!(host.configure_cloud(), (0, String::new()), "nothing to do, nothing said");
    host.put(LEASE_NAME, b"node-7\n");
    let (status, log) = host.configure_cloud();
    assert_eq!(status, 0, "{log}");
    assert_eq!(
        (host.get("etc/hostname"), host.get("proc/sys/kernel/hostname")),
        ("node-7\n".into(), "node-7\n".into())
    );
    assert_eq!(host.configure_cloud(), (0, String::new()), "once");
    std::fs::remove_file(host.0.join(LEASE_NAME)).unwrap();
    host.configure();
    assert_eq!(host.get("etc/hostname"), "node-7\n", "the next boot begins with it");
}
