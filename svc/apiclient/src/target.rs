//! Which host is meant, and with what it is convinced of us.
//!
//! For each part the first of these that is there counts: the flag, the environment variable (`GANTRY_NODE`, `GANTRY_CA`,
//! `GANTRY_CERT`, `GANTRY_KEY`), the node's entry in `nodes.toml`, the file of that name (`ca.pem`, `client.pem`,
//! `client.key`), the last two in the folder `$GANTRY_HOME`, else `$XDG_CONFIG_HOME/gantry`, else `~/.config/gantry`.
//! Without a node, it is the host this runs on, by its local socket.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where the server of this host listens.
pub const SOCKET: &str = "/run/api.sock";

/// Where a node listens unless its settings say otherwise (`settings.api.port`).
const PORT: u16 = 7443;

/// Far more than the addresses of a large fleet.
const NODES_BYTES: usize = 1 << 20;

/// What the command line says about it.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which host")]
pub struct Flags {
    /// The local API socket.
    #[arg(short, long, global = true, value_name = "FILE", conflicts_with = "node")]
    pub socket_path: Option<PathBuf>,
    /// Another host, over TLS: an address, or a name in nodes.toml [env: GANTRY_NODE]
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub node: Option<String>,
    /// Authorities whose certificates a node may show, as PEM [env: GANTRY_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Our certificate, as PEM; it decides what we may do [env: GANTRY_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// The key of our certificate, as PEM [env: GANTRY_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The name in the node's certificate, where it is not the address
    #[arg(long, global = true, value_name = "NAME")]
    pub server_name: Option<String>,
}

/// Which host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Socket(PathBuf),
    /// That one.
    Node(Node),
}

/// Another host and what it takes to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name its certificate must have.
    pub server_name: String,
    /// PEM of the authorities we believe.
    pub ca: PathBuf,
    /// PEM of our certificate.
    pub cert: PathBuf,
    /// PEM of our key.
    pub key: PathBuf,
}

/// Why nobody knows which host, or how.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Not an address.
    #[error(
        "{text:?} is not HOST or HOST:PORT (an IPv6 address with a port has brackets: [2001:db8::1]:7443)"
    )]
    Address {
        /// What was given.
        text: String,
    },
    /// A node needs all three.
    #[error("no {what} for {node}: give {flag} FILE, set {variable}, or put it into {}", place.display())]
    Missing {
        /// The node.
        node: String,
        /// In words.
        what: &'static str,
        /// The flag.
        flag: &'static str,
        /// The environment variable.
        variable: &'static str,
        /// Where a file would be found.
        place: PathBuf,
    },
    /// There is no place to look for files.
    #[error("no {flag} FILE given and no folder to look into: set GANTRY_HOME or HOME")]
    NoHome {
        /// The flag that would do.
        flag: &'static str,
    },
    /// The list of nodes.
    #[error("cannot use {}: {why}", path.display())]
    Nodes {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// One entry of `nodes.toml`. Paths are relative to its folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    address: Option<String>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    server_name: Option<String>,
}

impl Target {
    /// Puts flags, environment and files together.
    pub fn resolve(
        flags: &Flags,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, TargetError> {
        if let Some(path) = &flags.socket_path {
            return Ok(Self::Socket(path.clone()));
        }
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let from_environment = || set("GANTRY_NODE").map(|name| name.to_string_lossy().into_owned());
        let Some(name) = flags.node.clone().or_else(from_environment) else {
            return Ok(Self::Socket(SOCKET.into()));
        };
        let folder = set("GANTRY_HOME").map(PathBuf::from).or_else(|| {
            let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
            config
                .or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")))
                .map(|c| c.join("gantry"))
        });
        let mut nodes = folder.as_deref().map(nodes).transpose()?.unwrap_or_default();
        let entry = nodes.remove(&name).unwrap_or_default();
        let (host, port) = address(entry.address.as_deref().unwrap_or(&name))?;
        let file = |flag: &Option<PathBuf>, listed: Option<PathBuf>, what: Part| {
            let given = flag.clone().or_else(|| set(what.variable).map(PathBuf::from));
            if let Some(path) = given {
                return Ok(path);
            }
            let folder = folder.as_deref().ok_or(TargetError::NoHome { flag: what.flag })?;
            if let Some(path) = listed {
                return Ok(folder.join(path));
            }
            let place = folder.join(what.file);
            if place.exists() {
                return Ok(place);
            }
            let Part { what, flag, variable, .. } = what;
            Err(TargetError::Missing { node: name.clone(), what, flag, variable, place })
        };
        Ok(Self::Node(Node {
            ca: file(&flags.ca, entry.ca, CA)?,
            cert: file(&flags.cert, entry.cert, CERT)?,
            key: file(&flags.key, entry.key, KEY)?,
            server_name: flags.server_name.clone().or(entry.server_name).unwrap_or_else(|| host.clone()),
            host,
            port,
        }))
    }

    /// In messages.
    pub fn name(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Node(node) => node.address(),
        }
    }
}

