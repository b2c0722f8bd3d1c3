//! Putting a lease on a link and taking it off, through netlink.
//!
//! Holds always: after [`apply`] the link has the lease's address and no other, and of the routes that a lease once put
//! there only this one's. netd owns the links it works on; what others put on them goes.

use netlink::{Error, Network};

use crate::plan::OnLink;

/// Puts `new` on link `index`, in the place of `old`.
pub fn apply(network: &mut Network, index: u32, new: &OnLink, old: Option<&OnLink>) -> Result<(), Error> {
    network.set_address(index, new.address, new.lifetime_s)?;
    for other in network.addresses(index)?.into_iter().filter(|other| *other != new.address) {
        network.remove_address(index, other)?;
    }
    if let Some(mtu) = new.mtu
        && let Err(err) = network.set_mtu(index, mtu)
    {
        // The driver's limits are narrower than the network's; the address works all the same.
        eprintln!("warn netd: mtu not set mtu={mtu} why={:?}", files::chain(&err));
    }
    for route in &new.routes {
        network.set_route(route)?;
    }
    let gone = old.map(|old| old.routes.as_slice()).unwrap_or_default();
    for route in gone.iter().filter(|route| !new.routes.contains(route)) {
        network.remove_route(route)?;
    }
    Ok(())
}

/// Takes `old` off link `index`. Routes go with their source address, but those first that would outlive it.
pub fn withdraw(network: &mut Network, index: u32, old: &OnLink) -> Result<(), Error> {
    for route in old.routes.iter().rev() {
        network.remove_route(route)?;
    }
    network.remove_address(index, old.address)
}
