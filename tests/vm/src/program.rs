//! Two of the smallest programs there are, for machines that must not come far: whole ELF files in a few dozen bytes.

/// A static program for x86-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Ends at once: as the first process, it takes the kernel with it.
    Exits,
    /// Waits for ever.
    Hangs,
}

/// Where the file is loaded.
const BASE: u64 = 0x40_0000;
/// ELF header and one program header.
const HEADERS: u64 = 64 + 56;

impl Program {
    /// The file.
    pub fn elf(self) -> Vec<u8> {
        let code: &[u8] = match self {
            // mov edi, 1; mov eax, 60 (exit); syscall
            Self::Exits => &[0xbf, 1, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05],
            // again: mov eax, 34 (pause); syscall; jmp again
            Self::Hangs => &[0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7],
        };
        let length = HEADERS + code.len() as u64;
        // Class 64, little-endian, version 1; then type EXEC, machine x86-64, version, and sizes (elf(5)).
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let half = |file: &mut Vec<u8>, values: &[u16]| {
            values.iter().for_each(|value| file.extend(value.to_le_bytes()));
        };
        let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
        let long = |file: &mut Vec<u8>, values: &[u64]| {
            values.iter().for_each(|value| file.extend(value.to_le_bytes()));
        };
        half(&mut file, &[2, 62]);
        word(&mut file, 1);
        long(&mut file, &[BASE + HEADERS, 64, 0]);
        word(&mut file, 0);
        half(&mut file, &[64, 56, 1, 0, 0, 0]);
        // One segment: PT_LOAD, readable and executable, the whole file.
        word(&mut file, 1);
        word(&mut file, 5);
        long(&mut file, &[0, BASE, BASE, length, length, 0x1000]);
        file.extend(code);
        file
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_programs_run_here_too() {
        for (program, name) in [(Program::Exits, "exits"), (Program::Hangs, "hangs")] {
            let file = std::env::temp_dir().join(format!("gantry-vm-{name}-{}", std::process::id()));
            std::fs::write(&file, program.elf()).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            let mut child = Command::new(&file).spawn().unwrap();
            if program == Program::Exits {
                assert_eq!(child.wait().unwrap().code(), Some(1));
            } else {
                assert!(child.try_wait().unwrap().is_none());
                child.kill().unwrap();
                assert!(child.wait().unwrap().code().is_none());
            }
            std::fs::remove_file(&file).unwrap();
        }
    }
}
