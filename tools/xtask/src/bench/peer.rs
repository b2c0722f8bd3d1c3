//! The yardstick: what somebody gets who installs Debian 13 with systemd and containerd instead.
//!
//! `mmdebstrap` makes the tree with the priorities a server has; Debian's own initramfs boots it through systemd-boot,
//! Debian's leanest boot loader, from the same firmware. A program of ours in it reports on the console, in the words
//! the image's own probe uses.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use imager::apt::Mirrors;
use vm::fat::Volume;
use vm::{Disk, Guest, Lab, Oci, Tools};

use super::figures::{Mark, Memory, Sample};

const PACKAGES: &str =
    "systemd-sysv,udev,dbus,containerd,runc,initramfs-tools,linux-image-cloud-amd64,systemd-boot-efi";

/// As for ours, though it needs several times as long.
const BOOT: Duration = Duration::from_secs(1200);

/// Size of the root file system: as our disk.
const ROOT_BYTES: u64 = 4 << 30;

/// Size of its boot partition.
const ESP_MIB: u32 = 128;

/// Reports and powers off. `IMAGE` and `SETTLE` are filled in. The comm names it leaves out of the sum are the
/// container's, containerd's and its own.
const REPORTER: &str = r#"#!/bin/sh
say() { echo "BENCH $*" >/dev/console; }
now() { read -r up idle </proc/uptime; say "$1 $up"; }
field() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" "$2" 2>/dev/null; }
memory() {
    os=0 runtime=0 count=0
    for dir in /proc/[0-9]*; do
        read -r name 2>/dev/null <"$dir/comm" || continue
        pss=$(field Pss "$dir/smaps_rollup")
        [ -n "$pss" ] || continue
        count=$((count + 1))
        case $name in
            containerd) runtime=$((runtime + pss)) ;;
            containerd-shim* | sh | busybox | httpd | bench-reporter | sed) ;;
            *) os=$((os + pss)) ;;
        esac
    done
    total=$(field MemTotal /proc/meminfo) free=$(field MemAvailable /proc/meminfo)
    reserve=$(cat /proc/sys/vm/min_free_kbytes)
    huge=$(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/mm/transparent_hugepage/enabled)
    say "memory when=$1 total_kib=$total available_kib=$free used_kib=$((total - free)) os_pss_kib=$os" \
        "containerd_pss_kib=$runtime processes=$count min_free_kib=$reserve huge_pages=$huge"
}
until ctr version >/dev/null 2>&1; do :; done
now containerd
if [ ! -e /opt/bench/imported ]; then
    ctr image import /opt/bench/image.tar >/dev/null && touch /opt/bench/imported
fi
ctr run --detach --net-host IMAGE web >/dev/console 2>&1 && now container
sleep SETTLE
memory idle
echo 3 >/proc/sys/vm/drop_caches
sleep SETTLE
memory dropped
say "pid1_us $(systemctl show --property=UserspaceTimestampMonotonic --value)"
ctr task kill --signal KILL web
until ctr task delete web >/dev/null 2>&1; do :; done
ctr container delete web
systemctl poweroff
"#;

const UNIT: &str = "[Unit]\nDescription=what the benchmark wants to know\nRequires=containerd.service\n\
    After=containerd.service\n[Service]\nType=exec\nExecStart=/opt/bench/bench-reporter\n";

/// Makes the tree, once; it stays in `dir`.
pub fn tree(dir: &Path) -> Result<PathBuf> {
    let tree = dir.join("peer/tree");
    let ready = dir.join("peer/ready");
    if ready.exists() {
        return Ok(tree);
    }
    let sources = dir.join("peer/sources.list");
    fs::create_dir_all(dir.join("peer"))?;
    let mirrors = Mirrors::of_host()?;
    let main = &mirrors.main;
    let mut text = format!("deb {main} trixie main\ndeb {main} trixie-updates main\n");
    if let Some(security) = &mirrors.security {
        text.push_str(&format!("deb {security} trixie-security main\n"));
    }
    fs::write(&sources, text)?;
    let log = dir.join("peer/mmdebstrap.log");
    let _ = fs::remove_dir_all(&tree);
    imager::progress::step("install the Debian to compare with", || {
        let mut command = Command::new("mmdebstrap");
        command.args(["--variant=important", "--mode=root", "--aptopt=APT::Install-Recommends \"false\""]);
        command.arg(format!("--include={PACKAGES}")).arg("trixie").arg(&tree).arg(&sources);
        command.stdout(fs::File::create(&log)?).stderr(fs::File::options().append(true).open(&log)?);
        let status = command.status().context("cannot run mmdebstrap; apt-get install mmdebstrap")?;
        if !status.success() {
            bail!("mmdebstrap failed (it needs root): {}", log.display());
        }
        Ok(())
    })?;
    fs::write(&ready, "")?;
    Ok(tree)
}

/// A Debian that has booted once.
pub struct Peer {
    esp: Disk,
    root: PathBuf,
}

