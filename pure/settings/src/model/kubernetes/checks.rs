//! What of `settings.kubernetes` contradicts each other, no single value being to blame.
//!
//! Each of these would keep the kubelet from starting. So where user data is read, what contradicts is left out (both sides,
//! when neither is more right than the other) and the kubelet starts with its defaults; the API refuses the change.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use super::{CpuManagerPolicy, EvictionSignal, KubernetesKeys, MemoryManagerPolicy};
use crate::read::Reader;
use crate::scalar::Quantity;
use crate::tree::{Item, Table};

/// Notes what contradicts and takes it out.
pub(super) fn check(keys: &mut KubernetesKeys, table: &Table, at: &mut Reader) {
    let mut notes = Notes { table, at };
    server_certificate(keys, &mut notes);
    image_thresholds(keys, &mut notes);
    image_ages(keys, &mut notes);
    shutdown(keys, &mut notes);
    soft_eviction(keys, &mut notes);
    cpu_manager(keys, &mut notes);
    memory_manager(keys, &mut notes);
}

/// Where problems go.
struct Notes<'a> {
    table: &'a Table,
    at: &'a mut Reader,
}

impl Notes<'_> {
    /// A problem with a key, if somebody wrote it; what it says is not in effect.
    fn wrong(&mut self, key: &str, why: impl Into<Cow<'static, str>>) {
        if let Some(node) = self.table.get(key) {
            self.at.at_key(key, |at| at.problem(node, why));
            self.at.discard(node);
        }
    }

    /// The same of one entry of a table, which is named by the table's key.
    fn wrong_entry(&mut self, key: &str, entry: &str, why: impl Into<Cow<'static, str>>) {
        if let Some(node) = self.table.get(key) {
            self.at.at_key(key, |at| at.problem(node, why));
            if let Item::Table(entries) = &node.item
                && let Some(entry) = entries.get(entry)
            {
                self.at.discard(entry);
            }
        }
    }
}

fn server_certificate(keys: &mut KubernetesKeys, notes: &mut Notes) {
    if keys.server_certificate.is_some() != keys.server_key.is_some() {
        notes.wrong("server-certificate", "without server-key, and needs it");
        notes.wrong("server-key", "without server-certificate, and needs it");
        (keys.server_certificate, keys.server_key) = (None, None);
    }
}

fn image_thresholds(keys: &mut KubernetesKeys, notes: &mut Notes) {
    let high = keys.image_gc_high_threshold_percent.map_or(85, |percent| percent.0);
    let low = keys.image_gc_low_threshold_percent.map_or(80, |percent| percent.0);
    if low >= high {
        let why = "image-gc-low-threshold-percent (80 when not set) is not below image-gc-high-threshold-percent (85)";
        notes.wrong("image-gc-low-threshold-percent", why);
        notes.wrong("image-gc-high-threshold-percent", why);
        (keys.image_gc_high_threshold_percent, keys.image_gc_low_threshold_percent) = (None, None);
    }
}

fn image_ages(keys: &mut KubernetesKeys, notes: &mut Notes) {
    let (Some(oldest), youngest) = (&keys.image_maximum_gc_age, &keys.image_minimum_gc_age) else { return };
    // The kubelet takes no minimum for its default.
    let youngest =
        youngest.as_ref().map(|age| age.nanos()).filter(|age| *age != 0).unwrap_or(120_000_000_000);
    if oldest.nanos() != 0 && oldest.nanos() <= youngest {
        notes.wrong("image-maximum-gc-age", "not longer than image-minimum-gc-age (2m when not set)");
        keys.image_maximum_gc_age = None;
    }
}

fn shutdown(keys: &mut KubernetesKeys, notes: &mut Notes) {
    let (all, critical) = (&keys.shutdown_grace_period, &keys.shutdown_grace_period_for_critical_pods);
    let (Some(all), Some(critical)) = (all, critical) else { return };
    if critical.0.nanos() > all.0.nanos() {
        let why =
            "shutdown-grace-period-for-critical-pods is a part of shutdown-grace-period and cannot be longer";
        notes.wrong("shutdown-grace-period", why);
        notes.wrong("shutdown-grace-period-for-critical-pods", why);
        (keys.shutdown_grace_period, keys.shutdown_grace_period_for_critical_pods) = (None, None);
    }
}

fn soft_eviction(keys: &mut KubernetesKeys, notes: &mut Notes) {
    let patience = &keys.eviction_soft_grace_period;
    let without: Vec<EvictionSignal> =
        keys.eviction_soft.keys().filter(|signal| !patience.contains_key(signal)).copied().collect();
    for signal in without {
        notes.wrong_entry(
            "eviction-soft",
            signal.as_str(),
            format!("{signal} has no time in eviction-soft-grace-period, and needs one"),
        );
        keys.eviction_soft.remove(&signal);
    }
}

fn cpu_manager(keys: &mut KubernetesKeys, notes: &mut Notes) {
    let is_static = keys.cpu_manager_policy == Some(CpuManagerPolicy::Static);
    if !keys.cpu_manager_policy_options.is_empty() && !is_static {
        notes.wrong("cpu-manager-policy-options", "only for cpu-manager-policy = \"static\"");
        keys.cpu_manager_policy_options.clear();
    }
    let is_nothing = |cpu: &Option<Quantity>| cpu.as_ref().is_some_and(|cpu| cpu.units() == 0);
    let (kube, system) = (&keys.kube_reserved.cpu, &keys.system_reserved.cpu);
    // What is kept for the kubelet when nobody says is above nothing.
    if is_static
        && keys.reserved_cpus.is_none()
        && is_nothing(kube)
        && (system.is_none() || is_nothing(system))
    {
        let why = "static needs CPU time of the system's own: cpu above 0 in kube-reserved or system-reserved, or reserved-cpus";
        notes.wrong("cpu-manager-policy", why);
        keys.cpu_manager_policy = None;
        keys.cpu_manager_policy_options.clear();
    }
}

fn memory_manager(keys: &mut KubernetesKeys, notes: &mut Notes) {
    let is_static = keys.memory_manager_policy == Some(MemoryManagerPolicy::Static);
    if let Some(why) = is_static.then(|| unfit_for_static_memory(keys)).flatten() {
        notes.wrong("memory-manager-policy", why);
        keys.memory_manager_policy = None;
    }
}

/// Why the memory manager's static policy would not start. It wants the reservations of all NUMA nodes to be just what
/// the node keeps from pods.
fn unfit_for_static_memory(keys: &KubernetesKeys) -> Option<Cow<'static, str>> {
    let nodes = keys.memory_manager_reserved_memory.values().filter(|node| node.enabled == Some(true));
    let reserved = nodes.filter_map(|node| node.memory.as_ref());
    let reserved: u64 = reserved.fold(0, |sum, memory| sum.saturating_add(memory.units()));
    if reserved == 0 {
        return Some("Static needs memory in memory-manager-reserved-memory, enabled".into());
    }
    let threshold = match keys.eviction_hard.get(&EvictionSignal::MemoryAvailable) {
        None => 100 << 20,
        // How much a percentage is depends on the machine.
        Some(threshold) => threshold.quantity()?.units(),
    };
    let system = keys.system_reserved.memory.as_ref().map_or(0, |memory| memory.units());
    let kept = keys.kube_memory_bytes().saturating_add(system).saturating_add(threshold);
    (kept != reserved).then(|| {
        let kept = format!("Static needs memory-manager-reserved-memory to be {kept} bytes altogether");
        Cow::from(kept + ": kube-reserved, system-reserved and the memory.available of eviction-hard")
    })
}
