//! Which file system a device holds and what its label is, from a few of its bytes.
//!
//! Pure: bytes are asked for by offset. Knows what a NoCloud disk may be: FAT (Microsoft's FAT specification
//! 1.03: boot sector and root folder) and ISO 9660 (ECMA-119, 8.4: primary volume descriptor). Whatever the
//! bytes, the answer is a label or none.

/// A file system that user data may come on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// ISO 9660.
    Iso9660,
}

impl FileSystem {
    /// What mount(2) calls it.
    pub fn kernel_name(self) -> &'static str {
        match self {
            FileSystem::Fat => "vfat",
            FileSystem::Iso9660 => "iso9660",
        }
    }
}

/// A labelled file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its kind.
    pub file_system: FileSystem,
    /// Its label, without padding.
    pub label: String,
}

/// Entries of a root folder that are looked through; the label is among the first where anybody writes one.
const FOLDER_BYTES: usize = 4096;

/// Reads the label of a device. `read(offset, buffer)` fills the buffer or says it cannot.
pub fn identify(mut read: impl FnMut(u64, &mut [u8]) -> bool) -> Option<Volume> {
    let mut descriptor = [0; 2048];
    if read(16 * 2048, &mut descriptor) && descriptor.starts_with(b"\x01CD001") {
        return Some(Volume { file_system: FileSystem::Iso9660, label: text(&descriptor[40..72])? });
    }
    let mut boot = [0; 512];
    if !read(0, &mut boot) {
        return None;
    }
    let fat = Fat::from_boot_sector(&boot)?;
    // Some tools only change the folder's entry, so it is the one that counts.
    let mut folder = vec![0; fat.root_bytes.min(FOLDER_BYTES)];
    let entry = if read(fat.root_offset, &mut folder) { label_entry(&folder) } else { None };
    let label = entry.and_then(text).or_else(|| text(fat.boot_label?))?;
    Some(Volume { file_system: FileSystem::Fat, label })
}

/// Whether a FAT may have a folder with this short name in its root folder. Only no is sure: of the root folder no more than
/// the beginning is looked through.
pub fn may_hold_folder(name: &[u8; 11], mut read: impl FnMut(u64, &mut [u8]) -> bool) -> bool {
    const FOLDER: u8 = 0x10;
    let mut boot = [0; 512];
    let fat = if read(0, &mut boot) { Fat::from_boot_sector(&boot) } else { None };
    let Some(fat) = fat else { return false };
    let mut folder = vec![0; fat.root_bytes.min(FOLDER_BYTES)];
    if !read(fat.root_offset, &mut folder) {
        return false;
    }
    let mut entries = folder.chunks_exact(32);
    // An entry that starts with 0 ends the folder; without one it goes on where we do not look.
    entries.find_map(|entry| match entry[0] {
        0 => Some(false),
        _ => (entry[..11] == *name && entry[11] & FOLDER != 0).then_some(true),
    }) != Some(false)
}

/// What of a FAT boot sector leads to the label.
struct Fat<'b> {
    boot_label: Option<&'b [u8]>,
    root_offset: u64,
    root_bytes: usize,
}

impl<'b> Fat<'b> {
    fn from_boot_sector(boot: &'b [u8; 512]) -> Option<Self> {
        let u16_at = |at: usize| u16::from_le_bytes([boot[at], boot[at + 1]]);
        let u32_at = |at: usize| u32::from_le_bytes([boot[at], boot[at + 1], boot[at + 2], boot[at + 3]]);
        let sector_bytes = u64::from(u16_at(11));
        let (cluster_sectors, reserved, fats) =
            (u64::from(boot[13]), u64::from(u16_at(14)), u64::from(boot[16]));
        let plausible = boot[510..] == [0x55, 0xaa]
            && matches!(sector_bytes, 512 | 1024 | 2048 | 4096)
            && cluster_sectors.is_power_of_two()
            && reserved > 0
            && matches!(fats, 1 | 2);
        if !plausible {
            return None;
        }
        let (entries, fat_sectors) = (usize::from(u16_at(17)), u64::from(u16_at(22)));
        let label = |signature: usize, at: usize| (boot[signature] == 0x29).then(|| &boot[at..at + 11]);
        if entries > 0 && fat_sectors > 0 {
            let root_offset = (reserved + fats * fat_sectors) * sector_bytes;
            return Some(Fat { boot_label: label(38, 43), root_offset, root_bytes: entries * 32 });
        }
        let root_cluster = u64::from(u32_at(44)).checked_sub(2)?;
        let first_cluster = reserved + fats * u64::from(u32_at(36));
        let root_offset = (first_cluster + root_cluster * cluster_sectors) * sector_bytes;
        let root_bytes = usize::try_from(cluster_sectors * sector_bytes).ok()?;
        Some(Fat { boot_label: label(66, 71), root_offset, root_bytes })
    }
}

/// The name in the folder's volume label entry.
fn label_entry(folder: &[u8]) -> Option<&[u8]> {
    const VOLUME_ID: u8 = 0x08;
    const LONG_NAME: u8 = 0x0f;
    let mut entries = folder.chunks_exact(32).take_while(|entry| entry[0] != 0);
    let label = entries.find(|entry| {
        let attributes = entry[11] & 0x3f;
        entry[0] != 0xe5 && attributes != LONG_NAME && attributes & VOLUME_ID != 0
    });
    label.map(|entry| &entry[..11])
}

