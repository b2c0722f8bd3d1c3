//! The root as the tools tree makes it: erofs with hash tree and FEC.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use verity::{BLOCK_BYTES, Layout, Params, Salt};

use crate::cache::Cache;
use crate::command;
use crate::digest::{Digest, Key};
use crate::tools::Tools;
use crate::tree::Tree;
use crate::variant::Variant;

/// A root image with its tree and parity.
#[derive(Clone, Debug)]
pub struct Root {
    /// The image.
    pub file: PathBuf,
    /// What activates it.
    pub verity: Params,
    /// Length of the erofs part.
    pub data_bytes: u64,
}

/// Packs the root.
pub fn erofs(cache: &Cache, tools: &Tools, variant: &Variant, tree: &Tree, epoch: u64) -> Result<PathBuf> {
    let uuid = uuid(&format!("gantry root {}", variant.name));
    let arguments = [
        format!("-z{}", variant.root.compression),
        format!("-C{}", variant.root.cluster_bytes),
        "-b4096".to_owned(),
        // One time for all files and the file system itself.
        format!("-T{epoch}"),
        format!("-U{uuid}"),
        "--all-root".to_owned(),
        // No extended attributes: the build host's labels are not ours.
        "-x-1".to_owned(),
        "--quiet".to_owned(),
    ];
    let key = Key::new("erofs", 1).parts(arguments.iter().map(String::as_str));
    let key = tree.key(key).part(&tools.root().to_string_lossy()).finish();
    let place = cache.step("erofs", &key, |dir| {
        let staging = dir.join("staging");
        fs::create_dir(&staging)?;
        tree.write(&staging)?;
        let image = dir.join("root.erofs");
        command::run(tools.with("mkfs.erofs", &arguments)?.arg(&image).arg(&staging))?;
        fs::remove_dir_all(&staging).context("cannot drop the staging folder")
    })?;
    Ok(place.join("root.erofs"))
}

/// Appends hash tree and FEC.
pub fn verity(cache: &Cache, tools: &Tools, variant: &Variant, erofs: &Path) -> Result<Root> {
    // The same for every release: equal blocks then have equal digests, and the tree can serve as the block index of
    // updates (DESIGN 10). It only has to differ between systems that share no blocks.
    let salt = Digest::of(format!("gantry salt {}", variant.name).as_bytes());
    let roots = variant.root.fec_roots;
    let data_bytes = fs::metadata(erofs).with_context(|| format!("cannot stat {}", erofs.display()))?.len();
    let data_blocks = data_bytes.div_ceil(BLOCK_BYTES);
    let layout = Layout::appended(data_blocks, roots).context("the root does not fit the verity layout")?;
    let key = Key::new("verity", 1).file(erofs)?.part(salt.as_str()).part(&roots.to_string());
    let key = key.part(&tools.root().to_string_lossy()).finish();
    let place = cache.step("verity", &key, |dir| {
        let image = dir.join("root.img");
        fs::copy(erofs, &image).context("cannot copy the erofs image")?;
        let file = OpenOptions::new().write(true).open(&image)?;
        file.set_len(data_blocks * BLOCK_BYTES)?;
        let arguments = [
            "format".to_owned(),
            "--no-superblock".to_owned(),
            "--format=1".to_owned(),
            "--hash=sha256".to_owned(),
            format!("--data-block-size={BLOCK_BYTES}"),
            format!("--hash-block-size={BLOCK_BYTES}"),
            format!("--data-blocks={data_blocks}"),
            format!("--hash-offset={}", layout.hash_start_block() * BLOCK_BYTES),
            format!("--fec-offset={}", layout.fec_start_block() * BLOCK_BYTES),
            format!("--fec-roots={roots}"),
            format!("--salt={salt}"),
        ];
        let mut command = tools.with("veritysetup", &arguments)?;
        command.arg("--fec-device").arg(&image).arg("--root-hash-file").arg(dir.join("root-hash"));
        command::run(command.arg(&image).arg(&image))?;
        let length = fs::metadata(&image)?.len();
        let want = layout.total_blocks() * BLOCK_BYTES;
        if length != want {
            bail!("veritysetup left {length} bytes where the layout says {want}");
        }
        Ok(())
    })?;
    let text = fs::read_to_string(place.join("root-hash")).context("cannot read the root hash")?;
    let root_hash = bytes(text.trim()).and_then(|bytes| bytes.try_into().ok());
    let root_hash = root_hash.with_context(|| format!("veritysetup printed no root hash: {text:?}"))?;
    let salt = bytes(salt.as_str()).and_then(|bytes| Salt::new(&bytes)).context("the salt is too long")?;
    Ok(Root { file: place.join("root.img"), verity: Params { root_hash, layout, salt }, data_bytes })
}

/// A UUID (version 8, RFC 9562) that is a function of a name.
pub fn uuid(name: &str) -> String {
    let hex = Digest::of(name.as_bytes());
    let hex = hex.as_str();
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// The bytes that hex digits stand for.
pub(crate) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_follow_the_name_and_have_the_right_version() {
        let uuid = uuid("x");
        assert_eq!(uuid, super::uuid("x"));
        assert_ne!(uuid, super::uuid("y"));
        assert_eq!(uuid.len(), 36);
        assert_eq!((&uuid[14..15], &uuid[19..20]), ("8", "8"));
    }

    #[test]
    fn hex_reads_back() {
        assert_eq!(bytes("00ff1a"), Some(vec![0, 255, 26]));
        assert_eq!(bytes("0"), None);
        assert_eq!(bytes("zz"), None);
    }
}
