//! What holds for the table of renderers, whatever is set.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use render::table::{all, of};
use render::{Facts, Plan, Renderer, Variant, affected, render, unread};
use settings::{KeyPath, LIMITS, Layer, Settings, Value, load, validate};

const EVERYTHING: &[&str] = &[
    include_str!("../../settings/tests/data/everything.toml"),
    include_str!("../../settings/tests/data/kubernetes.toml"),
    include_str!("../../settings/tests/data/ecs.toml"),
];

/// More values for keys whose only other value is "not set" otherwise.
const OTHERWISE: &[&str] = &[include_str!("data/otherwise.toml")];

fn settings(texts: &[&str]) -> Settings {
    let layers = Layer::ALL.into_iter().filter(|layer| layer.is_user_data());
    let sources: Vec<_> = layers.zip(texts.iter().map(|text| text.as_bytes())).collect();
    let loaded = load(&sources, &LIMITS);
    assert_eq!(loaded.problems, []);
    loaded.settings
}

fn facts() -> impl Iterator<Item = Facts> {
    Variant::ALL.iter().map(|&variant| Facts { variant, cpus: 4, memory_mib: 8192, kubernetes_minor: 33 })
}

/// What each renderer puts out, by its place in the table.
fn outputs(settings: &Settings, facts: &Facts) -> Vec<(&'static Renderer, Plan)> {
    of(facts).map(|renderer| (renderer, renderer.plan(settings, facts).unwrap())).collect()
}

/// The settings without one leaf; None if what is left makes no sense.
fn without(settings: &Value, key: &KeyPath) -> Option<Settings> {
    let rest = settings.without(std::slice::from_ref(key));
    read(&rest)
}

fn read(value: &Value) -> Option<Settings> {
    let tree = match value.at(&KeyPath::settings()) {
        Some(below) => below.to_tree(&KeyPath::settings(), Layer::Api),
        None => settings::Tree::default(),
    };
    let (settings, problems) = validate(&tree);
    problems.is_empty().then_some(settings)
}

/// Every pair of settings that differ at one key, in rising size: `everything` against itself without the key, and against itself
/// with the key as another document has it.
fn pairs() -> Vec<(KeyPath, Settings, Settings)> {
    let (one, other) = (settings(EVERYTHING), settings(OTHERWISE));
    let (written, others) = (one.write(), other.write());
    let mut pairs = Vec::new();
    for (key, _) in written.leaves() {
        pairs.extend(without(&written, &key).map(|less| (key.clone(), one.clone(), less)));
    }
    for (key, value) in others.leaves() {
        let mut layers = settings::Layers::default();
        layers.set(
            Layer::FwCfg,
            written.at(&KeyPath::settings()).unwrap().to_tree(&KeyPath::settings(), Layer::FwCfg),
        );
        layers.write(Layer::FwCfg, value.to_tree(&key, Layer::FwCfg), None);
        let (changed, problems) = validate(&layers.merged());
        if problems.is_empty() {
            pairs.push((key, one.clone(), changed));
        }
    }
    assert!(pairs.len() > 100, "{} pairs", pairs.len());
    pairs
}

#[test]
fn a_key_changes_only_what_renderers_that_say_they_read_it_put_out() {
    for (key, before, after) in pairs() {
        for facts in facts() {
            for ((renderer, one), (_, other)) in
                outputs(&before, &facts).into_iter().zip(outputs(&after, &facts))
            {
                assert!(
                    one == other || renderer.reads(&key),
                    "{} of {} changes with {key} and does not say it reads it",
                    renderer.name,
                    facts.variant
                );
            }
        }
    }
}

/// Renderers of an orchestrator's agent: what they read often shows only beside other keys, in `tests/orchestrators.rs`.
fn is_an_agents(renderer: &Renderer) -> bool {
    ["kube", "static-pods", "ecs", "docker"].iter().any(|agent| renderer.name.starts_with(agent))
}

#[test]
fn what_a_renderer_says_it_reads_it_reads() {
    let mut used: BTreeSet<(&str, &str, String)> = BTreeSet::new();
    for (key, before, after) in pairs() {
        for facts in facts() {
            for ((renderer, one), (_, other)) in
                outputs(&before, &facts).into_iter().zip(outputs(&after, &facts))
            {
                if one != other {
                    let below = key.segments()[1..].join(".");
                    let reads = renderer.reads.iter().filter(|read| {
                        below == **read || below.strip_prefix(*read).is_some_and(|rest| rest.starts_with('.'))
                    });
                    used.extend(reads.map(|read| (renderer.name, *read, facts.variant.to_string())));
                }
            }
        }
    }
    let mut idle = Vec::new();
    for facts in facts() {
        for renderer in of(&facts).filter(|renderer| !is_an_agents(renderer)) {
            for read in renderer.reads {
                if !used.contains(&(renderer.name, *read, facts.variant.to_string())) {
                    idle.push(format!("{} of {} says it reads {read}", renderer.name, facts.variant));
                }
            }
        }
    }
    assert!(idle.is_empty(), "nothing shows that:\n{}", idle.join("\n"));
}