/// A padded field as text; none when it is empty or not ASCII, which `cidata` is.
fn text(field: &[u8]) -> Option<String> {
    let text = str::from_utf8(field).ok()?.trim_end_matches([' ', '\0']);
    (!text.is_empty() && text.is_ascii()).then(|| text.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A FAT with these folders in its root folder.
    pub(in crate::sources) fn fat_with_folders(names: &[&[u8; 11]]) -> Vec<u8> {
        let mut disk = fat(true, b"ESP        ", None);
        let root = (4 + 6 + 3 * 2) * 512;
        for (index, name) in names.iter().enumerate() {
            let entry = root + 32 * index;
            disk[entry..entry + 11].copy_from_slice(*name);
            disk[entry + 11] = 0x10;
        }
        disk
    }

    fn reads(disk: &[u8]) -> impl FnMut(u64, &mut [u8]) -> bool {
        |offset, buffer| {
            let Ok(start) = usize::try_from(offset) else { return false };
            match start.checked_add(buffer.len()).and_then(|end| disk.get(start..end)) {
                Some(bytes) => {
                    buffer.copy_from_slice(bytes);
                    true
                }
                None => false,
            }
        }
    }

    #[test]
    fn a_folder_is_missed_only_where_it_is_not() {
        let holds = |disk: &[u8]| may_hold_folder(b"GANTRY     ", reads(disk));
        assert!(holds(&fat_with_folders(&[b"EFI        ", b"GANTRY     "])));
        assert!(!holds(&fat_with_folders(&[b"EFI        "])));
        assert!(!holds(&fat_with_folders(&[])));
        assert!(
            holds(&fat_with_folders(&[b"EFI        "; 32])),
            "the folder goes on beyond its first cluster"
        );
        let mut file = fat_with_folders(&[b"GANTRY     "]);
        file[(4 + 6 + 3 * 2) * 512 + 11] = 0x20;
        assert!(!holds(&file), "a file is no folder");
        for disk in [&[][..], &[0; 512], &[0xff; 4096]] {
            assert!(!holds(disk));
        }
    }

    fn of(disk: &[u8]) -> Option<Volume> {
        identify(reads(disk))
    }

    fn iso(label: &[u8]) -> Vec<u8> {
        let mut disk = vec![0; 18 * 2048];
        disk[32768..32774].copy_from_slice(b"\x01CD001");
        disk[32808..32840].fill(b' ');
        disk[32808..32808 + label.len()].copy_from_slice(label);
        disk
    }

    fn fat(wide: bool, boot_label: &[u8; 11], entry: Option<&[u8; 11]>) -> Vec<u8> {
        let mut disk = vec![0; 64 << 10];
        disk[11..13].copy_from_slice(&512u16.to_le_bytes());
        (disk[13], disk[14], disk[16]) = (2, 4, 2);
        let (signature, label, root) = if wide {
            disk[36..40].copy_from_slice(&3u32.to_le_bytes());
            disk[44..48].copy_from_slice(&5u32.to_le_bytes());
            (66, 71, (4 + 6 + 3 * 2) * 512)
        } else {
            disk[17..19].copy_from_slice(&64u16.to_le_bytes());
            disk[22..24].copy_from_slice(&3u16.to_le_bytes());
            (38, 43, (4 + 6) * 512)
        };
        disk[signature] = 0x29;
        disk[label..label + 11].copy_from_slice(boot_label);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        if let Some(entry) = entry {
            // A deleted label and a long name's piece before it are to be passed over.
            disk[root] = 0xe5;
            disk[root + 11] = 0x08;
            disk[root + 32] = 0x41;
            disk[root + 32 + 11] = 0x0f;
            disk[root + 64..root + 75].copy_from_slice(entry);
            disk[root + 64 + 11] = 0x28;
        }
        disk
    }

    #[test]
    fn labels_are_found() {
        let volume = |file_system, label: &str| Some(Volume { file_system, label: label.into() });
        assert_eq!(of(&iso(b"cidata")), volume(FileSystem::Iso9660, "cidata"));
        for wide in [false, true] {
            assert_eq!(of(&fat(wide, b"CIDATA     ", None)), volume(FileSystem::Fat, "CIDATA"));
            assert_eq!(
                of(&fat(wide, b"NO NAME    ", Some(b"cidata     "))),
                volume(FileSystem::Fat, "cidata")
            );
        }
    }

    #[test]
    fn other_content_has_none() {
        for disk in [vec![], vec![0; 511], vec![0; 100_000], vec![0xff; 100_000], iso(b"\xff"), iso(b"")] {
            assert_eq!(of(&disk), None);
        }
        // A partitioned disk's first sector ends like a FAT's.
        let mut mbr = vec![0; 512];
        mbr[510..].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(of(&mbr), None);
    }

    #[test]
    fn any_two_bytes_wrong_do_no_harm() {
        let good = fat(true, b"CIDATA     ", Some(b"cidata     "));
        for at in 0..512 {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bad = good.clone();
                (bad[at], bad[(at * 7) % 512]) = (value, value);
                of(&bad);
            }
        }
    }
}
