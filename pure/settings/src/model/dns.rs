//! `settings.dns`.

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::read::group;
use crate::scalar::Hostname;

group! {
    /// Name resolution. `configure` writes it to `/run/gantry/dns.json`, `netd` adds what DHCP says for what
    /// is empty here.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case", default)]
    pub struct Dns {
        /// DNS servers, in the order in which to ask them.
        pub name_servers: Vec<IpAddr> = "name-servers",
        /// Domains to try for names without a dot.
        pub search_list: Vec<Hostname> = "search-list",
    }
}
