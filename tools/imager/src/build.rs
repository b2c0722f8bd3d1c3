//! From a variant's name to `out/VARIANT/`: the steps, in order.
//!
//! Each step is cached by its inputs, so a second build with one service changed repeats only compile, erofs, verity,
//! UKI, signature and disk. What lands in `out/` is put there file by file, by rename, `release.json` last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use partition::SectorSize;

use crate::cache::{self, Cache, Lock, remove};
use crate::digest::{Digest, Key};
use crate::ext4::Empty;
use crate::firmware::{self, Programs};
use crate::kernel::Kernel;
use crate::lock::{LockFile, Package, Set};
use crate::programs::{self, Built, Places};
use crate::publish::{Made, publish};
use crate::release::{self, Release};
use crate::root::{Parts, os_release};
use crate::sbat::Identity;
use crate::sbom::{self, Subject};
use crate::signed::Signing;
use crate::tools::Tools;
use crate::tree::{Origin, Tree};
use crate::variant::Variant;
use crate::{command, date, disk, fetch, filesystem, initramfs, lints, listing, progress};

/// Version of everything in this repository.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Disk image for disks with sectors of 4096 bytes, made when asked for.
const DISK_4096: &str = "disk-4096.img";

/// Where things are.
#[derive(Clone, Debug)]
pub struct Request {
    /// The checkout.
    pub repository: PathBuf,
    /// Name of the variant.
    pub variant: String,
    /// cargo's target folder.
    pub target: PathBuf,
    /// A disk image with sectors of this size as well.
    pub also: Option<SectorSize>,
}

impl Request {
    fn image(&self) -> PathBuf {
        self.repository.join("image")
    }

    /// Where the results go.
    pub fn out(&self) -> PathBuf {
        self.repository.join("out").join(&self.variant)
    }
}

/// A root that has passed the lints, and what it was made from.
pub struct Checked {
    /// The rules.
    pub variant: Variant,
    /// The files.
    pub tree: Tree,
    /// The kernel.
    pub kernel: Kernel,
    lock: LockFile,
    tools: Tools,
    places: Places,
    init: PathBuf,
}

/// Compiles our programs, collects the root and lints it.
pub fn check(cache: &Cache, request: &Request) -> Result<Checked> {
    let image = request.image();
    let variant = Variant::load(&image, &request.variant)?;
    let lock = LockFile::load(&image.join("packages.lock"))?;
    fetch::fetch(cache, &lock, &[Set::Root, Set::Tools])?;
    let tools = Tools::ensure(cache, &lock)?;
    let kernel = Kernel::prepare(cache, &lock, &tools, &variant)?;
    let places = Places::of(&request.repository, &request.target)?;
    let programs = programs::build(&places, &variant.programs)?;
    let parts = Parts {
        variant: &variant,
        image: &image,
        lock: &lock,
        kernel: &kernel,
        programs: &programs,
        version: VERSION,
    };
    let tree = progress::step("collect the root", || parts.collect(cache))?;
    let forbidden = places.forbidden();
    lints::check(&tree, &lints::Facts { variant: &variant, places: &forbidden })?;
    let init = static_init(&programs)?;
    Ok(Checked { variant, tree, kernel, lock, tools, places, init })
}

