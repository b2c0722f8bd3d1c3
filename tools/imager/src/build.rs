//! From a variant's name to `out/VARIANT/`: the steps, in order.
//!
//! Each step is cached by its inputs, so a second build with one service changed repeats only compile, erofs, verity,
//! UKI and disk. What lands in `out/` is put there file by file, by rename, `release.json` last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{self, Cache, Lock, remove};
use crate::digest::{Digest, Key};
use crate::kernel::Kernel;
use crate::lock::{LockFile, Package, Set};
use crate::programs::{self, Built, Places};
use crate::release::{File, Release};
use crate::root::{Parts, os_release};
use crate::sbom::{self, Subject};
use crate::tools::Tools;
use crate::tree::{Origin, Tree};
use crate::variant::Variant;
use crate::{command, date, disk, fetch, filesystem, initramfs, lints, listing, progress, release, uki};

/// Version of everything in this repository.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where things are.
#[derive(Clone, Debug)]
pub struct Request {
    /// The checkout.
    pub repository: PathBuf,
    /// Name of the variant.
    pub variant: String,
    /// cargo's target folder.
    pub target: PathBuf,
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

/// Builds everything and leaves it in `out/VARIANT/`. `stub` is the UEFI program that the UKI starts with.
pub fn build(cache: &Cache, request: &Request, stub: &Path) -> Result<Release> {
    let checked = check(cache, request)?;
    let Checked { variant, tree, kernel, lock, tools, .. } = &checked;
    let erofs = filesystem::erofs(cache, tools, variant, tree, lock.epoch)?;
    let root = filesystem::verity(cache, tools, variant, &erofs)?;
    let root_bytes = fs::metadata(&root.file).context("cannot stat the root image")?.len();
    lints::size(root_bytes, variant)?;
    let initramfs = initramfs::build(cache, tools, variant, kernel, &checked.init)?;
    let command_line = format!("{} {}", variant.command_line.render(), root.verity.command_line_words());
    let data = filesystem::data(cache, tools, &variant.data, lock.epoch)?;
    let uki = checked.uki(cache, stub, &initramfs, &command_line)?;
    let disks = checked.disks(cache, &request.image(), &uki, &root, &data)?;

    let out = request.out();
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let _guard = Lock::take(&out.join(".lock"))?;
    let root_hash = root.verity.root_hash_hex();
    let (spdx, cyclonedx) = checked.sbom(cache, &root_hash)?;
    let files = [
        ("disk.img", Made::Copy(&disks.join("disk.img"))),
        ("disk.qcow2", Made::Copy(&disks.join("disk.qcow2"))),
        ("files.txt", Made::Text(&listing::full(tree))),
        ("licences.txt", Made::Text(&checked.licences(cache)?)),
        ("root.img", Made::Copy(&root.file)),
        ("sbom.cdx.json", Made::Text(&cyclonedx)),
        ("sbom.spdx.json", Made::Text(&spdx)),
        ("uki.efi", Made::Copy(&uki)),
    ];
    let mut release = Release {
        format: 1,
        version: VERSION.to_owned(),
        variant: variant.name.clone(),
        architecture: variant.architecture.clone(),
        source_date_epoch: lock.epoch,
        kernel: kernel.release.clone(),
        command_line,
        root: release::Root::of(&root.verity, root.data_bytes),
        executables: tree.entries().filter(|(_, entry)| entry.is_executable()).count(),
        packages: checked.packages().iter().map(|p| (p.name.clone(), p.version.clone())).collect(),
        files: BTreeMap::new(),
    };
    progress::step("put results in place", || {
        for (name, made) in files {
            release.files.insert(name.to_owned(), publish(&out.join(name), &made)?);
        }
        cache::write(&out.join("release.json"), release.render()?.as_bytes())
    })?;
    Ok(release)
}

impl Checked {
    /// The UKI, as a file in the cache.
    fn uki(&self, cache: &Cache, stub: &Path, initramfs: &Path, command_line: &str) -> Result<PathBuf> {
        let key =
            Key::new("uki", 1).file(stub)?.file(&self.kernel.image)?.file(initramfs)?.part(command_line);
        let key = key.part(VERSION).part(&self.variant.name).finish();
        let place = cache.step("uki", &key, |dir| {
            let read =
                |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
            let parts = uki::Parts {
                stub: &read(stub)?,
                kernel: &read(&self.kernel.image)?,
                initrd: &read(initramfs)?,
                command_line,
                os_release: &os_release(&self.variant, VERSION),
                uname: &self.kernel.release,
            };
            Ok(fs::write(dir.join("uki.efi"), uki::pack(&parts)?)?)
        })?;
        Ok(place.join("uki.efi"))
    }

