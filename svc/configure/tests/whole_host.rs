//! `configure` over a temporary folder that is a whole host.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

mod host;

use host::{FW_CFG, Host, timeless};

#[test]
fn user_data_becomes_files() {
    let host = Host::new("files");
    host.put("usr/share/gantry/defaults.toml", b"[settings]\nmotd = 'from the image'\n");
    host.put(
        FW_CFG,
        b"[settings.network]\nhostname = 'edge'\n[settings.kernel.sysctl]\n'vm.swappiness' = '10'\n\
          [settings.containers.web]\nimage = 'registry.example/web:1'\nports = ['8080:80']\n",
    );
    let (status, log) = host.configure();
    assert_eq!(status, 0);
    assert_eq!(
        timeless(&log),
        "info configure: settings found source=image bytes=35 new=false\n\
         info configure: settings found source=fw_cfg bytes=164 new=true\n\
         info configure: applied files=6 generation=1\n"
    );
    assert_eq!(host.get("etc/hostname"), "edge\n");
    assert_eq!(host.get("proc/sys/kernel/hostname"), "edge\n");
    assert_eq!(host.get("proc/sys/vm/swappiness"), "10\n");
    assert_eq!(host.get("etc/motd"), "from the image\n");
    assert!(host.get("etc/hosts").contains("127.0.0.1 localhost edge\n"));
    assert!(host.get("etc/containerd/config.toml").starts_with("version = 2\n"));
    assert!(host.get("run/gantry/containers.json").contains("registry.example/web:1"));
    assert!(host.get("run/gantry/dns.json").contains("name-servers"));
    let mode = fs::metadata(host.0.join("run/gantry/containers.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_second_run_changes_nothing_and_a_changed_document_is_followed() {
    let host = Host::new("again");
    host.put(FW_CFG, b"settings.motd = 'one'\n");
    assert_eq!(host.configure().0, 0);
    let before = fs::metadata(host.0.join("etc/motd")).unwrap().modified().unwrap();
    assert_eq!(host.configure().0, 0);
    assert_eq!(fs::metadata(host.0.join("etc/motd")).unwrap().modified().unwrap(), before);
    host.put(FW_CFG, b"settings.motd = 'two'\n");
    assert_eq!(host.configure().0, 0);
    assert_eq!(host.get("etc/motd"), "two\n");
}

#[test]
fn every_problem_is_named_with_source_and_path_and_the_rest_applies() {
    let host = Host::new("problems");
    host.put(
        FW_CFG,
        b"[settings]\nmotd = 'kept'\nmodt = 'x'\n[settings.kernel.sysctl]\n'vm.no_such' = '1'\n'vm.swappiness' = '10'\n\
          [settings.containers.web]\nimge = 'x'\n[settings.containers.good]\nimage = 'x'\n[settings.dns]\n= broken\n",
    );
    let (status, log) = host.configure();
    assert_eq!(status, 0, "bad user data does not stop a machine");
    for line in [
        "error configure: user data problem source=fw_cfg path=settings.modt why=\"unknown key; did you mean motd?\"",
        "error configure: user data problem source=fw_cfg path=settings.containers.web.imge why=\"unknown key; did you mean image?\"",
        "error configure: user data problem source=fw_cfg path=settings.kernel.sysctl.\"vm.no_such\" why=\"this kernel has no such parameter\"",
        "error configure: user data problem source=fw_cfg path=settings.dns why=\"line 12, column 1: ",
    ] {
        assert!(log.contains(line), "{line}\nnot in\n{log}");
    }
    assert!(log.contains("warn configure: applied with problems count=6 generation=1 took_ms="), "{log}");
    assert_eq!(host.get("etc/motd"), "kept\n");
    assert_eq!(host.get("proc/sys/vm/swappiness"), "10\n");
    assert!(host.get("run/gantry/containers.json").contains("good"));
    assert!(!host.get("run/gantry/containers.json").contains("web"));
}

#[test]
fn nothing_at_all_is_a_valid_machine() {
    let host = Host::new("nothing");
    let (status, log) = host.configure();
    assert_eq!((status, timeless(&log)), (0, "info configure: applied files=6 generation=1\n".into()));
    assert_eq!(host.get("etc/hostname"), "localhost\n");
}

#[test]
fn garbage_leaves_the_machine_up_and_says_why() {
    let host = Host::new("garbage");
    for garbage in
        [&b"\xff\xfe\x00"[..], b"\x1f\x8b\x08garbage", b"}{", &[b'['; 100_000], &b"a=\n".repeat(10_000)]
    {
        host.put(FW_CFG, garbage);
        let (status, log) = host.configure();
        assert_eq!(status, 0);
        assert!(log.contains("error configure: user data problem source=fw_cfg path="), "{log}");
        assert!(log.lines().count() < 60 && log.len() < 20_000, "{} lines", log.lines().count());
        assert!(!host.get("run/gantry/containers.json").contains("image"));
    }
}

#[test]
fn a_key_cannot_forge_log_lines() {
    let host = Host::new("forge");
    host.put(FW_CFG, b"[settings]\n\"x\\ninfo configure: applied files=6\\n\" = 1\n");
    let (_, log) = host.configure();
    assert!(!log.lines().any(|line| line.starts_with("info configure: applied")), "{log}");
}

#[test]
fn gzipped_user_data_is_unpacked() {
    let host = Host::new("gzip");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"[settings]\nmotd = 'packed'\n").unwrap();
    host.put(FW_CFG, &encoder.finish().unwrap());
    assert_eq!(host.configure().0, 0);
    assert_eq!(host.get("etc/motd"), "packed\n");
}

#[test]
fn a_host_that_cannot_be_written_is_the_hosts_trouble() {
    let host = Host::new("unwritable");
    host.put("etc", b"a file where a folder should be");
    let (status, log) = host.configure();
    assert_eq!(status, 75);
    assert!(log.contains("error configure: /etc/hostname not written why="), "{log}");
    assert!(host.get("run/gantry/containers.json").contains("containers"), "the others are written");
}

#[test]
fn a_file_is_checked_without_touching_anything() {
    let host = Host::new("check");
    let check = |path: &Path| {
        let mut out = Vec::new();
        let status = configure::run(&["--check".into(), path.into()], &mut out, &mut Vec::new());
        (status, String::from_utf8(out).unwrap())
    };
    host.put("good.toml", b"settings.motd = 'x'\n");
    host.put("bad.toml", b"settings.motd = 5\n");
    assert_eq!(check(&host.0.join("good.toml")), (0, String::new()));
    assert_eq!(
        check(&host.0.join("bad.toml")),
        (64, "settings.motd: wanted text, found an integer\n".into())
    );
    assert_eq!(check(&host.0.join("absent.toml")).0, 64);
    assert!(!host.0.join("etc").exists());
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [&["--what"][..], &["--root"], &["--check"], &["x"]] {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        assert_eq!(configure::run(&arguments, &mut Vec::new(), &mut Vec::new()), 64);
    }
}
