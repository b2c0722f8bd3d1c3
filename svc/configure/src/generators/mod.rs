//! Settings that the host finds out about itself: layer `generated`, which yields to whatever anybody says.
//!
//! A generator is a function with a deadline. What it says is stored with the other layers, so one that has nothing to say at
//! this boot (no lease yet, no metadata service) leaves what it said before. Holds always: what is generated is a valid value of
//! its setting; a metadata service that does not answer costs one deadline, not one for each question.

mod cloud;
mod local;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use render::Variant;
use settings::tree::Item;
use settings::{KeyPath, Layer, Layers, Problem, Settings, Value, validate};

use crate::Run;
use crate::sources::World;
use crate::sources::machine::Machine;
use crate::sources::metadata::{Metadata, MetadataError, Patience};

/// For one question to the metadata service, which has answered for user data just before.
pub(crate) const QUESTION: Duration = Duration::from_secs(10);

/// Far above any name, number or address that it is asked for.
const ANSWER_BYTES: usize = 4096;

/// What a generator may look at.
pub struct Context<'a> {
    /// The root of the file system.
    pub root: &'a Path,
    /// Which of a boot's runs this is.
    pub run: Run,
    /// What is in effect without this run's generators; what they said before is part of it.
    pub settings: &'a Settings,
    /// What each layer says.
    pub layers: &'a Layers,
}

/// What a generator says.
#[derive(Debug, PartialEq, Eq)]
pub struct Generated {
    /// The setting.
    pub key: KeyPath,
    /// Its value. None: what it said before does not hold any more.
    pub value: Option<Value>,
}

/// What all generators say, and why others could not.
pub fn generate(context: &Context<'_>) -> (Vec<Generated>, Vec<Problem>) {
    generate_in(context, &World::default())
}

/// One setting and who finds it out.
struct Generator {
    key: &'static str,
    make: fn(&mut Host<'_>) -> Result<Finding, String>,
}

/// What a generator found.
enum Finding {
    /// Nothing, or what it said before: that holds.
    Nothing,
    /// This.
    Is(Value),
    /// What it said before, if it did, is of another machine.
    IsNoMore,
}

/// In the order in which they are asked.
const GENERATORS: &[Generator] = &[
    Generator { key: "settings.updates.seed", make: local::seed },
    Generator { key: "settings.network.hostname", make: local::hostname },
    Generator { key: "settings.aws.region", make: cloud::region },
    Generator { key: "settings.kubernetes.node-ip", make: cloud::node_address },
    Generator { key: "settings.kubernetes.provider-id", make: cloud::provider_id },
    Generator { key: "settings.kubernetes.hostname-override", make: cloud::hostname_override },
];

/// [`generate`] in a world of one's choice.
fn generate_in(context: &Context<'_>, world: &World) -> (Vec<Generated>, Vec<Problem>) {
    let mut host = Host {
        context,
        world,
        machine: Machine::of(context.root),
        variant: apply::facts(context.root).variant,
        metadata: None,
        silent: None,
    };
    let (mut generated, mut problems) = (Vec::new(), Vec::new());
    for Generator { key, make } in GENERATORS {
        // The table's keys are keys.
        let Ok(key) = KeyPath::parse(key) else { continue };
        let value = match make(&mut host) {
            Ok(Finding::Is(value)) => Some(value),
            Ok(Finding::IsNoMore) if host.said(&key).is_some() => None,
            Ok(Finding::IsNoMore | Finding::Nothing) => continue,
            Err(why) => {
                problems.push(Problem { layer: Layer::Generated, path: key.to_string(), why: why.into() });
                continue;
            }
        };
        let wrong =
            value.as_ref().map_or_else(Vec::new, |value| validate(&value.to_tree(&key, Layer::Generated)).1);
        if wrong.is_empty() {
            generated.push(Generated { key, value });
        }
        problems.extend(wrong);
    }
    (generated, problems)
}

/// What generators ask.
struct Host<'a> {
    context: &'a Context<'a>,
    world: &'a World,
    machine: Machine,
    variant: Variant,
    metadata: Option<Metadata>,
    /// Why the metadata service is not asked again.
    silent: Option<String>,
}

impl Host<'_> {
    /// What was generated for `key` before.
    fn said(&self, key: &KeyPath) -> Option<&Item> {
        let path: Vec<&str> = key.segments().iter().map(String::as_str).collect();
        let tree = self.context.layers.get(Layer::Generated)?;
        tree.node(&path).map(|node| &node.item)
    }

    /// Whether the metadata service can be asked: on EC2, once there is a network.
    fn has_metadata(&self) -> bool {
        self.context.run == Run::Cloud && self.machine.is_ec2()
    }

    /// What the metadata service says at a path, if it says anything.
    fn metadata(&mut self, path: &str) -> Result<Option<String>, String> {
        if let Some(why) = &self.silent {
            return Err(why.clone());
        }
        let answer = self.ask(path).map_err(|err| {
            let why = files::chain(&err);
            self.silent = Some(why.clone());
            why
        })?;
        let Some(answer) = answer else { return Ok(None) };
        let text =
            String::from_utf8(answer).map_err(|_| format!("the metadata service's {path} is no text"))?;
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    fn ask(&mut self, path: &str) -> Result<Option<Vec<u8>>, MetadataError> {
        let metadata = match &mut self.metadata {
            Some(metadata) => metadata,
            none => {
                let question = self.world.patience.question.min(QUESTION);
                let patience = Patience { question, ..self.world.patience };
                none.insert(Metadata::new(self.world.metadata.clone(), patience)?)
            }
        };
        metadata.get(path, ANSWER_BYTES)
    }
}

/// The address that packets to the outside leave from, if there is a way out. Nothing is sent: connecting a UDP socket only
/// looks the route up. Addresses are of documentation networks (RFC 5737, RFC 3849).
pub(crate) fn outward_address() -> Option<IpAddr> {
    let outside: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    outside.into_iter().find_map(|(here, there)| {
        let socket = UdpSocket::bind((here, 0)).ok()?;
        socket.connect((there, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

#[cfg(test)]
mod tests;
