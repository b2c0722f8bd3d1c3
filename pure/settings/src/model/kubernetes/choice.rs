//! Values of `settings.kubernetes` that are one of a few words.

use alloc::string::String;

use crate::scalar::{Invalid, Scalar, choice};
use crate::shape::Facts;

choice! {
    /// How the kubelet proves who it is.
    pub enum AuthenticationMode {
        /// By the role of its instance.
        Aws = "aws",
        /// By a client certificate, asked for with a bootstrap token.
        Tls = "tls",
    }
}

/// Who looks after cloud matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudProvider {
    /// The kubelet itself, as long as it could.
    Aws,
    /// A controller in the cluster.
    External,
    /// Nobody.
    Nobody,
}

impl Scalar for CloudProvider {
    const WANTED: &'static str = "one of: `aws`, `external`, or empty";
    const FACTS: Facts = Facts::text(Self::WANTED).one_of(&["aws", "external", "", "\"\""]);

    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "aws" => Ok(CloudProvider::Aws),
            "external" => Ok(CloudProvider::External),
            // Two quotes are how Bottlerocket keeps the empty text.
            "" | "\"\"" => Ok(CloudProvider::Nobody),
            _ => Err(Invalid("not one of: aws, external, or empty".into())),
        }
    }

    fn text(&self) -> String {
        match self {
            CloudProvider::Aws => "aws".into(),
            CloudProvider::External => "external".into(),
            CloudProvider::Nobody => String::new(),
        }
    }
}

choice! {
    /// What a node's name is generated from.
    pub enum HostnameSource {
        /// The instance's private DNS name.
        PrivateDnsName = "private-dns-name",
        /// Its ID.
        InstanceId = "instance-id",
    }
}

choice! {
    /// What a kubelet watches, to stop pods before there is nothing left.
    pub enum EvictionSignal {
        /// Memory.
        MemoryAvailable = "memory.available",
        /// Space of the file system with the pods' data.
        NodefsAvailable = "nodefs.available",
        /// Its inodes.
        NodefsInodesFree = "nodefs.inodesFree",
        /// Space of the file system with the images.
        ImagefsAvailable = "imagefs.available",
        /// Its inodes.
        ImagefsInodesFree = "imagefs.inodesFree",
        /// Process numbers.
        PidAvailable = "pid.available",
    }
}

/// A choice that may be written with a small and a capital first letter.
macro_rules! choice_in_two_spellings {
    (
        $(#[$meta:meta])*
        pub enum $Name:ident { $( $(#[$variant_meta:meta])* $Variant:ident = $text:literal or $other:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name { $( $(#[$variant_meta])* $Variant, )+ }

        impl $Name {
            /// As the kubelet wants it.
            pub const fn as_str(self) -> &'static str {
                match self { $( $Name::$Variant => $text, )+ }
            }
        }

        impl Scalar for $Name {
            const WANTED: &'static str = concat!("one of:", $(" `", $text, "`",)+);
            const FACTS: Facts = Facts::text(Self::WANTED).one_of(&[$($text, $other),+]);

            fn parse(text: &str) -> Result<Self, Invalid> {
                match text {
                    $( $text | $other => Ok($Name::$Variant), )+
                    _ => Err(Invalid(concat!("not one of:", $(" `", $text, "`",)+).into())),
                }
            }

            fn text(&self) -> String {
                self.as_str().into()
            }
        }
    };
}

choice_in_two_spellings! {
    /// Whether pods can have CPUs for themselves.
    pub enum CpuManagerPolicy {
        /// No.
        None = "none" or "None",
        /// Guaranteed pods that ask for whole ones.
        Static = "static" or "Static",
    }
}

choice_in_two_spellings! {
    /// Whether pods can have memory near their CPUs.
    pub enum MemoryManagerPolicy {
        /// No.
        None = "None" or "none",
        /// Guaranteed pods.
        Static = "Static" or "static",
    }
}

choice! {
    /// How the static policy picks CPUs.
    pub enum CpuManagerOption {
        /// Whole cores only.
        FullPcpusOnly = "full-pcpus-only",
        /// Evenly over NUMA nodes. From Kubernetes 1.23 on.
        DistributeCpusAcrossNuma = "distribute-cpus-across-numa",
        /// No other pod runs on reserved CPUs. From Kubernetes 1.32 on.
        StrictCpuReservation = "strict-cpu-reservation",
        /// Near one last-level cache. From Kubernetes 1.32 on.
        PreferAlignCpusByUncorecache = "prefer-align-cpus-by-uncorecache",
    }
}

choice! {
    /// What is kept together.
    pub enum TopologyScope {
        /// Each container by itself.
        Container = "container",
        /// All of a pod.
        Pod = "pod",
    }
}

choice! {
    /// How strictly things are kept together.
    pub enum TopologyPolicy {
        /// Not at all.
        None = "none",
        /// If it cannot be, the pod is refused.
        Restricted = "restricted",
        /// If it cannot be, the pod runs all the same.
        BestEffort = "best-effort",
        /// On one NUMA node, or the pod is refused.
        SingleNumaNode = "single-numa-node",
    }
}

choice! {
    /// Whether what pods request is protected memory.
    pub enum MemoryReservationPolicy {
        /// No.
        None = "None",
        /// Hard for guaranteed pods, softer for burstable ones.
        TieredReservation = "TieredReservation",
    }
}

choice! {
    /// Whether pods may use swap space.
    pub enum SwapBehavior {
        /// No.
        NoSwap = "NoSwap",
        /// Burstable pods, in proportion to their request.
        LimitedSwap = "LimitedSwap",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn choices_take_what_bottlerocket_takes() {
        accepts::<AuthenticationMode>(&["aws", "tls"], &["", "AWS", "anonymous"]);
        accepts::<CloudProvider>(&["aws", "external", "", "\"\""], &["internal", "External", " "]);
        accepts::<HostnameSource>(&["private-dns-name", "instance-id"], &["", "hostname"]);
        accepts::<EvictionSignal>(
            &[
                "memory.available",
                "nodefs.available",
                "nodefs.inodesFree",
                "imagefs.available",
                "imagefs.inodesFree",
                "pid.available",
            ],
            &["", "storage.available", "nodefs.inodesfree", "memory"],
        );
        accepts::<CpuManagerPolicy>(&["Static", "static", "None", "none"], &["", "STATIC", "dynamic"]);
        accepts::<MemoryManagerPolicy>(&["Static", "static", "None", "none"], &["", "dynamic"]);
        accepts::<CpuManagerOption>(&["full-pcpus-only", "strict-cpu-reservation"], &["", "fullPCPUsOnly"]);
        accepts::<TopologyScope>(&["container", "pod"], &["", "Pod"]);
        accepts::<TopologyPolicy>(
            &["none", "restricted", "best-effort", "single-numa-node"],
            &["", "strict"],
        );
        accepts::<MemoryReservationPolicy>(&["None", "TieredReservation"], &["", "none"]);
        accepts::<SwapBehavior>(&["NoSwap", "LimitedSwap"], &["", "UnlimitedSwap"]);
    }

    #[test]
    fn of_two_spellings_the_kubelets_is_kept() {
        assert_eq!(CpuManagerPolicy::parse("Static").unwrap().text(), "static");
        assert_eq!(MemoryManagerPolicy::parse("static").unwrap().text(), "Static");
        assert_eq!(CloudProvider::parse("\"\"").unwrap().text(), "");
    }
}
