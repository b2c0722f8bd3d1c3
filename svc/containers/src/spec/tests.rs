//! Runtime specs against golden files.

use super::*;

fn image() -> Config {
    Config {
        diff_ids: vec!["sha256:a".into()],
        env: vec!["PATH=/opt/bin".into(), "LANG=C".into(), "odd".into()],
        entrypoint: vec!["/entry".into()],
        cmd: vec!["serve".into(), "--all".into()],
        user: String::new(),
        working_dir: "/srv".into(),
        stop_signal: None,
    }
}

fn container(json: &str) -> Container {
    serde_json::from_str(json).unwrap()
}

fn place<'a>(image: &'a Config, netns: Option<&'a Path>, files: &'a [(PathBuf, &'static str)]) -> Place<'a> {
    Place {
        name: "web",
        cgroup: "/containers",
        image,
        user: User { uid: 1000, gid: 100, additional_gids: vec![4] },
        netns,
        files,
        volumes: Path::new("/volumes"),
        open_files: 1_048_576,
    }
}

/// Compares with the file beside the tests; `BLESS=1` rewrites it, and the difference is for review.
fn golden(name: &str, spec: &Spec) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = serde_json::to_string_pretty(spec).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default(), "{name} differs");
}

#[test]
fn a_container_with_every_setting_is_written_as_reviewed() {
    let container = container(
        r#"{"image": "registry.example/web:1", "command": ["/bin/httpd", "-f"], "env": {"LANG": "de", "A": "b=c"},
            "mounts": [{"source": {"volume": "site"}, "destination": "/www", "read-only": true},
                       {"source": {"path": "/var/data"}, "destination": "/data"}],
            "read-only": true, "resources": {"memory-bytes": 268435456, "cpu-millis": 500, "pids": 100}}"#,
    );
    let (image, files) = (image(), [("/run/web/hosts".into(), "/etc/hosts")]);
    golden(
        "full.json",
        &build(&container, &place(&image, Some(Path::new("/run/netns/web")), &files)).unwrap(),
    );
}

#[test]
fn a_container_on_the_hosts_network_is_written_as_reviewed() {
    let container = container(r#"{"image": "registry.example/web:1", "network": "host"}"#);
    let image = image();
    golden("host-network.json", &build(&container, &place(&image, None, &[])).unwrap());
}

#[test]
fn the_command_replaces_entrypoint_and_arguments_together() {
    let image = image();
    let args = |json| build(&container(json), &place(&image, None, &[])).map(|spec| spec.process.args);
    assert_eq!(args(r#"{"image": "a/b"}"#).unwrap(), ["/entry", "serve", "--all"]);
    assert_eq!(args(r#"{"image": "a/b", "command": ["x"]}"#).unwrap(), ["x"]);
    assert_eq!(args(r#"{"image": "a/b", "command": []}"#), Err(Error::NoCommand));
    let bare = Config { entrypoint: vec![], cmd: vec![], ..image.clone() };
    assert_eq!(build(&container(r#"{"image": "a/b"}"#), &place(&bare, None, &[])), Err(Error::NoCommand));
}

#[test]
fn limits_are_in_the_kernels_units_and_never_zero() {
    let limits = |json: &str| resources(&container(json));
    let small = limits(r#"{"image": "a/b", "resources": {"cpu-millis": 1}}"#).cpu.unwrap();
    assert_eq!((small.quota, small.period, small.shares), (1000, 100_000, 2));
    let two = limits(r#"{"image": "a/b", "resources": {"cpu-millis": 2000}}"#).cpu.unwrap();
    assert_eq!((two.quota, two.shares), (200_000, 2048));
    let none = limits(r#"{"image": "a/b"}"#);
    assert!(none.memory.is_none() && none.cpu.is_none() && none.pids.is_none());
}

#[test]
fn no_field_is_written_empty() {
    let image = image();
    let spec =
        build(&container(r#"{"image": "a/b", "network": "host"}"#), &place(&image, None, &[])).unwrap();
    let text = serde_json::to_string(&spec).unwrap();
    assert!(!text.contains("null") && !text.contains("selinuxLabel") && !text.contains("\"\""), "{text}");
}
