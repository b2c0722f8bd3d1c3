//! `image/units/*.toml` compiled to the set that PID 1 reads, by the code that runs it: an unknown unit, a bad value or
//! a cycle is a build error.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use supervise::source;

/// The unit set as JSON.
pub fn compile(folder: &Path) -> Result<Vec<u8>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")) else {
            bail!("{} is not a unit file (NAME.toml)", path.display());
        };
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.push((name.to_owned(), text));
    }
    files.sort();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    match source::compile(&files) {
        Ok(set) => Ok(set.to_json().into_bytes()),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            bail!("bad units:{}", lines.concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_units_compile() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/units");
        assert!(compile(&folder).unwrap().starts_with(b"{"));
    }

    #[test]
    fn a_bad_unit_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("netd.toml"), "kind = \"servise\"").unwrap();
        let err = compile(dir.path()).unwrap_err().to_string();
        assert!(err.contains("netd"), "{err}");
    }
}