/// Builds everything and leaves it in `out/VARIANT/`.
pub fn build(cache: &Cache, request: &Request, efi: &Programs<'_>, signing: &Signing) -> Result<Release> {
    let identity = Identity::load(&request.image())?;
    let layout_file = request.image().join("layout.toml");
    let layout_text =
        fs::read_to_string(&layout_file).with_context(|| format!("cannot read {}", layout_file.display()))?;
    let layout =
        disk::Layout::parse(&layout_text).with_context(|| format!("bad {}", layout_file.display()))?;
    let checked = check(cache, request)?;
    let Checked { variant, tree, kernel, lock, tools, .. } = &checked;

    let erofs = filesystem::erofs(cache, tools, variant, tree, lock.epoch)?;
    let root = filesystem::verity(cache, tools, variant, &erofs)?;
    let root_bytes = fs::metadata(&root.file).context("cannot stat the root image")?.len();
    lints::size(root_bytes, variant)?;
    let initramfs = initramfs::build(cache, tools, variant, kernel, &checked.init)?;
    let command_line = format!("{} {}", variant.command_line.render(), root.verity.command_line_words());
    let uki = firmware::uki(
        cache,
        efi.stub,
        &firmware::Kernel {
            image: &kernel.image,
            initramfs: &initramfs,
            command_line: &command_line,
            os_release: &os_release(variant, VERSION),
            uname: &kernel.release,
            identity: &identity,
            version: VERSION,
        },
    )?;
    let uki = signing.sign(cache, "uki", &uki)?;
    let bootmgr = signing.sign(cache, "bootmgr", efi.bootmgr)?;
    let state_bytes =
        layout.bytes_of(disk::Content::State).context("the state partition has no size in the layout")?;
    let parts = disk::Parts {
        layout,
        disk_bytes: variant.data.disk_mib << 20,
        bootmgr: fs::read(&bootmgr).context("cannot read the boot manager")?,
        uki,
        root: root.file.clone(),
        params: root.verity.clone(),
        state: Empty::state(state_bytes).make(cache, tools, lock.epoch)?,
        data: Empty::data(variant.data.filesystem_mib).make(cache, tools, lock.epoch)?,
    };
    let standard = parts.layout.sector()?;
    let disk = checked.disk(cache, &layout_text, &parts, standard)?;

    let out = request.out();
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let _guard = Lock::take(&out.join(".lock"))?;
    let (spdx, cyclonedx) = checked.sbom(cache, &root.verity.root_hash_hex())?;
    let mut files = BTreeMap::from([
        ("bootmgr.efi".to_owned(), Made::Copy(bootmgr)),
        ("data.img".to_owned(), Made::Copy(parts.data.clone())),
        ("disk.img".to_owned(), Made::Copy(disk.join("disk.img"))),
        ("disk.qcow2".to_owned(), Made::Copy(disk.join("disk.qcow2"))),
        ("files.txt".to_owned(), Made::Text(listing::full(tree))),
        ("layout.toml".to_owned(), Made::Text(layout_text.clone())),
        ("licences.txt".to_owned(), Made::Text(checked.licences(cache)?)),
        ("root.img".to_owned(), Made::Copy(root.file.clone())),
        ("sbom.cdx.json".to_owned(), Made::Text(cyclonedx)),
        ("sbom.spdx.json".to_owned(), Made::Text(spdx)),
        ("state.img".to_owned(), Made::Copy(parts.state.clone())),
        ("uki.efi".to_owned(), Made::Copy(parts.uki.clone())),
    ]);
    signing.remove_absent(&out.join("keys"))?;
    for (name, bytes) in signing.public()? {
        files.insert(format!("keys/{name}"), Made::Bytes(bytes));
    }
    // One of an older build would lie beside a release that it does not belong to.
    remove(&out.join(DISK_4096)).context("cannot remove the old disk image")?;
    if let Some(sector) = request.also.filter(|sector| *sector != standard) {
        let disk = checked.disk(cache, &layout_text, &parts, sector)?;
        files.insert(DISK_4096.to_owned(), Made::Copy(disk.join("disk.img")));
    }
    let mut release = Release {
        format: 2,
        version: VERSION.to_owned(),
        security_version: identity.security_version,
        variant: variant.name.clone(),
        architecture: variant.architecture.clone(),
        source_date_epoch: lock.epoch,
        kernel: kernel.release.clone(),
        command_line,
        root: release::Root::of(&root.verity, root.data_bytes),
        signed_by: signing.certificate_digest(),
        executables: tree.entries().filter(|(_, entry)| entry.is_executable()).count(),
        packages: checked.packages().iter().map(|p| (p.name.clone(), p.version.clone())).collect(),
        files: BTreeMap::new(),
    };
    progress::step("put results in place", || {
        for (name, made) in files {
            let file = publish(&out.join(&name), &made)?;
            release.files.insert(name, file);
        }
        cache::write(&out.join("release.json"), release.render()?.as_bytes())
    })?;
    Ok(release)
}

