//! Roots: the image's own, and others that scenarios need, made by the image builder's own steps.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use imager::cache::Cache;
use imager::filesystem;
use imager::lock::LockFile;
use imager::tree::{Content, Entry, Kind, Origin, Tree};
use imager::variant::Variant;
use verity::Params;

use crate::error::{Error, Result};
use crate::lab::{Image, Lab, checkout};

/// A root image with hash tree and parity, and what activates it.
#[derive(Debug, Clone)]
pub struct Root {
    file: PathBuf,
    params: Params,
}

impl Root {
    /// The image's own.
    pub fn of_image(image: &Image) -> Result<Self> {
        let release = release(image)?;
        let params = Params::from_command_line(&release.command_line);
        let params = params.map_err(Error::make("the parameters of the image's root"))?;
        Ok(Self { file: image.file("root.img"), params })
    }

    /// The same files as the image's root, sealed under another root hash: what a set B holds that is as good as A.
    pub fn resealed(lab: &Lab) -> Result<Self> {
        let forge = Forge::open(lab)?;
        let erofs = forge.erofs_of_image(lab)?;
        forge.seal("resealed", &erofs)
    }

    /// The image's root with files replaced: `edit` gets the folder with all files.
    pub fn changed(lab: &Lab, name: &str, edit: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<Self> {
        let forge = Forge::open(lab)?;
        let folder = lab.machines.join(format!("{name}.root"));
        let _ = fs::remove_dir_all(&folder);
        let erofs = forge.erofs_of_image(lab)?;
        let extract = format!("--extract={}", folder.display());
        lab.tools.run("fsck.erofs", [extract, erofs.display().to_string()])?;
        edit(&folder).map_err(Error::file("change the files in", &folder))?;
        let made = forge.pack(name, &folder);
        fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
        made
    }

    /// The image file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What activates it.
    pub fn params(&self) -> &Params {
        &self.params
    }
}

/// The image builder's steps, with a cache of their own: a test's results must not push out those of builds.
struct Forge {
    cache: Cache,
    tools: imager::tools::Tools,
    variant: Variant,
    epoch: u64,
}

impl Forge {
    fn open(lab: &Lab) -> Result<Self> {
        let what = "the image builder's tools";
        let image = checkout().join("image");
        let lock = LockFile::load(&image.join("packages.lock")).map_err(Error::make(what))?;
        let builds = Cache::of_repository(&checkout()).map_err(Error::make(what))?;
        let tools = imager::tools::Tools::ensure(&builds, &lock).map_err(Error::make(what))?;
        let release = release(&lab.image)?;
        let variant = Variant::load(&image, &release.variant).map_err(Error::make(what))?;
        let epoch = release.source_date_epoch;
        Ok(Self { cache: lab.cache()?, tools, variant, epoch })
    }

    /// The image's root without tree and parity.
    fn erofs_of_image(&self, lab: &Lab) -> Result<PathBuf> {
        let release = release(&lab.image)?;
        let key = imager::digest::Key::new("erofs-of-image", 1).part(&release.root.hash).finish();
        let place = self.cache.step("erofs-of-image", &key, |dir| {
            let file = dir.join("root.erofs");
            fs::copy(lab.image.file("root.img"), &file)?;
            Ok(fs::File::options().write(true).open(&file)?.set_len(release.root.data_bytes)?)
        });
        Ok(place.map_err(Error::make("a copy of the root"))?.join("root.erofs"))
    }

    fn pack(&self, name: &str, folder: &Path) -> Result<Root> {
        let mut tree = Tree::default();
        collect(&mut tree, folder, "").map_err(Error::make("a list of the root's files"))?;
        let erofs = filesystem::erofs(&self.cache, &self.tools, &self.variant, &tree, self.epoch);
        self.seal(name, &erofs.map_err(Error::make("a root"))?)
    }

    /// `name` decides the salt, and with it the root hash.
    fn seal(&self, name: &str, erofs: &Path) -> Result<Root> {
        let variant = Variant { name: format!("{} {name}", self.variant.name), ..self.variant.clone() };
        let root = filesystem::verity(&self.cache, &self.tools, &variant, erofs);
        let root = root.map_err(Error::make("a root's hash tree"))?;
        Ok(Root { file: root.file, params: root.verity })
    }
}

/// Everything below `folder`, as the image builder lists it.
fn collect(tree: &mut Tree, folder: &Path, at: &str) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{at}/{}", entry.file_name().to_string_lossy());
        let meta = entry.metadata()?;
        let mode = meta.permissions().mode() & 0o7777;
        let kind = if meta.is_dir() {
            Kind::Folder
        } else if meta.is_symlink() {
            Kind::Link(fs::read_link(entry.path())?.to_string_lossy().into_owned())
        } else {
            Kind::File(Content::of_file(&entry.path())?)
        };
        let folder = matches!(kind, Kind::Folder);
        tree.add(&path, Entry { kind, mode, origin: Origin::Image })?;
        if folder {
            collect(tree, &entry.path(), &path)?;
        }
    }
    Ok(())
}

fn release(image: &Image) -> Result<imager::release::Release> {
    let path = image.file("release.json");
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    imager::release::Release::parse(&text).map_err(Error::make("sense of release.json"))
}
