//! IPv4 addresses on links.

use std::net::{IpAddr, Ipv4Addr};

use netlink_bindings::rt_addr::{IfaCacheinfo, Ifaddrmsg, Request};

use crate::{Error, Network};

const AF_INET: u8 = 2;
/// Lifetime that never ends (include/uapi/linux/if_addr.h, INFINITY_LIFE_TIME).
const FOREVER: u32 = u32::MAX;

/// An IPv4 address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The address.
    pub address: Ipv4Addr,
    /// Length of the on-link prefix, 0 to 32.
    pub prefix: u8,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// The IPv4 addresses of link `index`.
    pub fn addresses(&mut self, index: u32) -> Result<Vec<Address>, Error> {
        let request =
            Request::new().op_getaddr_dump(&Ifaddrmsg { ifa_family: AF_INET, ..Default::default() });
        let mut found = Vec::new();
        self.socket.list("list addresses", &request, |(header, attributes)| {
            // The kernel lists every link's unless it is asked strictly; we choose.
            if header.ifa_index == index
                && let Ok(IpAddr::V4(address)) = attributes.get_local()
            {
                found.push(Address { address, prefix: header.ifa_prefixlen });
            }
        })?;
        Ok(found)
    }

    /// Puts `address` on link `index`, or renews it there. After `lifetime_s` the kernel takes it away by itself; `None`
    /// keeps it.
    pub fn set_address(
        &mut self,
        index: u32,
        address: Address,
        lifetime_s: Option<u32>,
    ) -> Result<(), Error> {
        let mut request = Request::new().set_change().op_newaddr_do(&header(index, address));
        let lifetime_s = lifetime_s.unwrap_or(FOREVER);
        let cache = IfaCacheinfo { ifa_prefered: lifetime_s, ifa_valid: lifetime_s, ..Default::default() };
        let encoder =
            request.encode().push_local(address.address.into()).push_address(address.address.into());
        let encoder = match broadcast(address) {
            Some(broadcast) => encoder.push_broadcast(broadcast),
            None => encoder,
        };
        encoder.push_cacheinfo(cache);
        self.socket.ask("set an address", &request)
    }

    /// Takes `address` off link `index`; that it is not there is no error.
    pub fn remove_address(&mut self, index: u32, address: Address) -> Result<(), Error> {
        let mut request = Request::new().op_deladdr_do(&header(index, address));
        request.encode().push_local(address.address.into());
        match self.socket.ask("remove an address", &request) {
            Err(err) if err.is_absent() => Ok(()),
            other => other,
        }
    }
}

fn header(index: u32, address: Address) -> Ifaddrmsg {
    Ifaddrmsg {
        ifa_family: AF_INET,
        ifa_prefixlen: address.prefix,
        ifa_flags: 0,
        ifa_scope: 0,
        ifa_index: index,
    }
}

/// The directed broadcast address; networks of two addresses or one have none (RFC 3021).
fn broadcast(address: Address) -> Option<Ipv4Addr> {
    let host = u32::MAX.checked_shr(address.prefix.into()).unwrap_or(0);
    (address.prefix < 31).then(|| Ipv4Addr::from_bits(address.address.to_bits() | host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_addresses_end_where_networks_end() {
        let of = |prefix| broadcast(Address { address: Ipv4Addr::new(10, 88, 3, 9), prefix });
        assert_eq!(of(16), Some(Ipv4Addr::new(10, 88, 255, 255)));
        assert_eq!(of(30), Some(Ipv4Addr::new(10, 88, 3, 11)));
        assert_eq!(of(0), Some(Ipv4Addr::BROADCAST));
        assert_eq!((of(31), of(32)), (None, None));
    }
}
