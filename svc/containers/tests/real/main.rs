//! The service against a real containerd, crun, and registry, in a root of their own on this machine.
//!
//! The programs come from the tools tree (`GANTRY_TOOLS`, a directory with `usr` unpacked from Debian's
//! packages). The outer test makes mount and network namespaces and a root from that tree, and runs itself
//! inside; the inner test is the story. Without the tree, or without root's rights, the outer test says
//! SKIPPED.

// A test: what is unexpected ends it.
#![allow(clippy::unwrap_used)]

mod host;
mod image;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use host::{Guest, wait_for};

/// Makes the root `$1` from the tree `$2` and runs the test program `$3` in it.
const ENTER: &str = r#"
set -e
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir usr proc sys dev run tmp var etc
mount --bind "$2/usr" usr
for link in bin sbin lib lib64; do ln -s usr/$link $link; done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t cgroup2 cgroup2 sys/fs/cgroup
# overlayfs takes no tmpfs of this kernel's as upper directory everywhere; the caller's directory is on a disk.
mount --bind "$4" var
mkdir -p var/log
ip link set lo up
cp "$3" test
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu/systemd PATH=/usr/bin:/usr/sbin
exec chroot "$1" /test inside_the_root --ignored --exact --nocapture
"#;

#[test]
fn containers_live_end_and_come_back_with_a_real_containerd() {
    let Some(tools) = std::env::var_os("GANTRY_TOOLS") else {
        eprintln!("SKIPPED containers against a real containerd: GANTRY_TOOLS is not set");
        return;
    };
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED containers against a real containerd: namespaces and a root of its own need root");
        return;
    }
    let dir = std::env::temp_dir().join(format!("containers-real-{}", std::process::id()));
    let (root, var) = (dir.join("root"), dir.join("var"));
    std::fs::create_dir_all(&root).unwrap();
    std::fs::create_dir_all(&var).unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private", "--"])
        .args(["sh", "-c", ENTER, "enter"])
        .arg(&root)
        .arg(tools)
        .arg(std::env::current_exe().unwrap())
        .arg(&var)
        .status()
        .unwrap();
    // The namespace of processes ends with its first one, and all mounts with the last process in theirs.
    assert!(status.success(), "see above; what is left is in {}", dir.display());
    std::fs::remove_dir_all(&dir).unwrap();
}

/// The service itself, started by [`Guest`].
#[test]
#[ignore = "run by the test inside the root"]
fn the_service() {
    // The exit code is what the test sees; libtest has only its own.
    let code = containers::main();
    std::process::exit(if code == std::process::ExitCode::SUCCESS { 0 } else { 1 });
}

const WEB: &str = r#""web": {"image": "registry.gantry.test/busybox:1", 
    "command": ["/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; /bin/busybox httpd -f -h /www -p 80 & wait $!"],
    "ports": [{"host": 8080, "container": 80}], "read-only": true, "user": {"uid": 1000},
    "mounts": [{"source": {"volume": "site"}, "destination": "/www"}]}"#;

/// Shows what it is given, in its log, and ends.
const SHOW: &str = r#""show": {"image": "registry.gantry.test/busybox:1", "restart": "never", "env": {"GREETING": "hello there"},
    "mounts": [{"source": {"volume": "site"}, "destination": "/www"}], "read-only": true,
    "command": ["/bin/busybox", "sh", "-c", "echo greeting=$GREETING; echo user=$(id -u):$(id -g); cat /etc/hosts | tail -n 1; hostname; touch /x || echo root is read-only; grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; mount -t tmpfs t /tmp || echo no mount; cat /etc/resolv.conf; chmod 755 /www; echo page > /www/index.html; printf last"]}"#;

const CRASH: &str = r#""crash": {"image": "registry.gantry.test/busybox:1", "command": ["/bin/busybox", "sh", "-c", "echo oh; exit 3"], "network": "host"}"#;

