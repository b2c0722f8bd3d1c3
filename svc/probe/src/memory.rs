//! Who uses how much memory, from /proc.
//!
//! PSS (proportional set size, proc_pid_smaps_rollup(5)) shares every shared page fairly, so the sum over processes is
//! what they cost together. "os" is every process of our two executables, told by device and inode of what they run:
//! a container may name its program as it likes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use rustix::process::Pid;

/// One reading.
#[derive(Debug, Default)]
pub struct Figures {
    /// MemTotal.
    pub total_kib: u64,
    /// MemAvailable.
    pub available_kib: u64,
    /// PSS of our own processes, PID 1 included, this one excluded.
    pub os_pss_kib: u64,
    /// PSS of containerd, its shims excluded.
    pub containerd_pss_kib: u64,
    /// Processes in user space, containers' included.
    pub processes: u64,
    /// `vm.min_free_kbytes`, which MemAvailable depends on.
    pub min_free_kib: u64,
    /// Whether huge pages are handed out unasked: `always`, `madvise`, `never`. They cost memory as well.
    pub huge_pages: String,
}

/// Reads the machine's memory now.
pub fn measure() -> io::Result<Figures> {
    let meminfo = fs::read_to_string("/proc/meminfo")?;
    let mut figures = Figures {
        total_kib: field_kib(&meminfo, "MemTotal"),
        available_kib: field_kib(&meminfo, "MemAvailable"),
        min_free_kib: fs::read_to_string("/proc/sys/vm/min_free_kbytes")?.trim().parse().unwrap_or(0),
        huge_pages: fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
            .map_or_else(|_| "never".to_owned(), |text| chosen(&text).to_owned()),
        ..Figures::default()
    };
    let own = [executable("self"), executable("1")];
    let this = rustix::process::getpid();
    for pid in pids()? {
        let name = pid.to_string();
        // Kernel threads run no file; a process that ended meanwhile costs nothing.
        let Some(runs) = executable(&name) else { continue };
        figures.processes += 1;
        let Ok(rollup) = fs::read_to_string(format!("/proc/{name}/smaps_rollup")) else { continue };
        let pss_kib = field_kib(&rollup, "Pss");
        if own.contains(&Some(runs)) {
            if pid != this {
                figures.os_pss_kib += pss_kib;
            }
        } else if comm(pid).as_deref() == Some("containerd") {
            figures.containerd_pss_kib += pss_kib;
        }
    }
    Ok(figures)
}

/// Processes whose name is exactly this.
pub fn processes_named(program: &str) -> io::Result<Vec<Pid>> {
    Ok(pids()?.into_iter().filter(|pid| comm(*pid).as_deref() == Some(program)).collect())
}

fn pids() -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(pid) = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) {
            found.push(pid);
        }
    }
    Ok(found)
}

fn comm(pid: Pid) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(text.trim_end().to_owned())
}

/// Device and inode of the file a process runs; none for kernel threads.
fn executable(pid: &str) -> Option<(u64, u64)> {
    let file = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some((file.dev(), file.ino()))
}

/// The word in brackets: `always [madvise] never`.
fn chosen(words: &str) -> &str {
    words.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']')).unwrap_or_default()
}

/// The number after `name:` in a `name:   number kB` table; 0 where it is absent.
fn field_kib(table: &str, name: &str) -> u64 {
    table
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_found_by_its_whole_name() {
        let table = "SwapTotal: 7 kB\nMemTotal:        1024 kB\nMemTotalX: 3 kB\n";
        assert_eq!(field_kib(table, "MemTotal"), 1024);
        assert_eq!(field_kib(table, "Mem"), 0);
    }

    #[test]
    fn chosen_word_stands_in_brackets() {
        assert_eq!(chosen("always [madvise] never\n"), "madvise");
        assert_eq!(chosen(""), "");
    }

    #[test]
    fn this_machine_can_be_measured() {
        let figures = measure().unwrap();
        assert!(figures.total_kib > figures.available_kib && figures.available_kib > 0);
        assert!(figures.processes > 0);
    }
}
