//! What each group refuses beyond the rules of its scalars, and what is left of it then.
#![allow(clippy::unwrap_used)]

use settings::model::{BootstrapMode, Directive};
use settings::scalar::{Capability, ResourceKind, ResourceLimit, Scalar};
use settings::{LIMITS, Layer, Loaded, Settings, load};

fn read(text: &str) -> (Settings, Vec<String>) {
    let Loaded { settings, problems, .. } = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS);
    (settings, problems.iter().map(ToString::to_string).collect())
}

/// The settings of a document that has exactly these problems.
fn with(text: &str, want: &[&str]) -> Settings {
    let (settings, problems) = read(text);
    assert_eq!(problems, want, "{text}");
    settings
}

#[test]
fn updates() {
    for (text, want) in [
        ("seed = 2048", "seed: not a whole number from 0 to 2047"),
        ("seed = -1", "seed: not a whole number from 0 to 2047"),
        ("seed = '1'", "seed: wanted a whole number from 0 to 2047, found text"),
        ("version-lock = 'newest'", "version-lock: neither latest nor a version like 1.2.3 or v1.2.3"),
        (
            "metadata-base-url = 'updates.example'",
            "metadata-base-url: not a URL that starts with http:// or https://",
        ),
        ("ignore-wave = true", "ignore-wave: unknown key; did you mean ignore-waves?"),
    ] {
        with(&format!("[settings.updates]\n{text}\n"), &[&format!("settings.updates.{want}")]);
    }
    assert_eq!(with("settings.updates.seed = 0", &[]).updates.seed.unwrap().get(), 0);
}

#[test]
fn a_host_container_without_an_image_is_not_enabled() {
    let missing =
        "settings.host-containers.admin.source: missing, and required of a container that is enabled";
    let settings =
        with("[settings.host-containers.admin]\nenabled = true\nsuperpowered = true\n", &[missing]);
    let admin = &settings.host_containers["admin"];
    assert_eq!((admin.enabled, admin.superpowered), (None, Some(true)));
    let bad = with(
        "[settings.host-containers.admin]\nenabled = true\nsource = 'admin'\n",
        &[
            "settings.host-containers.admin.source: image reference without a registry; write it in full: REGISTRY/REPOSITORY:TAG",
        ],
    );
    assert_eq!(bad.host_containers["admin"].enabled, None);
    with("[settings.host-containers.admin]\nenabled = false\n", &[]);
    // The image's defaults name the image; user data only turns it on.
    let image = b"[settings.host-containers.admin]\nsource = 'r.example/admin:1'\nenabled = false\n";
    let user = b"[settings.host-containers.admin]\nenabled = true\n";
    let loaded = load(&[(Layer::Image, image), (Layer::FwCfg, user)], &LIMITS);
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.settings.host_containers["admin"].enabled, Some(true));
}

