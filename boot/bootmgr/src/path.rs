//! Device paths (UEFI 2.10, chapter 10) and boot options (3.1.3), as bytes.
//!
//! Holds always: whatever the firmware hands us, reading a path ends, and stays inside its bytes.

use alloc::vec::Vec;

use partition::Partition;

/// Ends every path.
pub const END: [u8; 4] = [0x7f, 0xff, 4, 0];
/// Header of a hard drive media node, which names one partition (10.3.5.1).
const HARD_DRIVE: [u8; 4] = [4, 1, 42, 0];
/// Type and sub-type of a file path media node (10.3.5.4).
const FILE_PATH: [u8; 2] = [4, 4];
const FORMAT_GPT: u8 = 2;
const SIGNATURE_GUID: u8 = 2;
/// Where a hard drive node keeps the PARTUUID.
const SIGNATURE: core::ops::Range<usize> = 24..40;

/// LOAD_OPTION_ACTIVE: the firmware may start it by itself.
const ACTIVE: u32 = 1;

/// The nodes of a path, each with its header, up to the end node.
fn nodes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    core::iter::from_fn(move || {
        let length = usize::from(u16::from_le_bytes([*rest.get(2)?, *rest.get(3)?]));
        if rest[0] == END[0] || length < 4 {
            return None;
        }
        let (node, next) = rest.split_at_checked(length)?;
        rest = next;
        Some(node)
    })
}

/// The path of the disk, and the node of the partition on it. `None`: the path leads to no partition.
pub fn disk_and_partition(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut before = 0;
    for node in nodes(path) {
        if node[..2] == HARD_DRIVE[..2] && node.len() == 42 {
            return Some((&path[..before], node));
        }
        before += node.len();
    }
    None
}

/// The node of a GPT partition.
pub fn partition_node(partition: &Partition) -> Vec<u8> {
    let mut node = HARD_DRIVE.to_vec();
    node.extend(partition.number.to_le_bytes());
    node.extend(partition.first_lba.to_le_bytes());
    node.extend(partition.sectors().to_le_bytes());
    node.extend(partition.guid.to_bytes());
    node.extend([FORMAT_GPT, SIGNATURE_GUID]);
    node
}

/// The short form of a path to a file, which firmware accepts in boot options (3.1.2): a partition's node and the file.
pub fn file_on(partition: &[u8], file: &str) -> Vec<u8> {
    let name = utf16(file);
    let mut path = partition.to_vec();
    path.extend(FILE_PATH);
    path.extend((name.len() as u16 + 4).to_le_bytes());
    path.extend(name);
    path.extend(END);
    path
}

/// Whether a boot option starts `file` on the partition of this node, however it spells the way there.
pub fn option_starts(option: &[u8], partition: &[u8], file: &str) -> bool {
    let Some(path) = option_path(option) else { return false };
    let Some((_, node)) = disk_and_partition(path) else { return false };
    let files = nodes(path).filter(|node| node[..2] == FILE_PATH).flat_map(|node| &node[4..]);
    // Firmware of all makes compares file names without case.
    let lower = |bytes: Vec<u8>| bytes.iter().map(u8::to_ascii_lowercase).collect::<Vec<u8>>();
    node.get(SIGNATURE) == partition.get(SIGNATURE) && lower(files.copied().collect()) == lower(utf16(file))
}

/// The path in a boot option: attributes, length of the path, description, path.
fn option_path(option: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_le_bytes(option.get(4..6)?.try_into().ok()?));
    let text = option.get(6..)?;
    let end = text.chunks_exact(2).position(|unit| unit == [0, 0])?;
    text.get(end * 2 + 2..)?.get(..length)
}

/// An active boot option.
pub fn boot_option(description: &str, path: &[u8]) -> Vec<u8> {
    let mut option = ACTIVE.to_le_bytes().to_vec();
    option.extend((path.len() as u16).to_le_bytes());
    option.extend(utf16(description));
    option.extend(path);
    option
}

/// A boot order with `new` right behind the option that was started now: so that it is tried when that one fails, and
/// nothing that came first before comes later.
pub fn order_with(order: &[u16], current: Option<u16>, new: u16) -> Vec<u16> {
    let behind = order.iter().position(|number| Some(*number) == current).map_or(order.len(), |at| at + 1);
    let mut order = order.to_vec();
    order.insert(behind, new);
    order
}

/// With a final zero.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use partition::guid;

    const PCI: [u8; 6] = [1, 1, 6, 0, 0, 3];
    const FILE: &str = "\\EFI\\gantry\\bootmgr.efi";

    fn partition(last: u8) -> Partition {
        let mut guid = guid!("11111111-2222-4333-8444-555555555500").to_bytes();
        guid[15] = last;
        Partition {
            number: 2,
            type_guid: guid!("3a87fb39-fbef-46c2-92dc-61693d1a1022"),
            guid: partition::Guid::from_bytes(guid),
            first_lba: 2048,
            last_lba: 4095,
            attributes: 0,
            name: "BOOT-A".into(),
        }
    }

    #[test]
    fn a_path_is_cut_at_its_partition() {
        let node = partition_node(&partition(1));
        assert_eq!((node.len(), &node[4..24]), (42, &b"\x02\0\0\0\0\x08\0\0\0\0\0\0\0\x08\0\0\0\0\0\0"[..]));
        assert_eq!(&node[24..], b"\x11\x11\x11\x11\x22\x22\x33\x43\x84\x44\x55\x55\x55\x55\x55\x01\x02\x02");
        let path = [&PCI[..], &node, &END].concat();
        assert_eq!(disk_and_partition(&path), Some((&PCI[..], &node[..])));
        assert_eq!(disk_and_partition(&[&PCI[..], &END].concat()), None);
        for cut in 0..path.len() - END.len() {
            assert_eq!(disk_and_partition(&path[..cut]), None);
        }
        assert_eq!(disk_and_partition(&[4, 1, 0, 0, 4, 1, 0, 0]), None);
    }

    #[test]
    fn an_option_is_found_again_however_it_is_spelt() {
        let (ours, other) = (partition_node(&partition(1)), partition_node(&partition(2)));
        let option = boot_option("Gantry", &file_on(&ours, FILE));
        assert_eq!(&option[..20], b"\x01\0\0\0\x62\0G\0a\0n\0t\0r\0y\0\0\0");
        assert!(option_starts(&option, &ours, FILE));
        assert!(option_starts(&option, &ours, "\\efi\\GANTRY\\bootmgr.efi"));
        assert!(option_starts(&boot_option("x", &[&PCI[..], &file_on(&ours, FILE)].concat()), &ours, FILE));
        assert!(!option_starts(&option, &other, FILE));
        assert!(!option_starts(&option, &ours, "\\EFI\\BOOT\\BOOTX64.EFI"));
        for cut in 0..option.len() - END.len() {
            assert!(!option_starts(&option[..cut], &ours, FILE), "{cut}");
        }
    }

    #[test]
    fn a_new_option_comes_right_behind_the_one_that_was_started() {
        assert_eq!(order_with(&[3, 1, 2], Some(1), 7), [3, 1, 7, 2]);
        assert_eq!(order_with(&[3, 1], Some(9), 7), [3, 1, 7]);
        assert_eq!(order_with(&[], None, 0), [0]);
    }
}