#[test]
fn every_path_is_put_out_once_and_lies_where_files_are_ours() {
    for texts in [&[][..], EVERYTHING, OTHERWISE] {
        for facts in facts() {
            let (plan, errors) = render(&settings(texts), &facts);
            assert!(errors.is_empty(), "{errors:?}");
            let mut seen = BTreeSet::new();
            for file in &plan.files {
                assert!(seen.insert(&file.path), "{} twice", file.path);
                assert!(
                    ["/etc/", "/run/gantry/"].iter().any(|ours| file.path.starts_with(ours)),
                    "{}",
                    file.path
                );
                assert!(!file.path.contains("/../") && !file.path.ends_with('/'), "{}", file.path);
                assert_eq!(file.secret, file.mode == 0o600, "{}", file.path);
            }
            for knob in &plan.knobs {
                assert!(seen.insert(&knob.path), "{} twice", knob.path);
                assert!(KeyPath::parse(&knob.key).is_ok(), "{}", knob.key);
                assert!(
                    ["/proc/sys/", "/sys/"].iter().any(|ours| knob.path.starts_with(ours)),
                    "{}",
                    knob.path
                );
            }
        }
    }
}

#[test]
fn units_of_the_variant_that_is_built_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/units");
    for renderer in of(&Variant::Standalone.into()) {
        for unit in renderer.units {
            assert!(folder.join(format!("{unit}.toml")).exists(), "{}: no unit {unit}", renderer.name);
        }
    }
}

#[test]
fn who_is_affected_by_a_key_follows_from_the_table() {
    let table: &[(&str, Variant, &[&str])] = &[
        ("settings.motd", Variant::Standalone, &[]),
        ("settings.dns.name-servers", Variant::Standalone, &["netd"]),
        ("settings.containers.web.image", Variant::Standalone, &["containers"]),
        ("settings.container-registry.mirrors", Variant::Standalone, &["containers"]),
        ("settings.container-registry.credentials", Variant::Kubernetes, &["containerd", "containers"]),
        ("settings.container-registry", Variant::Kubernetes, &["containerd", "containers"]),
        ("settings.container-runtime.log-level", Variant::Standalone, &["containerd"]),
        ("settings.kernel.sysctl.\"vm.swappiness\"", Variant::Standalone, &[]),
        ("settings.network.hosts", Variant::Standalone, &[]),
        ("settings.network.hostname", Variant::Standalone, &["netd"]),
        ("settings.dnsx", Variant::Standalone, &[]),
        ("dns", Variant::Standalone, &[]),
    ];
    for (key, variant, units) in table {
        assert_eq!(affected(&KeyPath::parse(key).unwrap(), &(*variant).into()), *units, "{key}");
    }
    let of_all = affected(&KeyPath::settings(), &Variant::Standalone.into());
    let listed: BTreeSet<_> =
        of(&Variant::Standalone.into()).flat_map(|renderer| renderer.units).copied().collect();
    assert_eq!(of_all, listed.into_iter().collect::<Vec<_>>());
}

#[test]
fn what_has_no_effect_is_said() {
    let text = "[settings]\nmotd = 'x'\napi.port = 7444\nntp.time-servers = ['a.example']\n[settings.kubernetes]\ncluster-name = 'x'\n\
                [settings.container-runtime]\nlog-level = 'info'\nmax-concurrent-downloads = 3\n";
    let unread = |variant: Variant| -> Vec<String> {
        unread(&settings(&[text]).write(), &variant.into()).iter().map(KeyPath::to_string).collect()
    };
    assert_eq!(
        unread(Variant::Standalone),
        [
            "settings.container-runtime.max-concurrent-downloads",
            "settings.kubernetes.cluster-name",
            "settings.ntp.time-servers"
        ]
    );
    assert!(
        !unread(Variant::Kubernetes).contains(&"settings.container-runtime.max-concurrent-downloads".into())
    );
}

#[test]
fn names_of_renderers_are_unique_on_each_variant() {
    let mut seen: BTreeMap<(Variant, &str), usize> = BTreeMap::new();
    for renderer in all() {
        for &variant in renderer.variants {
            *seen.entry((variant, renderer.name)).or_default() += 1;
        }
    }
    let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
