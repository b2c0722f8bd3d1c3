//! Documents as people write them, and what comes of them.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use settings::containers::{Mount, Network, Port, Protocol, Restart, Source, User};
use settings::{LIMITS, Layer, Limits, Loaded, Settings, load};

/// The settings of one document, and its problems as `path: why`.
fn read(text: &str) -> (Settings, Vec<String>) {
    let Loaded { settings, problems, .. } = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS);
    (settings, problems.iter().map(ToString::to_string).collect())
}

fn names(settings: &Settings) -> Vec<&str> {
    settings.containers.0.keys().map(|name| name.as_str()).collect()
}

#[test]
fn every_key_is_understood() {
    let (settings, problems) = read(include_str!("data/everything.toml"));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(settings.motd.as_ref().unwrap().as_str(), "hello\n");
    assert_eq!(settings.network.hostname.as_ref().unwrap().as_str(), "edge-7.example");
    assert_eq!(settings.network.hosts[0].names.len(), 2);
    assert_eq!(
        settings.dns.name_servers,
        ["10.0.2.3".parse::<IpAddr>().unwrap(), "2001:db8::53".parse().unwrap()]
    );
    assert_eq!(settings.kernel.sysctl["vm.overcommit_memory"].as_str(), "1");
    let registry = &settings.container_registry;
    assert_eq!(
        registry.mirrors_of("registry.example"),
        ["http://10.0.2.2:5000", "https://mirror.example/v2"]
    );
    assert_eq!(registry.mirrors_of("other.example"), ["https://fallback.example"]);
    assert_eq!(
        registry.credential_of("registry.example").unwrap().password.as_ref().unwrap().expose(),
        "s3cret"
    );

    let web = &settings.containers.0["web"];
    assert_eq!(web.image.to_string(), "registry.example/web:1");
    assert_eq!(web.command, Some(vec!["/bin/httpd".into(), "-f".into()]));
    assert_eq!(web.env["KEY"], "value");
    let site = Mount { source: Source::Volume("site".into()), destination: "/www".into(), read_only: true };
    let host =
        Mount { source: Source::Path("/var/log".into()), destination: "/logs".into(), read_only: false };
    assert_eq!(web.mounts, [site, host]);
    let dns = Port { host_ip: "127.0.0.1".parse().ok(), host: 5353, container: 53, protocol: Protocol::Udp };
    assert_eq!(web.ports, [Port { host_ip: None, host: 8080, container: 80, protocol: Protocol::Tcp }, dns]);
    assert_eq!((web.network, web.restart, web.read_only), (Network::Bridge, Restart::OnFailure, true));
    assert_eq!(web.user, Some(User { uid: 1000, gid: Some(1000) }));
    assert_eq!(web.resources.memory_bytes, Some(256 << 20));
    assert_eq!((web.resources.cpu_millis, web.resources.pids), (Some(500), Some(100)));
    let plain = &settings.containers.0["plain"];
    assert_eq!((plain.network, plain.restart, plain.enabled), (Network::Host, Restart::Always, false));
}

#[test]
fn what_goes_to_the_containers_service_comes_back_the_same() {
    let (settings, _) = read(include_str!("data/everything.toml"));
    let json = serde_json::to_string(&settings.workloads()).unwrap();
    assert_eq!(serde_json::from_str::<settings::containers::Workloads>(&json).unwrap(), settings.workloads());
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let (settings, problems) = read(
        "[settings]\nmotd = 'kept'\n[settings.containers.web]\nimge = 'a'\n[settings.containers.other]\nimage = 'b'\n",
    );
    assert_eq!(
        problems,
        [
            "settings.containers.web.imge: unknown key; did you mean image?",
            "settings.containers.web.image: missing, and required",
            "settings.containers.web: container is not run, because of the problems in it",
        ]
    );
    assert_eq!((names(&settings), settings.motd.as_ref().unwrap().as_str()), (vec!["other"], "kept"));
}

#[test]
fn a_key_outside_settings_is_named() {
    assert_eq!(read("[setings]\nmotd = 'x'\n").1, ["setings: unknown key; did you mean settings?"]);
    assert_eq!(read("motd = 'x'\n").1, ["motd: unknown key; known here: settings"]);
}

