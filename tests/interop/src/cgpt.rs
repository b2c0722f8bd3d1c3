//! `cgpt`, ChromeOS's editor of partition tables, whose attribute bits ours began as. It knows 512-byte sectors only, and nothing
//! of failures.

use std::ffi::OsString;
use std::path::Path;

use vm::{Result, Tools};

/// What `cgpt` says of a partition of ChromeOS's kernel type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// PARTNAME.
    pub label: String,
    /// Bits 48 to 51.
    pub priority: u8,
    /// Bits 52 to 55.
    pub tries: u8,
    /// Bit 56.
    pub successful: bool,
}

/// All kernel partitions of an image, in the table's order; `None` when `cgpt` finds anything wrong with either copy.
pub fn kernels(tools: &Tools, image: &Path) -> Result<Option<Vec<Kernel>>> {
    let output = tools.run("cgpt", ["show".as_ref(), image.as_os_str()])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.contains("INVALID") || complaint.contains("WARNING") || complaint.contains("ERROR") {
        return Ok(None);
    }
    let mut kernels = Vec::new();
    let mut label = String::new();
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("Label: ") {
            label = rest.trim().trim_matches('"').to_owned();
        }
        kernels.extend(line.split_once("Attr: ").and_then(|(_, attributes)| kernel(&label, attributes)));
    }
    Ok(Some(kernels))
}

/// Reads `priority=1 tries=0 successful=1`.
fn kernel(label: &str, attributes: &str) -> Option<Kernel> {
    let value = |key: &str| {
        let mut words = attributes.split_whitespace().filter_map(|word| word.split_once('='));
        words.find(|(name, _)| *name == key)?.1.parse::<u8>().ok()
    };
    Some(Kernel {
        label: label.to_owned(),
        priority: value("priority")?,
        tries: value("tries")?,
        successful: value("successful")? == 1,
    })
}

/// Sets the three values of partition `number`.
pub fn set(tools: &Tools, image: &Path, number: u32, kernel: &Kernel) -> Result<()> {
    let Kernel { priority, tries, successful, .. } = kernel;
    let options = format!("add -i {number} -P {priority} -T {tries} -S {}", u8::from(*successful));
    run(tools, image, &options)
}

/// Ranks the kernels that have a priority, the given one first.
pub fn prioritize(tools: &Tools, image: &Path, first: u32) -> Result<()> {
    run(tools, image, &format!("prioritize -i {first}"))
}

fn run(tools: &Tools, image: &Path, options: &str) -> Result<()> {
    let words = options.split(' ').map(OsString::from).chain([image.into()]);
    tools.run("cgpt", words).map(|_| ())
}
