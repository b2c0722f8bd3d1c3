//! Image configurations: what an image says about how to run it, and the digests of its unpacked layers.

use serde::Deserialize;

use super::{Error, sha256, unusable};

/// An image's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Digests of the layers, unpacked, lowest first. At least one.
    pub diff_ids: Vec<String>,
    /// `KEY=value`.
    pub env: Vec<String>,
    /// First part of the command.
    pub entrypoint: Vec<String>,
    /// Rest of the command.
    pub cmd: Vec<String>,
    /// `user`, `uid`, `user:group`, `uid:gid` or empty.
    pub user: String,
    /// Where the process begins; empty is `/`.
    pub working_dir: String,
    /// The signal that asks it to end, `SIGQUIT` or a number.
    pub stop_signal: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    config: Option<Process>,
    rootfs: RootFs,
}

/// Go writes absent lists as `null`; hence the options.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Process {
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

impl Config {
    /// Reads a configuration for an image of `layers` layers.
    pub fn parse(bytes: &[u8], layers: usize) -> Result<Config, Error> {
        let written: Written =
            serde_json::from_slice(bytes).map_err(|err| Error::Document { what: "configuration", err })?;
        let diff_ids = written.rootfs.diff_ids;
        if diff_ids.len() != layers || layers == 0 {
            return Err(unusable(format!("it has {layers} layers and digests for {}", diff_ids.len())));
        }
        let process = written.config.unwrap_or_default();
        Ok(Config {
            diff_ids,
            env: process.env.unwrap_or_default(),
            entrypoint: process.entrypoint.unwrap_or_default(),
            cmd: process.cmd.unwrap_or_default(),
            user: process.user.unwrap_or_default(),
            working_dir: process.working_dir.unwrap_or_default(),
            stop_signal: process.stop_signal,
        })
    }

    /// Names of the snapshots that the layers become, lowest first: each digests its layer and all below (OCI
    /// image specification, "Layer ChainID").
    pub fn chain_ids(&self) -> Vec<String> {
        let mut chain: Vec<String> = Vec::with_capacity(self.diff_ids.len());
        for diff_id in &self.diff_ids {
            let next = match chain.last() {
                None => diff_id.clone(),
                Some(below) => sha256(format!("{below} {diff_id}").as_bytes()),
            };
            chain.push(next);
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_ids_digest_what_lies_below() {
        let config =
            Config::parse(br#"{"rootfs":{"type":"layers","diff_ids":["sha256:a","sha256:b"]}}"#, 2).unwrap();
        let chain = config.chain_ids();
        assert_eq!(chain[0], "sha256:a");
        assert_eq!(chain[1], sha256(b"sha256:a sha256:b"));
        // printf 'sha256:a sha256:b' | sha256sum
        assert!(chain[1].starts_with("sha256:") && chain[1].len() == 71);
    }

    #[test]
    fn null_lists_are_empty_and_a_layer_too_few_is_refused() {
        let bytes = br#"{"config":{"Env":null,"Entrypoint":null,"Cmd":["sh"],"User":""},"rootfs":{"diff_ids":["sha256:a"]}}"#;
        let config = Config::parse(bytes, 1).unwrap();
        assert_eq!(config.cmd, ["sh"]);
        assert!(config.env.is_empty());
        assert!(Config::parse(bytes, 2).is_err());
    }
}
