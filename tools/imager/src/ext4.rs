//! The ext4 file systems that a disk is delivered with, empty: nothing on the device can make one.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;

use crate::cache::Cache;
use crate::command;
use crate::digest::Key;
use crate::filesystem::uuid;
use crate::tools::Tools;

/// An empty file system to make.
#[derive(Debug, Clone, Copy)]
pub struct Empty<'a> {
    /// Its label; its UUID and its hash seed follow from it.
    pub label: &'a str,
    /// Its size as delivered.
    pub bytes: u64,
    /// Its journal.
    pub journal_mib: u64,
    /// Share that stays for the system when users have filled the rest.
    pub reserved_percent: u8,
}

impl Empty<'_> {
    /// The data partition's: small, to be grown to the disk at first boot.
    pub fn data(mib: u64) -> Empty<'static> {
        // The journal is sized for the disk this becomes, not for the image it starts as.
        // Nothing of the system itself fills this disk to the last block.
        Empty { label: "DATA", bytes: mib << 20, journal_mib: 64, reserved_percent: 1 }
    }

    /// The state partition's, of exactly its partition's size: it never grows.
    pub fn state(bytes: u64) -> Empty<'static> {
        // The system alone writes here, a few files at a time: a small journal, and nothing to keep from users.
        Empty { label: "STATE", bytes, journal_mib: 8, reserved_percent: 0 }
    }

    /// Makes the image.
    pub fn make(&self, cache: &Cache, tools: &Tools, epoch: u64) -> Result<PathBuf> {
        let step = self.label.to_lowercase();
        let uuid = uuid(&format!("gantry {step}"));
        let arguments = [
            "-q".to_owned(),
            "-F".to_owned(),
            "-text4".to_owned(),
            // A small file system would get 1 KiB blocks and keep them when it has grown; and on a disk with sectors of
            // 4096 bytes it could not be mounted.
            "-b4096".to_owned(),
            // All of ext4, spelled out: with no mke2fs.conf the defaults are ext3's. meta_bg in place of resize_inode:
            // growth then has no limit and takes a quarter of the time.
            "-Onone,has_journal,ext_attr,dir_index,filetype,extent,64bit,meta_bg,flex_bg,sparse_super,large_file,\
             huge_file,dir_nlink,extra_isize,metadata_csum"
                .to_owned(),
            "-I256".to_owned(),
            format!("-L{}", self.label),
            format!("-U{uuid}"),
            format!("-m{}", self.reserved_percent),
            format!("-Jsize={}", self.journal_mib),
            // No inode tables left for the kernel to write at first boot.
            format!("-Ehash_seed={uuid},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"),
        ];
        let key = Key::new(&step, 1).parts(arguments.iter().map(String::as_str)).part(&epoch.to_string());
        let key = key.part(&self.bytes.to_string()).part(&tools.root().to_string_lossy()).finish();
        let file = format!("{step}.ext4");
        let place = cache.step(&step, &key, |dir| {
            let image = dir.join(&file);
            File::create(&image)?.set_len(self.bytes)?;
            let mut command = tools.with("mke2fs", &arguments)?;
            // The build host's own defaults must not show.
            command.env("MKE2FS_CONFIG", "/dev/null");
            command.env("SOURCE_DATE_EPOCH", epoch.to_string()).env("E2FSPROGS_FAKE_TIME", epoch.to_string());
            command::run(command.arg(&image))?;
            Ok(())
        })?;
        Ok(place.join(file))
    }
}