#[test]
fn a_wrong_type_says_what_was_wanted_and_found() {
    let (_, problems) = read(
        "[settings]\nmotd = 5\nnetwork = 'x'\ndns.name-servers = '10.0.0.1'\n\
         containers.a = { image = 'a', read-only = 'yes', env = { A = 1 }, ports = [80], resources = [] }\n",
    );
    assert_eq!(
        problems,
        [
            "settings.motd: wanted text, found an integer",
            "settings.network: wanted a table, found text",
            "settings.dns.name-servers: wanted a list, found text",
            "settings.containers.a.env.A: wanted text, found an integer",
            "settings.containers.a.ports[0]: wanted a published port like 8080:80, 127.0.0.1:5353:53/udp, found an integer",
            "settings.containers.a.read-only: wanted true or false, found text",
            "settings.containers.a.resources: wanted a table, found a list",
            "settings.containers.a: container is not run, because of the problems in it",
        ]
    );
}

#[test]
fn a_bad_entry_is_dropped_and_its_neighbours_stay() {
    let (settings, problems) = read(
        "[settings]\ndns.name-servers = ['10.0.0.1', 'x', '10.0.0.2']\n\
         network.hosts = [['10.0.0.1', ['a']], ['10.0.0.2', []], ['10.0.0.3', ['B', 'c']], ['10.0.0.4'], 5]\n\
         kernel.sysctl = { 'vm.swappiness' = '10', '../../etc/passwd' = 'x', 'vm.dirty_ratio' = 5 }\n",
    );
    assert_eq!(settings.dns.name_servers.len(), 2);
    assert_eq!(settings.network.hosts.len(), 1);
    assert_eq!(settings.kernel.sysctl.len(), 1);
    let paths: Vec<_> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "settings.network.hosts[1][1]",
            "settings.network.hosts[2][1][0]",
            "settings.network.hosts[3]",
            "settings.network.hosts[4]",
            "settings.dns.name-servers[1]",
            "settings.kernel.sysctl.\"../../etc/passwd\"",
            "settings.kernel.sysctl.\"vm.dirty_ratio\"",
        ]
    );
}

#[test]
fn contradictions_inside_a_container_are_named() {
    let (settings, problems) = read(
        "[settings.containers.a]\nimage = 'a'\nnetwork = 'host'\nports = ['80:80']\n\
         [settings.containers.b]\nimage = 'b'\nports = ['80:80', '127.0.0.1:80:81', '80:80/udp']\n\
         [settings.containers.c]\nimage = 'c'\ncommand = []\nmounts = [{source = 'x', destination = '/a'}, {source = 'y', destination = '/a'}]\n\
         [settings.containers.d]\nimage = 'd'\nmounts = [{destination = '/a'}]\n",
    );
    assert_eq!(names(&settings), Vec::<&str>::new());
    let own: Vec<_> = problems.iter().filter(|line| !line.contains("not run")).map(String::as_str).collect();
    assert_eq!(
        own,
        [
            "settings.containers.a.ports: network = \"host\" publishes every port as it is; ports need network = \"bridge\"",
            "settings.containers.b.ports[1]: host port 80 is published twice",
            "settings.containers.c.command: empty; leave it out to run what the image says",
            "settings.containers.c.mounts[1]: an earlier mount has the same destination",
            "settings.containers.d.mounts[0].source: missing, and required",
        ]
    );
}

#[test]
fn of_two_containers_that_publish_one_port_the_first_by_name_runs() {
    let (settings, problems) = read(
        "[settings.containers.b]\nimage = 'b'\nports = ['80:1']\n[settings.containers.a]\nimage = 'a'\nports = ['10.0.0.1:80:1']\n\
         [settings.containers.c]\nimage = 'c'\nports = ['10.0.0.2:80:1', '80:1/udp']\n\
         [settings.containers.off]\nimage = 'c'\nports = ['80:1']\nenabled = false\n",
    );
    assert_eq!(names(&settings), ["a", "c", "off"]);
    assert_eq!(
        problems,
        ["settings.containers.b: container is not run: container a publishes the same host port 80"]
    );
}

