//! Every file of a few documents, byte for byte. `BLESS=1 cargo test -p render` rewrites them; review the diff.

use std::fs;
use std::path::Path;

use render::{Facts, Variant};

use crate::documents::{AWS, ECS, ECS_HOST, KUBERNETES, REGISTRY, STANDALONE_MODE, kubelet, plan, settings};

fn golden(case: &str, document: &str, facts: Facts) {
    let plan = plan(&settings(document), facts);
    let files = plan.files.iter().map(|file| {
        let text = str::from_utf8(&file.bytes).expect("rendered files are text");
        format!("==== {} {:04o} {}\n{text}", file.path, file.mode, file.units.join(" "))
    });
    let got: String = files.collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{case}.txt"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &got).unwrap();
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    assert!(got == want, "{case} differs from {}:\n{got}", path.display());
}

#[test]
fn a_kubelet_that_nobody_told_anything() {
    golden("kubernetes-nothing", "", Variant::Kubernetes.into());
}

#[test]
fn a_kubelet_without_a_cluster() {
    golden("kubernetes-standalone-mode", STANDALONE_MODE, kubelet(36));
}

#[test]
fn a_kubelet_that_is_known_by_its_instances_role() {
    golden("kubernetes-aws", AWS, kubelet(36));
}

#[test]
fn a_kubelet_that_asks_for_its_certificate_and_has_every_key_set() {
    golden("kubernetes-tls", &format!("{KUBERNETES}{REGISTRY}"), kubelet(36));
}

#[test]
fn an_old_kubelet_is_told_only_what_it_knows() {
    golden("kubernetes-tls-1.20", &format!("{KUBERNETES}{REGISTRY}"), kubelet(20));
}

#[test]
fn an_ecs_host_that_nobody_told_anything() {
    golden("ecs-nothing", "", ECS_HOST);
}

#[test]
fn an_ecs_host_with_every_key_set() {
    golden("ecs", &format!("{ECS}{REGISTRY}"), ECS_HOST);
}
