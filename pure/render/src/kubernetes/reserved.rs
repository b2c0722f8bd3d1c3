//! What of a machine is kept from pods when nobody says: Bottlerocket's amounts, which are EKS's.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use settings::model::{Kubernetes, Reserved};

use crate::Facts;

/// Amounts by resource, as the kubelet writes both.
pub(super) type Amounts = BTreeMap<&'static str, String>;

/// For kubelet and container runtime.
pub(super) fn kube(kubernetes: &Kubernetes, facts: &Facts) -> Amounts {
    let mut amounts = Amounts::from([
        ("cpu", format!("{}m", cpu_millis(facts.cpus))),
        ("memory", format!("{}Mi", kubernetes.kube_memory_bytes() >> 20)),
        ("ephemeral-storage", "1Gi".into()),
    ]);
    amounts.extend(written(&kubernetes.kube_reserved));
    amounts
}

/// What is set.
pub(super) fn written(reserved: &Reserved) -> Amounts {
    let entries = [
        ("cpu", &reserved.cpu),
        ("memory", &reserved.memory),
        ("ephemeral-storage", &reserved.ephemeral_storage),
        ("pid", &reserved.pid),
    ];
    entries.into_iter().filter_map(|(name, amount)| Some((name, amount.as_ref()?.to_string()))).collect()
}

/// 6 % of the first CPU, 1 % of the second, 0.5 % of the next two, 0.25 % of the others; in thousandths of a CPU.
fn cpu_millis(cpus: u32) -> u32 {
    // An unknown machine has one at least. Quarters of a thousandth, so that nothing is lost on the way.
    let quarters = (0..cpus.clamp(1, 8192)).map(|cpu| match cpu {
        0 => 240,
        1 => 40,
        2 | 3 => 20,
        _ => 10,
    });
    quarters.sum::<u32>() / 4
}

#[cfg(test)]
mod tests {
    use super::cpu_millis;

    #[test]
    fn the_more_cpus_the_smaller_the_part() {
        for (cpus, want) in
            [(0, 60), (1, 60), (2, 70), (3, 75), (4, 80), (5, 82), (8, 90), (64, 230), (96, 310)]
        {
            assert_eq!(cpu_millis(cpus), want, "{cpus}");
        }
    }
}