#[test]
fn mirrors_and_credentials_are_whole_or_not_there() {
    let (settings, problems) = read(
        "[settings.container-registry]\n\
         mirrors = [{registry = 'a'}, {endpoint = ['http://x']}, {registry = 'b', endpoint = ['x']}, {registry = 'c', endpoint = ['http://x/']},\n\
         {registry = 'c', endpoint = ['http://y']}]\n\
         credentials = [{registry = 'a', username = 'u'}, {registry = 'b'}, {registry = 'c', auth = '!'}, {registry = 'd', identitytoken = 't'}, {registry = 'e', auth = '+/+/'}, {registry = 'f', auth = 'dQ=='}]\n",
    );
    assert_eq!(settings.container_registry.mirrors.len(), 1);
    assert_eq!(settings.container_registry.mirrors_of("c"), ["http://x"]);
    assert_eq!(settings.container_registry.credentials.len(), 1);
    let paths: Vec<_> = problems.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    let base = "settings.container-registry";
    let expected = [
        "mirrors[0]",
        "mirrors[1].registry",
        "mirrors[2].endpoint[0]",
        "mirrors[2]",
        "mirrors[4]",
        "credentials[0]",
        "credentials[1]",
        "credentials[2].auth",
        "credentials[2]",
        "credentials[4].auth",
        "credentials[5].auth",
    ];
    assert_eq!(paths, expected.map(|tail| format!("{base}.{tail}")));
}

#[test]
fn mirrors_may_be_a_table() {
    let (settings, problems) = read(
        "[settings.container-registry.mirrors]\n'docker.io' = ['https://a', 'https://b']\n'x y' = ['https://a']\nempty = []\n",
    );
    assert_eq!(settings.container_registry.mirrors_of("docker.io"), ["https://a", "https://b"]);
    assert_eq!(settings.container_registry.mirrors.len(), 1);
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn a_problem_never_repeats_a_value() {
    let secret = "hunter2";
    let text = format!(
        "[settings]\nmotd = ['{secret}']\nkernel.sysctl.x = ['{secret}']\nnetwork.hostname = '{secret}!'\n\
         container-registry.credentials = [{{registry = '{secret}/', username = 'u', password = ['{secret}'], auth = '{secret}'}}]\n\
         containers.a = {{ image = '{secret}//', env = {{ A = ['{secret}'] }}, user = '{secret}', ports = ['{secret}'] }}\n\
         containers.b = {{ image = '{secret}\n"
    );
    let Loaded { settings, problems, .. } = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS);
    assert!(!problems.is_empty());
    assert!(!format!("{problems:?}{settings:?}").contains(secret), "{problems:?}");
    let without_syntax_error = text.rsplit_once("containers.b").unwrap().0;
    let Loaded { problems, .. } = load(&[(Layer::FwCfg, without_syntax_error.as_bytes())], &LIMITS);
    assert!(problems.len() > 8 && !format!("{problems:?}").contains(secret), "{problems:?}");
    let (tree, _) = settings::written::as_written(without_syntax_error.as_bytes(), Layer::FwCfg, &LIMITS);
    assert!(!format!("{tree:?}").contains(secret));
}

#[test]
fn later_layers_win_and_bad_values_give_way_to_lower_ones() {
    let image = b"[settings]\nmotd = 'image'\nnetwork.hostname = 'image'\ndns.name-servers = ['10.0.0.1', '10.0.0.2']\n";
    let fw_cfg = b"[settings]\nmotd = 5\nnetwork = 'x'\ndns.name-servers = ['10.0.0.3']\n";
    let nocloud = b"[settings]\nmotd = []\ndns.search-list = ['example']\n";
    // Given out of order on purpose.
    let sources = [(Layer::NoCloud, &nocloud[..]), (Layer::Image, image), (Layer::FwCfg, fw_cfg)];
    let Loaded { settings, problems, .. } = load(&sources, &LIMITS);
    assert_eq!(settings.motd.unwrap().as_str(), "image");
    assert_eq!(settings.network.hostname.unwrap().as_str(), "image");
    assert_eq!(settings.dns.name_servers.len(), 1, "lists replace");
    assert_eq!(settings.dns.search_list.len(), 1, "tables merge");
    let named: Vec<_> = problems.iter().map(|problem| (problem.layer, problem.path.as_str())).collect();
    assert_eq!(
        named,
        [
            (Layer::NoCloud, "settings.motd"),
            (Layer::FwCfg, "settings.motd"),
            (Layer::FwCfg, "settings.network")
        ]
    );
}

