//! Every rendered file of a few documents, byte for byte. `BLESS=1 cargo test -p render` rewrites them; review the diff.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use render::{Variant, render};
use settings::{LIMITS, Layer, Loaded, load};

fn golden(case: &str, document: &str, variant: Variant) {
    let Loaded { settings, problems, .. } = load(&[(Layer::FwCfg, document.as_bytes())], &LIMITS);
    assert_eq!(problems, [], "{case}");
    let (plan, errors) = render(&settings, &variant.into());
    assert!(errors.is_empty(), "{case}: {errors:?}");
    // The kubelet's own are in tests/orchestrators.rs.
    let got: String = plan
        .files
        .iter()
        .filter(|file| !file.path.starts_with("/etc/kubernetes/"))
        .map(|file| {
            let text = str::from_utf8(&file.bytes).expect("rendered files are text");
            let units: String = file.units.iter().map(|unit| format!(" {unit}")).collect();
            format!("==== {} {:04o}{units}\n{text}", file.path, file.mode)
        })
        .chain(plan.knobs.iter().map(|knob| format!("==== {} <- {}\n{}\n", knob.path, knob.key, knob.value)))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{case}.txt"));
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &got).unwrap();
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    assert!(got == want, "{case} differs from {}:\n{got}", path.display());
}

const EVERYTHING: &str = include_str!("../../settings/tests/data/everything.toml");

#[test]
fn nothing_set() {
    golden("nothing", "", Variant::Standalone);
}

#[test]
fn everything_set_without_cri() {
    golden("everything", EVERYTHING, Variant::Standalone);
}

#[test]
fn everything_set_with_cri() {
    golden("everything-cri", EVERYTHING, Variant::Kubernetes);
}

#[test]
fn only_files_for_root_alone_hold_secrets() {
    let Loaded { settings, .. } = load(&[(Layer::FwCfg, EVERYTHING.as_bytes())], &LIMITS);
    for &variant in Variant::ALL {
        for file in render(&settings, &variant.into()).0.files {
            let text = String::from_utf8(file.bytes).unwrap();
            let secret = ["s3cret", "cm9ib3Q6czNjcmV0", "t0ken", "PRIVATE KEY", "pr0xy"]
                .iter()
                .any(|secret| text.contains(secret));
            assert!(!secret || file.mode == 0o600, "{} is {:o}", file.path, file.mode);
        }
    }
}

#[test]
fn mirrors_keep_the_order_they_were_written_in() {
    let text =
        "[settings.container-registry.mirrors]\n'a.example' = ['https://z', 'https://a', 'https://m']\n";
    let Loaded { settings, .. } = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS);
    let files = render(&settings, &Variant::Kubernetes.into()).0.files;
    let hosts = files.into_iter().find(|file| file.path.ends_with("a.example/hosts.toml")).unwrap();
    let hosts = String::from_utf8(hosts.bytes).unwrap();
    let at = |url: &str| hosts.find(url).unwrap();
    assert!(at("https://z") < at("https://a\"") && at("https://a\"") < at("https://m"), "{hosts}");
}
