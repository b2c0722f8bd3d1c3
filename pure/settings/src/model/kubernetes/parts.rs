//! Tables and lists inside `settings.kubernetes`.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::read::{Reader, Setting, group};
use crate::scalar::{EnvName, GoDuration, ImagePattern, Quantity, SecretFile64, SingleLine, Taint, Whole};
use crate::shape::Shape;
use crate::tree::{Item, Node, Table};
use crate::value::Value;

/// One value, or a list of them; remembered as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneOrMany<T> {
    /// Written without a list.
    One(T),
    /// Written as a list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them.
    pub fn as_slice(&self) -> &[T] {
        match self {
            OneOrMany::One(one) => core::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

impl<T: Setting> Setting for OneOrMany<T> {
    fn shape() -> Shape {
        Shape::OneOf(vec![T::shape(), Shape::List(Box::new(T::shape()))])
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        match node.item {
            Item::List(_) => Vec::read(node, at).map(OneOrMany::Many),
            _ => T::read(node, at).map(OneOrMany::One),
        }
    }

    fn write(&self) -> Option<Value> {
        match self {
            OneOrMany::One(one) => one.write(),
            OneOrMany::Many(many) => many.write(),
        }
    }
}

/// The taints of one key. No two have the same effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taints(OneOrMany<Taint>);

impl Taints {
    /// All of them.
    pub fn as_slice(&self) -> &[Taint] {
        self.0.as_slice()
    }
}

impl Setting for Taints {
    fn shape() -> Shape {
        OneOrMany::<Taint>::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let mut taints = OneOrMany::<Taint>::read(node, at)?;
        if let OneOrMany::Many(list) = &mut taints {
            let mut kept: Vec<Taint> = Vec::new();
            for taint in core::mem::take(list) {
                if kept.iter().any(|other| other.effect == taint.effect) {
                    at.problem(node, format!("more than one taint with the effect {}", taint.effect));
                } else {
                    kept.push(taint);
                }
            }
            *list = kept;
        }
        Some(Taints(taints))
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}

group! {
    /// A pod that the kubelet runs by itself.
    pub struct StaticPod {
        /// `true`: it is run. Default false.
        pub enabled: Option<bool> = "enabled",
        /// Its manifest, YAML or JSON, in base64.
        pub manifest: Option<SecretFile64> = "manifest",
    }
    as record
    check StaticPod::check
}

impl StaticPod {
    fn check(&self, table: &Table, at: &mut Reader) {
        if self.enabled == Some(true) && self.manifest.is_none() {
            required("manifest", table, at);
        }
    }
}

group! {
    /// A program that logs in to registries; its name is the table's.
    pub struct CredentialProvider {
        /// `true`: it is used. Default false.
        pub enabled: Option<bool> = "enabled",
        /// Images it is asked for, at least one.
        pub image_patterns: Vec<ImagePattern> = "image-patterns",
        /// How long its answer holds when it does not say. Default 12h.
        pub cache_duration: Option<GoDuration> = "cache-duration",
        /// Its environment.
        pub environment: BTreeMap<EnvName, SingleLine> = "environment",
    }
    as record
    check CredentialProvider::check
}

impl CredentialProvider {
    fn check(&self, table: &Table, at: &mut Reader) {
        if self.enabled == Some(true) && self.image_patterns.is_empty() {
            required("image-patterns", table, at);
        }
    }
}

group! {
    /// Memory of one NUMA node that is left to the system.
    pub struct NumaReservation {
        /// `true`: it counts. Default false.
        pub enabled: Option<bool> = "enabled",
        /// Ordinary memory.
        pub memory: Option<Quantity> = "memory",
        /// Huge pages of 2 MiB.
        pub hugepages_2mi: Option<Quantity> = "hugepages-2Mi",
        /// Huge pages of 1 GiB.
        pub hugepages_1gi: Option<Quantity> = "hugepages-1Gi",
    }
    as record
}

group! {
    /// What is kept from pods.
    pub struct Reserved {
        /// CPU time.
        pub cpu: Option<Quantity> = "cpu",
        /// Memory.
        pub memory: Option<Quantity> = "memory",
        /// Space of the file system with the pods' data.
        pub ephemeral_storage: Option<Quantity> = "ephemeral-storage",
        /// Process numbers.
        pub pid: Option<Quantity> = "pid",
    }
}

group! {
    /// Refinements of the topology manager's policy.
    pub struct TopologyOptions {
        /// Of several sets of NUMA nodes, the one whose nodes are near each other. From Kubernetes 1.28 on.
        pub prefer_closest_numa_nodes: Option<bool> = "prefer-closest-numa-nodes",
        /// How many NUMA nodes the manager works with at most. From Kubernetes 1.31 on.
        pub max_allowable_numa_nodes: Option<Whole<8, 1024>> = "max-allowable-numa-nodes",
    }
}

/// User IDs of one pod: a multiple of 65536, below 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdsPerPod(Range);

type Range = Whole<65_536, 4_294_901_760>;

impl IdsPerPod {
    /// The number.
    pub fn get(self) -> i64 {
        self.0.get()
    }
}

impl Setting for IdsPerPod {
    fn shape() -> Shape {
        Range::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let range = Range::read(node, at)?;
        if range.get() % 65_536 != 0 {
            at.problem(node, "not a multiple of 65536");
            return None;
        }
        Some(IdsPerPod(range))
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}

/// Names a key that is missing, or says nothing, although its table is enabled.
fn required(key: &str, table: &Table, at: &mut Reader) {
    if let Some(node) = table.get(key).or(table.get("enabled")) {
        at.at_key(key, |at| at.problem(node, "missing or empty, and required of what is enabled"));
    }
}
