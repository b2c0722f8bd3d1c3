//! Reading large programs into memory while the units before them run, so that their start finds them there.

use std::fs::File;
use std::path::PathBuf;
use std::thread;

use rustix::fs::Advice;
use supervise::UnitSet;

/// The thread makes three system calls a file.
const STACK_BYTES: usize = 64 << 10;

/// Begins to read the programs of all units that ask for it, one after the other. Failing costs time only.
pub fn start(set: &UnitSet) {
    let wanted = set.units().iter().filter(|unit| unit.preload);
    let programs: Vec<PathBuf> = wanted.filter_map(|unit| unit.exec.first().map(PathBuf::from)).collect();
    if programs.is_empty() {
        return;
    }
    let _ = thread::Builder::new().name("preload".into()).stack_size(STACK_BYTES).spawn(move || {
        for program in programs {
            if let Ok(file) = File::open(program) {
                // No length: to the end of the file.
                let _ = rustix::fs::fadvise(&file, 0, None, Advice::WillNeed);
            }
        }
    });
}