#[test]
fn a_bad_field_from_a_later_layer_stops_the_container() {
    let image = b"[settings.containers.a]\nimage = 'a'\nresources.memory = '64Mi'\n[settings.containers.b]\nimage = 'b'\n";
    let user = b"[settings.containers.a]\nresources.memory = 'lots'\n[settings.containers]\nb = false\n";
    let Loaded { settings, problems, .. } = load(&[(Layer::Image, image), (Layer::FwCfg, user)], &LIMITS);
    assert_eq!(names(&settings), Vec::<&str>::new());
    assert!(problems.iter().all(|problem| problem.layer == Layer::FwCfg), "{problems:?}");
}

#[test]
fn a_syntax_error_voids_its_table_and_no_other() {
    let text = "[settings]\nmotd = 'kept'\n\n[settings.containers.bad]\nimage = 'x'\nports = ['80:80'\n\n\
                [settings.containers.good]\nimage = 'y'\n\n[settings.dns]\nname-servers = [10.0.0.1]\n[settings.network]\nhostname = 'h'\n";
    let (settings, problems) = read(text);
    assert_eq!(names(&settings), ["good"]);
    assert_eq!(settings.motd.unwrap().as_str(), "kept");
    assert_eq!(settings.network.hostname.unwrap().as_str(), "h");
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].starts_with("settings.containers.bad: line "), "{problems:?}");
    assert!(problems[1].starts_with("settings.dns: line 12, column "), "{problems:?}");
}

#[test]
fn a_duplicate_key_or_table_is_named() {
    let (settings, problems) =
        read("[settings]\nmotd = 'a'\nmotd = 'b'\n[settings.network]\nhostname = 'h'\n");
    assert!(
        problems.len() == 1 && problems[0].starts_with("settings: line 3, column 1: duplicate key"),
        "{problems:?}"
    );
    assert!(settings.motd.is_none() && settings.network.hostname.is_some());
    let (settings, problems) =
        read("[settings.containers.a]\nimage = 'first'\n[settings.containers.a]\nimage = 'second'\n");
    assert!(problems[0].contains("line 3") && problems[1].contains("not run"), "{problems:?}");
    assert!(settings.containers.0.is_empty(), "which of the two was meant is anybody's guess");
}

#[test]
fn an_unclosed_text_does_not_leak_keys_into_another_table() {
    let text = "[settings.containers.a]\nimage = 'a'\ncommand = [\"\"\"never closed\n[settings.containers.b]\nimage = 'b'\nread-only = true\n";
    let (settings, problems) = read(text);
    assert!(!problems.is_empty());
    if let Some(b) = settings.containers.0.get("b") {
        assert!(b.read_only, "whole or not at all");
    }
    assert!(!names(&settings).contains(&"a"));
}

#[test]
fn what_is_not_toml_is_told_apart() {
    for (text, word) in [
        ("#cloud-config\nusers: []\n", "cloud-init"),
        ("#!/bin/sh\necho\n", "script"),
        ("{\"settings\": {}}", "JSON"),
        ("this is not anything\n", "line 1, column "),
        ("\u{0}\u{1}\u{2}", "line 1, column "),
    ] {
        let (settings, problems) = read(text);
        assert!(
            problems[0].starts_with("(document): ") && problems[0].contains(word),
            "{text:?}: {problems:?}"
        );
        assert_eq!(settings, Settings::default());
    }
    let Loaded { problems, .. } = load(&[(Layer::NoCloud, b"[settings]\nmotd = '\xff'\n")], &LIMITS);
    assert_eq!(problems[0].to_string(), "(document): line 2: not UTF-8");
}

#[test]
fn a_comment_a_bom_and_windows_line_ends_are_fine() {
    let (settings, problems) = read("\u{feff}# gantry\r\n[settings]\r\nmotd = \"x\"\r\n");
    assert_eq!((settings.motd.unwrap().as_str(), problems.len()), ("x", 0));
    assert_eq!(read("").1.len(), 0);
    assert_eq!(read("# nothing\n").1.len(), 0);
}

