//! The ESP: a FAT32 file system in memory, by the `fatfs` crate.
//!
//! FAT32 whatever the size: it is what the specification asks of a fixed disk's system partition (UEFI 2.10, 13.3).
//! The crate, without its `chrono` feature, stamps every file 1980-01-01.

use std::io::{Cursor, Write};

use anyhow::{Context, Result, ensure};
use fatfs::{Dir, FatType, FileSystem, FormatVolumeOptions, FsOptions};
use partition::SectorSize;

const LABEL: [u8; 11] = *b"ESP        ";
/// Fewer clusters make a FAT16 to every driver, whatever the boot sector says.
const MIN_FAT32_CLUSTERS: u64 = 65525;
/// As little slack as firmware reads well.
const CLUSTER_BYTES: u32 = 1024;

type Memory<'a> = Cursor<&'a mut [u8]>;

/// Makes a file system of `bytes` with these files.
pub(super) fn build(bytes: u64, sector: SectorSize, serial: u32, files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let cluster = CLUSTER_BYTES.max(sector.bytes() as u32);
    ensure!(bytes / u64::from(cluster) > MIN_FAT32_CLUSTERS, "{bytes} bytes are too few for a FAT32 ESP");
    let mut image = vec![0; usize::try_from(bytes).context("ESP is too large to make in memory")?];
    let options = FormatVolumeOptions::new()
        .bytes_per_sector(sector.bytes() as u16)
        .bytes_per_cluster(cluster)
        .fat_type(FatType::Fat32)
        .volume_id(serial)
        .volume_label(LABEL);
    let mut memory = Cursor::new(&mut image[..]);
    fatfs::format_volume(&mut memory, options).context("cannot format the ESP")?;
    memory.set_position(0);
    let system = FileSystem::new(memory, FsOptions::new()).context("cannot open the new ESP")?;
    for (path, content) in files {
        add(system.root_dir(), path, content).with_context(|| format!("cannot put {path} on the ESP"))?;
    }
    system.unmount().context("cannot finish the ESP")?;
    Ok(image)
}

fn add(root: Dir<'_, Memory<'_>>, path: &str, content: &[u8]) -> Result<()> {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folder = root;
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        folder = folder.create_dir(part).with_context(|| format!("folder {part}"))?;
    }
    let mut file = folder.create_file(name)?;
    file.truncate()?;
    file.write_all(content)?;
    Ok(file.flush()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn files_read_back_from_the_file_system() {
        let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let files = [("EFI/BOOT/BOOTX64.EFI", &content[..]), ("EFI/gantry/note", b"x"), ("top", b"y")];
        let mut image = build(128 << 20, SectorSize::B512, 0x1234_5678, &files).unwrap();
        let system = FileSystem::new(Cursor::new(&mut image[..]), FsOptions::new()).unwrap();
        assert_eq!((system.fat_type(), system.volume_id()), (FatType::Fat32, 0x1234_5678));
        for (path, want) in files {
            let mut got = Vec::new();
            system.root_dir().open_file(path).unwrap().read_to_end(&mut got).unwrap();
            assert!(got == want, "{path}");
        }
    }

    #[test]
    fn an_esp_too_small_or_too_full_is_refused() {
        assert!(build(32 << 20, SectorSize::B512, 1, &[]).is_err());
        let huge = vec![1; 80 << 20];
        assert!(build(70 << 20, SectorSize::B512, 1, &[("big", &huge[..])]).is_err());
    }
}
