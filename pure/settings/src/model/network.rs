//! `settings.network`.

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::read::{Reader, Setting, group};
use crate::scalar::{Hostname, NoProxy, ProxyUrl};
use crate::shape::Shape;
use crate::tree::Node;
use crate::value::Value;

group! {
    /// The host's own name, and names it knows without DNS.
    pub struct Network {
        /// The host's name.
        pub hostname: Option<Hostname> = "hostname",
        /// Lines for `/etc/hosts`: `[["10.0.0.1", ["a", "a.example"]]]`.
        pub hosts: Vec<HostsEntry> = "hosts",
        /// The proxy for what the host's own programs ask of the outside: `[http://][USER:PASSWORD@]HOST[:PORT]`. Secret when
        /// it holds a user.
        pub https_proxy: Option<ProxyUrl> = "https-proxy",
        /// What is reached without the proxy: hosts, `.domains`, addresses, networks.
        pub no_proxy: Option<Vec<NoProxy>> = "no-proxy",
        /// Do without IPv6. Default false.
        pub disable_ipv6: Option<bool> = "disable-ipv6",
    }
}

/// One line of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostsEntry {
    /// The address.
    pub address: IpAddr,
    /// Its names, at least one.
    pub names: Vec<Hostname>,
}

impl Setting for HostsEntry {
    fn shape() -> Shape {
        Shape::Tuple(Vec::from([IpAddr::shape(), Vec::<Hostname>::shape()]))
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        at.whole(node, |at| {
            let [address, names] = at.list(node, "[ADDRESS, [NAME, ...]]")? else {
                at.problem(node, "wanted two entries: [ADDRESS, [NAME, ...]]");
                return None;
            };
            let address = at.at_index(0, |at| IpAddr::read(address, at));
            let names = at.at_index(1, |at| {
                let read = Vec::read(names, at)?;
                if read.is_empty() {
                    at.problem(names, "wanted at least one name");
                }
                Some(read)
            });
            Some(HostsEntry { address: address?, names: names? })
        })
    }

    fn write(&self) -> Option<Value> {
        Some(Value::List(Vec::from([self.address.write()?, self.names.write()?])))
    }
}
