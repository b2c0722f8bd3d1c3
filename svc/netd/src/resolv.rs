//! /etc/resolv.conf from what the settings say and what the lease says (resolv.conf(5)). Pure.
//!
//! Holds always: what the user set wins, list by list; every line is one the C library reads.

use std::net::IpAddr;

use serde::Deserialize;

use crate::dhcp::lease::{Lease, limits};

/// What the user set: the document that `configure` leaves in `/run/gantry/dns.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Settings {
    /// Name servers; empty leaves them to the network.
    pub name_servers: Vec<IpAddr>,
    /// Domains to search; empty leaves them to the network.
    pub search_list: Vec<String>,
}

/// The file's text.
pub fn render(settings: &Settings, lease: Option<&Lease>) -> String {
    let mut text =
        String::from("# Written by netd: settings.dns where it is set, else what the network says.\n");
    let told = lease.map(|lease| lease.name_servers.as_slice()).unwrap_or_default();
    let servers: Vec<IpAddr> = match settings.name_servers.is_empty() {
        true => told.iter().copied().map(IpAddr::V4).collect(),
        false => settings.name_servers.clone(),
    };
    for server in servers.iter().take(limits::NAME_SERVERS) {
        text.push_str(&format!("nameserver {server}\n"));
    }
    let told = lease.map(|lease| lease.search.as_slice()).unwrap_or_default();
    let search = if settings.search_list.is_empty() { told } else { &settings.search_list };
    if !search.is_empty() {
        text.push_str(&format!("search {}\n", search.join(" ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::lease;

    fn settings(json: &str) -> Settings {
        serde_json::from_str(json).unwrap()
    }

    fn body(settings: &Settings, lease: Option<&Lease>) -> String {
        render(settings, lease).lines().skip(1).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn what_the_user_set_wins_list_by_list() {
        let lease = lease();
        let none = Settings::default();
        assert_eq!(body(&none, None), "");
        assert_eq!(body(&none, Some(&lease)), "nameserver 192.0.2.3|search example.com");
        let servers = settings(r#"{"name-servers": ["2001:db8::1", "192.0.2.77"]}"#);
        assert_eq!(
            body(&servers, Some(&lease)),
            "nameserver 2001:db8::1|nameserver 192.0.2.77|search example.com"
        );
        let search = settings(r#"{"name-servers": [], "search-list": ["a.example", "b.example"]}"#);
        assert_eq!(body(&search, Some(&lease)), "nameserver 192.0.2.3|search a.example b.example");
        assert_eq!(body(&search, None), "search a.example b.example");
    }
}