#[test]
fn limits_hold() {
    let small = Limits { text_bytes: 100, depth: 4, nodes: 20, repair_bytes: 200 };
    let problem = |text: &str| {
        let Loaded { problems, .. } = load(&[(Layer::FwCfg, text.as_bytes())], &small);
        problems.first().map(ToString::to_string)
    };
    assert_eq!(problem(&"#".repeat(100)), None);
    assert_eq!(problem(&"#".repeat(101)).unwrap(), "(document): longer than 100 bytes");
    for deep in ["settings.a.b.c = 1", "settings.a.b.c.d = 1"] {
        assert!(problem(deep).unwrap().starts_with("settings.a: unknown key; known here: motd, "), "{deep}");
    }
    assert_eq!(
        problem("x = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]").unwrap(),
        "(document): more than 20 values and tables"
    );
    let Loaded { settings, problems, .. } =
        load(&[(Layer::FwCfg, b"[a]\n=\n[b]\n=\n[c]\n=\n[d]\n=\n[settings]\nmotd = 'x'\n")], &small);
    assert_eq!(settings.motd, None);
    assert!(problems.last().unwrap().why.contains("too much of it is not TOML"));
}

#[test]
fn what_cannot_be_kept_is_not_taken_for_never_written() {
    let deep = "[".repeat(40) + &"]".repeat(40);
    for bad in ["99999999999999999999", "nan", "-inf", &deep] {
        let text = format!(
            "[settings]\nmotd = {bad}\n[settings.containers.a]\nimage = 'a'\nresources.memory = {bad}\n"
        );
        let (settings, problems) = read(&text);
        assert_eq!(
            names(&settings),
            Vec::<&str>::new(),
            "no container runs without the limit it was to have"
        );
        assert!(problems[0].starts_with("settings.motd: wanted text, found "), "{problems:?}");
        assert!(
            problems[1].starts_with("settings.containers.a.resources.memory: wanted an amount of memory"),
            "{problems:?}"
        );
    }
}

#[test]
fn a_syntax_error_anywhere_in_a_container_stops_it() {
    let image = b"[settings.containers.a]\nimage = 'a'\n";
    for slip in [
        "[settings.containers.a.resources]\nmemory = '64Mi\n",
        "[settings.containers.a.resources\nmemory = '64Mi'\n",
        "[settings.containers.\"a\".resources] x\nmemory = '64Mi'\n",
        "[settings.containers.a]\nread-only = yes\n",
        "[[settings.containers.a.mounts]]\nsource = \n",
        "[settings.containers.a\nread-only = true\n",
    ] {
        let user =
            format!("[settings.containers.b]\nimage = 'b'\n{slip}[settings.dns]\nsearch-list = ['x']\n");
        let Loaded { settings, problems, .. } =
            load(&[(Layer::Image, image), (Layer::FwCfg, user.as_bytes())], &LIMITS);
        assert_eq!(names(&settings), ["b"], "{slip}: {problems:?}");
        assert_eq!(settings.dns.search_list.len(), 1);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].path.starts_with("settings.containers.a"), "{problems:?}");
        assert_eq!(problems[1].path, "settings.containers.a");
    }
}

#[test]
fn what_stands_inside_a_text_never_becomes_a_setting() {
    let example = "[settings.containers.evil]\nimage = 'x'\n[settings.containers.evil2]\nimage = 'x'\n";
    for text in [
        format!(
            "[settings]\nmotd = 1\nmotd = \"\"\"\n{example}\"\"\"\n[settings.dns]\nsearch-list = ['x']\n"
        ),
        format!("[settings]\nmotd = 1\nmotd = '''\n{example}'''\n[settings.dns]\nsearch-list = ['x']\n"),
        format!("[settings]\nmotd = \"\"\"\n{example}"),
    ] {
        let (settings, problems) = read(&text);
        assert_eq!(names(&settings), Vec::<&str>::new(), "{problems:?}");
        assert_eq!(settings.dns.search_list.len(), usize::from(text.contains("dns")), "{problems:?}");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}
