//! What a fuzzer calls: hostile bytes in, nothing out, a panic where a promise is broken.

use crate::dhcp::frame;
use crate::dhcp::lease::{Lease, limits};
use crate::dhcp::machine::{Event, Machine};
use crate::dhcp::message::{Client, Reply};

/// A DHCP message, as it came off the wire.
pub fn reply(bytes: &[u8]) {
    let mac = bytes.get(28..34).and_then(|mac| mac.try_into().ok()).unwrap_or([0; 6]);
    let Ok(reply) = Reply::read(bytes, mac) else { return };
    let mut machine = Machine::new(bytes.len() as u64);
    machine.step(Event::LinkUp, 0);
    machine.step(Event::Received(reply.clone()), 1);
    let Ok(lease) = Lease::read(&reply) else { return };
    assert!(lease.address.prefix <= 32 && !lease.address.address.is_unspecified());
    assert!(lease.routes.len() <= limits::ROUTES && lease.name_servers.len() <= limits::NAME_SERVERS);
    let text = crate::resolv::render(&crate::resolv::Settings::default(), Some(&lease));
    assert!(
        text.lines().all(|line| ["# ", "nameserver ", "search "].iter().any(|start| line.starts_with(start)))
    );
}

/// An IP packet, as it came off the link.
pub fn packet(bytes: &[u8]) {
    if let Some(message) = frame::unwrap(bytes) {
        reply(message);
    }
    let client = Client { mac: [2; 6], host_name: Some(String::from_utf8_lossy(bytes).into_owned()) };
    let machine = &mut Machine::new(1);
    for action in machine.step(Event::LinkUp, 0) {
        if let crate::dhcp::machine::Action::Send { ask, .. } = action {
            assert!(ask.write(&client).len() >= 300);
        }
    }
}
