//! `settings.kubernetes` and `settings.ecs`: documents, and what comes of them.
#![allow(clippy::unwrap_used)]

use settings::model::{CloudProvider, Kubernetes};
use settings::read::{Reader, Setting};
use settings::tree::{Item, Node};
use settings::value::{Secrets, Value};
use settings::{LIMITS, Layer, Loaded, Settings, load};

const KUBERNETES: &str = include_str!("data/kubernetes.toml");
const ECS: &str = include_str!("data/ecs.toml");

/// The settings of one document, and its problems as `path: why`.
fn read(text: &str) -> (Settings, Vec<String>) {
    let Loaded { settings, problems, .. } = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS);
    (settings, problems.iter().map(ToString::to_string).collect())
}

fn kubernetes(text: &str) -> (Kubernetes, Vec<String>) {
    let (settings, problems) = read(&format!("[settings.kubernetes]\n{text}"));
    (settings.kubernetes, problems)
}

/// The keys of a group, from its shape.
fn keys<T: Setting>() -> Vec<&'static str> {
    match T::shape() {
        settings::shape::Shape::Group(fields) => fields.iter().map(|field| field.key).collect(),
        other => panic!("not a group: {other:?}"),
    }
}

fn table(value: &Value) -> Vec<&str> {
    match value {
        Value::Table(table) => table.keys().map(String::as_str).collect(),
        other => panic!("not a table: {other:?}"),
    }
}

#[test]
fn the_documents_of_all_keys_have_all_keys_and_no_problem() {
    let (settings, problems) = read(&format!("{KUBERNETES}{ECS}"));
    assert_eq!(problems, Vec::<String>::new());
    for (written, known) in [
        (settings.kubernetes.write().unwrap(), keys::<Kubernetes>()),
        (settings.ecs.write().unwrap(), keys::<settings::model::Ecs>()),
    ] {
        let mut known = known;
        known.sort_unstable();
        assert_eq!(table(&written), known);
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let (settings, _) = read(&format!("{KUBERNETES}{ECS}"));
    let json = settings.write().to_json(Secrets::Shown).to_string();
    let tree = settings::from_json(json.as_bytes(), Layer::Api, settings::Rooted::AtTop, &LIMITS).unwrap();
    let (again, problems) = settings::validate(&tree);
    assert_eq!(problems, []);
    assert!(again == settings);
}

#[test]
fn one_value_stays_one_and_a_list_a_list() {
    let (k, problems) = kubernetes(
        "cluster-dns-ip = '10.0.0.10'\nnode-taints = { a = 'x:NoSchedule', b = [':NoExecute'] }\n",
    );
    assert_eq!(problems, Vec::<String>::new());
    let json = k.write().unwrap().to_json(Secrets::Marked).to_string();
    assert_eq!(
        json,
        r#"{"cluster-dns-ip":"10.0.0.10","node-taints":{"a":"x:NoSchedule","b":[":NoExecute"]}}"#
    );
}

#[test]
fn secrets_do_not_show() {
    let (settings, _) = read(KUBERNETES);
    let shown = format!("{} {settings:?}", settings.write().to_json(Secrets::Marked));
    for secret in ["0123456789abcdef\"", "LS0tLS1CRUdJTiBQUklWQVRF", "YXBpVmVyc2lvbjogdjEK"] {
        assert!(KUBERNETES.contains(secret) && !shown.contains(secret), "{secret}");
    }
}

#[test]
fn the_keys_that_are_secret_are_these() {
    let secret = settings::schema::keys().into_iter().filter(|known| known.secret).map(|known| known.key);
    let ours: Vec<String> = secret
        .filter(|key| key.starts_with("settings.kubernetes.") || key.starts_with("settings.ecs."))
        .map(|key| key.replace("settings.kubernetes.", ""))
        .collect();
    assert_eq!(ours, ["bootstrap-token", "server-key", "static-pods.NAME.manifest"]);
}

#[test]
fn percentages_and_factors_may_be_text_or_numbers() {
    let (k, problems) = kubernetes(
        "image-gc-high-threshold-percent = '90'\nimage-gc-low-threshold-percent = 10\nmemory-throttling-factor = '0.5'\n",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(k.image_gc_high_threshold_percent.unwrap().0, 90);
    assert_eq!(k.memory_throttling_factor.as_ref().unwrap().get(), 0.5);
}

#[test]
fn bottlerockets_empty_cloud_provider_is_understood() {
    for text in ["''", "'\"\"'"] {
        let (k, problems) = kubernetes(&format!("cloud-provider = {text}\n"));
        assert_eq!((k.cloud_provider, problems), (Some(CloudProvider::Nobody), vec![]));
    }
}

#[test]
fn bad_values_are_named_and_their_neighbours_stay() {
    let (k, problems) = kubernetes(
        "cluster-name = '-x'\nbootstrap-token = 'hunter2'\nmax-pods = -1\nids-per-pod = 65537\nlog-level = 256\npod-pids-limit = -2\n\
         container-log-max-files = 1\ncontainer-log-monitor-interval = '2s'\nshutdown-grace-period = '10ms'\nreserved-cpus = '3-1'\n\
         eviction-hard = { 'memory.available' = '10%', 'storage' = '1Gi', 'pid.available' = '100%' }\n\
         node-labels = { a = 'b', 'node-role.kubernetes.io/worker' = '', 'c' = '-' }\n\
         node-taints = { a = ['x:NoExecute', 'y:NoExecute', ':NoSchedule'], b = 'x' }\n\
         memory-manager-reserved-memory = { 00 = {}, 1 = { memory = 'x' } }\n\
         api-server = 'https://ok.example'\n",
    );
    let paths: Vec<_> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "settings.kubernetes.cluster-name",
            "settings.kubernetes.bootstrap-token",
            "settings.kubernetes.node-labels.c",
            "settings.kubernetes.node-labels.\"node-role.kubernetes.io/worker\"",
            "settings.kubernetes.node-taints.a",
            "settings.kubernetes.node-taints.b",
            "settings.kubernetes.max-pods",
            "settings.kubernetes.eviction-hard.\"pid.available\"",
            "settings.kubernetes.eviction-hard.storage",
            "settings.kubernetes.reserved-cpus",
            "settings.kubernetes.memory-manager-reserved-memory.00",
            "settings.kubernetes.memory-manager-reserved-memory.1.memory",
            "settings.kubernetes.container-log-max-files",
            "settings.kubernetes.container-log-monitor-interval",
            "settings.kubernetes.pod-pids-limit",
            "settings.kubernetes.ids-per-pod",
            "settings.kubernetes.shutdown-grace-period",
            "settings.kubernetes.log-level",
        ]
    );
    assert!(!problems.concat().contains("hunter2"));
    assert_eq!((k.api_server.is_some(), k.node_labels.len(), k.eviction_hard.len()), (true, 1, 1));
    assert_eq!(k.node_taints.values().next().unwrap().as_slice().len(), 2);
}

