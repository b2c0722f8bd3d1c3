//! Lints over ELF files: whatever the loader will look for must be there.

use anyhow::{Context, Result};
use object::elf;
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};

use super::{Facts, Finding};
use crate::tree::Tree;

/// Where the image's loader looks, in its own order.
const SEARCH: &[&str] = &["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];

/// What one ELF file asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    machine: u16,
    interpreter: Option<String>,
    libraries: Vec<String>,
}

/// Every needed library and every loader is in the root.
pub(super) fn unresolved(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    each(tree, |path, needs| {
        let mut findings = Vec::new();
        if let Some(interpreter) = &needs.interpreter
            && !is_file(tree, interpreter)
        {
            findings.push(Finding::new(path, format!("wants the loader {interpreter}")));
        }
        for library in &needs.libraries {
            if !SEARCH.iter().any(|folder| is_file(tree, &format!("{folder}/{library}"))) {
                findings.push(Finding::new(path, format!("needs {library}; add it to the variant")));
            }
        }
        findings
    })
}

/// Everything is for the machine the image is for; kernel modules too.
pub(super) fn wrong_machine(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    each(tree, |path, needs| {
        let right = needs.machine == elf::EM_X86_64;
        if right { Vec::new() } else { vec![Finding::new(path, format!("ELF machine {}", needs.machine))] }
    })
}

fn is_file(tree: &Tree, path: &str) -> bool {
    tree.resolve(path).and_then(|end| tree.get(&end)?.content().map(drop)).is_some()
}

fn each(tree: &Tree, check: impl Fn(&str, &Needs) -> Vec<Finding>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, entry) in tree.entries() {
        let Some(content) = entry.content() else { continue };
        if !content.starts_with(&elf::ELFMAG)? {
            continue;
        }
        match needs(&content.read()?) {
            Ok(needs) => findings.extend(check(path, &needs)),
            Err(err) => findings.push(Finding::new(path, format!("broken ELF file: {err:#}"))),
        }
    }
    Ok(findings)
}

fn needs(bytes: &[u8]) -> Result<Needs> {
    let file = ElfFile64::<object::Endianness>::parse(bytes).context("cannot read the headers")?;
    let endian = file.endian();
    let header = file.elf_header();
    let mut needs = Needs { machine: header.e_machine(endian), ..Needs::default() };
    let segments = file.elf_program_headers();
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, bytes)? {
            needs.interpreter = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    let Some(dynamic) = file.elf_section_table().dynamic(endian, bytes)? else {
        return Ok(needs);
    };
    let (entries, strings) = dynamic;
    let strings = file.elf_section_table().strings(endian, bytes, strings)?;
    for entry in entries.iter().filter(|entry| entry.tag32(endian) == Some(elf::DT_NEEDED)) {
        let name = entry.string(endian, strings).ok().context("bad name of a needed library")?;
        needs.libraries.push(String::from_utf8_lossy(name).into_owned());
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;
    use crate::tree::{Content, Origin};

    /// This test itself: a dynamic program of the build host.
    fn program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_program_says_what_it_needs() {
        let needs = needs(&program()).unwrap();
        assert_eq!(needs.machine, elf::EM_X86_64);
        assert!(needs.interpreter.unwrap().starts_with("/lib64/ld-linux"));
        assert!(needs.libraries.contains(&"libc.so.6".to_owned()));
    }

    #[test]
    fn missing_libraries_and_loader_are_found_until_they_are_there() {
        let add = |tree: &mut Tree, path: &str, bytes: Vec<u8>| {
            tree.file(path, Content::of_bytes(bytes), false, Origin::Image).unwrap();
        };
        let mut tree = Tree::default();
        add(&mut tree, "/usr/bin/x", program());
        let needs = needs(&program()).unwrap();
        assert_eq!(run("unresolved-library", &tree).len(), needs.libraries.len() + 1);
        tree.link("/lib64", "usr/lib64").unwrap();
        add(&mut tree, "/usr/lib64/ld-linux-x86-64.so.2", Vec::new());
        for library in needs.libraries.iter().filter(|name| !name.starts_with("ld-linux")) {
            add(&mut tree, &format!("/usr/lib/x86_64-linux-gnu/{library}"), Vec::new());
        }
        assert_eq!(run("unresolved-library", &tree), [""; 0]);
    }

    #[test]
    fn other_machines_and_broken_files_are_found() {
        let mut bytes = program();
        bytes[18] = 183;
        let mut tree = Tree::default();
        tree.file("/arm", Content::of_bytes(bytes), false, Origin::Image).unwrap();
        tree.file("/cut", Content::of_bytes(b"\x7fELF".to_vec()), false, Origin::Image).unwrap();
        assert_eq!(run("wrong-machine", &tree), ["/arm", "/cut"]);
    }
}
