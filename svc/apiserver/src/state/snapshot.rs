//! What is in effect at a moment, for readers: it never changes.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use generation::Generation;
use settings::layers::Layers;
use settings::tree::Tree;
use settings::{Layer, Problem, Secrets, Settings, Value, validate};

/// One committed state of the settings.
#[derive(Debug)]
pub struct Snapshot {
    /// The generation; none before the first.
    pub generation: Option<Arc<Generation>>,
    /// What each layer says, the image's too.
    pub layers: Layers,
    /// What is in effect, typed.
    pub settings: Settings,
    /// What is in effect, canonical, from `settings` down.
    pub value: Value,
    problems: OnceLock<Vec<Problem>>,
    text: OnceLock<Bytes>,
}

impl Snapshot {
    /// The state of a generation on this image. `settings` are what it means, if that is known already.
    pub fn of(generation: Option<Arc<Generation>>, image: &Tree, settings: Option<Settings>) -> Self {
        let mut layers = generation.as_ref().map(|generation| generation.layers.clone()).unwrap_or_default();
        layers.set(Layer::Image, image.clone());
        let problems = OnceLock::new();
        let settings = settings.unwrap_or_else(|| {
            let (settings, found) = validate(&layers.merged());
            problems.get_or_init(|| found);
            settings
        });
        let value = settings.write();
        Snapshot { generation, layers, settings, value, problems, text: OnceLock::new() }
    }

    /// Its number; 0 before the first.
    pub fn number(&self) -> u64 {
        self.generation.as_ref().map_or(0, |generation| generation.number)
    }

    /// Rises with every commit, and when a provisional one is confirmed.
    pub fn state(&self) -> (u64, bool) {
        self.generation
            .as_ref()
            .map_or((0, true), |generation| (generation.number, generation.provisional.is_none()))
    }

    /// What of its layers is not in effect, because it is wrong.
    pub fn problems(&self) -> &[Problem] {
        self.problems.get_or_init(|| validate(&self.layers.merged()).1)
    }

    /// What is in effect below `settings`, as JSON without secrets: what nearly every reader wants, made once.
    pub fn text(&self) -> Bytes {
        let make =
            || serde_json::to_vec(&inside(self.value.to_json(Secrets::Marked))).unwrap_or_default().into();
        self.text.get_or_init(make).clone()
    }
}

/// What stands at `settings`; an empty object, if nothing does.
pub fn inside(mut document: serde_json::Value) -> serde_json::Value {
    match document.get_mut("settings") {
        Some(settings) => settings.take(),
        None => serde_json::json!({}),
    }
}
