//! Look-ups in a small catalog written as depmod writes it.

use modules::{Catalog, Found, Name};

const CATALOG: Catalog<'static> = Catalog {
    dependencies: "\
kernel/drivers/md/dm-verity.ko.xz: kernel/drivers/md/dm-bufio.ko.xz kernel/drivers/md/dm-mod.ko.xz kernel/lib/reed_solomon.ko.xz
kernel/drivers/md/dm-bufio.ko.xz: kernel/drivers/md/dm-mod.ko.xz
kernel/drivers/md/dm-mod.ko.xz:
kernel/lib/reed_solomon.ko.xz:
kernel/lib/libcrc32c.ko.xz:
kernel/arch/x86/crypto/crc32c-intel.ko.xz:
kernel/fs/erofs/erofs.ko.xz: kernel/lib/libcrc32c.ko.xz
kernel/drivers/input/mouse/psmouse.ko.xz:
kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz
kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz
kernel/net/core/failover.ko.xz:
kernel/a.ko: kernel/b.ko
kernel/b.ko: kernel/a.ko
kernel/soft1.ko:
kernel/soft2.ko:
",
    aliases: "\
# Aliases extracted from modules themselves.
alias fs-erofs erofs
alias crc32c crc32c_intel
alias virtio:d00000001v* virtio_net
alias serio:ty01pr*id*ex* psmouse
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_net
nonsense
alias
alias short
",
    soft: "softdep libcrc32c pre: crc32c post: psmouse\nsoftdep soft1 pre: soft2\nsoftdep soft2 pre: soft1 psmouse\n",
    builtin: "kernel/fs/ext4/ext4.ko\nkernel/drivers/nvme/host/nvme-core.ko\n",
    denied: &["psmouse"],
    denied_too: "",
};

fn name(text: &str) -> Name {
    Name::new(text).expect("short enough")
}

fn load(wanted: &str) -> Vec<String> {
    match CATALOG.find(&name(wanted)) {
        Found::Load(modules) => modules.iter().map(|module| module.name().to_string()).collect(),
        other => panic!("{wanted}: {other:?}"),
    }
}

#[test]
fn needs_come_first_and_each_once() {
    assert_eq!(load("dm-verity"), ["reed_solomon", "dm_mod", "dm_bufio", "dm_verity"]);
    assert_eq!(load("virtio_net"), ["failover", "net_failover", "virtio_net"]);
}

#[test]
fn an_alias_leads_to_its_module() {
    assert_eq!(load("virtio:d00000001v00001AF4"), ["failover", "net_failover", "virtio_net"]);
}

#[test]
fn soft_needs_come_before_and_later_wishes_are_left_out() {
    assert_eq!(load("fs-erofs"), ["crc32c_intel", "libcrc32c", "erofs"]);
}

#[test]
fn loops_end() {
    assert_eq!(load("a"), ["b", "a"]);
    assert_eq!(load("soft1"), ["soft2", "soft1"]);
}

#[test]
fn what_is_built_in_denied_or_unknown_is_told_apart() {
    let find = |wanted| CATALOG.find(&name(wanted));
    assert_eq!(find("ext4"), Found::BuiltIn);
    assert_eq!(find("nvme_core"), Found::BuiltIn);
    assert_eq!(find("psmouse"), Found::Denied);
    assert_eq!(find("serio:ty01pr00id00ex00"), Found::Denied);
    assert_eq!(find("no-such"), Found::Unknown);
    assert_eq!(find(""), Found::Unknown);
}

#[test]
fn drivers_of_all_devices_are_found_at_once_without_the_denied() {
    let devices =
        ["virtio:d00000001v00001AF4", "serio:ty01pr00id00ex00", "pci:v00001AF4d1sv1sd1bc1sc1i1", "acpi:X:"];
    let names: Vec<_> = CATALOG.drivers(devices).into_iter().map(|name| name.to_string()).collect();
    assert_eq!(names, ["virtio_net"]);
}

#[test]
fn names_are_denied_by_a_text_too() {
    let denied =
        Catalog { denied_too: "# text\nblacklist virtio-net\nblacklist\nblacklist soft2 \n", ..CATALOG };
    assert_eq!(denied.find(&name("virtio_net")), Found::Denied);
    assert_eq!(denied.drivers(["virtio:d00000001v00001AF4"]).len(), 0);
    assert!(matches!(denied.find(&name("soft1")), Found::Load(modules) if modules.len() == 1));
}

#[test]
fn an_empty_catalog_and_an_endless_name_are_answered() {
    assert_eq!(Catalog::default().find(&name("x")), Found::Unknown);
    assert!(Name::new(&"x".repeat(513)).is_err());
}