#[test]
fn what_contradicts_is_named_and_left_out() {
    let cases: &[(&str, &[&str])] = &[
        ("image-gc-high-threshold-percent = 80\n", &["image-gc-high-threshold-percent"]),
        (
            "image-gc-high-threshold-percent = 50\nimage-gc-low-threshold-percent = 60\n",
            &["image-gc-low-threshold-percent", "image-gc-high-threshold-percent"],
        ),
        ("image-gc-low-threshold-percent = 84\n", &[]),
        ("image-maximum-gc-age = '2m'\n", &["image-maximum-gc-age"]),
        ("image-maximum-gc-age = '0s'\n", &[]),
        // No minimum is the kubelet's default of 2m.
        ("image-maximum-gc-age = '1m'\nimage-minimum-gc-age = '0s'\n", &["image-maximum-gc-age"]),
        ("image-maximum-gc-age = '3m'\nimage-minimum-gc-age = '1m'\n", &[]),
        (
            "shutdown-grace-period = '10s'\nshutdown-grace-period-for-critical-pods = '11s'\n",
            &["shutdown-grace-period", "shutdown-grace-period-for-critical-pods"],
        ),
        ("shutdown-grace-period = '10s'\nshutdown-grace-period-for-critical-pods = '10s'\n", &[]),
        ("eviction-soft = { 'memory.available' = '1Gi' }\n", &["eviction-soft"]),
        (
            "eviction-soft = { 'memory.available' = '1Gi' }\neviction-soft-grace-period = { 'memory.available' = '1m' }\n",
            &[],
        ),
        ("cpu-manager-policy-options = ['full-pcpus-only']\n", &["cpu-manager-policy-options"]),
        ("cpu-manager-policy = 'static'\nkube-reserved.cpu = '0'\n", &["cpu-manager-policy"]),
        ("cpu-manager-policy = 'static'\nkube-reserved.cpu = '0'\nsystem-reserved.cpu = '10m'\n", &[]),
        ("cpu-manager-policy = 'static'\nkube-reserved.cpu = '0'\nreserved-cpus = '0'\n", &[]),
        ("cpu-manager-policy-options = ['full-pcpus-only']\ncpu-manager-policy = 'Static'\n", &[]),
        ("memory-manager-policy = 'Static'\n", &["memory-manager-policy"]),
        // 255 + 11 x 110 MiB for the kubelet, and 100 MiB for the threshold.
        (
            "memory-manager-policy = 'Static'\nmemory-manager-reserved-memory = { 0 = { enabled = true, memory = '1565Mi' } }\n",
            &[],
        ),
        (
            "memory-manager-policy = 'Static'\nmemory-manager-reserved-memory = { 0 = { enabled = true, memory = '1564Mi' } }\n",
            &["memory-manager-policy"],
        ),
        (
            "memory-manager-policy = 'Static'\nmemory-manager-reserved-memory = { 0 = { memory = '1565Mi' } }\n",
            &["memory-manager-policy"],
        ),
        // How much a percentage is, only the machine knows.
        (
            "memory-manager-policy = 'Static'\nmemory-manager-reserved-memory = { 0 = { enabled = true, memory = '1Mi' } }\n\
             eviction-hard = { 'memory.available' = '5%' }\n",
            &[],
        ),
    ];
    for (text, want) in cases {
        let (k, problems) = kubernetes(text);
        let named: Vec<_> = problems
            .iter()
            .map(|problem| problem.strip_prefix("settings.kubernetes.").unwrap().split(": ").next().unwrap())
            .collect();
        assert_eq!(named, *want, "{text}");
        let left = k.write().unwrap();
        for key in *want {
            assert!(!table(&left).contains(key), "{text}");
        }
        // What is left does not contradict itself.
        let json = left.to_json(Secrets::Shown).to_string();
        let again = settings::from_json(
            format!("{{\"kubernetes\":{json}}}").as_bytes(),
            Layer::Api,
            settings::Rooted::AtSettings,
            &LIMITS,
        );
        assert_eq!(settings::validate(&again.unwrap()).1, [], "{text}");
    }
}