impl Node {
    /// As it would be written behind `--node`.
    pub fn address(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// What is known about a file that a node needs.
struct Part {
    what: &'static str,
    flag: &'static str,
    variable: &'static str,
    file: &'static str,
}

const CA: Part = Part { what: "certificate authority", flag: "--ca", variable: "GANTRY_CA", file: "ca.pem" };
const CERT: Part =
    Part { what: "client certificate", flag: "--cert", variable: "GANTRY_CERT", file: "client.pem" };
const KEY: Part = Part { what: "client key", flag: "--key", variable: "GANTRY_KEY", file: "client.key" };

fn nodes(folder: &Path) -> Result<BTreeMap<String, Entry>, TargetError> {
    let path = folder.join("nodes.toml");
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let failed = |why: String| TargetError::Nodes { path: path.clone(), why };
    let text = files::read_text(&path, NODES_BYTES).map_err(|err| failed(files::chain(&err)))?;
    toml::from_str(&text).map_err(|err| failed(err.to_string()))
}

/// `HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT`, `V6`.
fn address(text: &str) -> Result<(String, u16), TargetError> {
    let wrong = || TargetError::Address { text: text.to_owned() };
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
        let host: std::net::Ipv6Addr = host.parse().map_err(|_| wrong())?;
        return match after.strip_prefix(':') {
            Some(digits) => Ok((host.to_string(), port(digits)?)),
            None if after.is_empty() => Ok((host.to_string(), PORT)),
            None => Err(wrong()),
        };
    }
    if let Ok(host) = text.parse::<std::net::Ipv6Addr>() {
        return Ok((host.to_string(), PORT));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, digits)) => (host, port(digits)?),
        None => (text, PORT),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !host.chars().all(fits) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, host, port) in [
            ("node", "node", 7443),
            ("node.example:8443", "node.example", 8443),
            ("10.0.0.1", "10.0.0.1", 7443),
            ("::1", "::1", 7443),
            ("[::1]", "::1", 7443),
            ("[2001:DB8::1]:1", "2001:db8::1", 1),
        ] {
            assert_eq!(address(text).unwrap(), (host.to_owned(), port), "{text}");
        }
        for bad in
            ["", ":1", "a:0", "a:65536", "a:b", "a:1:2", "[::1", "[::1]x", "[a]:1", "a b", "https://a", "a/b"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    fn resolve(flags: &Flags, environment: &[(&str, &Path)]) -> Result<Target, TargetError> {
        let find =
            |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_os_str().to_owned());
        Target::resolve(flags, find)
    }

    fn node(target: Result<Target, TargetError>) -> Node {
        match target.unwrap() {
            Target::Node(node) => node,
            Target::Socket(path) => panic!("socket {}", path.display()),
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_over_the_list_over_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        for name in ["ca.pem", "client.pem", "client.key"] {
            std::fs::write(home.join(name), "").unwrap();
        }
        std::fs::write(
            home.join("nodes.toml"),
            "[edge]\naddress = \"10.0.0.7:99\"\nca = \"edge.pem\"\ncert = \"/abs.pem\"\nserver-name = \"edge-7\"\n",
        )
        .unwrap();
        let environment = [("GANTRY_HOME", home), ("GANTRY_CERT", Path::new("env.pem"))];
        let flags = Flags { node: Some("edge".into()), ..Flags::default() };
        let found = node(resolve(&flags, &environment));
        assert_eq!(found.address(), "10.0.0.7:99");
        assert_eq!(found.server_name, "edge-7");
        assert_eq!(found.ca, home.join("edge.pem"));
        assert_eq!(found.cert, Path::new("env.pem"));
        assert_eq!(found.key, home.join("client.key"));

        let flags = Flags { cert: Some("flag.pem".into()), server_name: Some("x".into()), ..flags };
        let found = node(resolve(&flags, &environment));
        assert_eq!((found.cert.as_path(), found.server_name.as_str()), (Path::new("flag.pem"), "x"));

        let other = Flags { node: Some("other".into()), ..Flags::default() };
        assert_eq!(node(resolve(&other, &environment)).ca, home.join("ca.pem"));
    }

    #[test]
    fn without_a_node_it_is_this_host() {
        let nothing = Flags::default();
        assert_eq!(resolve(&nothing, &[]).unwrap(), Target::Socket(SOCKET.into()));
        assert_eq!(
            resolve(&nothing, &[("GANTRY_NODE", Path::new(""))]).unwrap(),
            Target::Socket(SOCKET.into())
        );
        let flags = Flags { socket_path: Some("/x.sock".into()), ..Flags::default() };
        let environment = [("GANTRY_NODE", Path::new("node"))];
        assert_eq!(resolve(&flags, &environment).unwrap(), Target::Socket("/x.sock".into()), "a flag wins");
    }

    #[test]
    fn what_is_missing_is_named_with_every_remedy() {
        let home = tempfile::tempdir().unwrap();
        let flags = Flags { node: Some("n".into()), ..Flags::default() };
        let message = resolve(&flags, &[("GANTRY_HOME", home.path())]).unwrap_err().to_string();
        for part in ["certificate authority for n", "--ca FILE", "GANTRY_CA", "ca.pem"] {
            assert!(message.contains(part), "{message}");
        }
        let message = resolve(&flags, &[]).unwrap_err().to_string();
        assert!(message.contains("GANTRY_HOME"), "{message}");
        std::fs::write(home.path().join("nodes.toml"), "[n]\nadress = \"x\"\n").unwrap();
        let message = resolve(&flags, &[("GANTRY_HOME", home.path())]).unwrap_err().to_string();
        assert!(message.contains("nodes.toml") && message.contains("adress"), "{message}");
    }
}