impl Peer {
    /// Makes its disks and boots it for the first time: machine-id, host keys and the like, and the image's import.
    /// It gets the memory settings that `ours` has.
    pub fn prepare(
        lab: &Lab,
        tree: &Path,
        dir: &Path,
        image: &Oci,
        ours: &Sample,
        settle: Duration,
    ) -> Result<(Self, Sample)> {
        furnish(tree, image, ours, settle).context("cannot furnish the Debian to compare with")?;
        let root = dir.join("peer/root.img");
        fs::File::create(&root)?.set_len(ROOT_BYTES)?;
        let (tree_name, root_name) = (tree.display().to_string(), root.display().to_string());
        lab.tools.run("mkfs.ext4", ["-q", "-F", "-L", "peer", "-d", &tree_name, &root_name])?;
        let esp = esp(&lab.tools, tree, &dir.join("peer"), &ours.idle.huge_pages)?;
        let peer = Self { esp, root };
        let first = peer.boot(lab)?;
        Ok((peer, first))
    }

    /// One boot, from power-on until it has powered itself off.
    pub fn boot(&self, lab: &Lab) -> Result<Sample> {
        let mut guest = lab.guest("bench-peer").disk(self.esp.clone()).drive(&self.root).start()?;
        let sample = sample(&guest)?;
        guest.wait_exit(BOOT)?;
        Ok(sample)
    }

    /// Its root file system.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

fn sample(guest: &Guest) -> Result<Sample> {
    let start = guest.wait_for("kernel's first line", BOOT, |text| text.contains("Linux version"))?;
    let report = |word: &str| {
        let want = format!("BENCH {word}");
        guest.wait_for(&want, BOOT, |text| text.contains(&want))
    };
    let number = |text: &str| text.split_whitespace().next_back().and_then(|word| word.parse::<f64>().ok());
    let mark = |name: &str| -> Result<Mark> {
        let line = report(&format!("{name} "))?;
        let seconds = number(&line.text).with_context(|| format!("no number in {:?}", line.text))?;
        Ok(Mark::new(seconds, &start, &line))
    };
    let pid1 = report("pid1_us ")?;
    Ok(Sample {
        pid1_s: number(&pid1.text).context("systemd did not say when it started")? / 1e6,
        containerd: mark("containerd")?,
        container: mark("container")?,
        idle: Memory::parse(&report("memory when=idle")?.text),
        dropped: Memory::parse(&report("memory when=dropped")?.text),
    })
}

/// Puts the reporter, the container's image and the shared settings into the tree.
fn furnish(tree: &Path, image: &Oci, ours: &Sample, settle: Duration) -> Result<()> {
    let bench = tree.join("opt/bench");
    fs::create_dir_all(&bench)?;
    let reporter =
        REPORTER.replace("IMAGE", &image.reference()).replace("SETTLE", &settle.as_secs().to_string());
    fs::write(bench.join("bench-reporter"), reporter)?;
    fs::set_permissions(bench.join("bench-reporter"), fs::Permissions::from_mode(0o755))?;
    image.write_archive(&bench.join("image.tar"))?;
    let units = tree.join("etc/systemd/system");
    fs::write(units.join("bench.service"), UNIT)?;
    fs::create_dir_all(units.join("multi-user.target.wants"))?;
    let wanted = units.join("multi-user.target.wants/bench.service");
    if !wanted.is_symlink() {
        symlink("../bench.service", wanted)?;
    }
    let reserve = format!("vm.min_free_kbytes = {}\n", ours.idle.min_free_kib);
    fs::write(tree.join("etc/sysctl.d/bench.conf"), reserve)?;
    fs::write(tree.join("etc/fstab"), "LABEL=peer / ext4 defaults 0 1\n")?;
    fs::write(tree.join("etc/hostname"), "peer\n")?;
    Ok(())
}

/// A FAT volume with systemd-boot, kernel and initramfs. The command line differs from Debian's in the console, which is
/// as talkative as ours, and in the setting of huge pages.
fn esp(tools: &Tools, tree: &Path, dir: &Path, huge_pages: &str) -> Result<Disk> {
    let volume = dir.join("esp.img");
    let entry = format!(
        "title Debian\nlinux /vmlinuz\ninitrd /initrd.img\noptions root=LABEL=peer rw console=ttyS0 loglevel=6 \
         systemd.show_status=0 panic=-1 transparent_hugepage={huge_pages}\n"
    );
    fs::write(dir.join("loader.conf"), "timeout 0\ndefault peer.conf\n")?;
    fs::write(dir.join("peer.conf"), entry)?;
    let fat = Volume::create(tools, &volume, ESP_MIB, "ESP")?;
    for folder in ["EFI", "EFI/BOOT", "loader", "loader/entries"] {
        fat.folder(folder)?;
    }
    let boot = tree.join("boot");
    let files = [
        (tree.join("usr/lib/systemd/boot/efi/systemd-bootx64.efi"), "EFI/BOOT/BOOTX64.EFI"),
        (only(&boot, "vmlinuz-")?, "vmlinuz"),
        (only(&boot, "initrd.img-")?, "initrd.img"),
        (dir.join("loader.conf"), "loader/loader.conf"),
        (dir.join("peer.conf"), "loader/entries/peer.conf"),
    ];
    for (from, to) in files {
        fat.file(&from, to)?;
    }
    Ok(Disk::at(volume))
}

/// The one file of a folder whose name starts so.
fn only(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    match (names.next(), names.next()) {
        (Some(entry), None) => Ok(entry.path()),
        _ => bail!("want one {prefix}* in {}", folder.display()),
    }
}
