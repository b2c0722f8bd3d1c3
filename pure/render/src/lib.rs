//! From settings to the files and kernel parameters they mean, and back: who is concerned when a key changes.
//!
//! A renderer is a pure function; it serialises typed values and never fills in text, so nothing a user
//! writes can break out of its place. [`table::RENDERERS`] says of each what it reads, who reads what it writes, and which
//! variants have it: "affected services" and "this key has no effect here" are computed from the table, never listed.
//!
//! Holds always: the same settings and facts give the same plan; a key changes only what renderers that say they read it
//! put out (`tests/laws.rs`); only files of mode 0600 hold secrets. Left to others: putting a plan in place (`os/apply`), and
//! what reads it.
#![no_std]
extern crate alloc;

mod base_spec;
mod containerd;
pub mod documents;
mod ecs;
mod env;
mod etc;
mod facts;
mod kernel;
mod kubernetes;
mod own;
mod pki;
mod plan;
pub mod table;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use settings::Settings;

pub use facts::{Facts, UnknownVariant, Variant};
pub use plan::{Error, Knob, Plan, Rendered};
pub use table::{Renderer, affected, unread};

/// Everything that follows from the settings, and the renderers that failed. One that fails takes no other with it.
pub fn render(settings: &Settings, facts: &Facts) -> (Plan, Vec<Error>) {
    let mut plan = Plan::default();
    let mut errors = Vec::new();
    let mut turned = BTreeSet::new();
    for renderer in table::of(facts) {
        match renderer.plan(settings, facts) {
            Ok(part) => {
                plan.files.extend(part.files);
                // Two settings may come to one parameter: the first says what it is.
                let new = |knob: &Knob| turned.insert(knob.path.clone());
                plan.knobs.extend(part.knobs.into_iter().filter(new));
            }
            Err(err) => errors.push(err),
        }
    }
    (plan, errors)
}
