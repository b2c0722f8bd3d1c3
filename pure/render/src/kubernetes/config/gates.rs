//! Fields behind feature gates, and the gates.
//!
//! A gate is turned on only where it is off by itself and the field would be refused without it. A gate that a kubelet
//! does not know any more, or not yet, keeps it from starting.

use alloc::collections::BTreeMap;

use settings::model::{CpuManagerOption, Kubernetes, SwapBehavior};

use crate::kubernetes::credential_providers;
use crate::kubernetes::version::Minor;

/// Before 1.30 there is no word for "none", and none is what one has without a word.
pub(super) fn swap(k: &Kubernetes, minor: Minor) -> Option<SwapBehavior> {
    let behavior = minor.since(22, k.memory_swap_behavior)?;
    (minor.from(30) || behavior == SwapBehavior::LimitedSwap).then_some(behavior)
}

pub(super) fn cpu_options(k: &Kubernetes, minor: Minor) -> impl Iterator<Item = CpuManagerOption> + '_ {
    k.cpu_manager_policy_options.iter().copied().filter(move |option| minor.from(cpu_option_since(*option)))
}

fn cpu_option_since(option: CpuManagerOption) -> u32 {
    match option {
        CpuManagerOption::FullPcpusOnly | CpuManagerOption::DistributeCpusAcrossNuma => 23,
        CpuManagerOption::StrictCpuReservation | CpuManagerOption::PreferAlignCpusByUncorecache => 32,
    }
}

/// Whether an option is one of the alpha ones, which as a group have a gate. It may be set for options that have
/// left the group.
fn is_alpha(option: CpuManagerOption, minor: Minor) -> bool {
    match option {
        CpuManagerOption::FullPcpusOnly => false,
        CpuManagerOption::DistributeCpusAcrossNuma => !minor.from(33),
        CpuManagerOption::StrictCpuReservation => !minor.from(33),
        CpuManagerOption::PreferAlignCpusByUncorecache => !minor.from(34),
    }
}

pub(super) fn feature_gates(k: &Kubernetes, minor: Minor) -> BTreeMap<&'static str, bool> {
    let memory_qos = k.memory_throttling_factor.is_some() && minor.from(22)
        || k.memory_reservation_policy.is_some() && minor.from(36);
    let gates = [
        ("MemoryQoS", memory_qos && !minor.from(37)),
        ("NodeSwap", swap(k, minor).is_some() && !minor.from(30)),
        ("SeccompDefault", k.seccomp_default == Some(true) && minor.from(22) && !minor.from(25)),
        ("KubeletCredentialProviders", credential_providers::any(k) && !minor.from(24)),
        ("CPUManagerPolicyAlphaOptions", cpu_options(k, minor).any(|option| is_alpha(option, minor))),
    ];
    gates.into_iter().filter(|(_, on)| *on).collect()
}