#[test]
fn a_server_certificate_needs_its_key_and_the_other_way_round() {
    let line = |key: &str| {
        let line = KUBERNETES.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        format!("{line}\n")
    };
    for (key, other) in [("server-certificate", "server-key"), ("server-key", "server-certificate")] {
        let (k, problems) = kubernetes(&line(key));
        assert_eq!(problems, [format!("settings.kubernetes.{key}: without {other}, and needs it")]);
        assert!(k.server_certificate.is_none() && k.server_key.is_none());
    }
}

#[test]
fn a_pod_or_provider_with_a_problem_in_it_is_left_out() {
    let (k, problems) = kubernetes(
        "static-pods = { a = { enabled = true }, b = { manifest = '!' }, c = { enabled = true, manifest = 'Zm9v' }, d = {} }\n\
         credential-providers = { e = { enabled = true }, f = { enabled = true, image-patterns = [] },\
         g = { enabled = true, image-patterns = ['a.example', 'https://b'] }, h = { enabled = true, image-patterns = ['a.example'] } }\n",
    );
    let paths: Vec<_> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "settings.kubernetes.static-pods.a.manifest",
            "settings.kubernetes.static-pods.b.manifest",
            "settings.kubernetes.credential-providers.e.image-patterns",
            "settings.kubernetes.credential-providers.f.image-patterns",
            "settings.kubernetes.credential-providers.g.image-patterns[1]",
        ]
    );
    let names = |keys: Vec<&str>| keys.join(" ");
    assert_eq!(names(k.static_pods.keys().map(|name| name.as_str()).collect()), "c d");
    assert_eq!(names(k.credential_providers.keys().map(|name| name.as_str()).collect()), "h");
}

#[test]
fn ecs_takes_what_bottlerocket_takes_and_names_the_rest() {
    let (settings, problems) = read(
        "[settings.ecs]\ncluster = 'a b'\ninstance-attributes = { 'a' = 'b', 'c d' = 'e', 'f' = ' g' }\nloglevel = 'verbose'\n\
         image-pull-behavior = 'never'\nreserved-memory = 65536\nmetadata-service-rps = 0\ncontainer-stop-timeout = '100'\n\
         logging-drivers = ['json-file', '']\nenable-spot-instance-draining = 'true'\ntask-cleanup-wait = '1s1\u{b5}s1ns'\n",
    );
    let paths: Vec<_> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "settings.ecs.cluster",
            "settings.ecs.instance-attributes.\"c d\"",
            "settings.ecs.instance-attributes.f",
            "settings.ecs.logging-drivers[1]",
            "settings.ecs.loglevel",
            "settings.ecs.enable-spot-instance-draining",
            "settings.ecs.image-pull-behavior",
            "settings.ecs.container-stop-timeout",
            "settings.ecs.metadata-service-rps",
            "settings.ecs.reserved-memory",
        ]
    );
    assert_eq!(settings.ecs.instance_attributes.len(), 1);
    assert!(settings.ecs.task_cleanup_wait.is_some());
}

#[test]
fn a_group_that_is_no_table_is_named() {
    let mut at = Reader::default();
    assert!(Kubernetes::read(&Node::new(Layer::Api, Item::Boolean(true)), &mut at).is_none());
    assert_eq!(at.into_problems().len(), 1);
}
