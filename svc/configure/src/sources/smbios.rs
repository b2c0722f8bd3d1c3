//! User data in the firmware's own tables: OEM strings (SMBIOS 3.7, 7.12, structures of type 11), which every hypervisor can set
//! and no guest can change.
//!
//! Pure: the table's bytes in, text out. A string counts that starts with [`KEY`]; what follows is the document, or a line or a piece
//! of it: firmware bounds its strings, so there may be several. In base64 it may hold anything. Both can be told apart, for
//! a TOML document that says something has a character that base64 has not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What the strings start with.
pub(super) const KEY: &[u8] = b"io.gantry:user-data=";

/// A structure's type, by SMBIOS 7.
const OEM_STRINGS: u8 = 11;
const END_OF_TABLE: u8 = 127;

/// Type, length of the formatted part (this header is in it), handle.
const HEADER_BYTES: u8 = 4;

/// The document that the table's strings hold together, one string a line, if any is ours.
pub fn user_data(table: &[u8]) -> Option<Vec<u8>> {
    let strings = oem_strings(table);
    let pieces: Vec<&[u8]> = strings.iter().filter_map(|string| string.strip_prefix(KEY)).collect();
    if pieces.is_empty() {
        return None;
    }
    let text = pieces.join(&b'\n');
    let packed: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    Some(STANDARD.decode(&packed).unwrap_or(text))
}

/// The OEM strings in order, up to where the table ends or makes no sense.
fn oem_strings(mut table: &[u8]) -> Vec<&[u8]> {
    let mut strings = Vec::new();
    // Behind the formatted part come the strings, each with a NUL behind, and one more NUL behind the last; two where there are none.
    while let [kind, length, _, _, ..] = *table {
        if kind == END_OF_TABLE || length < HEADER_BYTES {
            break;
        }
        let Some(mut rest) = table.get(usize::from(length)..) else { break };
        let empty = rest.first() == Some(&0);
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let (string, behind) = rest.split_at(end);
            rest = &behind[1..];
            if string.is_empty() {
                break;
            }
            if kind == OEM_STRINGS {
                strings.push(string);
            }
        }
        table = if empty { rest.get(1..).unwrap_or_default() } else { rest };
    }
    strings
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A structure with strings.
    pub(in crate::sources) fn structure(kind: u8, strings: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![kind, 5, 0, 1, u8::try_from(strings.len()).unwrap()];
        strings.iter().for_each(|string| bytes.extend([*string, b"\0"].concat()));
        bytes.extend(if strings.is_empty() { &b"\0\0"[..] } else { b"\0" });
        bytes
    }

    fn ours(value: &[u8]) -> Vec<u8> {
        [KEY, value].concat()
    }

    #[test]
    fn the_key_is_found_among_other_structures_and_strings() {
        let table = [
            structure(0, &[b"vendor", b"io.gantry:user-data=of no OEM string"]),
            structure(17, &[]),
            structure(OEM_STRINGS, &[b"other", &ours(b"settings.motd = 'x'"), b"io.gantry:more=y"]),
            structure(OEM_STRINGS, &[&ours(b"settings.dns = {}")]),
            structure(END_OF_TABLE, &[]),
            structure(OEM_STRINGS, &[&ours(b"behind the end")]),
        ]
        .concat();
        assert_eq!(user_data(&table).unwrap(), b"settings.motd = 'x'\nsettings.dns = {}");
        assert_eq!(user_data(&structure(OEM_STRINGS, &[b"other"])), None);
        assert_eq!(user_data(&structure(OEM_STRINGS, &[])), None);
    }

    #[test]
    fn base64_is_unpacked_in_pieces_too() {
        let packed = STANDARD.encode(b"\x1f\x8bany bytes");
        let (head, tail) = packed.as_bytes().split_at(7);
        let table = structure(OEM_STRINGS, &[&ours(head), &ours(tail)]);
        assert_eq!(user_data(&table).unwrap(), b"\x1f\x8bany bytes");
        let table = structure(OEM_STRINGS, &[&ours(b"YQ=")]);
        assert_eq!(user_data(&table).unwrap(), b"YQ=", "not quite base64 is text, and named as bad TOML");
        assert_eq!(user_data(&structure(OEM_STRINGS, &[&ours(b"")])).unwrap(), b"");
    }

    #[test]
    fn a_table_cut_anywhere_gives_what_is_whole() {
        let table = [
            structure(1, &[b"a", b"b"]),
            structure(OEM_STRINGS, &[&ours(b"x = 1")]),
            vec![127, 4, 0, 2, 0, 0],
        ]
        .concat();
        for cut in 0..=table.len() {
            let text = user_data(&table[..cut]);
            assert!(text.is_none() || text.as_deref() == Some(b"x = 1"), "cut at {cut}");
        }
        for bad in [&[11, 0, 0, 0, 0, 0][..], &[11, 3, 0, 0, 0], &[11, 255, 0, 0, 0], &[11], &[]] {
            assert_eq!(user_data(bad), None);
        }
    }
}
