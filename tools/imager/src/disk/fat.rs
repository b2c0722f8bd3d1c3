//! The ESP: a FAT file system in memory, by the `fatfs` crate.
//!
//! FAT32 where it fits, else FAT16: firmware must read both, and which of them follows from the size of the medium
//! (UEFI 2.10, 13.3). "Fits" is a matter of clusters: drivers tell the FATs apart by their number, whatever the boot sector
//! says, and a cluster is at least a sector. So 128 MiB make a FAT32 with sectors of 512 bytes, a FAT16 with 4096.
//! Every file is stamped 1980-01-01, the first day that a FAT knows.

use std::io::{Cursor, Write};

use anyhow::{Context, Result, bail};
use fatfs::{Date, DateTime, Dir, FatType, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};
use partition::SectorSize;

const LABEL: [u8; 11] = *b"ESP        ";
/// Fewer clusters are a FAT16 (Microsoft's FAT specification, "FAT Type Determination"). The spare ones keep clear of the line,
/// for tables and reserved sectors take clusters away and some drivers count wrongly by a few.
const MIN_FAT32_CLUSTERS: u64 = 65525 + 1024;
/// And still fewer a FAT12.
const MIN_FAT16_CLUSTERS: u64 = 4085 + 64;
/// As many as a FAT16 can have, with the same distance.
const MAX_FAT16_CLUSTERS: u64 = 65524 - 64;
/// As little slack as firmware reads well.
const CLUSTER_BYTES: u32 = 1024;

type Memory<'a> = Cursor<&'a mut [u8]>;

/// The clock of the file system. (The crate's own says month 0, day 0, which is no date.)
#[derive(Debug)]
struct FirstDay;

impl TimeProvider for FirstDay {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 0, min: 0, sec: 0, millis: 0 } }
    }
}

/// Makes a file system of `bytes` with these files.
pub(super) fn build(bytes: u64, sector: SectorSize, serial: u32, files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let cluster = CLUSTER_BYTES.max(sector.bytes() as u32);
    let fat_type = match bytes / u64::from(cluster) {
        MIN_FAT32_CLUSTERS.. => FatType::Fat32,
        MIN_FAT16_CLUSTERS..=MAX_FAT16_CLUSTERS if sector == SectorSize::B4096 => FatType::Fat16,
        _ => bail!("an ESP of {bytes} bytes has too few clusters of {cluster} bytes"),
    };
    let mut image = vec![0; usize::try_from(bytes).context("ESP is too large to make in memory")?];
    let options = FormatVolumeOptions::new()
        .bytes_per_sector(sector.bytes() as u16)
        .bytes_per_cluster(cluster)
        .fat_type(fat_type)
        .volume_id(serial)
        .volume_label(LABEL);
    let mut memory = Cursor::new(&mut image[..]);
    fatfs::format_volume(&mut memory, options).context("cannot format the ESP")?;
    memory.set_position(0);
    let system = FileSystem::new(memory, FsOptions::new().time_provider(&FirstDay))
        .context("cannot open the new ESP")?;
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
        for (sector, fat_type) in [(SectorSize::B512, FatType::Fat32), (SectorSize::B4096, FatType::Fat16)] {
            let mut image = build(128 << 20, sector, 0x1234_5678, &files).unwrap();
            let system = FileSystem::new(Cursor::new(&mut image[..]), FsOptions::new()).unwrap();
            assert_eq!((system.fat_type(), system.volume_id()), (fat_type, 0x1234_5678));
            for (path, want) in files {
                let mut got = Vec::new();
                system.root_dir().open_file(path).unwrap().read_to_end(&mut got).unwrap();
                assert!(got == want, "{path}");
            }
            let folder = system.root_dir().iter().next().unwrap().unwrap();
            let stamps = [folder.created(), folder.modified()].map(|stamp| stamp.date);
            assert_eq!(stamps, [FirstDay.get_current_date(); 2]);
        }
    }

    /// The rule of Microsoft's specification, from the boot sector alone.
    #[test]
    fn the_boot_sector_means_the_same_type_to_a_driver_that_counts_clusters() {
        for (sector, want) in [(SectorSize::B512, 32), (SectorSize::B4096, 16)] {
            let image = build(128 << 20, sector, 1, &[]).unwrap();
            let short = |at: usize| u64::from(u16::from_le_bytes([image[at], image[at + 1]]));
            let long = |at: usize| short(at) | short(at + 2) << 16;
            let or = |short: u64, long: u64| if short == 0 { long } else { short };
            let (bytes, per_cluster, reserved) = (short(11), u64::from(image[13]), short(14));
            let (fats, entries) = (u64::from(image[16]), short(17));
            let (sectors, fat_sectors) = (or(short(19), long(32)), or(short(22), long(36)));
            assert_eq!((bytes, sectors * bytes), (sector.bytes() as u64, 128 << 20));
            let first = reserved + fats * fat_sectors + (entries * 32).div_ceil(bytes);
            let clusters = (sectors - first) / per_cluster;
            let counted = if clusters < 4085 {
                12
            } else if clusters < 65525 {
                16
            } else {
                32
            };
            let written = if short(22) == 0 { 32 } else { 16 };
            assert_eq!((counted, written), (want, want), "{clusters} clusters");
            assert_eq!(image[510..512], [0x55, 0xaa]);
        }
    }

    #[test]
    fn an_esp_too_small_or_too_full_is_refused() {
        assert!(build(32 << 20, SectorSize::B512, 1, &[]).is_err());
        assert!(build(8 << 20, SectorSize::B4096, 1, &[]).is_err());
        let huge = vec![1; 80 << 20];
        assert!(build(70 << 20, SectorSize::B512, 1, &[("big", &huge[..])]).is_err());
    }
}