    /// Folder with the raw disk, its qcow2 form and the digests of both.
    fn disks(
        &self,
        cache: &Cache,
        image: &Path,
        uki: &Path,
        root: &filesystem::Root,
        data: &Path,
    ) -> Result<PathBuf> {
        let layout_file = image.join("layout.toml");
        let text = fs::read_to_string(&layout_file)
            .with_context(|| format!("cannot read {}", layout_file.display()))?;
        let layout = disk::Layout::parse(&text).with_context(|| format!("bad {}", layout_file.display()))?;
        let key = Key::new("disk", 1).part(&text).file(uki)?.part(&root.verity.root_hash_hex()).file(data)?;
        let key = key.part(&self.variant.data.disk_mib.to_string()).finish();
        cache.step("disk", &key, |dir| {
            let raw = dir.join("disk.img");
            let loader = fs::read(uki).with_context(|| format!("cannot read {}", uki.display()))?;
            let contents = disk::Contents {
                // The name that firmware looks for on a disk it knows nothing about.
                esp: &[("EFI/BOOT/BOOTX64.EFI", &loader)],
                root: &root.file,
                data,
            };
            disk::assemble(&layout, self.variant.data.disk_mib << 20, &root.verity, &contents, &raw)?;
            // One coroutine, in order: with several, the order of compressed clusters is a matter of luck.
            let arguments =
                ["convert", "-c", "-m", "1", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd"];
            command::run(self.tools.with("qemu-img", &arguments)?.arg(&raw).arg(dir.join("disk.qcow2")))?;
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
        let programs: Vec<String> =
            self.variant.programs.iter().map(|program| program.package.clone()).collect();
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

/// The program that runs before there is a root.
fn static_init(programs: &[Built]) -> Result<PathBuf> {
    let init = programs.iter().find(|built| built.package == "init");
    Ok(init.context("the variant has no program init")?.file.clone())
}

enum Made<'a> {
    Copy(&'a Path),
    Text(&'a str),
}

/// Puts one result in place, unless what lies there is it: results in the cache keep their time.
fn publish(place: &Path, made: &Made) -> Result<File> {
    match made {
        Made::Text(text) => {
            cache::write(place, text.as_bytes())?;
            Ok(File { sha256: Digest::of(text.as_bytes()), bytes: text.len() as u64 })
        }
        Made::Copy(from) => {
            let file = digest_beside(from)?;
            let stamp = |path: &Path| fs::metadata(path).and_then(|meta| Ok((meta.len(), meta.modified()?)));
            let there = stamp(place).ok();
            if there.is_none() || there != stamp(from).ok() {
                let aside = place.with_extension("aside");
                remove(&aside)?;
                // cp keeps holes: a disk image is mostly those.
                let mut cp = Command::new("cp");
                cp.args(["--reflink=auto", "--sparse=auto", "--preserve=mode,timestamps"]);
                command::run(cp.arg(from).arg(&aside))?;
                fs::rename(&aside, place)
                    .with_context(|| format!("cannot put {} in place", place.display()))?;
            }
            Ok(file)
        }
    }
}

/// A cached file's digest, taken once and kept beside it.
fn digest_beside(path: &Path) -> Result<File> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".digest");
    let beside = PathBuf::from(beside);
    if let Ok(text) = fs::read_to_string(&beside) {
        return serde_json::from_str(&text).with_context(|| format!("{} is damaged", beside.display()));
    }
    let (sha256, bytes) = Digest::of_file(path)?;
    let file = File { sha256, bytes };
    cache::write(&beside, serde_json::to_string(&file)?.as_bytes())?;
    Ok(file)
}