#[test]
fn what_runs_at_boot_runs_whole_or_not_at_all() {
    let settings = with(
        "[settings.bootstrap-containers.a]\nmode = 'always'\n\
         [settings.bootstrap-containers.b]\nsource = 'r.example/b'\nmode = 'allways'\n\
         [settings.bootstrap-containers.c]\nsource = 'r.example/c'\nmode = 'once'\nuser-data = 'x'\n\
         [settings.bootstrap-containers.d]\nsource = 'r.example/d'\nmode = 'once'\n\
         [settings.bootstrap-containers.e]\nmode = 'off'\n\
         [settings.bootstrap-commands.a]\ncommands = [['apiclient', 'get'], ['sh', '-c', 'x']]\nmode = 'always'\n\
         [settings.bootstrap-commands.b]\ncommands = [[]]\n\
         [settings.bootstrap-commands.c]\ncommands = [['apiclient', 'set', 'motd=x']]\nmode = 'once'\n",
        &[
            "settings.bootstrap-containers.a.source: missing, and required of a container that runs",
            "settings.bootstrap-containers.b.mode: not one of: `off` `once` `always`",
            "settings.bootstrap-containers.c.user-data: not base64 (letters, digits, + and /, padded with = to a multiple of 4)",
            "settings.bootstrap-commands.a.commands[1]: not a command of apiclient: its first word has to be apiclient",
            "settings.bootstrap-commands.b.commands[0]: not a command of apiclient: its first word has to be apiclient",
        ],
    );
    let names = |name: &str| settings.bootstrap_containers.contains_key(name);
    assert_eq!(["a", "b", "c", "d", "e"].map(names), [false, false, false, true, true]);
    assert_eq!(settings.bootstrap_containers["d"].mode, Some(BootstrapMode::Once));
    assert_eq!(settings.bootstrap_commands.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(settings.bootstrap_commands["c"].commands[0].0[2].as_str(), "motd=x");
    with(
        "[settings.bootstrap-containers.a]\nsuperpowered = true\n",
        &[
            "settings.bootstrap-containers.a.superpowered: unknown key; known here: source, mode, user-data, essential, command",
        ],
    );
}

#[test]
fn time_servers_come_in_three_forms() {
    let settings = with(
        "settings.ntp.time-servers = ['10.0.0.1', {address = 'pool.example', directive = 'pool'}, {directive = 'pool'}, 5, 'a b', {}]",
        &[
            "settings.ntp.time-servers[2].address: missing, and required",
            "settings.ntp.time-servers[3]: wanted a host name, an IP address, or a table with an address, found an integer",
            "settings.ntp.time-servers[4]: not a host name or an IP address",
            "settings.ntp.time-servers[5].address: missing, and required",
        ],
    );
    let servers = &settings.ntp.time_servers.0;
    assert_eq!(
        servers.iter().map(|server| server.address.as_str()).collect::<Vec<_>>(),
        ["10.0.0.1", "pool.example"]
    );
    assert_eq!((servers[0].directive, servers[1].directive), (None, Some(Directive::Pool)));
    // By name they merge with those of lower layers.
    let lower = b"[settings.ntp.time-servers]\na = '10.0.0.1'\nb = { address = 'x', options = ['iburst'] }\n";
    let upper = b"[settings.ntp.time-servers]\nb = { address = 'y' }\nc = 'z'\n";
    let loaded = load(&[(Layer::Image, lower), (Layer::FwCfg, upper)], &LIMITS);
    assert_eq!(loaded.problems, []);
    let named: Vec<_> =
        loaded.settings.ntp.time_servers.0.iter().map(|server| server.address.as_str()).collect();
    assert_eq!(named, ["10.0.0.1", "y", "z"]);
    with(
        "settings.ntp.time-servers = 'x'",
        &["settings.ntp.time-servers: wanted a list of time servers, or a table of them, found text"],
    );
}

#[test]
fn kernel() {
    let settings = with(
        "[settings.kernel]\nlockdown = 'full'\n[settings.kernel.modules]\na = { autoload = true }\n\
         b = { allowed = false, autoload = true }\nc = { allowed = true, autoload = true }\n'd.ko' = { allowed = false }\n\
         e = { allowed = 'no' }\n\
         [settings.kernel.hugepages.static]\nessential = 1\n'2Mi' = { count = 1 }\n'2048Ki' = { count = 2 }\n'3Mi' = {}\n'1Gi' = { count = -1 }\n",
        &[
            "settings.kernel.lockdown: not one of: `none` `integrity` `confidentiality`",
            "settings.kernel.modules.a.autoload: only a module with allowed = true can be loaded at boot",
            "settings.kernel.modules.b.autoload: only a module with allowed = true can be loaded at boot",
            "settings.kernel.modules.\"d.ko\": not a module name: 1 to 56 letters, digits, - and _",
            "settings.kernel.modules.e.allowed: wanted true or false, found text",
            "settings.kernel.hugepages.static.essential: wanted true or false, found an integer",
            "settings.kernel.hugepages.static.1Gi.count: not a whole number from 0 to 16777216",
            "settings.kernel.hugepages.static.2Mi: another key names the same size",
            "settings.kernel.hugepages.static.3Mi: not a page size: a power of two from 64Ki to 16Gi, like 2Mi or 1Gi",
        ],
    );
    assert_eq!(settings.kernel.modules.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(settings.kernel.hugepages.statically.pages.len(), 1);
}

#[test]
fn what_the_runtime_is_told() {
    let settings = with(
        "[settings.oci-defaults.capabilities]\nchown = false\nCAP_KILL = true\n\
         [settings.oci-defaults.resource-limits]\nmax-open-files = { hard = 1, soft = 2 }\nmax-processes = { hard = 1 }\n\
         max-cpu-time = { hard = 'unlimited', soft = 9 }\nmax-stack-size = { hard = 5, soft = -1 }\nnofile = {}\n\
         [settings.container-runtime]\nmax-concurrent-unpacks = 0\nmax-container-log-line-size = -2\nsnapshotter = 'zfs'\n",
        &[
            "settings.container-runtime.max-container-log-line-size: not a whole number from -1 to 2147483647",
            "settings.container-runtime.max-concurrent-unpacks: not a whole number from 1 to 2147483647",
            "settings.container-runtime.snapshotter: not one of: `overlayfs` `soci`",
            &format!("settings.oci-defaults.capabilities.CAP_KILL: {}", Capability::parse("").unwrap_err()),
            "settings.oci-defaults.resource-limits.max-open-files.soft: above hard",
            "settings.oci-defaults.resource-limits.max-processes.soft: missing, and required",
            "settings.oci-defaults.resource-limits.max-stack-size.soft: above hard",
            &format!(
                "settings.oci-defaults.resource-limits.nofile: {}",
                ResourceKind::parse("").unwrap_err()
            ),
        ],
    );
    assert!(!settings.oci_defaults.capabilities[&Capability::Chown]);
    let cpu = &settings.oci_defaults.resource_limits[&ResourceKind::CpuTime];
    assert_eq!((cpu.hard, cpu.soft), (Some(ResourceLimit::Unlimited), Some(ResourceLimit::AtMost(9))));
    assert_eq!(settings.oci_defaults.resource_limits.len(), 1);
}

#[test]
fn a_certificate_without_its_key_is_neither() {
    let pem = |text: &str| -> String {
        let everything = include_str!("data/everything.toml");
        let line = everything.lines().find_map(|line| line.strip_prefix(&format!("{text} = "))).unwrap();
        line.trim_matches('"').to_string()
    };
    let (certificate, key) = (pem("certificate"), pem("key"));
    let one = with(
        &format!("[settings.api]\ncertificate = '{certificate}'\n"),
        &["settings.api.key: missing: certificate and key go together"],
    );
    assert_eq!(one.api.certificate, None);
    let other = with(
        &format!("[settings.api]\nkey = '{key}'\nport = 0\n"),
        &[
            "settings.api.port: not a whole number from 1 to 65535",
            "settings.api.certificate: missing: certificate and key go together",
        ],
    );
    assert_eq!((other.api.key.is_none(), other.api.port()), (true, 7443));
    let both =
        with(&format!("[settings.api]\ncertificate = '{certificate}'\nkey = '{key}'\nport = 65535\n"), &[]);
    assert!(both.api.key.is_some() && both.api.port() == 65535 && both.api.certificate_days() == 90);
    let swapped = format!("[settings.api]\ncertificate = '{key}'\nkey = '{certificate}'\n");
    with(
        &swapped,
        &[
            "settings.api.certificate: holds a PEM block of another kind than is wanted here",
            "settings.api.key: holds a PEM block of another kind than is wanted here",
        ],
    );
    with(
        "settings.api.certificate-days = 398",
        &["settings.api.certificate-days: not a whole number from 1 to 397"],
    );
}

#[test]
fn clouds_and_bundles() {
    with(
        "[settings.aws]\nregion = 'us west'\ncredentials = 'x y'\n[settings.metrics]\nservice-checks = ['a/b', 'ok']\n\
         [settings.pki.'my ca']\n[settings.pki.empty]\ndata = ''\ntrusted = true\n[settings.network]\nhttps-proxy = 'socks5://x'\nno-proxy = ['a', 'b c']\n\
         [settings.boot.kernel-parameters]\n'a b' = []\nc = [\"a\\\"'\"]\nd = ['x']\n",
        &[
            "settings.network.https-proxy: not a URL that starts with http:// or https://",
            "settings.network.no-proxy[1]: not a host, .domain, address or network ADDRESS/BITS, up to 253 bytes",
            "settings.boot.kernel-parameters.\"a b\": not a parameter's name: words of letters, digits, - and _ between dots, up to 256 bytes",
            "settings.boot.kernel-parameters.c[0]: holds both kinds of quotes: the boot configuration cannot say that",
            "settings.aws.region: not a region: 1 to 63 letters, digits and -, no - at either end",
            "settings.aws.credentials: not base64 (letters, digits, + and /, padded with = to a multiple of 4)",
            "settings.metrics.service-checks[0]: not the name of a service: 1 to 128 letters, digits, - _ . and @, a letter or digit first",
            "settings.pki.\"my ca\": not a name: 1 to 255 ASCII letters, digits and -",
        ],
    );
}

#[test]
fn tens_of_thousands_of_entries_cost_no_more_than_their_number() {
    let many = |entry: &dyn Fn(usize) -> String| (0..20_000).map(entry).collect::<Vec<_>>().join(",");
    for text in [
        format!(
            "settings.containers.a = {{ image = 'a', ports = [{}] }}",
            many(&|n| format!("'{}:1'", 1 + n % 60_000))
        ),
        format!(
            "settings.container-registry.mirrors = [{}]",
            (0..12_000)
                .map(|n| format!("{{registry='r{n}',endpoint=['http://a']}}"))
                .collect::<Vec<_>>()
                .join(",")
        ),
        format!(
            "settings.host-containers = {{ {} }}",
            (0..15_000).map(|n| format!("h{n} = {{ enabled = true }}")).collect::<Vec<_>>().join(",")
        ),
        format!("settings.kubernetes = {{ {} }}", many(&|n| format!("unknown{n} = 1"))),
        format!("settings.ntp.time-servers = [{}]", many(&|n| format!("'h{n}'"))),
    ] {
        let start = std::time::Instant::now();
        let (_, problems) = read(&text);
        println!("{:>10.1?} problems={} {}", start.elapsed(), problems.len(), &text[..40]);
        assert!(problems.len() < 20_010 && problems.iter().map(String::len).max().unwrap_or(0) < 4096);
    }
}
