//! What each generator says, on a host in a folder.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use settings::LIMITS;
use settings::tree::Tree;
use settings::written::as_written;

use crate::sources::LEASE_NAME;
use crate::sources::metadata::tests::{PATIENCE, Service};
use crate::under;

use super::*;

const UUID: &str = "4c4c4544-0042-3510-8057-b7c04f4a5931";

struct Machine(PathBuf);

impl Machine {
    fn new(name: &str) -> Machine {
        let root = std::env::temp_dir().join(format!("generators-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        Machine(root)
    }

    fn put(&self, path: &str, text: &str) {
        let path = under(&self.0, path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn is_ec2(&self) -> &Self {
        self.put("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
        self
    }

    fn is_kubernetes(&self) -> &Self {
        self.put("/usr/lib/os-release", "VARIANT_ID=kubernetes-1.33\n");
        self
    }

    /// What is generated where `before` was generated already and `told` is what user data says.
    fn generate(
        &self,
        run: Run,
        before: &str,
        told: &str,
        at: &[SocketAddr],
    ) -> (Vec<(String, String)>, Vec<Problem>) {
        let tree = |text: &str, layer| -> Tree { as_written(text.as_bytes(), layer, &LIMITS).0 };
        let mut layers = Layers::default();
        layers.set(Layer::Generated, tree(before, Layer::Generated));
        layers.set(Layer::State, tree(told, Layer::State));
        let (settings, _) = validate(&layers.merged());
        let context = Context { root: &self.0, run, settings: &settings, layers: &layers };
        let world = World {
            metadata: at.to_vec(),
            patience: PATIENCE,
            address: || Some(IpAddr::from([192, 0, 2, 7])),
            ..World::default()
        };
        let (generated, problems) = generate_in(&context, &world);
        let said = |Generated { key, value }| {
            let text = match value {
                Some(Value::Text(text)) => text,
                Some(Value::Integer(number)) => number.to_string(),
                Some(other) => panic!("{other:?}"),
                None => "-".into(),
            };
            (key.to_string().replace("settings.", ""), text)
        };
        (generated.into_iter().map(said).collect(), problems)
    }

    /// The same, without the seed and with nothing wrong.
    fn says(&self, run: Run, before: &str, told: &str, service: Option<&Service>) -> Vec<(String, String)> {
        let at: Vec<_> = service.map(|service| service.at).into_iter().collect();
        let (mut said, problems) = self.generate(run, before, told, &at);
        assert_eq!(problems, []);
        said.retain(|(key, _)| key != "updates.seed");
        said
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn ec2() -> Service {
    Service::with(&[
        ("/latest/meta-data/local-hostname", "IP-10-0-0-1.eu-west-1.compute.internal second.example"),
        ("/latest/meta-data/placement/region", "eu-west-1"),
        ("/latest/meta-data/placement/availability-zone", "eu-west-1a"),
        ("/latest/meta-data/instance-id", "i-0123456789abcdef0"),
        ("/latest/meta-data/local-ipv4", "10.0.0.1"),
    ])
}

#[test]
fn the_seed_is_made_once_and_covers_its_range() {
    let machine = Machine::new("seed");
    let seed = |before: &str| machine.generate(Run::Boot, before, "", &[]).0;
    let mut seeds: Vec<u16> = (0..400).map(|_| seed("")[0].1.parse().unwrap()).collect();
    assert!(seeds.iter().all(|seed| *seed < 2048));
    seeds.sort_unstable();
    seeds.dedup();
    assert!(
        seeds.len() > 200 && seeds[0] < 1024 && seeds[seeds.len() - 1] >= 1024,
        "random: {}",
        seeds.len()
    );
    assert_eq!(seed("settings.updates.seed = 5"), []);
    assert_eq!(machine.generate(Run::Cloud, "", "", &[]).0, []);
    assert_eq!(
        machine.generate(Run::Boot, "", "settings.updates.seed = 1", &[]).0.len(),
        1,
        "kept for when that goes"
    );
}

#[test]
fn the_host_is_named_by_the_best_that_is_known() {
    let machine = Machine::new("name");
    let says = |run: Run, before: &str| machine.says(run, before, "", None);
    assert_eq!(says(Run::Boot, ""), [], "a machine without identity stays unnamed");
    machine.put("/sys/class/dmi/id/product_uuid", UUID);
    let own = says(Run::Boot, "");
    assert!(
        own[0].0 == "network.hostname" && own[0].1.starts_with("gantry-") && own[0].1.len() == 15,
        "{own:?}"
    );
    let written = |name: &str| format!("settings.network.hostname = '{name}'");
    assert_eq!(says(Run::Boot, &written(&own[0].1)), own, "the same at every boot");
    assert_eq!(
        says(Run::Boot, &written("gantry-00000000")),
        own,
        "another machine's, of a copied disk, goes"
    );
    assert_eq!(says(Run::Boot, &written("given")), [], "a better one stays");

    assert_eq!(says(Run::Cloud, ""), []);
    machine.put(LEASE_NAME, "Node-7.example\n");
    assert_eq!(says(Run::Cloud, &written(&own[0].1)), pairs(&[("network.hostname", "node-7.example")]));
    for bad in ["", "-", "a b", "a\u{1b}"] {
        machine.put(LEASE_NAME, bad);
        assert_eq!(says(Run::Cloud, ""), [], "{bad:?}");
    }
}

#[test]
fn an_instance_of_ec2_knows_its_name_and_region() {
    let machine = Machine::new("ec2");
    machine.is_ec2().put(LEASE_NAME, "lease\n");
    let service = ec2();
    assert_eq!(machine.says(Run::Boot, "", "", Some(&service)), []);
    assert!(service.asked.lock().unwrap().is_empty(), "there is no network yet");
    let wanted =
        [("network.hostname", "ip-10-0-0-1.eu-west-1.compute.internal"), ("aws.region", "eu-west-1")];
    assert_eq!(machine.says(Run::Cloud, "", "", Some(&service)), pairs(&wanted));
    let tokens = service.asked.lock().unwrap().iter().filter(|line| line.starts_with("PUT")).count();
    assert_eq!(tokens, 1);
}

#[test]
fn a_node_of_ec2_knows_how_its_cluster_knows_it() {
    let machine = Machine::new("node");
    machine.is_ec2().is_kubernetes();
    let service = ec2();
    let said = |told: &str| -> Vec<_> {
        let said = machine.says(Run::Cloud, "", told, Some(&service));
        said.into_iter().filter(|(key, _)| key.starts_with("kubernetes")).collect()
    };
    let node = [
        ("kubernetes.node-ip", "10.0.0.1"),
        ("kubernetes.provider-id", "aws:///eu-west-1a/i-0123456789abcdef0"),
    ];
    assert_eq!(said(""), pairs(&node));
    for (source, name) in [
        ("instance-id", "i-0123456789abcdef0"),
        ("private-dns-name", "IP-10-0-0-1.eu-west-1.compute.internal"),
    ] {
        let told = format!("settings.kubernetes.hostname-override-source = '{source}'");
        let name = name.to_lowercase();
        let with = [&node[..], &[("kubernetes.hostname-override", &name)]].concat();
        assert_eq!(said(&told), pairs(&with));
    }
}

#[test]
fn a_node_elsewhere_knows_its_address_and_forgets_ec2() {
    let machine = Machine::new("elsewhere");
    machine.is_kubernetes();
    let before = "[settings]\naws.region = 'eu-west-1'\nkubernetes.provider-id = 'aws:///a/i'\n";
    let gone = pairs(&[("aws.region", "-"), ("kubernetes.provider-id", "-")]);
    assert_eq!(machine.says(Run::Boot, before, "", None), gone);
    assert_eq!(machine.says(Run::Cloud, "", "", None), pairs(&[("kubernetes.node-ip", "192.0.2.7")]));
}

#[test]
fn a_service_that_is_silent_or_says_nonsense_is_a_problem_for_each_setting_it_leaves_out() {
    let machine = Machine::new("nonsense");
    machine.is_ec2();
    let service = Service::with(&[
        ("/latest/meta-data/local-hostname", "not_a_name"),
        ("/latest/meta-data/placement/region", "Eu West; rm -rf"),
    ]);
    let (said, problems) = machine.generate(Run::Cloud, "", "", &[service.at]);
    assert_eq!(said, []);
    let paths: Vec<_> = problems.iter().map(|problem| (problem.layer, problem.path.as_str())).collect();
    let wanted = [(Layer::Generated, "settings.network.hostname"), (Layer::Generated, "settings.aws.region")];
    assert_eq!(paths, wanted);
    drop(service);

    let service =
        Service::start(Box::new(|_, _| Some(b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n".to_vec())));
    let (said, problems) =
        machine.generate(Run::Cloud, "settings.aws.region = 'eu-west-1'", "", &[service.at]);
    assert_eq!((said, problems.len()), (vec![], 2), "what was said before holds");
    assert_eq!(service.asked.lock().unwrap().len(), 1, "asked once for all");
}