/// Ends when asked, and says so.
const POLITE: &str = r#""polite": {"image": "registry.gantry.test/busybox:1", "network": "host",
    "command": ["/bin/busybox", "sh", "-c", "trap 'echo good bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"]}"#;

#[test]
#[ignore = "run by the test outside the root"]
fn inside_the_root() {
    let mut guest = Guest::boot();
    image::store(
        std::path::Path::new("/var/registry"),
        "busybox",
        "1",
        &std::fs::read("/usr/bin/busybox").unwrap(),
    );

    println!("== first boot: nothing is there, three containers start, one crash-loops");
    std::fs::write("/etc/resolv.conf", "nameserver 192.0.2.1\n").unwrap();
    guest.want(&[WEB, SHOW, CRASH]);
    guest.start_service();
    guest.start_containerd();
    guest.start_registry();
    guest.service_says("container running name=web");
    guest.told("MILESTONE=container/web");
    guest.told("MILESTONE=containerd");
    guest.told("READY=1");
    guest.service_says("container ended name=show code=0");
    guest.service_says("container exited name=crash code=3");
    guest.service_says("container restarting name=crash failures=2");
    guest.service_says("container held name=crash failures=4");

    println!("== what a container was given");
    let log = std::fs::read_to_string("/var/log/containers/show.log").unwrap();
    println!("{log}");
    for line in [
        "greeting=hello there",
        "user=0:0",
        "\tshow",
        "show: show",
        "root is read-only",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "CapBnd:\t00000000a80425fb",
        "no mount",
        "nameserver 192.0.2.1",
        "show: last",
    ] {
        assert!(log.contains(line), "{line:?} is not in the log of show");
    }

    println!("== the page, through the published port and a volume that another container wrote");
    assert!(page().contains("page"), "{}", page());

    println!("== name servers change under a running container");
    std::fs::write("/etc/resolv.conf.new", "nameserver 192.0.2.2\n").unwrap();
    std::fs::rename("/etc/resolv.conf.new", "/etc/resolv.conf").unwrap();
    guest.service_says("name servers changed");

    println!("== containerd is killed: its containers live on and are taken over");
    let process = guest.processes("httpd");
    guest.kill_containerd();
    guest.service_says("containerd gone");
    assert!(page().contains("page"));
    guest.start_containerd();
    guest.service_says("container still running name=web");
    assert_eq!(guest.processes("httpd"), process, "web was not restarted");

    println!("== the service is killed: the next one takes over, output included");
    guest.kill_service();
    guest.start_service();
    guest.service_says("container still running name=web");
    assert_eq!(guest.processes("httpd"), process);

    println!("== new settings: show and crash go, web stays, polite comes");
    guest.want(&[WEB, POLITE]);
    guest.signal_service("HUP");
    guest.service_says("settings read again");
    guest.told("RELOADING=1");
    guest.service_says("container running name=polite");
    guest.service_says("container stopped name=crash");
    guest.service_says("container stopped name=show");
    assert_eq!(guest.processes("httpd"), process);

    println!("== a killed process is restarted");
    guest.kill_process(process[0]);
    guest.service_says("container exited name=web code=137");
    guest.service_says("container running name=web");
    wait_for("page of the new process", || page().contains("page"));

    println!("== orderly stop: no line is lost, nothing is left");
    assert_eq!(guest.stop_service(), Some(0));
    assert!(std::fs::read_to_string("/var/log/containers/polite.log").unwrap().contains("polite: good bye"));
    assert!(guest.processes("httpd").is_empty());
    assert!(std::fs::read_dir("/run/netns").unwrap().next().is_none(), "a network namespace is left");

    println!("== without a registry the image that is here is used");
    guest.stop_registry();
    guest.start_service();
    guest.service_says("pull failed, using the image already here");
    guest.service_says("container running name=web");
    wait_for("page without a registry", || page().contains("page"));
    assert_eq!(guest.stop_service(), Some(0));
}

/// The page behind the published port; empty when there is none.
fn page() -> String {
    let get = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect("127.0.0.1:8080")?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    get().unwrap_or_default()
}
