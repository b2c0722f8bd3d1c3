//! IPv4 routes in the main table.

use std::net::Ipv4Addr;

use netlink_bindings::rt_route::{Request, Rtmsg};

use crate::{Address, Error, Network};

const AF_INET: u8 = 2;
const RT_TABLE_MAIN: u8 = 254;
const RTN_UNICAST: u8 = 1;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RTNH_F_ONLINK: u32 = 4;

/// A route of the main table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Where to: 0.0.0.0/0 is the default route. Bits beyond the prefix are zero.
    pub to: Address,
    /// Through whom; `None` when the destination is on the link itself.
    pub via: Option<Ipv4Addr>,
    /// The gateway is on the link although no address says so.
    pub onlink: bool,
    /// The link's index.
    pub link: u32,
    /// Source address for what takes this route; `None` lets the kernel choose.
    pub source: Option<Ipv4Addr>,
    /// Preference among routes to the same destination; the least wins.
    pub metric: u32,
    /// Who set it (rtnetlink(7), `rtm_protocol`): 4 static, 16 DHCP.
    pub protocol: u8,
}

impl Network {
    /// Adds `route`, in the place of one with the same destination and metric.
    pub fn set_route(&mut self, route: &Route) -> Result<(), Error> {
        let mut request = Request::new().set_change().op_newroute_do(&header(route));
        push(request.encode(), route);
        self.socket.ask("set a route", &request)
    }

    /// Removes `route`; that it is not there is no error.
    pub fn remove_route(&mut self, route: &Route) -> Result<(), Error> {
        let mut request = Request::new().op_delroute_do(&header(route));
        push(request.encode(), route);
        match self.socket.ask("remove a route", &request) {
            Err(err) if err.is_absent() => Ok(()),
            other => other,
        }
    }
}

fn header(route: &Route) -> Rtmsg {
    Rtmsg {
        rtm_family: AF_INET,
        rtm_dst_len: route.to.prefix,
        rtm_table: RT_TABLE_MAIN,
        rtm_protocol: route.protocol,
        rtm_scope: if route.via.is_some() { RT_SCOPE_UNIVERSE } else { RT_SCOPE_LINK },
        rtm_type: RTN_UNICAST,
        rtm_flags: if route.onlink { RTNH_F_ONLINK } else { 0 },
        ..Default::default()
    }
}

fn push<P: netlink_bindings::traits::Pusher>(
    encoder: netlink_bindings::rt_route::PushRouteAttrs<P>,
    route: &Route,
) {
    let mut encoder = encoder.push_oif(route.link).push_priority(route.metric);
    if route.to.prefix > 0 {
        encoder = encoder.push_dst(route.to.address.into());
    }
    if let Some(via) = route.via {
        encoder = encoder.push_gateway(via.into());
    }
    if let Some(source) = route.source {
        encoder.push_prefsrc(source.into());
    }
}
