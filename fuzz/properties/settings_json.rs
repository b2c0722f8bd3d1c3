//! What holds for a JSON document of any content that is sent to the API.

use settings::{
    KeyPath, LIMITS, Layer, Layers, Rooted, Secrets, Stamp, check_change, diff, from_json, from_pairs,
    validate,
};

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    for rooted in [Rooted::AtTop, Rooted::AtSettings] {
        let tree = match from_json(bytes, Layer::Api, rooted, &LIMITS) {
            Ok(tree) => tree,
            Err(problems) => {
                assert!(!problems.is_empty(), "what is refused is refused for a reason");
                for problem in problems {
                    let line = problem.to_string();
                    assert!(
                        !problem.path.is_empty() && !line.chars().any(char::is_control),
                        "one line: {line:?}"
                    );
                }
                continue;
            }
        };
        let before = Layers::default();
        let mut after = before.clone();
        after.write(Layer::Api, tree, Some(Stamp { generation: 1, unix_s: 0 }));
        let (settings, problems) = validate(&after.merged());
        match check_change(&before, &after) {
            Ok(checked) => {
                assert!(problems.is_empty() && checked == settings, "accepted means without problems")
            }
            Err(why) => assert_eq!(why, problems, "refused for every problem"),
        }
        let value = settings.write();
        let json = value.to_json(Secrets::Shown).to_string();
        let again =
            from_json(json.as_bytes(), Layer::Api, Rooted::AtTop, &LIMITS).expect("what we write, we read");
        assert_eq!(validate(&again), (settings, Vec::new()), "and it is the same");
        assert!(diff(&value, &value).is_empty());
        for (key, value) in value.leaves() {
            let text = match value.to_json(Secrets::Shown) {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            // A key of a document may be longer than one that can be asked for.
            if KeyPath::parse(&key.to_string()).is_ok() {
                from_pairs(&[(key.to_string(), text)], Layer::Api)
                    .expect("each leaf can be written by itself");
            }
        }
        for explained in after.explain(&KeyPath::settings()) {
            assert_eq!(explained.layer, Layer::Api);
        }
    }
}
