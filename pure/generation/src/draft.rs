//! What somebody wants to commit.

use alloc::collections::BTreeMap;
use alloc::string::String;

use settings::Layer;
use settings::layers::Layers;
use settings::tree::{Stamp, Tree};

use crate::{Generation, Why};

/// A generation that has no number yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Now, by the host's clock, in seconds since 1970.
    pub unix_s: u64,
    /// Who asks for it, as the audit log names callers.
    pub by: String,
    /// What it is committed for.
    pub why: Why,
    /// The release that runs.
    pub release: String,
    /// To be undone unless it is confirmed within so many seconds.
    pub provisional: Option<u32>,
    /// What each layer says. Values without a stamp are the new ones.
    pub layers: Layers,
    /// What each source of user data said last: SHA-256 of its bytes, in hexadecimal.
    pub user_data: BTreeMap<Layer, String>,
}

impl Draft {
    /// The generation of that number: values that have no stamp were written now, by it. The image's layer is left out.
    pub fn numbered(self, number: u64) -> Generation {
        let Self { unix_s, by, why, release, provisional, layers, user_data } = self;
        let mut layers = layers;
        layers.set(Layer::Image, Tree::default());
        layers.stamp(Stamp { generation: number, unix_s });
        Generation { number, unix_s, by, why, release, provisional, layers, user_data }
    }
}

/// Another go at the content of a generation: what was written keeps its time.
impl From<Generation> for Draft {
    fn from(of: Generation) -> Self {
        let Generation { number: _, unix_s, by, why, release, provisional, layers, user_data } = of;
        Self { unix_s, by, why, release, provisional, layers, user_data }
    }
}
