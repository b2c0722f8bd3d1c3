//! What holds of every document with every kubelet.

use std::collections::BTreeSet;

use render::render;

use crate::documents::{ECS, KUBERNETES, REGISTRY, SECRETS, everything, kubelet, plan, settings};

/// Variables that our files of environment may hold.
fn is_known_variable(name: &str) -> bool {
    ["HTTPS_PROXY", "NO_PROXY", "NODE_IP", "NODE_LABELS", "NODE_TAINTS", "AWS_DEFAULT_REGION"].contains(&name)
        || name.starts_with("ECS_") && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Files of ours can be read again by what they are for.
pub fn assert_parses(path: &str, bytes: &[u8]) {
    let text = str::from_utf8(bytes).unwrap();
    match path {
        path if path.ends_with(".toml") => drop(text.parse::<toml::Table>().unwrap()),
        "/etc/kubernetes/kubelet/env" | "/etc/ecs/ecs.config" => {
            let mut names = BTreeSet::new();
            for line in text.lines() {
                let (name, value) = line.split_once('=').unwrap();
                assert!(is_known_variable(name) && names.insert(name), "{line}");
                if value.starts_with(['{', '[']) {
                    serde_json::from_str::<serde_json::Value>(value).unwrap();
                }
            }
        }
        path if path.contains("/pki/") || path.contains("/static-pods/") => {}
        path if path.starts_with("/etc/kubernetes/") || path.ends_with(".json") => {
            serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|err| panic!("{path}: {err}"));
        }
        _ => {}
    }
}

#[test]
fn json_and_toml_parse_back() {
    for (settings, facts) in everything() {
        for file in plan(&settings, facts).files {
            assert_parses(&file.path, &file.bytes);
        }
    }
}

#[test]
fn only_files_for_root_alone_hold_secrets() {
    let all = settings(&format!("{KUBERNETES}{ECS}{REGISTRY}"));
    let mut found = BTreeSet::new();
    for (_, facts) in everything() {
        for file in plan(&all, facts).files {
            let text = str::from_utf8(&file.bytes).unwrap();
            for secret in SECRETS.iter().filter(|secret| text.contains(**secret)) {
                assert!(file.secret && file.mode == 0o600, "{} with {secret} is {:o}", file.path, file.mode);
                found.insert(*secret);
            }
        }
    }
    assert_eq!(found.len(), SECRETS.len(), "each is written to some file: {found:?}");
}

#[test]
fn each_path_has_one_renderer() {
    for (settings, facts) in everything() {
        let mut paths = BTreeSet::new();
        for file in render(&settings, &facts).0.files {
            assert!(paths.insert(file.path.clone()), "{} twice", file.path);
        }
    }
}

#[test]
fn gates_are_opened_only_where_a_kubelet_has_them_closed() {
    let gates = |minor: u32| {
        let plan = plan(&settings(KUBERNETES), kubelet(minor));
        let config = plan.files.iter().find(|file| file.path == "/etc/kubernetes/kubelet/config").unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config.bytes).unwrap();
        let gates =
            config.get("featureGates").and_then(|gates| gates.as_object()).cloned().unwrap_or_default();
        assert!(gates.values().all(|on| on == true));
        gates.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    for (minors, want) in [
        (20..=21, "KubeletCredentialProviders"),
        (22..=23, "KubeletCredentialProviders MemoryQoS NodeSwap SeccompDefault"),
        (24..=24, "MemoryQoS NodeSwap SeccompDefault"),
        (25..=29, "MemoryQoS NodeSwap"),
        (30..=31, "MemoryQoS"),
        (32..=32, "CPUManagerPolicyAlphaOptions MemoryQoS"),
        (33..=36, "MemoryQoS"),
        (37..=37, ""),
    ] {
        for minor in minors {
            assert_eq!(gates(minor), want, "1.{minor}");
        }
    }
}
