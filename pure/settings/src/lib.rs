//! What a host is told to be: the settings document, from text to typed values, in three steps.
//!
//! 1. [`written::as_written`] (TOML), [`from_json`], [`from_pairs`]: the bytes of one source become a [`tree::Tree`],
//!    values without meaning that know their layer.
//! 2. [`tree::Tree::merge`]: later layers over earlier ones. Tables merge, everything else replaces.
//! 3. [`validate`]: the merged tree becomes [`Settings`], the only form with typed fields, which nothing else
//!    makes.
//!
//! And back: [`Settings::write`] is the document that says the same, as [`value::Value`]s for answers and differences.
//! [`layers::Layers`] keeps what each layer says by itself: changes are made to it, explained from it, and judged by
//! [`check_change`]. [`shape`] is the model as data: [`schema`], the reference page and the typing of `key=value` come from it.
//!
//! Holds always: every step is total. Whatever the input, the result is what could be understood of it, and
//! every part that was left out is named by a [`Problem`] with its layer, its path and the reason; no problem
//! repeats a value. Left to others: where the bytes come from (`svc/configure`), and what files follow from
//! them (`render`).
#![no_std]
extern crate alloc;

mod change;
pub mod containers;
pub mod diff;
mod json;
pub mod key;
mod layer;
pub mod layers;
pub mod limits;
pub mod model;
mod nearest;
mod pairs;
pub mod problem;
pub mod read;
mod repair;
pub mod scalar;
pub mod schema;
pub mod shape;
pub mod tree;
pub mod value;
pub mod written;

use alloc::vec::Vec;

pub use change::check_change;
pub use diff::{Changed, diff};
pub use json::{Rooted, from_json};
pub use key::KeyPath;
pub use layers::{Deleted, Explained, Layers};
pub use limits::{LIMITS, Limits};
pub use model::Settings;
pub use pairs::from_pairs;
pub use problem::Problem;
pub use tree::{Layer, Stamp, Tree};
pub use value::{Secrets, Value};

use model::Document;
use read::Reader;

/// What came of all sources together.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What is valid.
    pub settings: Settings,
    /// The merged tree, which knows who wrote what.
    pub tree: Tree,
    /// What was wrong.
    pub problems: Vec<Problem>,
}

/// All three steps, over the sources at hand.
///
/// Sources may come in any order; [`Layer`]'s order decides which wins.
pub fn load(sources: &[(Layer, &[u8])], limits: &Limits) -> Loaded {
    let mut sources: Vec<_> = sources.to_vec();
    sources.sort_by_key(|(layer, _)| *layer);
    let mut tree = Tree::default();
    let mut problems = Vec::new();
    for (layer, bytes) in sources {
        let (written, unreadable) = written::as_written(bytes, layer, limits);
        problems.extend(unreadable);
        tree = tree.merge(written);
    }
    let (settings, invalid) = validate(&tree);
    problems.extend(invalid);
    Loaded { settings, tree, problems }
}

/// The last step: what of the tree is valid, and what is wrong with the rest.
pub fn validate(tree: &Tree) -> (Settings, Vec<Problem>) {
    let mut at = Reader::default();
    let settings = Document::read_table(&tree.root, &mut at).settings;
    (settings, at.into_problems())
}
