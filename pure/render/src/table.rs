//! Every renderer: what it reads, who reads what it writes, which variants have it.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use settings::Settings;
use settings::key::KeyPath;
use settings::value::Value;

use crate::plan::Out;
use crate::{Error, Facts, Plan, Variant};

/// One row of the table.
pub struct Renderer {
    /// What people call it.
    pub name: &'static str,
    /// Keys it reads, each with all that is below it. Without `settings.`, and without quotes: no segment holds a dot.
    pub reads: &'static [&'static str],
    /// Units that read its files, in no order.
    pub units: &'static [&'static str],
    /// Variants that have it.
    pub variants: &'static [Variant],
    /// Puts it out.
    pub render: fn(&Settings, &Facts, &mut Out) -> Result<(), Error>,
}

impl Renderer {
    /// What this renderer alone makes of the settings.
    pub fn plan(&self, settings: &Settings, facts: &Facts) -> Result<Plan, Error> {
        let mut out = Out { plan: Plan::default(), units: self.units };
        (self.render)(settings, facts, &mut out)?;
        Ok(out.plan)
    }

    /// Whether a change at `key` may change what this puts out.
    pub fn reads(&self, key: &KeyPath) -> bool {
        let Some((top, below)) = key.segments().split_first() else { return true };
        top == "settings" && self.reads.iter().any(|read| overlap(read, below))
    }
}

/// Whether one of the two is within the other, or they are the same.
fn overlap(read: &str, key: &[String]) -> bool {
    read.split('.').zip(key).all(|(read, key)| read == key)
}

/// Every renderer there is.
pub fn all() -> impl Iterator<Item = &'static Renderer> {
    RENDERERS.iter().copied().flatten()
}

/// Those of one system.
pub fn of(facts: &Facts) -> impl Iterator<Item = &'static Renderer> + use<> {
    let variant = facts.variant;
    all().filter(move |renderer| renderer.variants.contains(&variant))
}

/// The units that a change at `key` concerns, in no order. What of them changes in the end shows only when the files do.
pub fn affected(key: &KeyPath, facts: &Facts) -> Vec<&'static str> {
    let concerned = of(facts).filter(|renderer| renderer.reads(key));
    let units: BTreeSet<_> = concerned.flat_map(|renderer| renderer.units.iter().copied()).collect();
    units.into_iter().collect()
}

/// Renderers whose files nobody reads before the service comes that they are for: `timed`.
const AWAITING: &[&str] = &["time"];

/// Keys that no renderer has to read: the API server holds the settings itself.
const HELD: &[&str] = &["api"];

/// What is set and has no effect: keys that no renderer of this system reads, or none whose files anyone reads.
pub fn unread(settings: &Value, facts: &Facts) -> Vec<KeyPath> {
    let renderers = of(facts).filter(|renderer| !AWAITING.contains(&renderer.name));
    let read: Vec<&str> = renderers.flat_map(|renderer| renderer.reads).chain(HELD).copied().collect();
    let has_effect = |key: &KeyPath| {
        let below = key.segments().get(1..).unwrap_or_default();
        read.iter().any(|read| overlap(read, below))
    };
    settings.leaves().into_iter().map(|(key, _)| key).filter(|key| !has_effect(key)).collect()
}

/// The table, by file.
static RENDERERS: &[&[Renderer]] = &[
    crate::kernel::RENDERERS,
    crate::etc::RENDERERS,
    crate::pki::RENDERERS,
    crate::containerd::RENDERERS,
    crate::base_spec::RENDERERS,
    crate::own::RENDERERS,
    crate::kubernetes::RENDERERS,
    crate::ecs::RENDERERS,
];
