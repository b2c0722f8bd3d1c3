//! Files of `/etc` that are rendered at build time, by the renderers that run on the host, from settings nobody has set.
//!
//! containerd takes longest of all to start, so it starts with these, beside the search for devices and user data, and not
//! after it. No setting of a variant without an orchestrator leads to other bytes (docs/decisions/0010).

use anyhow::{Result, bail};
use render::{Rendered, Variant};
use settings::Settings;

/// Rendered files that a unit reads before `configure` has run.
const EARLY: &[&str] = &["/etc/containerd/config.toml"];

/// Each early file with its place in the factory's `/etc`.
pub fn rendered() -> Result<Vec<(String, Vec<u8>)>> {
    let (plan, errors) = render::render(&Settings::default(), &Variant::Standalone.into());
    if let Some(err) = errors.into_iter().next() {
        bail!("the default settings do not render: {err}");
    }
    let early = |file: &Rendered| EARLY.contains(&file.path.as_str());
    let found: Vec<(String, Vec<u8>)> = plan
        .files
        .into_iter()
        .filter(early)
        .map(|file| (format!("/usr/share/factory{}", file.path), file.bytes))
        .collect();
    if found.len() != EARLY.len() {
        bail!("the default settings render only {} of {EARLY:?}", found.len());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerd_finds_its_configuration_in_the_image() {
        let files = rendered().unwrap();
        let (path, bytes) = &files[0];
        assert_eq!(path, "/usr/share/factory/etc/containerd/config.toml");
        assert!(String::from_utf8_lossy(bytes).contains("version = 2"));
    }
}
