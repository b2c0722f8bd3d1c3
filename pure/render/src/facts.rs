//! What renderers must know about the system beside its settings.

use core::fmt;
use core::str::FromStr;

/// Which orchestrator an image serves. A variant's name begins with it: `kubernetes-1.31`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// None: containers are declared in settings.
    #[default]
    Standalone,
    /// A kubelet, over CRI.
    Kubernetes,
    /// The ECS agent.
    Ecs,
}

impl Variant {
    /// Every one.
    pub const ALL: &[Variant] = &[Variant::Standalone, Variant::Kubernetes, Variant::Ecs];

    /// Whether an orchestrator talks to containerd over CRI. Without one the plugin is left out: it starts slowly and
    /// keeps memory.
    pub fn cri(self) -> bool {
        self == Variant::Kubernetes
    }

    fn name(self) -> &'static str {
        match self {
            Variant::Standalone => "standalone",
            Variant::Kubernetes => "kubernetes",
            Variant::Ecs => "ecs",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No variant of ours has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a variant: standalone, kubernetes or ecs, perhaps with a version behind a hyphen")]
pub struct UnknownVariant;

impl FromStr for Variant {
    type Err = UnknownVariant;

    fn from_str(text: &str) -> Result<Self, UnknownVariant> {
        let family = text.split('-').next().unwrap_or(text);
        Variant::ALL.iter().find(|variant| variant.name() == family).copied().ok_or(UnknownVariant)
    }
}

/// What renderers must know about the system beside its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Which orchestrator the image serves.
    pub variant: Variant,
    /// N of the Kubernetes 1.N that the variant's name ends with. 0: it names none.
    pub kubernetes_minor: u32,
    /// Processors the kernel uses. 0: not known.
    pub cpus: u32,
    /// Memory the kernel has. 0: not known.
    pub memory_mib: u64,
}

impl From<Variant> for Facts {
    /// A machine of which nothing else is known.
    fn from(variant: Variant) -> Self {
        Facts { variant, ..Facts::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::Variant;

    #[test]
    fn a_variant_is_known_by_the_first_word_of_its_name() {
        for (name, want) in [
            ("standalone", Some(Variant::Standalone)),
            ("standalone-fips", Some(Variant::Standalone)),
            ("kubernetes-1.31", Some(Variant::Kubernetes)),
            ("ecs", Some(Variant::Ecs)),
            ("", None),
            ("kubernetes1", None),
            ("Ecs", None),
        ] {
            assert_eq!(name.parse().ok(), want, "{name:?}");
        }
    }
}
