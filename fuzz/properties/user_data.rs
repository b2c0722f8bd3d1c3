//! What holds for user data of any content.

use render::{Variant, render};
use settings::containers::Workloads;
use settings::{LIMITS, Layer, load};

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    let loaded = load(&[(Layer::NoCloud, bytes)], &LIMITS);
    assert_eq!(loaded, load(&[(Layer::NoCloud, bytes)], &LIMITS), "the same bytes give the same settings");
    for problem in &loaded.problems {
        let line = problem.to_string();
        assert!(!problem.path.is_empty() && !line.chars().any(char::is_control), "one line each: {line:?}");
        assert!(line.len() < 4096, "of bearable length: {line:?}");
    }
    for &variant in Variant::ALL {
        let (plan, errors) = render(&loaded.settings, &variant.into());
        let files = plan.files;
        assert!(errors.is_empty(), "what is valid can be rendered: {errors:?}");
        for file in &files {
            assert!(!file.path.contains("/../") && !file.path.contains('\0'), "{}", file.path);
        }
        let workloads =
            files.iter().find(|file| file.path == "/run/gantry/containers.json").map(|file| &file.bytes);
        let read: Workloads =
            serde_json::from_slice(workloads.map_or(&[], Vec::as_slice)).expect("its reader can read it");
        assert_eq!(read, loaded.settings.workloads(), "and reads what was meant");
    }
}
