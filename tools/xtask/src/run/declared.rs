//! What user data asks for, as the machine itself will understand it.

use settings::containers::Protocol;
use settings::{LIMITS, Layer, Problem};

/// Containers to wait for and ports to forward.
#[derive(Debug)]
pub struct Declared {
    /// Names of the containers that should run.
    pub containers: Vec<String>,
    /// Published TCP ports of the machine, in the containers' order.
    pub ports: Vec<u16>,
    /// What the machine will refuse.
    pub problems: Vec<Problem>,
}

impl Declared {
    /// Reads it with the machine's own parser. Problems do not stop anything: the machine boots with them as well.
    pub fn of(text: &str) -> Self {
        let settings::Loaded { settings, problems, .. } =
            settings::load(&[(Layer::File, text.as_bytes())], &LIMITS);
        let workloads = settings.workloads();
        let enabled = workloads.containers.iter().filter(|(_, container)| container.enabled);
        let (names, containers): (Vec<_>, Vec<_>) =
            enabled.map(|(name, container)| (name.to_string(), container)).unzip();
        let ports = containers.iter().flat_map(|container| &container.ports);
        let ports = ports.filter(|port| port.protocol == Protocol::Tcp).map(|port| port.host).collect();
        Self { containers: names, ports, problems }
    }

    /// Says on standard error what the machine will complain about.
    pub fn print_problems(&self) {
        for problem in &self.problems {
            eprintln!("user data: {problem} (the machine will say so too, and apply the rest)");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enabled_containers_and_their_tcp_ports_are_found() {
        let declared = Declared::of(
            r#"
            [settings.containers.a]
            image = "registry.example/a:1"
            ports = ["8080:80", "5353:53/udp", "127.0.0.1:9090:90/tcp"]
            [settings.containers.b]
            image = "registry.example/b:1"
            [settings.containers.off]
            image = "registry.example/c:1"
            ports = ["7070:70"]
            enabled = false
            "#,
        );
        assert_eq!(declared.containers, ["a", "b"]);
        assert_eq!(declared.ports, [8080, 9090]);
        assert!(declared.problems.is_empty());
    }

    #[test]
    fn default_user_data_is_understood() {
        let declared = Declared::of(super::super::WEB);
        assert_eq!((declared.containers, declared.ports), (vec!["web".to_owned()], vec![8080]));
        assert!(declared.problems.is_empty());
    }
}