impl Checked {
    /// Folder with the raw disk; for the standard sector size with its qcow2 form as well.
    fn disk(&self, cache: &Cache, layout: &str, parts: &disk::Parts, sector: SectorSize) -> Result<PathBuf> {
        let step = if sector == parts.layout.sector()? { "disk" } else { "disk4096" };
        let key = disk_key(step, layout, parts, sector, self.tools.root())?;
        cache.step(step, &key, |dir| {
            let raw = dir.join("disk.img");
            disk::assemble(&parts.layout, sector, parts.disk_bytes, &parts.contents(), &raw)?;
            if step == "disk" {
                // One coroutine, in order: with several, the order of compressed clusters is a matter of luck.
                let arguments =
                    ["convert", "-c", "-m", "1", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd"];
                command::run(self.tools.with("qemu-img", &arguments)?.arg(&raw).arg(dir.join("disk.qcow2")))?;
            }
            Ok(())
        })
    }

    fn packages(&self) -> Vec<&Package> {
        let of_root = |package: &&Package| {
            self.tree.entries().any(|(_, entry)| entry.origin == Origin::Package(package.name.clone()))
        };
        self.lock.of(Set::Root).filter(of_root).collect()
    }

    fn sbom(&self, cache: &Cache, root_hash: &str) -> Result<(String, String)> {
        let of_root =
            self.variant.programs.iter().map(|program| (program.package.as_str(), programs::TARGET));
        let programs: Vec<_> =
            of_root.chain(firmware::PACKAGES.map(|package| (package, firmware::TARGET))).collect();
        let components = sbom::components(cache, &self.lock, &self.packages(), &self.places, &programs)?;
        let date = date::rfc3339(self.lock.epoch);
        let name = &self.variant.name;
        sbom::render(&Subject { name, version: VERSION, root_hash, date: &date }, &components)
    }

    /// Debian's copyright files of everything in the root: most licences ask that they come along.
    fn licences(&self, cache: &Cache) -> Result<String> {
        let mut text = String::new();
        for package in self.packages() {
            let copyright = sbom::copyright_text(cache, &self.lock, package)?;
            let copyright =
                copyright.with_context(|| format!("package {} has no copyright file", package.name))?;
            let rule = "=".repeat(100);
            text +=
                &format!("{rule}\n{} {}\n{rule}\n\n{}\n\n", package.name, package.version, copyright.trim());
        }
        Ok(text)
    }
}

/// All that a disk's bytes follow from. The root hash stands for the root, qemu-img is one of the tools.
fn disk_key(
    step: &str,
    layout: &str,
    parts: &disk::Parts,
    sector: SectorSize,
    tools: &Path,
) -> Result<Digest> {
    let bootmgr = Digest::of(&parts.bootmgr);
    let key = Key::new(step, 3).part(layout).part(bootmgr.as_str()).file(&parts.uki)?;
    let key = key.part(&parts.params.root_hash_hex()).file(&parts.state)?.file(&parts.data)?;
    let key = key.part(&parts.disk_bytes.to_string()).part(&sector.bytes().to_string());
    Ok(key.part(&tools.to_string_lossy()).finish())
}

/// The program that runs before there is a root.
fn static_init(programs: &[Built]) -> Result<PathBuf> {
    let init = programs.iter().find(|built| built.package == "init");
    Ok(init.context("the variant has no program init")?.file.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: &str = include_str!("../../../image/layout.toml");

    #[test]
    fn a_disk_is_made_anew_when_anything_that_it_follows_from_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let [uki, state, data] = ["uki", "state", "data"].map(|name| dir.path().join(name));
        for file in [&uki, &state, &data] {
            fs::write(file, "one").unwrap();
        }
        let salt = verity::Salt::new(&[1]).unwrap();
        let params =
            verity::Params { root_hash: [1; 32], layout: verity::Layout::appended(1, 2).unwrap(), salt };
        let mut parts = disk::Parts {
            layout: disk::Layout::parse(LAYOUT).unwrap(),
            disk_bytes: 4 << 30,
            bootmgr: vec![1],
            uki: uki.clone(),
            root: PathBuf::new(),
            params,
            state: state.clone(),
            data: data.clone(),
        };
        let small = SectorSize::B512;
        let of = |parts: &disk::Parts, sector, tools: &str| {
            disk_key("disk", LAYOUT, parts, sector, Path::new(tools)).unwrap()
        };
        let mut keys = vec![of(&parts, small, "/tools-1"), of(&parts, small, "/tools-2")];
        keys.push(of(&parts, SectorSize::B4096, "/tools-1"));
        parts.bootmgr.push(2);
        keys.push(of(&parts, small, "/tools-1"));
        parts.params.root_hash = [2; 32];
        keys.push(of(&parts, small, "/tools-1"));
        for file in [&uki, &state, &data] {
            fs::write(file, "two").unwrap();
            keys.push(of(&parts, small, "/tools-1"));
        }
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}
