//! Links: what there is, and the few acts on them that a host of containers needs.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_bindings::rt_link::{Ifinfomsg, IterableLinkAttrs, PushLinkAttrs, Request};
use netlink_bindings::traits::Pusher;
use netlink_bindings::utils::{finalize_nested_header, push_nested_header};

use crate::{Error, Network};

const ARPHRD_ETHER: u16 = 1;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 8;
/// The driver sees a signal, and the link is not waiting for anything (RFC 2863, operational state up).
const IFF_RUNNING: u32 = 1 << 6;
const IFF_LOWER_UP: u32 = 1 << 16;
/// A name and its zero byte (include/uapi/linux/if.h).
const IFNAMSIZ: usize = 16;
/// include/uapi/linux/if_link.h: kind-specific data of a new link; a veth's holds the other end (veth.h).
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

/// A link as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its index, unique in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Station address of an Ethernet link.
    pub mac: Option<[u8; 6]>,
    /// What software made it ("bridge", "veth"); `None` for hardware and for loopback.
    pub kind: Option<String>,
    /// It is the loopback.
    pub loopback: bool,
    /// It is administratively up.
    pub up: bool,
    /// It is up, and the driver sees the other side.
    pub carrier: bool,
    /// Largest packet.
    pub mtu: u32,
    /// The bridge it is a port of.
    pub master: Option<u32>,
    /// The index of what it is tied to: a veth's other end, in that end's namespace.
    pub tied_to: Option<u32>,
}

/// The other end of a new pair.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its station address.
    pub mac: [u8; 6],
    /// The namespace it is made in.
    pub netns: BorrowedFd<'a>,
}

impl Link {
    pub(crate) fn read(header: &Ifinfomsg, attributes: &IterableLinkAttrs<'_>) -> Option<Link> {
        let ethernet = header.ifi_type == ARPHRD_ETHER;
        let mac = attributes.get_address().ok().and_then(|mac| mac.try_into().ok());
        let kind = attributes.get_linkinfo().and_then(|info| info.get_kind()).ok();
        let both = IFF_RUNNING | IFF_LOWER_UP;
        Some(Link {
            index: u32::try_from(header.ifi_index).ok()?,
            name: attributes.get_ifname().ok()?.to_str().ok()?.to_owned(),
            mac: mac.filter(|_| ethernet),
            kind: kind.and_then(|kind| Some(kind.to_str().ok()?.to_owned())),
            loopback: header.ifi_flags & IFF_LOOPBACK != 0,
            up: header.ifi_flags & IFF_UP != 0,
            carrier: header.ifi_flags & both == both,
            mtu: attributes.get_mtu().unwrap_or(0),
            master: attributes.get_master().ok(),
            tied_to: attributes.get_link().ok(),
        })
    }
}

impl Network {
    /// Every link of the namespace, by index.
    pub fn links(&mut self) -> Result<Vec<Link>, Error> {
        let request = Request::new().op_getlink_dump(&Ifinfomsg::default());
        let mut links = Vec::new();
        self.socket.list("list links", &request, |(header, attributes)| {
            links.extend(Link::read(&header, &attributes));
        })?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// The link of that name, if there is one.
    pub fn link(&mut self, name: &str) -> Result<Option<Link>, Error> {
        let verb = "look up a link";
        let mut request = Request::new().op_getlink_do(&Ifinfomsg::default());
        request.encode().push_ifname(&link_name(verb, name)?);
        let mut found = None;
        match self.socket.list(verb, &request, |(header, attributes)| {
            found = Link::read(&header, &attributes);
        }) {
            Err(err) if err.is_absent() => Ok(None),
            other => other.map(|()| found),
        }
    }

    /// Brings a link up.
    pub fn set_up(&mut self, index: u32) -> Result<(), Error> {
        let header = Ifinfomsg { ifi_flags: IFF_UP, ifi_change: IFF_UP, ..at(index) };
        self.socket.ask("bring a link up", &Request::new().op_setlink_do(&header))
    }

    /// Sets a link's largest packet.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<(), Error> {
        let mut request = Request::new().op_setlink_do(&at(index));
        request.encode().push_mtu(mtu);
        self.socket.ask("set a link's MTU", &request)
    }

    /// Makes a link a port of the bridge `master`.
    pub fn set_master(&mut self, index: u32, master: u32) -> Result<(), Error> {
        let mut request = Request::new().op_setlink_do(&at(index));
        request.encode().push_master(master);
        self.socket.ask("put a link into a bridge", &request)
    }

    /// Makes a bridge with the station address `mac`, down.
    ///
    /// A bridge that is given no address takes the least of its ports' and so changes it as they come and go, and with
    /// it what everyone's neighbour tables hold.
    pub fn create_bridge(&mut self, name: &str, mac: [u8; 6]) -> Result<(), Error> {
        let verb = "make a bridge";
        let mut request = Request::new().set_create().set_excl().op_newlink_do(&Ifinfomsg::default());
        let encoder = request.encode().push_ifname(&link_name(verb, name)?).push_address(&mac);
        encoder.nested_linkinfo().push_kind(c"bridge");
        self.socket.ask(verb, &request)
    }

    /// Makes a pair of links, one here named `name`, the other where `peer` says. Both are down.
    pub fn create_veth(&mut self, name: &str, peer: Peer<'_>) -> Result<(), Error> {
        let verb = "make a veth pair";
        let mut request = Request::new().set_create().set_excl().op_newlink_do(&Ifinfomsg::default());
        let mut info =
            request.encode().push_ifname(&link_name(verb, name)?).nested_linkinfo().push_kind(c"veth");
        // The kernel's specification does not describe a veth's data, so the generated codec has no word for it.
        let bytes = info.as_vec_mut();
        let data = push_nested_header(bytes, IFLA_INFO_DATA);
        let end = push_nested_header(bytes, VETH_INFO_PEER);
        bytes.extend_from_slice(Ifinfomsg::default().as_slice());
        PushLinkAttrs::new(&mut *bytes)
            .push_ifname(&link_name(verb, peer.name)?)
            .push_address(&peer.mac)
            .push_net_ns_fd(peer.netns.as_raw_fd().cast_unsigned());
        finalize_nested_header(bytes, end);
        finalize_nested_header(bytes, data);
        info.end_nested();
        self.socket.ask(verb, &request)
    }

    /// Removes a link that software made; that it is not there is no error.
    pub fn remove_link(&mut self, index: u32) -> Result<(), Error> {
        match self.socket.ask("remove a link", &Request::new().op_dellink_do(&at(index))) {
            Err(err) if err.is_absent() => Ok(()),
            other => other,
        }
    }
}

fn at(index: u32) -> Ifinfomsg {
    Ifinfomsg { ifi_index: index.cast_signed(), ..Default::default() }
}

fn link_name(verb: &'static str, name: &str) -> Result<CString, Error> {
    let fits = (1..IFNAMSIZ).contains(&name.len());
    CString::new(name).ok().filter(|_| fits).ok_or_else(|| Error::Name { verb, name: name.to_owned() })
}
