//! What holds for a key of any text that somebody asks for, sets or deletes.

use settings::{KeyPath, Layer, Layers, from_pairs, validate};

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let pairs = from_pairs(&[(&*text, "1")], Layer::Api);
    let key = match KeyPath::parse(&text) {
        Ok(key) => key,
        Err(invalid) => {
            let problems = pairs.expect_err("what is no key cannot be set");
            let line = format!("{} {invalid}", problems[0]);
            assert!(
                line.len() < 4096 && !line.chars().any(char::is_control),
                "one line of bearable length: {line:?}"
            );
            return;
        }
    };
    let printed = key.to_string();
    assert_eq!(KeyPath::parse(&printed).as_ref(), Ok(&key), "{printed:?} is the same key");
    assert!(!printed.chars().any(char::is_control), "{printed:?}");
    assert!((1..=16).contains(&key.segments().len()));
    assert!(key.segments().iter().all(|segment| (1..=317).contains(&segment.len())));
    assert!(
        key.starts_with(&key) && key.clone().with_settings().with_settings() == key.clone().with_settings()
    );
    let Ok(tree) = pairs else { return };
    let key = key.with_settings();
    let mut layers = Layers::default();
    layers.write(Layer::Api, tree, None);
    validate(&layers.merged());
    assert!(layers.keys().iter().all(|written| written.starts_with(&key)), "only this key is written");
    assert!(!layers.explain(&key).is_empty());
    assert!(layers.delete(&key).is_some());
    assert_eq!(layers, Layers::default(), "and nothing is left when it is deleted");
}
