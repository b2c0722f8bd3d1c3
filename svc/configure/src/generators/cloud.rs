//! What EC2's metadata service knows of the instance, and a cluster node's own address.
//!
//! A disk that leaves EC2 takes nothing of this along: elsewhere it is generated no more.

use render::Variant;
use settings::Value;
use settings::model::HostnameSource;

use super::{Finding, Host};
use crate::Run;

const INSTANCE_ID: &str = "/latest/meta-data/instance-id";

/// `aws.region`.
pub(super) fn region(host: &mut Host<'_>) -> Result<Finding, String> {
    on_ec2(host, |host| found(host, "/latest/meta-data/placement/region"))
}

/// `kubernetes.node-ip`.
pub(super) fn node_address(host: &mut Host<'_>) -> Result<Finding, String> {
    if host.variant != Variant::Kubernetes || host.context.run == Run::Boot {
        return Ok(Finding::Nothing);
    }
    if !host.has_metadata() {
        let address = (host.world.address)();
        return Ok(address.map_or(Finding::Nothing, |address| Finding::Is(Value::Text(address.to_string()))));
    }
    match found(host, "/latest/meta-data/local-ipv4")? {
        // An instance in a subnet of IPv6 alone.
        Finding::Nothing => found(host, "/latest/meta-data/ipv6"),
        found => Ok(found),
    }
}

/// `kubernetes.provider-id`: how the cloud's controllers know the instance.
pub(super) fn provider_id(host: &mut Host<'_>) -> Result<Finding, String> {
    on_a_cluster_of_ec2(host, |host| {
        let zone = host.metadata("/latest/meta-data/placement/availability-zone")?;
        let id = host.metadata(INSTANCE_ID)?;
        let both = zone.zip(id);
        Ok(both
            .map_or(Finding::Nothing, |(zone, id)| Finding::Is(Value::Text(format!("aws:///{zone}/{id}")))))
    })
}

/// `kubernetes.hostname-override`: what `hostname-override-source` asks for.
pub(super) fn hostname_override(host: &mut Host<'_>) -> Result<Finding, String> {
    on_a_cluster_of_ec2(host, |host| match host.context.settings.kubernetes.hostname_override_source {
        None => Ok(Finding::IsNoMore),
        Some(HostnameSource::InstanceId) => found(host, INSTANCE_ID),
        Some(HostnameSource::PrivateDnsName) => private_name(host),
    })
}

/// The name that EC2's own DNS has for the instance: of several domains the first, in the letters that a host's name may have.
pub(super) fn private_name(host: &mut Host<'_>) -> Result<Finding, String> {
    let name = host.metadata("/latest/meta-data/local-hostname")?;
    let first = name.as_deref().and_then(|name| name.split_whitespace().next());
    Ok(first.map_or(Finding::Nothing, |name| Finding::Is(Value::Text(name.to_ascii_lowercase()))))
}

type Make = fn(&mut Host<'_>) -> Result<Finding, String>;

fn on_ec2(host: &mut Host<'_>, make: Make) -> Result<Finding, String> {
    match host.machine.is_ec2() {
        false => Ok(Finding::IsNoMore),
        true if host.has_metadata() => make(host),
        true => Ok(Finding::Nothing),
    }
}

fn on_a_cluster_of_ec2(host: &mut Host<'_>, make: Make) -> Result<Finding, String> {
    if host.variant == Variant::Kubernetes { on_ec2(host, make) } else { Ok(Finding::Nothing) }
}

fn found(host: &mut Host<'_>, path: &str) -> Result<Finding, String> {
    Ok(host.metadata(path)?.map_or(Finding::Nothing, |word| Finding::Is(Value::Text(word))))
}
