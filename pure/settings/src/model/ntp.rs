//! `settings.ntp`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::read::{Reader, Setting, group};
use crate::scalar::{Identifier, NtpOption, Scalar, TimeSource, choice};
use crate::shape::Shape;
use crate::tree::{Item, Node};
use crate::value::Value;

group! {
    /// Where the time comes from.
    pub struct Ntp {
        /// Time servers: a list of hosts, or of tables, or a table of them by names of your choice (which merges key by key
        /// with what lower layers say).
        pub time_servers: TimeServers = "time-servers",
        /// Options of each server that has none of its own, like `iburst`.
        pub options: Option<Vec<NtpOption>> = "options",
    }
}

choice! {
    /// What stands behind a name.
    pub enum Directive {
        /// One server.
        Server = "server",
        /// Many; some of them are asked.
        Pool = "pool",
    }
}

/// One time server, or one pool of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeServer {
    /// Who is asked.
    pub address: TimeSource,
    /// One, or many; `None` leaves it to who asks (a host name is a pool, an address a server).
    pub directive: Option<Directive>,
    /// How to ask, in place of `ntp.options`.
    pub options: Option<Vec<NtpOption>>,
}

group! {
    /// A time server as written in a table.
    pub struct Written {
        /// Host name or IP address, required.
        pub address: Option<TimeSource> = "address",
        /// `server` or `pool`. Default: a host name is a pool, an address a server.
        pub directive: Option<Directive> = "directive",
        /// Options in place of `ntp.options`.
        pub options: Option<Vec<NtpOption>> = "options",
    }
    requires "address"
}

impl Setting for TimeServer {
    fn shape() -> Shape {
        Shape::OneOf([TimeSource::shape(), Written::shape()].into())
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        at.whole(node, |at| match &node.item {
            Item::Text(_) => {
                let address = TimeSource::read(node, at)?;
                Some(TimeServer { address, directive: None, options: None })
            }
            Item::Table(_) => {
                let Written { address, directive, options } = Written::read(node, at)?;
                Some(TimeServer { address: address?, directive, options })
            }
            _ => {
                at.wanted(node, "a host name, an IP address, or a table with an address");
                None
            }
        })
    }

    fn write(&self) -> Option<Value> {
        if self.directive.is_none() && self.options.is_none() {
            return self.address.write();
        }
        Some(Value::table([
            ("address", self.address.write()),
            ("directive", self.directive.write()),
            ("options", self.options.write()),
        ]))
    }
}

/// Time servers, in the order in which they were listed, or of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeServers(pub Vec<TimeServer>);

impl Setting for TimeServers {
    fn shape() -> Shape {
        let named = Shape::Map { key: Identifier::FACTS, value: TimeServer::shape().into() };
        Shape::OneOf([Vec::<TimeServer>::shape(), named].into())
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        match &node.item {
            Item::Table(_) => {
                let named = BTreeMap::<Identifier, TimeServer>::read(node, at)?;
                Some(TimeServers(named.into_values().collect()))
            }
            Item::List(_) => Vec::read(node, at).map(TimeServers),
            _ => {
                at.wanted(node, "a list of time servers, or a table of them");
                None
            }
        }
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}
